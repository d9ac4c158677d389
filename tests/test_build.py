"""Whole small books: what is executed, what the pages then show, what a bad chapter says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PROJECT

Root = Callable[[str], Path]

CHAPTER = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
---

# {table}

```{{code-cell}} python
import exohcc
print("rows of {table}:", exohcc.load("{table}").height)
```
"""


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy of the project, with the copy's package in front of the installed one."""
    environment = {**os.environ, "PYTHONPATH": str(root / "book"), "NO_COLOR": "1"}
    bin = Path(sys.executable).parent
    start = [str(bin / command[0])] if (bin / command[0]).is_file() else [sys.executable, "-m", command[0]]
    return subprocess.run(
        [*start, *command[1:]], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def executed(result: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^executing (\S+)", result.stdout, re.MULTILINE)


def rows(root: Path, name: str) -> int:
    found = re.search(r"rows of \w+: (\d+)", (root / f"_build/html/book/{name}.html").read_text(encoding="utf-8"))
    assert found
    return int(found.group(1))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with two chapters, one a table, built once."""
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(PROJECT / "book/exohcc", root / "book/exohcc", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "requirements.txt", "references.bib"):
        shutil.copy(PROJECT / name, root / name)
    for table in ("trials", "machinery"):
        (root / f"book/{table}.md").write_text(CHAPTER.format(table=table), encoding="utf-8")
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/trials\nchapters:\n- file: book/machinery\n")
    result = run(root, "exohcc", "build")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(executed(result)) == ["book/machinery", "book/trials"]
    return root


def test_only_what_changed_is_executed_and_pages_follow(book: Path) -> None:
    """One story in one test, since each step starts from the one before."""
    nothing = run(book, "exohcc", "build")
    assert "nothing changed" in nothing.stdout

    before = rows(book, "trials")
    path = book / "book/exohcc/data/trials.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    changed_table = run(book, "exohcc", "build")
    assert changed_table.returncode == 0, changed_table.stdout + changed_table.stderr
    assert executed(changed_table) == ["book/trials"]
    assert rows(book, "trials") == before - 1

    chapter = book / "book/machinery.md"
    chapter.write_text(chapter.read_text(encoding="utf-8") + "\nOne more sentence.\n", encoding="utf-8")
    changed_prose = run(book, "exohcc", "build")
    assert executed(changed_prose) == []
    assert "One more sentence." in (book / "_build/html/book/machinery.html").read_text(encoding="utf-8")

    code = book / "book/exohcc/evidence.py"
    code.write_text(code.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    changed_code = run(book, "exohcc", "build")
    assert sorted(executed(changed_code)) == ["book/machinery", "book/trials"]

    # The same promise without our command: the extension alone keeps plain Jupyter Book honest.
    path.write_text("".join(lines[:-2]), encoding="utf-8")
    plain = run(book, "jupyter-book", "build", ".", "-n", "-W", "--keep-going")
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert rows(book, "trials") == before - 2
    assert plain.stderr.count("Executing notebook") + plain.stdout.count("Executing notebook") == 1


def test_a_finding_stops_the_build(root: Root) -> None:
    result = run(root("unknown-citation"), "exohcc", "build")
    assert result.returncode == 1
    assert "book/index.md:4: cite.undefined: " in result.stdout
    assert "executing" not in result.stdout


def test_a_failing_cell_names_its_line(root: Root) -> None:
    path = root("failing-cell")
    result = run(path, "exohcc", "build")
    assert result.returncode == 1
    assert "book/chapter.md:18: cell.failed: The cell raised ZeroDivisionError: division by zero" in result.stdout
    check = run(path, "exohcc", "check")
    assert check.returncode == 1
    assert "book/chapter.md:18: cell.failed" in check.stdout


def test_a_chart_without_description_fails_the_build(root: Root) -> None:
    result = run(root("chart-without-description"), "exohcc", "build")
    assert result.returncode == 1
    assert re.search(r"book/chapter\.md:14: WARNING: vega\.no-description: ", result.stdout + result.stderr)
