"""`refresh` against a local fake of Crossref and PubMed: real sockets, no network."""

from __future__ import annotations

import datetime
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import Request, urlopen

import pytest
from Bio import Entrez

from conftest import PROJECT
from exohcc import bibliography
from exohcc.__main__ import main
from exohcc.refresh import refresh
from exohcc.refresh.compare import differences, plain
from exohcc.refresh.records import NonsenseError, Remote, from_crossref, from_medline
from exohcc.refresh.services import Crossref, PubMed

DAY = datetime.date(2026, 1, 2)
BIB = """@article{lin2018mir210,
  author = {Lin, Xue-Jia and Fang, Jian-Hong},
  title = {{Hepatocellular Carcinoma Cell-Secreted Exosomal MicroRNA-210}},
  journal = {Molecular Therapy Nucleic Acids},
  year = {2018},
  volume = {11},
  pages = {243--252},
  doi = {10.1000/lin},
  pmid = {29858059},
}
"""
WORK = {
    "DOI": "10.1000/LIN",
    "title": ["Hepatocellular carcinoma cell-secreted exosomal MicroRNA-210"],
    "container-title": ["Molecular Therapy - Nucleic Acids"],
    "author": [{"family": "Lin", "given": "X"}, {"family": "Fang", "given": "J"}],
    "issued": {"date-parts": [[2018, 6]]},
    "volume": "11",
    "page": "243-252",
}
ARTICLE = """
PMID- 29858059
TI  - Hepatocellular Carcinoma Cell-Secreted Exosomal MicroRNA-210.
FAU - Lin, Xue-Jia
FAU - Fang, Jian-Hong
DP  - 2018 Jun 1
VI  - 11
PG  - 243-252
JT  - Molecular therapy. Nucleic acids
AID - 10.1000/lin [doi]
PT  - Journal Article
"""


class Fake(BaseHTTPRequestHandler):
    """Answers by scripts: lists of (status, body, headers, delay), the last one for ever."""

    scripts: ClassVar[dict[str, list[tuple[int, str, dict[str, str], float]]]] = {}
    asked: ClassVar[list[str]] = []

    def _answer(self, query: str) -> None:
        path = urlsplit(self.path).path
        service = "crossref" if path.startswith("/works/") else "search" if "esearch" in path else "fetch"
        Fake.asked.append(f"{service} {unquote(path.removeprefix('/works/')) if service == 'crossref' else query}")
        script = Fake.scripts[service]
        status, body, headers, delay = script.pop(0) if len(script) > 1 else script[0]
        time.sleep(delay)
        data = body.encode()
        self.send_response(status)
        kind = "application/json" if service == "crossref" else "text/plain" if service == "fetch" else "text/xml"
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self._answer((query.get("id") or query.get("term") or [""])[0])

    def log_message(self, *_: object) -> None:
        pass


def _ok(body: object) -> list[tuple[int, str, dict[str, str], float]]:
    return [(200, body if isinstance(body, str) else json.dumps({"message": body}), {}, 0.0)]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    address = f"http://127.0.0.1:{server.server_port}"

    def local(request: Request) -> object:
        parts = urlsplit(request.full_url)
        return urlopen(Request(f"{address}{parts.path}?{parts.query}"))

    monkeypatch.setattr(Entrez, "urlopen", local)
    Fake.asked.clear()
    Fake.scripts = {"crossref": _ok(WORK), "fetch": _ok(ARTICLE), "search": _ok("<eSearchResult/>")}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "references.bib").write_text(BIB, encoding="utf-8")
    (tmp_path / "book/exohcc/data").mkdir(parents=True)
    (tmp_path / "book/exohcc/data/retractions.csv").write_text(
        "source,doi,status\nlin2018mir210,10.1000/lin,none\n", encoding="utf-8"
    )
    return tmp_path


def _services(address: str, waits: list[float], timeout: int = 5) -> list[Crossref | PubMed]:
    return [
        Crossref("me@example.org", base_url=address, timeout=timeout, sleep=waits.append),
        PubMed("me@example.org", timeout=timeout, sleep=waits.append),
    ]


def test_agreement_is_silence(fake: str, root: Path) -> None:
    outcome = refresh(root, _services(fake, []), today=DAY)
    assert (outcome.differences, outcome.unanswered, outcome.asked) == ((), (), 2)
    assert "1 entries, 0 differences" in outcome.report.read_text(encoding="utf-8")


def test_a_new_retraction_heads_the_report_and_nothing_is_overwritten(fake: str, root: Path) -> None:
    notice = {"type": "retraction", "DOI": "10.1000/NOTICE", "source": "retraction-watch"}
    Fake.scripts["crossref"] = _ok(WORK | {"updated-by": [notice], "volume": "12", "issue": "3"})
    Fake.scripts["fetch"] = _ok(ARTICLE + "PT  - Retracted Publication\n")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    outcome = refresh(root, _services(fake, []), today=DAY)
    found = [(d.kind, d.field, d.ours, d.theirs, d.service) for d in outcome.differences]
    assert found == [
        ("status", "status", "none", "retracted", "Crossref"),
        ("contradiction", "volume", "11", "12", "Crossref"),
        ("missing", "number", "", "3", "Crossref"),
        ("status", "status", "none", "retracted", "PubMed"),
    ]
    text = outcome.report.read_text(encoding="utf-8")
    assert text.index("retracted” (10.1000/notice)") < text.index("volume")
    assert {path: path.read_bytes() for path in before} == before
    assert len(json.loads((root / "_build/refresh/report.json").read_text(encoding="utf-8"))) == 4


