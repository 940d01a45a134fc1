"""Addresses and Back: a question ends with its view, and nobody else is shown."""

import pytest

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


@pytest.mark.parametrize("view", ["unlock", "sensitivity", "not-me", "more"])
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
