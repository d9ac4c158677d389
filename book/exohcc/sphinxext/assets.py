"""What the site carries beside its pages: our style, the tables for download, and nothing that is never used."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exohcc import download, palette

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.config import Config

STATIC = Path(__file__).parent / "static"
FOLDER = "exohcc"  # below _static of the built site
_REPAIRS = (
    # The theme's icon script (1.5 MB) is replaced by masks in exohcc.css.
    (re.compile(r"\s*<(?:script|link)[^>]*fontawesome\.js[^>]*>(?:</script>)?"), ""),
    # docutils puts entries without the role "listitem" into a list, a critical fault for screen readers.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    # A dropdown takes no language; screen readers need it to read the Chinese summaries.
    (
        re.compile(r'<details (class="[^"]*\bsd-dropdown\b[^"]*">\s*<summary[^>]*>\s*<span[^>]*>[\u4e00-\u9fff])'),
        r'<details lang="zh-Hans" \1',
    ),
)


def _settings(app: Sphinx, config: Config) -> None:
    """Set what other modules define once: the charts' dark colours, and the theme's mode."""
    config.vega_dark_colours = dict(palette.DARK)
    config.html_context.setdefault("default_mode", "auto")  # else the theme logs an error on each page


def _copy(app: Sphinx) -> None:
    app.exohcc_written = set()  # type: ignore[attr-defined]  # the pages of this build
    if app.builder.format == "html":
        shutil.copytree(STATIC, Path(app.outdir) / "_static" / FOLDER, dirs_exist_ok=True)


def _page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Add our style; drop the scripts of live kernels, which would come from another site."""
    app.exohcc_written.add(Path(app.builder.get_outfilename(name)))  # type: ignore[attr-defined]
    app.add_css_file(f"{FOLDER}/exohcc.css")
    if "exo-listing" in str(context.get("body", "")):
        app.add_js_file(f"{FOLDER}/listing.js", loading_method="defer")
    context["favicon_url"] = context["pathto"](f"_static/{FOLDER}/favicon.svg", 1)
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", script) or "")
        and "thebe" not in str(getattr(script, "attributes", {}).get("body", "")).lower()
    ]
    context["css_files"] = [c for c in context.get("css_files", []) if "thebe" not in str(getattr(c, "filename", c))]


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write the downloads, repair the pages, drop the icon script and the source maps, 5 MB that no reader needs."""
    if error or app.builder.format != "html" or app.builder.name == "epub":
        return
    out = Path(app.outdir)
    download.write(out / "data", Path(app.srcdir) / "references.bib")
    moved = Path(app.srcdir) / "book" / "moved"  # addresses of pages that have moved lead on
    if moved.is_dir():
        shutil.copytree(moved, out, dirs_exist_ok=True)
    for path in app.exohcc_written:  # type: ignore[attr-defined]
        text = path.read_text(encoding="utf-8")
        repaired = text
        for fault, repair in _REPAIRS:
            repaired = fault.sub(repair, repaired)
        if repaired != text:
            path.write_text(repaired, encoding="utf-8")
    for path in sorted((out / "_static").rglob("*")):
        if path.suffix == ".map" or path.name.startswith("fontawesome.js"):
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the events."""
    app.connect("config-inited", _settings)
    app.connect("builder-inited", _copy)
    app.connect("html-page-context", _page, priority=900)  # after the theme has added its scripts
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
