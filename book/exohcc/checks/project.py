"""The project as the checks see it: files, rows with their lines, chapters with their citations."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from exohcc import bibliography, schema

# {cite}`a,b`, {cite:t}`a` and, in the captions of f-strings, {{cite}}`a`.
CITATION = re.compile(r"\{\{?cite(?::\w+)?\}\}?`([^`]+)`")
_FENCE = re.compile(r"^(`{3,}|~{3,}|:{3,})\s*(\{[\w:-]+\})?(.*)$")


@dataclass(frozen=True)
class Row:
    """One row of a table as it stands in the file: texts, not yet typed."""

    table: schema.Table
    path: Path
    line: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name) or ""

    @property
    def id(self) -> str:
        """The row's primary key, for messages."""
        return "/".join(self[name] for name in self.table.primary_key)

    def number(self, name: str) -> float | None:
        """Return a numeric field, or None if it is empty or not a number."""
        try:
            return float(self[name])
        except ValueError:
            return None


@dataclass(frozen=True)
class Cell:
    """One code cell of a chapter."""

    line: int  # of the first line of code
    source: str


@dataclass(frozen=True)
class Page:
    """One page of the book."""

    docname: str
    path: Path

    @cached_property
    def text(self) -> str:
        """The page's source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> list[str]:
        """The page's source by line."""
        return self.text.splitlines()

    @cached_property
    def citations(self) -> list[tuple[str, int]]:
        """Keys cited on the page, prose and captions, each with its line."""
        return [
            (key.strip(), number)
            for number, line in enumerate(self.lines, 1)
            for group in CITATION.findall(line)
            for key in group.split(",")
            if "{" not in key  # a key that an f-string fills in
        ]

    def paragraph(self, line: int) -> str:
        """Return the lines round `line` up to the next empty ones."""
        first = last = line - 1
        while first > 0 and self.lines[first - 1].strip():
            first -= 1
        while last + 1 < len(self.lines) and self.lines[last + 1].strip():
            last += 1
        return "\n".join(self.lines[first : last + 1])

    @cached_property
    def cells(self) -> list[Cell]:
        """The page's code cells."""
        return list(_cells(self.lines))

    @cached_property
    def prose(self) -> list[tuple[str, int]]:
        """Lines that are neither front matter nor code, each with its number."""
        return list(_prose(self.lines))


def _cells(lines: list[str]) -> Iterator[Cell]:
    index = 0
    while index < len(lines):
        match = _FENCE.match(lines[index])
        index += 1
        if not match or match.group(2) != "{code-cell}":
            continue
        body: list[str] = []
        while index < len(lines) and not lines[index].startswith(match.group(1)):
            body.append(lines[index])
            index += 1
        skip = _option_lines(body)
        yield Cell(index - len(body) + skip + 1, "\n".join(body[skip:]))


def _option_lines(body: list[str]) -> int:
    """Return how many lines at the top of a directive are options, ``:key: value`` or a ``---`` block."""
    if body and body[0].strip() == "---":
        return next((n + 1 for n in range(1, len(body)) if body[n].strip() == "---"), 0)
    return next((n for n, line in enumerate(body) if not re.match(r":[\w-]+:", line)), len(body))


def _prose(lines: list[str]) -> Iterator[tuple[str, int]]:
    index = 0
    if lines and lines[0].strip() == "---":
        index = next((n + 1 for n in range(1, len(lines)) if lines[n].strip() == "---"), 0)
    code: str | None = None
    open_directives: list[str] = []
    for number in range(index, len(lines)):
        line = lines[number]
        match = _FENCE.match(line)
        if code is not None:
            if line.startswith(code):
                code = None
        elif match and match.group(2) is None and match.group(1) in open_directives:
            del open_directives[open_directives.index(match.group(1)) :]
        elif match and match.group(1)[0] != ":" and match.group(2) in (None, "{code-cell}", "{mermaid}"):
            code = match.group(1)
        elif match and match.group(2) is not None:
            open_directives.append(match.group(1))
        else:
            yield line, number + 1


class Project:
    """The files under one root, each read once."""

    def __init__(self, root: Path, data: Path | None = None) -> None:
        self.root = root
        self.data = data or root / "book" / "exohcc" / "data"
        self.bibliography_path = root / "references.bib"

    @cached_property
    def bibliography(self) -> bibliography.Bibliography:
        """The bibliography."""
        return bibliography.read(self.bibliography_path)

    @cached_property
    def tables(self) -> dict[str, schema.Table]:
        """The tables as ``datapackage.json`` defines them."""
        return schema.read_tables(self.data)

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """The rows of every table that can be read."""
        return {name: list(_rows(table)) for name, table in self.tables.items() if table.path.is_file()}

    @cached_property
    def vocabulary(self) -> dict[str, set[str]]:
        """Allowed terms by kind."""
        terms: dict[str, set[str]] = {}
        for row in self.rows.get("vocabulary", []):
            terms.setdefault(row["kind"], set()).add(row["term"])
        return terms

    @cached_property
    def retracted(self) -> set[str]:
        """Keys of the sources that are retracted."""
        return {row["source"] for row in self.rows.get("retractions", []) if row["status"] == "retracted"}

    @cached_property
    def rows_by_source(self) -> dict[str, list[Row]]:
        """Rows of all tables of evidence, by their source; the list of retractions is not evidence."""
        found: dict[str, list[Row]] = {}
        for name, table_rows in self.rows.items():
            if name in ("retractions", "readings", "vocabulary"):
                continue
            for row in table_rows:
                if row["source"]:
                    found.setdefault(row["source"], []).append(row)
        return found

    @cached_property
    def pages(self) -> list[Page]:
        """The pages that ``_toc.yml`` lists, in its order."""
        return [Page(name, self.root / f"{name}.md") for name in docnames(self.root)]


def docnames(root: Path) -> list[str]:
    """Return the documents of ``_toc.yml`` in its order."""
    text = (root / "_toc.yml").read_text(encoding="utf-8")
    return [name.removesuffix(".md") for name in re.findall(r"^[\s-]*(?:root|file):\s*(\S+)", text, re.MULTILINE)]


def _rows(table: schema.Table) -> Iterator[Row]:
    with table.path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        for values in reader:
            texts = {k: v for k, v in values.items() if k is not None and isinstance(v, str)}
            yield Row(table, table.path, reader.line_num, texts)
