"""Nothing that was said about an earlier picture stays, whatever ends the camera."""

import pytest

from tests.serve.browsing import visit
from tests.serve.page.readings import count_readings, watch_until_accepted

ENDINGS = ["service gone", "stopped", "camera lost", "stream over"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_verdict_outlives_its_camera(window, served, ending):
    with visit(window, served, expected=["ERR_FAILED"]) as shown:
        page = shown.page
        watch_until_accepted(shown)
        streams = list(served.service.streams._open.values())
        if ending == "service gone":
            page.route("**/v1/**", lambda route: route.abort())
            for stream in streams:
                stream.latest.leave()
            page.wait_for_selector("#banner:visible")
        elif ending == "stopped":
            page.click("button:has(span:text-is('Stop'))")
        elif ending == "camera lost":
            page.evaluate(
                """() => { const track = document.querySelector("video").srcObject.getTracks()[0];
                track.dispatchEvent(new Event("ended")); }"""
            )
            page.wait_for_selector("text=The camera is gone")
        else:
            for stream in streams:
                stream.latest.leave("it is enough")
            page.wait_for_selector("h2:text-is('Paused')")
        page.wait_for_selector(".stage .cover:visible")
        assert count_readings(page) == []
        page.unroute_all()


def test_a_service_that_is_silent_is_not_shown_as_a_verdict(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.add_init_script(
            """const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
              if (!window.isCut) send.call(this, data); };"""
        )
        page.reload()
        watch_until_accepted(shown)
        page.evaluate("window.isCut = true")
        page.wait_for_selector(".note:has-text('Waiting for the service')")
        assert count_readings(page) == []


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
