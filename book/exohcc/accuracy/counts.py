"""Two-by-two counts: checking, continuity correction, reconstruction and predictive values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Counts = float | Sequence[float] | npt.NDArray[np.generic]

CORRECTION_RULES = ("all", "single", "always", "none")


class AccuracyError(ValueError):
    """The data or the options cannot give a sound answer; the message says what to do."""


def check_counts(tp: Counts, fn: Counts, fp: Counts, tn: Counts, *, whole: bool, min_studies: int = 1) -> FloatArray:
    """Check the four count columns and stack them.

    Parameters
    ----------
    tp, fn, fp, tn : sequences of length k
        Patients with and without the disease, by test result. A plain number is one study.
    whole : bool
        Refuse counts which are not whole numbers.
    min_studies : int
        Least number of studies the caller can use.

    Returns
    -------
    ndarray, shape (k, 4)
        Columns TP, FN, FP, TN.

    Raises
    ------
    AccuracyError
        Columns of unequal length, too few studies, a count which is missing, negative or (``whole``)
        broken, or a study without cases or without controls. Studies are named by their index from 0.
    """
    columns: list[FloatArray] = []
    for name, values in (("tp", tp), ("fn", fn), ("fp", fp), ("tn", tn)):
        try:
            column = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise AccuracyError(f"{name} holds something which is not a number; give counts only") from error
        if column.ndim != 1:
            raise AccuracyError(f"{name} has {column.ndim} dimensions; give one count per study")
        columns.append(column)
    lengths = [column.size for column in columns]
    if len(set(lengths)) != 1:
        raise AccuracyError(f"tp, fn, fp, tn have lengths {lengths}; give one value per study in each")
    if lengths[0] < min_studies:
        raise AccuracyError(f"{lengths[0]} studies given, at least {min_studies} needed; add studies")
    table = np.column_stack(columns)
    _refuse(~np.isfinite(table), table, "is missing or not finite; fill it in or leave the study out")
    _refuse(table < 0, table, "is negative; correct the count")
    if whole:
        broken = table != np.round(table)
        _refuse(broken, table, "is not a whole number; use likelihood='normal' or give whole counts")
    for label, first in (("cases (TP + FN)", 0), ("controls (FP + TN)", 2)):
        empty = np.flatnonzero(table[:, first] + table[:, first + 1] == 0)
        if empty.size:
            raise AccuracyError(f"study {empty[0]} has no {label}; leave it out of the bivariate model")
    return table


def _refuse(bad: npt.NDArray[np.bool_], table: FloatArray, what: str) -> None:
    """Raise for the first cell marked in ``bad``, naming the study and the column."""
    if bad.any():
        study, column = np.argwhere(bad)[0]
        name = ("tp", "fn", "fp", "tn")[column]
        raise AccuracyError(f"study {study}: {name} = {table[study, column]:g} {what}")


def add_correction(table: FloatArray, correction: float, rule: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Add a continuity correction to the cells.

    Parameters
    ----------
    table : ndarray, shape (k, 4)
    correction : float
        Amount added to each of the four cells of a corrected study, >= 0.
    rule : {"all", "single", "always", "none"}
        ``all``: every study, if any cell of the set is 0 (the default of R's mada); ``single``: only the
        studies which have a 0; ``always``: every study in any case; ``none``: nothing.

    Returns
    -------
    corrected : ndarray, shape (k, 4)
    notes : tuple of str
    """
    if rule not in CORRECTION_RULES:
        raise AccuracyError(f"correction_control={rule!r}; use one of {', '.join(CORRECTION_RULES)}")
    if not (np.isfinite(correction) and correction >= 0):
        raise AccuracyError(f"correction={correction!r}; give a number >= 0 (0.5 is usual)")
    sparse = (table == 0).any(axis=1)
    if rule == "always":
        chosen = np.ones(len(table), dtype=bool)
    elif rule == "all":
        chosen = np.full(len(table), bool(sparse.any()))
    elif rule == "single":
        chosen = sparse
    else:
        chosen = np.zeros(len(table), dtype=bool)
    corrected = table + correction * chosen[:, None]
    still = np.flatnonzero((corrected == 0).any(axis=1))
    if still.size:
        raise AccuracyError(
            f"study {still[0]} has an empty cell and its logit is not finite; "
            "use correction=0.5, or likelihood='binomial', which needs no correction"
        )
    if chosen.any() and correction > 0:
        note = f"{correction:g} added to every cell of {int(chosen.sum())} of {len(table)} studies"
        return corrected, (note,)
    return corrected, ()


@dataclass(frozen=True)
class TwoByTwo:
    """Whole patients behind a printed sensitivity and specificity.

    ``exact`` tells whether whole patients give both printed figures within rounding. ``tolerance_*`` is
    half a unit of the last printed digit, as a proportion. ``possible_*`` counts the whole numbers of
    patients which give the printed figure: 0 if none does, more than 1 if the print is too coarse.
    """

    tp: int
    fn: int
    fp: int
    tn: int
    exact: bool
    exact_sensitivity: bool
    exact_specificity: bool
    tolerance_sensitivity: float
    tolerance_specificity: float
    possible_sensitivity: int
    possible_specificity: int


