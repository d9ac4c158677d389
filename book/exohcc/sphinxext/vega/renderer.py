"""The kernel's side: how a chart leaves the cell. Imports Altair and nothing of Sphinx."""

from __future__ import annotations

from typing import Any, TypeVar

import altair as alt

MIME = "application/vnd.vegalite.v6+json"
"""What the book reads. Altair's own renderer says ``v6.json``, which nbformat refuses."""

LAB_MIME = "application/vnd.vegalite.v5+json"
"""What JupyterLab shows with the Vega that it brings, without a network."""

LAB_WIDTH = 700  # pixels

NAME = "book"
Chart = TypeVar("Chart", bound=alt.TopLevelMixin)


def _render(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    lab = {key: value for key, value in spec.items() if key != "$schema"}
    if lab.get("width") == "container":  # JupyterLab draws such a chart anew without end, and freezes
        lab["width"] = LAB_WIDTH
    return {MIME: spec, LAB_MIME: lab, "text/plain": spec.get("description", "chart")}


def enable() -> None:
    """Make this the renderer of every Altair chart in the running kernel."""
    alt.renderers.register(NAME, _render)
    alt.renderers.enable(NAME)


def figure(
    chart: Chart,
    *,
    caption: str,
    alt_text: str,
    name: str | None = None,
    data_link: str | None = None,
    data_label: str = "Rows behind this figure",
) -> Chart:
    """Give a chart what a figure in the book needs.

    Parameters
    ----------
    chart : altair chart
        Any top-level chart.
    caption : str
        MyST Markdown, shown below the chart; may hold citations and computed numbers.
    alt_text : str
        One or two sentences that say what the chart shows, for readers who can't see it.
    name : str, optional
        Label for cross-references.
    data_link : str, optional
        Address of the rows behind the chart, absolute or relative to the top of the book.
    data_label : str
        Text of that link.

    Returns
    -------
    altair chart
        A copy with ``description`` and ``usermeta`` set.
    """
    meta = {"caption": caption, "name": name, "data_link": data_link, "data_label": data_label}
    usermeta = {"figure": {key: value for key, value in meta.items() if value is not None}}
    return chart.properties(description=alt_text, usermeta=usermeta)
