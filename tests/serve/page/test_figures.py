"""The figures of the page: accessible in every view and mode, small, and as its pictures show it.

ONLYME_REDRAW=1 draws the stored pictures anew.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.serve.browsing import DESK, PHONE, visit
from tests.serve.page.answers import VIEWS, answer_always

MODES = {
    "desk, light": {"viewport": DESK},
    "desk, dark": {"viewport": DESK, "color_scheme": "dark"},
    "360 pixels": {"viewport": PHONE},
    "200 %": {"viewport": {"width": 600, "height": 410}, "device_scale_factor": 2},
    "forced colours": {"viewport": DESK, "forced_colors": "active"},
    "forced colours, dark, 360 pixels": {
        "viewport": PHONE,
        "forced_colors": "active",
        "color_scheme": "dark",
    },
}
PICTURES = Path(__file__).parent / "pictures"
SMALL = (150, 102)
BLOCKS = (15, 10)
MAX_DIFFERENCE = 12.0
"""Of 255, between the means of a block: fonts differ between machines, not places and colours."""


def compare(one, other):
    """Return the largest difference between two pictures, among the means of `BLOCKS`."""
    blocks = [
        np.asarray(each.convert("RGB").resize(BLOCKS, Image.Resampling.BOX), float)
        for each in (one, other)
    ]
    return np.abs(blocks[0] - blocks[1]).max()


@pytest.mark.parametrize("mode", MODES)
def test_every_view_is_accessible_in_every_mode(window, served, mode):
    with visit(window, served, **MODES[mode]) as shown:
        answer_always(shown.page)
        for view in VIEWS:
            shown.see(view)
            assert shown.fits(), view
            assert not shown.violations(), view


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_page_is_small_and_asks_nobody_else(window, served, locale):
    with visit(window, served, locale=locale) as shown:
        sizes = {}

        def measure(request):
            sizes[request.url] = request.sizes()["responseBodySize"]

        shown.page.on("requestfinished", measure)
        shown.page.reload()
        shown.see("unlock", "obama")
        for view in VIEWS[1:8]:
            shown.see(view)
    sizes = {url: size for url, size in sizes.items() if "/v1/" not in url}  # files, no people
    assert len(sizes) > 10
    assert sum(sizes.values()) <= 200_000, sorted(sizes.items(), key=lambda one: -one[1])[:5]
    assert not [url for url in sizes if not url.startswith(served.url)]


def test_no_script_or_style_stands_in_the_page_itself(window, served):
    with visit(window, served) as shown:
        answer = shown.page.reload()
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        inline = "document.querySelectorAll('script:not([src]), style, [onclick], [style]').length"
        assert shown.page.evaluate(inline) <= 1, "only the stage has its ratio"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_looks_as_its_stored_picture(window, served, view, scheme):
    stored = PICTURES / f"{view.replace('/', '-')}-{scheme}.png"
    with visit(window, served, viewport=DESK, color_scheme=scheme, timezone_id="UTC") as shown:
        answer_always(shown.page)
        shown.see(view, "Ada" if view in {"unlock", "sensitivity", "not-me", "fool"} else "")
        if view == "people":
            shown.page.wait_for_selector(".odds:has-text('4,497') >> nth=1")
        shown.page.wait_for_selector("#icon-brand", state="attached")
        taken = Image.open(io.BytesIO(shown.page.screenshot(animations="disabled")))
    small = taken.convert("RGB").resize(SMALL, Image.Resampling.BOX)
    if os.environ.get("ONLYME_REDRAW"):
        PICTURES.mkdir(exist_ok=True)
        small.save(stored, optimize=True)
    assert compare(small, Image.open(stored)) <= MAX_DIFFERENCE
    others = [path for path in PICTURES.glob("*.png") if path != stored]
    assert min(compare(small, Image.open(path)) for path in others) > MAX_DIFFERENCE, "it can fail"
