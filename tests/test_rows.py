"""Each rule over rows: good data damaged at one place, and exactly that rule fires there."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from exohcc.checks import chapters, rows
from exohcc.checks.project import Project

Match = Callable[[dict[str, str]], bool]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's own tables, bibliography and pages, to be damaged."""
    shutil.copytree(
        PROJECT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("*.py", "__pycache__", "sphinxext")
    )
    for name in ("references.bib", "_toc.yml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _write(path: Path, found: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def damage(root: Path, table: str, match: Match, changes: dict[str, str]) -> int:
    """Change the first row that matches, as if it had been read once only; return its line."""
    path = root / f"book/exohcc/data/{table}.csv"
    found = _read(path)
    index = next(n for n, row in enumerate(found) if match(row))
    if name := found[index].get("id"):
        readings = path.with_name("readings.csv")
        _write(readings, [reading for reading in _read(readings) if reading["row"] != name])
    found[index].update(changes)
    _write(path, found)
    return index + 2


def fired(root: Path) -> Iterator[tuple[str, str, int]]:
    project = Project(root)
    for rule in rows.RULES:
        for finding in rule(project):
            yield finding.rule, finding.path.name, finding.line


def test_the_evidence_is_clean(copy: Path) -> None:
    assert list(fired(copy)) == []


def _full(row: dict[str, str]) -> bool:
    return not row["tp"] and all(row[name] for name in ("n_cases", "n_controls", "sensitivity", "specificity"))


def _counted(kind: str) -> Match:
    return lambda row: row["counts"] == kind


@pytest.mark.parametrize(
    ("table", "match", "changes", "rule"),
    [
        ("biomarkers", _full, {"n_cases": "7", "sensitivity": "0.5", "caveat": ""}, "row.whole-patients"),
        ("biomarkers", _counted("printed"), {"tn": ""}, "row.counts"),
        ("biomarkers", _counted("printed"), {"counts": ""}, "row.counts"),
        ("biomarkers", _counted("printed"), {"n_cases": "7777"}, "row.counts"),
        ("biomarkers", _counted("derived"), {"sensitivity": "0.5", "caveat": "x"}, "row.counts"),
        ("claims", lambda r: r["topic"] == "ev_size" and r["unit"] == "nm", {"unit": "%"}, "row.unit-topic"),
        ("claims", lambda r: r["unit"] == "sensitivity", {"topic": "burden"}, "row.unit-topic"),
        ("biomarkers", lambda r: bool(r["auc_ci_low"]), {"auc_ci_low": "0.999"}, "row.interval"),
        ("prognosis", lambda r: bool(r["ci_high"]), {"ci_high": "0.001"}, "row.interval"),
        ("claims", lambda r: bool(r["ci_low"] and r["value"]), {"ci_low": "99999999"}, "row.interval"),
        ("biomarkers", lambda r: not r["auc_ci_low"], {"auc": "0.4", "caveat": ""}, "row.auc"),
        ("crosstalk", lambda r: True, {"summary": "These vesicles did it too."}, "row.stands-alone"),
        ("claims", lambda r: True, {"statement": "It rose in the same study."}, "row.stands-alone"),
        (
            "crosstalk", lambda r: r["sender"] == "hcc_cell",
            {"level_measured_in": "blood_ev", "in_vitro": "", "in_vivo": ""}, "row.blood-sender",
        ),
        ("crosstalk", lambda r: r["in_vitro"] == "true", {"basis": "title"}, "row.title-basis"),
        ("crosstalk", lambda r: r["basis"] == "title", {"summary": "Exosomes mediate EMT."}, "row.title-basis"),
        ("cell_types", lambda r: r["tumour_direction"] == "pro-tumour", {"basis": "title"}, "row.title-basis"),
        ("machinery", lambda r: r["basis"] == "title", {"effect_on_release": "promotes"}, "row.title-basis"),
        ("claims", lambda r: r["basis"] == "title", {"statement": "HULC does it."}, "row.title-basis"),
        (
            "crosstalk", lambda r: r["tumour_direction"] == "pro-tumour",
            {"setting": "fibrosis"}, "row.direction-without-tumour",
        ),
        (
            "crosstalk", lambda r: "metastasis:up" in r["effects"] and r["in_vivo"] == "true",
            {"in_vivo": "", "caveat": "One cohort."}, "row.effect-without-body",
        ),
        ("crosstalk", lambda r: True, {"caveat": "Consider keeping the row."}, "row.talk"),
        ("claims", lambda r: True, {"caveat": "Proposal: keep out of counts."}, "row.talk"),
        ("crosstalk", lambda r: True, {"caveat": "The table was not displayed again."}, "row.talk"),
        ("claims", lambda r: True, {"caveat": "The paper is held as unknown2011nanovesicle."}, "row.talk"),
        (
            "crosstalk", lambda r: r["tumour_direction"] == "pro-tumour" and r["basis"] == "abstract",
            {"effects": "", "caveat": "One cohort."}, "row.direction-without-effect",
        ),
        (
            "cell_types", lambda r: r["tumour_direction"] == "pro-tumour" and r["basis"] == "abstract",
            {"caveat": "Associations only."}, "row.direction-without-effect",
        ),
        (
            "cell_types", lambda r: r["setting"] == "healthy",
            {"tumour_direction": "anti-tumour"}, "row.direction-without-effect",
        ),
    ],
)  # fmt: skip
def test_rule_fires_at_the_damaged_row(
    table: str, match: Match, changes: dict[str, str], rule: str, copy: Path
) -> None:
    line = damage(copy, table, match, changes)
    assert list(fired(copy)) == [(rule, f"{table}.csv", line)]


@pytest.mark.parametrize("value", ["abc", "1.7e9", "-3", "12.5"])
@pytest.mark.parametrize("field", ["n_cases", "sensitivity"])
def test_figures_that_are_none_stop_no_rule(field: str, value: str, copy: Path) -> None:
    """The schema's rule names them; the rules over meaning must not fall over them."""
    line = damage(copy, "biomarkers", _counted("derived"), {field: value})
    assert ("row.counts", "biomarkers.csv", line) in set(fired(copy))


def test_duplicate_message(copy: Path) -> None:
    project = Project(copy)
    first = project.rows["crosstalk"][0]
    line = damage(
        copy,
        "crosstalk",
        lambda r: r["id"] != first.id,
        {n: first[n] for n in ("source", "sender", "cargo", "recipient")},
    )
    assert ("row.duplicate-message", "crosstalk.csv", line) in set(fired(copy))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolved": "msc"}, "keeps 'msc', but sender is 'hcc_cell'"),
        ({"row": "XT9999"}, "no row XT9999"),
        ({"field": "colour"}, "no field colour"),
    ],
)
def test_a_reading_speaks_of_what_stands(changes: dict[str, str], words: str, copy: Path) -> None:
    def match(reading: dict[str, str]) -> bool:
        return reading["field"] == "sender" and reading["resolved"] == "hcc_cell"

    line = damage(copy, "readings", match, changes)
    (finding,) = [finding for rule in rows.RULES for finding in rule(Project(copy))]
    assert (finding.rule, finding.path.name, finding.line) == ("row.reading", "readings.csv", line)
    assert words in finding.what


