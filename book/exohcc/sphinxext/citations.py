"""How sources look: author and year in the text, one clear style in the lists, retracted work marked everywhere."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pybtex.plugin import register_plugin
from pybtex.richtext import HRef, Tag, Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting.unsrt import Style as Unsrt
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.template import field, join, optional, tag
from sphinxcontrib.bibtex.plugin import register_plugin as register_reference_style
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.label import LabelReferenceStyle

from exohcc import evidence, schema

if TYPE_CHECKING:
    from pybtex.database import Entry, Person
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# Entries laid out, 10 ms each: kept in Sphinx's environment from build to build, as long as this file is the same.
_TEXTS: dict[tuple[Any, ...], Any] = {}
_STYLE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
SHOWN_AUTHORS = 6
MARKS = {"retracted": "RETRACTED", "expression of concern": "EXPRESSION OF CONCERN"}


def _statuses() -> dict[str, str]:
    frame = evidence.read_csv(schema.tables()["retractions"])
    return dict(frame.select("source", "status").iter_rows())


def _initials(given: str) -> str:
    """Return the initials of one given name: ``Jian-Hong`` to ``JH``, ``JH`` and ``J.H.`` as they are."""
    bare = given.replace(".", "")
    if bare.isupper() and len(bare) <= 3:
        return bare
    return "".join(part[0].upper() for part in bare.split("-") if part)


def _family(person: Person) -> str:
    return " ".join([*person.prelast_names, *person.last_names]).strip("{}")


def _name(entry: Entry) -> str:
    """Return the authors as the text names them: ``Wang``, ``Deng and Ke``, ``Wang et al.``."""
    names = [_family(person) for person in entry.persons.get("author", [])]
    if len(names) == 2 and names[1].lower() != "others":
        return " and ".join(names)
    return names[0] + (" et al." if len(names) > 1 else "")


def _place(entry: Entry) -> tuple[str, str, str]:
    """Return where an entry stands in a list: the name in the text, without accents; year; title."""
    bare = unicodedata.normalize("NFKD", _name(entry)).encode("ascii", "ignore").decode()
    return bare.lower(), entry.fields.get("year", ""), entry.fields.get("title", "").strip("{}").lower()


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=_place)


def _letters(number: int) -> str:
    """Return a, b, ... z, aa, ab ... for 0, 1, ..."""
    before, last = divmod(number, 26)
    return (_letters(before - 1) if before else "") + "abcdefghijklmnopqrstuvwxyz"[last]


class Labels(BaseLabelStyle):  # type: ignore[misc]
    """Author and year; a letter where two sources of one list would read alike; retracted work is called so."""

    def __init__(self, statuses: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__()
        self.statuses = statuses

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Yield one label an entry, unique among the entries given."""
        entries = list(sorted_entries)
        plain = [f"{_name(entry)}, {entry.fields.get('year', 'undated')}" for entry in entries]
        times, seen = Counter(plain), Counter[str]()
        for entry, label in zip(entries, plain, strict=True):
            status = self.statuses.get(entry.key, "")
            letter = _letters(seen[label]) if times[label] > 1 else ""
            yield label + letter + (f", {status}" if status in MARKS else "")
            seen[label] += 1


@dataclass
class ExoReferences(LabelReferenceStyle):  # type: ignore[misc]
    """Labels in the text, parted by semicolons since they hold commas."""

    bracket_parenthetical: BracketStyle = attribute(default_factory=lambda: BracketStyle(sep="; "))


