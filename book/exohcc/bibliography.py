"""Read and lint ``references.bib``.

A duplicate key silently drops every later entry in Sphinx, so the file is linted before any build.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bibtexparser
from bibtexparser.middlewares.names import split_multiple_persons_names
from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry, ParsingFailedBlock

from exohcc.findings import Finding

KEY = re.compile(r"[a-z]+\d{4}[a-z0-9]+")
DOI = re.compile(r"10\.\d{4,9}/\S+")
PLACEHOLDER = re.compile(r"^(anon|unknown|unseen)")
FIRST_YEAR, LAST_YEAR = 1860, 2027  # first year: the oldest journal a reader could cite here; last: next year
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "article": ("title", "author", "journal", "year"),
    "book": ("title", "author", "publisher", "year"),
    "inproceedings": ("title", "author", "booktitle", "year"),
    "misc": ("title", "author", "year"),
}
IDENTIFIERS = ("doi", "pmid", "url", "isbn")

# The library logs what it also returns as failed blocks; those are reported by `lint`.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography."""

    key: str
    type: str
    line: int
    fields: Mapping[str, str]
    authors: tuple[str, ...]
    year: int | None
    doi: str | None  # normalised


@dataclass(frozen=True)
class Bibliography:
    """What was read, and what stopped entries from being read."""

    path: Path
    entries: tuple[Reference, ...]
    problems: tuple[Finding, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the entries that could be read."""
        return frozenset(entry.key for entry in self.entries)


def default_path() -> Path:
    """Return the project's ``references.bib``, two folders above the package."""
    return Path(__file__).resolve().parents[2] / "references.bib"


def normalise_doi(text: str) -> str:
    """Return a DOI in one spelling: lower case, without resolver, prefix ``doi:`` or final full stop.

    >>> normalise_doi("https://doi.org/10.1002/HEP.24504.")
    '10.1002/hep.24504'
    """
    bare = re.sub(r"^(https?://)?(dx\.)?doi\.org/|^doi:\s*", "", text.strip(), flags=re.IGNORECASE)
    return bare.rstrip(".").lower()


def _reference(block: Entry) -> Reference:
    fields = {field.key.lower(): str(field.value) for field in block.fields}
    year = fields.get("year", "")
    return Reference(
        key=block.key,
        type=block.entry_type.lower(),
        line=block.start_line + 1,
        fields=fields,
        authors=tuple(split_multiple_persons_names(fields.get("author", ""))),
        year=int(year) if re.fullmatch(r"\d{4}", year) else None,
        doi=normalise_doi(fields["doi"]) if fields.get("doi") else None,
    )


@lru_cache(maxsize=8)
def _parse(path: Path, text: str) -> Bibliography:
    library = bibtexparser.parse_string(text)
    entries: list[Reference] = []
    problems: list[Finding] = []
    for block in library.blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, Entry):
            entries.append(_reference(block))
        elif isinstance(block, DuplicateBlockKeyBlock):
            first = next((e.line for e in entries if e.key == block.key), None)
            problems.append(
                Finding(
                    path, line, "bib.duplicate-key", f"Key {block.key} is already used on line {first}",
                    "Merge the two entries or give one another key",
                )
            )  # fmt: skip
        elif isinstance(block, DuplicateFieldKeyBlock):
            names = ", ".join(sorted(block.duplicate_keys))
            problems.append(
                Finding(path, line, "bib.duplicate-field", f"A field is given twice: {names}", "Keep one of them")
            )
        elif isinstance(block, ParsingFailedBlock):
            reason = str(getattr(block.error, "abort_reason", "") or block.error).strip()
            reason = reason.splitlines()[-1].strip().rstrip(".") if reason else "it does not end"
            problems.append(
                Finding(
                    path, line, "bib.syntax", f"The entry that starts here can't be read: {reason}",
                    "Close its braces and quotes, put a comma after each field",
                )
            )  # fmt: skip
    return Bibliography(path, tuple(entries), tuple(problems))


