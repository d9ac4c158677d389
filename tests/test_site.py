"""The built site in headless Chromium, with every request to another place refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

import exohcc
from conftest import PROJECT
from exohcc.checks.project import docnames

pytestmark = pytest.mark.browser

PAGES = docnames(PROJECT)
HTML = PROJECT / "_build" / "html"
CHARTS = [name for name in PAGES if "vega-chart__spec" in (HTML / f"{name}.html").read_text(encoding="utf-8")]
# The last five keep Chromium from calling home, which a closed network would report as errors.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium and stop it afterwards."""
    path = which("chromium") or which("chromium-browser") or which("google-chrome")
    assert path, "The browser tests need Chromium; make test installs it or says how."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Visit:
    """A page with what it asked for and what it complained about."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.requests: list[str] = []
        self.refused: list[str] = []
        self.errors: list[str] = []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/*", self._route)

    def _route(self, route: Any) -> None:
        url = route.request.url
        if url.startswith((self.site, "data:")):
            self.requests.append(url)
            route.continue_()
        else:
            self.refused.append(url)
            route.abort()

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.site}/{name}.html")
        return self.page

    def enliven(self) -> None:
        """Scroll through the page until every chart is interactive."""
        for chart in self.page.locator(".vega-chart").all():
            chart.scroll_into_view_if_needed()
        self.page.wait_for_function("document.querySelectorAll('.vega-chart:not([data-live])').length === 0")


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser, site: str) -> Open:
    @contextmanager
    def make(width: int = 1280, dark: bool = False, script: bool = True, touch: bool = False) -> Iterator[Visit]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light",
            java_script_enabled=script, has_touch=touch,
        )  # fmt: skip
        yield Visit(context.new_page(), site)
        context.close()

    return make


def faults(page: Page) -> list[Any]:
    """Return the serious and critical faults by axe's rules."""
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]


# Widths of live charts that reach beyond the screen; charts of fixed width scroll inside their figure.
TOO_WIDE = """[...document.querySelectorAll('.vega-chart[data-live]:not(.vega-chart--fixed) .vega-embed svg.marks')]
    .filter(svg => svg.getBoundingClientRect().right > innerWidth).map(svg => svg.getAttribute('aria-label'))"""


# Words of a picture that lie outside it, and so are cut off. Rounding of fonts may take a pixel.
CUT = """[...document.querySelectorAll('.vega-chart svg')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const own = text.getBoundingClientRect();
        return box.width && own.width && (own.left < box.left - 1.5 || own.right > box.right + 1.5
            || own.top < box.top - 1.5 || own.bottom > box.bottom + 1.5);
    }).map(text => `${svg.closest('figure')?.id}: ${text.textContent}`);
})"""


