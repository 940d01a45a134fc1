"""Talk with helpers about gestures: ask for one, and wait for what comes of it.

A helper asks in a first request, and its answer holds the gesture. The helper shows the gesture and
says so in a second request, whose answer is the outcome. One request per user is open at a time: a
program that asks meanwhile is refused at once, and the first prompt says so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from onlyme.liveness.gestures import make_gesture_prompt
from onlyme.unlock.daemon.gesture_request import PROMPT_SECONDS, GestureRequest
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason
from onlyme.unlock.daemon.recognizer import RecognitionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from onlyme.settings import Settings
    from onlyme.unlock.daemon.attempt_request import AttemptRequest
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]
    WaitUntilGone = Callable[[], Coroutine[Any, Any, None]]

__all__ = ["GestureDialog"]

_SPARE_SECONDS = 1.0  # for the last decision and its answer


class GestureDialog:
    """Holds the requests for gestures: at most one that is open for each user.

    Args:
        settings: of the system.
        submit: lets the recognizer's thread make an attempt.
    """

    def __init__(self, settings: Settings, submit: Callable[[RecognitionRequest], None]) -> None:
        self._seconds = settings.unlock_gesture_seconds
        self._submit = submit
        self._requests: dict[str, GestureRequest] = {}

    def close(self) -> None:
        """End all requests."""
        for request in self._requests.values():
            request.give_up()

    async def ask(
        self, peer: Peer, request: AttemptRequest, seconds: float, wait_until_gone: WaitUntilGone
    ) -> Document:
        """Draw a gesture and return it, or the reason why none is asked for.

        Args:
            peer: the helper.
            request: what it asks for.
            seconds: until the gesture must be drawn.
            wait_until_gone: waits until the helper has left.
        """
        held = self._requests.get(request.user)
        if held is not None and held.is_open:
            held.note_rival()
            return UnlockOutcome(UnlockReason.ANOTHER_ASKS).to_json()
        if not request.can_show:  # before one is drawn
            return UnlockOutcome(UnlockReason.NO_PROMPT).to_json()
        asked = self._requests[request.user] = GestureRequest(peer, request.user)
        self._submit(RecognitionRequest.within(request.user, seconds, asked))
        await _wait([asked.prompt, asked.answer], seconds, wait_until_gone)
        if not asked.prompt.done():
            asked.give_up()
            return self._end(asked)
        arrow, words = make_gesture_prompt(asked.prompt.result())
        limit = PROMPT_SECONDS + self._seconds + 2 * _SPARE_SECONDS
        return UnlockOutcome(UnlockReason.GESTURE).to_json() | {
            "ticket": asked.ticket,
            "arrow": arrow,
            "words": words,
            "seconds": limit,
        }

    async def wait(self, peer: Peer, ticket: str, wait_until_gone: WaitUntilGone) -> Document:
        """Take it that a gesture is shown now, and return what comes of it.

        Args:
            peer: the helper.
            ticket: the one that came with the gesture.
            wait_until_gone: waits until the helper has left.
        """
        held = (one for one in self._requests.values() if one.is_held_by(peer, ticket))
        asked = next(held, None)
        if asked is None:
            return UnlockOutcome(UnlockReason.NOT_SHOWN).to_json()
        asked.acknowledge()
        news: list[Future[Any]] = [] if asked.rival.done() else [asked.rival]
        if not asked.must_tell_of_rival():
            limit = self._seconds + _SPARE_SECONDS
            await _wait([asked.answer, *news], limit, wait_until_gone)
            if not asked.is_open or not asked.must_tell_of_rival():
                asked.give_up()
                return self._end(asked)
        return UnlockOutcome(UnlockReason.RIVAL).to_json()

    def _end(self, asked: GestureRequest) -> Document:
        """Return the outcome, which can be fetched once."""
        if self._requests.get(asked.user) is asked and not asked.is_open:
            del self._requests[asked.user]
        if asked.is_open:
            return UnlockOutcome(UnlockReason.TIMEOUT).to_json()
        return asked.answer.result().to_json()


async def _wait(futures: list[Future[Any]], seconds: float, wait_until_gone: WaitUntilGone) -> None:
    """Wait until one of some futures is done, the peer has left, or the time is over."""
    gone = asyncio.create_task(wait_until_gone())
    try:
        # They are not cancelled afterwards: later requests wait for them, too.
        awaited: list[asyncio.Future[Any]] = [gone, *map(asyncio.wrap_future, futures)]
        await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
