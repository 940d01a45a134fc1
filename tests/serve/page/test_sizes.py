"""Every size and colour: advice is seen, numbers stay in one line, dates are the browser's."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.serve.browsing import PHONE, browser, film, visit
from tests.serve.page.answers import VIEWS, answer_always
from tests.serve.page.readings import decide, render_attempt

LOW = [{"width": 600, "height": 410}, {"width": 740, "height": 360}]
"""The desk at 200 %, and a phone on its side."""


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


@pytest.mark.parametrize("size", [*LOW, PHONE], ids=["200 %", "on its side", "phone"])
def test_advice_is_seen_at_every_size(window, served, size):
    with visit(window, served, viewport=size) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "Newcomer")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled")
        prompt, tabs = (page.locator(each).bounding_box() for each in (".prompt", "#tabs"))
        assert not overlap(prompt, tabs)
        assert prompt["y"] >= 0
        assert prompt["y"] + prompt["height"] <= size["height"]
        assert shown.fits()
        page.click("text=Cancel")


def test_forced_colours_leave_the_current_tab_meter_and_legend(watched):
    page = watched.page
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".meter .margin.over")
    page.emulate_media(forced_colors="active")
    read = """(selector) => [...document.querySelectorAll(selector)].map((one) => {
      const style = getComputedStyle(one); return style.outlineStyle + style.backgroundColor; })"""
    current = page.evaluate(read, "#tabs a[aria-current]")
    others = page.evaluate(read, "#tabs a:not([aria-current])")
    assert current
    assert not set(current) & set(others)
    margin, track = (page.evaluate(read, each)[0] for each in (".meter .margin", ".meter .track"))
    assert margin != track
    assert not watched.violations()
    watched.see("sensitivity", "obama")
    page.emulate_media(forced_colors="active")
    swatches = page.evaluate(
        """() => [...document.querySelectorAll(".legend li")].map((one) => {
          const style = getComputedStyle(one, "::before");
          return style.backgroundColor + style.borderTopColor; })"""
    )
    assert len(set(swatches)) == len(swatches) == 4


CONTRAST = """(one) => {
  const numbers = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (text) => numbers(text).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const style = getComputedStyle(one);
  const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["sensitivity", "not-me"])
def test_a_disabled_button_is_readable_under_the_pointer(window, served, scheme, view):
    with visit(window, served, color_scheme=scheme) as shown:
        shown.see(view, "obama")
        buttons = shown.page.locator("button:disabled")
        assert buttons.count()
        for at in range(buttons.count()):
            buttons.nth(at).hover(force=True)
            assert buttons.nth(at).evaluate(CONTRAST) >= 4.5


