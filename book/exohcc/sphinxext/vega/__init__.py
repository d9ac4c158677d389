"""Altair charts in a Jupyter Book: static SVG at build time, interactive in the browser, no network.

Use in any Jupyter Book 1.x or Sphinx project with myst-nb: add ``<package>.sphinxext.vega`` to the
extensions, register :class:`~.mime.VegaMimeRenderer` under the entry-point group
``myst_nb.mime_renderers``, and call :func:`~.renderer.enable` in the chapters' kernels.

A chart at the end of a cell becomes a ``<figure>`` with the chart's ``description`` as alternative text,
a caption, and one SVG per width in ``vega_widths``. When the figure comes near the viewport, one script
that is loaded once makes it interactive. Colours named in ``vega_dark_colours`` follow the theme. Top-level
parameters whose names begin with ``page_`` are shared by all charts of a page: a choice in one chart reaches
the others.

Configuration
-------------
vega_widths : list of int
    Widths in pixels of the static pictures of charts with ``width="container"``; the widest one that fits
    is shown. The first is used on paper.
vega_dark_colours : dict of str to str
    Colour in the charts (``"#1f2933"``) to its replacement in dark mode.
"""

from __future__ import annotations

import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

from . import html, svg
from .mime import vega_chart

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STATIC = Path(__file__).parent / "static"
FOLDER = "vega-figure"  # below _static of the built site


def _copy_assets(app: Sphinx) -> None:
    """Put the scripts beside the pages; no static path, since Jupyter Book loads every script found there."""
    if app.builder.format != "html" or app.builder.name == "epub":  # an EPUB has the pictures alone
        return
    target = Path(app.outdir) / "_static" / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    for source in STATIC.iterdir():
        copy = target / source.name
        if not copy.exists() or copy.stat().st_mtime < source.stat().st_mtime:
            shutil.copy2(source, copy)
    style = svg.dark_style(app.config.vega_dark_colours) + html.width_style(app.config.vega_widths)
    (target / "vega-colours.css").write_text(style, encoding="utf-8")


def _add_assets(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load our style and script on pages with charts, and on no other."""
    if app.builder.name == "epub" or doctree is None or next(iter(doctree.findall(vega_chart)), None) is None:
        return
    app.add_css_file(f"{FOLDER}/vega-figure.css")
    app.add_css_file(f"{FOLDER}/vega-colours.css")
    app.add_js_file(f"{FOLDER}/vega-figure.js", loading_method="defer")


def _resolve_data_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make links to data relative to their page; a book on paper has no files beside it, so drop them there."""
    for link in list(doctree.findall(nodes.reference)):
        if not link.get("vega_data_link") or "://" in link["refuri"]:
            continue
        if app.builder.format == "html" and app.builder.name != "epub":
            folder = posixpath.dirname(app.builder.get_target_uri(docname)) or "."
            link["refuri"] = posixpath.relpath(link["refuri"], folder)
        else:
            paragraph = link.parent
            paragraph.parent.remove(paragraph)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register configuration, the node with its writers, and the assets."""
    app.add_config_value("vega_widths", [700, 340], "html", types=(list, tuple))
    app.add_config_value("vega_dark_colours", {}, "html", types=(dict,))
    app.add_node(
        vega_chart,
        html=(html.visit_html, html.depart),
        latex=(html.visit_latex, html.depart),
        text=(html.visit_text, html.depart),
        man=(html.visit_text, html.depart),
        texinfo=(html.visit_text, html.depart),
    )
    app.connect("builder-inited", _copy_assets)
    app.connect("html-page-context", _add_assets)
    app.connect("doctree-resolved", _resolve_data_links)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
