"""Rows as an accessible HTML table: the readable alternative to a figure, and the way from a row to its source."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import polars as pl

from exohcc import evidence

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_KEY = re.compile(r"\b[a-z]+\d{4}[a-z0-9]+\b")
_NCT = re.compile(r"NCT\d{8}")
_WIDE = 5  # more columns do not fit beside each other


class Listing:
    """A table that a notebook shows as HTML; on a phone, or with many columns, each row is a card (by exohcc.css)."""

    def __init__(self, markup: str) -> None:
        self._markup = markup

    def _repr_html_(self) -> str:
        return self._markup


def listing(frame: pl.DataFrame, columns: Mapping[str, str], *, caption: str) -> Listing:
    """Return `frame` as a table with a caption, a row header and labelled cells.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows, in the order wanted. If there is a column ``id``, each row shows it and can be linked to by it.
    columns : mapping of str to str
        Column of `frame` to the heading shown. The first one is the row's header. ``source`` becomes the
        first author and year, linked to the DOI or PubMed record, and so does a source's key inside a text;
        ``summary``, ``statement`` and other long texts stand as they are. Lists are joined, true and false
        become "yes" and "no", null an empty cell.
    caption : str
        What the table holds; read aloud first.

    Raises
    ------
    KeyError
        A column is not in `frame`.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise KeyError(f"no column {', '.join(missing)}; there are {', '.join(frame.columns)}")
    links = _links() if "source" in columns else {}
    heads = "".join(f'<th scope="col"{_language(label)}>{html.escape(label)}</th>' for label in columns.values())
    body = []
    for row in frame.iter_rows(named=True):
        anchor, link = "", ""
        key = row.get("source")
        if "id" in frame.columns:
            name_of_row = html.escape(str(row["id"]))
            anchor = f' id="{name_of_row}"' + (f' data-source="{html.escape(str(key))}"' if key else "")
            link = f' <a class="exo-id" href="#{name_of_row}">{name_of_row}</a>'
        cells = []
        for index, (name, label) in enumerate(columns.items()):
            text = _text(row[name])
            if name == "source":
                text = links.get(row[name], text) or _registry(row)
            else:
                text = _KEY.sub(lambda found: links.get(found[0], found[0]), text)
            if index == 0:
                cells.append(f'<th scope="row">{text}{link}</th>')
            else:
                cells.append(f'<td data-label="{html.escape(label)}"{_language(text)}>{text}</td>')
        body.append(f"<tr{anchor}>{''.join(cells)}</tr>")
    style = "exo-listing exo-cards" if len(columns) > _WIDE else "exo-listing"
    return Listing(
        f'<table class="{style}"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def _registry(row: Mapping[str, object]) -> str:
    """Return the link to the entry of a registered trial, which has no paper as its source."""
    name = str(row.get("id", ""))
    return f'<a href="https://clinicaltrials.gov/study/{name}">ClinicalTrials.gov</a>' if _NCT.fullmatch(name) else ""


def _language(text: str) -> str:
    """Return the attribute that tells screen readers of Chinese."""
    return ' lang="zh-Hans"' if _CHINESE.search(text) else ""


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return html.escape(", ".join(str(item) for item in value))
    return html.escape(str(value))


def _links() -> dict[str, str]:
    """Return {key: link to the source}, the words being first author and year."""
    found, names = {}, evidence.names()
    for row in evidence.references().iter_rows(named=True):
        name = names.get(row["source"], row["source"])
        place = f"https://doi.org/{row['doi']}" if row["doi"] else f"https://pubmed.ncbi.nlm.nih.gov/{row['pmid']}/"
        words = html.escape(f"{name} {row['year']}")
        known = row["doi"] or row["pmid"]
        found[row["source"]] = f'<a href="{html.escape(place)}">{words}</a>' if known else words
    return found
