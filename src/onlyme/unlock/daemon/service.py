"""Questions come in, each with who asks; answers go out. What the daemon does, without HTTP."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import OnlymeError, UsageError
from onlyme.types import Reason, check_name
from onlyme.unlock.daemon.changes import Desk
from onlyme.unlock.daemon.malloc import let_go
from onlyme.unlock.daemon.outcome import Outcome, Why, of_error
from onlyme.unlock.daemon.recognizer import NOBODY, Eye, Look
from onlyme.unlock.daemon.refusals import Asker, Refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from onlyme.settings import Settings
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]
    Waits = Coroutine[Any, Any, None]

__all__ = ["NotAllowed", "Service"]

_log = logging.getLogger("onlyme")

_SPARE = 0.1  # seconds of a deadline that are left for the answer's way
_LONGEST = 10.0  # seconds that anybody may have the camera
_PENDING = 2  # looks that a user may wait for: nobody can keep it from others for long
_UNSEEN = {Why.CONFIRM, Why.ASKED_ALREADY, Why.LID_CLOSED, Why.CAMERA_HANGS, Reason.LOCKED_OUT}
"""Reasons for which nobody was looked at."""


class NotAllowed(Exception):  # noqa: N818 - a state, read as one in `except NotAllowed`
    """Somebody asked about somebody else."""


class _Question(NamedTuple):
    user: str
    service: str
    seconds: float
    confirmed: bool


class Service:
    """Answers questions about attempts, and makes changes.

    Looking and changing have a thread each: nobody waits at a login while somebody enrolls.

    Args:
        settings: of the system.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.eye = Eye(settings)
        self.desk = Desk(settings)
        self.refusals = Refusals()
        self._looking = ThreadPoolExecutor(1, "onlyme-eye")
        self._changing = ThreadPoolExecutor(1, "onlyme-desk")
        self._looks: set[Look] = set()
        services = settings.unlock_confirm.split(",")
        self._confirm = {name.strip() for name in services} - {""}

    def warm_up(self) -> str:
        """Load everything; return a sentence about what cannot be used, if there is anything."""
        return self._looking.submit(self.eye.warm_up).result()

    def close(self) -> None:
        """Let go of camera and vault; changes that have begun are finished."""
        for look in list(self._looks):
            look.give_up()
        self._looking.submit(self.eye.close)
        self._looking.shutdown()
        self._changing.shutdown(cancel_futures=True)

    async def alive(self) -> None:
        """Return when the eye has nothing else to do; a hung one never returns."""
        await asyncio.get_running_loop().run_in_executor(self._looking, lambda: None)

    async def attempt(self, peer: Peer, document: Document, gone: Callable[[], Waits]) -> Document:
        """Look for a user, if nothing speaks against it, until the deadline or nobody waits.

        Args:
            peer: who asks.
            document: `user`, `service`, `seconds`, `confirmed`.
            gone: waits until whoever asked has left.

        Raises:
            NotAllowed: the peer may not ask about this user.
            UsageError: the question makes no sense.
        """
        question = _parsed(document)
        _allow(peer, question.user)
        asker = _asker(peer, question)
        if asker and self.refusals.had_its_turn(asker, confirmed=question.confirmed):
            return Outcome(Why.ASKED_ALREADY).to_json()
        if question.service in self._confirm and not question.confirmed:
            obstacle = await self._obstacle(question.user)
            outcome = obstacle or Outcome(Why.CONFIRM)
            if asker:
                self.refusals.add(asker, asked=outcome.reason is Why.CONFIRM)
            return outcome.to_json() | {"seconds": self.settings.unlock_confirm_seconds}
        if not peer.is_root and sum(look.user == question.user for look in self._looks) >= _PENDING:
            return Outcome(Why.CAMERA, "the camera is in use by other logins").to_json()
        told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        look = Look(question.user, max(0.05, question.seconds - _SPARE), _teller(told))
        outcome = await self._looked(look, told, gone)
        if asker and outcome.accepted:
            self.refusals.take(asker)
        elif asker:
            looked = outcome.reason not in _UNSEEN
            self.refusals.add(asker, looked=looked, vector=look.vector)
        return outcome.to_json()

    async def password_used(self, peer: Peer, document: Document) -> Document:
        """Let a face try again if this run of a program was let in by the password.

        Raises:
            NotAllowed: only root can vouch for that.
            UsageError: the question makes no sense.
        """
        question = _parsed(document)
        if not peer.is_root:
            raise NotAllowed("only root can say that the password was used")
        asker = _asker(peer, question)
        refused = self.refusals.take(asker) if asker else None
        if refused is not None:
            await asyncio.get_running_loop().run_in_executor(
                self._changing, self.desk.password_was_used, question.user, refused.vector
            )
        return {"reset": refused is not None}

    async def change(self, peer: Peer, what: str, document: Document) -> Document:
        """Make a change; see `Desk.change`.

        Raises:
            NotAllowed: the peer may not ask about this user.
            OnlymeError: it was not made.
        """
        user = _user(document)
        _allow(peer, user)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._changing, self.desk.change, peer, what, user, document
            )
        finally:
            self._changing.submit(let_go)

    async def status(self, peer: Peer, document: Document) -> Document:
        """Say what the next attempt of a user would come to, as far as can be known.

        Raises:
            NotAllowed: the peer may not ask about this user.
            UsageError: the question makes no sense.
        """
        question = _parsed(document)
        _allow(peer, question.user)
        obstacle = await self._obstacle(question.user)
        answer = obstacle.to_json() if obstacle else Outcome(Reason.MATCH).to_json()
        return {
            "ready": obstacle is None,
            "reason": "ready" if obstacle is None else answer["reason"],
            "message": answer["message"],
            "confirm": question.service in self._confirm,
            "camera": self.settings.camera,
        }

    # ------------------------------------------------------------------ within

    async def _obstacle(self, user: str) -> Outcome | None:
        return await asyncio.get_running_loop().run_in_executor(self._looking, self._met, user)

    def _met(self, user: str) -> Outcome | None:
        try:
            obstacle = self.eye.obstacle(user)
            if obstacle is None:
                self.eye.check_camera()
        except OnlymeError as error:
            return of_error(error)
        return obstacle

    def _look(self, look: Look) -> None:
        try:
            self.eye.look(look)
        except Exception:  # noqa: BLE001 - a defect is a no, and the daemon goes on
            _log.exception("looking failed")
            look.tell(Outcome(Why.FAILED))

    async def _looked(
        self,
        look: Look,
        told: asyncio.Future[Outcome],
        gone: Callable[[], Waits],
    ) -> Outcome:
        left = asyncio.create_task(gone())
        self._looking.submit(self._look, look)
        self._looks.add(look)
        try:
            either: list[asyncio.Future[Any]] = [left, told]
            await asyncio.wait(either, timeout=look.left, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                return told.result()
            # Whatever it decides from now on comes too late.
            return Outcome(look.reason if look.reason in NOBODY else Why.TIMEOUT)
        finally:
            look.give_up()
            left.cancel()
            self._looks.discard(look)
            self._looking.submit(let_go)


def _teller(told: asyncio.Future[Outcome]) -> Callable[[Outcome], None]:
    """Return what tells a future of the event loop from another thread; the first word counts."""

    def first(outcome: Outcome) -> None:
        if not told.done():
            told.set_result(outcome)

    def tell(outcome: Outcome) -> None:
        with suppress(RuntimeError):  # the daemon stops, and nobody waits any more
            told.get_loop().call_soon_threadsafe(first, outcome)

    return tell


def _allow(peer: Peer, user: str) -> None:
    if not peer.may_ask_for(user):
        raise NotAllowed("you may ask about yourself only")


def _asker(peer: Peer, question: _Question) -> Asker | None:
    application = peer.application()
    return Asker(question.user, question.service, application) if application else None


def _parsed(document: Document) -> _Question:
    service, seconds = document.get("service", ""), document.get("seconds", _LONGEST)
    confirmed = document.get("confirmed", False)
    if not isinstance(service, str) or len(service) > 64 or not isinstance(confirmed, bool):
        raise UsageError("service is a short word, and confirmed true or false")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise UsageError("seconds is a number above 0")
    return _Question(_user(document), service, min(float(seconds), _LONGEST), confirmed)


def _user(document: Document) -> str:
    user = document.get("user")
    if not isinstance(user, str):
        raise UsageError("user is the name of a user")
    return check_name(user)
