"""Bivariate meta-analysis against published and independent results, properties and edge cases."""

from __future__ import annotations

import doctest
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, gammaln, logit
from scipy.stats import t as student

import exohcc.accuracy as accuracy
from exohcc.accuracy import (
    AccuracyError,
    BivariateResult,
    deeks_test,
    fit,
    meta_regression,
    per_1000,
    predictive_values,
    two_by_two,
)
from exohcc.accuracy.likelihoods import BinomialLikelihood, NormalLikelihood

REFERENCE = json.loads((Path(__file__).parent / "data" / "accuracy_reference.json").read_text("utf-8"))
EXAMPLES = ("auditc", "dementia")


def counts(example: str) -> dict[str, Any]:
    return dict(REFERENCE[example]["counts"])


def likelihood_of(example: str, n_nodes: int) -> BinomialLikelihood:
    table = {name: np.array(values, dtype=float) for name, values in counts(example).items()}
    events = np.column_stack([table["tp"], table["fp"]])
    totals = np.column_stack([table["tp"] + table["fn"], table["fp"] + table["tn"]])
    ones = np.ones((len(events), 1))
    return BinomialLikelihood(events, totals, ones, ones, n_nodes)


def parameters(mean_s: float, mean_f: float, tau2_s: float, tau2_f: float, rho: float) -> np.ndarray:
    """Means and Cholesky factor."""
    sd_s, sd_f = np.sqrt(tau2_s), np.sqrt(tau2_f)
    return np.array([mean_s, mean_f, sd_s, rho * sd_f, sd_f * np.sqrt(1 - rho**2)])


def simulate(rng: np.random.Generator, k: int, low: int = 20, high: int = 150) -> dict[str, Any]:
    """k studies around sensitivity expit(1.5) and false positive rate expit(-1.7)."""
    logits = rng.multivariate_normal([1.5, -1.7], [[0.49, 0.196], [0.196, 0.49]], size=k)
    cases, controls = rng.integers(low, high + 1, size=(2, k))
    tp, fp = rng.binomial(cases, expit(logits[:, 0])), rng.binomial(controls, expit(logits[:, 1]))
    return {"tp": tp, "fn": cases - tp, "fp": fp, "tn": controls - fp}


# Exact binomial likelihood ------------------------------------------------------------------------------


def test_metandi() -> None:
    want = REFERENCE["dementia"]["metandi"]
    got = fit(**counts("dementia"), ci="wald")
    # metandi's own quadrature leaves an error of about 3e-4 in the log-likelihood and less elsewhere.
    assert got.loglik == pytest.approx(want["logLik"], abs=4e-4)
    assert got.logit_sensitivity == pytest.approx(want["E_logitSe"], abs=2e-5)
    assert -got.logit_fpr == pytest.approx(want["E_logitSp"], abs=2e-5)
    assert got.se_logit_sensitivity == pytest.approx(want["E_logitSe_se"], abs=2e-5)
    assert got.se_logit_fpr == pytest.approx(want["E_logitSp_se"], abs=2e-5)
    assert -got.cov_logits == pytest.approx(want["cov_of_estimates"], abs=1e-6)
    assert got.tau2_sensitivity == pytest.approx(want["Var_logitSe"], abs=1e-4)
    assert got.tau2_fpr == pytest.approx(want["Var_logitSp"], abs=1e-4)
    assert -got.rho == pytest.approx(want["Corr_logits"], abs=1e-4)
    assert got.sensitivity[1:] == pytest.approx(want["Se_ci"], abs=1e-5)
    assert got.specificity[1:] == pytest.approx(want["Sp_ci"], abs=1e-5)
    assert got.sensitivity.value == pytest.approx(want["Se"], abs=2e-6)
    assert got.specificity.value == pytest.approx(want["Sp"], abs=2e-6)
    assert got.tau2_sensitivity_interval[1:] == pytest.approx(want["Var_logitSe_ci"], rel=5e-4)
    assert got.tau2_fpr_interval[1:] == pytest.approx(want["Var_logitSp_ci"], rel=5e-4)
    assert [-x for x in got.rho_interval[2:0:-1]] == pytest.approx(want["Corr_ci"], abs=2e-4)
    for ratio, name in (
        (got.positive_likelihood_ratio, "LRpos"),
        (got.negative_likelihood_ratio, "LRneg"),
        (got.diagnostic_odds_ratio, "DOR"),
    ):
        assert ratio.value == pytest.approx(want[name], rel=2e-5)
        assert ratio[1:] == pytest.approx(want[name + "_ci"], rel=5e-5)
    hsroc, printed = got.hsroc(), want["HSROC"]
    assert hsroc.lambda_ == pytest.approx(printed["Lambda"], abs=2e-5)
    assert hsroc.theta == pytest.approx(printed["Theta"], abs=2e-5)
    assert hsroc.beta == pytest.approx(printed["beta"], abs=5e-5)
    assert hsroc.s2alpha == pytest.approx(printed["s2alpha"], abs=1e-4)
    assert hsroc.s2theta == pytest.approx(printed["s2theta"], abs=1e-4)
    assert hsroc.lambda_se == pytest.approx(printed["Lambda_se"], abs=5e-5)
    assert hsroc.theta_se == pytest.approx(printed["Theta_se"], abs=5e-5)
    assert hsroc.beta_se == pytest.approx(printed["beta_se"], abs=1e-4)


