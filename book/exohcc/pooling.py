"""Pool hazard ratios, or any other ratios with confidence intervals, by random effects on the log scale.

The between-study variance comes from PyMARE; weights, Hartung-Knapp interval, heterogeneity statistics and
prediction interval are computed here from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]
Values = Sequence[float] | npt.NDArray[np.generic]

METHODS = ("REML", "ML", "DL", "HE", "FE")
# The two arms of an interval on the log scale may differ by this share of their mean plus rounding.
ASYMMETRY = 0.10


class PoolingError(ValueError):
    """The ratios or the options cannot be pooled; the message says what to do."""


class Interval(NamedTuple):
    """Lower and upper limit on the ratio scale."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class PooledRatio:
    """Result of ``pool_hazard_ratios``.

    Attributes
    ----------
    ratio : float
        Pooled ratio.
    ci : Interval
        The confidence interval to quote: Hartung-Knapp, or Wald if ``hartung_knapp=False``, the model has no
        between-study variance ("FE") or there is one study.
    ci_wald, ci_hksj : Interval
        Both intervals; ``ci_hksj`` is nan for one study.
    p : float
        Two-sided p-value of ratio = 1, belonging to ``ci``.
    log_ratio, se_log_ratio, se_hksj : float
        Natural logarithm of the ratio, its standard error and that of Hartung and Knapp.
    tau2 : float
        Between-study variance of the log ratios; nan for one study, 0 for "FE".
    q, df, q_p, i2 : float
        Cochran's Q, its degrees of freedom and p-value. ``i2``, in per cent, is tau2 / (tau2 + typical
        within-study variance) as in Higgins & Thompson 2002, Stat Med; for "DL" and "FE" (Q - df) / Q.
    prediction : Interval
        Range for the true ratio of a new study, Student quantiles with k - 2 degrees of freedom (Higgins
        2009, J R Stat Soc A), k >= 3; nan otherwise and for "FE".
    n_studies : int
    weights : ndarray, shape (k,)
        Per cent.
    log_ratios, se_log_ratios : ndarray, shape (k,)
    method : str
    level : float
    notes : tuple of str
    """

    ratio: float
    ci: Interval
    ci_wald: Interval
    ci_hksj: Interval
    p: float
    log_ratio: float
    se_log_ratio: float
    se_hksj: float
    tau2: float
    q: float
    df: int
    q_p: float
    i2: float
    prediction: Interval
    n_studies: int
    weights: FloatArray
    log_ratios: FloatArray
    se_log_ratios: FloatArray
    method: str
    level: float
    notes: tuple[str, ...]
    hartung_knapp: bool

    def leave_one_out(self) -> tuple[PooledRatio, ...]:
        """Pool again without each study in turn.

        Returns
        -------
        tuple of PooledRatio
            Entry i leaves study i out.

        Raises
        ------
        PoolingError
            One study only.
        """
        k = self.n_studies
        if k < 2:
            raise PoolingError("1 study: nothing remains when it is left out")
        results = []
        for i in range(k):
            keep = np.arange(k) != i
            one = _pool(self.log_ratios[keep], self.se_log_ratios[keep], self.method, self.level, self.hartung_knapp)
            results.append(replace(one, notes=(f"without study {i}", *one.notes)))
        return tuple(results)


