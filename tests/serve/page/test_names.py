"""Names of all scripts; those that deceive are refused, and those like another asked about."""

import pytest

from onlyme import FaceID
from tests.serve.browsing import visit

STRANGE = ["علی\u200cرضا", "👨\u200d👩\u200d👧", "..", ".", "a/b", "%2e%2e", "Ω;?#"]


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_enrolled_and_managed_like_any_other(window, served, photos, name):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", name)
        page.click("text=Use photos instead")
        page.set_input_files("#photos", photos / "biden_1.jpg")
        page.wait_for_selector("h2:has-text('is enrolled')")
        assert name in [one["name"] for one in served.client().get("/v1/people").json()]
        shown.see("unlock", name)
        assert page.input_value("#person") == name
        shown.see("people")
        page.locator("li.person", has=page.locator("h2", has_text=name)).get_by_text(
            "Forget"
        ).click()
        page.click("dialog .button.danger")
        page.wait_for_selector("#told:has-text('is forgotten')")
    with FaceID.open(served.settings.vault) as face_id:
        assert face_id.names() == ["obama"]


REFUSED_NAMES = {
    "ada\u202ebob": "U+202E",
    "a\u200bb": "U+200B",
    "x" * 65: "65",
    "\u200dada": "U+200D",
}


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_a_name_that_deceives_is_refused_with_the_reason_before_the_camera(window, served, name):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", name)
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector(f"#name-help:has-text('{REFUSED_NAMES[name]}')")
        assert shown.page.evaluate("document.activeElement.id") == "name"
        assert not shown.page.evaluate("document.querySelector('video').srcObject")
        assert not shown.violations()


@pytest.mark.parametrize("name", ["Obama", "OBAMA", "ob\u00a0ama"])
def test_a_name_like_another_is_asked_about(window, served, name):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", name)
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector("dialog[open]:has-text('easily confused')")
        shown.page.keyboard.press("Escape")
        shown.page.wait_for_selector("dialog", state="detached")
        assert shown.page.is_visible("text=The camera is off")


VIEWS_OF_A_PERSON = ["unlock", "sensitivity", "more", "not-me", "fool"]
SHOWS = """(name) => document.querySelector(".view:not([aria-busy])")?.textContent.includes(name)
  || document.getElementById("name")?.value === name"""


@pytest.mark.parametrize("width", [320, 360, 1200])
def test_a_name_however_long_fits_into_every_view(window, served, photos, width):
    long = "W" * 64
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll(long, photos / "biden_1.jpg")
    try:
        with visit(window, served, viewport={"width": width, "height": 740}) as shown:
            for view in VIEWS_OF_A_PERSON:
                for name in (long, "x" * 200):
                    shown.see(view, name)
                    shown.page.wait_for_function(SHOWS, arg=name)
                    assert shown.fits(), (view, name)
            for view in ("people", "events", "audit", "who"):
                shown.see(view)
                assert shown.fits(), view
    finally:
        with FaceID.open(served.settings.vault) as face_id:
            face_id.forget(long)


@pytest.mark.parametrize("view", VIEWS_OF_A_PERSON)
def test_an_address_with_a_decomposed_letter_names_the_same_person(window, served, photos, view):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll("Zo\u00eb", photos / "biden_1.jpg")
    try:
        with visit(window, served) as shown:
            shown.see(view, "Zoe\u0308")
            field = "#name" if view == "more" else "#person"
            assert shown.page.input_value(field) == "Zo\u00eb"
    finally:
        with FaceID.open(served.settings.vault) as face_id:
            face_id.forget("Zo\u00eb")


@pytest.mark.parametrize("look", ["..", ".", "a/b", "%2F", "?#"])
def test_a_look_of_any_name_is_removed_and_nothing_else(window, served, photos, look):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll("obama", photos / "obama_3.jpg", add=True, look=look)
    with visit(window, served) as shown:
        page = shown.page
        shown.see("people")
        page.click("[aria-label='Pictures: obama']")
        page.click(f"text=Remove the look {look}")
        page.click("dialog .danger")
        page.wait_for_selector("#told:has-text('known by 3 pictures now')")
    assert {one["look"] for one in served.client().get("/v1/names/obama/examples").json()} == {""}


def test_a_name_from_right_to_left_turns_no_words_around(window, served):
    with visit(window, served) as shown:
        said = shown.page.evaluate(
            """([one, other]) => import("/i18n.js").then(({ t }) => [
              t("{other} is part of {name} now", { other, name: one }),
              t("{name} is enrolled", { name: "Ada" })])""",
            ["\u05d0\u05d1", "\u05d3\u05e0\u05d4"],
        )
    merged = "\u2068\u05d3\u05e0\u05d4\u2069 is part of \u2068\u05d0\u05d1\u2069 now"
    assert said == [merged, "Ada is enrolled"]


def test_an_address_with_a_name_that_nobody_has_shows_the_whole_log(window, served):
    with visit(window, served) as shown:
        shown.see("audit", "x" * 200)
        assert shown.page.input_value("#owner") == ""
        assert shown.page.locator(".log").count() == 1