def test_midas_and_metadta() -> None:
    got = fit(**counts("dementia"), ci="wald")
    midas, metadta = REFERENCE["dementia"]["midas"], REFERENCE["dementia"]["metadta"]
    for printed in (midas, metadta):
        assert got.sensitivity == pytest.approx(printed["sensitivity"], abs=0.005)
        assert got.specificity == pytest.approx(printed["specificity"], abs=0.005)
    assert got.positive_likelihood_ratio == pytest.approx(midas["plr"], abs=0.05)
    assert got.negative_likelihood_ratio == pytest.approx(midas["nlr"], abs=0.005)
    assert got.diagnostic_odds_ratio == pytest.approx(midas["dor"], abs=0.5)
    assert got.auc() == pytest.approx(midas["auroc"], abs=0.005)
    assert got.aic == pytest.approx(midas["aic"], abs=0.05)
    assert got.tau2_sensitivity == pytest.approx(metadta["tau2_sensitivity"], abs=0.005)
    assert got.tau2_fpr == pytest.approx(metadta["tau2_specificity"], abs=0.005)
    assert -got.rho == pytest.approx(metadta["rho"], abs=0.005)


@pytest.mark.parametrize("example", EXAMPLES)
def test_lme4(example: str) -> None:
    want = REFERENCE[example]["lme4"]
    at = parameters(
        want["logit_sensitivity"], want["logit_fpr"], want["tau2_sensitivity"], want["tau2_fpr"], want["rho"]
    )
    laplace = likelihood_of(example, 1)
    assert laplace.evaluate(at)[0] == pytest.approx(want["loglik"], abs=1e-6)
    # No better point of the Laplace likelihood is near, so that lme4's optimum is ours.
    rng = np.random.default_rng(1)
    near = max(laplace.evaluate(at + 0.01 * rng.standard_normal(5))[0] for _ in range(50))
    assert near <= want["loglik"] + 1e-6
    got = fit(**counts(example))
    assert got.logit_sensitivity == pytest.approx(want["logit_sensitivity"], abs=2e-3)
    assert got.logit_fpr == pytest.approx(want["logit_fpr"], abs=2e-3)
    assert got.se_logit_sensitivity == pytest.approx(want["se_logit_sensitivity"], rel=0.01)
    assert got.se_logit_fpr == pytest.approx(want["se_logit_fpr"], rel=0.01)
    assert got.tau2_sensitivity == pytest.approx(want["tau2_sensitivity"], rel=0.02)
    assert got.tau2_fpr == pytest.approx(want["tau2_fpr"], rel=0.02)
    assert got.rho == pytest.approx(want["rho"], abs=0.01)


def test_quadrature_against_a_plain_grid() -> None:
    want = REFERENCE["dementia"]["metandi"]
    at = parameters(
        want["E_logitSe"], -want["E_logitSp"], want["Var_logitSe"], want["Var_logitSp"], -want["Corr_logits"]
    )
    exact = likelihood_of("dementia", 15)
    grid = np.linspace(-8, 8, 321)
    z = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    eta = at[:2] + z @ np.array([[at[2], 0], [at[3], at[4]]]).T
    density = np.exp(-0.5 * (z**2).sum(axis=1)) / (2 * np.pi) * (grid[1] - grid[0]) ** 2
    total = 0.0
    for y, n in zip(exact.events, exact.totals, strict=True):
        log_p = (gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)).sum()
        total += np.log(density @ np.exp(log_p + (y * eta - n * np.logaddexp(0, eta)).sum(axis=1)))
    assert exact.evaluate(at)[0] == pytest.approx(total, abs=1e-8)


