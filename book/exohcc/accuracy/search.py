"""Maximise a bivariate likelihood, at the edge of the parameter space too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from .counts import FloatArray
from .likelihoods import Likelihood

Pattern = tuple[bool, bool, bool]
Evaluation = tuple[float, FloatArray, FloatArray]

# Which of a, b, c are free, for each kind of solution.
FULL: Pattern = (True, True, True)
INDEPENDENT: Pattern = (True, False, True)
NO_HETEROGENEITY: Pattern = (False, False, False)
NO_TAU_SENSITIVITY: Pattern = (False, False, True)
NO_TAU_FPR: Pattern = (True, False, False)
PERFECT_CORRELATION: Pattern = (True, True, False)

# A solution this near to an edge (SMALL_SD, LARGE_RHO) is compared with the best solution on the edge, which
# is preferred when its log-likelihood is not lower by more than LOGLIK_SLACK.
SMALL_SD = 0.05
LARGE_RHO = 0.995
LOGLIK_SLACK = 1e-4
# Largest gain in log-likelihood that a further Newton step may promise.
PROMISED_GAIN = 1e-5


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the search ended; ``pattern`` tells which of a, b, c were free there."""

    theta: FloatArray
    loglik: float
    hessian: FloatArray
    pattern: Pattern
    converged: bool

    @property
    def free(self) -> npt.NDArray[np.bool_]:
        """Free parameters, shape (q,)."""
        mask = np.ones(self.theta.size, dtype=bool)
        mask[-3:] = self.pattern
        return mask


def maximise(likelihood: Likelihood, start: FloatArray, *, independent: bool = False) -> Maximum:
    """Find the maximum likelihood estimate.

    Parameters
    ----------
    likelihood : Likelihood
    start : ndarray, shape (q,)
        Starting values, a and c not 0.
    independent : bool
        Hold the correlation at 0.

    Returns
    -------
    Maximum
        If a between-study variance or 1 - |rho| vanishes, the solution with that parameter held at its
        bound, so that the Hessian of the free parameters is regular.
    """
    base = _climb(likelihood, start, INDEPENDENT if independent else FULL)
    sd_sensitivity, sd_fpr, rho = standard_deviations(base.theta[-3:])
    anywhere = not base.converged
    no_sensitivity, no_fpr = anywhere or sd_sensitivity < SMALL_SD, anywhere or sd_fpr < SMALL_SD
    edges: list[Pattern] = []
    if no_sensitivity and no_fpr:
        edges.append(NO_HETEROGENEITY)
    if no_sensitivity:
        edges.append(NO_TAU_SENSITIVITY)
    if no_fpr:
        edges.append(NO_TAU_FPR)
    if not independent and (anywhere or abs(rho) > LARGE_RHO):
        edges.append(PERFECT_CORRELATION)
    # Simplest first.
    found = [*(_climb(likelihood, start if anywhere else base.theta, edge) for edge in edges), base]
    highest = max(one.loglik for one in found)
    for one in found:
        if one.converged and one.loglik >= highest - LOGLIK_SLACK:
            return one
    return base


def standard_deviations(abc: FloatArray) -> tuple[float, float, float]:
    """Between-study standard deviations and correlation; the latter is nan if a deviation is 0."""
    a, b, c = (float(value) for value in abc)
    sd_fpr = float(np.hypot(b, c))
    rho = float(np.sign(a)) * b / sd_fpr if a != 0 and sd_fpr > 0 else float("nan")
    return abs(a), sd_fpr, rho


def _climb(likelihood: Likelihood, start: FloatArray, pattern: Pattern) -> Maximum:
    """Trust-region Newton over the free parameters; the others are held at 0."""
    free = np.ones(start.size, dtype=bool)
    free[-3:] = pattern
    theta = np.where(free, start, 0.0)
    last: dict[bytes, Evaluation] = {}

    def at(x: FloatArray) -> Evaluation:
        """Negative log-likelihood with derivatives; the last point is kept."""
        key = x.tobytes()
        if key not in last:
            last.clear()
            full = theta.copy()
            full[free] = x
            value, gradient, hessian = likelihood.evaluate(full)
            last[key] = (-value, -gradient[free], -hessian[np.ix_(free, free)])
        return last[key]

    if free.any():
        solution = minimize(
            lambda x: at(x)[0],
            theta[free],
            jac=lambda x: at(x)[1],
            hess=lambda x: at(x)[2],
            method="trust-exact",
            options={"gtol": 1e-4, "maxiter": 200},
        )
        theta[free] = _polish(at, np.asarray(solution.x, dtype=np.float64))
    value, gradient, hessian = likelihood.evaluate(theta)
    slope, curvature = gradient[free], -hessian[np.ix_(free, free)]
    converged = bool(np.isfinite(value) and np.all(np.abs(slope) < 1e-3))
    if converged and free.any():
        step = np.linalg.lstsq(curvature, slope, rcond=1e-10)[0]
        converged = abs(float(slope @ step)) < 2 * PROMISED_GAIN
    return Maximum(theta, value, hessian, pattern, converged)


def _polish(at: Callable[[FloatArray], Evaluation], x: FloatArray) -> FloatArray:
    """Plain Newton steps, kept while they shrink the gradient."""
    for _ in range(10):
        _, gradient, hessian = at(x)
        try:
            trial = x - np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            break
        if not np.abs(at(trial)[1]).max() < np.abs(gradient).max():
            break
        x = trial
    return x
