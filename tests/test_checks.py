"""Bad input, each as a tiny book: exit code 1 and one message that names file, line, rule and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from exohcc.__main__ import main
from exohcc.checks import run
from exohcc.checks.project import Page, Project
from exohcc.findings import Finding, report

Root = Callable[[str], Path]


def test_good_book_is_clean(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root("good")), "check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("case", "place", "rule"),
    [
        ("duplicate-key", "references.bib:9", "bib.duplicate-key"),
        ("missing-brace", "references.bib:1", "bib.syntax"),
        ("unknown-citation", "book/index.md:4", "cite.undefined"),
        ("missing-column", "book/exohcc/data/claims.csv:1", "table.missing-label"),
        ("unknown-word", "book/exohcc/data/claims.csv:3", "table.vocabulary"),
        ("out-of-range", "book/exohcc/data/claims.csv:2", "table.constraint-error"),
    ],
)
def test_bad_input(case: str, place: str, rule: str, root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root(case)), "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    hits = [line for line in lines if line.startswith(f"{place}: {rule}: ")]
    assert len(hits) == 1, lines
    assert re.fullmatch(r".+: .+\. .+\.", hits[0])


def test_a_broken_entry_loses_no_other(root: Root) -> None:
    """The entry after the broken one is still read: nothing is dropped silently."""
    project = Project(root("duplicate-key"))
    assert project.bibliography.keys == {"smith2020vesicles", "jones2021cells"}


def test_github_annotations(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root("unknown-word")), "check", "--format", "github"]) == 1
    assert "::error file=book/exohcc/data/claims.csv,line=3,title=table.vocabulary::" in capsys.readouterr().out


def test_could_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "check"]) == 2
    assert "_config.yml" in capsys.readouterr().err


def test_unreadable_schema_is_exit_2(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    path = root("good")
    (path / "book/exohcc/data/datapackage.json").write_text("{", encoding="utf-8")
    assert main(["--root", str(path), "check"]) == 2
    assert "could not check" in capsys.readouterr().err


Damage = Callable[[Path], None]


def _replace(file: str, old: str, new: str) -> Damage:
    def damage(path: Path) -> None:
        text = (path / file).read_text(encoding="utf-8")
        assert old in text
        (path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return damage


def _append(file: str, text: str) -> Damage:
    def damage(path: Path) -> None:
        with (path / file).open("a", encoding="utf-8") as handle:
            handle.write(text)

    return damage


CLAIMS = "book/exohcc/data/claims.csv"
BIB = "references.bib"
ENTRY = "\n@article{%s,\n  author = {Roe, D},\n  title = {{T}},\n  journal = {J},\n  year = {%s},\n  %s,\n}\n"


@pytest.mark.parametrize(
    ("damage", "rule", "place"),
    [
        (_replace(BIB, "10.1000/test.1", "https://doi.org/10.1000/TEST.1"), "bib.doi-spelling", f"{BIB}:1"),
        (_replace(BIB, "10.1000/test.1", "test.1"), "bib.doi", f"{BIB}:1"),
        (_replace(BIB, "pmid = {12345}", "pmid = {PMID12345}"), "bib.pmid", f"{BIB}:9"),
        (_replace(BIB, "pmid = {12345}", "doi = {10.1000/test.1}"), "bib.duplicate-doi", f"{BIB}:9"),
        (_replace(BIB, "  doi = {10.1000/test.1}", "  pmid = {12345}"), "bib.duplicate-pmid", f"{BIB}:9"),
        (_replace(BIB, "pmid = {12345}", "pmid = {12345},\n  pmcid = {77}"), "bib.pmcid", f"{BIB}:9"),
        (_replace(BIB, "  pmid = {12345},\n", ""), "bib.missing-field", f"{BIB}:9"),
        (_replace(BIB, "  journal = {Journal of Tests},\n", ""), "bib.missing-field", f"{BIB}:1"),
        (_replace(BIB, "Jones, Cy", "Anonymous"), "bib.placeholder", f"{BIB}:9"),
        (_replace(BIB, "Jones, Cy", "Jones"), "bib.cut-authors", f"{BIB}:9"),
        (_replace(BIB, "{{Cells in small books}}", "{[Cells in small books]}"), "bib.placeholder", f"{BIB}:9"),
        (_replace(BIB, "year = {2021}", "year = {21}"), "bib.year", f"{BIB}:9"),
        (_replace(BIB, "year = {2021}", "year = {2021},\n  year = {2021}"), "bib.duplicate-field", f"{BIB}:9"),
        (_append(BIB, ENTRY % ("roe2020paper", "2020", "pmid = {7}")), "cite.unused", f"{BIB}:17"),
        (_append(BIB, ENTRY % ("Roe", "2020", "pmid = {7}")), "bib.key", f"{BIB}:17"),
        (_append(BIB, ENTRY.replace("article", "patent") % ("roe2020a", "2020", "pmid={7}")), "bib.type", f"{BIB}:17"),
        (_replace(CLAIMS, "jones2021cells", "jonas2021cells"), "table.unknown-source", f"{CLAIMS}:3"),
        (_replace(CLAIMS, "jones2021cells", "smith2020vesicles"), "cite.unbacked", "book/chapter.md:12"),
        (_replace(CLAIMS, "a;b", "a; a"), "table.list", f"{CLAIMS}:2"),
        (_replace(CLAIMS, "CL0002", "CL0001"), "table.unique-error", f"{CLAIMS}:3"),
        (_replace(CLAIMS, "CL0002", "X2"), "table.constraint-error", f"{CLAIMS}:3"),
        (_replace(CLAIMS, "0.5", "half"), "table.type-error", f"{CLAIMS}:2"),
        (_replace(CLAIMS, "a;b", '"a\nb"'), "table.whitespace", f"{CLAIMS}:3"),
        (_replace(CLAIMS, "a;b", "a;b,more"), "table.extra-cell", f"{CLAIMS}:2"),
        (lambda path: (path / CLAIMS).unlink(), "table.missing", "book/exohcc/data/datapackage.json:1"),
        (lambda path: (path / "book/chapter.md").unlink(), "toc.missing-page", "_toc.yml:1"),
        (_replace("book/chapter.md", "answer = 6 * 7", "answer = 6 *"), "cell.syntax", "book/chapter.md:15"),
        (_replace("book/chapter.md", "answer = 6 * 7", "open('x')"), "cell.direct-read", "book/chapter.md:15"),
        (_replace("book/chapter.md", "answer = 6 * 7", "(\n x.group_by(1)\n)"), "cell.order", "book/chapter.md:16"),
        (_replace("book/chapter.md", "answer = 6 * 7", "frame['a'].unique()"), "cell.order", "book/chapter.md:15"),
    ],
)  # fmt: skip
def test_each_rule_fires(damage: Damage, rule: str, place: str, root: Root) -> None:
    path = root("good")
    damage(path)
    found = [finding for finding in run(Project(path)) if finding.rule == rule]
    assert [f"{f.path.relative_to(path).as_posix()}:{f.line}" for f in found] == [place]


def test_failed_cell_is_known_to_check(root: Root) -> None:
    path = root("good")
    ledger = path / "_build/.jupyter_cache/ledger.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text(
        '{"records": {"k": {"reads": {}, "code": "", "environment": "", "failure": '
        '{"path": "book/chapter.md", "line": 16, "error": "NameError: x"}}}}', encoding="utf-8",
    )  # fmt: skip
    (found,) = run(Project(path))
    assert (found.rule, found.line) == ("cell.failed", 16)


def test_citations_in_captions_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('A {cite:t}`a2020b`.\ncaption=f"B {{cite}}`c2021d, e2022f`."\n', encoding="utf-8")
    assert Page("page", page).citations == [("a2020b", 1), ("c2021d", 2), ("e2022f", 2)]


def test_report_is_sorted_and_unique(tmp_path: Path) -> None:
    one, two = Finding(tmp_path / "a", 2, "r", "w", "d"), Finding(tmp_path / "a", 10, "r", "w", "d")
    assert report([two, one, one], tmp_path) == "a:2: r: w. d.\na:10: r: w. d."


def test_the_project_is_clean() -> None:
    assert run(Project(Path(__file__).parents[1])) == []