@pytest.mark.parametrize("example", EXAMPLES)
def test_derivatives(example: str) -> None:
    exact, at = likelihood_of(example, 31), np.array([1.0, -0.7, 0.6, 0.2, 0.5])
    _, gradient, hessian = exact.evaluate(at)
    shifts = 1e-5 * np.eye(5)
    numeric = [(exact.evaluate(at + e)[0] - exact.evaluate(at - e)[0]) / 2e-5 for e in shifts]
    second = [(exact.evaluate(at + e)[1] - exact.evaluate(at - e)[1]) / 2e-5 for e in shifts]
    assert gradient == pytest.approx(np.array(numeric), abs=1e-4)
    assert hessian == pytest.approx(np.array(second), abs=1e-3)


def test_nodes_do_not_matter() -> None:
    few, many = fit(**counts("auditc"), n_nodes=9), fit(**counts("auditc"), n_nodes=31)
    assert few.logit_sensitivity == pytest.approx(many.logit_sensitivity, abs=1e-4)
    assert few.loglik == pytest.approx(many.loglik, abs=1e-4)


# Normal approximation -----------------------------------------------------------------------------------


def check_metafor(got: BivariateResult, want: dict[str, Any]) -> None:
    for name in (
        "logit_sensitivity",
        "logit_fpr",
        "se_logit_sensitivity",
        "se_logit_fpr",
        "cov_logits",
        "rho",
    ):
        assert getattr(got, name) == pytest.approx(want[name], abs=1e-6)
    assert got.tau2_sensitivity == pytest.approx(want["tau2_sensitivity"], abs=1e-6)
    assert got.tau2_fpr == pytest.approx(want["tau2_fpr"], abs=1e-6)
    assert got.loglik == pytest.approx(want["loglik"], abs=1e-7)


@pytest.mark.parametrize("example", EXAMPLES)
def test_metafor(example: str) -> None:
    check_metafor(fit(**counts(example), likelihood="normal"), REFERENCE[example]["metafor"])
    check_metafor(fit(**counts(example), likelihood="normal", reml=False), REFERENCE[example]["metafor_ml"])


def test_mada() -> None:
    want = REFERENCE["auditc"]["mada"]
    got = fit(**counts("auditc"), likelihood="normal", ci="wald")
    assert got.logit_sensitivity == pytest.approx(want["logit_sensitivity"], abs=5e-5)
    assert got.logit_fpr == pytest.approx(want["logit_fpr"], abs=5e-5)
    assert got.se_logit_sensitivity == pytest.approx(want["se_logit_sensitivity"], abs=5e-4)
    assert got.se_logit_fpr == pytest.approx(want["se_logit_fpr"], abs=5e-4)
    assert got.sensitivity == pytest.approx(want["sensitivity"], abs=5e-4)
    assert got.false_positive_rate == pytest.approx(want["false_positive_rate"], abs=5e-4)
    assert np.sqrt(got.tau2_sensitivity) == pytest.approx(want["sd_sensitivity"], abs=5e-4)
    assert np.sqrt(got.tau2_fpr) == pytest.approx(want["sd_fpr"], abs=5e-4)
    assert got.rho == pytest.approx(want["rho"], abs=5e-4)
    assert got.loglik_mada == pytest.approx(want["loglik"], abs=5e-4)
    assert got.auc_mada() == pytest.approx(want["auc"], abs=5e-4)
    observed = np.linspace(*got.observed_fpr_range, 99)
    assert got.auc_mada(observed) == pytest.approx(want["partial_auc"], abs=5e-4)
    assert got.auc() == pytest.approx(0.888, abs=5e-4)
    assert got.auc("regression") == pytest.approx(0.895, abs=5e-4)
    assert "0.5 added to every cell of 14 of 14 studies" in got.notes


def test_normal_gradient() -> None:
    rng = np.random.default_rng(3)
    ones = np.ones((9, 1))
    for reml in (True, False):
        model = NormalLikelihood(rng.normal(size=(9, 2)), rng.uniform(0.1, 0.6, (9, 2)), ones, ones, reml)
        at = np.array([0.8, -0.3, 0.5])
        numeric = [(model.evaluate(at + e)[0] - model.evaluate(at - e)[0]) / 2e-6 for e in 1e-6 * np.eye(3)]
        assert model.evaluate(at)[1] == pytest.approx(np.array(numeric), abs=1e-6)


