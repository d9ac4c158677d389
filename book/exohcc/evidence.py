"""Load a table of the evidence as a typed polars frame. Nothing else reads the CSV files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import polars as pl

from exohcc import bibliography, schema

READS_VARIABLE = "EXOHCC_READS"
RETRACTED = ("retracted",)

_DTYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
}


class EvidenceError(ValueError):
    """A table or term was asked for that does not exist; the message lists what does."""


def tables() -> list[str]:
    """Return the names of the tables, in the order of ``datapackage.json``."""
    return list(schema.tables())


def note_read(name: str) -> None:
    """Tell the execution cache that the running chapter depends on `name`.

    The cache sets the environment variable EXOHCC_READS to a file for each chapter that it executes;
    without it, nothing happens. Names are those of files below ``data/`` or of ``references.bib``.
    """
    target = os.environ.get(READS_VARIABLE)
    if target:
        with Path(target).open("a", encoding="utf-8") as handle:
            handle.write(name + "\n")


def read_csv(table: schema.Table) -> pl.DataFrame:
    """Return the table as its CSV stands, typed by its schema; no row is left out.

    List fields become ``List(String)``, empty cells null. Raises polars errors for values that are not
    of their type; ``python -m exohcc check`` names the line.
    """
    dtypes = {field.name: _DTYPES[field.type] for field in table.fields}
    frame = pl.read_csv(table.path.read_bytes(), schema_overrides=dtypes, null_values=[""], encoding="utf8")
    lists = [pl.col(f.name).str.split(schema.LIST_SEPARATOR) for f in table.fields if f.is_list]
    return frame.with_columns(lists)


@cache
def _statuses() -> pl.DataFrame:
    return read_csv(schema.tables()["retractions"]).select("source", pl.col("status").alias("source_status"))


def load(table: str, *, setting: str | None = None, include_retracted: bool = False) -> pl.DataFrame:
    """Return one table as a typed frame.

    Parameters
    ----------
    table : str
        A name that :func:`tables` lists.
    setting : str, optional
        Keep only rows of this setting, for example ``"hcc"``; only for tables with such a column.
    include_retracted : bool
        By default rows whose source is retracted are left out, so that they are never counted.

    Returns
    -------
    polars.DataFrame
        One row per evidence row. Tables with a ``source`` column gain ``source_status`` (``none``,
        ``corrected``, ``expression of concern``, ``retracted``; null if the source has no DOI).

    Raises
    ------
    EvidenceError
        If there is no such table, or it has no ``setting``.
    """
    known = schema.tables()
    if table not in known:
        raise EvidenceError(f"No table {table!r}. Tables: {', '.join(known)}.")
    note_read(known[table].path.name)
    frame = read_csv(known[table])
    if setting is not None:
        if "setting" not in frame.columns:
            raise EvidenceError(f"Table {table!r} has no column 'setting'; call load({table!r}) without it.")
        if setting not in vocabulary("setting"):
            raise EvidenceError(f"No setting {setting!r}. Settings: {', '.join(vocabulary('setting'))}.")
        frame = frame.filter(pl.col("setting") == setting)
    if "source" in frame.columns and table != "retractions":
        note_read(known["retractions"].path.name)
        frame = frame.join(_statuses(), on="source", how="left", maintain_order="left")
        if not include_retracted:
            frame = frame.filter(~pl.col("source_status").is_in(RETRACTED).fill_null(False))
    return frame


@cache
def _vocabulary() -> pl.DataFrame:
    return read_csv(schema.tables()["vocabulary"])


def vocabulary(kind: str) -> list[str]:
    """Return the terms of one kind (``cell``, ``effect``, ``setting`` ...), in the table's order."""
    note_read(schema.tables()["vocabulary"].path.name)
    terms = _vocabulary().filter(pl.col("kind") == kind)["term"].to_list()
    if not terms:
        kinds = _vocabulary()["kind"].unique(maintain_order=True).to_list()
        raise EvidenceError(f"No vocabulary {kind!r}. Kinds: {', '.join(kinds)}.")
    return terms


def labels(kind: str, column: str = "label") -> dict[str, str]:
    """Return {term: label} of one kind; `column` may be ``label``, ``label_zh`` or ``group``."""
    known = set(vocabulary(kind))
    frame = _vocabulary().filter((pl.col("kind") == kind) & pl.col("term").is_in(known))
    return {t: text or t for t, text in frame.select("term", column).iter_rows()}


def order(kind: str) -> list[str]:
    """Return the labels of one kind in the table's order, for the axes of charts."""
    return list(labels(kind).values())


def names() -> dict[str, str]:
    """Return {key: family name of the first author, as printed}, for labels such as ``MacParland 2018``."""
    return {
        key: authors[0].split(",")[0].strip("{}")
        for key, authors in references().select("source", "authors").iter_rows()
        if authors
    }


def in_words(values: Iterable[str]) -> str:
    """Return `values` as a list in a sentence, each once and in their order: "A, B and C"; "none" if there are none."""
    *rest, last = dict.fromkeys(values) or ["none"]
    return f"{', '.join(rest)} and {last}" if rest else last


def references() -> pl.DataFrame:
    """Return ``references.bib`` as a frame: source, type, year, authors, title, journal, doi, pmid, pmcid."""
    note_read("references.bib")
    entries = bibliography.read(bibliography.default_path()).entries
    columns = ("title", "journal", "doi", "pmid", "pmcid")
    return pl.DataFrame(
        [
            {"source": e.key, "type": e.type, "year": e.year, "authors": list(e.authors)}
            | {c: e.fields.get(c) for c in columns}
            for e in entries
        ],
        schema={
            "source": pl.String, "type": pl.String, "year": pl.Int64, "authors": pl.List(pl.String),
            **dict.fromkeys(columns, pl.String),
        },
    )  # fmt: skip