def test_unknown_status(copy: Path) -> None:
    damage(copy, "retractions", lambda r: r["status"] == "none", {"doi": "10.1000/other"})
    assert [rule for rule, _, _ in fired(copy)] == ["retraction.unknown"]


def test_retracted_work_must_be_named_so(copy: Path) -> None:
    (key,) = sorted(Project(copy).retracted)[:1]
    page = copy / "book/index.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\nMacrophages do it {{cite}}`{key}`.\n", encoding="utf-8")
    lines = page.read_text(encoding="utf-8").count("\n")
    assert list(fired(copy)) == [("retraction.unmarked", "index.md", lines)]


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("Of {n} patients with HCC many had it {{cite}}`{key}`.", None),
        ("Of 31,415 patients with HCC many had it {{cite}}`{key}`.", "31,415"),
        ("In 2019 miR-31415 was named {{cite}}`{key}`.", None),
        ("Of 31,415 patients nobody speaks.", None),
    ],
)
def test_a_number_in_a_cited_sentence_stands_in_a_row(sentence: str, missing: str | None, copy: Path) -> None:
    row = next(r for r in Project(copy).rows["biomarkers"] if r["n_cases"])
    page = copy / "book/index.md"
    text = page.read_text(encoding="utf-8") + "\n" + sentence.format(n=row["n_cases"], key=row["source"]) + "\n"
    page.write_text(text, encoding="utf-8")
    found = [(f.rule, f.path.name, f.line, missing in f.what) for f in chapters.numbers_stand_in_rows(Project(copy))
             if missing]  # fmt: skip
    everything = list(chapters.numbers_stand_in_rows(Project(copy)))
    if missing is None:
        assert everything == []
    else:
        assert found == [("prose.number-without-row", "index.md", text.count("\n"), True)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,540 HCC, 25.3 % (95 % CI 20.1-30)", ["1,540", "25.3", "20.1", "30"]),
        ("CD8, miR-21-5p, p53 and 14-3-3ζ", []),
        ("a 1,000-fold rise at pH 6.5", ["6.5"]),
        ("−26 mV", ["26"]),
    ],
)
def test_numbers_that_stand_by_themselves(text: str, found: list[str]) -> None:
    assert list(chapters.numbers(text)) == found
