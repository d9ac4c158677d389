"""What is quicker must give what the slow way gives."""

from __future__ import annotations

import ast
from types import SimpleNamespace

import pybtex.plugin
import pytest
from sphinxcontrib.bibtex.domain import BibtexDomain

from exohcc.sphinxext.speed import IndexedBibtexDomain, _known_entry_points

ENTRIES = [SimpleNamespace(key=key, type="article", fields={"year": year}, persons={})
           for key, year in (("a2019x", "2019"), ("b2020y", "2020"), ("c2021z", "2021"))]  # fmt: skip


def _domain(kind: type[BibtexDomain], filter_: str) -> BibtexDomain:
    domain = kind.__new__(kind)
    tree = ast.parse(filter_)
    bibliography = SimpleNamespace(bibfiles=[], keyprefix="p-", filter_=tree, keys=["c2021z"], line=1)
    cited = [("one", ["p-a2019x"]), ("two", ["p-a2019x", "p-b2020y"]), ("two", ["other"])]
    references = [
        SimpleNamespace(docname=name, targets=[SimpleNamespace(key=key) for key in keys]) for name, keys in cited
    ]
    domain.data = {"bibliographies": {"k": bibliography}, "citation_refs": references}
    domain.get_entries = lambda files: iter(ENTRIES)
    return domain


@pytest.mark.parametrize(
    "filter_", ["cited", "docname in docnames", "not cited", "year % '2020'", "cited and type == 'x'"]
)
@pytest.mark.parametrize("docname", ["one", "two"])
def test_the_index_finds_what_the_search_finds(filter_: str, docname: str) -> None:
    key = SimpleNamespace(docname=docname)
    found = []
    for kind in (BibtexDomain, IndexedBibtexDomain):
        domain = _domain(kind, filter_)
        domain.data["bibliographies"] = {id(key): domain.data["bibliographies"]["k"]}
        domain.data["bibliographies"] = _ByIdentity(domain.data["bibliographies"])
        found.append([name for name, _ in domain.get_filtered_entries(key)])
    assert found[0] == found[1]


class _ByIdentity(dict):  # type: ignore[type-arg]
    """Bibliographies by key, for keys that can't be hashed."""

    def __getitem__(self, key: object) -> object:
        return super().__getitem__(id(key))


def test_plugins_are_found_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [("pybtex.style.formatting", "unsrt"), ("pybtex.style.names", "last"), ("pybtex.database.input", "bibtex")]
    before = [pybtex.plugin.find_plugin(*names) for names in wanted]
    monkeypatch.setattr(pybtex.plugin, "entry_points", _known_entry_points)
    assert [pybtex.plugin.find_plugin(*names) for names in wanted] == before
    with pytest.raises(pybtex.plugin.PluginNotFound):
        pybtex.plugin.find_plugin("pybtex.style.names", "no such style")
