"""Fit the bivariate model for given design matrices; shared by ``fit`` and ``meta_regression``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

from .counts import AccuracyError, FloatArray, add_correction
from .likelihoods import BinomialLikelihood, NormalLikelihood, inverse
from .search import FULL, Maximum, maximise, standard_deviations

LIKELIHOODS = ("binomial", "normal")
# Quadrature is refined until doubling the nodes changes the log-likelihood by less than this.
QUADRATURE_TOLERANCE = 2e-4
MOST_NODES = 63
WIDE_TAU2 = 25.0


@dataclass(frozen=True)
class Options:
    """Choices which do not depend on the design; see ``fit`` for their meaning."""

    likelihood: str = "binomial"
    n_nodes: int = 15
    correction: float = 0.5
    correction_control: str = "all"
    reml: bool = True
    independent: bool = False

    def __post_init__(self) -> None:
        """Check the options."""
        if self.likelihood not in LIKELIHOODS:
            raise AccuracyError(f"likelihood={self.likelihood!r}; use 'binomial' or 'normal'")
        if self.n_nodes < 5:
            raise AccuracyError(f"n_nodes={self.n_nodes}; use at least 5 (15 is the default)")


@dataclass(frozen=True, eq=False)
class DesignFit:
    """Estimates for one pair of design matrices with p1 and p2 columns.

    ``beta`` is (sensitivity coefficients, fpr coefficients). ``covariance``, shape (p1 + p2 + 3,) * 2, is
    that of (beta, log tau2_sensitivity, log tau2_fpr, atanh rho), nan where a parameter is at its bound or
    was not estimated.
    """

    beta: FloatArray
    covariance: FloatArray
    tau2_sensitivity: float
    tau2_fpr: float
    rho: float
    loglik: float
    n_parameters: int
    boundary: str
    independent: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Found:
    """Maximum with beta, the joint covariance of beta and the free ones of a, b, c, and notes."""

    maximum: Maximum
    beta: FloatArray
    covariance: FloatArray
    notes: tuple[str, ...]


def fit_design(table: FloatArray, x_sensitivity: FloatArray, x_fpr: FloatArray, options: Options) -> DesignFit:
    """Maximise the chosen likelihood, without correlation if it cannot be estimated.

    Parameters
    ----------
    table : ndarray, shape (k, 4)
        TP, FN, FP, TN of at least two studies.
    x_sensitivity, x_fpr : ndarray, shapes (k, p1) and (k, p2)
    options : Options

    Raises
    ------
    AccuracyError
        No finite maximum exists or the search fails.
    """
    attempts: list[tuple[bool, str]] = [(options.independent, "")]
    if not options.independent:
        if len(table) == 2:
            attempts = [(True, "2 studies: the correlation cannot be estimated and is held at 0")]
        else:
            attempts.append((True, "the full model did not converge: the correlation is held at 0"))
    search = _search_normal
    if options.likelihood == "binomial":
        _refuse_separation(table)
        search = _search_binomial
    for independent, note in attempts:
        try:
            found = search(table, x_sensitivity, x_fpr, options, independent)
        except np.linalg.LinAlgError:  # no positive definite information: the likelihood is flat
            continue
        if found.maximum.converged:
            fitted = _describe(found, independent)
            return replace(fitted, notes=(*([note] if note else []), *fitted.notes))
    raise AccuracyError(
        "the bivariate model did not converge: too little information for its variances; "
        "use likelihood='normal', drop the covariate, or describe the studies one by one"
    )


def _refuse_separation(table: FloatArray) -> None:
    """Raise if every study has 0 or 100 % sensitivity (or specificity): the maximum is at infinity."""
    for name, first in (("sensitivity", 0), ("specificity", 2)):
        if np.all((table[:, first] == 0) | (table[:, first + 1] == 0)):
            raise AccuracyError(
                f"every study has a {name} of 0 or 100 %, so the binomial likelihood has no finite maximum; "
                "use likelihood='normal' with its continuity correction, or describe the studies one by one"
            )


def corrected_logits(table: FloatArray, correction: float, rule: str) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Logit sensitivity and logit fpr of each study with their variances, both of shape (k, 2)."""
    corrected, notes = add_correction(table, correction, rule)
    tp, fn, fp, tn = corrected.T
    logits = np.column_stack([np.log(tp / fn), np.log(fp / tn)])
    variances = np.column_stack([1 / tp + 1 / fn, 1 / fp + 1 / tn])
    return logits, variances, notes


def _start(
    table: FloatArray, x_sensitivity: FloatArray, x_fpr: FloatArray, independent: bool
) -> tuple[FloatArray, FloatArray]:
    """Moment estimates of beta and of a, b, c, the latter kept away from the bounds."""
    logits, variances, _ = corrected_logits(table, 0.5, "always")
    beta_s = np.linalg.lstsq(x_sensitivity, logits[:, 0], rcond=None)[0]
    beta_f = np.linalg.lstsq(x_fpr, logits[:, 1], rcond=None)[0]
    residual = logits - np.column_stack([x_sensitivity @ beta_s, x_fpr @ beta_f])
    spread = residual.T @ residual / len(residual) - np.diag(variances.mean(axis=0))
    sd = np.sqrt(np.maximum(np.diag(spread), 0.1))
    rho = 0.0 if independent else float(np.clip(spread[0, 1] / (sd[0] * sd[1]), -0.7, 0.7))
    abc = np.array([sd[0], rho * sd[1], sd[1] * np.sqrt(1 - rho**2)])
    return np.concatenate([beta_s, beta_f]), abc


