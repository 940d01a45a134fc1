"""The views with a camera: enrolling and unlocking, and why there is no camera."""

import re

import pytest

from onlyme import FaceID
from tests.serve.browsing import ALLOWED, CAMERA, PHONE, browser, visit


def test_enroll_before_the_camera(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "Newcomer")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled")
        shown.keep("enrolling")
        assert not shown.violations()
        page.click("text=That is enough")
        page.wait_for_selector("text=This face is enrolled already")
        assert not shown.violations()
        page.click("text=Enroll all the same")
        page.wait_for_selector("#name:disabled")
        page.wait_for_selector("button:has-text('That is enough'):enabled")
        page.click("text=That is enough")
        page.wait_for_selector("text=Newcomer is enrolled")
        shown.keep("enrolled")
        assert not shown.violations()
        assert "1 in 10,000 strangers" in page.inner_text(".promise")
        assert "looks like the owner passes at most about once in 500" in page.inner_text(".alike")
        with page.expect_download() as saved:
            page.click("text=Download")
        assert "Newcomer" in saved.value.path().read_text("utf-8")
    with FaceID.open(served.settings.vault) as face_id:
        assert "Newcomer" in face_id.names()


def test_leaving_before_the_end_enrolls_nobody(window, served):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", "Nobody")
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector(".arc.filled")
        shown.page.click("text=Cancel")
        shown.page.wait_for_selector("text=The camera is off")
        shown.see("people")
        assert "Nobody" not in shown.page.inner_text("main")


def test_a_name_that_is_taken_is_asked_about(window, served):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", "obama")
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector("dialog[open]")
        assert not shown.violations()
        shown.page.keyboard.press("Escape")
        shown.page.wait_for_selector("dialog", state="detached")
        assert shown.page.is_visible("text=The camera is off")


def test_the_owner_is_accepted_and_the_picture_says_so(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        page.wait_for_selector(".stage[data-verdict=yes]")
        shown.keep("unlock-accepted")
        pill = page.inner_text(".pill")
        assert re.fullmatch(r"obama\s+margin \+0\.\d{3} ≥ alpha \+0\.\d{3}", pill)
        facts = page.inner_text(".facts >> nth=0")
        assert "1 in 10,000 strangers" in facts
        assert "5 tries" in facts
        page.click(".panel .figures summary")
        page.wait_for_selector(".figures .facts:has-text('frames a second')")
        shown.hears("obama is accepted")
        left, width = page.eval_on_selector(".box", "box => [box.getBBox().x, box.getBBox().width]")
        assert 0 < left < left + width < 480
        assert not shown.violations()
        page.click("text=That wasn’t me")
        page.wait_for_selector(".mistaken:visible")
        page.click("text=This is not obama")
        page.click("dialog >> text=It is not obama")
        page.wait_for_selector("text=kept apart")
        page.click("text=Take the last one back")
        page.wait_for_selector("text=taken back")


def test_somebody_else_is_refused_until_the_gate_closes(playwright, moving, served):
    with (
        browser(playwright, moving("biden_1")) as other,
        visit(other, served, viewport=PHONE) as shown,
    ):
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        page.wait_for_selector(".stage[data-verdict=no]")
        assert page.inner_text(".pill .who") == "Not obama"
        shown.keep("unlock-refused")
        page.wait_for_selector(".countdown")
        shown.keep("unlock-closed")
        assert re.fullmatch(r"[45]:\d\d", page.inner_text(".countdown"))
        assert not shown.violations()
        with served.open_admin() as admin:
            admin.gate.reset("obama")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((CAMERA, "--deny-permission-prompts"), "The camera is not allowed"),
        ((ALLOWED,), "No camera is there"),
    ],
    ids=["refused", "absent"],
)
def test_a_camera_that_cannot_be_had_is_explained(playwright, served, flags, words):
    with (
        browser(playwright, None, *flags) as blind,
        visit(blind, served) as shown,
    ):
        shown.see("unlock", "obama")
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(f"text={words}")
        shown.keep(f"camera-{'refused' if CAMERA in flags else 'absent'}")
        assert not shown.violations()
        assert shown.page.is_visible("text=Try again")
