"""Messages: uploads by their names, darkness, many people, attempts in their colours."""

import sys
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from onlyme import FaceID
from tests.serve.browsing import browser, film, visit

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from degradations import degrade


@pytest.mark.parametrize("view", ["not-me", "who"])
def test_an_upload_is_called_by_its_name(window, served, view, tmp_path):
    Image.new("RGB", (320, 240), (90, 120, 150)).save(tmp_path / "wall of mine.png")
    with visit(window, served, expected=["422"]) as shown:
        shown.see(view, "obama" if view == "not-me" else "")
        shown.page.set_input_files("input[type=file]", tmp_path / "wall of mine.png")
        if view == "not-me":
            shown.page.click("text=This is not obama")
            shown.page.wait_for_selector(".refused:has-text('wall of mine.png')")
        else:
            shown.page.wait_for_selector(".outcome h2")
        assert "bytes" not in shown.page.inner_text("main")
        (tmp_path / "broken one.jpg").write_bytes(b"no picture at all")
        shown.page.set_input_files("input[type=file]", tmp_path / "broken one.jpg")
        if view == "not-me":
            shown.page.click("text=This is not obama")
        shown.page.wait_for_selector(".refused:has-text('broken one.jpg')")
        assert "broken one.jpg" in shown.page.inner_text(".refused"), "as it is written"


def test_a_face_that_seems_covered_is_enrolled_when_that_is_confirmed(
    window, served, photos, pipeline, tmp_path
):
    frame = pipeline.decode(photos / "ardern_1.jpg")
    face = max(pipeline.detector.detect(frame.pixels), key=lambda face: face.area)
    masked = degrade("mouth mask", frame.pixels, face.landmarks, 0)
    Image.fromarray(masked).save(tmp_path / "masked.png")
    with visit(window, served, expected=["422"]) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "masked")
        page.click("text=Use photos instead")
        page.set_input_files("#photos", tmp_path / "masked.png")
        page.wait_for_selector(".notice:has-text('mask or scarf')")
        page.click("text=Enroll all the same")
        page.wait_for_selector("text=masked is enrolled")
        assert not shown.violations()
    with FaceID.open(served.settings.vault) as face_id:
        face_id.forget("masked")


def test_enter_in_the_name_does_not_lead_to_cancel(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "Newcomer")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled")
        assert "stage" in page.evaluate("document.activeElement.className")
        page.keyboard.press("Enter")
        page.keyboard.press("Space")
        page.wait_for_selector(".prompt:visible")
        assert page.is_visible("button:has-text('Cancel')"), "it goes on"
        page.click("button:has-text('Cancel')")


@pytest.mark.parametrize("level", [0, 12])
@pytest.mark.parametrize("view", ["unlock", "enroll", "who"])
def test_darkness_is_called_darkness(playwright, served, tmp_path, level, view):

    dark = [np.full((240, 320, 3), level, np.uint8)] * 30
    with (
        browser(playwright, film(tmp_path / "dark.mjpeg", dark)) as opened,
        visit(opened, served) as shown,
    ):
        page = shown.page
        shown.see(view)
        if view == "enroll":
            page.fill("#name", "Newcomer")
            page.keyboard.press("Enter")
        else:
            page.click("text=Start the camera")
        if view == "who":
            page.click("button:has(span:text-is('Look'))")
        page.wait_for_selector("text=too dark")
        assert "Nobody" not in page.inner_text(".split > :first-child")
    served.reset()


def test_advice_of_one_picture_is_not_shown(window, served):
    with visit(window, served) as shown:
        said = shown.page.evaluate(
            """() => import("/advice.js").then(({ SteadyAdvice }) => {
              const advice = new SteadyAdvice();
              const none = "No face is seen.", cup = "Come closer.";
              const looks = [none, cup, none, none, cup, cup, none, cup, cup, cup, cup];
              return looks.map((one) => advice.take(one)); })"""
        )
    assert said[:-1] == [said[0]] * 10, "a cup that is a face now and then changes nothing"
    assert said[-1] == "Come closer."


def test_many_people_are_paged_sorted_and_searched(window, served):
    names = [*(f"person {number}" for number in range(1, 2001)), "Änne", "Zoë", "anton", "Émile"]
    people = [
        {"name": name, "where": "vault", "photos": 2, "created": None, "needs_reenroll": False}
        for name in sorted(names)
    ]
    with visit(window, served) as shown:
        page = shown.page
        page.route("**/v1/people", lambda route: route.fulfill(json=people))
        shown.see("people")
        assert page.evaluate("document.documentElement.scrollHeight") < 4000
        first = page.locator("li.person h2").all_inner_texts()
        assert first[:5] == ["Änne", "anton", "Émile", "person 1", "person 2"]
        page.fill("#search", "zoë")
        page.wait_for_selector("text=1 person")
        assert page.locator("li.person h2").all_inner_texts() == ["Zoë"]
        page.fill("#search", "")
        page.click("text=Next")
        assert "26 to 50 of 2,004" in page.inner_text(".pager")
        for view, field in (("audit", "#owner"), ("events", "#event-person")):
            shown.see(view)
            assert page.locator("option").count() < 100, "many names are typed"
            with page.expect_request(f"**/v1/{view}?*person*77*") as asked:
                page.fill(field, "person 77")
                page.keyboard.press("Tab")
            assert asked.value.response().ok
            assert not shown.violations()
        shown.see("people")
        assert not shown.violations()
        page.unroute_all()


def test_attempts_have_the_colour_of_what_became_of_them(window, served, photos):
    client = served.client()
    for name in ("obama_3", "biden_1"):
        client.post(
            "/v1/names/obama/verify", files={"frame": (photos / f"{name}.jpg").read_bytes()}
        )
    with visit(window, served) as shown:
        shown.see("sensitivity", "obama")
        fills = {
            kind: shown.page.eval_on_selector(
                f".histogram .tried.{kind}", "one => getComputedStyle(one).fill"
            )
            for kind in ("in", "out")
        }
        assert fills["in"] != fills["out"]


def test_names_in_addresses_are_quoted(window, served):
    with visit(window, served) as shown:
        paths = shown.page.evaluate(
            """() => import("/api.js").then(({ makePath }) =>
              ["..", ".", "a/b"].map((name) =>
                new URL(makePath(name, "tune"), location).pathname))"""
        )
    assert paths == [
        "/v1/names/%20../tune",
        "/v1/names/%20./tune",
        f"/v1/names/{quote('a/b', safe='')}/tune",
    ]
