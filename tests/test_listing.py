"""Listings and agreement: what a reader sees of rows and of their second reading."""

from __future__ import annotations

import doctest

import polars as pl
import pytest

import exohcc
from exohcc import agreement as agreement_module
from exohcc.agreement import agreement
from exohcc.listing import listing


def test_a_listing_is_a_labelled_table_with_links_to_sources() -> None:
    rows = exohcc.load("crosstalk").head(3)
    markup = listing(rows, {"cargo": "Cargo", "effects": "Effects", "source": "Source"}, caption="A & B")._repr_html_()
    assert "<caption>A &amp; B</caption>" in markup
    assert markup.count('<th scope="row">') == 3
    assert markup.count('<a href="https://doi.org/10.') == 3
    assert 'data-label="Effects"' in markup


def test_each_row_can_be_linked_to() -> None:
    rows = exohcc.load("crosstalk").head(2)
    markup = listing(rows, {"cargo": "Cargo", "source": "Source"}, caption="c")._repr_html_()
    for name in rows["id"]:
        assert markup.count(f'<tr id="{name}"') == 1
        assert f'<a class="exo-id" href="#{name}">{name}</a>' in markup
    assert markup.count(f'<tr id="{rows["id"][0]}" data-source="{rows["source"][0]}">') == 1
    assert "exo-id" not in listing(rows.drop("id"), {"cargo": "Cargo"}, caption="c")._repr_html_()


def test_a_key_in_a_text_becomes_a_link() -> None:
    frame = pl.DataFrame({"caveat": ["By the review lee2021role & s13046."], "source": ["fang2018mir103"]})
    markup = listing(frame, {"caveat": "Caveat", "source": "Source"}, caption="c")._repr_html_()
    assert 'By the review <a href="https://doi.org/' in markup
    assert ">Lee 2021</a> &amp; s13046." in markup
    assert "lee2021role" not in markup


def test_a_trial_is_linked_to_its_registry() -> None:
    rows = exohcc.load("trials").head(1)
    markup = listing(rows, {"title": "Trial", "source": "Source"}, caption="c")._repr_html_()
    assert f'<a href="https://clinicaltrials.gov/study/{rows["id"][0]}">ClinicalTrials.gov</a>' in markup


def test_cells_are_plain_text() -> None:
    frame = pl.DataFrame({"a": ["<b>"], "b": [True], "c": [None], "d": [["x", "y"]]})
    markup = listing(frame, dict.fromkeys("abcd", "L"), caption="c")._repr_html_()
    assert "&lt;b&gt;" in markup
    assert '<td data-label="L">yes</td><td data-label="L"></td><td data-label="L">x, y</td>' in markup


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(KeyError, match="no column z"):
        listing(pl.DataFrame({"a": [1]}), {"z": "Z"}, caption="c")


def test_kappa_of_a_published_example() -> None:
    # Cohen's kappa of 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o 0.7, p_e 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    found = agreement(first, second)
    assert (found.n, found.agreed) == (50, 35)
    assert found.kappa == pytest.approx(0.4)


def test_kappa_at_its_borders() -> None:
    assert agreement(["a", "b"], ["a", "b"]).kappa == 1
    assert agreement(["a", "b"], ["b", "a"]).kappa == -1
    assert agreement(["a", "a"], ["a", "a"]).kappa is None
    with pytest.raises(ValueError, match="same, non-empty length"):
        agreement(["a"], [])
    assert doctest.testmod(agreement_module).failed == 0
