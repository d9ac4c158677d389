"""Chapters as notebooks: find them, read them as myst-nb does, name the line of a cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .ledger import Ledger, digest

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Chapter:
    """A text notebook of the book."""

    docname: str
    path: Path
    key: str  # the hash by which jupyter-cache knows the chapter's code cells

    @cached_property
    def notebook(self) -> NotebookNode:
        """The chapter as a notebook, its cells with their places in the file."""
        return _notebook(self.path)

    def line(self, cell_index: int, traceback: list[str]) -> int:
        """Return the line of the file at which the cell raised, as well as the traceback tells."""
        start = int(self.notebook.metadata.get("source_map", [0] * (cell_index + 1))[cell_index])
        source = self.notebook.cells[cell_index].source.splitlines() or [""]
        lines = self.path.read_text(encoding="utf-8").splitlines()
        first = next((n for n in range(start, len(lines)) if lines[n] == source[0]), start)
        inner = re.findall(r"Cell In\[\d+\], line (\d+)", _ANSI.sub("", "\n".join(traceback)))
        return first + (int(inner[0]) if inner else 1)


# The libraries behind notebooks and cache take a second to import, so they are, where they are used.


def _notebook(path: Path) -> NotebookNode:
    from myst_nb.core.read import read_myst_markdown_notebook

    return read_myst_markdown_notebook(path.read_text(encoding="utf-8"), add_source_map=True, path=str(path))


def _key(path: Path, cache_path: Path) -> str:
    from jupyter_cache import get_cache
    from myst_nb.core.read import is_myst_markdown_notebook

    with path.open(encoding="utf-8") as handle:
        if not is_myst_markdown_notebook(handle):
            return ""
    return str(get_cache(cache_path).create_hashed_notebook(_notebook(path))[1])


def find(root: Path, docnames: list[str], ledger: Ledger) -> list[Chapter]:
    """Return those of the documents that are text notebooks, in the order given.

    The hash of a text is worked out once and kept in the ledger; it is empty for a page without cells.
    """
    found = []
    texts = set()
    for docname in docnames:
        path = root / f"{docname}.md"
        if not path.is_file():
            continue
        text = digest(path.read_bytes())
        texts.add(text)
        if text not in ledger.keys:
            ledger.keys[text] = _key(path, ledger.path.parent)
        if ledger.keys[text]:
            found.append(Chapter(docname, path, ledger.keys[text]))
    ledger.keys = {text: key for text, key in ledger.keys.items() if text in texts}
    return found