def test_correction_rules() -> None:
    data = counts("dementia")
    every = fit(**data, likelihood="normal")
    one = fit(**data, likelihood="normal", correction_control="single")
    assert one.notes == ("0.5 added to every cell of 1 of 14 studies",)
    assert one.logit_sensitivity != every.logit_sensitivity
    with pytest.raises(AccuracyError, match="study 11 has an empty cell"):
        fit(**data, likelihood="normal", correction_control="none")
    with pytest.raises(AccuracyError, match="correction_control"):
        fit(**data, likelihood="normal", correction_control="some")
    with pytest.raises(AccuracyError, match="correction=-1"):
        fit(**data, likelihood="normal", correction=-1)


# What is derived from a fit -----------------------------------------------------------------------------


def test_student_intervals_are_wider() -> None:
    wald, default = fit(**counts("dementia"), ci="wald"), fit(**counts("dementia"))
    half = logit(default.sensitivity.high) - default.logit_sensitivity
    assert half == pytest.approx(student.ppf(0.975, 12) * default.se_logit_sensitivity)
    assert default.sensitivity.low < wald.sensitivity.low < wald.sensitivity.high < default.sensitivity.high
    narrow = fit(**counts("dementia"), level=0.8)
    assert narrow.sensitivity.low > default.sensitivity.low
    with pytest.raises(AccuracyError, match="ci="):
        fit(**counts("dementia"), ci="exact")
    with pytest.raises(AccuracyError, match="level="):
        fit(**counts("dementia"), level=95)


def test_regions_and_curves() -> None:
    got = fit(**counts("auditc"), ci="wald")
    inner, outer = got.confidence_region(), got.prediction_region(50)
    assert inner.shape == (200, 2) and outer.shape == (50, 2)
    assert inner[0] == pytest.approx(inner[-1])
    assert np.all((inner > 0) & (inner < 1))
    # Mahalanobis distance of every outline point is the chi-squared quantile.
    offset = logit(inner[:, ::-1]) - [got.logit_sensitivity, got.logit_fpr]
    distance = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(got.covariance[:2, :2]), offset)
    assert distance == pytest.approx(np.full(200, 5.991465), rel=1e-4)
    assert np.ptp(outer[:, 1]) > np.ptp(inner[:, 1])
    sens, spec = got.prediction_intervals()
    assert sens.low < got.sensitivity.low and spec.high > got.specificity.high
    for curve in ("hsroc", "regression"):
        line = got.sroc(curve=curve)
        at_mean = got.sroc(np.array([1 - got.specificity.value]), curve)
        assert np.all(np.diff(line[:, 1]) > 0)
        assert at_mean[0, 1] == pytest.approx(got.sensitivity.value)
    hsroc = got.hsroc()
    slope, height = np.exp(-hsroc.beta), hsroc.lambda_ * np.exp(-hsroc.beta / 2)
    line = got.sroc()
    assert logit(line[:, 1]) == pytest.approx(height + slope * logit(line[:, 0]))
    # The mean over the curve's own grid is near the integral.
    assert got.auc(fpr_range=(0.01, 0.99)) == pytest.approx(np.trapezoid(line[:, 1], line[:, 0]) / 0.98, abs=2e-3)
    with pytest.raises(AccuracyError, match="fpr_range"):
        got.auc(fpr_range=(0.5, 0.2))
    with pytest.raises(AccuracyError, match="strictly between"):
        got.sroc(np.array([0.0, 0.5]))
    with pytest.raises(AccuracyError, match="curve="):
        got.sroc(curve="naive")


# Properties ---------------------------------------------------------------------------------------------

fast = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 10_000)


@fast
@given(seed=seeds, k=st.integers(4, 9), likelihood=st.sampled_from(["binomial", "normal"]))
def test_swapping_the_disease_labels_swaps_sensitivity_and_specificity(seed: int, k: int, likelihood: str) -> None:
    data = simulate(np.random.default_rng(seed), k)
    one = fit(**data, likelihood=likelihood)
    two = fit(data["tn"], data["fp"], data["fn"], data["tp"], likelihood)
    assume(not one.boundary and not two.boundary)
    assert one.sensitivity == pytest.approx(two.specificity, abs=1e-4)
    assert one.specificity == pytest.approx(two.sensitivity, abs=1e-4)
    assert one.tau2_sensitivity == pytest.approx(two.tau2_fpr, abs=1e-3)
    assert one.rho == pytest.approx(two.rho, abs=1e-3)
    assert one.loglik == pytest.approx(two.loglik, abs=2e-4)


@fast
@given(seed=seeds, k=st.integers(3, 9), likelihood=st.sampled_from(["binomial", "normal"]))
def test_order_of_studies_does_not_matter(seed: int, k: int, likelihood: str) -> None:
    rng = np.random.default_rng(seed)
    data = simulate(rng, k)
    order = rng.permutation(k)
    one = fit(**data, likelihood=likelihood)
    two = fit(**{name: values[order] for name, values in data.items()}, likelihood=likelihood)
    assert one.sensitivity == pytest.approx(two.sensitivity, abs=1e-5)
    assert one.specificity == pytest.approx(two.specificity, abs=1e-5)
    assert one.loglik == pytest.approx(two.loglik, abs=1e-5)


