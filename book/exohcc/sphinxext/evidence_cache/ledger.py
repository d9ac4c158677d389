"""What each executed chapter depended on. Pure: files in, decisions out; knows neither Sphinx nor kernels.

jupyter-cache finds a chapter's outputs by a hash of its code cells alone. The ledger adds, for each such
hash, the tables that the code read, the package's code and the environment, as they were at execution.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

LEDGER_NAME = "ledger.json"  # beside the execution cache
READS_VARIABLE = "EXOHCC_READS"  # the file in which a running chapter notes what it reads


@dataclass(frozen=True)
class Inputs:
    """Where the things stand that a chapter's result can depend on, beside its own code cells."""

    root: Path
    data: tuple[str, ...]  # files and folders, relative to root, that chapters note by file name
    code: tuple[str, ...]  # globs of the code that chapters import
    code_excluded: tuple[str, ...]  # globs of code that no chapter imports
    lock: str  # the locked environment

    @classmethod
    def from_config(cls, root: Path, config: Mapping[str, Any]) -> Inputs:
        """Read the ``evidence_cache_*`` values of a Sphinx configuration or of ``_config.yml``."""
        return cls(
            root=root,
            data=tuple(config.get("evidence_cache_data") or ()),
            code=tuple(config.get("evidence_cache_code") or ()),
            code_excluded=tuple(config.get("evidence_cache_code_excluded") or ()),
            lock=str(config.get("evidence_cache_lock") or ""),
        )


@dataclass(frozen=True)
class Failure:
    """A cell that raised."""

    path: str  # of the chapter, relative to the root
    line: int
    error: str


@dataclass(frozen=True)
class Record:
    """What one execution depended on: names with hashes of content."""

    reads: Mapping[str, str]
    code: str
    environment: str
    failure: Failure | None = None


def digest(*parts: bytes) -> str:
    """Return a short hash of `parts`, each with its length, so that borders count."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big"))
        sha.update(part)
    return sha.hexdigest()[:24]


def _files(root: Path, globs: Iterable[str]) -> set[Path]:
    return {path for pattern in globs for path in root.glob(pattern) if path.is_file()}


def code_digest(inputs: Inputs) -> str:
    """Return the hash of the code that chapters can import."""
    files = _files(inputs.root, inputs.code) - _files(inputs.root, inputs.code_excluded)
    return digest(*(part for path in sorted(files) for part in (str(path).encode(), path.read_bytes())))


@cache
def _distributions() -> bytes:
    # The folders' names hold name and version; to parse each package's metadata would take half a second.
    kinds = ("*.dist-info", "*.egg-info", "*.egg-link")
    names = {found.name for entry in sys.path for kind in kinds for found in Path(entry or ".").glob(kind)}
    return "\n".join([sys.version, *sorted(names)]).encode()


def environment_digest(inputs: Inputs) -> str:
    """Return the hash of the lock file, the Python version and every installed distribution."""
    lock = inputs.root / inputs.lock
    return digest(lock.read_bytes() if inputs.lock and lock.is_file() else b"", _distributions())


def data_digests(inputs: Inputs) -> dict[str, str]:
    """Return {file name: hash} of every data file that a chapter can note as read."""
    found: dict[str, str] = {}
    for entry in inputs.data:
        path = inputs.root / entry
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file():
                found[file.name] = digest(file.read_bytes())
    return found


class Ledger:
    """The records, kept as one JSON file beside the execution cache."""

    def __init__(self, path: Path, inputs: Inputs) -> None:
        self.path = path
        self.inputs = inputs
        self.code = code_digest(inputs)
        self.environment = environment_digest(inputs)
        self.data = data_digests(inputs)
        self.records: dict[str, Record] = {}
        self.keys: dict[str, str] = {}  # hash of a document's text -> hash of its code cells
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if stored.get("environment") == self.environment:  # another version of a library may hash otherwise
            self.keys = stored["keys"]
        for key, raw in stored.get("records", {}).items():
            failure = raw.pop("failure")
            self.records[key] = Record(**raw, failure=Failure(**failure) if failure else None)

    def stale(self, key: str) -> str | None:
        """Return why the outputs of the notebook with hash `key` can't be used, or None if they can."""
        record = self.records.get(key)
        if record is None:
            return "its code is new or changed"
        if record.failure:
            return "it failed last time"
        if record.environment != self.environment:
            return "the environment changed"
        if record.code != self.code:
            return "the package changed"
        changed = [name for name, value in record.reads.items() if self.data.get(name) != value]
        return f"{', '.join(changed)} changed" if changed else None

    def note(self, key: str, reads: Iterable[str], failure: Failure | None = None) -> None:
        """Record an execution that has just ended; reads of unknown files count as reads of everything."""
        names = set(reads)
        if names - set(self.data):
            names = set(self.data)
        found = {name: self.data[name] for name in sorted(names)}
        self.records[key] = Record(found, self.code, self.environment, failure)

    def keep_only(self, keys: Iterable[str]) -> list[str]:
        """Drop the records of notebooks that the book no longer has; return their hashes."""
        gone = sorted(set(self.records) - set(keys))
        for key in gone:
            del self.records[key]
        return gone

    def save(self) -> None:
        """Write the ledger."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        records = {key: asdict(record) for key, record in sorted(self.records.items())}
        stored = {"environment": self.environment, "keys": self.keys, "records": records}
        self.path.write_text(json.dumps(stored, indent=1), encoding="utf-8")


def read_notes(path: Path) -> list[str]:
    """Return the names that a chapter noted in its file of reads."""
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
