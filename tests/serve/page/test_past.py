"""Nothing that was said about an earlier picture stays, whatever ends the camera."""

import pytest

from onlyme import FaceID
from onlyme.settings import Settings
from tests.serve.browsing import visit
from tests.serve.conftest import serving
from tests.serve.page.answers import LAB
from tests.serve.page.readings import list_readings, watch_until_accepted

WATCHES = ["unlock", "look", "follow", "fool", "lab", "enroll", "more"]
ENDINGS = ["service gone", "silent", "stopped", "camera lost", "hidden", "stream over"]
LACKING = {
    *(("look", "stream over"), ("lab", "stream over")),  # they send single pictures
    *(("enroll", "stopped"), ("more", "stopped"), ("fool", "stopped")),
}
WAITING = ".note:has-text('Waiting for the service')"
CUT = """const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { if (!window.isCut) send.call(this, data); };"""
HIDE = """(is) => { Object.defineProperty(document, "hidden", { value: is, configurable: true });
  document.dispatchEvent(new Event("visibilitychange")); }"""


@pytest.fixture(scope="module")
def served(photos, tmp_path_factory):
    """A doorbell: it follows everybody although it does not look for life."""
    folder = tmp_path_factory.mktemp("page") / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    with serving(Settings.load(vault=folder, liveness="off"), doorbell=True) as running:
        yield running


def watch(shown, view):
    """Begin to watch, and wait until something is said about a picture."""
    page = shown.page
    if view == "unlock":
        watch_until_accepted(shown)
    elif view == "look":
        shown.see("who")
        page.click("text=Start the camera")
        page.click("button:has(span:text-is('Look'))")
        page.wait_for_selector(".pill:visible")
    elif view == "follow":
        shown.see("who")
        page.click("text=Watch everybody")
        page.wait_for_selector(".stage .faces text", state="attached")
    elif view == "fool":
        shown.see("fool", "obama")
        page.click("text=Start this round")
        page.wait_for_selector(".pill:visible")
    elif view == "lab":
        page.route("**/v1/service/lab", lambda route: route.fulfill(json=LAB))
        look = {"box": [0.3, 0.3, 0.3, 0.4], "score": 0.9}
        page.route("**/v1/service/lab/look", lambda route: route.fulfill(json=look))
        shown.see("lab")
        page.click("text=Start the camera")
        page.wait_for_selector(".stage[data-verdict=yes]")
    else:
        shown.see(view, "obama" if view == "more" else "Newcomer")
        page.click("button:has(span:text-is('Start'))")
        page.wait_for_selector(".arc.filled")
        page.wait_for_selector(".prompt:visible")


def end(shown, served, ending, view):
    """End what is watched, and wait until the page has noticed."""
    page = shown.page
    streams = list(served.service.streams._open.values())
    if ending == "service gone":
        page.route("**/v1/**", lambda route: route.abort())
        for stream in streams:
            stream.latest.leave()
        if view == "look":
            page.click("button:has(span:text-is('Look'))")
        page.wait_for_selector("#banner:visible")
    elif ending == "silent":
        page.evaluate("window.isCut = true")
        page.route("**/v1/service/lab/look", lambda _: None)
        page.route("**/v1/identify", lambda _: None)
        if view == "look":
            page.click("button:has(span:text-is('Look'))")
        else:
            page.wait_for_selector(f"{WAITING}, .stage .cover:visible")
    elif ending == "stopped":
        page.click("button:has(span:text-is('Stop'))")
    elif ending == "camera lost":
        page.evaluate(
            """() => { const track = document.querySelector("video").srcObject.getTracks()[0];
            track.dispatchEvent(new Event("ended")); }"""
        )
        page.wait_for_selector("text=The camera is gone")
    elif ending == "hidden":
        page.evaluate(HIDE, True)
        page.wait_for_selector("h2:text-is('Paused')")
        page.evaluate(HIDE, False)
    else:
        for stream in streams:
            stream.latest.leave("it is enough")
        page.wait_for_selector(".stage .cover:visible")


CASES = [(v, e) for v in WATCHES for e in ENDINGS if (v, e) not in LACKING]


@pytest.mark.parametrize(("view", "ending"), CASES)
def test_nothing_said_about_a_picture_outlives_its_camera(window, served, view, ending):
    with visit(window, served, expected=["ERR_FAILED", "503"]) as shown:
        page = shown.page
        page.add_init_script(CUT)
        page.reload()
        watch(shown, view)
        assert list_readings(page)
        end(shown, served, ending, view)
        if ending != "silent":
            page.wait_for_selector(".stage .cover:visible")
            assert not page.evaluate("document.querySelector('video').srcObject")
        if ending == "silent" and view == "look":
            page.wait_for_selector(".pill", state="hidden")
        assert list_readings(page) == []
        page.unroute_all()
    served.reset()


def test_to_ask_for_movements_while_the_camera_runs_does_not_kill_it(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        # At once, so that cameras are asked for while others still begin: 9 times ends with yes.
        page.evaluate(
            """async () => { const box = document.getElementById("harder");
            for (let count = 0; count < 9; count += 1) {
              box.click(); await new Promise((done) => setTimeout(done, 7 * count)); } }"""
        )
        page.wait_for_selector(".prompt:has-text('Look straight'), .prompt:visible .arrow")
        page.uncheck("#harder")
        page.wait_for_selector(".stage[data-verdict=yes]")
        assert page.evaluate("document.querySelector('video').srcObject.active")
        assert not page.locator(".stage .cover:visible").count()
