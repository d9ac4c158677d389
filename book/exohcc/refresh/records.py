"""Answers of the services as one kind of record. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exohcc.bibliography import normalise_doi

STATUSES = ("retracted", "expression of concern", "corrected")  # the gravest first
_CROSSREF_UPDATES = {
    "retraction": "retracted",
    "removal": "retracted",
    "withdrawal": "retracted",
    "partial_retraction": "retracted",
    "expression_of_concern": "expression of concern",
    "correction": "corrected",
    "corrigendum": "corrected",
    "erratum": "corrected",
}
# MEDLINE fields of notices about an article: retraction in, expression of concern in, erratum in.
_MEDLINE_NOTICES = {"RIN": "retracted", "ECI": "expression of concern", "EIN": "corrected"}


class NonsenseError(ValueError):
    """A service answered, but not with a record."""


@dataclass(frozen=True)
class Remote:
    """One work as a service describes it; what the service does not say is empty."""

    service: str
    title: str = ""
    families: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()  # full and short names
    years: tuple[int, ...] = ()  # print, online, issue
    volume: str = ""
    number: str = ""
    pages: str = ""
    doi: str = ""
    pmid: str = ""
    pmcid: str = ""
    status: str = "none"
    notices: tuple[str, ...] = field(default=())


def gravest(statuses: Sequence[str]) -> str:
    """Return the gravest of some statuses, ``none`` for none."""
    return next((status for status in STATUSES if status in statuses), "none")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(re.sub(r"<[^>]+>", "", str(item)).strip() for item in value if item)


def from_crossref(answer: object) -> Remote:
    """Return the record in an answer of ``/works/<doi>``.

    Source: the REST API's work message; ``updated-by`` holds notices, Retraction Watch's included.

    Raises
    ------
    NonsenseError
        The answer has no message, or the message has neither DOI nor title.
    """
    message = answer.get("message") if isinstance(answer, Mapping) else None
    if not isinstance(message, Mapping) or not (message.get("DOI") and message.get("title")):
        raise NonsenseError("Crossref's answer holds no work")
    years = []
    for name in ("published-print", "published-online", "published", "issued"):
        parts = (message.get(name) or {}).get("date-parts") or [[None]]
        if parts[0] and isinstance(parts[0][0], int):
            years.append(parts[0][0])
    updates = [update for update in message.get("updated-by") or [] if isinstance(update, Mapping)]
    statuses = [_CROSSREF_UPDATES.get(str(update.get("type", "")).lower(), "") for update in updates]
    authors = [author for author in message.get("author") or [] if isinstance(author, Mapping)]
    return Remote(
        service="Crossref",
        title=" ".join(_texts(message["title"])[:1]),
        families=tuple(str(author.get("family") or author.get("name") or "") for author in authors),
        journals=_texts(message.get("container-title")) + _texts(message.get("short-container-title")),
        years=tuple(dict.fromkeys(years)),
        volume=str(message.get("volume") or ""),
        number=str(message.get("issue") or ""),
        pages=str(message.get("page") or message.get("article-number") or ""),
        doi=normalise_doi(str(message["DOI"])),
        status=gravest(statuses),
        notices=tuple(normalise_doi(str(update["DOI"])) for update in updates if update.get("DOI")),
    )


def from_medline(record: Mapping[str, Any]) -> Remote:
    """Return the record in one MEDLINE entry, as ``Bio.Medline`` parses it.

    Raises
    ------
    NonsenseError
        The entry has no PMID or no title.
    """
    if not str(record.get("PMID", "")).isdigit() or not record.get("TI"):
        raise NonsenseError("PubMed's answer holds no article")
    identifiers = [str(item) for item in record.get("AID", [])]
    doi = next((item.removesuffix(" [doi]") for item in identifiers if item.endswith(" [doi]")), "")
    found = [status for name, status in _MEDLINE_NOTICES.items() if record.get(name)]
    if "Retracted Publication" in record.get("PT", []):
        found.append("retracted")
    years = re.findall(r"\b(?:19|20)\d\d\b", f"{record.get('DP', '')} {record.get('DEP', '')[:4]}")
    return Remote(
        service="PubMed",
        title=str(record["TI"]),
        families=tuple(str(name).split(",")[0] for name in record.get("FAU", [])),
        journals=tuple(str(record[name]) for name in ("JT", "TA") if record.get(name)),
        years=tuple(dict.fromkeys(int(year) for year in years)),
        volume=str(record.get("VI", "")),
        number=str(record.get("IP", "")),
        pages=str(record.get("PG", "")),
        doi=normalise_doi(doi) if doi else "",
        pmid=str(record["PMID"]),
        pmcid=str(record.get("PMC", "")),
        status=gravest(found),
        notices=tuple(str(item) for name in _MEDLINE_NOTICES for item in record.get(name, [])),
    )
