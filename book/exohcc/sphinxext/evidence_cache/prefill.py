"""Execute the stale chapters before Sphinx starts, several at a time, into jupyter-cache.

Kernel start and imports dominate, and Sphinx runs chapters one after another, so this halves a cold build
on two cores. Kernels run side by side; the cache is written by this thread alone, so nothing is lost.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .chapters import Chapter, find
from .ledger import LEDGER_NAME, Failure, Inputs, Ledger, read_notes

if TYPE_CHECKING:
    from nbformat import NotebookNode


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
    from jupyter_cache import get_cache

    cache = get_cache(cache_path)
    for record in cache.list_cache_records():
        if record.hashkey in keys:
            cache.remove_cache(record.pk)


Executed = tuple["NotebookNode", Failure | None]
Run = tuple[Chapter, "NotebookNode", list[str], float, Failure | None]


def _execute_all(
    chapters: Sequence[Chapter], jobs: int, run_one: Callable[[Chapter, Path], Executed], say: Callable[[str], None],
    meanwhile: Callable[[], object],
) -> Iterator[Run]:  # fmt: skip
    """Run the chapters, `jobs` at a time, each in a kernel of its own, and yield each as it ends."""
    folder = tempfile.TemporaryDirectory()
    started = itertools.count(1)

    def one(chapter: Chapter) -> Run:
        number = next(started)
        say(f"executing {chapter.docname} ({number} of {len(chapters)}, {len(chapters) - number} left)")
        begin = time.perf_counter()
        reads = Path(folder.name) / f"{number}.txt"
        notebook, failure = run_one(chapter, reads)
        return chapter, notebook, read_notes(reads), time.perf_counter() - begin, failure

    with folder, ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, chapter) for chapter in chapters]
        meanwhile()
        for future in as_completed(futures):
            yield future.result()


def run(
    root: Path, docnames: list[str], cache_path: Path, inputs: Inputs, *, jobs: int = 2, timeout: int = 120,
    preload: Sequence[str] = (), say: Callable[[str], None] = print, meanwhile: Callable[[], object] = lambda: None,
) -> Outcome:  # fmt: skip
    """Execute every stale chapter among `docnames` and return what was done.

    The kernels import the modules of `preload` as they start; `meanwhile` is called once while the first of
    them run. Raises nothing for a cell that fails: it is in ``failures``, with file and line.
    """
    ledger = Ledger(cache_path / LEDGER_NAME, inputs)
    chapters = find(root, docnames, ledger)
    stale: dict[str, Chapter] = {}  # by hash, so that equal code runs once
    for chapter in chapters:
        has_outputs = (cache_path / "executed" / chapter.key / "base.ipynb").is_file()
        reason = ledger.stale(chapter.key) or (None if has_outputs else "its outputs are not in the cache")
        if reason and chapter.key not in stale:
            stale[chapter.key] = chapter
            say(f"{chapter.docname} must run: {reason}")
    gone = ledger.keep_only(chapter.key for chapter in chapters)
    failures: list[Failure] = []

    launched = threading.Event()

    def prepare() -> None:
        launched.wait(timeout=10)  # first the kernel's process, which takes longest, then our own imports
        purge(cache_path, [*stale, *gone])
        meanwhile()

    def run_one(chapter: Chapter, reads: Path) -> Executed:
        from .execution import execute

        try:
            return execute(chapter, reads, timeout, preload, on_start=launched.set)
        finally:
            launched.set()

    if stale:
        runs = _execute_all(list(stale.values()), jobs, run_one, say, prepare)
        for chapter, notebook, reads, seconds, failure in runs:
            if failure is None:
                _store(cache_path, chapter, notebook, seconds)
            else:
                failures.append(failure)
            ledger.note(chapter.key, reads, failure)
            ledger.save()
    else:
        purge(cache_path, gone)
    ledger.save()
    executed = tuple(chapter.docname for chapter in stale.values())
    fresh = tuple(chapter.docname for chapter in chapters if chapter.key not in stale)
    return Outcome(executed, fresh, tuple(failures))


def _store(cache_path: Path, chapter: Chapter, notebook: NotebookNode, seconds: float) -> None:
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    bundle = CacheBundleIn(notebook, str(chapter.path), data={"execution_seconds": seconds})
    get_cache(cache_path).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
