"""Diagnostic accuracy: bivariate meta-analysis, meta-regression, funnel test and two-by-two helpers.

>>> result = fit([18, 18, 15, 24], [4, 2, 7, 5], [17, 43, 12, 10], [25, 99, 19, 13])
>>> round(result.sensitivity.value, 2)
0.81
"""

from __future__ import annotations

from .bivariate import clopper_pearson, fit
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
from .deeks import DeeksTest, deeks_test
from .regression import Coefficient, LevelEstimate, LikelihoodRatioTest, MetaRegression, meta_regression
from .result import BivariateResult, Estimate, Hsroc

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