class ExoStyle(Unsrt):  # type: ignore[misc]
    """Vancouver-like: up to six authors, title, journal, year;volume(number):pages, DOI and PubMed links, rows."""

    rows = True  # a link to the rows of the source, from a chapter, which lies in book/<part>/

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.statuses = _statuses()
        # The base class sets these two on the instance as well.
        self.format_labels = Labels(self.statuses).format_labels
        self.sort = _in_order

    def format_entry(self, label: str, entry: Entry, bib_data: Any = None) -> FormattedEntry:
        """Lay an entry out once, though it stands in the lists of several chapters."""
        status = self.statuses.get(entry.key)
        known = (_STYLE, self.rows, entry.key, entry.type, tuple(entry.fields.items()), str(entry.persons), status)
        if known not in _TEXTS:
            _TEXTS[known] = super().format_entry(label, entry, bib_data=bib_data).text
        return FormattedEntry(entry.key, _TEXTS[known], label)

    def _authors(self, entry: Entry) -> Text:
        names = []
        for person in entry.persons.get("author", []):
            last = _family(person)
            initials = "".join(_initials(part) for part in [*person.first_names, *person.middle_names])
            names.append(f"{last} {initials}".strip())
        more = bool(names) and names[-1].lower() == "others"
        names = names[:-1] if more else names
        if len(names) > SHOWN_AUTHORS:
            names, more = names[:SHOWN_AUTHORS], True
        return Text(", ".join(names) + (" et al" if more else "") + ".")

    def _common(self, entry: Entry, where: str) -> Any:
        number = join["(", field("number"), ")"]
        place = join[
            tag("em")[field(where)], ". ", field("year"),
            optional[join[";", field("volume"), optional[number], optional[":", field("pages")]]], ".",
        ]  # fmt: skip
        return place

    def _links(self, entry: Entry) -> Text:
        links: list[Any] = []
        fields = entry.fields
        if fields.get("doi"):
            links.append(HRef(f"https://doi.org/{fields['doi']}", f"doi:{fields['doi']}"))
        if fields.get("pmid"):
            links.append(HRef(f"https://pubmed.ncbi.nlm.nih.gov/{fields['pmid']}/", f"PubMed {fields['pmid']}"))
        if fields.get("url") and not links:
            links.append(HRef(fields["url"], fields["url"]))
        if self.rows and self.statuses.get(entry.key) == "retracted":
            links.append(HRef("../appendix/retracted-work.html", "Rows"))
        elif self.rows:
            links.append(HRef(f"../appendix/rows.html?find={entry.key}", "Rows"))
        parts: list[Any] = []
        for link in links:
            parts.extend([" ", link])
        return Text(*parts)

    def _template(self, entry: Entry, where: str) -> Any:
        mark = MARKS.get(self.statuses.get(entry.key, ""))
        return join[
            Text(Tag("strong", mark + ". ")) if mark else "",
            self._authors(entry), " ", field("title", raw=False), ". ", self._common(entry, where), self._links(entry),
        ]  # fmt: skip

    def get_article_template(self, entry: Entry) -> Any:
        """Return the layout of a journal article."""
        return self._template(entry, "journal")

    def get_misc_template(self, entry: Entry) -> Any:
        """Return the layout of anything else: preprint, software, registry."""
        return self._template(entry, "howpublished")


class ExoTooltips(ExoStyle):
    """The same without the rows, for tooltips."""

    rows = False


def _recall(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Take up what the last build laid out."""
    _TEXTS.update(getattr(env, "exohcc_texts", {}))


def _keep(app: Sphinx, env: BuildEnvironment) -> None:
    """Leave the entries of the bibliography as it is now to the next build."""
    keys = env.get_domain("cite").bibdata.data.entries  # type: ignore[attr-defined]
    env.exohcc_texts = {k: v for k, v in _TEXTS.items() if k[0] == _STYLE and k[2] in keys}  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the styles ``exohcc`` for reference lists and for citations in the text."""
    app.connect("env-before-read-docs", _recall)
    app.connect("env-updated", _keep, priority=900)  # after the lists are made
    register_plugin("pybtex.style.formatting", "exohcc", ExoStyle)
    register_plugin("pybtex.style.formatting", "exohcc_tooltips", ExoTooltips)
    register_reference_style("sphinxcontrib.bibtex.style.referencing", "exohcc", ExoReferences)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
