"""Rules over the shape of the tables: what ``datapackage.json`` says, vocabularies, keys, sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from exohcc import bibliography
from exohcc.checks.project import Project, Row
from exohcc.findings import Finding
from exohcc.schema import LIST_SEPARATOR, Field


def schema_conformance(project: Project) -> Iterator[Finding]:
    """Validate every table against ``datapackage.json`` with frictionless: ids ``table.<error type>``."""
    from frictionless import FrictionlessException, Package, system

    system.trusted = True  # the package may stand in any folder; its paths are relative to it
    try:
        package = Package(str(project.data / "datapackage.json"))
    except FrictionlessException as error:
        raise ValueError(f"datapackage.json can't be used: {error}") from error
    for resource in package.resources:
        path = project.data / str(resource.path)
        if not path.is_file():
            yield Finding(
                project.data / "datapackage.json", 1, "table.missing", f"Table {resource.name} has no file {path.name}",
                "Add the CSV or remove the resource",
            )  # fmt: skip
            continue
        report = resource.validate()
        for fault in report.tasks[0].errors if report.tasks else report.errors:
            line = getattr(fault, "row_number", None) or 1
            label = getattr(fault, "field_name", None) or getattr(fault, "label", None)
            note = " ".join(str(fault.note or fault.message).split())
            what = f"{resource.name}{'.' + label if label else ''}: {note}"
            yield Finding(path, line, f"table.{fault.type}", what.rstrip("."), _remedy(fault.type))
        for fault in report.errors[:1]:
            yield Finding(path, 1, f"table.{fault.type}", str(fault.message).rstrip("."), "Repair the file")


def _remedy(kind: str) -> str:
    return {
        "missing-label": "Add the column, in the order of datapackage.json",
        "incorrect-label": "Name the columns as in datapackage.json, in its order",
        "extra-label": "Remove the column or define it in datapackage.json",
        "missing-cell": "Give the row as many cells as the header has",
        "extra-cell": "Quote the cell that holds a comma",
        "type-error": "Give a value of the type that datapackage.json says, or leave the cell empty",
        "constraint-error": "Give a value that datapackage.json allows, or leave the cell empty",
        "unique-error": "Give the row an id of its own",
        "primary-key": "Merge the two rows or give one another key",
        "blank-row": "Remove the empty line",
    }.get(kind, "See the column's description in datapackage.json")


def _fields(project: Project, wanted: Callable[[Field], bool]) -> Iterator[tuple[Row, Field, str]]:
    """Yield every single value of the fields that `wanted` picks, lists split."""
    for name, table in project.tables.items():
        for field in table.fields:
            if not wanted(field):
                continue
            for row in project.rows.get(name, []):
                text = row[field.name]
                for value in text.split(LIST_SEPARATOR) if field.is_list else [text]:
                    if text:
                        yield row, field, value


def vocabulary(project: Project) -> Iterator[Finding]:
    """Each value of a controlled field is a term of its kind."""
    for row, field, value in _fields(project, lambda f: f.vocabulary is not None):
        term = value.split(":")[0]
        if term not in project.vocabulary.get(str(field.vocabulary), set()):
            yield Finding(
                row.path, row.line, "table.vocabulary",
                f"{row.id}: {field.name} has {term!r}, which is no {field.vocabulary} of vocabulary.csv",
                "Use a term of the vocabulary or add one there",
            )  # fmt: skip


def lists(project: Project) -> Iterator[Finding]:
    """Find lists with an empty item, a repeated item or blanks round the separator."""
    for name, table in project.tables.items():
        for field in (f for f in table.fields if f.is_list):
            for row in project.rows.get(name, []):
                items = row[field.name].split(LIST_SEPARATOR) if row[field.name] else []
                if any(item != item.strip() or not item for item in items) or len(set(items)) < len(items):
                    yield Finding(
                        row.path, row.line, "table.list",
                        f"{row.id}: {field.name} has an empty, repeated or padded item",
                        f"Separate items by {LIST_SEPARATOR!r} alone, each once",
                    )  # fmt: skip


def sources(project: Project) -> Iterator[Finding]:
    """Each source key is in the bibliography."""
    for row, _, key in _fields(project, lambda f: f.reference == "bibliography"):
        if key not in project.bibliography.keys:
            yield Finding(
                row.path, row.line, "table.unknown-source", f"{row.id}: no entry {key} in references.bib",
                "Add the reference or correct the key",
            )  # fmt: skip


def identifiers(project: Project) -> Iterator[Finding]:
    """DOIs in tables are written in one spelling."""
    for row, _, text in _fields(project, lambda f: f.name in ("doi", "notice_doi")):
        if bibliography.normalise_doi(text) != text:
            yield Finding(
                row.path, row.line, "table.doi-spelling", f"{row.id}: the DOI is written {text}",
                f"Write {bibliography.normalise_doi(text)}",
            )  # fmt: skip


def one_line(project: Project) -> Iterator[Finding]:
    """No cell holds a line break or outer blanks, so that a row is a line."""
    for rows in project.rows.values():
        for row in rows:
            for name, text in row.values.items():
                if re.search(r"[\r\n\t]|^\s|\s$", text):
                    yield Finding(
                        row.path, row.line, "table.whitespace", f"{row.id}: {name} holds a line break or outer blanks",
                        "Write the cell on one line, trimmed",
                    )  # fmt: skip


RULES = (schema_conformance, vocabulary, lists, sources, identifiers, one_line)
