"""What a check found: where, which rule, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """One violation of one rule at one place."""

    path: Path
    line: int  # counted from 1; 1 when the whole file is meant
    rule: str  # stable id, for example "bib.duplicate-key"
    what: str  # a sentence without full stop
    remedy: str  # a sentence without full stop

    def text(self, root: Path) -> str:
        """Return ``file:line: rule: what. What to do.`` with the path relative to `root`."""
        return f"{_relative(self.path, root)}:{self.line}: {self.rule}: {self.what}. {self.remedy}."

    def github(self, root: Path) -> str:
        """Return the finding as an annotation command of GitHub Actions."""
        message = f"{self.what}. {self.remedy}.".replace("%", "%25").replace("\n", "%0A")
        return f"::error file={_relative(self.path, root)},line={self.line},title={self.rule}::{message}"


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.as_posix()


def report(findings: Iterable[Finding], root: Path, style: str = "text") -> str:
    """Return all findings, sorted, one a line; `style` is ``text`` or ``github``."""
    lines = [f.github(root) if style == "github" else f.text(root) for f in sorted(set(findings))]
    return "\n".join(lines)
