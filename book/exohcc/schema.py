"""The tables' one definition, read from ``datapackage.json``.

Everything that needs to know a table's shape (loader, checks, data dictionary) asks this module;
nothing else reads the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
LIST_SEPARATOR = ";"


@dataclass(frozen=True)
class Field:
    """One column of a table, as ``datapackage.json`` defines it."""

    name: str
    type: str
    description: str
    required: bool
    unique: bool
    enum: tuple[str, ...]
    is_list: bool  # several values in one cell, separated by LIST_SEPARATOR
    vocabulary: str | None  # kind of term in vocabulary.csv that the value must be
    reference: str | None  # "bibliography" when the value must be a key of references.bib
    pattern: str | None
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class Table:
    """One table of the package."""

    name: str
    path: Path
    title: str
    description: str
    primary_key: tuple[str, ...]
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """Return the field called `name`; raises KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"table {self.name} has no field {name}")


def _field(raw: Mapping[str, Any]) -> Field:
    constraints = raw.get("constraints", {})
    return Field(
        name=raw["name"],
        type=raw["type"],
        description=raw["description"],
        required=constraints.get("required", False),
        unique=constraints.get("unique", False),
        enum=tuple(constraints.get("enum", ())),
        is_list=raw.get("list", False),
        vocabulary=raw.get("vocabulary"),
        reference=raw.get("reference"),
        pattern=constraints.get("pattern"),
        minimum=constraints.get("minimum"),
        maximum=constraints.get("maximum"),
    )


def read_tables(data: Path = DATA) -> dict[str, Table]:
    """Return the tables that ``datapackage.json`` in the folder `data` defines, by name.

    Raises
    ------
    FileNotFoundError, json.JSONDecodeError
        If the file is missing or is not JSON.
    """
    package = json.loads((data / "datapackage.json").read_text(encoding="utf-8"))
    found = {}
    for resource in package["resources"]:
        key = resource["schema"].get("primaryKey", [])
        found[resource["name"]] = Table(
            name=resource["name"],
            path=data / resource["path"],
            title=resource["title"],
            description=resource["description"],
            primary_key=(key,) if isinstance(key, str) else tuple(key),
            fields=tuple(_field(raw) for raw in resource["schema"]["fields"]),
        )
    return found


@cache
def tables() -> dict[str, Table]:
    """Return the project's own tables, by name, in the package's order."""
    return read_tables(DATA)
