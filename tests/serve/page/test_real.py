"""The page before living people: enrolled and accepted; a replay and others are refused."""

import io
import re

import pytest
from PIL import Image

from onlyme import FaceID
from onlyme.settings import Settings
from tests.serve.browsing import PHONE, browser, clip, film, visit
from tests.serve.conftest import serving

pytestmark = pytest.mark.data

FILMS = {
    # From the front, to the person's left, to the right: two times two seconds of turning.
    "live": ("tranvan_live", (0.0, 2.9), (5.4, 10.2)),
    "replay": ("tranvan_replay", (0.0, 4.0)),
    "other": ("liveportrait_d12_live", (0.0, 4.0)),
}


@pytest.fixture(scope="module")
def films(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return {key: film(folder / f"{key}.mjpeg", clip(data, *what)) for key, what in FILMS.items()}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A service over an empty vault, as it is without any setting."""
    with serving(Settings.load(vault=tmp_path_factory.mktemp("page") / "vault")) as running:
        yield running


@pytest.fixture(scope="module")
def enrolled(playwright, films, served):
    """The person of the clip, enrolled before the camera."""
    with (
        browser(playwright, films["live"]) as window,
        visit(window, served) as shown,
    ):
        page = shown.page
        shown.see("enroll")
        shown.keep("real-nobody")
        page.fill("#name", "Tran")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled[data-pose=left]")
        shown.keep("real-enrolling")
        page.wait_for_selector("text=Tran is enrolled", timeout=90_000)
        shown.keep("real-enrolled")
        assert not shown.violations()
    with FaceID.open(served.settings.vault) as face_id:
        photos = len(face_id.owner("Tran").examples.me)
    assert photos >= 5, "poses were covered, so there is something of each to learn from"
    return "Tran"


def watch(shown, person):
    """Start the camera before the Unlock view."""
    shown.see("unlock", person)
    shown.page.click("text=Start the camera")


def test_the_living_owner_is_accepted(playwright, films, served, enrolled):
    with browser(playwright, films["live"]) as window, visit(window, served) as shown:
        watch(shown, enrolled)
        shown.page.wait_for_selector(".stage[data-verdict=yes]")
        shown.keep("real-unlock-live")
        assert "≥" in shown.page.inner_text(".pill")
        assert not shown.violations()
    accepted = [line for line in log(served, enrolled) if line["verdict"] == "accepted"]
    assert {line["liveness"] for line in accepted} == {"live"}


def test_a_replay_of_the_owner_is_refused_although_it_matches(playwright, films, served, enrolled):
    with (
        browser(playwright, films["replay"]) as window,
        visit(window, served, color_scheme="dark") as shown,
    ):
        watch(shown, enrolled)
        shown.page.wait_for_selector(".pill:has-text('A photo or a screen')")
        shown.keep("real-unlock-replay")
        assert "≥" in shown.page.inner_text(".pill"), "the face is the owner's"
        assert not shown.violations()
    assert log(served, enrolled)[-1]["liveness"] == "attack"


def test_another_living_person_is_refused(playwright, films, served, enrolled):
    with (
        browser(playwright, films["other"]) as window,
        visit(window, served, viewport=PHONE) as shown,
    ):
        watch(shown, enrolled)
        shown.page.wait_for_selector(".pill:has-text('Not Tran')")
        shown.keep("real-unlock-other")
        assert "<" in shown.page.inner_text(".pill")
        assert shown.fits()
        assert not shown.violations()


def test_a_recording_does_not_do_what_it_is_asked(playwright, films, served, enrolled):
    with served.open_admin() as admin:
        admin.gate.reset(enrolled)
    with browser(playwright, films["live"]) as window, visit(window, served) as shown:
        page = shown.page
        shown.see("unlock", enrolled)
        page.check("#harder")
        page.click("text=Start the camera")
        page.wait_for_selector(".prompt:has-text('Look straight')")
        page.wait_for_selector(".prompt:visible .arrow")
        page.wait_for_selector(".stage[data-verdict=unsure], .stage[data-verdict=no]")
        shown.keep("real-challenge")
        assert not shown.violations()
    assert log(served, enrolled)[-1]["verdict"] == "rejected"


@pytest.fixture
def attempts(data, served, enrolled):
    """One attempt of each film, sent as an app sends it: this test may run before the others."""
    served.reset()
    expected = {"live": "match", "replay": "not_live", "other": "no_match"}
    for key, reason in expected.items():
        frames = [("frame", encode(pixels)) for pixels in clip(data, *FILMS[key])[:60:6]]
        answer = served.client().post(f"/v1/names/{enrolled}/verify", files=frames).json()
        assert answer["reason"] == reason, key


@pytest.mark.usefixtures("attempts")
def test_all_of_it_is_in_the_log_and_on_the_slider(playwright, films, served, enrolled):
    with browser(playwright, films["live"]) as window, visit(window, served) as shown:
        page = shown.page
        shown.see("audit")
        words = page.inner_text(".log")
        for outcome in ("Accepted", "A photo or a screen", "Somebody else"):
            assert outcome in words
        shown.keep("real-audit")
        shown.see("sensitivity", enrolled)
        page.focus("#alpha")
        page.keyboard.press("Home")
        shown.keep("real-sensitivity")
        inside, outside = page.locator(".attempts li.in"), page.locator(".attempts li.out")
        assert inside.count() >= 2, "at the lowest alpha the stranger comes in as well"
        assert outside.count() >= 1
        said = " ".join(outside.all_inner_texts())
        assert "no living person" in said, "no alpha lets a screen in"
        assert re.search(r"\d+ of the last \d+ attempts", page.inner_text("#summary"))


def encode(pixels):
    """Return a frame as the page sends it."""
    image, out = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((640, 640))
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def log(served, person):
    """The attempts on a person, the oldest first."""
    lines = served.client().get("/v1/audit", params={"owner": person}).json()
    return [line for line in lines if line["event"] == "attempt"]
