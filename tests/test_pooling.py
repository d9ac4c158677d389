"""Pooling of hazard ratios against metafor, properties and edge cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from exohcc.pooling import PooledRatio, PoolingError, log_ratio_and_se, pool_hazard_ratios

REFERENCE = json.loads((Path(__file__).parent / "data" / "pooling_reference.json").read_text("utf-8"))


def pooled(method: str = "REML", **options: Any) -> PooledRatio:
    return pool_hazard_ratios(REFERENCE["hr"], REFERENCE["ci_low"], REFERENCE["ci_high"], method, **options)


@pytest.mark.parametrize("method", ["REML", "DL", "ML", "HE", "FE"])
def test_metafor(method: str) -> None:
    want, got = REFERENCE["methods"][method], pooled(method)
    assert got.log_ratio == pytest.approx(want["log_ratio"], abs=1e-8)
    assert got.se_log_ratio == pytest.approx(want["se"], abs=1e-7)
    assert got.tau2 == pytest.approx(want["tau2"], abs=1e-6)
    assert got.i2 == pytest.approx(want["i2"], abs=1e-4)
    assert np.log(got.ci_wald) == pytest.approx(want["wald"], abs=1e-7)
    assert (got.q, got.q_p, got.df) == pytest.approx((REFERENCE["q"], REFERENCE["q_p"], 6), abs=1e-9)
    wald = pooled(method, hartung_knapp=False)
    assert wald.ci == wald.ci_wald and wald.p == pytest.approx(want["p_wald"], rel=1e-6)
    if method == "FE":
        assert got.ci == got.ci_wald and np.isnan(got.prediction.low)
    else:
        assert got.ci == got.ci_hksj
        assert np.log(got.ci_hksj) == pytest.approx(want["hksj"], abs=1e-7)
        assert got.se_hksj == pytest.approx(want["se_hksj"], abs=1e-8)
        assert got.p == pytest.approx(want["p_hksj"], rel=1e-6)
    assert got.weights.sum() == pytest.approx(100)


def test_leave_one_out() -> None:
    want, got = REFERENCE["leave_one_out"], pooled().leave_one_out()
    assert [one.log_ratio for one in got] == pytest.approx(want["log_ratio"], abs=6e-5)
    assert [one.se_hksj for one in got] == pytest.approx(want["se_hksj"], abs=6e-5)
    assert [np.log(one.ci.low) for one in got] == pytest.approx(want["low"], abs=6e-5)
    assert [np.log(one.ci.high) for one in got] == pytest.approx(want["high"], abs=6e-5)
    assert [one.tau2 for one in got] == pytest.approx(want["tau2"], abs=6e-5)
    assert got[2].notes[0] == "without study 2"


def test_prediction_interval() -> None:
    got = pooled()
    half = t.ppf(0.975, 5) * np.sqrt(got.tau2 + got.se_hksj**2)
    assert np.log(got.prediction) == pytest.approx((got.log_ratio - half, got.log_ratio + half))
    two = pool_hazard_ratios([1.5, 2.0], [1.0, 1.2], [2.25, 3.33])
    assert np.isnan(two.prediction.low) and any("2 studies" in note for note in two.notes)


def test_one_study_is_returned_as_it_is() -> None:
    got = pool_hazard_ratios([2.0], [1.25], [3.2])
    assert got.ratio == pytest.approx(2.0) and got.ci == pytest.approx((1.25, 3.2))
    assert np.isnan(got.tau2) and "1 study" in got.notes[0]
    with pytest.raises(PoolingError, match="nothing remains"):
        got.leave_one_out()


def test_agreeing_studies() -> None:
    same = pool_hazard_ratios([1.5] * 4, [1.0] * 4, [2.25] * 4)
    assert same.tau2 == 0 and same.i2 == 0
    assert same.ci == same.ci_wald and any("agree exactly" in note for note in same.notes)
    close = pool_hazard_ratios([1.5, 1.52, 1.48], [1.0, 1.01, 0.99], [2.25, 2.29, 2.21])
    assert any("narrower than the Wald" in note for note in close.notes)


def test_other_levels() -> None:
    z90 = norm.ppf(0.95)
    low, high = np.exp(np.log(2) - z90 * 0.3), np.exp(np.log(2) + z90 * 0.3)
    _, se, _ = log_ratio_and_se([2.0], [low], [high], level=0.90)
    assert se == pytest.approx([0.3])
    assert pooled(level=0.8).ci.low > pooled().ci.low


def test_asymmetric_intervals_are_noted_by_index() -> None:
    _, _, notes = log_ratio_and_se([1.82, 1.5], [1.12, 1.4], [2.96, 3.9])
    assert len(notes) == 1 and notes[0].startswith("study 1:")
    # Rounding to one decimal explains this much.
    assert log_ratio_and_se([1.3], [1.0], [1.6])[2] == ()
    assert any("study 1" in note for note in pool_hazard_ratios([1.8, 1.5], [1.1, 1.4], [2.9, 3.9]).notes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [], []), "no study"),
        (([1.5, 2.0], [1.0], [2.0]), "have lengths"),
        (([1.5, -2.0], [1.0, 1.0], [2.0, 3.0]), "study 1: hr = -2"),
        (([1.5, 2.0], [1.0, 0.0], [2.0, 3.0]), "study 1: ci_low = 0"),
        (([1.5, 2.0], [1.0, 1.0], [2.0, float("nan")]), "study 1: ci_high = nan"),
        (([1.5, 2.0], [1.0, 3.0], [2.0, 1.0]), "study 1: 2 is not inside its interval 3 to 1"),
        (([1.5], [1.5], [1.5]), "study 0: 1.5 is not inside"),
        ((["x"], [1.5], [1.5]), "not a number"),
        (([1.5], [1.0], [2.0], "PM"), "method='PM'"),
    ],
)
def test_errors(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(PoolingError, match=message):
        pool_hazard_ratios(*arguments)
    for options in ({"level": 95}, {"input_level": 0}):
        with pytest.raises(PoolingError, match="level="):
            pool_hazard_ratios([1.5], [1.0], [2.0], **options)


@settings(max_examples=30, deadline=None)
@given(
    data=st.lists(st.tuples(st.floats(-1.5, 1.5), st.floats(0.05, 0.8)), min_size=2, max_size=8),
    factor=st.floats(0.2, 5),
    method=st.sampled_from(["REML", "DL"]),
)
def test_scaling_inverting_and_reordering(data: list[tuple[float, float]], factor: float, method: str) -> None:
    y, se = np.array(data).T
    hr, low, high = np.exp(y), np.exp(y - 1.96 * se), np.exp(y + 1.96 * se)
    one = pool_hazard_ratios(hr, low, high, method)
    assert y.min() - 1e-9 <= one.log_ratio <= y.max() + 1e-9
    assert one.ci.low <= one.ratio <= one.ci.high
    scaled = pool_hazard_ratios(factor * hr, factor * low, factor * high, method)
    assert scaled.log_ratio == pytest.approx(one.log_ratio + np.log(factor), abs=1e-4)
    inverse = pool_hazard_ratios(1 / hr, 1 / high, 1 / low, method)
    assert inverse.log_ratio == pytest.approx(-one.log_ratio, abs=1e-4)
    assert inverse.tau2 == pytest.approx(one.tau2, abs=1e-4)
    reverse = pool_hazard_ratios(hr[::-1], low[::-1], high[::-1], method)
    assert reverse.log_ratio == pytest.approx(one.log_ratio, abs=1e-4)
    assert reverse.weights[::-1] == pytest.approx(one.weights, abs=0.05)