def read(path: Path) -> Bibliography:
    """Read a BibTeX file; entries that can't be read are in ``problems``, each with its line."""
    return _parse(path, path.read_text(encoding="utf-8"))


def _entry_findings(path: Path, entry: Reference) -> Iterator[Finding]:
    def finding(rule: str, what: str, remedy: str) -> Finding:
        return Finding(path, entry.line, rule, f"{entry.key}: {what}", remedy)

    if not KEY.fullmatch(entry.key) or PLACEHOLDER.search(entry.key):
        yield finding("bib.key", "the key is not family name, year, word", "Name it like lin2018mir210")
    required = REQUIRED.get(entry.type)
    if required is None:
        known = ", ".join(REQUIRED)
        yield finding("bib.type", f"type @{entry.type} is not used here", f"Use one of {known}")
        return
    for name in required:
        if not entry.fields.get(name, "").strip():
            yield finding("bib.missing-field", f"no {name}", f"Add {name} from the source, or remove the entry")
    if not any(entry.fields.get(name, "").strip() for name in IDENTIFIERS):
        yield finding("bib.missing-field", "no DOI, PMID or URL", "Add an identifier, or remove the entry")
    if entry.fields.get("title", "").startswith(("[", "{[")) and entry.fields.get("language") is None:
        yield finding("bib.placeholder", "the title stands in brackets", "Give the title, and language if translated")
    if any(author.lower() in ("unknown", "anonymous") for author in entry.authors) or entry.authors == ("others",):
        yield finding("bib.placeholder", "the authors are a placeholder", "Give the authors as printed")
    if len(entry.authors) == 1 and not entry.authors[0].startswith("{"):
        # A family name alone comes from a list that was cut; unmarked it would read as the only author.
        family, _, given = entry.authors[0].partition(",")
        if not given.strip():
            do = "Add the other authors ('and others' where the page cut the list) or the given name; a body in braces"
            yield finding("bib.cut-authors", f"{family.strip()} stands alone, without a given name", do)
    if entry.fields.get("year") and not (entry.year and FIRST_YEAR <= entry.year <= LAST_YEAR):
        yield finding("bib.year", f"year {entry.fields['year']} is not a plausible year", "Give four digits")
    if entry.doi and not DOI.fullmatch(entry.doi):
        yield finding("bib.doi", f"{entry.fields['doi']} is not a DOI", "Give it as 10.xxxx/suffix")
    if entry.doi and entry.fields["doi"] != entry.doi:
        yield finding("bib.doi-spelling", f"the DOI is written {entry.fields['doi']}", f"Write {entry.doi}")
    if "pmid" in entry.fields and not re.fullmatch(r"\d{1,8}", entry.fields["pmid"]):
        yield finding("bib.pmid", f"{entry.fields['pmid']} is not a PMID", "Give digits only")
    if "pmcid" in entry.fields and not re.fullmatch(r"PMC\d{1,9}", entry.fields["pmcid"]):
        yield finding("bib.pmcid", f"{entry.fields['pmcid']} is not a PMCID", "Give PMC and digits")


def lint(path: Path) -> list[Finding]:
    """Return every finding about the bibliography `path` on its own; an empty list means clean."""
    bibliography = read(path)
    found = list(bibliography.problems)
    for name, rule in (("doi", "bib.duplicate-doi"), ("pmid", "bib.duplicate-pmid")):
        seen: dict[str, Reference] = {}
        for entry in bibliography.entries:
            value = entry.doi if name == "doi" else entry.fields.get(name)
            if not value:
                continue
            if value in seen:
                other = seen[value]
                found.append(
                    Finding(
                        path, entry.line, rule, f"{entry.key} has the {name.upper()} {value} of {other.key}, "
                        f"line {other.line}", "Keep one entry and use its key everywhere",
                    )
                )  # fmt: skip
            seen.setdefault(value, entry)
    for entry in bibliography.entries:
        found.extend(_entry_findings(path, entry))
    return found
