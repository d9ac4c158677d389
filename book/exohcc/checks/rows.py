"""Rules over the meaning of the rows, beyond what a schema can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exohcc.checks.project import Project
from exohcc.findings import Finding

RULES: tuple[Callable[[Project], Iterator[Finding]], ...] = ()
