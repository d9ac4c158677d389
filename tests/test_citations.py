"""A citation in the text names one entry of the chapter's list, and the list is in the order of the alphabet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pybtex.database import BibliographyData, parse_string

from exohcc.sphinxext.citations import ExoStyle, Labels

HTML = Path(__file__).parent.parent / "_build" / "html"
BIB = """
@article{wang2019zeta, author={Wang, B. and Li, C. and Xu, D.}, title={{Zeta}}, journal={J}, year={2019}}
@article{deng2022two, author={Deng, A. and Ke, H.}, title={{Two}}, journal={J}, year={2022}}
@article{wang2019alpha, author={Wang, B. and Qi, C. and Xu, D.}, title={{Alpha}}, journal={J}, year={2019}}
@article{wang2020later, author={Wang, A. and Li, C. and Xu, D.}, title={{Later}}, journal={J}, year={2020}}
@article{jiang2025cut, author={Jiang, C. and others}, title={{Cut}}, journal={J}, year={2025}}
@misc{who2024report, author={{World Health Organization}}, title={{Report}}, howpublished={W}, year={2024}}
"""


def _list(bib: BibliographyData) -> list[tuple[str, str]]:
    style = ExoStyle()
    entries = style.sort(bib.entries.values())
    return [(entry.key, label) for entry, label in zip(entries, style.format_labels(entries), strict=True)]


def test_labels_tell_sources_apart() -> None:
    assert _list(parse_string(BIB, "bibtex")) == [
        ("deng2022two", "Deng and Ke, 2022"),
        ("jiang2025cut", "Jiang et al., 2025"),
        ("wang2019alpha", "Wang et al., 2019a"),
        ("wang2019zeta", "Wang et al., 2019b"),
        ("wang2020later", "Wang et al., 2020"),
        ("who2024report", "World Health Organization, 2024"),
    ]


def test_a_label_is_lettered_only_where_it_must_be() -> None:
    bib = parse_string(BIB, "bibtex")
    del bib.entries["wang2019zeta"]
    assert ("wang2019alpha", "Wang et al., 2019") in _list(bib)


def test_more_sources_than_letters() -> None:
    entries = [
        parse_string(f"@article{{k{i:02}, author={{Li, A.}}, title={{{{T{i:02}}}}}, year={{2020}}}}", "bibtex")
        for i in range(28)
    ]
    labels = list(Labels().format_labels([next(iter(e.entries.values())) for e in entries]))
    assert labels[0] == "Li, 2020a" and labels[25] == "Li, 2020z" and labels[26] == "Li, 2020aa"
    assert len(set(labels)) == 28


def test_retracted_work_is_called_so_in_the_text() -> None:
    entries = list(parse_string(BIB, "bibtex").entries.values())
    labels = list(Labels({"deng2022two": "retracted", "jiang2025cut": "none"}).format_labels(entries))
    assert "Deng and Ke, 2022, retracted" in labels and "Jiang et al., 2025" in labels


@pytest.mark.parametrize("page", sorted(HTML.glob("book/*/*.html")), ids=lambda path: path.stem)
def test_what_reads_alike_is_alike(page: Path) -> None:
    """On the built site, one text of a citation leads to one entry, and the lists are sorted."""
    text = page.read_text(encoding="utf-8")
    targets: dict[str, set[str]] = {}
    for block in re.findall(r'<span class="bibtex-citation".*?</span>', text, re.S):
        for target, label in re.findall(r'<a class="reference internal" href="([^"]+)"[^>]*>(.*?)</a>', block, re.S):
            targets.setdefault(label, set()).add(target)
    assert {label: found for label, found in targets.items() if len(found) > 1} == {}
    labels = re.findall(r'<span class="label"><span class="fn-bracket">\[</span>(?:<a[^>]*>)?([^<]+)', text)
    assert len(set(labels)) == len(labels)
    assert [name[0].casefold() for name in labels] == sorted(name[0].casefold() for name in labels)
