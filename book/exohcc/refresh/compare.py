"""What differs between our entry and a service's record. Pure; small differences of spelling are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from exohcc.bibliography import Reference

from .records import Remote

KINDS = ("status", "contradiction", "missing")


@dataclass(frozen=True)
class Difference:
    """One thing for a person to decide."""

    key: str
    kind: str  # status: a notice unknown to us; contradiction: both say something; missing: only they do
    field: str
    ours: str
    theirs: str
    service: str
    notices: tuple[str, ...] = ()


def plain(text: str) -> str:
    """Return letters and digits alone, lower case, without accents or TeX: what a comparison looks at.

    >>> plain("{Exosomal miR-210–3p} in Grün's cells") == plain("Exosomal miR-210-3p in Grun’s cells")
    True
    """
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return re.sub(r"[^a-z0-9]", "", bare.encode("ascii", "ignore").decode().lower())


def _pages(text: str) -> tuple[str, ...]:
    """Return first and last page, the last one whole: ``199-204`` and ``199--04`` are the same."""
    parts = [part for part in re.split(r"[-–—]+", text.replace(" ", "")) if part]
    if len(parts) == 2 and len(parts[1]) < len(parts[0]):
        parts[1] = parts[0][: len(parts[0]) - len(parts[1])] + parts[1]
    return tuple(part.lower() for part in parts)


def _same_journal(ours: str, names: tuple[str, ...]) -> bool:
    """Tell whether one name is ours, or abbreviates ours word by word."""
    small = {"the", "of", "and", "in", "for", "a", "an", "&"}

    def words(name: str) -> list[str]:
        return [plain(word) for word in re.split(r"[\s.:;,()/-]+", name) if plain(word) and word.lower() not in small]

    mine = words(ours.replace("\\", ""))
    for name in names:
        theirs = words(name)
        if plain(name) == plain(ours) or (
            len(mine) <= len(theirs)
            and all(b.startswith(a) or a.startswith(b) for a, b in zip(mine, theirs, strict=False))
        ):
            return True
    return False


def differences(entry: Reference, status: str, remote: Remote) -> Iterator[Difference]:
    """Yield what a person should look at, for one entry of the bibliography and one record.

    `status` is the entry's status in the table of retractions, ``none`` if it has none.
    """

    def one(kind: str, name: str, ours: str, theirs: str) -> Difference:
        notices = remote.notices if kind == "status" else ()
        return Difference(entry.key, kind, name, ours, theirs, remote.service, notices)

    if remote.status != "none" and remote.status != status:
        yield one("status", "status", status, remote.status)
    fields = entry.fields
    title = fields.get("title", "")
    if remote.title and plain(title) != plain(remote.title):
        yield one("contradiction", "title", title.strip("{}"), remote.title)
    mine = [author.split(",")[0].strip("{} ") for author in entry.authors if author != "others"]
    if remote.families and mine and plain(mine[0]) != plain(remote.families[0]):
        yield one("contradiction", "first author", mine[0], remote.families[0])
    whole = "others" not in entry.authors
    if remote.families and whole and len(mine) != len(remote.families):
        yield one("contradiction", "number of authors", str(len(mine)), str(len(remote.families)))
    journal = fields.get("journal", "")
    if journal and remote.journals and not _same_journal(journal, remote.journals):
        yield one("contradiction", "journal", journal, remote.journals[0])
    if entry.year and remote.years and entry.year not in remote.years:
        yield one("contradiction", "year", str(entry.year), " or ".join(map(str, remote.years)))
    for name, theirs in (("volume", remote.volume), ("number", remote.number), ("pages", remote.pages)):
        ours = fields.get(name, "")
        same = _pages(ours) == _pages(theirs) if name == "pages" else plain(ours) == plain(theirs)
        if theirs and not same:
            yield one("contradiction" if ours else "missing", name, ours, theirs)
    for name, theirs in (("doi", remote.doi), ("pmid", remote.pmid), ("pmcid", remote.pmcid)):
        ours = (entry.doi or "") if name == "doi" else fields.get(name, "")
        if theirs and ours.lower() != theirs.lower():
            yield one("contradiction" if ours else "missing", name, ours, theirs)