@fast
@given(seed=seeds, factor=st.integers(4, 20))
def test_larger_studies_shrink_the_standard_errors(seed: int, factor: int) -> None:
    tp, fn, fp, tn = np.random.default_rng(seed).integers(5, 40, size=4)
    small = fit([tp] * 5, [fn] * 5, [fp] * 5, [tn] * 5)
    large = fit([tp * factor] * 5, [fn * factor] * 5, [fp * factor] * 5, [tn * factor] * 5)
    assert large.sensitivity.value == pytest.approx(small.sensitivity.value)
    assert large.se_logit_sensitivity == pytest.approx(small.se_logit_sensitivity / np.sqrt(factor))
    assert large.se_logit_fpr == pytest.approx(small.se_logit_fpr / np.sqrt(factor))


@fast
@given(
    rows=st.lists(st.tuples(*[st.integers(0, 12)] * 4), min_size=1, max_size=6),
    likelihood=st.sampled_from(["binomial", "normal"]),
)
def test_sparse_tables_give_a_sound_answer_or_a_clear_error(
    rows: list[tuple[int, int, int, int]], likelihood: str
) -> None:
    try:
        got = fit(*np.array(rows).T, likelihood=likelihood)
    except AccuracyError as error:
        assert ";" in str(error)  # what is wrong; what to do
        return
    for estimate in (got.sensitivity, got.specificity):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert np.isfinite([got.se_logit_sensitivity, got.se_logit_fpr]).all()
    assert np.isnan(got.rho) or -1 <= got.rho <= 1
    if got.n_studies <= 4:
        assert any("stud" in note for note in got.notes)


# Edge cases ---------------------------------------------------------------------------------------------


def test_identical_studies_pool_to_the_common_proportion() -> None:
    got = fit([40] * 6, [10] * 6, [5] * 6, [45] * 6)
    assert got.sensitivity.value == pytest.approx(0.8)
    assert got.specificity.value == pytest.approx(0.9)
    assert got.tau2_sensitivity == got.tau2_fpr == 0
    assert np.isnan(got.rho) and "tau2_sensitivity = 0" in got.boundary
    assert got.se_logit_sensitivity == pytest.approx(np.sqrt(1 / 240 + 1 / 60))
    assert np.isnan(got.hsroc().lambda_)
    with pytest.raises(AccuracyError, match="no summary ROC curve"):
        got.auc()


def test_perfect_correlation_is_noted_and_the_rest_is_regular() -> None:
    points = np.array([-1.5, -0.7, 0.0, 0.6, 1.4])
    n = 4000
    tp, fp = np.round(n * expit(1 + points)), np.round(n * expit(-1 + points))
    got = fit(tp, n - tp, fp, n - fp)
    assert got.boundary == "rho = +1" and got.rho == 1
    assert any("rho is at its bound" in note for note in got.notes)
    assert np.isnan(got.rho_interval.low) and np.isfinite(got.tau2_fpr_interval.high)
    hsroc = got.hsroc()
    assert hsroc.s2alpha == 0 and np.isnan(hsroc.s2alpha_se) and hsroc.s2theta_se > 0
    assert got.n_parameters == 4


def test_correlation_held_at_zero() -> None:
    free = fit(**counts("dementia"))
    held = fit(**counts("dementia"), independent=True)
    assert held.rho == 0 and held.n_parameters == 4
    assert held.cov_logits == pytest.approx(0, abs=1e-10)
    assert held.loglik < free.loglik
    assert np.isfinite(held.hsroc().s2alpha_se)


def test_negative_correlation_is_noted() -> None:
    got = fit([45, 40, 30, 20, 48], [5, 10, 20, 30, 2], [2, 6, 12, 25, 1], [48, 44, 38, 25, 49])
    assert got.rho < 0 and any("rho < 0" in note for note in got.notes)


def test_two_studies() -> None:
    for likelihood in ("binomial", "normal"):
        got = fit([18, 30], [4, 3], [17, 9], [25, 60], likelihood)
        assert got.rho == 0 or np.isnan(got.rho)
        assert any("2 studies: the correlation" in note for note in got.notes)
        with pytest.raises(AccuracyError, match="at least 3 studies"):
            got.prediction_region()
        assert got.confidence_region().shape == (200, 2)


