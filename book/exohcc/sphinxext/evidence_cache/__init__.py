"""No page shows an old number: outputs are used again only while all that they depended on is unchanged.

The execution cache alone is keyed on a chapter's code cells. This extension compares, before Sphinx reads
anything, each chapter's record in the ledger with the data, the package and the environment as they are
now; stale outputs are removed from the cache and their pages are read again.

Configuration
-------------
evidence_cache_data : list of str
    Files and folders that chapters may read; each is noted by its file name.
evidence_cache_code, evidence_cache_code_excluded : list of str
    Globs of the code that chapters import, and of code that none imports.
evidence_cache_lock : str
    The lock file of the environment.
evidence_cache_preload : list of str
    Modules that most chapters import; the prefill's kernels import them while they start.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ledger import LEDGER_NAME, READS_VARIABLE, Inputs, Ledger, read_notes

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class Watch:
    """The state of one build: which documents must run, and where their reads are noted."""

    def __init__(self, app: Sphinx) -> None:
        chosen = app.config.nb_execution_cache_path
        self.cache_path = Path(chosen) if chosen else Path(app.outdir).parent / ".jupyter_cache"
        inputs = Inputs.from_config(Path(app.srcdir), {k: app.config[k] for k in _CONFIG})
        self.ledger = Ledger(self.cache_path / LEDGER_NAME, inputs)
        self.keys: dict[str, str] = {}
        self.running: set[str] = set()
        self.folder = tempfile.TemporaryDirectory()

    def reads_of(self, docname: str) -> Path:
        """Return the file in which a document's kernel notes its reads."""
        return Path(self.folder.name) / docname.replace("/", "__")


_CONFIG = (
    "evidence_cache_data",
    "evidence_cache_code",
    "evidence_cache_code_excluded",
    "evidence_cache_lock",
)


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Remove stale outputs and return the pages whose numbers may be old."""
    # Here, not above: who only asks the ledger whether anything changed need not wait for a database library.
    from .chapters import find
    from .prefill import purge

    watch = Watch(app)
    app.exohcc_watch = watch  # type: ignore[attr-defined]
    for chapter in find(Path(app.srcdir), sorted(env.found_docs), watch.ledger):
        watch.keys[chapter.docname] = chapter.key
    watch.running = {doc for doc, key in watch.keys.items() if watch.ledger.stale(key)}
    purge(watch.cache_path, [watch.keys[doc] for doc in watch.running])
    # A page shows the outputs of the record it was built from; it is read again when that record changes.
    shown = getattr(env, "evidence_shown", {})
    now = {doc: _shown(watch.ledger, key) for doc, key in watch.keys.items()}
    return sorted(doc for doc in now if doc in watch.running or shown.get(doc) != now[doc])


def _shown(ledger: Ledger, key: str) -> str:
    record = ledger.records.get(key)
    return f"{key} {record.code} {record.environment} {sorted(record.reads.items())}" if record else key


def _source_read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Point the kernel that may start for this document to its file of reads."""
    watch: Watch = app.exohcc_watch  # type: ignore[attr-defined]
    os.environ[READS_VARIABLE] = str(watch.reads_of(docname))


def _doctree_read(app: Sphinx, doctree: nodes.document) -> None:
    """Record an execution that myst-nb has just done, and what the page now shows."""
    os.environ.pop(READS_VARIABLE, None)
    watch: Watch = app.exohcc_watch  # type: ignore[attr-defined]
    docname = app.env.docname
    key = watch.keys.get(docname)
    if key is None:
        return
    if docname in watch.running and _has_outputs(watch, key):
        watch.ledger.note(key, read_notes(watch.reads_of(docname)))
        watch.ledger.save()
    shown = dict(getattr(app.env, "evidence_shown", {}))
    shown[docname] = _shown(watch.ledger, key)
    app.env.evidence_shown = shown  # type: ignore[attr-defined]


def _has_outputs(watch: Watch, key: str) -> bool:
    """Tell whether the execution succeeded: only then has jupyter-cache the outputs."""
    from jupyter_cache import get_cache

    return any(record.hashkey == key for record in get_cache(watch.cache_path).list_cache_records())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register configuration and events."""
    app.add_config_value("evidence_cache_data", [], "", types=(list,))
    app.add_config_value("evidence_cache_code", [], "", types=(list,))
    app.add_config_value("evidence_cache_code_excluded", [], "", types=(list,))
    app.add_config_value("evidence_cache_lock", "", "", types=(str,))
    app.add_config_value("evidence_cache_preload", [], "", types=(list,))
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _source_read)
    app.connect("doctree-read", _doctree_read)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
