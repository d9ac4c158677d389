"""How far two readers of the same sources agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Agreement(NamedTuple):
    """Agreement of two readings."""

    n: int
    agreed: int
    share: float  # 0-1
    kappa: float | None  # Cohen's kappa; None where chance alone gives full agreement


def agreement(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Return the share of equal pairs and Cohen's kappa.

    Source of the method: Cohen's coefficient of agreement for nominal scales, (p_o - p_e) / (1 - p_e), with
    the chance agreement p_e from the two readers' own shares of each category.

    Raises
    ------
    ValueError
        The two sequences are empty or not of the same length.

    Examples
    --------
    >>> agreement(["a", "a", "b", "b"], ["a", "a", "b", "a"]).kappa
    0.5
    """
    if not first or len(first) != len(second):
        raise ValueError(f"two readings of the same, non-empty length are needed, not {len(first)} and {len(second)}")
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    shares = Counter(first), Counter(second)
    by_chance = sum(shares[0][category] * shares[1][category] for category in shares[0]) / n**2
    kappa = None if by_chance == 1 else (agreed / n - by_chance) / (1 - by_chance)
    return Agreement(n, agreed, agreed / n, kappa)
