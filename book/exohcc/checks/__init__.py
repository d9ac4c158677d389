"""Every rule over bibliography, tables and chapters.

A rule is a function that takes the :class:`~exohcc.checks.project.Project` and yields findings. Each finding
has a stable id ``room.rule``, a file, a line, what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exohcc import bibliography, lock
from exohcc.checks import chapters, rows, tables, years
from exohcc.checks.project import Project
from exohcc.findings import Finding

Rule = Callable[[Project], Iterator[Finding]]


def _bibliography(project: Project) -> Iterator[Finding]:
    yield from bibliography.lint(project.bibliography_path)


def _lock(project: Project) -> Iterator[Finding]:
    yield from lock.findings(project.root)


RULES: tuple[Rule, ...] = (_bibliography, _lock, *tables.RULES, *rows.RULES, *years.RULES, *chapters.RULES)


def run(project: Project) -> list[Finding]:
    """Return all findings of all rules, sorted by place."""
    return sorted({finding for rule in RULES for finding in rule(project)})
