"""What reports share: exact intervals, rates as text, charts and pages."""

import math
import re
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import onlyme
from onlyme.charts import (
    Axis,
    ChartLayout,
    clopper_pearson,
    draw_curve,
    draw_dot,
    draw_histogram,
    draw_text,
    embed_image,
    format_odds,
    format_percent,
    make_rate,
    make_standalone,
    render_page,
    render_table,
    upper_bound,
)
from onlyme.errors import UsageError

HOSTILE = "<script>alert('x')</script>&\"'"


def parse(text):
    return ET.fromstring(text)  # noqa: S314 - it is ours


def read_palette(text, index):
    """Return the colours of one block of variables in a style sheet, by name."""
    block = re.findall(r":root \{[^}]*--card[^}]*\}", text)[index]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def test_reports_have_the_colours_of_the_page():
    from importlib.resources import files

    charts, page = files("onlyme") / "charts", files("onlyme") / "serve" / "page" / "style.css"
    same = {"paper": "ground", "card": "card", "ink": "ink", "soft": "soft", "line": "line"}
    same |= {"owner": "accent", "stranger": "no", "warn": "unsure", "warn-paper": "unsure-soft"}
    sheets = [
        (charts / "chart.css").read_text("utf-8"),
        (charts / "page.css").read_text("utf-8"),
    ]
    for index, sheet in enumerate(sheets):  # light, dark
        report, ours = read_palette(sheet, 0), read_palette(page.read_text("utf-8"), index)
        assert {key: report[key] for key in same} == {
            key: ours[other] for key, other in same.items()
        }


# ---------------------------------------------------------------------- rates


def binomial_at_most(count, total, share):
    """P(X ≤ count), term by term."""
    return sum(
        math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count + 1)
    )


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_clopper_pearson_ends_where_the_tails_hold_two_and_a_half_percent(total, data):
    count = data.draw(st.integers(0, total))
    low, high = clopper_pearson(count, total)
    assert 0.0 <= low <= count / total <= high <= 1.0
    if count < total:
        assert binomial_at_most(count, total, high) == pytest.approx(0.025, abs=1e-6)
    if count > 0:
        assert 1 - binomial_at_most(count - 1, total, low) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 1, 0.0, 0.975),
        (1, 1, 0.025, 1.0),
        (0, 10, 0.0, 0.3085),  # Clopper and Pearson's chart; R's binom.test
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
    ],
)
def test_clopper_pearson_of_known_counts(count, total, low, high):
    assert clopper_pearson(count, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("count", "total", "bound"), [(0, 0, 1), (0, 3000, 9.98e-4), (3, 3, 1)])
def test_upper_bound_is_the_rule_of_three(count, total, bound):
    assert upper_bound(count, total) == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: make_rate(-1, 3),
        lambda: make_rate(4, 3),
        lambda: make_rate(1, 3, confidence=1.0),
        lambda: upper_bound(4, 3),
    ],
)
def test_impossible_counts_are_refused(call):
    with pytest.raises(UsageError):
        call()


def test_a_rate_of_nothing_has_no_value():
    assert math.isnan(make_rate(0, 0).value)
    assert make_rate(0, 0).to_dict()["value"] is None
    assert make_rate(1, 4).to_dict()["value"] == 0.25


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "none"), (1.0, "1 in 1"), (0.5, "1 in 2"), (1e-6, "1 in 1,000,000"), (0.051, "1 in 19.6")],
)
def test_odds(value, words):
    assert format_odds(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.995, "99.50 %"),
        (0.5, "50 %"),
        (0.01, "1.0 %"),
        (1e-5, "0.0010 %"),
    ],
)
def test_percent(value, words):
    assert format_percent(value) == words


# --------------------------------------------------------------------- charts


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(allow_nan=False, allow_infinity=False))
def test_an_axis_stays_inside_and_its_ticks_are_few_and_round(low, length, value):
    axis = Axis(low, low + length, 50.0, 400.0)
    assert 50.0 <= axis(value) <= 400.0
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 8
    assert ticks == sorted(ticks)
    assert all(low - 1e-3 * length <= tick <= low + 1.001 * length for tick in ticks)


def test_a_logarithmic_axis_ticks_at_powers_of_ten():
    assert Axis(1e-3, 1.0, 0, 300, log=True).ticks() == pytest.approx([1e-3, 1e-2, 1e-1, 1.0])


