"""Rules over the chapters: citations and code cells."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from exohcc.checks.project import Project
from exohcc.findings import Finding

_NO_ORDER = {"group_by", "unique"}
_READS = re.compile(r"\b(?:read_csv|scan_csv|read_json|read_ndjson|read_parquet|open)\s*\(")


def pages_exist(project: Project) -> Iterator[Finding]:
    """Every page of the table of contents is there."""
    for page in project.pages:
        if not page.path.is_file():
            yield Finding(
                project.root / "_toc.yml", 1, "toc.missing-page", f"No file {page.docname}.md",
                "Write the page or take it out of _toc.yml",
            )  # fmt: skip


def _pages(project: Project):  # type: ignore[no-untyped-def]
    return [page for page in project.pages if page.path.is_file()]


def citations(project: Project) -> Iterator[Finding]:
    """Each cited key exists and is backed by a row; each entry is used."""
    cited: set[str] = set()
    for page in _pages(project):
        for key, line in page.citations:
            cited.add(key)
            if key not in project.bibliography.keys:
                yield Finding(
                    page.path, line, "cite.undefined", f"No entry {key} in references.bib",
                    "Add the reference or correct the key",
                )  # fmt: skip
            elif key not in project.rows_by_source and key not in project.retracted:
                yield Finding(
                    page.path, line, "cite.unbacked", f"{key} is cited, but no row of any table has it as its source",
                    "Add the row that holds what the sentence says, or drop the citation",
                )  # fmt: skip
    for entry in project.bibliography.entries:
        if entry.key not in cited and entry.key not in project.rows_by_source:
            yield Finding(
                project.bibliography_path, entry.line, "cite.unused",
                f"{entry.key} is neither cited nor a row's source", "Add rows for it or remove it",
            )  # fmt: skip


_NUMBER = re.compile(r"(?<![\w.,\-/])\d[\d,]*(?:\.\d+)?(?![\w\-/]|[.,]\d)")
_ANY_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_CITED = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_ROLE = re.compile(r"\{[\w:]+\}`[^`]*`|\]\([^)]*\)")  # roles, and the targets of links
_YEARS = range(1900, 2036)


def numbers(text: str) -> dict[str, float]:
    """Return the numbers that stand by themselves in `text`, as typed; names such as miR-21 or CD8 hold none.

    >>> list(numbers("Of 1,540 HCC 25.3 % (95 % CI 20-30), miR-21 and CD8 cells"))
    ['1,540', '25.3', '20', '30']
    """
    plain = re.sub(r"95\s*%\s*(?=CI|uncertainty|confidence|prediction|limit)", "", text)
    plain = re.sub(r"\d+(?:-\d+){2,}", "", plain.replace("−", ""))  # a name: 14-3-3
    plain = re.sub(r"(?<=[\d%])\s*[-–]\s*(?=\d)", " ", plain)
    return {found.rstrip(","): float(found.replace(",", "")) for found in _NUMBER.findall(plain)}


def _stands_in(typed: str, value: float, known: set[float]) -> bool:
    """Tell whether rows hold the number: as it is, as a share, in millions, or with more decimals."""
    decimals = len(typed.partition(".")[2])
    for factor in (1, 100, 1e-6):
        if any(
            abs(number * factor - value) < 1e-9 or (decimals and round(number * factor, decimals) == value)
            for number in known
        ):
            return True
    return False


def numbers_stand_in_rows(project: Project) -> Iterator[Finding]:
    """A number in a cited sentence stands in a row of one of the sentence's sources.

    Years are free, and so are computed numbers, which are never typed. Lines are sentences in this book.
    """
    for page in _pages(project):
        for line, place in page.prose:
            keys = [key.strip() for group in _CITED.findall(line) for key in group.split(",")]
            typed = numbers(_ROLE.sub(" ", line)) if keys else {}
            if not typed:
                continue
            texts = " ".join(
                value for key in keys for row in project.rows_by_source.get(key, []) for value in row.values.values()
            )
            known = {float(found.replace(",", "")) for found in _ANY_NUMBER.findall(texts)}
            for text, value in typed.items():
                if value not in _YEARS and not _stands_in(text, value, known):
                    yield Finding(
                        page.path, place, "prose.number-without-row", f"No row of {', '.join(keys)} holds {text}",
                        "Correct the number, cite the source it comes from, or put it into the source's row",
                    )  # fmt: skip


def _unordered(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each call of polars whose order is left to chance."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in _NO_ORDER and "maintain_order" not in {keyword.arg for keyword in node.keywords}:
            yield node.func.end_lineno or 1, node.func.attr


def cells(project: Project) -> Iterator[Finding]:
    """Code cells parse, read the evidence through ``exohcc.load`` alone, and come out alike at every run."""
    for page in _pages(project):
        for cell in page.cells:
            try:
                tree = ast.parse(cell.source)
                for line, name in _unordered(tree):
                    yield Finding(
                        page.path, cell.line + line - 1, "cell.order",
                        f"{name} gives its rows in another order at every run, and so do the figure and its text",
                        f"Write {name}(..., maintain_order=True)",
                    )  # fmt: skip
            except SyntaxError as error:
                line = cell.line + (error.lineno or 1) - 1
                yield Finding(
                    page.path, line, "cell.syntax", f"The cell is not Python: {error.msg}", "Correct the code"
                )
            for offset, text in enumerate(cell.source.splitlines()):
                if _READS.search(text):
                    yield Finding(
                        page.path, cell.line + offset, "cell.direct-read",
                        "The cell reads a file itself, so the cache can't know what the page depends on",
                        "Read tables with exohcc.load",
                    )  # fmt: skip


def failures(project: Project) -> Iterator[Finding]:
    """No chapter raised when it was last executed (the build writes that down)."""
    ledger = project.root / "_build" / ".jupyter_cache" / "ledger.json"
    if not ledger.is_file():
        return
    for record in json.loads(ledger.read_text(encoding="utf-8")).get("records", {}).values():
        failure = record.get("failure")
        if failure:
            yield Finding(
                project.root / failure["path"], failure["line"], "cell.failed",
                f"The cell raised {failure['error']}", "Correct the cell and run make book",
            )  # fmt: skip


RULES = (pages_exist, citations, numbers_stand_in_rows, cells, failures)
