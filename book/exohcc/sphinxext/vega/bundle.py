"""Write the vendored Vega bundle from the vl-convert that is installed: ``python -m exohcc.sphinxext.vega.bundle``."""

from __future__ import annotations

from pathlib import Path

import vl_convert

PATH = Path(__file__).parent / "static" / "vega-bundle.js"


def bundle() -> str:
    """Return the script. It sets ``window.vegaEmbed`` and leaks no other name.

    The licences (BSD-3-Clause) are in ``static/vega-bundle.LICENSE.txt``.
    """
    body = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version="6.4")
    head = (
        f"/* vega {vl_convert.get_vega_version()}, vega-lite 6.4, vega-embed {vl_convert.get_vega_embed_version()};"
        " BSD-3-Clause, see vega-bundle.LICENSE.txt; written by vl-convert */"
    )
    return f"{head}\n(() => {{{body}\n}})();\n"


if __name__ == "__main__":
    PATH.write_text(bundle(), encoding="utf-8")