def _search_binomial(
    table: FloatArray, x_sensitivity: FloatArray, x_fpr: FloatArray, options: Options, independent: bool
) -> _Found:
    """Maximise the exact likelihood, with more nodes as long as they change it."""
    events = table[:, [0, 2]]
    totals = np.column_stack([table[:, 0] + table[:, 1], table[:, 2] + table[:, 3]])
    start = np.concatenate(_start(table, x_sensitivity, x_fpr, independent))
    nodes = options.n_nodes
    likelihood = BinomialLikelihood(events, totals, x_sensitivity, x_fpr, nodes)
    maximum = maximise(likelihood, start, independent=independent)
    notes: tuple[str, ...] = ()
    while maximum.converged:
        nodes = 2 * nodes + 1
        finer = BinomialLikelihood(events, totals, x_sensitivity, x_fpr, nodes)
        change = abs(finer.evaluate(maximum.theta)[0] - maximum.loglik)
        if change < QUADRATURE_TOLERANCE:
            break
        again = np.where(maximum.theta == 0, start, maximum.theta)
        better = maximise(finer, again, independent=independent) if nodes <= MOST_NODES else maximum
        if better is maximum or not better.converged:
            notes = (f"quadrature: the log-likelihood is uncertain by about {change:.1g}",)
            break
        maximum = better
    return _Found(maximum, maximum.theta[:-3], _free_covariance(maximum), notes)


def _search_normal(
    table: FloatArray, x_sensitivity: FloatArray, x_fpr: FloatArray, options: Options, independent: bool
) -> _Found:
    """Maximise the normal likelihood, restricted or not; beta and a, b, c are taken as uncorrelated."""
    logits, variances, notes = corrected_logits(table, options.correction, options.correction_control)
    _, abc = _start(table, x_sensitivity, x_fpr, independent)
    likelihood = NormalLikelihood(logits, variances, x_sensitivity, x_fpr, options.reml)
    maximum = maximise(likelihood, abc, independent=independent)
    beta, beta_covariance, _ = likelihood.coefficients(maximum.theta)
    covariance = block_diag(beta_covariance, _free_covariance(maximum))
    return _Found(maximum, beta, covariance, notes)


def _free_covariance(maximum: Maximum) -> FloatArray:
    """Inverse observed information of the free parameters; LinAlgError if it is not positive definite."""
    information = -maximum.hessian[np.ix_(maximum.free, maximum.free)]
    if information.size == 0:
        return np.zeros((0, 0))
    np.linalg.cholesky(information)
    return inverse(information)


def _describe(found: _Found, independent: bool) -> DesignFit:
    """Turn the Cholesky parameters into variances and correlation and transform the covariance."""
    maximum, p = found.maximum, found.beta.size
    a, b, c = (float(value) for value in maximum.theta[-3:])
    sd_s, sd_f, rho = standard_deviations(maximum.theta[-3:])
    if independent:
        rho = 0.0
    # Rows: log tau2_sensitivity, log tau2_fpr, atanh rho; columns: a, b, c.
    jacobian = np.full((3, 3), np.nan)
    if sd_s > 0:
        jacobian[0] = [2 / a, 0, 0]
    if sd_f > 0:
        jacobian[1] = [0, 2 * b / sd_f**2, 2 * c / sd_f**2]
    if maximum.pattern == FULL:
        jacobian[2] = [0, np.sign(a) / sd_f, -np.sign(a) * b / (c * sd_f)]
    free = np.array(maximum.pattern)
    full = np.zeros((p + 3, p + int(free.sum())))
    full[:p, :p] = np.eye(p)
    full[p:, p:] = jacobian[:, free]
    undefined = np.append(np.zeros(p, dtype=bool), np.isnan(jacobian).any(axis=1))
    transformed = np.where(np.isnan(full), 0.0, full)
    transformed = transformed @ found.covariance @ transformed.T
    transformed[undefined, :] = np.nan
    transformed[:, undefined] = np.nan

    notes, parts = list(found.notes), []
    if sd_s == 0:
        parts.append("tau2_sensitivity = 0")
    if sd_f == 0:
        parts.append("tau2_fpr = 0")
    if parts:
        notes.append(f"{' and '.join(parts)} (at the bound): no correlation and no interval for it")
        rho = float("nan")
    elif abs(rho) > 1 - 1e-9:
        rho = float(np.sign(rho))
        parts.append(f"rho = {rho:+.0f}")
        notes.append(f"rho is at its bound ({rho:+.0f}): no interval for it; standard errors hold it fixed")
    for name, sd in (("sensitivity", sd_s), ("fpr", sd_f)):
        if sd**2 > WIDE_TAU2:
            notes.append(
                f"tau2_{name} above {WIDE_TAU2:g}: results near 0 and near 100 % are mixed, the mean describes no study"
            )
    return DesignFit(
        beta=found.beta,
        covariance=transformed,
        tau2_sensitivity=sd_s**2,
        tau2_fpr=sd_f**2,
        rho=rho,
        loglik=maximum.loglik,
        n_parameters=p + int(free.sum()),
        boundary=", ".join(parts),
        independent=independent,
        notes=tuple(notes),
    )
