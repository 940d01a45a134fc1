"""An answer that comes late says nothing about what is shown by then, and starts nothing."""

import pytest

from tests.serve.browsing import visit
from tests.serve.page.test_addresses import wait_until

AT = "2026-01-01T00:00:00Z"
EVENT = {"event": "came", "at": AT, "name": "Earlier", "names": [], "camera": "hall"}
LINE = {"event": "enroll", "at": AT, "owner": "Earlier", "source": "hall", "detail": ""}
LISTS = {
    "events": ("**/v1/events?*", "#event-person", lambda rows: {"events": rows, "next": None}),
    "audit": ("**/v1/audit?*", "#owner", lambda rows: rows),
}
"""For each list with filters: its requests, the first filter, and what makes an answer of rows."""

OFF = ["ERR_INTERNET_DISCONNECTED"]


@pytest.mark.parametrize("view", LISTS)
@pytest.mark.parametrize("status", [200, 409])
def test_a_list_shows_what_was_chosen_last(window, served, view, status):
    pattern, choice, answer_rows = LISTS[view]
    row = {"events": EVENT, "audit": LINE}[view] | {"margin": None, "seconds": 0, "far": None}
    damaged = {"type": "urn:onlyme:problem:vault-damaged", "detail": "It is.", "status": 409}
    with visit(window, served, expected=["409"]) as shown:
        page, held = shown.page, []
        shown.see(view)
        page.route(pattern, lambda route: held.append(route))
        page.select_option(choice, index=1)
        wait_until(page, lambda: held)
        page.select_option(choice, index=0)
        wait_until(page, lambda: len(held) > 1)
        held[1].fulfill(json=answer_rows([row | {"name": "Newest", "owner": "Newest"}]))
        page.wait_for_selector(".log tbody:has-text('Newest')")
        with page.expect_response(pattern):
            held[0].fulfill(json=answer_rows([row]) if status == 200 else damaged, status=status)
        page.wait_for_timeout(300)  # by then the earlier answer would have been shown
        assert page.locator(".log tbody tr").count() == 1
        assert page.is_visible(".log tbody:has-text('Newest')")
        assert not page.locator(".chain.broken").count()
        page.unroute_all()


def answer(name):
    """A decision on a picture in which one person is known."""
    return {"accepted": True, "name": name, "reason": "match", "margin": 0.5, "alpha": 0.1}


@pytest.mark.parametrize("then", ["another picture", "camera", "stop"])
def test_who_is_in_a_picture_is_said_of_the_newest_one(window, served, photos, then):
    with visit(window, served) as shown:
        page, held = shown.page, []
        page.route("**/v1/identify", lambda route: held.append(route))
        shown.see("who")
        if then == "stop":
            page.click("text=Start the camera")
            page.click("button:has(span:text-is('Look'))")
        else:
            page.set_input_files("#photos", photos / "obama_3.jpg")
        wait_until(page, lambda: held)
        if then == "another picture":
            page.set_input_files("#photos", photos / "biden_1.jpg")
            wait_until(page, lambda: len(held) > 1)
            held[1].fulfill(json=answer("Newest"))
            page.wait_for_selector(".outcome h2:text-is('Newest')")
        elif then == "camera":
            page.click("text=Start the camera")
            page.wait_for_selector("button:has(span:text-is('Look')):visible")
        else:
            page.click("button:has(span:text-is('Stop'))")
        said = page.inner_text(".outcome")
        with page.expect_response("**/v1/identify"):
            held[0].fulfill(json=answer("Earlier"))
        page.wait_for_timeout(300)
        assert "Earlier" not in page.inner_text(".view")
        assert page.inner_text(".outcome") == said
        if then != "another picture":
            if then == "stop":
                page.click("text=Start the camera")
            page.click("button:has(span:text-is('Look'))")
            wait_until(page, lambda: len(held) > 1)
            held[1].fulfill(json=answer("Later"))
            page.wait_for_selector(".outcome h2:text-is('Later')")
        page.unroute_all()


@pytest.mark.parametrize("view", ["who", "unlock", "fool"])
def test_a_camera_that_starts_while_the_service_is_gone_ends_with_its_view(window, served, view):
    with visit(window, served, expected=[*OFF, "503"]) as shown:
        page = shown.page
        shown.see(view)
        page.context.set_offline(True)
        page.evaluate("import('/api.js').then((api) => api.get('/v1/keys').catch(() => 0))")
        page.wait_for_selector("#banner:has-text('does not answer')")
        page.evaluate(
            """() => { const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.given = [];
            navigator.mediaDevices.getUserMedia = async (...wanted) => {
              const stream = await ask(...wanted); window.given.push(stream); return stream; }; }"""
        )
        page.click("text=Start this round" if view == "fool" else "text=Start the camera")
        wait_until(page, lambda: page.evaluate("window.given.length"))
        page.context.set_offline(False)
        page.wait_for_selector("#banner", state="hidden")
        wait_until(page, lambda: page.evaluate("window.given.every((one) => !one.active)"))
        shown.ready()
        assert not page.evaluate("document.querySelector('video').srcObject")


def test_a_refusal_that_is_over_does_not_hide_that_the_service_is_gone(window, served):
    refused = {"type": "urn:onlyme:problem:busy", "detail": "It is busy.", "status": 503}
    with visit(window, served, expected=[*OFF, "503"]) as shown:
        page = shown.page
        page.clock.install()
        shown.see("people")
        page.route("**/revoke", lambda route: route.fulfill(json=refused, status=503))
        page.click("[aria-label='Make stolen copies worthless: obama']")
        page.click("dialog >> text=Make worthless >> nth=-1")
        page.wait_for_selector("#banner:has-text('It is busy')")
        page.context.set_offline(True)
        page.evaluate("import('/api.js').then((api) => api.get('/v1/keys').catch(() => 0))")
        page.wait_for_selector("#banner:has-text('does not answer')")
        page.clock.run_for(20_000)
        assert page.is_visible("#banner:has-text('does not answer')")
        page.context.set_offline(False)
        page.clock.run_for(5_000)
        page.wait_for_selector("#banner", state="hidden")
