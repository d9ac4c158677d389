"""Write and check the lock files: ``requirements.txt`` (book, tests) and ``requirements-lab.txt`` (JupyterLab)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exohcc.findings import Finding

LOCKS = {"requirements.txt": ("dev",), "requirements-lab.txt": ("lab",)}
_MARK = "# made from pyproject.toml dependencies sha256:"


def wanted(project: dict[str, Any], extras: tuple[str, ...]) -> list[str]:
    """Return the direct requirements of the package and some of its extras."""
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def mark(requirements: list[str], python: str) -> str:
    """Return the line that ties a lock to what it was made from."""
    text = json.dumps([python, *sorted("".join(line.split()) for line in requirements)])
    return _MARK + hashlib.sha256(text.encode()).hexdigest()


def _project(root: Path) -> dict[str, Any]:
    return dict(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def write(root: Path, *, upgrade: bool = True) -> None:
    """Resolve and pin, with hashes, for every platform and Python that the package allows. Needs the registry."""
    project = _project(root)
    for name, extras in LOCKS.items():
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--universal", "--quiet",
            "--python-version", project["requires-python"].removeprefix(">="), "--generate-hashes",
            "--no-header", "--output-file", name, *(f"--extra={extra}" for extra in extras),
        ]  # fmt: skip
        subprocess.run([*command, "--upgrade"] if upgrade else command, cwd=root, check=True)
        path = root / name
        head = mark(wanted(project, extras), project["requires-python"])
        path.write_text(f"# Written by make lock.\n{head}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")


def findings(root: Path) -> Iterator[Finding]:
    """Yield a finding for each lock that was not made from ``pyproject.toml`` as it stands."""
    if not (root / "pyproject.toml").is_file():
        return
    project = _project(root)
    for name, extras in LOCKS.items():
        path = root / name
        expected = mark(wanted(project, extras), project["requires-python"])
        if not path.is_file() or expected not in path.read_text(encoding="utf-8").splitlines()[:3]:
            yield Finding(
                path,
                2,
                "lock.stale",
                f"{name} was not made from pyproject.toml as it stands",
                "Run make lock",
            )
