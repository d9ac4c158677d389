"""``make bench``: build times on a temporary copy of the book, beside plain Jupyter Book in the same run.

The book is the endothelium chapter repeated 12 times. The copies differ by one line of code, since equal
code would be executed once; one of them also reads the table `trials`, the table that is then changed.
"Plain" is ``jupyter-book build`` of the same sources with its default execution (``auto``): no prefill, no
cache, no kept plug-ins of pybtex; our chart output and citation style stay in, since the pages need them.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CHAPTER = PROJECT / "book/crosstalk/endothelium.md"
COPIES = 12
REPEATS = 3  # of the quick builds, whose median is printed


def lay_out(root: Path) -> None:
    """Write the temporary book."""
    shutil.copytree(PROJECT / "book/exohcc", root / "book/exohcc", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "requirements.txt", "references.bib"):
        shutil.copy(PROJECT / name, root / name)
    text = CHAPTER.read_text(encoding="utf-8")
    labels = set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)) | set(re.findall(r'name="(fig-[\w-]+)"', text))
    files = []
    for number in range(1, COPIES + 1):
        own = text
        for label in labels:  # labels are unique in a book
            own = re.sub(rf"\b{label}\b", f"{label}-{number}", own)
        extra = 'exohcc.load("trials")' if number == 1 else f"copy = {number}"
        own = own.replace("charts.setup()\n", f"charts.setup()\n{extra}\n", 1)
        own = own.replace("```{bibliography}\n", f"```{{bibliography}}\n:keyprefix: c{number}-\n")
        own = re.sub(
            r"(\{\{?cite\}?\}`)([^`]+)`",
            lambda m, n=number: m[1] + ",".join(f"c{n}-{k.strip()}" for k in m[2].split(",")) + "`",
            own,
        )
        (root / f"book/copy{number}.md").write_text(own, encoding="utf-8")
        files.append(f"book/copy{number}")
    toc = "format: jb-book\nroot: " + files[0] + "\nchapters:\n" + "".join(f"- file: {f}\n" for f in files[1:])
    (root / "_toc.yml").write_text(toc, encoding="utf-8")


def timed(root: Path, *command: str) -> tuple[float, float]:
    """Run a command; return seconds and the peak memory in MB of the largest process so far."""
    environment = {**os.environ, "PYTHONPATH": str(root / "book"), "NO_COLOR": "1"}
    begin = time.perf_counter()
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def ours(root: Path) -> tuple[float, float]:
    """Build with our command; the check is left out, since the copies' prefixed keys are not the project's."""
    code = (
        "import sys; from pathlib import Path; from exohcc import build, checks; checks.run = lambda project: [];"
        "sys.exit(build.build(Path('.').resolve()))"
    )
    return timed(root, sys.executable, "-c", code)


def plain(root: Path) -> tuple[float, float]:
    """Build the same sources with Jupyter Book's own defaults."""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    config = config.replace("execute_notebooks: cache", "execute_notebooks: auto")
    config = re.sub(r"    - exohcc\.sphinxext\.(?:evidence_cache|speed)\n", "", config)
    config = re.sub(r"    evidence_cache_\w+:.*\n", "", config)
    (root / "_config.yml").write_text(config, encoding="utf-8")
    return timed(root, str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-q")


def median(runs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median time and the highest memory of several runs."""
    return statistics.median(seconds for seconds, _ in runs), max(memory for _, memory in runs)


def main() -> None:
    """Print the table."""
    rows: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        root = Path(first)
        lay_out(root)
        rows.append(("cold build", *ours(root)))
        rows.append(("nothing changed", *median([ours(root) for _ in range(REPEATS)])))
        chapter = root / "book/copy2.md"
        runs = []
        for number in range(REPEATS):
            text = chapter.read_text(encoding="utf-8")
            chapter.write_text(f"{text}\nParagraph {number} more.\n", encoding="utf-8")
            runs.append(ours(root))
        rows.append(("one paragraph changed", *median(runs)))
        table = root / "book/exohcc/data/trials.csv"
        runs = []
        for _ in range(REPEATS):
            lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
            table.write_text("".join(lines[:-1]), encoding="utf-8")
            runs.append(ours(root))
        rows.append(("one row of a table changed, one chapter reads it", *median(runs)))
        lay_out(Path(second))
        reference = plain(Path(second))
    print(f"{COPIES} chapters, {os.cpu_count()} cores")
    print(f"{'':50} {'seconds':>8} {'of plain':>9} {'of cold':>8} {'peak MB':>8}")
    for name, seconds, memory in rows:
        print(f"{name:50} {seconds:8.1f} {seconds / reference[0]:9.2f} {seconds / rows[0][1]:8.2f} {memory:8.0f}")
    print(f"{'plain jupyter-book build, cold':50} {reference[0]:8.1f} {1:9.2f} {'':8} {reference[1]:8.0f}")


if __name__ == "__main__":
    main()
