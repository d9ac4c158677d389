"""Take the README's picture of Fig. 1 again (``make picture``); test_evidence.py says when it is out of date."""

from __future__ import annotations

import re

import exohcc
from conftest import PROJECT
from test_site import chromium

PICTURE = PROJECT / ".github" / "map.png"


def main() -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        page.goto((PROJECT / "_build/html/book/index.html").as_uri())
        figure = page.locator("figure.vega-figure").first
        figure.scroll_into_view_if_needed()
        page.wait_for_selector("figure.vega-figure canvas, figure.vega-figure svg.marks")
        figure.screenshot(path=PICTURE)
    readme = PROJECT / "README.md"
    count = exohcc.load("crosstalk", setting="hcc").height
    text = readme.read_text(encoding="utf-8")
    readme.write_text(re.sub(r"(!\[The map of the field[^\]]*?: )\d+( )", rf"\g<1>{count}\2", text), encoding="utf-8")


if __name__ == "__main__":
    main()
