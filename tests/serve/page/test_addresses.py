"""Addresses and Back: a question ends with its view, and nobody else is shown."""

import pytest

from onlyme import FaceID
from tests.serve.browsing import visit


@pytest.mark.parametrize("button", ["Forget", "Rename", "Make stolen copies worthless"])
@pytest.mark.parametrize("leave", ["back", "address", "session"])
def test_a_question_ends_with_its_view(window, served, button, leave):
    with visit(window, served, expected=["401"]) as shown:
        page = shown.page
        shown.see("audit")
        shown.see("people")
        page.click(f"[aria-label='{button}: obama']")
        page.wait_for_selector("dialog[open]")
        if leave == "back":
            page.go_back()
            page.wait_for_selector("h1:text-is('Audit')")
        elif leave == "address":
            page.evaluate("location.hash = '#/unlock'")
            page.wait_for_selector("h1:text-is('Unlock')")
        else:
            served.service.sessions.end_all()
            page.evaluate("import('/api.js').then((api) => api.get('/v1/keys').catch(() => 0))")
            page.wait_for_selector("text=This session has ended")
        page.wait_for_selector("dialog", state="detached")  # it goes in a task of its own
    assert "obama" in [one["name"] for one in served.client().get("/v1/names").json()]


ASKED_LATE = {
    "rename": ("**/v1/name-check*", {"name": "obama", "problem": None, "taken": True}),
    "merge": ("**/merge?*", {"type": ":not-alike", "detail": "They differ.", "status": 409}),
    "teach": ("**/compare", {"accepted": True, "margin": 0.6, "own_lowest": 0.5, "own_highest": 1}),
    "enroll": ("**/v1/name-check*", {"name": "obama", "problem": None, "taken": True}),
}


def begin_to_ask(shown, what, photos):
    """Do what leads to a question once the service has answered."""
    page = shown.page
    if what in {"rename", "merge"}:
        shown.see("people")
        page.click(f"[aria-label='{what.capitalize()}: obama']")
        page.fill("#ask-text", "somebody")
        page.keyboard.press("Enter")
    elif what == "teach":
        shown.see("not-me", "obama")
        page.set_input_files("#photo", photos / "biden_1.jpg")
        page.click("text=This is not obama")
    else:
        shown.see("enroll", "obama")
        page.click("button:has(span:text-is('Start'))")


@pytest.mark.parametrize("what", ASKED_LATE)
@pytest.mark.parametrize("target", ["audit", "settings", "unlock"])
def test_a_question_that_comes_late_is_not_asked_over_another_view(
    window, served, photos, what, target
):
    pattern, answer = ASKED_LATE[what]
    with FaceID.open(served.settings.vault) as face_id:
        if "biden" not in face_id.names():
            face_id.enroll("biden", photos / "biden_1.jpg")
    with visit(window, served, expected=["409"]) as shown:
        page = shown.page
        held = []
        page.route(pattern, lambda route: held.append(route))
        begin_to_ask(shown, what, photos)
        wait_until(page, lambda: held)
        page.evaluate(f"location.hash = '#/{target}'")
        page.wait_for_selector(f".view.{target}:not([aria-busy])")
        with page.expect_response(pattern):
            held[0].fulfill(json=answer, status=answer.get("status", 200))
        page.wait_for_timeout(300)  # by then the question would have been asked
        assert not page.locator("dialog").count()
        assert not page.evaluate("document.querySelector('video')?.srcObject")
        page.unroute_all()


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_view_that_was_left_starts_no_camera(window, served, is_shown):
    """While the next view is loaded, the one before can be seen: its camera would stay on."""
    with visit(window, served) as shown:
        page, people, script = shown.page, [], []
        page.route("**/views/lab.js", lambda route: script.append(route))
        if not is_shown:  # the view before comes only when the next one is asked for already
            page.route("**/v1/people", lambda route: people.append(route))
            page.evaluate("location.hash = '#/sensitivity'")
            wait_until(page, lambda: people)
            page.evaluate("location.hash = '#/unlock'")
            wait_until(page, lambda: len(people) > 1)
        page.evaluate("location.hash = '#/lab'")
        wait_until(page, lambda: script)
        for route in people:
            route.continue_()
        start = page.wait_for_selector("text=Start the camera").bounding_box()
        page.mouse.click(start["x"] + 5, start["y"] + 5)
        assert page.locator(".view[aria-busy]").count()
        assert not page.evaluate("document.querySelector('video').srcObject")
        assert page.locator("text=The camera is off").is_visible()
        script[0].continue_()
        page.wait_for_selector(".view.lab:not([aria-busy])")
        page.click("#photos-me >> xpath=..", trial=True)  # and the new one can be used
        page.unroute_all()


def wait_until(page, is_there):
    """Wait for what a route receives."""
    for _ in range(3000):
        if is_there():
            return
        page.wait_for_timeout(20)
    pytest.fail("the page did not ask for it")


@pytest.mark.parametrize("view", ["unlock", "sensitivity", "not-me", "more", "fool"])
def test_an_unknown_person_is_nobody_else(window, served, view):
    with visit(window, served) as shown:
        shown.see(view, "Nobody")
        words = shown.page.inner_text(".view")
        assert "“Nobody” is not enrolled" in words
        assert not shown.page.locator("text=Start the camera").count()
        assert not shown.violations()


@pytest.mark.parametrize("address", ["nonsense", "constructor", "toString", "unlock/%E0%A4"])
def test_an_address_of_nothing_is_said(window, served, address):
    with visit(window, served) as shown:
        shown.page.goto(f"{served.url}/#/{address}")
        said = shown.page.wait_for_selector("text=Nothing is at this address")
        assert said.is_visible()
