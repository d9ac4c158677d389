"""Implausible years are found, at the entry that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from exohcc.checks.project import Project
from exohcc.checks.years import doi_year, years

ENTRY = "@article{{{key},\n  author = {{A, B}},\n  title = {{T}},\n  journal = {{J. Hepatol}},\n  year = {{{year}}},\n"


def _write(root: Path, entries: list[tuple[str, int, int, str]]) -> Project:
    text = "".join(
        ENTRY.format(key=key, year=year) + f"  volume = {{{volume}}},\n  doi = {{{doi}}},\n}}\n\n"
        for key, year, volume, doi in entries
    )
    (root / "references.bib").write_text(text, encoding="utf-8")
    return Project(root)


GOOD = [
    ("a2018x", 2018, 68, "10.1016/j.jhep.2017.11.001"),
    ("b2019y", 2019, 70, "10.1002/jhep.1"),
    ("c2019z", 2019, 71, "10.1002/jhep.2"),
    ("d2020w", 2020, 72, "10.1186/s12943-019-1086-2"),
]


def test_plausible_years_pass(tmp_path: Path) -> None:
    same = [(key, year, year - 1950, doi) for key, year, _, doi in GOOD]
    assert list(years(_write(tmp_path, same))) == []


def test_two_volumes_a_year_show_nothing(tmp_path: Path) -> None:
    assert list(years(_write(tmp_path, GOOD))) == []


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (("d2017w", 2017, 67, "10.1186/s12943-019-1086-2"), "bib.year-doi"),
        (("d2023w", 2023, 73, "10.1186/s12943-019-1086-2"), "bib.year-doi"),
        (("d2012w", 2012, 72, "10.1002/jhep.3"), "bib.year-volume"),
    ],
)
def test_the_rule_fires_at_the_entry(changed: tuple[str, int, int, str], rule: str, tmp_path: Path) -> None:
    entries = [(key, year, year - 1950, doi) for key, year, _, doi in GOOD[:3]]
    found = list(years(_write(tmp_path, [*entries, changed])))
    assert [(f.rule, f.line) for f in found] == [(rule, 28)]


def test_a_doi_without_a_year_has_none() -> None:
    assert doi_year("10.1002/hep.28735") is None
