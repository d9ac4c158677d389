"""The tables for use outside the book: CSV, JSON Lines, Parquet, a Frictionless package, GraphML, BibTeX."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import polars as pl

from exohcc import evidence, schema

# A fixed time in the archive, so that the same tables give the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def graphml(messages: pl.DataFrame) -> str:
    """Return the network of messages as GraphML, one node per cell, one edge per row.

    `messages` is the table ``crosstalk`` as :func:`exohcc.load` gives it.
    """
    columns = [
        "id",
        "source",
        "cargo",
        "cargo_type",
        "tumour_direction",
        "setting",
        "in_vivo",
        "patients_ev",
        "summary",
    ]
    root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for name in ("label", "label_zh", "group", "ontology_id"):
        ElementTree.SubElement(root, "key", {"id": name, "for": "node", "attr.name": name, "attr.type": "string"})
    for name in columns:
        ElementTree.SubElement(
            root, "key", {"id": f"e_{name}", "for": "edge", "attr.name": name, "attr.type": "string"}
        )
    graph = ElementTree.SubElement(root, "graph", {"id": "crosstalk", "edgedefault": "directed"})
    cells = evidence.read_csv(schema.tables()["vocabulary"]).filter(pl.col("kind") == "cell")
    used = set(messages["sender"]) | set(messages["recipient"])
    for cell in cells.filter(pl.col("term").is_in(used)).iter_rows(named=True):
        node = ElementTree.SubElement(graph, "node", id=cell["term"])
        for name in ("label", "label_zh", "group", "ontology_id"):
            if cell[name]:
                ElementTree.SubElement(node, "data", key=name).text = cell[name]
    for row in messages.iter_rows(named=True):
        edge = ElementTree.SubElement(graph, "edge", id=row["id"], source=row["sender"], target=row["recipient"])
        for name in columns:
            if row[name] is not None:
                text = str(row[name]).lower() if isinstance(row[name], bool) else str(row[name])
                ElementTree.SubElement(edge, "data", key=f"e_{name}").text = text
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def write(target: Path, bibliography: Path) -> None:
    """Write every format of every table into the folder `target`, retracted rows included and marked."""
    target.mkdir(parents=True, exist_ok=True)
    tables = schema.tables()
    # What the typed copies of a table depend on beside its own rows: the schema, and its sources' statuses.
    common = all(
        _same(path, target / path.name) for path in (schema.DATA / "datapackage.json", tables["retractions"].path)
    )
    for name, table in tables.items():
        copy = target / table.path.name
        if common and _same(table.path, copy) and (target / f"{name}.parquet").is_file():
            continue
        shutil.copyfile(table.path, copy)
        frame = evidence.load(name, include_retracted=True)
        frame.write_ndjson(target / f"{name}.jsonl")
        frame.write_parquet(target / f"{name}.parquet")
    shutil.copyfile(schema.DATA / "datapackage.json", target / "datapackage.json")
    shutil.copyfile(bibliography, target / "references.bib")
    (target / "crosstalk.graphml").write_text(graphml(evidence.load("crosstalk")), encoding="utf-8")
    with zipfile.ZipFile(target / "exohcc-data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [
            *(t.path for t in schema.tables().values()),
            schema.DATA / "datapackage.json",
            bibliography,
        ]:
            archive.writestr(zipfile.ZipInfo(path.name, _EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
