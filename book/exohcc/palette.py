"""Colours of the charts: safe for colour-blind readers, at least 3:1 against the page in light and dark.

Chosen by eye from the Okabe-Ito order (blue, orange, green, purple ...), then darkened for white pages and
lightened for dark ones; `tests/test_charts.py` measures the contrast of each.
"""

from __future__ import annotations

INK = "#1f2933"
MUTED = "#52606d"
GRID = "#d9dee3"
PAPER = "#ffffff"

BLUE = "#1f6fb4"
ORANGE = "#c2560c"
GREEN = "#16785a"
PURPLE = "#8a4a9c"
OLIVE = "#8a6d00"
CRIMSON = "#b02a4c"
GREY = "#5c6670"

CATEGORIES = (BLUE, ORANGE, GREEN, PURPLE, OLIVE, CRIMSON, GREY)

DIRECTION = {"pro-tumour": ORANGE, "anti-tumour": BLUE, "context-dependent": GREY, "not stated": OLIVE}
"""One colour per direction for the tumour, the same on every page."""

DARK = {
    INK: "#e6eaee",
    MUTED: "#b3bcc5",
    GRID: "#3b444d",
    PAPER: "#121212",
    BLUE: "#6cb2ee",
    ORANGE: "#f2a25c",
    GREEN: "#5fcf9f",
    PURPLE: "#cf9de0",
    OLIVE: "#dcc04f",
    CRIMSON: "#f58aa6",
    GREY: "#aab4be",
}
"""What each colour becomes on a dark page."""
