"""The two log-likelihoods of the bivariate model, with first and second derivatives.

Both describe logit sensitivity and logit false positive rate of study i as
``X_i beta + L z_i`` with ``z_i`` standard bivariate normal and ``L = [[a, 0], [b, c]]`` lower triangular, so
that ``L L'`` is the between-study covariance. ``L`` is free of constraints and the likelihood stays smooth
where a variance is 0 or the correlation is +-1.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import expit, gammaln, logsumexp

from .counts import FloatArray


class Likelihood(Protocol):
    """What the search needs; the last three parameters are a, b, c."""

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood, gradient of shape (q,) and Hessian of shape (q, q)."""


def cholesky_factor(abc: FloatArray) -> FloatArray:
    """Return L = [[a, 0], [b, c]]."""
    return np.array([[abc[0], 0.0], [abc[1], abc[2]]])


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of one or a stack of matrices, in double precision."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


class BinomialLikelihood:
    """Exact binomial within-study likelihood, integrated over the random effects.

    The integral over ``z_i`` is taken by adaptive Gauss-Hermite quadrature: the nodes are moved to the mode
    of the integrand and scaled by its curvature there (Pinheiro & Bates 1995, J Comput Graph Stat); the
    model is that of Chu & Cole 2006, J Clin Epidemiol. The gradient is the posterior mean of the
    complete-data score, the Hessian follows Louis 1982, J R Stat Soc B; both are exact for the integral and
    are computed with the same nodes.

    Parameters
    ----------
    events, totals : ndarray, shape (k, 2)
        Column 0: TP of TP + FN. Column 1: FP of FP + TN.
    x_sensitivity, x_fpr : ndarray, shapes (k, p1) and (k, p2)
        Design matrices; parameters are ordered beta_sensitivity, beta_fpr, a, b, c.
    n_nodes : int
        Nodes in each of the two dimensions; 1 gives the value (not the derivatives) by Laplace's method.
    """

    def __init__(
        self,
        events: FloatArray,
        totals: FloatArray,
        x_sensitivity: FloatArray,
        x_fpr: FloatArray,
        n_nodes: int,
    ) -> None:
        self.events, self.totals = events, totals
        self.x_sensitivity, self.x_fpr = x_sensitivity, x_fpr
        k, p1, p2 = len(events), x_sensitivity.shape[1], x_fpr.shape[1]
        # Parameters -> (eta_sensitivity, eta_fpr, a, b, c) of each study, shape (k, 5, q).
        self.expand = np.zeros((k, 5, p1 + p2 + 3))
        self.expand[:, 0, :p1] = x_sensitivity
        self.expand[:, 1, p1 : p1 + p2] = x_fpr
        self.expand[:, 2:, p1 + p2 :] = np.eye(3)
        self.constant = float(np.sum(gammaln(totals + 1) - gammaln(events + 1) - gammaln(totals - events + 1)))
        x, weight = np.polynomial.hermite.hermgauss(n_nodes)
        grid = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
        self.nodes = np.sqrt(2.0) * grid
        self.log_weights = np.log(np.outer(weight, weight)).ravel() + (grid**2).sum(axis=1)
        self.modes = np.zeros((k, 2))

    def _kernel(self, eta: FloatArray, z: FloatArray) -> FloatArray:
        """Log of the integrand without constants; ``eta`` and ``z`` of shape (k, ..., 2), result (k, ...)."""
        extra = (1,) * (eta.ndim - 2)
        y = self.events.reshape(-1, *extra, 2)
        n = self.totals.reshape(-1, *extra, 2)
        kernel: FloatArray = (y * eta - n * np.logaddexp(0.0, eta) - 0.5 * z**2).sum(axis=-1)
        return kernel

    def _find_modes(self, offset: FloatArray, factor: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Modes of the integrand over z, shape (k, 2), and its negative Hessian there, shape (k, 2, 2).

        Newton's method with step halving, started from the modes of the last call; the integrand is
        log-concave, so the mode is unique.
        """
        z = self.modes
        for _ in range(100):
            eta = offset + z @ factor.T
            p = expit(eta)
            slope = (self.events - self.totals * p) @ factor - z
            weight = self.totals * p * (1 - p)
            curvature = np.eye(2) + np.einsum("ji,kj,jl->kil", factor, weight, factor)
            step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
            if np.abs(step).max() < 1e-8:
                break
            here = self._kernel(eta, z)
            size = np.ones(len(z))
            for _ in range(40):
                trial = z + size[:, None] * step
                worse = self._kernel(offset + trial @ factor.T, trial) < here - 1e-9 * np.abs(here)
                if not worse.any():
                    break
                size = np.where(worse, size / 2, size)
            z = z + size[:, None] * step
        self.modes = z
        return z, curvature

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood (binomial coefficients included), gradient and Hessian at ``theta``."""
        at_study = self.expand @ theta
        offset, factor = at_study[:, :2], cholesky_factor(theta[-3:])
        mode, curvature = self._find_modes(offset, factor)
        # spread spread' = inverse of the curvature
        spread = np.swapaxes(inverse(np.linalg.cholesky(curvature).astype(np.float64)), 1, 2)
        z = mode[:, None, :] + np.einsum("kij,mj->kmi", spread, self.nodes)
        eta = offset[:, None, :] + z @ factor.T
        log_terms = self._kernel(eta, z) + self.log_weights
        log_integral = logsumexp(log_terms, axis=1)
        log_scale = np.log(spread[:, 0, 0] * spread[:, 1, 1]) - np.log(np.pi)
        value = float(np.sum(log_integral + log_scale)) + self.constant

        posterior = np.exp(log_terms - log_integral[:, None])
        p = expit(eta)
        residual = self.events[:, None, :] - self.totals[:, None, :] * p
        information = self.totals[:, None, :] * p * (1 - p)
        one, zero = np.ones(z.shape[:2]), np.zeros(z.shape[:2])
        # Derivatives of the two linear predictors by (eta_sensitivity, eta_fpr, a, b, c), shape (k, m, 5).
        by_sensitivity = np.stack([one, zero, z[:, :, 0], zero, zero], axis=-1)
        by_fpr = np.stack([zero, one, zero, z[:, :, 0], z[:, :, 1]], axis=-1)
        score = residual[:, :, :1] * by_sensitivity + residual[:, :, 1:] * by_fpr
        mean_score = np.einsum("km,kmi->ki", posterior, score)
        second = (
            _weighted_outer(posterior, score)
            - _weighted_outer(posterior * information[:, :, 0], by_sensitivity)
            - _weighted_outer(posterior * information[:, :, 1], by_fpr)
            - mean_score[:, :, None] * mean_score[:, None, :]
        )
        gradient = np.einsum("kiq,ki->q", self.expand, mean_score)
        hessian = np.einsum("kiq,kij,kjr->qr", self.expand, second, self.expand, optimize=True)
        return value, gradient, hessian


def _weighted_outer(weight: FloatArray, vector: FloatArray) -> FloatArray:
    """Sum over m of weight (k, m) times vector vector' (k, m, 5); shape (k, 5, 5)."""
    product: FloatArray = np.swapaxes(vector * weight[:, :, None], 1, 2) @ vector
    return product


class NormalLikelihood:
    """Normal approximation within studies, restricted or full likelihood profiled over beta.

    The model of Reitsma 2005, J Clin Epidemiol. Parameters are a, b, c only; ``coefficients`` gives beta.

    Parameters
    ----------
    logits, variances : ndarray, shape (k, 2)
        Logit sensitivity and logit false positive rate of each study and their sampling variances.
    x_sensitivity, x_fpr : ndarray, shapes (k, p1) and (k, p2)
    reml : bool
        Restricted likelihood, with the constants of ``metafor::rma.mv`` (0.5 log|X'X| included).
    """

    def __init__(
        self,
        logits: FloatArray,
        variances: FloatArray,
        x_sensitivity: FloatArray,
        x_fpr: FloatArray,
        reml: bool,
    ) -> None:
        k, p1, p2 = len(logits), x_sensitivity.shape[1], x_fpr.shape[1]
        self.logits, self.variances, self.reml = logits, variances, reml
        self.design = np.zeros((k, 2, p1 + p2))
        self.design[:, 0, :p1] = x_sensitivity
        self.design[:, 1, p1:] = x_fpr
        free = 2 * k - (p1 + p2 if reml else 0)
        self.constant = -0.5 * free * np.log(2 * np.pi)
        if reml:
            gram = np.einsum("kip,kiq->pq", self.design, self.design)
            self.constant += 0.5 * np.linalg.slogdet(gram)[1]

    def coefficients(self, abc: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Generalised least squares at given a, b, c: beta, its covariance, weights of shape (k, 2, 2)."""
        factor = cholesky_factor(abc)
        total = factor @ factor.T + self.variances[:, :, None] * np.eye(2)
        weight = inverse(total)
        precision = np.einsum("kip,kij,kjq->pq", self.design, weight, self.design, optimize=True)
        covariance = inverse(precision)
        beta = covariance @ np.einsum("kip,kij,kj->p", self.design, weight, self.logits, optimize=True)
        return beta, covariance, weight

    def _value_and_gradient(self, abc: FloatArray) -> tuple[float, FloatArray]:
        beta, covariance, weight = self.coefficients(abc)
        residual = self.logits - self.design @ beta
        scaled = np.einsum("kij,kj->ki", weight, residual)
        value = self.constant + 0.5 * np.linalg.slogdet(weight)[1].sum() - 0.5 * float(np.sum(residual * scaled))
        by_covariance = np.einsum("ki,kj->ij", scaled, scaled) - weight.sum(axis=0)
        if self.reml:
            value += 0.5 * np.linalg.slogdet(covariance)[1]
            half = np.einsum("kij,kjp->kip", weight, self.design)
            by_covariance += np.einsum("kip,pq,kjq->ij", half, covariance, half, optimize=True)
        by_factor = by_covariance @ cholesky_factor(abc)
        return float(value), np.array([by_factor[0, 0], by_factor[1, 0], by_factor[1, 1]])

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood, gradient and Hessian (central differences of the gradient) at a, b, c."""
        value, gradient = self._value_and_gradient(theta)
        columns = []
        for i in range(3):
            shift = np.zeros(3)
            shift[i] = 1e-5 * max(1.0, abs(float(theta[i])))
            up, down = self._value_and_gradient(theta + shift)[1], self._value_and_gradient(theta - shift)[1]
            columns.append((up - down) / (2 * shift[i]))
        hessian = np.array(columns)
        return value, gradient, (hessian + hessian.T) / 2