@pytest.mark.parametrize("size", [PHONE, {"width": 1200, "height": 820}], ids=["phone", "desk"])
def test_a_number_stays_in_one_line(watched, size):
    page = watched.page
    page.set_viewport_size(size)
    page.click(".panel .figures summary")
    render_attempt(watched, decide("match", margin=0.585))
    page.wait_for_selector(".facts dd:has-text('+0.585')")
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".facts div:not(.wide) dd, .pill .numbers")]
          .filter((one) => one.textContent.match(/\\d/))
          .map((one) => one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight))"""
    )
    assert lines
    assert all(each < 1.6 for each in lines), lines


@pytest.mark.parametrize(
    ("locale", "date", "number"),
    [
        ("de-DE", r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d", "+0,"),
        ("en-GB", r"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d", "+0."),
    ],
)
def test_dates_and_numbers_are_the_browsers(window, served, photos, locale, date, number):
    served.client().post(
        "/v1/names/obama/verify", files={"frame": (photos / "obama_3.jpg").read_bytes()}
    )
    with visit(window, served, locale=locale) as shown:
        shown.see("audit")
        assert re.fullmatch(date, shown.page.inner_text(".log time >> nth=0"))
        shown.see("sensitivity", "obama")
        assert shown.page.inner_text(".alpha-value").startswith(number)
        assert not re.search(r"(^|\s)-\d", shown.page.inner_text("main")), "a minus is no hyphen"


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
@pytest.mark.parametrize("width", [320, 360, 600, 760, 1040])
def test_every_view_fits_in_every_language(window, served, locale, width):
    with visit(window, served, viewport={"width": width, "height": 740}, locale=locale) as shown:
        answer_always(shown.page)
        for view in VIEWS:
            shown.see(view)
            assert shown.fits(), view
            words = shown.page.evaluate(
                """() => [...document.querySelectorAll("#tabs span")].map((one) => {
                  const { left, right } = one.getBoundingClientRect(); return [left, right]; })"""
            )
            ends = [-0.5, *(end for one in words for end in one), width + 0.5]
            assert ends == sorted(ends), "the tabs' words are apart, and within the window"


BROKEN_WORDS = """() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const broken = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const around = node.parentElement;
    if (!around.checkVisibility() || around.closest("option, code, svg")) continue;
    for (const { 0: word, index } of node.data.matchAll(/\\p{L}{2,20}/gu)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (lines.size > 1) broken.push(word);
    } }
  return broken; }"""


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
@pytest.mark.parametrize("width", [320, 360, 760])
def test_no_word_is_broken_within(window, served, locale, width):
    with visit(window, served, viewport={"width": width, "height": 740}, locale=locale) as shown:
        answer_always(shown.page)
        for view in VIEWS:
            shown.see(view)
            assert not shown.page.evaluate(BROKEN_WORDS), view


def test_on_paper_a_certificate_stands_alone(window, served):
    with visit(window, served, color_scheme="dark") as shown:
        page = shown.page
        answer_always(page)
        shown.see("people")
        page.emulate_media(media="print")
        assert page.is_visible("h2:text-is('Grace')"), "without a certificate it is the list"
        page.emulate_media(media="screen")
        page.click("[aria-label='Certificate: Ada']")
        page.wait_for_selector("text=Not covered")
        page.emulate_media(media="print", color_scheme="light")
        words = page.inner_text("body").splitlines()
        assert "Ada" in words
        assert "Not covered: identical twins." in words
        buttons = "document.querySelectorAll('button, a, input, select')"
        seen = f"[...{buttons}].filter((one) => one.checkVisibility()).map((one) => one.outerHTML)"
        assert page.evaluate(seen) == [], "what can only be clicked is not on paper"
        assert not {"Grace", "Unlock", "Forget"} & set(words)


def test_content_begins_where_the_header_does(window, served):
    for width in (360, 760, 1200, 1920):
        with visit(window, served, viewport={"width": width, "height": 900}) as shown:
            shown.see("people")
            brand, heading = (
                shown.page.locator(each).bounding_box()["x"] for each in (".brand", "h1")
            )
            assert abs(brand - heading) <= 1, width


def test_a_wide_picture_leaves_no_hole_and_no_dark_corners(playwright, moving, served, tmp_path):

    wide = [np.full((270, 480, 3), 240, np.uint8)] * 30
    with (
        browser(playwright, film(tmp_path / "wide.mjpeg", wide, 480)) as opened,
        visit(opened, served) as shown,
    ):
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        page.wait_for_selector(".stage[data-verdict=unsure]")
        stage = page.locator(".stage").bounding_box()
        assert stage["width"] / stage["height"] == pytest.approx(16 / 9, rel=0.02)
        below = page.locator(".timeline").bounding_box()
        assert 0 <= below["y"] - stage["y"] - stage["height"] <= 32, "the column goes on below it"
        shot = Image.open(
            io.BytesIO(
                page.screenshot(
                    clip={"x": stage["x"] - 4, "y": stage["y"] - 4, "width": 24, "height": 24}
                )
            )
        ).convert("L")
        assert np.asarray(shot).min() > 60, "no dark pixel at a corner of a light picture"
