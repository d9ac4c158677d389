"""Years that can be true: against the year inside the DOI, and against the volumes of the same journal."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from exohcc.bibliography import Reference
from exohcc.checks.project import Project
from exohcc.findings import Finding

# Publishers that write the year of submission or acceptance into the DOI, with two or four digits.
_DOI_YEAR = re.compile(
    r"10\.(?:1038|1186|1007|1057)/s\d{5}-0(?P<short>\d\d)-"
    r"|10\.(?:1016/j\.[a-z]+\.|3389/[a-z]+\.|1155/|1136/[a-z]+-|1080/\d+\.)(?P<long>(?:19|20)\d\d)(?:[./-])"
)
_LATEST = 2  # years between the DOI and the volume
_ENOUGH = 3  # entries that must agree on a journal's count of volumes


def doi_year(doi: str) -> int | None:
    """Return the year that a DOI names, if its publisher writes one.

    >>> doi_year("10.1016/j.jhep.2019.05.013"), doi_year("10.1038/s41467-018-02820-0"), doi_year("10.1002/hep.1")
    (2019, 2018, None)
    """
    match = _DOI_YEAR.match(doi)
    if not match:
        return None
    return int(match["long"]) if match["long"] else 2000 + int(match["short"])


def years(project: Project) -> Iterator[Finding]:
    """The year fits the DOI, and the volume when the journal's other entries show one volume a year."""
    path = project.bibliography_path
    journals: dict[str, list[tuple[int, Reference]]] = defaultdict(list)
    for entry in project.bibliography.entries:
        if entry.year is None:
            continue
        named = doi_year(entry.doi or "")
        if named and not named <= entry.year <= named + _LATEST:
            yield Finding(
                path, entry.line, "bib.year-doi", f"{entry.key}: year {entry.year}, but the DOI is of {named}",
                "Give the year of the volume, or correct the DOI",
            )  # fmt: skip
        if entry.fields.get("volume", "").isdigit():
            name = re.sub(r"\W", "", entry.fields.get("journal", "").lower())
            journals[name].append((entry.year - int(entry.fields["volume"]), entry))
    for entries in journals.values():
        (start, agreeing), *_ = Counter(first for first, _ in entries).most_common(1)
        if agreeing < _ENOUGH or 2 * agreeing <= len(entries):
            continue
        for first, entry in entries:
            if abs(first - start) > 1:
                what = f"{entry.key}: volume {entry.fields['volume']} in {entry.year}, but {agreeing} other entries "
                what += f"of {entry.fields['journal']} put that volume into {start + int(entry.fields['volume'])}"
                yield Finding(path, entry.line, "bib.year-volume", what, "Read year and volume again")


RULES = (years,)
