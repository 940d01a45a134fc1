"""The page in a real browser, whose camera plays moving photos of public people.

Such a film is no living person, so liveness is off here; test_page_real.py looks at that.
"""

import re
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.cli.output import format_odds
from onlyme.settings import Settings
from tests.serve.browsing import ALLOWED, CAMERA, DESK, PHONE, browser, film, visit
from tests.serve.conftest import serving

VIEWS = ("unlock", "enroll", "sensitivity", "people", "audit", "not-me")


@pytest.fixture(scope="module")
def served(photos, tmp_path_factory):
    """A service over a vault that knows one person, and does not look for life."""
    folder = tmp_path_factory.mktemp("page") / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    with serving(Settings.load(vault=folder, liveness="off")) as running:
        yield running


@pytest.fixture(scope="module")
def moving(photos, pipeline, tmp_path_factory):
    """A function that makes a film in which a photo's face moves about."""

    def make(name, count=60):
        pixels = pipeline.decode(photos / f"{name}.jpg").pixels
        left, top, width, height = pipeline.detector.detect(pixels)[0].box.astype(int)
        middle_x, middle_y, side = left + width // 2, top + height // 2, int(height * 0.95)
        frames = []
        for at in range(count):
            x = middle_x + int(0.05 * height * np.sin(at / 5))
            rows = np.clip(np.arange(middle_y - side, middle_y + side), 0, pixels.shape[0] - 1)
            columns = np.clip(np.arange(x - side, x + side), 0, pixels.shape[1] - 1)
            frames.append(np.ascontiguousarray(pixels[np.ix_(rows, columns)]))
        return film(tmp_path_factory.mktemp("film") / f"{name}.mjpeg", frames, 480)

    return make


@pytest.fixture(scope="module")
def window(playwright, moving):
    """A browser that sees the person who is enrolled."""
    with browser(playwright, moving("obama_3")) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_view_is_accessible_and_fits(window, served, size, scheme):
    with visit(window, served, viewport=size, color_scheme=scheme) as shown:
        for view in VIEWS:
            shown.see(view)
            shown.keep(f"{view}-{size['width']}-{scheme}")
            assert shown.fits(), view
            assert not shown.violations(), view


def test_a_link_works_once(window, served):
    from onlyme.serve.access.tokens import Tokens

    with served.keeping() as keeping:
        link = f"{served.url}/open?token={Tokens(keeping).create_link()}"
    for status in (200, 401):
        stranger = window.new_context()
        try:
            assert stranger.new_page().goto(link).status == status
        finally:
            stranger.close()


def test_the_keyboard_alone_goes_everywhere(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Shift+Tab")
        for _ in range(3):  # Audit, People, Sensitivity, Enroll
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text-is('Enroll')")
        shown.ready()
        assert page.evaluate("document.activeElement.tagName") == "H1"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "name"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "what has the focus shows it"


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
        page.wait_for_selector("text=Newcomer is enrolled")
        shown.keep("enrolled")
        assert not shown.violations()
        assert "once in 10,000 tries" in page.inner_text(".promise")
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
        facts = page.inner_text(".facts")
        assert "once in 10,000 tries" in facts
        assert "5 tries" in facts
        assert "frames a second" in facts
        shown.hears("obama is accepted")
        left, width = page.eval_on_selector(".box", "box => [box.getBBox().x, box.getBBox().width]")
        assert 0 < left < left + width < 480
        assert not shown.violations()
        page.click("text=That wasn’t me")
        page.wait_for_selector(".mistaken:visible")
        page.click("text=This is not obama")
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
        with served.keeping() as keeping:
            keeping.gate.reset("obama")


def test_a_picture_teaches_who_it_was_not(window, served, photos):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("not-me", "obama")
        page.set_input_files("#photo", photos / "biden_1.jpg")
        page.wait_for_selector(".mistaken:visible")
        page.click("text=This is not obama")
        page.wait_for_selector("text=kept apart")
        shown.keep("not-me-taught")
        assert not shown.violations()
        page.click("text=Take the last one back")
        page.wait_for_selector("text=taken back")


def test_the_slider_shows_who_would_come_in_and_sets_alpha(window, served, photos):
    with visit(window, served) as shown:
        page = shown.page
        picture = (photos / "obama_3.jpg").read_bytes()
        headers = {"Content-Type": "image/jpeg"}
        answer = served.client().post("/v1/names/obama/verify", content=picture, headers=headers)
        assert answer.json()["accepted"]
        shown.see("sensitivity", "obama")
        before = page.inner_text(".alpha-value")
        assert page.locator(".attempts li.in").count() >= 1
        assert page.is_disabled("text=Set this alpha")
        page.focus("#alpha")
        page.keyboard.press("ArrowRight")
        assert page.inner_text(".alpha-value") != before
        page.keyboard.press("End")
        assert page.locator(".attempts li.in").count() == 0
        assert page.inner_text("#summary").startswith("0 of the last")
        assert "less than once in 10,000,000" in page.inner_text("#promise")
        shown.keep("sensitivity-moved")
        assert not shown.violations()
        page.click("text=hello")
        assert "once in 100,000 tries" in page.inner_text("#promise")
        alpha = page.inner_text(".alpha-value").replace("−", "-")
        page.click("text=Set this alpha")
        shown.hears("Alpha is")
    with FaceID.open(served.settings.vault) as face_id:
        assert face_id.owner("obama").alpha == pytest.approx(float(alpha), abs=1e-3)


def test_people_are_renewed_and_forgotten_after_a_question(window, served, photos):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll("biden", photos / "biden_1.jpg")
        version = face_id.store.version("biden")
    with visit(window, served) as shown:
        page = shown.page
        shown.see("people")
        page.click("[aria-label='Certificate: biden']")
        page.wait_for_selector("text=Not covered")
        shown.keep("people-certificate")
        assert not shown.violations()
        page.click("[aria-label='Renew: biden']")
        page.click("dialog >> text=Renew >> nth=-1")
        shown.hears("renewed")
        page.click("[aria-label='Forget: biden']")
        assert page.evaluate("document.activeElement.textContent") == "Cancel"
        shown.keep("people-forget")
        assert not shown.violations()
        page.keyboard.press("Enter")  # Cancel
        page.wait_for_selector("dialog", state="detached")
        with FaceID.open(served.settings.vault) as face_id:
            assert face_id.store.version("biden") not in {None, version}
        page.click("[aria-label='Forget: biden']")
        page.click("dialog >> text=Forget >> nth=-1")
        shown.hears("biden is forgotten")
        assert not page.locator("[aria-label='Forget: biden']").count()
    with FaceID.open(served.settings.vault) as face_id:
        assert "biden" not in face_id.names()


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "../v1/%2e%2e?#/ 'Zoë\" 🦊"])
def test_a_name_is_a_name_whatever_it_looks_like(window, served, photos, name):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll(name, photos / "biden_1.jpg")
    with visit(window, served, viewport=PHONE) as shown:
        page = shown.page
        for view in ("unlock", "sensitivity", "not-me", "audit"):
            shown.see(view, name)
            assert page.locator("option", has_text=name).count() == 1
        shown.see("people")
        assert name in page.locator("h2").all_inner_texts()
        assert shown.fits()
        assert not page.locator("main img").count()
        page.locator("li.person", has_text=name).get_by_text("Forget").click()
        page.click("dialog >> text=Forget >> nth=-1")
        page.wait_for_selector("#announcer:has-text('is forgotten')", state="attached")
    with FaceID.open(served.settings.vault) as face_id:
        assert name not in face_id.names()


