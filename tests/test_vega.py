"""The chart extension on its own: pure functions, and a small book that has nothing to do with this one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import altair as alt
import pytest

from conftest import ROOTS
from exohcc.sphinxext.vega import bundle, html, mime, renderer, svg

SPEC = {
    "data": {"values": [{"a": "x", "b": 3}, {"a": "y", "b": 5}]},
    "mark": {"type": "bar", "color": "#1f6fb4"},
    "encoding": {"x": {"field": "b", "type": "quantitative"}, "y": {"field": "a", "type": "nominal"}},
    "width": "container",
    "description": 'Bars & "quotes"',
    "usermeta": {"figure": {"caption": "C"}},
}


def test_static_spec_fixes_the_width_and_leaves_the_original() -> None:
    fixed = svg.static_spec(SPEC, 500)
    assert fixed["width"] == 500
    assert fixed["autosize"]["type"] == "fit-x"
    assert "usermeta" not in fixed
    assert SPEC["width"] == "container"


def test_render_is_cached(tmp_path: Path) -> None:
    fixed = svg.static_spec(SPEC, 300)
    first = svg.render(fixed, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text("kept", encoding="utf-8")
    assert first.startswith("<svg")
    assert svg.render(fixed, tmp_path) == "kept"


def test_inline_svg_is_one_image_with_its_own_ids(tmp_path: Path) -> None:
    spec = {**SPEC, "mark": {"type": "bar", "clip": True, "color": "#1f6fb4"}}
    text = svg.inline(
        svg.render(svg.static_spec(spec, 300), tmp_path), identifier="v1", alt=SPEC["description"], classes="k",
        dark={"#1F6FB4": "#ffffff"},
    )  # fmt: skip
    assert text.count('role="') == 1
    assert 'aria-label="Bars &amp; &quot;quotes&quot;"' in text
    assert set(re.findall(r'\bid="([^"]+)"', text)) == set(re.findall(r"url\(#([^)]+)\)", text)) != set()
    assert all(name.startswith("v1-") for name in re.findall(r'\bid="([^"]+)"', text))
    assert "var(--vega-1f6fb4,#1f6fb4)" in text
    assert not re.search(r"<svg[^>]* (width|height)=", text)


def test_dark_style_is_for_screens_only() -> None:
    assert svg.dark_style({"#111111": "#eeeeee"}) == "@media screen{html[data-theme=dark]{--vega-111111:#eeeeee;}}\n"
    assert svg.dark_style({}) == ""


def test_width_style_covers_every_width_once() -> None:
    style = html.width_style([340, 700])
    assert re.findall(r"@container vega (.*)\{\.vega-chart__static--(\d+)", style) == [
        ("(min-width:525px)", "700"), ("(max-width:524.98px)", "340"),
    ]  # fmt: skip


def test_json_cannot_close_its_script() -> None:
    text = svg.json_for_html(json.dumps({"a": "</script>\u2028"}, ensure_ascii=False))
    assert "<" not in text
    assert json.loads(text) == {"a": "</script>\u2028"}


def test_renderer_speaks_to_book_and_lab() -> None:
    renderer.enable()
    try:
        chart = renderer.figure(alt.Chart(alt.Data(values=[{"x": 1}])).mark_point(), caption="C", alt_text="A")
        bundle_ = chart._repr_mimebundle_()
    finally:
        alt.renderers.enable("default")
    spec = bundle_[renderer.MIME]
    assert spec["description"] == "A"
    assert mime.figure_options(spec)["caption"] == "C"
    assert "$schema" not in bundle_[renderer.LAB_MIME]
    assert "width" not in bundle_[renderer.LAB_MIME]
    assert (renderer.MIME, renderer.LAB_MIME) == (mime.MIME, mime.LAB_MIME)


def test_lab_gets_a_width_in_pixels() -> None:
    """JupyterLab redraws a chart of container width without end."""
    bundle_ = renderer._render({"mark": "point", "width": "container"})
    assert bundle_[renderer.MIME]["width"] == "container"
    assert bundle_[renderer.LAB_MIME]["width"] == renderer.LAB_WIDTH


def test_vendored_bundle_is_the_one_that_the_lock_writes() -> None:
    assert bundle.PATH.read_text(encoding="utf-8") == bundle.bundle()


def test_no_word_of_this_book_in_the_extension() -> None:
    folder = Path(mime.__file__).parent
    for path in [*folder.glob("*.py"), *folder.glob("static/vega-figure.*")]:
        words = re.findall(r"exosom\w*|hepat\w*|\bHCC\b|vesicle\w*", path.read_text(encoding="utf-8"), re.IGNORECASE)
        assert words == [], path


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build tests/roots/charts, a plain Sphinx project, for HTML, LaTeX, text and EPUB."""
    out = tmp_path_factory.mktemp("charts")
    for builder in ("html", "latex", "text", "epub"):
        command = [
            sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-q", "-b", builder, "-d", str(out / ".doctrees"),
            str(ROOTS / "charts"), str(out / builder),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    return out


def test_html_figure(charts: Path) -> None:
    page = (charts / "html/charts.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 2
    assert page.count('class="vega-chart__spec"') == 2
    assert page.count("vega-chart__static--700") == page.count("vega-chart__static--340") == 1
    assert '<span class="caption-text">Two bars, <em>n</em> = 2.</span>' in page
    assert 'href="data/rows.csv"' in page
    assert "vega-figure.js" in page
    assert re.search(r'<figure[^>]* id="fig-bars"', page)


def test_page_without_charts_loads_nothing(charts: Path) -> None:
    assert "vega" not in (charts / "html/index.html").read_text(encoding="utf-8").split("<body")[0]


def test_dark_colours_are_written(charts: Path) -> None:
    style = (charts / "html/_static/vega-figure/vega-colours.css").read_text(encoding="utf-8")
    assert "--vega-1f6fb4:#6cb2ee" in style


def test_paper_and_text_get_a_picture_or_its_description(charts: Path) -> None:
    tex = next((charts / "latex").glob("*.tex")).read_text(encoding="utf-8")
    named = set(re.findall(r"(vega-\w+)\}\.pdf", tex))
    assert len(named) == 2
    assert named == {path.stem for path in (charts / "latex").glob("vega-*.pdf")}
    assert "Bars of two values" in (charts / "text/charts.txt").read_text(encoding="utf-8")
    epub = (charts / "epub/charts.xhtml").read_text(encoding="utf-8")
    assert "<svg" in epub
    assert "<script" not in epub.split("<body")[1]
    assert "data/rows.csv" not in epub