def test_one_study_is_returned_with_exact_limits() -> None:
    got = fit(45, 5, 8, 92)
    assert got.method == "single study" and np.isnan(got.tau2_sensitivity)
    assert got.sensitivity == pytest.approx((0.9, 0.7819, 0.9667), abs=1e-4)  # Clopper-Pearson, 45 of 50
    assert got.diagnostic_odds_ratio.value == pytest.approx(45 * 92 / (5 * 8))
    assert got.confidence_region().shape == (200, 2)
    assert "1 study" in got.notes[0]
    with pytest.raises(AccuracyError, match="at least 3 studies"):
        got.prediction_intervals()
    perfect = fit(20, 0, 0, 20)
    assert perfect.sensitivity == pytest.approx((1, 0.8316, 1), abs=1e-4)
    assert np.isfinite(perfect.diagnostic_odds_ratio.value)
    assert any("0.5 added" in note for note in perfect.notes)


def test_all_perfect_studies_have_no_binomial_maximum() -> None:
    data = ([20, 30, 25], [0, 0, 0], [3, 4, 2], [20, 30, 33])
    with pytest.raises(AccuracyError, match="sensitivity of 0 or 100 %"):
        fit(*data)
    got = fit(*data, "normal")
    assert any("depends on the correction" in note for note in got.notes)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([], [], [], []), "0 studies given"),
        (([10, 5], [1, 2], [3, 4], [5]), "have lengths"),
        (([10, -1], [1, 2], [3, 4], [5, 6]), "study 1: tp = -1 is negative"),
        (([10, 5], [1, 2.5], [3, 4], [5, 6]), "study 1: fn = 2.5 is not a whole number"),
        (([10, 5], [1, float("nan")], [3, 4], [5, 6]), "study 1: fn = nan is missing"),
        (([10, 0], [1, 0], [3, 4], [5, 6]), "study 1 has no cases"),
        (([10, 3], [1, 1], [0, 4], [0, 6]), "study 0 has no controls"),
        ((["a", 3], [1, 1], [0, 4], [0, 6]), "not a number"),
        (([[1, 3]], [[1, 1]], [[1, 4]], [[1, 6]]), "2 dimensions"),
    ],
)
def test_bad_counts_are_named(columns: tuple[Any, ...], message: str) -> None:
    with pytest.raises(AccuracyError, match=message):
        fit(*columns)


def test_bad_options() -> None:
    with pytest.raises(AccuracyError, match="likelihood="):
        fit(**counts("dementia"), likelihood="poisson")
    with pytest.raises(AccuracyError, match="n_nodes=3"):
        fit(**counts("dementia"), n_nodes=3)
    # Broken counts are allowed by the normal approximation.
    assert fit([10.5, 20], [2, 3.5], [4, 5], [30, 40], "normal").n_studies == 2


def test_studies_which_mix_nought_and_all_are_noted() -> None:
    tp, fn = [1, 5, 6, 11, 20, 38, 16, 7], [11, 0, 0, 0, 0, 0, 0, 0]
    got = fit(tp, fn, [3, 1, 1, 5, 0, 1, 1, 5], [31, 5, 21, 32, 17, 15, 13, 33])
    assert any("mean describes no study" in note for note in got.notes)


# Meta-regression ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_regression_against_metafor_and_lme4(example: str) -> None:
    labels = ["a", "b"] * 7
    want, null = REFERENCE[example]["metafor_ml_covariate"], REFERENCE[example]["metafor_ml"]
    got = meta_regression(**counts(example), covariate=labels, likelihood="normal", ci="wald")
    for name in ("logit_sensitivity", "logit_fpr"):
        assert [c.estimate for c in getattr(got, name)] == pytest.approx(want[name], abs=6e-5)
        assert [c.se for c in getattr(got, name)] == pytest.approx(want["se_" + name], abs=6e-5)
    assert got.tau2_sensitivity == pytest.approx(want["tau2_sensitivity"], abs=6e-5)
    assert got.rho == pytest.approx(want["rho"], abs=6e-5)
    assert got.loglik == pytest.approx(want["loglik"], abs=1e-6)
    assert got.test_both.statistic == pytest.approx(2 * (want["loglik"] - null["loglik"]), abs=1e-6)
    assert got.test_both.df == 2 and got.test_sensitivity.df == 1

    laplace = REFERENCE[example]["lme4_covariate"]
    exact = meta_regression(**counts(example), covariate=labels)
    assert [c.estimate for c in exact.logit_sensitivity] == pytest.approx(laplace["logit_sensitivity"], abs=3e-3)
    assert [c.estimate for c in exact.logit_fpr] == pytest.approx(laplace["logit_fpr"], abs=3e-3)
    assert exact.test_both.statistic == pytest.approx(laplace["chisq"], abs=0.03)
    assert exact.loglik_null == pytest.approx(fit(**counts(example)).loglik, abs=1e-6)


