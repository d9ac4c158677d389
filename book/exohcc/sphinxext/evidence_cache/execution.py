"""One chapter in one kernel."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

from .chapters import Chapter
from .ledger import READS_VARIABLE, Failure

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode


def execute(
    chapter: Chapter,
    reads: Path,
    timeout: int,
    preload: Sequence[str] = (),
    on_start: Callable[[], object] = lambda: None,
) -> tuple[NotebookNode, Failure | None]:
    """Run the chapter's cells; return the notebook with its outputs, and what stopped it.

    The kernel notes its reads in the file `reads` and imports the modules of `preload` while it starts, without
    binding their names; a cell may take `timeout` seconds; `on_start` is called when the kernel's process has been
    started. A kernel that dies before the first cell has ended
    (a machine short of memory or ports) gets a second try.
    """
    for attempt in (1, 2):
        manager = _start_kernel(chapter, reads, preload)
        on_start()
        # Imported and read only now, since the kernel needs a second to start.
        from nbclient.exceptions import CellExecutionError, CellTimeoutError

        notebook = copy.deepcopy(chapter.notebook)
        try:
            _client(notebook, manager, timeout).execute(cleanup_kc=True)
        except (CellExecutionError, CellTimeoutError) as error:
            return notebook, _failure(chapter, notebook, error)
        except (RuntimeError, AssertionError) as error:  # the kernel died, or never came to life
            if attempt == 2 or any(cell.get("execution_count") for cell in notebook.cells):
                return notebook, _failure(chapter, notebook, error)
        else:
            break
    return notebook, None


def _start_kernel(chapter: Chapter, reads: Path, preload: Sequence[str]) -> AsyncKernelManager:
    _, front, *_ = chapter.path.read_text(encoding="utf-8").split("---", 2)
    manager = AsyncKernelManager(kernel_name=yaml.safe_load(front)["kernelspec"]["name"])
    # No history database: two kernels would wait for each other's lock. No log below errors: ipykernel warns of
    # unencrypted TCP, which never leaves this machine.
    arguments = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"]
    arguments += [f"--IPKernelApp.exec_lines=__import__({name!r})" for name in preload]
    environment = {**os.environ, READS_VARIABLE: str(reads)}
    run_sync(manager.start_kernel)(extra_arguments=arguments, cwd=str(chapter.path.parent), env=environment)
    return manager


def _client(notebook: NotebookNode, manager: Any, timeout: int) -> NotebookClient:
    from nbclient import NotebookClient

    # A kernel here has nothing to save, and a polite end takes 3 s.
    return NotebookClient(notebook, km=manager, timeout=timeout, record_timing=False, shutdown_kernel="immediate")


def _failure(chapter: Chapter, notebook: NotebookNode, error: Exception) -> Failure:
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                message = f"{output.ename}: {output.evalue}"
                return Failure(str(chapter.path), chapter.line(index, output.traceback), message)
    return Failure(str(chapter.path), 1, f"{type(error).__name__}: {error}")
