"""Check the talk with helpers about gestures: what is shown where, and what each one is told."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from onlyme.liveness.gestures import Gesture
from onlyme.settings import Settings
from onlyme.types import Reason
from onlyme.unlock.daemon.attempt_request import parse_request
from onlyme.unlock.daemon.gesture_dialog import GestureDialog
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason
from onlyme.unlock.daemon.peer import Peer

FIRST, SECOND = Peer(7, 0, 0), Peer(8, 0, 0)
USER = "root"  # a user that every Linux has
QUESTION = {"user": USER, "service": "sudo", "asker": "owner"}
SPARE = 30.0


class Talk:
    """A dialog, and a recognizer whose part a test plays."""

    def __init__(self, tmp_path):
        self.asked = []
        self._pool = ThreadPoolExecutor()
        self.settings = Settings.load(vault=tmp_path)
        self.dialog = GestureDialog(self.settings, self._submit)

    def _submit(self, request):
        asked = request.gesture
        self.asked.append(asked)
        self._pool.submit(asked.ask, Gesture.NOD)

    def ask(self, peer=FIRST, *, can_show=True):
        request = parse_request(QUESTION | {"can_show": can_show})
        return self.dialog.ask(peer, request, SPARE, stay)

    def wait(self, ticket, peer=FIRST, wait_until_gone=None):
        return self.dialog.wait(peer, ticket, wait_until_gone or stay)


async def stay():
    """Wait for a helper that does not leave."""
    await asyncio.sleep(SPARE)


async def leave():
    """Wait for a helper that leaves."""


@pytest.fixture
def talk(tmp_path):
    return Talk(tmp_path)


def test_the_outcome_is_told_once(talk):
    async def go():
        asked = await talk.ask()
        assert (asked["reason"], asked["accepted"]) == ("gesture", False)
        assert asked["words"] == "nod: lower your head"
        waiting = asyncio.create_task(talk.wait(asked["ticket"]))
        await asyncio.sleep(0.05)
        talk.asked[0].answer.set_result(UnlockOutcome(Reason.MATCH))
        assert (await waiting)["accepted"]
        assert (await talk.wait(asked["ticket"]))["reason"] == "not_shown"

    asyncio.run(go())


def test_a_rival_is_refused_and_told_of_once(talk):
    async def go():
        asked = await talk.ask()
        waiting = asyncio.create_task(talk.wait(asked["ticket"]))
        await asyncio.sleep(0.05)
        for can_show in (True, False):
            assert (await talk.ask(SECOND, can_show=can_show))["reason"] == "another_asks"
        assert (await waiting)["reason"] == "rival"
        assert len(talk.asked) == 1
        # It may end while the helper shows that: the outcome is not lost.
        talk.asked[0].answer.set_result(UnlockOutcome(Reason.MATCH))
        assert not (await talk.wait(asked["ticket"], SECOND))["accepted"]
        assert (await talk.wait(asked["ticket"]))["accepted"]

    asyncio.run(go())


def test_a_rival_that_came_before_the_prompt_was_shown_is_told_of(talk):
    async def go():
        asked = await talk.ask()
        await talk.ask(SECOND)
        assert (await talk.wait(asked["ticket"]))["reason"] == "rival"

    asyncio.run(go())


def test_after_its_end_the_next_may_ask(talk):
    async def go():
        await talk.ask()
        talk.asked[0].answer.set_result(UnlockOutcome(Reason.NO_GESTURE))
        assert (await talk.ask(SECOND))["reason"] == "gesture"

    asyncio.run(go())


def test_a_helper_that_leaves_ends_the_attempt(talk):
    async def go():
        asked = await talk.ask()
        answer = await talk.wait(asked["ticket"], wait_until_gone=leave)
        assert not answer["accepted"]
        assert talk.asked[0].cancel.is_cancelled

    asyncio.run(go())


def test_an_obstacle_is_told_in_place_of_a_gesture(talk, monkeypatch):
    def find_obstacle(request):
        request.gesture.answer.set_result(UnlockOutcome(UnlockReason.LID_CLOSED))

    async def go():
        assert (await talk.ask())["reason"] == "lid_closed"

    talk.dialog._submit = find_obstacle
    asyncio.run(go())


def test_where_it_cannot_be_shown_no_gesture_is_drawn(talk):
    async def go():
        assert (await talk.ask(can_show=False))["reason"] == "no_prompt"
        assert not talk.asked
        assert (await talk.ask())["reason"] == "gesture"

    asyncio.run(go())
