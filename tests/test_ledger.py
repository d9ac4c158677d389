"""The ledger's decisions, without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from exohcc.sphinxext.evidence_cache import chapters, execution
from exohcc.sphinxext.evidence_cache.ledger import Failure, Inputs, Ledger, digest, read_notes


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("1", encoding="utf-8")
    (tmp_path / "data/b.csv").write_text("2", encoding="utf-8")
    (tmp_path / "code.py").write_text("x = 1", encoding="utf-8")
    (tmp_path / "other.py").write_text("y = 1", encoding="utf-8")
    (tmp_path / "lock.txt").write_text("p==1", encoding="utf-8")
    return Inputs(tmp_path, ("data",), ("*.py",), ("other.py",), "lock.txt")


def _ledger(inputs: Inputs) -> Ledger:
    return Ledger(inputs.root / "ledger.json", inputs)


def _ran(inputs: Inputs, reads: list[str]) -> None:
    ledger = _ledger(inputs)
    ledger.note("nb", reads)
    ledger.save()


def test_unknown_notebook_must_run(inputs: Inputs) -> None:
    assert _ledger(inputs).stale("nb") == "its code is new or changed"


def test_unchanged_notebook_need_not_run(inputs: Inputs) -> None:
    _ran(inputs, ["a.csv"])
    assert _ledger(inputs).stale("nb") is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("data/a.csv", "a.csv changed"),
        ("code.py", "the package changed"),
        ("lock.txt", "the environment changed"),
    ],
)
def test_a_change_makes_it_stale(inputs: Inputs, file: str, reason: str) -> None:
    _ran(inputs, ["a.csv"])
    (inputs.root / file).write_text("changed", encoding="utf-8")
    assert _ledger(inputs).stale("nb") == reason


@pytest.mark.parametrize("file", ["data/b.csv", "other.py"])
def test_other_changes_do_not(inputs: Inputs, file: str) -> None:
    _ran(inputs, ["a.csv"])
    (inputs.root / file).write_text("changed", encoding="utf-8")
    assert _ledger(inputs).stale("nb") is None


def test_reads_of_unknown_files_count_as_reads_of_everything(inputs: Inputs) -> None:
    _ran(inputs, ["elsewhere.csv"])
    (inputs.root / "data/b.csv").write_text("changed", encoding="utf-8")
    assert _ledger(inputs).stale("nb") == "b.csv changed"


def test_failure_runs_again_and_survives_saving(inputs: Inputs) -> None:
    ledger = _ledger(inputs)
    ledger.note("nb", [], Failure("book/a.md", 7, "ValueError: no"))
    ledger.save()
    again = _ledger(inputs)
    assert again.stale("nb") == "it failed last time"
    assert again.records["nb"].failure == Failure("book/a.md", 7, "ValueError: no")


def test_keep_only_forgets_what_the_book_no_longer_has(inputs: Inputs) -> None:
    ledger = _ledger(inputs)
    ledger.note("old", [])
    ledger.note("kept", [])
    assert ledger.keep_only(["kept"]) == ["old"]
    assert set(ledger.records) == {"kept"}


def test_digest_counts_borders() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")


def test_no_notes_is_no_reads(tmp_path: Path) -> None:
    assert read_notes(tmp_path / "none") == []


CHAPTER = "---\nkernelspec:\n  name: python3\n---\n\n# T\n\n```{code-cell} python\n1 + 1\n```\n"


def test_hashes_of_texts_are_kept_and_forgotten(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(chapters, "_key", lambda path, cache: calls.append(path.name) or f"key-{path.stem}")
    for name in ("a", "b"):
        (inputs.root / f"{name}.md").write_text(f"# {name}", encoding="utf-8")
    ledger = _ledger(inputs)
    assert [c.key for c in chapters.find(inputs.root, ["a", "b"], ledger)] == ["key-a", "key-b"]
    ledger.save()
    again = _ledger(inputs)
    chapters.find(inputs.root, ["a"], again)
    assert calls == ["a.md", "b.md"]
    assert list(again.keys.values()) == ["key-a"]
    (inputs.root / "lock.txt").write_text("p==2", encoding="utf-8")
    assert _ledger(inputs).keys == {}, "another version of a library may hash otherwise"


class _Client:
    """Stands for a kernel that dies `deaths` times at its start."""

    deaths = 0

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook

    def execute(self, **options: object) -> None:
        if _Client.deaths:
            _Client.deaths -= 1
            raise RuntimeError("Kernel died before replying to kernel_info")


@pytest.mark.parametrize(("deaths", "error"), [(0, None), (1, None), (2, "RuntimeError: Kernel died before")])
def test_a_kernel_that_dies_at_start_gets_a_second_try(
    deaths: int, error: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chapter.md"
    path.write_text(CHAPTER, encoding="utf-8")
    monkeypatch.setattr(execution, "_start_kernel", lambda *_: None)
    monkeypatch.setattr(execution, "_client", lambda notebook, *_: _Client(notebook))
    _Client.deaths = deaths
    _, failure = execution.execute(chapters.Chapter("chapter", path, "k"), tmp_path / "reads", 10)
    assert (failure is None) if error is None else (failure is not None and failure.error.startswith(error))
