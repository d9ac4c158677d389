"""Build the book: check, execute what is stale on all cores, then let Jupyter Book make the site."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from exohcc.sphinxext.evidence_cache.ledger import Inputs, digest, environment_digest

STAMP = Path("_build") / ".stamp.json"
_SOURCES = ("_config.yml", "_toc.yml", "references.bib", "requirements.txt", "book/**/*")


def config(root: Path) -> dict[str, Any]:
    """Return the Sphinx part of ``_config.yml``."""
    raw = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")) or {}
    return dict((raw.get("sphinx") or {}).get("config") or {}) | {"execute": raw.get("execute") or {}}


def sources_digest(root: Path) -> str:
    """Return the hash of everything that the site is made from, the environment included."""
    files = sorted(
        path
        for pattern in _SOURCES
        for path in root.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    )
    parts = [part for path in files for part in (path.relative_to(root).as_posix().encode(), path.read_bytes())]
    environment = environment_digest(Inputs.from_config(root, config(root)))
    return digest(environment.encode(), *parts)


def is_current(root: Path, current: str) -> bool:
    """Tell whether the site stands complete as the last build of these very sources left it."""
    try:
        stamp = json.loads((root / STAMP).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return stamp["sources"] == current and all((root / page).is_file() for page in stamp["pages"])


def _load_sphinx() -> None:
    """Import what the second half of a build needs: done while the kernels of the first half start."""
    import soupsieve
    from jupyter_book.config import get_default_sphinx_config
    from pygments.lexers import get_lexer_by_name
    from sphinx.application import builtin_extensions

    needed = [*builtin_extensions, *get_default_sphinx_config()["extensions"], "jupyter_book.sphinx", "exohcc.evidence"]
    for name in needed:
        with suppress(ImportError):  # Sphinx itself says what is missing, and why it needs it
            import_module(name)
    # The first use compiles large patterns.
    list(get_lexer_by_name("ipython3").get_tokens("x"))
    soupsieve.compile("a")


def _say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text + "\n", end="", flush=True)  # one write: two threads must not share a line


def build(root: Path, *, jobs: int = 2, force: bool = False, say: Callable[[str], None] = _say) -> int:
    """Build the site of the project in `root` into ``_build/html`` and return the exit code.

    0: built, or nothing had changed. 1: findings, a cell that raised, or a warning of Sphinx.
    """
    begin = time.perf_counter()
    gc.set_threshold(100_000, 20, 20)  # modules and trees live to the end; to search them often costs seconds
    current = sources_digest(root)
    if not force and is_current(root, current):
        say("nothing changed: _build/html is up to date")
        return 0

    from exohcc.checks import run
    from exohcc.checks.project import Project, docnames
    from exohcc.findings import Finding, report

    findings = [f for f in run(Project(root)) if f.rule != "cell.failed"]  # those run again below
    if findings:
        say(report(findings, root))
        say(f"not built: {len(findings)} findings")
        return 1

    from exohcc.sphinxext.evidence_cache import prefill

    settings = config(root)
    inputs = Inputs.from_config(root, settings)
    names = docnames(root)
    timeout = int(settings["execute"].get("timeout", 120))
    cache = root / "_build" / ".jupyter_cache"
    outcome = prefill.run(root, names, cache, inputs, jobs=jobs, timeout=timeout, say=say, meanwhile=_load_sphinx)
    if outcome.failures:
        failed = [
            Finding(Path(f.path), f.line, "cell.failed", f"The cell raised {f.error}", "Correct the cell")
            for f in outcome.failures
        ]
        say(report(failed, root))
        return 1
    say(f"executed {len(outcome.executed)} chapters, {len(outcome.fresh)} up to date; making the pages")
    code = _jupyter_book(root)
    if code == 0:
        pages = [f"_build/html/{name}.html" for name in names]
        (root / STAMP).write_text(json.dumps({"sources": current, "pages": pages}), encoding="utf-8")
        say(f"built _build/html in {time.perf_counter() - begin:.1f} s")
    return code


def _jupyter_book(root: Path) -> int:
    """Run ``jupyter-book build -n -W --keep-going`` in this process: one start of Python less."""
    from jupyter_book.cli.main import main

    try:
        main(["build", str(root), "-n", "-W", "--keep-going"], standalone_mode=False)
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        gc.freeze()  # nor need they be searched once more when the process ends
    return 0