def test_a_known_retraction_is_no_news(fake: str, root: Path) -> None:
    Fake.scripts["crossref"] = _ok(WORK | {"updated-by": [{"type": "retraction", "DOI": "10.1000/n"}]})
    path = root / "book/exohcc/data/retractions.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",none", ",retracted"), encoding="utf-8")
    assert refresh(root, _services(fake, [])[:1], today=DAY).differences == ()


@pytest.mark.parametrize("service", ["crossref", "fetch"])
def test_too_many_requests_is_waited_for(service: str, fake: str, root: Path) -> None:
    refused = (429, "{}", {"Retry-After": "7"}, 0.0)
    Fake.scripts[service] = [refused, (503, "", {}, 0.0), *Fake.scripts[service]]
    waits: list[float] = []
    outcome = refresh(root, _services(fake, waits), today=DAY)
    assert (outcome.differences, outcome.unanswered) == ((), ())
    assert waits == [7.0, 4.0]


@pytest.mark.parametrize(("service", "name"), [("crossref", "Crossref"), ("fetch", "PubMed")])
def test_time_outs_end_as_a_line_in_the_report(service: str, name: str, fake: str, root: Path) -> None:
    Fake.scripts[service] = [(200, "{}", {}, 1.6)]
    waits: list[float] = []
    outcome = refresh(root, _services(fake, waits, timeout=1), today=DAY)
    (line,) = outcome.unanswered
    assert line.startswith(f"lin2018mir210: {name}, ")
    assert waits == [2.0, 4.0, 8.0]
    assert "## No answer (1)" in outcome.report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("crossref", "<html>maintenance</html>"),
        ("crossref", "{"),
        ("crossref", '{"message": []}'),
        ("crossref", '{"message": {"DOI": "10.1000/lin", "title": []}}'),
        ("fetch", "<html>maintenance</html>"),
        ("fetch", ""),
    ],
)
def test_nonsense_is_reported_and_the_run_goes_on(service: str, body: str, fake: str, root: Path) -> None:
    Fake.scripts[service] = _ok(body)
    outcome = refresh(root, _services(fake, []), today=DAY)
    assert len(outcome.unanswered) == 1
    assert outcome.asked == 2


def test_an_unknown_doi_is_no_difference(fake: str, root: Path) -> None:
    Fake.scripts["crossref"] = [(404, "Resource not found.", {}, 0.0)]
    outcome = refresh(root, _services(fake, [])[:1], today=DAY)
    assert (outcome.differences, outcome.unanswered) == ((), ())


def test_a_refusal_is_not_tried_again(fake: str, root: Path) -> None:
    Fake.scripts["crossref"] = [(403, "no", {}, 0.0)]
    waits: list[float] = []
    outcome = refresh(root, _services(fake, waits)[:1], today=DAY)
    assert len(outcome.unanswered) == 1
    assert waits == []


def test_a_missing_pmid_is_found_by_doi(fake: str, root: Path) -> None:
    path = root / "references.bib"
    path.write_text(BIB.replace("  pmid = {29858059},\n", ""), encoding="utf-8")
    Fake.scripts["search"] = _ok(
        '<?xml version="1.0"?><!DOCTYPE eSearchResult PUBLIC "-//NLM//DTD esearch 20060628//EN" '
        '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20060628/esearch.dtd">'
        "<eSearchResult><Count>1</Count><RetMax>1</RetMax><RetStart>0</RetStart>"
        "<IdList><Id>29858059</Id></IdList></eSearchResult>"
    )
    outcome = refresh(root, _services(fake, [])[1:], today=DAY)
    assert [(d.kind, d.field, d.theirs) for d in outcome.differences] == [("missing", "pmid", "29858059")]
    assert Fake.asked == ["search 10.1000/lin[AID]", "fetch 29858059"]


def test_answers_of_the_day_are_kept_and_a_broken_line_is_asked_again(fake: str, root: Path) -> None:
    refresh(root, _services(fake, []), today=DAY)
    assert refresh(root, _services(fake, []), today=DAY).asked == 0
    answers = root / "_build/refresh/answers.jsonl"
    answers.write_text(answers.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    assert refresh(root, _services(fake, []), today=DAY).asked == 1
    assert refresh(root, _services(fake, []), today=DAY + datetime.timedelta(1)).asked == 2


def test_unknown_keys_and_a_missing_address(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(PROJECT / name, root / name)
    with pytest.raises(KeyError, match="nobody2020x"):
        refresh(root, [], keys=["nobody2020x"])
    assert main(["--root", str(root), "refresh", "--mailto", ""]) == 2
    assert "--mailto" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"journals": ("Mol Ther Nucleic Acids",)}, []),
        ({"journals": ("Gut",)}, ["journal"]),
        ({"pages": "243-52"}, []),
        ({"pages": "e1"}, ["pages"]),
        ({"years": (2017, 2018)}, []),
        ({"years": (2016,)}, ["year"]),
        ({"families": ("Fang", "Lin")}, ["first author"]),
        ({"families": ("Lin",)}, ["number of authors"]),
        ({"title": "Another title"}, ["title"]),
        ({"doi": "10.1000/other"}, ["doi"]),
        ({"pmcid": "PMC1"}, ["pmcid"]),
    ],
)
def test_what_counts_as_a_difference(changes: dict[str, object], fields: list[str], root: Path) -> None:
    (entry,) = bibliography.read(root / "references.bib").entries
    remote = Remote(**({"service": "x"} | changes))  # type: ignore[arg-type]
    assert [d.field for d in differences(entry, "none", remote)] == fields


def test_records_without_a_work_are_nonsense() -> None:
    with pytest.raises(NonsenseError):
        from_crossref({"message": {"DOI": "10.1/x"}})
    with pytest.raises(NonsenseError):
        from_medline({"PMID": "1"})
    assert plain("Grün’s <") == "gruns"
