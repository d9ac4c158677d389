"""Ask the services about every entry, keep their answers, write the report."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exohcc import bibliography

from .compare import KINDS, Difference, differences
from .records import NonsenseError, Remote
from .services import Service, UnavailableError

FOLDER = Path("_build") / "refresh"
_HEADINGS = {
    "status": "Notices that the project does not know",
    "contradiction": "Fields that differ",
    "missing": "Fields that only the service has",
}


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    asked: int
    differences: tuple[Difference, ...]
    unanswered: tuple[str, ...]  # one line each: who did not answer for which entry, and why
    report: Path


def _statuses(root: Path) -> dict[str, str]:
    path = root / "book" / "exohcc" / "data" / "retractions.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        return {row["source"]: row["status"] for row in csv.DictReader(handle)}


def refresh(
    root: Path, services: Sequence[Service], *, keys: Iterable[str] = (), today: datetime.date | None = None,
    say: Callable[[str], object] = print,
) -> Outcome:  # fmt: skip
    """Compare ``references.bib`` with what the services say, and write ``_build/refresh/report.md``.

    Answers of the same day are kept in ``answers.jsonl`` beside the report, so that an interrupted run goes on
    where it stopped. Nothing else is written. `keys` limits the run to some entries.

    Raises
    ------
    KeyError
        One of `keys` is not in the bibliography.
    """
    day = (today or datetime.datetime.now(datetime.UTC).date()).isoformat()
    entries = bibliography.read(root / "references.bib").entries
    wanted = set(keys)
    if unknown := wanted - {entry.key for entry in entries}:
        raise KeyError(f"no entry {', '.join(sorted(unknown))} in references.bib")
    chosen = [entry for entry in entries if not wanted or entry.key in wanted]
    statuses = _statuses(root)
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept(folder / "answers.jsonl", day)
    found: list[Difference] = []
    unanswered: list[str] = []
    asked = 0
    with (folder / "answers.jsonl").open("a", encoding="utf-8") as answers:
        for number, entry in enumerate(chosen, 1):
            for service in services:
                name = (entry.key, service.name)
                if name not in kept:
                    asked += 1
                    try:
                        remote = service.look_up(entry)
                    except (UnavailableError, NonsenseError) as error:
                        unanswered.append(f"{entry.key}: {error}")
                        continue
                    kept[name] = remote
                    known = asdict(remote) if remote else None
                    record = {"day": day, "key": entry.key, "service": service.name, "record": known}
                    answers.write(json.dumps(record, ensure_ascii=False) + "\n")
                    answers.flush()
                answer = kept[name]
                if answer:
                    found.extend(differences(entry, statuses.get(entry.key, "none"), answer))
            if number % 25 == 0 or number == len(chosen):
                say(f"{number} of {len(chosen)} entries, {len(found)} differences, {len(unanswered)} without an answer")
    report = folder / "report.md"
    report.write_text(_report(day, len(chosen), services, found, unanswered), encoding="utf-8")
    (folder / "report.json").write_text(
        json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1), encoding="utf-8"
    )
    return Outcome(asked, tuple(found), tuple(unanswered), report)


def _kept(path: Path, day: str) -> dict[tuple[str, str], Remote | None]:
    """Return the day's answers; a line that was cut off by an interruption is asked again."""
    kept: dict[tuple[str, str], Remote | None] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            raw = json.loads(line)
            record: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in (raw["record"] or {}).items()
            }
            if raw["day"] == day:
                kept[raw["key"], raw["service"]] = Remote(**record) if record else None
        except (ValueError, KeyError, TypeError):
            continue
    return kept


def _report(
    day: str, entries: int, services: Sequence[Service], found: Sequence[Difference], unanswered: Sequence[str]
) -> str:
    names = " and ".join(service.name for service in services)
    lines = [f"# What {names} say of our references, {day}", ""]
    lines += [f"{entries} entries, {len(found)} differences, {len(unanswered)} questions without an answer.", ""]
    lines += ["Nothing has been changed. Decide each line, and correct the bibliography or the tables by hand.", ""]
    for kind in KINDS:
        of_kind = [one for one in found if one.kind == kind]
        lines += [f"## {_HEADINGS[kind]} ({len(of_kind)})", ""]
        for one in of_kind:
            notices = f" ({', '.join(one.notices)})" if one.notices else ""
            lines.append(f"- `{one.key}` {one.field}: ours “{one.ours}”, {one.service} “{one.theirs}”{notices}")
        lines.append("")
    lines += [f"## No answer ({len(unanswered)})", "", *(f"- {line}" for line in unanswered), ""]
    return "\n".join(lines)
