"""Command line: ``python -m exohcc check``, ``build``, ``lock`` and ``refresh``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="exohcc", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="folder with _config.yml (default: here)")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check bibliography, tables and chapters")
    check.add_argument("--format", choices=("text", "github"), default="text", help="github: annotations")
    build = commands.add_parser("build", help="build the site into _build/html")
    build.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="chapters executed at once")
    build.add_argument("--force", action="store_true", help="build even if nothing changed")
    lock = commands.add_parser("lock", help="pin the environment in the lock files (needs the registry)")
    lock.add_argument("--no-upgrade", action="store_true", help="keep pinned versions where they still fit")
    refresh = commands.add_parser("refresh", help="ask Crossref and PubMed what changed; writes a report, no data")
    refresh.add_argument("--mailto", default=os.environ.get("EXOHCC_MAILTO", ""), help="your address, for the services")
    refresh.add_argument("--timeout", type=int, default=30, help="seconds to wait for an answer")
    refresh.add_argument("keys", nargs="*", help="entries to ask about (default: all)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 clean, 1 findings, 2 could not run."""
    options = _parser().parse_args(arguments)
    root: Path = options.root.resolve()
    missing = [name for name in ("_config.yml", "_toc.yml", "references.bib") if not (root / name).is_file()]
    if missing:
        print(
            f"exohcc: no {', '.join(missing)} in {root}. Run it in the project's folder or give --root.",
            file=sys.stderr,
        )
        return 2
    if options.command == "build":
        from exohcc.build import build

        return build(root, jobs=options.jobs, force=options.force)
    if options.command == "lock":
        from exohcc import lock

        lock.write(root, upgrade=not options.no_upgrade)
        return 0
    if options.command == "refresh":
        return _refresh(root, options)
    from exohcc.checks import run
    from exohcc.checks.project import Project
    from exohcc.findings import report

    try:
        findings = run(Project(root))
    except (OSError, ValueError) as error:
        print(f"exohcc: could not check: {error}", file=sys.stderr)
        return 2
    if findings:
        print(report(findings, root, options.format))
        print(f"{len(findings)} findings", file=sys.stderr)
        return 1
    print("clean", file=sys.stderr)
    return 0


def _refresh(root: Path, options: argparse.Namespace) -> int:
    """Write the report; 1 if there is something to decide, 2 if a question got no answer."""
    if "@" not in options.mailto:
        print("exohcc: both services ask for an address: give --mailto or set EXOHCC_MAILTO.", file=sys.stderr)
        return 2
    from exohcc.refresh import refresh
    from exohcc.refresh.services import Crossref, PubMed

    services = [kind(options.mailto, timeout=options.timeout) for kind in (Crossref, PubMed)]
    try:
        outcome = refresh(root, services, keys=options.keys)
    except KeyError as error:
        print(f"exohcc: {error.args[0]}", file=sys.stderr)
        return 2
    print(f"report: {outcome.report.relative_to(root)}")
    return 2 if outcome.unanswered else 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