def log_ratio_and_se(
    ratio: Values, ci_low: Values, ci_high: Values, *, level: float = 0.95
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Take logarithms and recover standard errors from the width of the confidence intervals.

    Parameters
    ----------
    ratio, ci_low, ci_high : sequences of length k
        Printed ratios and limits, > 0.
    level : float
        Confidence level of the printed intervals.

    Returns
    -------
    log_ratio, se : ndarray, shape (k,)
    notes : tuple of str
        One for each study whose interval is not symmetric on the log scale, beyond what rounding of the
        printed figures explains: such an interval may be misprinted or not of the Wald type.

    Raises
    ------
    PoolingError
        Unequal lengths, no study, values which are not positive and finite, or an interval without width or
        without its estimate. Studies are named by their index from 0.
    """
    if not 0 < level < 1:
        raise PoolingError(f"level={level!r}; give a level between 0 and 1, such as 0.95")
    columns = []
    for name, values in (("hr", ratio), ("ci_low", ci_low), ("ci_high", ci_high)):
        try:
            column = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise PoolingError(f"{name} holds something which is not a number; give numbers only") from error
        bad = np.flatnonzero(~(np.isfinite(column) & (column > 0)))
        if bad.size:
            raise PoolingError(
                f"study {bad[0]}: {name} = {column[bad[0]]:g}; ratios and limits must be above 0 "
                "(give the ratio, not its logarithm)"
            )
        columns.append(column)
    lengths = [column.size for column in columns]
    if len(set(lengths)) != 1 or columns[0].ndim != 1:
        raise PoolingError(f"hr, ci_low, ci_high have lengths {lengths}; give one value per study in each")
    if lengths[0] == 0:
        raise PoolingError("no study given; give at least one")
    value, low, high = columns
    wrong = np.flatnonzero(~((low <= value) & (value <= high) & (low < high)))
    if wrong.size:
        i = wrong[0]
        raise PoolingError(
            f"study {i}: {value[i]:g} is not inside its interval {low[i]:g} to {high[i]:g}; "
            "check the print and the order of the limits"
        )
    below, above = np.log(value / low), np.log(high / value)
    # A printed figure may be off by half a unit of its last digit.
    slack = _half_unit(value) / value + _half_unit(low) / low + _half_unit(high) / high
    notes = tuple(
        f"study {i}: interval {low[i]:g} to {high[i]:g} is not symmetric about {value[i]:g} on the log scale"
        for i in range(len(value))
        if abs(below[i] - above[i]) > ASYMMETRY * (below[i] + above[i]) / 2 + 2 * slack[i]
    )
    se = np.log(high / low) / (2 * stats.norm.ppf(0.5 + level / 2))
    return np.log(value), se, notes


def _half_unit(values: FloatArray) -> FloatArray:
    """Half a unit of the last digit, taking the most digits seen in the column as those printed."""
    digits = max(len(f"{value:.6f}".rstrip("0").split(".")[1]) for value in values)
    return np.full(values.shape, 0.5 * 10.0**-digits)


def pool_hazard_ratios(
    hr: Values,
    ci_low: Values,
    ci_high: Values,
    method: str = "REML",
    *,
    level: float = 0.95,
    input_level: float = 0.95,
    hartung_knapp: bool = True,
) -> PooledRatio:
    """Random-effects meta-analysis of hazard ratios (or odds ratios, risk ratios).

    Parameters
    ----------
    hr, ci_low, ci_high : sequences of length k
        Ratios with the limits of their confidence intervals, as printed.
    method : {"REML", "ML", "DL", "HE", "FE"}
        Estimator of tau2: restricted or full maximum likelihood, DerSimonian & Laird 1986 (Control Clin
        Trials), Hedges; "FE" is the common-effect model with tau2 = 0.
    level : float
        Confidence level of the result.
    input_level : float
        Confidence level of the printed intervals.
    hartung_knapp : bool
        Quote the interval of Hartung & Knapp 2001, Stat Med (also Sidik & Jonkman 2002, Stat Med): Student
        quantiles with k - 1 degrees of freedom and a standard error scaled by the weighted residuals. It may
        be narrower than the Wald interval when the studies agree closely; this is noted (Jackson 2017, Stat
        Med, compares the remedies). If the studies agree exactly, the Wald interval is quoted.

    Returns
    -------
    PooledRatio
        One study is returned as it is, with a note.

    Raises
    ------
    PoolingError
        See ``log_ratio_and_se``; an unknown method.
    """
    if method not in METHODS:
        raise PoolingError(f"method={method!r}; use one of {', '.join(METHODS)}")
    if not 0 < level < 1:
        raise PoolingError(f"level={level!r}; give a level between 0 and 1, such as 0.95")
    y, se, notes = log_ratio_and_se(hr, ci_low, ci_high, level=input_level)
    result = _pool(y, se, method, level, hartung_knapp)
    return replace(result, notes=(*notes, *result.notes))


def _tau2(y: FloatArray, variance: FloatArray, method: str) -> float:
    """Between-study variance by PyMARE."""
    if method == "FE":
        return 0.0
    # Imported late, because PyMARE takes seconds to load; it leaves a file open while it does.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from pymare import estimators

    if method in ("REML", "ML"):
        estimator = estimators.VarianceBasedLikelihoodEstimator(method=method)
    else:
        estimator = estimators.DerSimonianLaird() if method == "DL" else estimators.Hedges()
    estimator.fit(y[:, None], variance[:, None], np.ones((y.size, 1)))
    return max(0.0, float(np.ravel(estimator.params_["tau2"])[0]))


def _pool(y: FloatArray, se: FloatArray, method: str, level: float, hartung_knapp: bool) -> PooledRatio:
    """Pool log ratios ``y`` with standard errors ``se``, both of shape (k,)."""
    k, nan = y.size, float("nan")
    z = float(stats.norm.ppf(0.5 + level / 2))
    nowhere = Interval(nan, nan)
    if k == 1:
        wald = _interval(float(y[0]), z * float(se[0]))
        return PooledRatio(
            ratio=float(np.exp(y[0])),
            ci=wald,
            ci_wald=wald,
            ci_hksj=nowhere,
            p=float(2 * stats.norm.sf(abs(y[0] / se[0]))),
            log_ratio=float(y[0]),
            se_log_ratio=float(se[0]),
            se_hksj=nan,
            tau2=nan,
            q=nan,
            df=0,
            q_p=nan,
            i2=nan,
            prediction=nowhere,
            n_studies=1,
            weights=np.array([100.0]),
            log_ratios=y,
            se_log_ratios=se,
            method=method,
            level=level,
            notes=("1 study: returned as it is, nothing pooled",),
            hartung_knapp=hartung_knapp,
        )
    variance = se**2
    tau2 = _tau2(y, variance, method)
    weight = 1 / (variance + tau2)
    mean = float(weight @ y / weight.sum())
    se_mean = float(1 / np.sqrt(weight.sum()))
    scale = float(weight @ (y - mean) ** 2 / (k - 1))
    se_hksj = se_mean * float(np.sqrt(scale))
    wald = _interval(mean, z * se_mean)
    hksj = _interval(mean, float(stats.t.ppf(0.5 + level / 2, k - 1)) * se_hksj)

    common = 1 / variance
    q = float(common @ (y - common @ y / common.sum()) ** 2)
    if method in ("DL", "FE"):
        i2 = 100 * max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0
    else:
        typical = (k - 1) * common.sum() / (common.sum() ** 2 - (common**2).sum())
        i2 = float(100 * tau2 / (tau2 + typical))

    notes = []
    quoted_hksj = hartung_knapp and method != "FE" and se_hksj > 1e-6 * se_mean
    if hartung_knapp and method != "FE" and not quoted_hksj:
        notes.append("the studies agree exactly: no Hartung-Knapp interval, the Wald interval is quoted")
    if quoted_hksj:
        p = float(2 * stats.t.sf(abs(mean) / se_hksj, k - 1))
        if hksj.high / hksj.low < wald.high / wald.low:
            notes.append("the Hartung-Knapp interval is narrower than the Wald interval: quote both")
    else:
        p = float(2 * stats.norm.sf(abs(mean) / se_mean))
    prediction = nowhere
    if method != "FE" and k >= 3:
        spread = float(np.sqrt(tau2 + (se_hksj if quoted_hksj else se_mean) ** 2))
        prediction = _interval(mean, float(stats.t.ppf(0.5 + level / 2, k - 2)) * spread)
    if k < 5 and method != "FE":
        notes.append(f"{k} studies: the between-study variance is hardly known")
    return PooledRatio(
        ratio=float(np.exp(mean)),
        ci=hksj if quoted_hksj else wald,
        ci_wald=wald,
        ci_hksj=hksj,
        p=p,
        log_ratio=mean,
        se_log_ratio=se_mean,
        se_hksj=se_hksj,
        tau2=tau2,
        q=q,
        df=k - 1,
        q_p=float(stats.chi2.sf(q, k - 1)),
        i2=i2,
        prediction=prediction,
        n_studies=k,
        weights=100 * weight / weight.sum(),
        log_ratios=y,
        se_log_ratios=se,
        method=method,
        level=level,
        notes=tuple(notes),
        hartung_knapp=hartung_knapp,
    )


def _interval(center: float, half_width: float) -> Interval:
    """Limits of the ratio from a log ratio and the half width of its interval."""
    with np.errstate(over="ignore"):
        low, high = np.exp([center - half_width, center + half_width])
    return Interval(float(low), float(high))