def test_a_histogram_is_one_closed_area_as_high_as_its_shares():
    x, y = Axis(0.0, 2.0, 0.0, 20.0), Axis(0.0, 1.0, 100.0, 0.0)
    drawn = parse(draw_histogram(x, y, [0.0, 1.0, 2.0], [0.25, 1.0], "genuine"))
    assert drawn.get("d") == "M0.0,100.0L0.0,75.0L10.0,75.0L10.0,0.0L20.0,0.0L20.0,100.0Z"


def test_a_chart_is_well_formed_described_and_escaped():
    layout = ChartLayout()
    x, y = layout.make_x_axis(0.0, 1.0), layout.make_y_axis(1e-3, 1.0, log=True)
    body = [
        *layout.draw_grid(x, y, (HOSTILE, HOSTILE)),
        draw_curve([(x(0.1), y(0.1)), (x(0.9), y(0.9))], "genuine", dashed=True),
        draw_dot(x(0.5), y(0.5), colour="#0072b2"),
        draw_text(0, 0, HOSTILE),
        layout.draw_mark(x(0.2), HOSTILE),
        layout.draw_mark(x(0.9), HOSTILE),
    ]
    text = layout.render(HOSTILE, HOSTILE, body, 20)
    chart = parse(text)
    assert chart.get("role") == "img"
    assert chart.get("aria-label") == f"{HOSTILE}: {HOSTILE}"
    assert chart.get("viewBox") == "0 0 720 400"
    assert "<script" not in text
    left, right = (each for each in chart.iter("text") if each.get("class") == "value")
    assert (left.get("text-anchor"), right.get("text-anchor")) == ("start", "end")


def test_a_standalone_chart_brings_its_style():
    alone = parse(make_standalone(ChartLayout().render("a > b", "words", [draw_text(1, 1, "x")])))
    assert alone.tag == "{http://www.w3.org/2000/svg}svg"
    style = alone.find("{*}style").text
    assert "--ink" in style
    assert "prefers-color-scheme" not in style, "the page around it does not follow"


# ---------------------------------------------------------------------- pages


def test_a_page_loads_nothing_and_runs_nothing():
    page = render_page(HOSTILE, "<p>text</p>")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"url\(|@import|https?://", page)


def test_a_table_escapes_its_caption_and_head():
    table = parse(render_table(HOSTILE, (HOSTILE, "b"), [("<b>1</b>", "2")]))
    assert table.find(".//caption").text == HOSTILE
    assert [each.get("scope") for each in table.iter("th")] == ["col", "col", "row"]


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_picture_becomes_part_of_the_page(kind):
    content = BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, kind)
    image = embed_image(content.getvalue(), HOSTILE)
    assert f'src="data:image/{kind};base64,' in image
    assert "<script" not in image


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"GIF89a"])
def test_other_content_is_refused(content):
    with pytest.raises(UsageError, match="neither JPEG nor PNG"):
        embed_image(content, "Ada")


PALETTE = {
    "paper": "ground",
    "card": "card",
    "ink": "ink",
    "soft": "soft",
    "line": "line",
    "owner": "accent",
    "stranger": "no",
    "warn": "unsure",
    "warn-paper": "unsure-soft",
}
"""Colours of the reports, and what the service's page calls the same ones."""


def read_colours(text):
    """Return the colours that a style sheet gives to the light and to the dark page."""
    dark = re.search(r"prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", text, re.DOTALL)
    light = re.sub(r"@media.*?\n\}", "", text, flags=re.DOTALL)
    shown = {}
    for scheme, part in (("light", light), ("dark", dark[1] if dark else "")):
        shown[scheme] = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", part))
    return shown


def test_reports_have_the_colours_of_the_page_light_and_dark():
    source = Path(onlyme.__file__).parent
    folder = source / "charts"
    reports = read_colours("".join((folder / n).read_text() for n in ("chart.css", "page.css")))
    page = read_colours((source / "serve" / "page" / "style.css").read_text("utf-8"))
    for scheme in ("light", "dark"):
        assert {key: reports[scheme][key] for key in PALETTE} == {
            key: page[scheme][name] for key, name in PALETTE.items()
        }
