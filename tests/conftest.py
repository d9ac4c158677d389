"""Fixtures: tiny books made from tests/roots, and the built site served on this machine."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parent
ROOTS = HERE / "roots"


@pytest.fixture
def root(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that lays out ``tests/roots/good`` with the files of one case on top."""

    def make(case: str = "good") -> Path:
        target = tmp_path / case
        shutil.copytree(ROOTS / "good", target)
        shutil.copytree(ROOTS / case, target, dirs_exist_ok=True)
        return target

    return make


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the built site on a free port of this machine and return its address."""
    folder = PROJECT / "_build" / "html"
    assert (folder / "index.html").is_file(), "There is no built site: run make book first."
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
