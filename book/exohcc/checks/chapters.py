"""Rules over the chapters: citations and code cells."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from exohcc.checks.project import Project
from exohcc.findings import Finding

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


def cells(project: Project) -> Iterator[Finding]:
    """Code cells parse, and read the evidence through ``exohcc.load`` alone."""
    for page in _pages(project):
        for cell in page.cells:
            try:
                ast.parse(cell.source)
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


RULES = (pages_exist, citations, cells, failures)
