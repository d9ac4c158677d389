"""Deeks' test of funnel plot asymmetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .counts import AccuracyError, Counts, FloatArray, add_correction, check_counts


@dataclass(frozen=True, eq=False)
class DeeksTest:
    """Weighted regression of the log diagnostic odds ratio on 1 / sqrt(effective sample size).

    ``slope`` and ``intercept`` with ``slope_se``; ``t``, ``df`` and two-sided ``p`` test slope = 0.
    ``inverse_root_ess``, ``log_dor`` and ``ess``, each of shape (k,), are the plotted points and weights.
    """

    slope: float
    slope_se: float
    intercept: float
    t: float
    df: int
    p: float
    inverse_root_ess: FloatArray
    log_dor: FloatArray
    ess: FloatArray
    notes: tuple[str, ...]


def deeks_test(
    tp: Counts,
    fn: Counts,
    fp: Counts,
    tn: Counts,
    *,
    correction: float = 0.5,
    correction_control: str = "all",
) -> DeeksTest:
    """Test for small-study effects in accuracy studies (Deeks 2005, J Clin Epidemiol).

    Parameters
    ----------
    tp, fn, fp, tn : sequences of length k >= 3
        Patients of each study.
    correction : float
        Added to the cells before the odds ratio is taken; the sample sizes are not corrected.
    correction_control : {"all", "single", "always", "none"}
        ``all``: every cell of every study, if any cell of the set is 0; see ``add_correction``.

    Returns
    -------
    DeeksTest
        Effective sample size is 4 n1 n2 / (n1 + n2). Deeks took p < 0.10 as a sign of asymmetry.

    Raises
    ------
    AccuracyError
        Bad counts, fewer than 3 studies, or effective sample sizes which are all equal.
    """
    table = check_counts(tp, fn, fp, tn, whole=False, min_studies=3)
    corrected, notes = add_correction(table, correction, correction_control)
    log_dor = np.log(corrected[:, 0] * corrected[:, 3] / (corrected[:, 1] * corrected[:, 2]))
    cases, controls = table[:, 0] + table[:, 1], table[:, 2] + table[:, 3]
    ess = 4 * cases * controls / (cases + controls)
    x = 1 / np.sqrt(ess)
    if np.ptp(x) < 1e-9 * x.max():
        raise AccuracyError("all studies have the same effective sample size; the test needs them to differ")
    k = len(table)
    center = np.average(x, weights=ess)
    spread = float(np.sum(ess * (x - center) ** 2))
    slope = float(np.sum(ess * (x - center) * log_dor)) / spread
    mean = float(np.average(log_dor, weights=ess))
    residual = log_dor - mean - slope * (x - center)
    slope_se = float(np.sqrt(np.sum(ess * residual**2) / (k - 2) / spread))
    if k < 10:
        notes = (*notes, f"{k} studies: the test has little power with fewer than 10")
    t = slope / slope_se if slope_se > 0 else float("nan")
    return DeeksTest(
        slope=slope,
        slope_se=slope_se,
        intercept=float(mean - slope * center),
        t=t,
        df=k - 2,
        p=float(2 * stats.t.sf(abs(t), k - 2)),
        inverse_root_ess=x,
        log_dor=log_dor,
        ess=ess,
        notes=notes,
    )
