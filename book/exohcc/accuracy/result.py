"""Result of the bivariate meta-analysis and all that is derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import integrate, stats
from scipy.special import expit, logit

from .counts import AccuracyError, FloatArray


class Estimate(NamedTuple):
    """A point estimate with its confidence (or prediction) limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Hsroc:
    """Parameters of the hierarchical summary ROC model, with delta-method standard errors.

    The model is that of Rutter & Gatsonis 2001, Stat Med; the conversion from the bivariate parameters is
    that of Harbord 2007, Biostatistics. ``lambda_`` is accuracy, ``theta`` threshold, ``beta`` shape,
    ``s2alpha`` and ``s2theta`` the between-study variances of accuracy and threshold. All are nan where a
    between-study variance of the bivariate model is 0; the standard error of ``s2alpha`` or ``s2theta`` is
    nan where it is 0 itself (correlation at its bound).
    """

    lambda_: float
    theta: float
    beta: float
    s2alpha: float
    s2theta: float
    lambda_se: float
    theta_se: float
    beta_se: float
    s2alpha_se: float
    s2theta_se: float


@dataclass(frozen=True, eq=False)
class BivariateResult:
    """Pooled sensitivity and specificity.

    Attributes
    ----------
    sensitivity, specificity : Estimate
        Summary point (expected logits, transformed back) with confidence limits; proportions.
    logit_sensitivity, logit_fpr : float
        Mean logit sensitivity and mean logit false positive rate (1 - specificity), with standard errors
        ``se_logit_sensitivity``, ``se_logit_fpr`` and covariance of the two estimates ``cov_logits``.
    tau2_sensitivity, tau2_fpr : float
        Between-study variances of the logits.
    rho : float
        Between-study correlation of logit sensitivity with logit *false positive rate*. The correlation
        with logit specificity, which some programs print, is ``-rho``.
    covariance : ndarray, shape (5, 5)
        Of the estimates (logit_sensitivity, logit_fpr, log tau2_sensitivity, log tau2_fpr, atanh rho); nan
        where a parameter is at its bound.
    loglik : float
        Log-likelihood at the maximum. ``binomial``: binomial coefficients included, as Stata and lme4 print
        it. ``normal``: on the logit scale with the constants of ``metafor::rma.mv``; see ``loglik_mada``.
    n_studies, n_parameters : int
    likelihood, method : str
        "binomial" or "normal"; "ML", "REML" or "single study".
    level : float
        Confidence level.
    ci : str
        "t" (Student quantiles with k - 2 degrees of freedom) or "wald" (normal quantiles).
    boundary : str
        Parameters at their bound, empty if none.
    converged : bool
    notes : tuple of str
        What the reader of the result should know.
    counts : ndarray, shape (k, 4)
        TP, FN, FP, TN as given.
    """

    sensitivity: Estimate
    specificity: Estimate
    logit_sensitivity: float
    logit_fpr: float
    se_logit_sensitivity: float
    se_logit_fpr: float
    cov_logits: float
    tau2_sensitivity: float
    tau2_fpr: float
    rho: float
    covariance: FloatArray
    loglik: float
    loglik_mada: float
    n_studies: int
    n_parameters: int
    likelihood: str
    method: str
    level: float
    ci: str
    boundary: str
    converged: bool
    notes: tuple[str, ...]
    counts: FloatArray

    # Ratios -----------------------------------------------------------------------------------------------

    @property
    def false_positive_rate(self) -> Estimate:
        """1 - specificity."""
        value, low, high = self.specificity
        return Estimate(1 - value, 1 - high, 1 - low)

    @property
    def positive_likelihood_ratio(self) -> Estimate:
        """Ratio sensitivity / (1 - specificity) at the summary point; delta method on the log scale."""
        sens, fpr = float(expit(self.logit_sensitivity)), float(expit(self.logit_fpr))
        return self._ratio(np.log(sens) - np.log(fpr), 1 - sens, -(1 - fpr))

    @property
    def negative_likelihood_ratio(self) -> Estimate:
        """Ratio (1 - sensitivity) / specificity at the summary point; delta method on the log scale."""
        sens, fpr = float(expit(self.logit_sensitivity)), float(expit(self.logit_fpr))
        return self._ratio(np.log1p(-sens) - np.log1p(-fpr), -sens, fpr)

    @property
    def diagnostic_odds_ratio(self) -> Estimate:
        """Odds ratio at the summary point; its logarithm is linear in the two logits."""
        return self._ratio(self.logit_sensitivity - self.logit_fpr, 1.0, -1.0)

    def _ratio(self, log_value: float, by_sensitivity: float, by_fpr: float) -> Estimate:
        gradient = np.array([by_sensitivity, by_fpr])
        se = float(np.sqrt(gradient @ self._cov_means() @ gradient))
        half = critical_value(self.ci, self.level, self.n_studies) * se
        with np.errstate(over="ignore"):
            value, low, high = np.exp([log_value, log_value - half, log_value + half])
        return Estimate(float(value), float(low), float(high))

    def _cov_means(self) -> FloatArray:
        return np.array(
            [
                [self.se_logit_sensitivity**2, self.cov_logits],
                [self.cov_logits, self.se_logit_fpr**2],
            ]
        )

    # Heterogeneity ----------------------------------------------------------------------------------------

    @property
    def tau2_sensitivity_interval(self) -> Estimate:
        """Between-study variance of logit sensitivity, limits from the log variance."""
        return self._variance_interval(self.tau2_sensitivity, 2)

    @property
    def tau2_fpr_interval(self) -> Estimate:
        """Between-study variance of logit false positive rate, limits from the log variance."""
        return self._variance_interval(self.tau2_fpr, 3)

    def _variance_interval(self, value: float, index: int) -> Estimate:
        half = stats.norm.ppf(0.5 + self.level / 2) * np.sqrt(self.covariance[index, index])
        with np.errstate(over="ignore"):
            return Estimate(value, float(value * np.exp(-half)), float(value * np.exp(half)))

    @property
    def rho_interval(self) -> Estimate:
        """Correlation of the logits of sensitivity and false positive rate, limits from Fisher's z."""
        half = stats.norm.ppf(0.5 + self.level / 2) * np.sqrt(self.covariance[4, 4])
        if np.isnan(half):
            return Estimate(self.rho, float("nan"), float("nan"))
        z = np.arctanh(self.rho)
        return Estimate(self.rho, float(np.tanh(z - half)), float(np.tanh(z + half)))

    def _between(self) -> FloatArray:
        """Between-study covariance of the logits, shape (2, 2)."""
        if self.n_studies < 3:
            raise AccuracyError(f"{self.n_studies} studies: no prediction is possible; at least 3 studies are needed")
        shared = self.rho * np.sqrt(self.tau2_sensitivity * self.tau2_fpr)
        shared = 0.0 if np.isnan(shared) else shared
        return np.array([[self.tau2_sensitivity, shared], [shared, self.tau2_fpr]])

    def prediction_intervals(self) -> tuple[Estimate, Estimate]:
        """Sensitivity and specificity expected in a new study.

        Student quantiles with k - 2 degrees of freedom, as Higgins 2009, J R Stat Soc A, on the logits.

        Returns
        -------
        sensitivity, specificity : Estimate

        Raises
        ------
        AccuracyError
            Fewer than 3 studies.
        """
        total = self._between() + self._cov_means()
        half = float(stats.t.ppf(0.5 + self.level / 2, self.n_studies - 2)) * np.sqrt(np.diag(total))
        sens = back_transformed(self.logit_sensitivity, float(half[0]))
        spec = back_transformed(-self.logit_fpr, float(half[1]))
        return sens, spec

    # ROC space --------------------------------------------------------------------------------------------

    def confidence_region(self, n_points: int = 200) -> FloatArray:
        """Joint confidence region of the summary point.

        Parameters
        ----------
        n_points : int
            Points on the closed outline.

        Returns
        -------
        ndarray, shape (n_points, 2)
            Columns false positive rate and sensitivity; the first point is repeated at the end. The outline
            is an ellipse of the logits whose squared radius is the chi-squared quantile with 2 degrees of
            freedom (``ci="wald"``) or 2 F(2, k - 2) (``ci="t"``).
        """
        return self._ellipse(self._cov_means(), small_sample=self.ci == "t", n_points=n_points)

    def prediction_region(self, n_points: int = 200) -> FloatArray:
        """Region expected to hold the true point of a new study; squared radius 2 F(2, k - 2).

        Parameters and result as for ``confidence_region``; AccuracyError with fewer than 3 studies. Harbord
        2007, Biostatistics.
        """
        total = self._between() + self._cov_means()
        return self._ellipse(total, small_sample=True, n_points=n_points)

    def _ellipse(self, covariance: FloatArray, small_sample: bool, n_points: int) -> FloatArray:
        if small_sample:
            radius = np.sqrt(2 * stats.f.ppf(self.level, 2, max(self.n_studies - 2, 1)))
        else:
            radius = np.sqrt(stats.chi2.ppf(self.level, 2))
        angle = np.linspace(0, 2 * np.pi, n_points)
        circle = radius * np.column_stack([np.cos(angle), np.sin(angle)])
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        logits = circle @ root.T + [self.logit_sensitivity, self.logit_fpr]
        outline: FloatArray = expit(logits[:, ::-1])
        return outline

    def hsroc(self) -> Hsroc:
        """HSROC parameters (Harbord 2007, Biostatistics)."""
        nan = float("nan")
        if not (self.tau2_sensitivity > 0 and self.tau2_fpr > 0):
            return Hsroc(*(nan,) * 10)
        mean_s, mean_f = self.logit_sensitivity, self.logit_fpr
        ratio = (self.tau2_fpr / self.tau2_sensitivity) ** 0.25
        product = float(np.sqrt(self.tau2_sensitivity * self.tau2_fpr))
        up, down = ratio * mean_s, mean_f / ratio
        values = (
            up - down,
            (up + down) / 2,
            2 * float(np.log(ratio)),
            2 * product * (1 - self.rho),
            product * (1 + self.rho) / 2,
        )
        slope = product * (1 - self.rho**2)
        gradients = np.array(
            [
                [ratio, -1 / ratio, -(up + down) / 4, (up + down) / 4, 0],
                [ratio / 2, 1 / (2 * ratio), -(up - down) / 8, (up - down) / 8, 0],
                [0, 0, -0.5, 0.5, 0],
                [0, 0, values[3] / 2, values[3] / 2, -2 * slope],
                [0, 0, values[4] / 2, values[4] / 2, slope / 2],
            ]
        )
        covariance = self.covariance.copy()
        if np.isnan(covariance[4, 4]):  # rho was held fixed
            covariance[4, :] = covariance[:, 4] = 0
        errors = np.sqrt(np.einsum("gi,ij,gj->g", gradients, covariance, gradients))
        errors[(np.arange(5) >= 3) & (np.array(values) == 0)] = nan
        return Hsroc(*values, *(float(error) for error in errors))

    def sroc_slope(self, curve: str = "hsroc") -> float:
        """Slope of the summary ROC line in logit space.

        Parameters
        ----------
        curve : {"hsroc", "regression"}
            ``hsroc``: tau_sensitivity / tau_fpr, the curve of Rutter & Gatsonis 2001, Stat Med (mada's
            "ruttergatsonis", metandi's curve). ``regression``: rho tau_sensitivity / tau_fpr, the regression
            of logit sensitivity on logit fpr (mada's "naive" curve, which its AUC uses).

        Raises
        ------
        AccuracyError
            The variance of logit fpr is 0 or was not estimated: there is no curve.
        """
        if curve not in ("hsroc", "regression"):
            raise AccuracyError(f"curve={curve!r}; use 'hsroc' or 'regression'")
        if not self.tau2_fpr > 0:
            raise AccuracyError(
                "no summary ROC curve: the between-study variance of the false positive rate is 0 or not "
                "estimated; report the summary point"
            )
        slope = float(np.sqrt(self.tau2_sensitivity / self.tau2_fpr))
        if curve == "regression":
            slope *= 0.0 if np.isnan(self.rho) else self.rho
        return slope

    def sroc(self, fpr: FloatArray | None = None, curve: str = "hsroc") -> FloatArray:
        """Summary ROC curve.

        Parameters
        ----------
        fpr : ndarray, shape (n,), optional
            False positive rates strictly between 0 and 1; 0.01, 0.02, ... 0.99 by default.
        curve : {"hsroc", "regression"}
            See ``sroc_slope``.

        Returns
        -------
        ndarray, shape (n, 2)
            Columns false positive rate and sensitivity. Beyond the observed rates
            (``observed_fpr_range``) the curve is an extrapolation.
        """
        grid = np.arange(1, 100) / 100 if fpr is None else np.asarray(fpr, dtype=np.float64)
        if not np.all((grid > 0) & (grid < 1)):
            raise AccuracyError("fpr must lie strictly between 0 and 1; drop the ends of the grid")
        line = self.logit_sensitivity + self.sroc_slope(curve) * (logit(grid) - self.logit_fpr)
        return np.column_stack([grid, expit(line)])

    @property
    def observed_fpr_range(self) -> tuple[float, float]:
        """Smallest and largest false positive rate of the studies."""
        rates = self.counts[:, 2] / (self.counts[:, 2] + self.counts[:, 3])
        return float(rates.min()), float(rates.max())

    def auc(self, curve: str = "hsroc", fpr_range: tuple[float, float] = (0.0, 1.0)) -> float:
        """Area under the summary ROC curve, integrated numerically.

        Parameters
        ----------
        curve : {"hsroc", "regression"}
            See ``sroc_slope``.
        fpr_range : (float, float)
            Limits of the false positive rate; the area is divided by their distance (a partial area, if not
            the whole range, is thus the mean sensitivity over it).
        """
        low, high = fpr_range
        if not 0 <= low < high <= 1:
            raise AccuracyError(f"fpr_range={fpr_range}; give 0 <= low < high <= 1")
        slope = self.sroc_slope(curve)

        def sensitivity(rate: float) -> float:
            return float(expit(self.logit_sensitivity + slope * (logit(rate) - self.logit_fpr)))

        area, _ = integrate.quad(sensitivity, low, high, limit=200)
        return float(area / (high - low))

    def auc_mada(self, fpr: FloatArray | None = None, curve: str = "hsroc") -> float:
        """Area as R's mada (0.5.12) prints it, for comparison with published values.

        The curve at n rates (0.01, ... 0.99 by default) with the end points halved, divided by n. mada's
        partial area takes 99 equidistant rates over ``observed_fpr_range``. Older versions of mada used
        ``curve="regression"``.
        """
        sens = self.sroc(fpr, curve)[:, 1]
        return float((sens.sum() - (sens[0] + sens[-1]) / 2) / sens.size)

    @property
    def aic(self) -> float:
        """Akaike's criterion; with REML it compares models of equal fixed effects only."""
        return 2 * self.n_parameters - 2 * self.loglik


def critical_value(ci: str, level: float, n_studies: int) -> float:
    """Quantile for a two-sided interval: normal, or Student with max(n_studies - 2, 1) degrees of freedom."""
    if ci == "t":
        return float(stats.t.ppf(0.5 + level / 2, max(n_studies - 2, 1)))
    return float(stats.norm.ppf(0.5 + level / 2))


def back_transformed(value: float, half_width: float) -> Estimate:
    """Proportion and limits from a logit and the half width of its interval."""
    low, mid, high = expit(np.array([value - half_width, value, value + half_width]))
    return Estimate(float(mid), float(low), float(high))