def two_by_two(
    n_cases: int,
    n_controls: int,
    sensitivity: float | str,
    specificity: float | str,
    *,
    decimals: int | None = None,
    percent: bool | None = None,
) -> TwoByTwo:
    """Reconstruct whole-patient counts from printed sensitivity and specificity.

    Parameters
    ----------
    n_cases, n_controls : int
        Patients with and without the disease, >= 1.
    sensitivity, specificity : float or str
        As printed, in percent or as proportion. Text keeps trailing zeros (``"85.70"``), a number does
        not (``0.80`` reads as 0.8), so give text when the last printed digit is 0.
    decimals : int, optional
        Digits printed after the point, instead of those seen.
    percent : bool, optional
        Read both figures as percentages, or as proportions. By default both are percentages if either
        carries ``%`` or is above 1.

    Returns
    -------
    TwoByTwo
        The nearest whole counts, whether or not they give the printed figures.

    Raises
    ------
    AccuracyError
        Group sizes which are not positive whole numbers, or a figure outside 0 to 100 %.
    """
    for name, size in (("n_cases", n_cases), ("n_controls", n_controls)):
        if size != int(size) or size < 1:
            raise AccuracyError(f"{name}={size!r}; give a whole number of patients, at least 1")
    sens, spec = _printed(sensitivity), _printed(specificity)
    if percent is None:
        marked = any("%" in str(figure) for figure in (sensitivity, specificity))
        percent = marked or max(sens, spec) > 1
    tp, possible_tp, tolerance_tp = _whole_patients(int(n_cases), sens, decimals, percent)
    tn, possible_tn, tolerance_tn = _whole_patients(int(n_controls), spec, decimals, percent)
    return TwoByTwo(
        tp=tp,
        fn=int(n_cases) - tp,
        fp=int(n_controls) - tn,
        tn=tn,
        exact=possible_tp > 0 and possible_tn > 0,
        exact_sensitivity=possible_tp > 0,
        exact_specificity=possible_tn > 0,
        tolerance_sensitivity=tolerance_tp,
        tolerance_specificity=tolerance_tn,
        possible_sensitivity=possible_tp,
        possible_specificity=possible_tn,
    )


def _printed(figure: float | str) -> Decimal:
    """Read a figure as printed, keeping its digits."""
    try:
        value = Decimal(str(figure).strip().removesuffix("%").strip())
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise AccuracyError(f"{figure!r} is not a number; give the figure as printed, e.g. '85.7'")
    return value


def _whole_patients(n: int, value: Decimal, decimals: int | None, percent: bool) -> tuple[int, int, float]:
    """Return the nearest count, how many counts fit the print, and the tolerance as a proportion."""
    scale = 100 if percent else 1
    if not 0 <= value <= scale:
        raise AccuracyError(f"{value} is outside 0 to 100 %; check the figure or set percent=")
    exponent = value.as_tuple().exponent
    digits = decimals if decimals is not None else max(0, -int(exponent))
    half_unit = Decimal(5).scaleb(-digits - 1)
    low, high = (value - half_unit) * n / scale, (value + half_unit) * n / scale
    first = max(0, int(low.to_integral_value(rounding="ROUND_CEILING")))
    last = min(n, int(high.to_integral_value(rounding="ROUND_FLOOR")))
    nearest = int((value * n / scale).to_integral_value(rounding="ROUND_HALF_UP"))
    return nearest, max(0, last - first + 1), float(half_unit / scale)


@dataclass(frozen=True)
class PredictiveValues:
    """Positive and negative predictive value, proportions."""

    ppv: float
    npv: float


@dataclass(frozen=True)
class Per1000:
    """Expected outcomes, in persons, when 1000 persons are tested."""

    true_positives: float
    false_negatives: float
    false_positives: float
    true_negatives: float


def per_1000(sensitivity: float, specificity: float, prevalence: float) -> Per1000:
    """Give the expected results of testing 1000 persons.

    Parameters
    ----------
    sensitivity, specificity, prevalence : float
        Proportions from 0 to 1.

    Returns
    -------
    Per1000
        Persons, not rounded; the four numbers add up to 1000.
    """
    for name, value in (
        ("sensitivity", sensitivity),
        ("specificity", specificity),
        ("prevalence", prevalence),
    ):
        if not 0 <= value <= 1:
            raise AccuracyError(f"{name}={value!r}; give a proportion from 0 to 1, not a percentage")
    cases = 1000 * prevalence
    controls = 1000 - cases
    return Per1000(
        true_positives=cases * sensitivity,
        false_negatives=cases * (1 - sensitivity),
        false_positives=controls * (1 - specificity),
        true_negatives=controls * specificity,
    )


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> PredictiveValues:
    """Give the predictive values by Bayes' rule.

    Parameters
    ----------
    sensitivity, specificity, prevalence : float
        Proportions from 0 to 1.

    Returns
    -------
    PredictiveValues
        A value is nan when no test could have that result (for example prevalence 0 and specificity 1).
    """
    n = per_1000(sensitivity, specificity, prevalence)
    positive = n.true_positives + n.false_positives
    negative = n.true_negatives + n.false_negatives
    return PredictiveValues(
        ppv=n.true_positives / positive if positive > 0 else float("nan"),
        npv=n.true_negatives / negative if negative > 0 else float("nan"),
    )