def test_the_log_is_read_by_person(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("audit")
        assert "The chain is whole" in page.inner_text(".chain")
        everything = page.locator(".log tbody tr").count()
        page.select_option("#owner", "obama")
        page.wait_for_selector(".chain:has-text('fit')")
        some = page.locator(".log tbody tr")
        assert 0 < some.count() < everything
        assert set(some.locator("td[data-label=Person]").all_inner_texts()) == {"obama"}
        page.fill("#from", "2000-01-01")
        page.fill("#to", "2000-01-02")
        page.wait_for_selector(".chain:has-text('0 lines')")


def test_a_session_that_ended_says_how_to_begin_another(window, served):
    with visit(window, served, expected=["401"]) as shown:
        served.service.sessions._ends.clear()
        shown.page.click("text=People")
        shown.page.wait_for_selector("text=This session has ended")
        assert "onlyme serve link" in shown.page.inner_text("main")
        shown.keep("session-ended")
        assert not shown.violations()


def test_a_service_that_is_gone_is_waited_for(window, served):
    with visit(window, served, expected=["ERR_INTERNET_DISCONNECTED"]) as shown:
        shown.page.context.set_offline(True)
        shown.page.click("text=People")
        shown.page.wait_for_selector("#banner:has-text('does not answer')")
        shown.keep("service-gone")
        assert not shown.violations()
        shown.page.context.set_offline(False)
        shown.page.wait_for_selector("#banner", state="hidden")
        shown.page.wait_for_selector("h2:text-is('obama')")


def test_a_stream_whose_session_ended_says_so(window, served):
    with visit(window, served, expected=["401"]) as shown:
        shown.see("unlock", "obama")
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(".pill:visible")
        served.service.sessions._ends.clear()
        for stream in served.service.streams._open.values():
            stream.newest.leave()
        shown.page.wait_for_selector("text=This session has ended")


def started(folder, port):
    """Run `onlyme serve` as a user does; return the process and the link that it prints."""
    words = [sys.executable, "-m", "onlyme", "serve", "--port", str(port), "--vault", str(folder)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    said = ""
    while "http://" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return process, re.search(r"http://\S+", said)[0]


def test_the_printed_link_opens_it_and_a_new_start_is_noticed(window, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
    processes = []
    try:
        process, link = started(tmp_path / "vault", 0)
        processes.append(process)
        with visit(window, None, link=link, expected=["ERR_CONNECTION", "401"]) as shown:
            assert "token" not in shown.page.url
            process.terminate()
            process.wait(60)
            shown.page.click("text=People")
            shown.page.wait_for_selector("#banner:has-text('does not answer')")
            port = int(link.rpartition("/open")[0].rpartition(":")[2])
            processes.append(started(tmp_path / "vault", port)[0])
            # It is back, and knows no session of before.
            shown.page.wait_for_selector("text=This session has ended")
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stderr.close()


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


def test_a_broken_chain_is_said(window, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
    with (
        serving(Settings.load(vault=tmp_path / "vault")) as running,
        visit(window, running, expected=["500"]) as shown,
    ):
        database = sqlite3.connect(tmp_path / "vault" / "vault.sqlite")
        database.execute("UPDATE log SET body = zeroblob(60) WHERE seq = 3")
        database.commit()
        database.close()
        shown.see("audit")
        assert "The chain is broken" in shown.page.inner_text(".chain")
        shown.keep("audit-broken")
        assert not shown.violations()


def test_rates_are_said_as_the_command_line_says_them(window, served):
    rates = (None, 0.6, 0.2, 0.023, 1e-3, 1e-4, 2.1e-5, 1e-8)
    with visit(window, served) as shown:
        script = "rates => import('/words.js').then(words => rates.map(words.describeOdds))"
        said = shown.page.evaluate(script, rates)
    assert said[1:] == [format_odds(rate) for rate in rates[1:]]
    assert said[0] == format_odds(None).replace("no promise", "nothing is promised")
