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