# Whether what has the focus, or for a summary its sign, bears a ring; None once the page is left.
RING = """(() => {
    const own = document.activeElement;
    if (own === document.body) return null;
    const ringed = [own, ...(own.matches('summary') ? own.children : [])].some(part => {
        const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(part);
        return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
    });
    return [ringed, own.outerHTML.slice(0, 120)];
})()"""


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_the_focus_is_seen_on_its_way_through_a_page(width: int, dark: bool, visit: Open) -> None:
    with visit(width=width, dark=dark) as v:
        page = v.open("book/crosstalk/endothelium")
        v.enliven()
        page.evaluate("scrollTo(0, 0)")
        stops = []
        page.keyboard.press("Tab")
        while (stop := page.evaluate(RING)) and len(stops) < 500:
            stops.append(stop)
            page.keyboard.press("Tab")
        assert len(stops) > 50
        assert [where for ringed, where in stops if not ringed] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_on_a_desk(name: str, visit: Open) -> None:
    """Light, wide: nothing comes from elsewhere, the console is silent, every chart is live and accessible."""
    with visit() as v:
        page = v.open(name)
        v.enliven()
        assert v.refused == []
        assert v.errors == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert page.evaluate(CUT) == []
        assert faults(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_page_on_a_phone_in_the_dark(name: str, visit: Open) -> None:
    with visit(width=375, dark=True) as v:
        page = v.open(name)
        v.enliven()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate(CUT) == []
        assert faults(page) == []


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", CHARTS)
def test_charts_show_without_script(name: str, width: int, visit: Open) -> None:
    with visit(width=width, script=False) as v:
        page = v.open(name)
        assert page.evaluate(CUT) == []
        charts = page.locator(".vega-chart")
        assert charts.count() > 0
        for chart in charts.all():
            pictures = [svg for svg in chart.locator("> svg").all() if svg.is_visible()]
            assert len(pictures) == 1
            assert len(pictures[0].get_attribute("aria-label") or "") > 20


def test_bundle_loads_once_and_only_near_a_chart(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        page.wait_for_load_state("networkidle")
        assert not any("vega-bundle" in url for url in v.requests)
        v.enliven()
        assert sum("vega-bundle" in url for url in v.requests) == 1


def test_tooltip_says_what_the_row_says(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        v.enliven()
        page.locator("#fig-endo-effects .vega-embed .mark-symbol path").first.hover()
        tooltip = page.locator("#vg-tooltip-element")
        tooltip.wait_for(state="visible")
        assert "Cargo" in tooltip.inner_text()
        assert "Source" in tooltip.inner_text()


def test_choice_by_keyboard_changes_the_chart(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        v.enliven()
        faint = "#fig-endo-effects .vega-embed .mark-symbol.role-mark path[opacity='0.15']"
        assert page.locator(faint).count() == 0
        page.locator("#fig-endo-effects select").focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_function(f"document.querySelectorAll({faint!r}).length > 0")


def test_slider_filters(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        v.enliven()
        marks = "#fig-endo-evidence .vega-embed .mark-symbol.role-mark path"
        before = page.locator(marks).count()
        page.locator("#fig-endo-evidence input[type=range]").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.wait_for_function(f"document.querySelectorAll({marks!r}).length < {before}")


def test_charts_fit_their_place_after_the_window_has_changed(visit: Open) -> None:
    wrong = """[...document.querySelectorAll('.vega-chart[data-live]:not(.vega-chart--fixed)')].filter(chart =>
        Math.abs(chart.querySelector('.vega-embed svg.marks').getBoundingClientRect().width
            - chart.getBoundingClientRect().width) > 20).length"""
    with visit() as v:
        page = v.open("book/clinic/trials")
        v.enliven()
        for width, height in ((800, 375), (1280, 900), (375, 800), (1280, 900)):  # a sidebar comes and goes
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            page.wait_for_function(f"{wrong} === 0")


def test_the_matrix_filters_the_whole_page(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/map")
        v.enliven()
        bars = "#fig-map-effects .vega-embed .mark-rect.role-mark path"
        everything = page.locator(bars).count()
        page.locator("#fig-map-groups select[name^=pick_from]").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.wait_for_function(f"document.querySelectorAll({bars!r}).length < {everything}")
        page.locator("#fig-map-groups select[name^=pick_from]").select_option("all")
        page.wait_for_function(f"document.querySelectorAll({bars!r}).length === {everything}")
        field = page.locator("#fig-map-groups .vega-embed .mark-rect.role-mark path").first
        field.scroll_into_view_if_needed()
        field.click(force=True)  # the number lies above its field
        page.wait_for_function(f"document.querySelectorAll({bars!r}).length < {everything}")
        assert page.locator("#fig-map-groups select[name^=pick_to]").input_value() != "null"


CALCULATOR = "#fig-diag-calculator"


def _by_hand(page: Page, percent: float, test: str | None = None) -> dict[str, str]:
    """Work out what the calculator should print, from the sensitivity and false positive rate it was given."""
    spec = json.loads(page.locator(f"{CALCULATOR} .vega-chart__spec").text_content() or "")
    rows = [row for data in spec["datasets"].values() for row in data if "pooled" in row]
    row = next(row for row in rows if test in (None, row["test"]))
    ill = percent / 100
    found, missed = 1000 * ill * row["s"], 1000 * ill * (1 - row["s"])
    alarm, right = 1000 * (1 - ill) * row["f"], 1000 * (1 - ill) * (1 - row["f"])
    people = {"HCC found": found, "HCC missed": missed, "False alarms": alarm, "Rightly reassured": right}
    shares = {"HCC if positive (PPV)": found / (found + alarm), "No HCC if negative (NPV)": right / (right + missed)}
    return {name: f"{number:.{1 if number < 10 else 0}f}" for name, number in people.items()} | {
        name: f"{100 * share:.1f} %" for name, share in shares.items()
    }


def _printed(page: Page) -> dict[str, str]:
    texts = page.locator(f"{CALCULATOR} .vega-embed .mark-text text").all_text_contents()
    return dict(text.split(": ") for text in texts if ": " in text)


def _wait_for(page: Page, expected: dict[str, str]) -> None:
    """Wait until the numbers stand there; an assertion then shows what differs if they never do."""
    for _ in range(40):
        if _printed(page) == expected:
            break
        page.wait_for_timeout(50)
    assert _printed(page) == expected


def test_calculator_by_keyboard_prints_what_a_hand_calculation_gives(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/clinic/diagnosis")
        v.enliven()
        _wait_for(page, _by_hand(page, 2))
        page.locator(f"{CALCULATOR} input[type=range]").focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        _wait_for(page, _by_hand(page, 4))
        page.locator(f"{CALCULATOR} select").focus()
        page.keyboard.press("ArrowDown")
        chosen = page.locator(f"{CALCULATOR} select").input_value()
        _wait_for(page, _by_hand(page, 4, chosen))


@pytest.mark.parametrize("touch", [False, True])
def test_calculator_by_mouse_and_by_touch(touch: bool, visit: Open) -> None:
    with visit(width=375, touch=touch) as v:
        page = v.open("book/clinic/diagnosis")
        v.enliven()
        slider = page.locator(f"{CALCULATOR} input[type=range]")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box
        place = box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2
        if touch:
            page.touchscreen.tap(*place)
        else:
            page.mouse.click(*place)
        value = float(slider.input_value())
        assert 20 < value < 40
        _wait_for(page, _by_hand(page, value))


def test_colours_follow_the_theme(visit: Open) -> None:
    colours = []
    for dark in (False, True):
        with visit(dark=dark) as v:
            page = v.open("book/crosstalk/endothelium")
            v.enliven()
            label = page.locator("#fig-endo-effects svg.marks .role-axis-label text").first
            colours.append(label.evaluate("e => getComputedStyle(e).fill"))
    assert colours == ["rgb(31, 41, 51)", "rgb(230, 234, 238)"]


def test_figure_links_to_its_rows(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        link = page.locator("#fig-endo-effects .vega-figure__data a").first
        response = page.request.get(link.evaluate("a => a.href"))
        assert response.ok
        assert response.text().startswith("id,source,basis")


@pytest.mark.parametrize("name", PAGES)
def test_chinese_is_marked_as_chinese(name: str) -> None:
    """A screen reader changes its voice by ``lang``; code shown as it was written is left out."""
    text = (HTML / f"{name}.html").read_text(encoding="utf-8")
    text = re.sub(r"(?s)<(script|pre)\b.*?</\1>", "", text)
    text = re.sub(r'(?s)<(details|td|th)\b[^>]* lang="zh-Hans"[^>]*>.*?</\1>', "", text)
    assert re.findall(r".{0,40}[\u4e00-\u9fff]+", text) == []


def test_rows_are_filtered_by_words(visit: Open) -> None:
    with visit(width=375) as v:
        page = v.open("book/appendix/rows")
        shown = page.locator(".exo-listing tbody tr:visible")
        total = shown.count()
        assert total > exohcc.load("crosstalk").height
        box = page.get_by_role("searchbox", name="Filter the rows")
        box.press_sequentially("SORAFENIB  macrophage")
        page.wait_for_function("new URLSearchParams(location.search).get('find')")
        found = shown.all_text_contents()
        assert 0 < len(found) < total
        assert all("sorafenib" in text.lower() and "macrophage" in text.lower() for text in found)
        assert page.get_by_role("status").text_content() == f"{len(found)} of {total:,} rows"
        page.reload()
        assert shown.count() == len(found)
        page.get_by_role("searchbox", name="Filter the rows").fill("")
        assert shown.count() == total
        assert "find" not in page.url


def test_limits_are_told_as_what_they_are(visit: Open) -> None:
    """An interval is of 95 % only where the table says so, and a range without a middle is not lost."""
    with visit() as v:
        page = v.open("book/appendix/rows")
        value = "td[data-label='Value (limits)']"
        assert page.locator(f"#CL0603 {value}").text_content() == "0.9 (0.69 to 1.18) HR"  # the limits of a 96 % CI
        assert page.locator(f"#CL0240 {value}").text_content() == "30 to 90 nm"
        ranges = exohcc.load("claims").filter(pl.col("ci_low").is_not_null())["id"]
        told = page.locator(f"tr[id^=CL] {value}", has_text=re.compile(r"\d to -?\d")).count()
        assert told == len(ranges)


def test_a_reference_leads_to_its_rows(visit: Open) -> None:
    with visit() as v:
        page = v.open("book/crosstalk/endothelium")
        entry = page.locator(".citation", has_text="Hepatoma cell-secreted exosomal microRNA-103")
        entry.get_by_role("link", name="Rows").click()
        page.wait_for_url("**/appendix/rows.html?find=fang2018mir103")
        shown = page.locator(".exo-listing tbody tr:visible")
        keys = set(shown.evaluate_all("rows => rows.map(row => row.dataset.source)"))
        assert keys == {"fang2018mir103"}
        held = sum(
            exohcc.load(name).filter(source="fang2018mir103").height
            for name in ("crosstalk", "cell_types", "machinery", "claims", "biomarkers", "prognosis", "therapeutics")
        )
        assert shown.count() == held > 0
        assert page.locator("section:visible > h2").count() == page.locator(".exo-listing:visible").count()


def test_a_row_is_linked_by_its_id(visit: Open) -> None:
    name = exohcc.load("crosstalk", setting="hcc")["id"][-1]
    with visit() as v:
        page = v.open("book/appendix/rows")
        page.goto(f"{page.url}?find=nothingofthekind#{name}")
        assert page.locator(f"#{name}").is_visible()
        top = page.locator(f"#{name}").evaluate("row => row.getBoundingClientRect().top")
        assert 0 <= top < 900
        box = page.get_by_role("searchbox", name="Filter the rows")
        box.fill("fang2018mir103")
        page.goto(f"{page.url.split('#')[0]}#registered-trials")
        assert page.get_by_role("heading", name="Registered trials").is_visible()


@pytest.mark.parametrize("path", sorted((PROJECT / "book/moved").rglob("*.html")), ids=lambda path: path.stem)
def test_an_old_address_leads_on(path: Path, visit: Open) -> None:
    with visit() as v:
        page = v.open(str(path.relative_to(PROJECT / "book/moved").with_suffix("")))
        page.wait_for_url(lambda url: path.stem not in url)
        assert page.locator(".bd-article h1").first.is_visible()
        assert v.errors == []


def test_every_icon_is_drawn() -> None:
    style = (HTML / "_static/exohcc/exohcc.css").read_text(encoding="utf-8")
    sizes = {"fa-solid", "fa-regular", "fa-brands", "fa-lg"}
    used = {
        icon
        for path in HTML.rglob("*.html")
        for classes in re.findall(r'class="((?:fa-|fas )[^"]*)"', path.read_text(encoding="utf-8"))
        for icon in classes.split()
        if icon.startswith("fa-")
    }
    assert {icon for icon in used - sizes if f".{icon} " not in style} == set()


def test_first_load_is_light() -> None:
    """Scripts and styles of a page without charts stay under 250 KB compressed."""
    import gzip

    page = (HTML / f"{PAGES[0]}.html").read_text(encoding="utf-8")
    files = re.findall(r'(?:src|href)="([^"?]+\.(?:js|css))', page)
    total = sum(len(gzip.compress((HTML / "book" / Path(file)).resolve().read_bytes())) for file in set(files))
    assert total < 250_000
