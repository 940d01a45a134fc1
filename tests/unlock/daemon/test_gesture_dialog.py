"""Check the talk with helpers about gestures: what is shown where, and what each one is told."""

import asyncio
import threading
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
QUESTION = {"user": USER, "service": "sudo", "asker": "owner", "command": "sudo id"}
SPARE = 30.0


class Desktop:
    """Records what is shown; takes as many notifications as it is told to."""

    def __init__(self, takes=99):
        self.shown, self.takes, self.closed = [], takes, False
        self.blocks = threading.Event()
        self.blocks.set()

    def show(self, uid, title, body, _seconds):
        self.blocks.wait(30)
        self.shown.append((uid, title, body))
        return len(self.shown) <= self.takes

    def close(self):
        self.closed = True


class Talk:
    """A dialog, a desktop, and a recognizer whose part a test plays."""

    def __init__(self, tmp_path, desktop=None):
        self.asked = []
        self._pool = ThreadPoolExecutor()
        self.settings = Settings.load(vault=tmp_path)
        self.dialog = GestureDialog(self.settings, self._submit, desktop and (lambda: desktop))

    def _submit(self, request):
        asked = request.gesture
        self.asked.append(asked)
        self._pool.submit(asked.ask, Gesture.NOD)

    def ask(self, peer=FIRST, *, terminal=True):
        request = parse_request(QUESTION | {"terminal": terminal})
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
        for terminal in (True, False):
            assert (await talk.ask(SECOND, terminal=terminal))["reason"] == "another_asks"
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


# ------------------------------------------------------------------------------- the desktop


def test_the_desktop_shows_the_command_and_the_gesture_until_the_end(tmp_path):
    desktop = Desktop()
    talk = Talk(tmp_path, desktop)

    async def go():
        asked = await talk.ask()
        while not desktop.shown:
            await asyncio.sleep(0.01)
        assert desktop.shown == [(0, "sudo asks for your face", "sudo id\n↓ nod: lower your head")]
        assert not desktop.closed
        talk.asked[0].answer.set_result(UnlockOutcome(Reason.MATCH))
        assert (await talk.wait(asked["ticket"]))["accepted"]
        assert desktop.closed

    asyncio.run(go())


def test_a_slow_desktop_does_not_keep_the_terminal_waiting(tmp_path):
    desktop = Desktop()
    desktop.blocks.clear()
    talk = Talk(tmp_path, desktop)

    async def go():
        assert (await talk.ask())["reason"] == "gesture"
        assert not desktop.shown
        desktop.blocks.set()
        while talk.dialog._showing:
            await asyncio.sleep(0.01)

    asyncio.run(go())


def test_without_a_terminal_the_desktop_is_asked_before_a_gesture_is_drawn(tmp_path):
    talk = Talk(tmp_path, Desktop(takes=0))

    async def go():
        assert (await talk.ask(terminal=False))["reason"] == "no_prompt"
        assert not talk.asked
        assert (await talk.ask(terminal=True))["reason"] == "gesture"

    asyncio.run(go())


@pytest.mark.parametrize(("takes", "notified"), [(2, True), (1, False)])
def test_without_a_terminal_the_helper_learns_whether_the_desktop_shows_it(
    tmp_path, takes, notified
):
    """A desktop that takes the announcement and not the gesture has seen the gesture: it counts."""
    talk = Talk(tmp_path, Desktop(takes))

    async def go():
        asked = await talk.ask(terminal=False)
        assert (asked["reason"], asked["notified"]) == ("gesture", notified)
        assert len(talk.asked) == 1

    asyncio.run(go())


def test_without_any_desktop_there_is_no_prompt(talk):
    async def go():
        assert (await talk.ask(terminal=False))["reason"] == "no_prompt"
        assert not talk.asked

    asyncio.run(go())
