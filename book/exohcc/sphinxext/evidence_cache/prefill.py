"""Execute the stale chapters before Sphinx starts, several at a time, into jupyter-cache.

Kernel start and imports dominate, and Sphinx runs chapters one after another, so this halves a cold build
on two cores. Kernels run side by side; the cache is written by this thread alone, so nothing is lost.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from .chapters import Chapter, find
from .ledger import READS_VARIABLE, Failure, Inputs, Ledger, read_notes

LEDGER_NAME = "ledger.json"


@dataclass(frozen=True)
class Outcome:
    """What a prefill did."""

    executed: tuple[str, ...]
    fresh: tuple[str, ...]
    failures: tuple[Failure, ...]


def purge(cache_path: Path, keys: Sequence[str]) -> None:
    """Remove the outputs of the notebooks with these hashes from jupyter-cache."""
    if not keys:
        return
    cache = get_cache(cache_path)
    for record in cache.list_cache_records():
        if record.hashkey in keys:
            cache.remove_cache(record.pk)


def _execute(chapter: Chapter, notebook: NotebookNode, reads: Path, timeout: int) -> Failure | None:
    client = NotebookClient(
        notebook,
        timeout=timeout,
        record_timing=False,
        resources={"metadata": {"path": str(chapter.path.parent)}},
        # No history database: two kernels would wait for each other's lock. No log below errors: ipykernel
        # warns of unencrypted TCP, which never leaves this machine.
        extra_arguments=["--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"],
    )
    try:
        client.execute(env={**os.environ, READS_VARIABLE: str(reads)})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return _failure(chapter, notebook, error)
    return None


def _failure(chapter: Chapter, notebook: NotebookNode, error: Exception) -> Failure:
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                message = f"{output.ename}: {output.evalue}"
                return Failure(str(chapter.path), chapter.line(index, output.traceback), message)
    return Failure(str(chapter.path), 1, f"{type(error).__name__}: {error}")


Done = Callable[[Chapter, NotebookNode, list[str], float, Failure | None], None]


def _execute_all(chapters: Sequence[Chapter], jobs: int, timeout: int, say: Callable[[str], None], done: Done) -> None:
    """Run the chapters, `jobs` at a time, each in a kernel of its own; `done` is called in this thread only."""
    folder = tempfile.TemporaryDirectory()
    started = itertools.count(1)

    def one(chapter: Chapter) -> tuple[Chapter, NotebookNode, list[str], float, Failure | None]:
        number = next(started)
        say(f"executing {chapter.docname} ({number} of {len(chapters)}, {len(chapters) - number} left)")
        begin = time.perf_counter()
        notebook = chapter.notebook
        reads = Path(folder.name) / f"{number}.txt"
        failure = _execute(chapter, notebook, reads, timeout)
        return chapter, notebook, read_notes(reads), time.perf_counter() - begin, failure

    with folder, ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(one, chapter) for chapter in chapters]):
            done(*future.result())


def run(
    root: Path, docnames: list[str], cache_path: Path, inputs: Inputs, *,
    jobs: int = 2, timeout: int = 120, say: Callable[[str], None] = print,
) -> Outcome:  # fmt: skip
    """Execute every stale chapter among `docnames` and return what was done.

    Raises nothing for a cell that fails: it is in ``failures``, with file and line.
    """
    cache = get_cache(cache_path)
    ledger = Ledger(cache_path / LEDGER_NAME, inputs)
    present = {record.hashkey for record in cache.list_cache_records()}
    chapters = find(root, docnames)
    keys = {chapter: chapter.key(cache) for chapter in chapters}
    stale: dict[str, Chapter] = {}  # by hash, so that equal code runs once
    for chapter, key in keys.items():
        reason = ledger.stale(key) or (None if key in present else "its outputs are not in the cache")
        if reason and key not in stale:
            stale[key] = chapter
            say(f"{chapter.docname} must run: {reason}")
    purge(cache_path, [*stale, *ledger.keep_only(keys.values())])
    failures: list[Failure] = []

    def done(
        chapter: Chapter, notebook: NotebookNode, reads: list[str], seconds: float, failure: Failure | None
    ) -> None:
        key = keys[chapter]
        if failure is None:
            bundle = CacheBundleIn(notebook, str(chapter.path), data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        else:
            failures.append(failure)
        ledger.note(key, reads, failure)
        ledger.save()

    if stale:
        _execute_all(list(stale.values()), jobs, timeout, say, done)
    ledger.save()
    executed = tuple(chapter.docname for chapter in stale.values())
    fresh = tuple(c.docname for c, key in keys.items() if key not in stale)
    return Outcome(executed, fresh, tuple(failures))
