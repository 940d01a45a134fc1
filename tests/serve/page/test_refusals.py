"""Refusals: only what is accepted is green, and the last try and a slow line are said."""

import re

import pytest

from tests.serve.browsing import visit
from tests.serve.page.readings import decide, list_readings, render_attempt

REFUSED = [
    ("not_live", "passive", "attack"),
    ("liveness_undecided", "passive", "undecided"),
    ("liveness_undecided", "challenge", "undecided"),
    ("not_attentive", "passive", "live"),
    ("no_gesture", "passive", "live"),
    ("poor_quality", "passive", "live"),
]


@pytest.mark.parametrize(("reason", "level", "verdict"), REFUSED)
def test_only_what_is_accepted_is_green(watched, reason, level, verdict):
    page = watched.page
    render_attempt(watched, decide(reason, level=level, verdict=verdict))
    page.wait_for_selector(".pill:visible")
    assert not page.locator(".meter .margin.over").count()
    assert page.locator(".stage[data-verdict=yes]").count() == 0
    assert "refused" in page.get_attribute(".meter", "aria-label")
    living = page.inner_text(".facts div:has(dt:text-is('A living person')) dd")
    assert (
        living
        == {"live": "Yes.", "attack": "No: a photo or a screen.", "undecided": "Not sure."}[verdict]
    )
    if level == "challenge":
        assert "as asked" in page.inner_text(".pill")
    assert not re.search(r"[?!.]\.", page.inner_text("#announcer"))
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".meter .margin.over")


def test_a_failed_movement_is_not_shown_in_the_colour_of_a_yes(watched):
    colours = {}
    for arrow in "✗✓←":
        watched.page.evaluate(
            """(arrow) => window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
              { data: JSON.stringify({ is: "ask", arrow, words: "look up" }) }))""",
            arrow,
        )
        watched.page.wait_for_selector(f".arrow:text-is('{arrow}')")
        colours[arrow] = watched.page.eval_on_selector(
            ".arrow", "one => getComputedStyle(one).color"
        )
    assert len(set(colours.values())) == 3, colours


def test_the_last_try_is_warned_of_before_it_is_made(watched):
    render_attempt(watched, decide("no_match", margin=-0.2), {"tries": 2, "of": 5, "wait": 0})
    watched.page.wait_for_selector(".facts:has-text('2 tries left')")
    assert not watched.page.is_visible(".last-try")
    render_attempt(watched, decide("no_match", margin=-0.2), {"tries": 1, "of": 5, "wait": 0})
    watched.page.wait_for_selector(".last-try:has-text('the last try')")
    watched.hears("the last try")
    assert watched.page.is_visible(".note:has-text('Last try')")
    assert not watched.violations()


def test_the_last_try_is_said_before_it_begins(watched):
    """Tries may have failed before the page was opened, and one may be all there is."""
    watched.page.evaluate(
        """() => window.sockets.at(-1).dispatchEvent(new MessageEvent("message", {
          data: JSON.stringify({ is: "ready", gate: { tries: 1, of: 1, wait: 0 } }) }))"""
    )
    watched.page.wait_for_selector(".last-try:has-text('the last try')")
    watched.hears("the last try")
    assert watched.page.is_visible(".last-try")


def test_a_slow_line_is_said_and_costs_one_try(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.add_init_script(
            """const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
              this.next = Math.max(performance.now(), this.next ?? 0) + 600;
              const later = () => this.readyState === 1 && send.call(this, data);
              setTimeout(later, this.next - performance.now()); };"""
        )
        page.reload()
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        note = page.wait_for_selector(".note:has-text('pictures a second')")
        assert note.is_visible()


def test_a_slow_line_costs_one_try_and_says_that_it_is_slow(watched):
    page = watched.page
    for number in range(1, 7):  # 500 ms apart, so two a second
        page.evaluate(
            """(taken) => { const now = performance.now; performance.now = () => 1000 + 500 * taken;
              window.sockets.at(-1).dispatchEvent(new MessageEvent("message", {
                data: JSON.stringify(
                { is: "look", box: null, reason: null, rate: 2, taken, margin: 0.4 }) }));
              performance.now = now; }""",
            number,
        )
    page.wait_for_selector(".note:has-text('2 pictures a second')")
    render_attempt(watched, decide("liveness_undecided", verdict="undecided"))
    page.wait_for_selector("h2:text-is('The line is too slow')")
    assert list_readings(page) == []
    assert page.is_visible("text=Try again")
    assert not watched.violations()


def test_a_gate_that_closes_takes_the_verdict_with_it(watched):
    page = watched.page
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".stage[data-verdict=yes]")
    page.evaluate(
        """() => window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
          { data: JSON.stringify({ is: "closed", gate: { tries: 0, of: 5, wait: 299 } }) }))"""
    )
    page.wait_for_selector(".countdown")
    assert list_readings(page) == []
    assert "closed for" in page.inner_text(".facts")