def test_regression_levels_and_continuous_agree() -> None:
    labels = ["serum", "plasma"] * 7
    by_level = meta_regression(**counts("dementia"), covariate=labels, reference="serum")
    assert [one.name for one in by_level.levels] == ["serum", "plasma"]
    assert [one.n_studies for one in by_level.levels] == [7, 7]
    assert by_level.logit_fpr[1].name == "plasma"
    numbers = [10.0 if label == "plasma" else 4.0 for label in labels]
    by_number = meta_regression(**counts("dementia"), covariate=numbers)
    assert by_number.center == pytest.approx(7)
    assert by_number.test_both.statistic == pytest.approx(by_level.test_both.statistic, abs=1e-5)
    assert by_number.logit_fpr[1].estimate == pytest.approx(by_level.logit_fpr[1].estimate / 6, abs=1e-6)
    for level, value in zip(by_level.levels, (4.0, 10.0), strict=True):
        sens, spec = by_number.at(value)
        assert sens == pytest.approx(level.sensitivity, abs=1e-6)
        assert spec == pytest.approx(level.specificity, abs=1e-6)
    with pytest.raises(AccuracyError, match="categorical"):
        by_level.at(4.0)
    # The p-value of one coefficient is near that of its likelihood-ratio test.
    wald = meta_regression(**counts("dementia"), covariate=labels, ci="wald")
    assert wald.logit_fpr[1].p == pytest.approx(wald.test_fpr.p, abs=0.05)


def test_regression_finds_a_true_difference() -> None:
    rng = np.random.default_rng(4)
    one, two = simulate(rng, 12), simulate(rng, 12)
    both: dict[str, Any] = {name: np.concatenate([one[name], two[name]]) for name in one}
    both["fp"][12:], both["tn"][12:] = two["tn"], two["fp"]  # the test is useless in the second group
    got = meta_regression(**both, covariate=[False] * 12 + [True] * 12)
    assert got.test_fpr.p < 1e-6 < got.test_sensitivity.p
    assert got.levels[1].name == "True" and got.levels[1].specificity.value < 0.5


