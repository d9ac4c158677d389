"""Chapters as notebooks: find them, read them as myst-nb does, name the line of a cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jupyter_cache.base import JupyterCacheAbstract
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Chapter:
    """A text notebook of the book."""

    docname: str
    path: Path

    @cached_property
    def notebook(self) -> NotebookNode:
        """The chapter as a notebook, its cells with their places in the file."""
        text = self.path.read_text(encoding="utf-8")
        return read_myst_markdown_notebook(text, add_source_map=True, path=str(self.path))

    def key(self, cache: JupyterCacheAbstract) -> str:
        """Return the hash by which jupyter-cache knows the chapter's code cells."""
        return str(cache.create_hashed_notebook(self.notebook)[1])

    def line(self, cell_index: int, traceback: list[str]) -> int:
        """Return the line of the file at which the cell raised, as well as the traceback tells."""
        start = int(self.notebook.metadata.get("source_map", [0] * (cell_index + 1))[cell_index])
        source = self.notebook.cells[cell_index].source.splitlines() or [""]
        lines = self.path.read_text(encoding="utf-8").splitlines()
        first = next((n for n in range(start, len(lines)) if lines[n] == source[0]), start)
        inner = re.findall(r"Cell In\[\d+\], line (\d+)", _ANSI.sub("", "\n".join(traceback)))
        return first + (int(inner[0]) if inner else 1)


def find(root: Path, docnames: list[str]) -> list[Chapter]:
    """Return those of the documents that are text notebooks, in the order given."""
    found = []
    for docname in docnames:
        path = root / f"{docname}.md"
        if path.is_file():
            with path.open(encoding="utf-8") as handle:
                if is_myst_markdown_notebook(handle):
                    found.append(Chapter(docname, path))
    return found
