"""Bivariate meta-regression on one covariate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from .bivariate import check_interval
from .counts import AccuracyError, Counts, FloatArray, check_counts
from .model import DesignFit, Options, fit_design
from .result import Estimate, back_transformed, critical_value

Covariate = Sequence[str] | Sequence[bool] | Sequence[float] | npt.NDArray[np.generic]


class Coefficient(NamedTuple):
    """One regression coefficient on the logit scale; ``p`` is two-sided for coefficient = 0."""

    name: str
    estimate: float
    se: float
    low: float
    high: float
    p: float


class LikelihoodRatioTest(NamedTuple):
    """Twice the gain in log-likelihood, its degrees of freedom and the chi-squared p-value."""

    statistic: float
    df: int
    p: float


class LevelEstimate(NamedTuple):
    """Pooled sensitivity and specificity of the studies of one category."""

    name: str
    n_studies: int
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True, eq=False)
class MetaRegression:
    """Result of ``meta_regression``.

    Attributes
    ----------
    kind : str
        "categorical" or "continuous".
    logit_sensitivity, logit_fpr : tuple of Coefficient
        Intercept first: the reference category, or the mean covariate ``center``. Then the difference of each
        category from the reference, or the slope for one unit of the covariate. A positive coefficient of
        logit_fpr means a lower specificity.
    levels : tuple of LevelEstimate
        One for each category, empty for a continuous covariate.
    test_both, test_sensitivity, test_fpr : LikelihoodRatioTest
        Against the model without the covariate; without it for sensitivity only; for fpr only.
    tau2_sensitivity, tau2_fpr, rho : float
        Residual between-study variances and correlation.
    loglik, loglik_null : float
        Maximum log-likelihoods with and without the covariate.
    beta, covariance : ndarray, shapes (2 p,) and (2 p, 2 p)
        All p coefficients of logit_sensitivity, then of logit_fpr, and their covariance.
    quantile : float
        Half width of an interval in standard errors.
    """

    kind: str
    logit_sensitivity: tuple[Coefficient, ...]
    logit_fpr: tuple[Coefficient, ...]
    levels: tuple[LevelEstimate, ...]
    test_both: LikelihoodRatioTest
    test_sensitivity: LikelihoodRatioTest
    test_fpr: LikelihoodRatioTest
    tau2_sensitivity: float
    tau2_fpr: float
    rho: float
    loglik: float
    loglik_null: float
    n_studies: int
    center: float
    likelihood: str
    level: float
    ci: str
    boundary: str
    notes: tuple[str, ...]
    beta: FloatArray
    covariance: FloatArray
    quantile: float

    def at(self, value: float) -> tuple[Estimate, Estimate]:
        """Sensitivity and specificity at one value of a continuous covariate (see ``levels`` otherwise).

        Raises
        ------
        AccuracyError
            The covariate is categorical.
        """
        if self.kind != "continuous":
            raise AccuracyError("the covariate is categorical; read the estimates from levels")
        row = np.array([1.0, value - self.center])
        return _mean_estimates(row, self.beta, self.covariance, self.quantile)


def meta_regression(
    tp: Counts,
    fn: Counts,
    fp: Counts,
    tn: Counts,
    covariate: Covariate,
    *,
    kind: str = "auto",
    reference: str | None = None,
    likelihood: str = "binomial",
    ci: str = "t",
    level: float = 0.95,
    n_nodes: int = 15,
    correction: float = 0.5,
    correction_control: str = "all",
    independent: bool = False,
) -> MetaRegression:
    """Bivariate model with one covariate on both logits, with likelihood-ratio tests.

    Parameters
    ----------
    tp, fn, fp, tn : sequences of length k
        Patients of each study.
    covariate : sequence of length k
        Text or booleans are categories, numbers continuous, unless ``kind`` says otherwise.
    kind : {"auto", "categorical", "continuous"}
    reference : str, optional
        Reference category, the first in sorted order by default.
    likelihood, ci, level, n_nodes, correction, correction_control, independent
        As for ``fit``. ``normal`` uses full, not restricted, maximum likelihood, so that models with
        different covariates may be compared. The degrees of freedom of ``ci="t"`` are k - 2 less the number
        of covariate columns.

    Returns
    -------
    MetaRegression
        Variances and correlation are common to all values of the covariate.

    Raises
    ------
    AccuracyError
        Bad counts, a covariate which is missing, constant or of another length, too few studies, or (for
        ``binomial``) a category whose studies all have a sensitivity or specificity of 0 or 100 %.
    """
    check_interval(ci, level)
    options = Options(likelihood, n_nodes, correction, correction_control, False, independent)
    table = check_counts(tp, fn, fp, tn, whole=likelihood == "binomial")
    k = len(table)
    kind, names, design, center, scale = _design(covariate, k, kind, reference)
    extra = design.shape[1] - 1
    if k < extra + 4:
        raise AccuracyError(f"{k} studies for {extra} covariate columns; at least {extra + 4} are needed")
    notes: list[str] = []
    if kind == "categorical":
        notes += _check_levels(table, names, design, likelihood)

    ones = np.ones((k, 1))
    pairs = [(design, design), (ones, ones), (ones, design), (design, ones)]
    fits = [fit_design(table, x_s, x_f, options) for x_s, x_f in pairs]
    if any(f.independent for f in fits) and not all(f.independent for f in fits):
        options = replace(options, independent=True)
        fits = [fit_design(table, x_s, x_f, options) for x_s, x_f in pairs]
        notes.append("a compared model had no estimable correlation: it is held at 0 in all of them")
    full, null, without_sensitivity, without_fpr = fits

    rescale = np.tile(np.append(1.0, np.full(extra, 1 / scale)), 2)
    p = 2 * (1 + extra)
    beta = full.beta * rescale
    covariance = full.covariance[:p, :p] * np.outer(rescale, rescale)
    quantile = critical_value(ci, level, k - extra)
    coefficients = _coefficients(names, kind, beta, covariance, quantile, ci, k - 2 - extra)
    return MetaRegression(
        kind=kind,
        logit_sensitivity=coefficients[: 1 + extra],
        logit_fpr=coefficients[1 + extra :],
        levels=_levels(names, design, beta, covariance, quantile) if kind == "categorical" else (),
        test_both=_lr_test(full, null, 2 * extra),
        test_sensitivity=_lr_test(full, without_sensitivity, extra),
        test_fpr=_lr_test(full, without_fpr, extra),
        tau2_sensitivity=full.tau2_sensitivity,
        tau2_fpr=full.tau2_fpr,
        rho=full.rho,
        loglik=full.loglik,
        loglik_null=null.loglik,
        n_studies=k,
        center=center,
        likelihood=likelihood,
        level=level,
        ci=ci,
        boundary=full.boundary,
        notes=(*full.notes, *notes),
        beta=beta,
        covariance=covariance,
        quantile=quantile,
    )


def _design(
    covariate: Covariate, k: int, kind: str, reference: str | None
) -> tuple[str, tuple[str, ...], FloatArray, float, float]:
    """Return kind, category names (reference first), design matrix, centre and scale."""
    values = list(covariate)
    if len(values) != k:
        raise AccuracyError(f"the covariate has {len(values)} values for {k} studies; give one per study")
    if kind == "auto":
        text = any(isinstance(value, (str, bool, np.bool_)) for value in values)
        kind = "categorical" if text else "continuous"
    if kind == "continuous":
        try:
            x = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise AccuracyError("the covariate is not numeric; use kind='categorical'") from error
        missing = np.flatnonzero(~np.isfinite(x))
        if missing.size:
            raise AccuracyError(f"study {missing[0]}: the covariate is missing; leave the study out")
        center, scale = float(x.mean()), float(x.std())
        if not scale > 1e-12 * max(1.0, float(np.abs(x).max())):
            raise AccuracyError("the covariate is the same in all studies; nothing can be compared")
        return kind, ("slope",), np.column_stack([np.ones(k), (x - center) / scale]), center, scale
    if kind != "categorical":
        raise AccuracyError(f"kind={kind!r}; use 'auto', 'categorical' or 'continuous'")
    for i, value in enumerate(values):
        if value is None or value == "" or (isinstance(value, float) and np.isnan(value)):
            raise AccuracyError(f"study {i}: the covariate is missing; leave the study out")
    labels = [str(value) for value in values]
    names = sorted(set(labels))
    if len(names) < 2:
        raise AccuracyError("the covariate is the same in all studies; nothing can be compared")
    if reference is not None:
        if reference not in names:
            raise AccuracyError(f"reference={reference!r} is none of the categories {names}")
        names = [reference, *(name for name in names if name != reference)]
    columns = [[float(label == name) for label in labels] for name in names[1:]]
    return kind, tuple(names), np.column_stack([np.ones(k), *columns]), float("nan"), 1.0


def _members(design: FloatArray, index: int) -> npt.NDArray[np.bool_]:
    """Studies of category ``index`` (0 is the reference)."""
    member: npt.NDArray[np.bool_] = design[:, index] == 1 if index else ~np.any(design[:, 1:] == 1, axis=1)
    return member


def _check_levels(table: FloatArray, names: tuple[str, ...], design: FloatArray, likelihood: str) -> list[str]:
    notes = []
    for index, name in enumerate(names):
        part = table[_members(design, index)]
        if len(part) == 1:
            notes.append(f"category {name!r} has one study only")
        for label, first in (("sensitivity", 0), ("specificity", 2)):
            if likelihood == "binomial" and np.all((part[:, first] == 0) | (part[:, first + 1] == 0)):
                raise AccuracyError(
                    f"category {name!r}: every study has a {label} of 0 or 100 %, so its coefficient is "
                    "infinite; join it with another category or use likelihood='normal'"
                )
    return notes


def _lr_test(full: DesignFit, reduced: DesignFit, df: int) -> LikelihoodRatioTest:
    statistic = max(0.0, 2 * (full.loglik - reduced.loglik))
    return LikelihoodRatioTest(statistic, df, float(stats.chi2.sf(statistic, df)))


def _coefficients(
    names: tuple[str, ...],
    kind: str,
    beta: FloatArray,
    covariance: FloatArray,
    quantile: float,
    ci: str,
    df: int,
) -> tuple[Coefficient, ...]:
    terms = ("intercept", *(names if kind == "continuous" else names[1:])) * 2
    errors = np.sqrt(np.diag(covariance))
    reference = stats.t(df) if ci == "t" else stats.norm
    return tuple(
        Coefficient(
            name=term,
            estimate=float(value),
            se=float(se),
            low=float(value - quantile * se),
            high=float(value + quantile * se),
            p=float(2 * reference.sf(abs(value) / se)),
        )
        for term, value, se in zip(terms, beta, errors, strict=True)
    )


def _levels(
    names: tuple[str, ...], design: FloatArray, beta: FloatArray, covariance: FloatArray, quantile: float
) -> tuple[LevelEstimate, ...]:
    levels = []
    for index, name in enumerate(names):
        member = _members(design, index)
        sens, spec = _mean_estimates(design[member][0], beta, covariance, quantile)
        levels.append(LevelEstimate(name, int(member.sum()), sens, spec))
    return tuple(levels)


def _mean_estimates(
    row: FloatArray, beta: FloatArray, covariance: FloatArray, quantile: float
) -> tuple[Estimate, Estimate]:
    """Sensitivity and specificity for one row of the design matrix."""
    p = row.size
    se_s = float(np.sqrt(row @ covariance[:p, :p] @ row))
    se_f = float(np.sqrt(row @ covariance[p:, p:] @ row))
    return (
        back_transformed(float(row @ beta[:p]), quantile * se_s),
        back_transformed(-float(row @ beta[p:]), quantile * se_f),
    )
