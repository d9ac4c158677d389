"""The charts' theme and the marks that several chapters share.

A chapter calls :func:`setup` once; each figure is an Altair chart that ends its cell, passed through
:func:`figure` for caption, alternative text and the link to its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from exohcc import palette
from exohcc.sphinxext.vega import renderer

__all__ = ["direction_colour", "figure", "matrix", "rows_label", "setup", "side_axis", "tooltips", "top_axis"]

_LABEL = 12  # px; smaller is hard to read on a phone
DOWNLOADS = "data"  # folder of the site that holds the tables


def _theme() -> alt.theme.ThemeConfig:
    axis: Any = {
        "labelColor": palette.INK, "titleColor": palette.MUTED, "labelFontSize": _LABEL, "titleFontSize": _LABEL,
        "titleFontWeight": "normal", "gridColor": palette.GRID, "domainColor": palette.MUTED,
        "tickColor": palette.MUTED, "labelLimit": 190,
    }  # fmt: skip
    text: Any = {
        "labelColor": palette.INK,
        "titleColor": palette.MUTED,
        "labelFontSize": _LABEL,
        "titleFontSize": _LABEL,
    }
    config: Any = {
        "background": "transparent",
        # Named fonts with the same widths everywhere, so that labels fit where they were measured.
        "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "view": {"stroke": None, "continuousWidth": 640, "discreteWidth": 640},
        "axis": axis,
        "axisX": {"labelAngle": 0},
        "legend": {
            **text,
            "orient": "top",
            "symbolStrokeWidth": 0,
            "titleOrient": "top",
            # Legends are laid out before the axes take their part of the width: a static picture for phones is
            # 340 wide then and about 200 later, and must get the same answer both times.
            "columns": {"expr": "width < 400 ? 1 : 4"},
            "symbolBaseFillColor": palette.INK,
            "symbolBaseStrokeColor": palette.INK,
            "layout": {"top": {"direction": "vertical", "anchor": "start"}},
        },
        "header": {**text, "labelFontWeight": "bold"},
        "range": {"category": list(palette.CATEGORIES)},
        "text": {"color": palette.INK, "fontSize": _LABEL},
        "rule": {"color": palette.MUTED},
        "bar": {"color": palette.BLUE},
        "point": {"filled": True, "color": palette.BLUE, "size": 60},
        "circle": {"color": palette.BLUE},
        "rect": {"color": palette.BLUE},
    }
    return {"config": config}


def setup() -> None:
    """Enable the book's theme and renderer in the running kernel."""
    alt.theme.register("exohcc", enable=True)(_theme)
    renderer.enable()


def figure(chart: Any, *, caption: str, alt_text: str, name: str, rows: str) -> Any:
    """Give a chart its caption, alternative text, label and the link to the table `rows` behind it.

    `caption` is MyST Markdown; see :func:`exohcc.sphinxext.vega.renderer.figure`. `rows` is the name of a table,
    or of a file in the folder of downloads, such as ``exohcc-data.zip`` for a figure drawn from all tables.
    """
    file = rows if "." in rows else f"{rows}.csv"
    return renderer.figure(
        chart, caption=caption, alt_text=alt_text, name=name,
        data_link=f"{DOWNLOADS}/{file}", data_label=f"Rows behind this figure: {file}",
    )  # fmt: skip


def rows_label(count: int, noun: str = "message") -> str:
    """Return ``1 message`` or ``12 messages``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def direction_colour(shorthand: str = "direction", title: str = "For the tumour") -> alt.Color:
    """Return the colour encoding of the direction for the tumour, the same on every page."""
    scale = alt.Scale(domain=list(palette.DIRECTION), range=list(palette.DIRECTION.values()))
    return alt.Color(f"{shorthand}:N", scale=scale, title=title)


def tooltips(names: Mapping[str, str]) -> list[alt.Tooltip]:
    """Return tooltips from {column: title}."""
    return [alt.Tooltip(column, title=title) for column, title in names.items()]


def top_axis(**options: Any) -> alt.Axis:
    """Return an axis for text labels above a matrix; upright, so that they stay apart on a phone."""
    fixed = {
        "orient": "top",
        "labelAngle": -90,
        "ticks": False,
        "domain": False,
        "grid": False,
        "labelLimit": 160,
    }
    return alt.Axis(**{**fixed, **options})


def side_axis(**options: Any) -> alt.Axis:
    """Return an axis for text labels beside a matrix."""
    fixed = {"ticks": False, "domain": False, "grid": False, "labelLimit": 150}
    return alt.Axis(**{**fixed, **options})


def matrix(
    frame: pl.DataFrame, *, row: str, column: str, value: str, row_order: Sequence[str], column_order: Sequence[str],
    row_title: str, column_title: str, tooltip: Sequence[alt.Tooltip] = (), step: int = 30,
) -> Any:  # fmt: skip
    """Return a matrix of counts: one shaded, numbered field per pair.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per pair, with the columns `row`, `column` (text) and `value` (count, at least 1).
    row_order, column_order : sequence of str
        Order of the labels; labels without a row are left out.
    step : int
        Height of a row, in pixels.
    """
    rows = [label for label in row_order if label in set(frame[row])]
    columns = [label for label in column_order if label in set(frame[column])]
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{row}:N", sort=rows, title=row_title, axis=side_axis()),
        x=alt.X(
            f"{column}:N", sort=columns, title=column_title,
            axis=top_axis(),
        ),
        tooltip=list(tooltip) or alt.Undefined,
    )  # fmt: skip
    # Shade by opacity, at most half: the numbers keep their contrast in light and dark.
    shade = base.mark_rect(color=palette.BLUE, cornerRadius=3).encode(
        opacity=alt.Opacity(f"{value}:Q", scale=alt.Scale(type="sqrt", range=[0.12, 0.5]), legend=None)
    )
    numbers = base.mark_text().encode(text=f"{value}:Q")
    return alt.layer(shade, numbers).properties(width="container", height=alt.Step(step))
