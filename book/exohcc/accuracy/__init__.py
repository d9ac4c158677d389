"""Diagnostic accuracy: bivariate meta-analysis, meta-regression, funnel test and two-by-two helpers.

>>> result = fit([18, 18, 15, 24], [4, 2, 7, 5], [17, 43, 12, 10], [25, 99, 19, 13])
>>> round(result.sensitivity.value, 2)
0.81
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .counts import (
    AccuracyError,
    Per1000,
    PredictiveValues,
    TwoByTwo,
    add_correction,
    per_1000,
    predictive_values,
    two_by_two,
)

if TYPE_CHECKING:
    from .bivariate import clopper_pearson, fit
    from .deeks import DeeksTest, deeks_test
    from .regression import Coefficient, LevelEstimate, LikelihoodRatioTest, MetaRegression, meta_regression
    from .result import BivariateResult, Estimate, Hsroc

# The checks need the counts alone; what needs scipy (over a second to import) is loaded on first use.
_LATER = {
    "clopper_pearson": "bivariate",
    "fit": "bivariate",
    "DeeksTest": "deeks",
    "deeks_test": "deeks",
    "Coefficient": "regression",
    "LevelEstimate": "regression",
    "LikelihoodRatioTest": "regression",
    "MetaRegression": "regression",
    "meta_regression": "regression",
    "BivariateResult": "result",
    "Estimate": "result",
    "Hsroc": "result",
}

__all__ = [
    "AccuracyError",
    "BivariateResult",
    "Coefficient",
    "DeeksTest",
    "Estimate",
    "Hsroc",
    "LevelEstimate",
    "LikelihoodRatioTest",
    "MetaRegression",
    "Per1000",
    "PredictiveValues",
    "TwoByTwo",
    "add_correction",
    "clopper_pearson",
    "deeks_test",
    "fit",
    "meta_regression",
    "per_1000",
    "predictive_values",
    "two_by_two",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
