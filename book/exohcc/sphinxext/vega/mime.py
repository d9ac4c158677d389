"""Turn the chart's MIME type into document nodes while a page is parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util import logging

if TYPE_CHECKING:
    from myst_nb.core.render import MimeData, NbElementRenderer

# Written out, not imported from .renderer, so that the build needs no Altair.
MIME = "application/vnd.vegalite.v6+json"
LAB_MIME = "application/vnd.vegalite.v5+json"

_CELL = re.compile(r"^[`~:]{3,}\s*\{code-cell\}")

logger = logging.getLogger(__name__)


class vega_chart(nodes.General, nodes.Element):
    """A chart. Attributes: ``spec`` (JSON text), ``alt`` (text)."""


def figure_options(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what ``usermeta.figure`` of a specification says about its figure."""
    usermeta = spec.get("usermeta") or {}
    return dict(usermeta.get("figure") or {})


def _nested(renderer: NbElementRenderer, text: str, line: int | None) -> list[nodes.Node]:
    """Parse MyST Markdown and return its nodes."""
    box = nodes.container()
    box.document = renderer.renderer.document
    with renderer.renderer.current_node_context(box):
        renderer.renderer.nested_render_text(text, line or 0)
    return list(box.children)


class VegaMimeRenderer:
    """Plugin of the entry-point group ``myst_nb.mime_renderers``."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [("*", MIME, 1)]

    @staticmethod
    def handle_mime(renderer: NbElementRenderer, data: MimeData, inline: bool) -> list[nodes.Element] | None:
        """Return the figure of a chart; nothing for the copy that is meant for JupyterLab."""
        if data.mime_type == LAB_MIME:
            return []
        if data.mime_type != MIME or inline:
            return None
        document = renderer.renderer.document
        spec = data.content if isinstance(data.content, dict) else json.loads(data.content)
        options = figure_options(spec)
        alt = str(spec.get("description") or "").strip()
        if not alt:
            logger.warning(
                "vega.no-description: The chart of this cell has no description, so some readers get nothing. "
                "Set chart.properties(description=...) or figure(..., alt_text=...).",
                location=(document.settings.env.docname, _cell_line(document["source"], data.line)),
                type="vega", subtype="no-description",
            )  # fmt: skip
        chart = vega_chart("", spec=json.dumps(spec, ensure_ascii=False, separators=(",", ":")), alt=alt)
        cell_figure = _cell_figure(data.cell_metadata)
        if cell_figure.get("caption"):  # myst-nb puts its own figure around the output
            return [chart]
        figure = nodes.figure("", chart, classes=["vega-figure"])
        if options.get("name"):
            name = nodes.fully_normalize_name(options["name"])
            figure["names"].append(name)
            document.note_explicit_target(figure, figure)
        caption = options.get("caption") or _title(spec)
        if caption:
            first, *rest = _nested(renderer, caption, data.line)
            figure += nodes.caption("", "", *first.children)
            legend = [*rest, *_data_link(options)]
        else:
            legend = _data_link(options)
        if legend:
            figure += nodes.legend("", *legend)
        return [figure]


def _cell_line(source: str, line: int | None) -> int | None:
    """Return the line on which the cell's directive opens; myst-nb's own count is a line or two off."""
    path = Path(source)
    if line is None or not path.is_file():
        return line
    lines = path.read_text(encoding="utf-8").splitlines()
    openings = [n for n, text in enumerate(lines[:line], 1) if _CELL.match(text)]
    return openings[-1] if openings else line


def _cell_figure(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("mystnb", "render"):
        found = (metadata.get(key) or {}).get("figure")
        if isinstance(found, dict):
            return found
    return {}


def _title(spec: Mapping[str, Any]) -> str:
    title = spec.get("title") or ""
    if isinstance(title, dict):
        title = title.get("text") or ""
    return " ".join(title) if isinstance(title, list) else str(title)


def _data_link(options: Mapping[str, str]) -> list[nodes.Node]:
    link = options.get("data_link")
    if not link:
        return []
    label = options.get("data_label") or "Data of this figure"
    reference = nodes.reference("", label, refuri=link, internal="://" not in link, vega_data_link=True)
    return [nodes.paragraph("", "", reference, classes=["vega-figure__data"])]
