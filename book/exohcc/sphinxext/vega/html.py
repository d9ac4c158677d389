"""Writers: what a chart is in HTML, EPUB, PDF and plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert
from docutils import nodes

from . import svg

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from .mime import vega_chart


def _cache(app: Sphinx) -> Path:
    return Path(app.doctreedir).parent / ".vega"


def width_style(widths: Sequence[int]) -> str:
    """Return the rules that show, of several static pictures, the widest that fits its box."""
    rules = []
    ordered = sorted(widths, reverse=True)
    for index, width in enumerate(ordered):
        low = "" if index == len(ordered) - 1 else f"(min-width:{width * 3 // 4}px)"
        high = "" if index == 0 else f"(max-width:{ordered[index - 1] * 3 // 4 - 0.02:g}px)"
        query = " and ".join(part for part in (low, high) if part)
        rule = f".vega-chart__static--{width}{{display:block}}"
        rules.append(
            f"@container vega ({'width > 0px'}){{{rule}}}" if not query else f"@container vega {query}{{{rule}}}"
        )
    # Paper has no container to ask: the widest picture.
    paper = f".vega-chart__static{{display:none!important}}.vega-chart__static--{ordered[0]}{{display:block!important}}"
    return "\n".join(rules) + "\n@media print{" + paper + "}\n"


def visit_html(self: Any, node: vega_chart) -> None:
    """Write the static pictures and, but for EPUB, the specification that makes them interactive."""
    app: Sphinx = self.builder.app
    spec = json.loads(node["spec"])
    dark = app.config.vega_dark_colours
    epub = self.builder.name == "epub"
    widths = app.config.vega_widths if svg.is_responsive(spec) else [0]
    if epub:
        widths, dark = widths[:1], {}
    number = app.env.new_serialno("vega") if app.env else 0
    pictures = []
    for width in widths:
        fixed = svg.static_spec(spec, width)
        identifier = f"vega{number}-{svg.fingerprint(fixed)[:8]}"
        classes = "vega-chart__static" + (
            f" vega-chart__static--{width}" if len(widths) > 1 else " vega-chart__static--only"
        )
        text = svg.render(fixed, _cache(app))
        pictures.append(svg.inline(text, identifier=identifier, alt=node["alt"], classes=classes, dark=dark))
    kind = "vega-chart" if svg.is_responsive(spec) else "vega-chart vega-chart--fixed"
    self.body.append(f'<div class="{kind}">' + "".join(pictures))
    if not epub:
        live = {key: value for key, value in spec.items() if key != "usermeta"}
        text = json.dumps(live, ensure_ascii=False, separators=(",", ":"))
        self.body.append(
            '<script type="application/json" class="vega-chart__spec">'
            f"{svg.json_for_html(svg.themed(text, dark))}</script>"
        )
    self.body.append("</div>\n")


def visit_latex(self: Any, node: vega_chart) -> None:
    """Write the picture as a PDF beside the LaTeX source and include it."""
    app: Sphinx = self.builder.app
    spec = svg.static_spec(json.loads(node["spec"]), app.config.vega_widths[0])
    name = f"vega-{svg.fingerprint(spec)}.pdf"
    path = Path(app.outdir) / name
    if not path.exists():
        path.write_bytes(vl_convert.vegalite_to_pdf(spec, vl_version=svg.VL_VERSION))
    self.body.append(f"\\noindent\\sphinxincludegraphics[width=\\linewidth]{{{{{path.stem}}}.pdf}}\n")


def visit_text(self: Any, node: vega_chart) -> None:
    """Write the description, all that plain text can show."""
    self.add_text(f"[{node['alt']}]") if hasattr(self, "add_text") else self.body.append(node["alt"])
    raise nodes.SkipNode


def depart(self: Any, node: vega_chart) -> None:
    """Nothing is left to close."""
