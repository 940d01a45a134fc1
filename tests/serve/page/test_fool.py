"""The game of fooling one's own camera: attack after attack, a card, and nothing that opens."""

import json

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import InvalidStatus

from onlyme.evaluate.score_card import ATTACKS, LIVE, make_score_card
from tests.serve.browsing import visit
from tests.serve.live.streaming import open_stream

EMPTY = {"count": 0, "total": 0, "value": None, "low": 0.0, "high": 1.0}


def read_tries(served):
    """What a game must not change: the tries of all, and the lines of the log."""
    with served.open_admin() as admin:
        tries = {str(key): each.tries for key, each in admin.gate.allowances().items()}
        return tries, sum(entry.event == "attempt" for entry in admin.gate.audit.entries())


def save(page, words):
    with page.expect_download() as saved:
        page.click(f"text={words}")
    return saved.value.path()


def test_a_film_of_a_photo_is_an_attack_that_opens_nothing_and_counts_for_nobody(window, served):
    before = read_tries(served)
    with visit(window, served) as shown:
        page = shown.page
        shown.see("fool", "obama")
        assert page.locator(".rounds li").count() == len(ATTACKS)
        page.click("text=Skip this round")  # that of the owner, who is not here
        page.wait_for_selector("h2:has-text('2 of 7: Phone')")
        assert not page.is_visible(".score-card")
        page.click("text=Start this round")
        page.wait_for_selector(".note:has-text('Attempt 1 of 5')")
        assert page.locator(".life .level").get_attribute("class") != "level "
        assert page.locator(".timeline .line").get_attribute("d"), "each picture moves the line"
        page.wait_for_selector("h2:has-text('3 of 7: Tablet')")
        page.wait_for_selector(".rounds .good:has-text('0 of 5 (0 % to 52 %)')")
        shown.keep("fool-played")
        assert not shown.violations()
        card = json.loads(save(page, "Save as JSON").read_text("utf-8"))
        picture = Image.open(save(page, "Save as a picture"))
        for _ in range(5):
            page.click("text=Skip this round")
        page.wait_for_selector("h2:has-text('All rounds are over')")
        assert not page.is_visible("text=Start this round")
        page.click("text=Begin again")
        page.wait_for_selector("h2:has-text('1 of 7: You')")
        assert not page.is_visible(".score-card")
    skipped, phone = card["stages"]
    assert (skipped["stage"], skipped["attempts"], skipped["rate"]) == (LIVE, 0, EMPTY)
    assert (phone["stage"], phone["attempts"], phone["opened"]) == ("phone", 5, 0)
    assert len(phone["scores"]) == 5
    assert card == make_score_card("obama", card["stages"], card["created"])
    assert picture.format == "PNG"
    assert len(np.unique(np.asarray(picture.convert("L").resize((200, 100))))) > 20
    assert read_tries(served) == before


def test_a_camera_that_was_fooled_says_so_on_its_card(window, served):
    """The stream says what a worse camera would have said."""
    rate = {"count": 3, "total": 5, "value": 0.6, "low": 0.147, "high": 0.947}
    outcome = {"stage": "phone", "attempts": 5, "recognised": 5, "opened": 3, "rate": rate}
    with visit(window, served) as shown:
        page = shown.page
        page.add_init_script(
            """window.WebSocket = class extends EventTarget {
              constructor() { super(); this.readyState = 1; window.line = this;
                setTimeout(() => this.dispatchEvent(new Event("open"))); }
              send() {} close() {} static OPEN = 1; };"""
        )
        page.reload()
        shown.see("fool", "obama")
        page.click("text=Skip this round")
        page.click("text=Start this round")
        page.wait_for_selector(".prompt:has-text('Loading')")
        message = {"is": "played", "outcome": outcome | {"reasons": ["match"], "scores": [0.9] * 5}}
        page.evaluate(
            """message => window.line.dispatchEvent(
                 new MessageEvent("message", { data: JSON.stringify(message) }))""",
            message,
        )
        page.wait_for_selector(".rounds .bad:has-text('3 of 5')")
        assert "was fooled" in page.get_attribute(".score-card", "aria-label")
        assert json.loads(save(page, "Save as JSON").read_text("utf-8"))["fooled"] is True
        shown.keep("fool-fooled")
        assert not shown.violations()


@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics"])
def test_no_token_plays_it_since_no_try_is_counted(served, scope):
    for path in ("", "/rate?count=0&total=1"):
        assert served.client(scope).get(f"/v1/service/fool-me{path}").status_code == 403
    with (
        pytest.raises(InvalidStatus) as refused,
        open_stream(served, "/service/fool-me/obama/watch?stage=phone", scope),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("stage", ["", "anything"])
def test_there_is_no_other_stage(window, served, stage):
    with visit(window, served, expected=["WebSocket"]) as shown:
        ended = shown.page.evaluate(
            """stage => new Promise(resolve => {
              const path = `${location.host}/v1/service/fool-me/obama/watch?stage=${stage}`;
              new WebSocket(`ws://${path}`).addEventListener("close", resolve); })
              .then(() => "closed")""",
            stage,
        )
        assert ended == "closed"
