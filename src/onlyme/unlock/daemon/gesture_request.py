"""Hold one request for a gesture, from the open camera to the answer.

It has two steps. The daemon draws a gesture, and the helper shows it and says so with the
request's ticket. Only frames after that count, so that nothing that the person did before can be
taken for the gesture.
"""

from __future__ import annotations

import hmac
import random
import secrets
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from onlyme.liveness.gestures import Gesture
from onlyme.unlock.daemon.cancel import CancelToken

if TYPE_CHECKING:
    from onlyme.unlock.daemon.outcome import UnlockOutcome
    from onlyme.unlock.daemon.peer import Peer

__all__ = ["GESTURES", "PROMPT_SECONDS", "GestureRequest", "draw"]

GESTURES = (Gesture.NOD, Gesture.LEFT, Gesture.RIGHT)
"""Gestures that are asked for: those in which the camera sees that the head is solid."""

PROMPT_SECONDS = 2.0
"""How long the helper may take to show the gesture: a terminal can be stopped by its owner."""


def draw() -> Gesture:
    """Draw a gesture with the system's own randomness, which no program can predict."""
    return random.SystemRandom().choice(GESTURES)


class GestureRequest:
    """One request for a gesture. The recognizer's thread asks; the event loop tells and waits.

    Args:
        peer: the helper.
        user: whose gesture.

    Attributes:
        user: whose gesture.
        ticket: with it the helper says that the gesture is shown.
        prompt: the gesture, once it was drawn.
        answer: the outcome, once it is known.
        rival: done when another program asked for the same user meanwhile.
        cancel: ends the attempt.
    """

    def __init__(self, peer: Peer, user: str) -> None:
        self.user = user
        self.prompt: Future[Gesture] = Future()
        self.answer: Future[UnlockOutcome] = Future()
        self.rival: Future[None] = Future()
        self.cancel = CancelToken()
        self._peer = peer
        self.ticket = secrets.token_hex(16)
        self._shown = threading.Event()
        self._was_told = False

    @property
    def is_open(self) -> bool:
        """Whether there is no outcome yet."""
        return not self.answer.done()

    def is_held_by(self, peer: Peer, ticket: str) -> bool:
        """Say whether this is the process that was asked for the gesture, with its ticket."""
        same = hmac.compare_digest(self.ticket.encode(), ticket.encode(errors="replace"))
        return same and peer == self._peer

    def ask(self, gesture: Gesture) -> bool:
        """Hand over the gesture, and wait until it is shown; return whether it is.

        The recognizer's thread calls it.
        """
        with suppress(InvalidStateError):
            self.prompt.set_result(gesture)
        return self._shown.wait(PROMPT_SECONDS) and not self.cancel.is_cancelled

    def acknowledge(self) -> None:
        """Take it that the gesture is shown now."""
        self._shown.set()

    def give_up(self) -> None:
        """End the attempt."""
        self.cancel.cancel()
        self._shown.set()

    def note_rival(self) -> None:
        """Remember that another program asked for the same user."""
        with suppress(InvalidStateError):
            self.rival.set_result(None)

    def must_tell_of_rival(self) -> bool:
        """Say once whether another program asked."""
        must_tell = self.rival.done() and not self._was_told
        self._was_told = self._was_told or must_tell
        return must_tell
