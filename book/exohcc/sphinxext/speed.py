"""Work that Sphinx's extensions would do again and again, done once.

pybtex looks its plug-ins up among the entry points of all installed packages once per citation, about 20 ms
each, and sphinxcontrib-bibtex walks through all citations of the book once per entry and list; neither answer
can change during a build. The theme's templates are compiled anew in each build, half a second, unless Jinja
keeps what it compiled.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pybtex.plugin
from jinja2 import FileSystemBytecodeCache
from sphinxcontrib.bibtex.domain import BibtexDomain, _FilterVisitor

if TYPE_CHECKING:
    from pybtex.database import Entry
    from sphinx.application import Sphinx
    from sphinxcontrib.bibtex.domain import BibliographyKey


class IndexedBibtexDomain(BibtexDomain):  # type: ignore[misc]
    """The domain of sphinxcontrib-bibtex, with an index from keys to the documents that cite them."""

    def get_filtered_entries(self, bibliography_key: BibliographyKey) -> Iterable[tuple[str, Entry]]:
        """Yield what the original yields, in the same order; a faulty filter is left to the original to report."""
        bibliography = self.bibliographies[bibliography_key]
        cited: dict[str, set[str]] = defaultdict(set)
        for reference in self.citation_refs:
            for target in reference.targets:
                cited[target.key].add(reference.docname)
        names = {node.id for node in ast.walk(bibliography.filter_) if isinstance(node, ast.Name)}
        by_place = names <= {"cited", "docname", "docnames"}  # then entries cited in the same places fare alike
        answers: dict[object, bool] = {}
        found = []
        for entry in self.get_entries(bibliography.bibfiles):
            key = bibliography.keyprefix + entry.key
            places = cited.get(key, set())
            alike: object = frozenset(places) if by_place else key
            if alike not in answers:
                visitor = _FilterVisitor(entry=entry, docname=bibliography_key.docname, cited_docnames=places)
                try:
                    answers[alike] = bool(visitor.visit(bibliography.filter_))
                except ValueError:
                    yield from super().get_filtered_entries(bibliography_key)
                    return
            if answers[alike] or entry.key in bibliography.keys:
                found.append((key, entry))
        yield from found


def _keep_templates(app: Sphinx) -> None:
    """Let Jinja keep compiled templates between builds; it compares them with their sources itself."""
    environment = getattr(getattr(app.builder, "templates", None), "environment", None)
    if environment is not None:
        folder = Path(app.outdir).parent / ".templates"
        folder.mkdir(parents=True, exist_ok=True)
        environment.bytecode_cache = FileSystemBytecodeCache(str(folder))


@lru_cache(maxsize=1)
def _installed() -> Any:
    return entry_points()


def _known_entry_points(**wanted: str) -> Any:
    """Stand for ``importlib.metadata.entry_points`` in pybtex: the disk is searched once."""
    return _installed().select(**wanted)


def setup(app: Sphinx) -> dict[str, Any]:
    """Keep the entry points for pybtex, take the indexed domain, keep compiled templates."""
    pybtex.plugin.entry_points = _known_entry_points
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("builder-inited", _keep_templates)
    app.add_domain(IndexedBibtexDomain, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
