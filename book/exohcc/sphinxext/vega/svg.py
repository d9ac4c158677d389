"""Pure functions from a Vega-Lite specification to the text of a static picture."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import vl_convert

VL_VERSION = "6.4"
_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
# Vega describes every mark for assistive technology; the picture has one description, on its root.
_ARIA = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_EMPTY = re.compile(r'<(?:path|rect) class="(?:background|foreground)"[^>]*? d=""[^>]*?/>')


def static_spec(spec: Mapping[str, Any], width: int) -> dict[str, Any]:
    """Return the specification with a container width replaced by `width` pixels in all, axes included."""
    fixed = copy.deepcopy(dict(spec))
    if fixed.get("width") == "container":
        fixed["width"] = width
        fixed["autosize"] = {"type": "fit-x", "contains": "padding"}
    for name in ("usermeta", "description"):
        fixed.pop(name, None)
    return fixed


def is_responsive(spec: Mapping[str, Any]) -> bool:
    """Tell whether the chart takes the width of its container."""
    return spec.get("width") == "container"


def fingerprint(spec: Mapping[str, Any]) -> str:
    """Return a name for the picture of `spec`, the same as long as the picture is the same."""
    text = json.dumps(spec, sort_keys=True) + metadata.version("vl-convert-python") + VL_VERSION
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def render(spec: Mapping[str, Any], cache: Path) -> str:
    """Return the SVG of a specification without container width; rendered once, then read from `cache`."""
    path = cache / f"{fingerprint(spec)}.svg"
    if path.exists():
        return path.read_text(encoding="utf-8")
    text: str = vl_convert.vegalite_to_svg(dict(spec), vl_version=VL_VERSION)
    cache.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text


def inline(svg: str, *, identifier: str, alt: str, classes: str, dark: Mapping[str, str]) -> str:
    """Return the SVG fit to stand inside a page.

    Ids get the prefix `identifier` (two pictures on a page must not share a clip path), the root becomes one
    image named `alt`, its size follows its box, and colours of `dark` become custom properties.
    """
    text = _EMPTY.sub("", _ARIA.sub("", svg))
    text = re.sub(r'\bid="([^"]+)"', rf'id="{identifier}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{identifier}-\1)", text)
    text = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{identifier}-\2"', text)
    head, rest = text.split(">", 1)
    width = re.search(r'width="([\d.]+)"', head)
    style = f' style="max-width:{width.group(1)}px"' if width else ""
    head = re.sub(r' (?:width|height|class|xmlns:xlink|xmlns)="[^"]*"', "", head)
    head += f' class="{classes}" role="img" aria-label="{escape(alt)}"{style}'
    return themed(f"{head}>{rest}", dark)


def themed(text: str, dark: Mapping[str, str]) -> str:
    """Return `text` with each colour that has a dark counterpart as ``var(--vega-xxxxxx, #xxxxxx)``."""
    known = {colour.lower() for colour in dark}

    def replace(match: re.Match[str]) -> str:
        colour = match.group(0).lower()
        return f"var({variable(colour)},{colour})" if colour in known else match.group(0)

    return _HEX.sub(replace, text)


def variable(colour: str) -> str:
    """Return the custom property of a colour: ``#1f2933`` to ``--vega-1f2933``."""
    return "--vega-" + colour.lstrip("#").lower()


def dark_style(dark: Mapping[str, str]) -> str:
    """Return the style sheet that sets the custom properties in dark mode, on screens only."""
    rules = "".join(f"{variable(light)}:{value};" for light, value in dark.items())
    return f"@media screen{{html[data-theme=dark]{{{rules}}}}}\n" if rules else ""


def escape(text: str) -> str:
    """Return `text` for use in an HTML attribute."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def json_for_html(text: str) -> str:
    """Return JSON that can stand in a ``<script>`` element."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
