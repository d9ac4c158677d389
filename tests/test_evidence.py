"""Tables in a Python session, and as files for use elsewhere."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from frictionless import Package

import exohcc
from conftest import PROJECT
from exohcc import download
from exohcc.evidence import EvidenceError

BIBLIOGRAPHY = PROJECT / "references.bib"


def test_a_table_is_a_typed_frame() -> None:
    messages = exohcc.load("crosstalk")
    assert messages.schema["in_vivo"] == pl.Boolean
    assert messages.schema["n"] == pl.Int64
    assert messages.schema["effects"] == pl.List(pl.String)
    assert set(exohcc.load("crosstalk", setting="hcc")["setting"]) == {"hcc"}


def test_retracted_rows_come_only_when_asked_for() -> None:
    everything = exohcc.load("crosstalk", include_retracted=True)
    retracted = everything.filter(pl.col("source_status") == "retracted")
    assert retracted.height > 0
    usual = exohcc.load("crosstalk")
    assert usual.height == everything.height - retracted.height
    assert set(usual["id"]).isdisjoint(retracted["id"])


@pytest.mark.parametrize(
    ("table", "setting", "words"),
    [
        ("nothing", None, "No table 'nothing'"),
        ("crosstalk", "moon", "No setting 'moon'"),
        ("claims", "hcc", "has no column"),
    ],
)
def test_what_does_not_exist_is_named(table: str, setting: str | None, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        exohcc.load(table, setting=setting)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("data")
    download.write(target, BIBLIOGRAPHY)
    return target


@pytest.mark.parametrize("name", exohcc.tables())
def test_every_format_holds_the_same_rows(name: str, files: Path) -> None:
    frame = exohcc.load(name, include_retracted=True)
    assert pl.read_parquet(files / f"{name}.parquet").equals(frame)
    lines = (files / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == frame.height
    first = frame.columns[0]
    assert [json.loads(line)[first] for line in lines] == frame[first].to_list()


def test_the_package_is_valid_as_it_is_downloaded(files: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(files / "exohcc-data.zip") as archive:
        archive.extractall(tmp_path)
    report = Package(str(tmp_path / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "note"])[:5]
    assert (tmp_path / "references.bib").read_bytes() == BIBLIOGRAPHY.read_bytes()


def test_the_network_has_an_edge_for_each_message(files: Path) -> None:
    root = ElementTree.parse(files / "crosstalk.graphml").getroot()
    space = "{http://graphml.graphdrawing.org/xmlns}"
    messages = exohcc.load("crosstalk")
    assert {edge.get("id") for edge in root.iter(f"{space}edge")} == set(messages["id"])
    nodes = {node.get("id") for node in root.iter(f"{space}node")}
    assert nodes == set(messages["sender"]) | set(messages["recipient"])


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    download.write(tmp_path, BIBLIOGRAPHY)
    marks = {name: tmp_path / f"{name}.jsonl" for name in ("trials", "claims")}

    def written_again() -> set[str]:
        """Write once more over files that are emptied first."""
        for path in marks.values():
            path.write_text("", encoding="utf-8")
        download.write(tmp_path, BIBLIOGRAPHY)
        return {name for name, path in marks.items() if path.read_text(encoding="utf-8")}

    assert written_again() == set()
    (tmp_path / "trials.csv").write_text("older", encoding="utf-8")
    assert written_again() == {"trials"}
    (tmp_path / "claims.parquet").unlink()
    assert written_again() == {"claims"}
    (tmp_path / "retractions.csv").write_text("older", encoding="utf-8")
    assert written_again() == {"trials", "claims"}


def test_names_are_those_of_the_papers() -> None:
    """The family name of the first author, not what the key makes of it; an institution's name stays whole."""
    names = exohcc.names()
    assert names["macparland2018liver"] == "MacParland"
    assert names["garciamartinez2016mtdna"] == "Garcia-Martinez"
    assert names["vanderwindt2018nets"] == "van der Windt"
    assert names["fda2019exosomenotice"] == "U.S. Food and Drug Administration"
    assert set(names) == set(exohcc.references()["source"])


def test_in_words() -> None:
    assert exohcc.in_words(["SMAD3", "S100A4", "SMAD3", "NID1"]) == "SMAD3, S100A4 and NID1"
    assert exohcc.in_words(["SMAD3"]) == "SMAD3"
    assert exohcc.in_words([]) == "none"


def test_the_picture_in_the_readme_is_of_today() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"!\[The map of the field[^\]]*?: (\d+) ", readme)
    assert shown and int(shown[1]) == exohcc.load("crosstalk", setting="hcc").height, "run make picture and commit it"