@pytest.mark.parametrize(
    ("covariate", "options", "message"),
    [
        (["a"] * 14, {}, "same in all studies"),
        ([1.0] * 14, {}, "same in all studies"),
        (["a"] * 13, {}, "13 values for 14 studies"),
        (["a", ""] * 7, {}, "study 1: the covariate is missing"),
        ([1.0, float("nan")] * 7, {}, "study 1: the covariate is missing"),
        (["a", "b"] * 7, {"reference": "c"}, "none of the categories"),
        (["a", "b"] * 7, {"kind": "continuous"}, "not numeric"),
        (["a", "b"] * 7, {"kind": "ordinal"}, "kind="),
        ([str(i) for i in range(14)], {}, "14 studies for 13 covariate columns"),
        (["a"] * 11 + ["b"] + ["a"] * 2, {}, "category 'b': every study has a sensitivity of 0 or 100 %"),
    ],
)
def test_bad_covariates(covariate: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(AccuracyError, match=message):
        meta_regression(**counts("dementia"), covariate=covariate, **options)


# Funnel test --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_deeks_against_r(example: str) -> None:
    want = REFERENCE[example]["deeks"]
    got = deeks_test(**counts(example))
    assert (got.slope, got.slope_se, got.intercept) == pytest.approx(
        (want["slope"], want["slope_se"], want["intercept"]), rel=1e-7
    )
    assert got.t == pytest.approx(want["t"], abs=1e-5)
    assert got.df == want["df"]
    assert got.p == pytest.approx(want["p"], abs=1e-8)
    assert got.ess.shape == got.log_dor.shape == got.inverse_root_ess.shape == (14,)
    assert got.ess[0] == pytest.approx(4 * 56 * 839 / 895 if example == "auditc" else 4 * 22 * 42 / 64)


def test_deeks_errors() -> None:
    with pytest.raises(AccuracyError, match="at least 3 needed"):
        deeks_test([1, 2], [1, 2], [1, 2], [1, 2])
    with pytest.raises(AccuracyError, match="same effective sample size"):
        deeks_test([8, 7, 6], [2, 3, 4], [1, 2, 3], [9, 8, 7])
    assert any("little power" in note for note in deeks_test([8, 7, 9], [2, 3, 4], [1, 2, 3], [9, 8, 7]).notes)


# Two-by-two tables --------------------------------------------------------------------------------------


def test_two_by_two() -> None:
    got = two_by_two(35, 40, 85.7, 92.5)
    assert (got.tp, got.fn, got.fp, got.tn) == (30, 5, 3, 37)
    assert got.exact and got.tolerance_sensitivity == pytest.approx(0.0005)
    off = two_by_two(35, 40, "84.0%", "92.5%")
    assert not off.exact and off.exact_specificity and not off.exact_sensitivity
    assert off.tp == 29 and off.possible_sensitivity == 0
    coarse = two_by_two(1000, 40, "0.86", 0.925)
    assert coarse.exact and coarse.possible_sensitivity == 11 and coarse.tp == 860
    assert two_by_two(40, 40, "0.80", "1").tolerance_sensitivity == pytest.approx(0.005)
    assert two_by_two(40, 40, 0.8, 1, decimals=2).tolerance_sensitivity == pytest.approx(0.005)
    assert two_by_two(300, 300, 1, 1, percent=True).tp == 3
    assert two_by_two(40, 300, "85", "1").tn == 3  # both in percent


@given(n=st.integers(1, 400), m=st.integers(1, 400), data=st.data(), digits=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_two_by_two_accepts_every_correctly_rounded_table(n: int, m: int, data: st.DataObject, digits: int) -> None:
    tp, tn = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    got = two_by_two(n, m, f"{100 * tp / n:.{digits}f}%", f"{100 * tn / m:.{digits}f}%")
    assert got.exact
    assert got.tp + got.fn == n and got.fp + got.tn == m
    if got.possible_sensitivity == 1:
        assert got.tp == tp


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 40, 85.7, 92.5), "n_cases=0"),
        ((35, 40.5, 85.7, 92.5), "n_controls=40.5"),
        ((35, 40, 185.7, 92.5), "outside 0 to 100 %"),
        ((35, 40, "high", 92.5), "not a number"),
        ((35, 40, "nan", 92.5), "not a number"),
        ((35, 40, -0.1, 0.9), "outside 0 to 100 %"),
    ],
)
def test_two_by_two_errors(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(AccuracyError, match=message):
        two_by_two(*arguments)


def test_predictive_values() -> None:
    got = predictive_values(0.9, 0.8, 0.1)
    assert got.ppv == pytest.approx(0.09 / 0.27) and got.npv == pytest.approx(0.72 / 0.73)
    n = per_1000(0.9, 0.8, 0.1)
    assert (n.true_positives, n.false_negatives) == pytest.approx((90, 10))
    assert (n.false_positives, n.true_negatives) == pytest.approx((180, 720))
    assert np.isnan(predictive_values(1, 1, 0).ppv)
    with pytest.raises(AccuracyError, match="not a percentage"):
        per_1000(90, 80, 0.1)


def test_doctest_of_the_package() -> None:
    assert doctest.testmod(accuracy).failed == 0


# Speed and coverage -------------------------------------------------------------------------------------


def test_sixty_studies_take_less_than_a_second() -> None:
    data = simulate(np.random.default_rng(0), 60)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        fit(**data)
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 1.0


def coverage(n_meta_analyses: int, k: int, seed: int) -> dict[str, np.ndarray]:
    """Share of 95 % intervals which hold the true logits (sensitivity, false positive rate)."""
    rng = np.random.default_rng(seed)
    hits = {"wald": np.zeros(2), "t": np.zeros(2)}
    for _ in range(n_meta_analyses):
        got = fit(**simulate(rng, k), n_nodes=9)
        distance = np.abs(
            [
                (got.logit_sensitivity - 1.5) / got.se_logit_sensitivity,
                (got.logit_fpr + 1.7) / got.se_logit_fpr,
            ]
        )
        hits["wald"] += distance < 1.959964
        hits["t"] += distance < student.ppf(0.975, k - 2)
    return {name: count / n_meta_analyses for name, count in hits.items()}


def test_coverage_of_a_few_simulations() -> None:
    share = coverage(40, 15, 7)
    assert np.all(share["t"] >= 0.88)


@pytest.mark.slow
def test_coverage() -> None:
    share = coverage(1000, 15, 7)
    assert np.all((share["t"] > 0.93) & (share["t"] < 0.97))
    # Wald intervals fall somewhat short, the reason why they are not the default.
    assert np.all((share["wald"] > 0.90) & (share["wald"] <= share["t"]))
