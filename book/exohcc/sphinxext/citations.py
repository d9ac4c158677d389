"""How sources look: author and year in the text, one clear style in the lists, retracted work marked everywhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybtex.plugin import register_plugin
from pybtex.richtext import HRef, Tag, Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting.unsrt import Style as Unsrt
from pybtex.style.template import field, join, optional, tag

from exohcc import evidence, schema

if TYPE_CHECKING:
    from pybtex.database import Entry
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


class ExoStyle(Unsrt):  # type: ignore[misc]
    """Vancouver-like: up to six authors, title, journal, year;volume(number):pages, DOI and PubMed links."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.statuses = _statuses()

    def format_entry(self, label: str, entry: Entry, bib_data: Any = None) -> FormattedEntry:
        """Lay an entry out once, though it stands in the lists of several chapters."""
        status = self.statuses.get(entry.key)
        known = (_STYLE, entry.key, entry.type, tuple(entry.fields.items()), str(entry.persons), status)
        if known not in _TEXTS:
            _TEXTS[known] = super().format_entry(label, entry, bib_data=bib_data).text
        return FormattedEntry(entry.key, _TEXTS[known], label)

    def _authors(self, entry: Entry) -> Text:
        names = []
        for person in entry.persons.get("author", []):
            last = " ".join([*person.prelast_names, *person.last_names]).strip("{}")
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


def _recall(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Take up what the last build laid out."""
    _TEXTS.update(getattr(env, "exohcc_texts", {}))


def _keep(app: Sphinx, env: BuildEnvironment) -> None:
    """Leave the entries of the bibliography as it is now to the next build."""
    keys = env.get_domain("cite").bibdata.data.entries  # type: ignore[attr-defined]
    env.exohcc_texts = {k: v for k, v in _TEXTS.items() if k[0] == _STYLE and k[1] in keys}  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the style ``exohcc`` for reference lists."""
    app.connect("env-before-read-docs", _recall)
    app.connect("env-updated", _keep, priority=900)  # after the lists are made
    register_plugin("pybtex.style.formatting", "exohcc", ExoStyle)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
