"""Questions come in, each with who asks; answers go out. What the daemon does, without HTTP."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import OnlymeError, UsageError
from onlyme.types import Reason, checked_name
from onlyme.unlock.daemon.changes import ChangeHandler
from onlyme.unlock.daemon.malloc import release_memory
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason, make_outcome
from onlyme.unlock.daemon.recognizer import NO_SUBJECT_REASONS, RecognitionRequest, Recognizer
from onlyme.unlock.daemon.refusals import ProgramRun, Refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from onlyme.settings import Settings
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]
    Waits = Coroutine[Any, Any, None]

__all__ = ["AccessDeniedError", "UnlockService"]

_log = logging.getLogger("onlyme")

_REPLY_SECONDS = 0.1  # seconds of a deadline that are left for the answer's way
_MAX_ATTEMPT_SECONDS = 10.0  # seconds that anybody may have the camera
_MAX_WAITING_REQUESTS = 2  # looks that a user may wait for: nobody can keep it from others for long
_UNSEEN_REASONS = {
    UnlockReason.CONFIRM,
    UnlockReason.ASKED_ALREADY,
    UnlockReason.LID_CLOSED,
    UnlockReason.CAMERA_HANGS,
    Reason.LOCKED_OUT,
}
"""Reasons for which nobody was looked at."""


class AccessDeniedError(Exception):
    """Somebody asked about somebody else."""


class _AttemptRequest(NamedTuple):
    user: str
    service: str
    seconds: float
    confirmed: bool


class UnlockService:
    """Answers questions about attempts, and makes changes.

    Looking and changing have a thread each: nobody waits at a login while somebody enrolls.

    Args:
        settings: of the system.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.eye = Recognizer(settings)
        self.desk = ChangeHandler(settings)
        self.refusals = Refusals()
        self._looking = ThreadPoolExecutor(1, "onlyme-eye")
        self._changing = ThreadPoolExecutor(1, "onlyme-desk")
        self._looks: set[RecognitionRequest] = set()
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

    async def wait_until_idle(self) -> None:
        """Return when the eye has nothing else to do; a hung one never returns."""
        await asyncio.get_running_loop().run_in_executor(self._looking, lambda: None)

    async def attempt(
        self, peer: Peer, document: Document, wait_until_gone: Callable[[], Waits]
    ) -> Document:
        """Look for a user, if nothing speaks against it, until the deadline or nobody waits.

        Args:
            peer: who asks.
            document: `user`, `service`, `seconds`, `confirmed`.
            wait_until_gone: waits until whoever asked has left.

        Raises:
            NotAllowed: the peer may not ask about this user.
            UsageError: the question makes no sense.
        """
        question = _parse_request(document)
        _require_access(peer, question.user)
        asker = _find_run(peer, question)
        if asker and self.refusals.must_refuse(asker, confirmed=question.confirmed):
            return UnlockOutcome(UnlockReason.ASKED_ALREADY).to_json()
        if question.service in self._confirm and not question.confirmed:
            obstacle = await self._find_obstacle(question.user)
            outcome = obstacle or UnlockOutcome(UnlockReason.CONFIRM)
            if asker:
                self.refusals.add(asker, asked=outcome.reason is UnlockReason.CONFIRM)
            return outcome.to_json() | {"seconds": self.settings.unlock_confirm_seconds}
        if (
            not peer.is_root
            and sum(look.user == question.user for look in self._looks) >= _MAX_WAITING_REQUESTS
        ):
            return UnlockOutcome(
                UnlockReason.CAMERA, "the camera is in use by other logins"
            ).to_json()
        told: asyncio.Future[UnlockOutcome] = asyncio.get_running_loop().create_future()
        look = RecognitionRequest(
            question.user, max(0.05, question.seconds - _REPLY_SECONDS), _make_teller(told)
        )
        outcome = await self._wait_for_outcome(look, told, wait_until_gone)
        if asker and outcome.accepted:
            self.refusals.take(asker)
        elif asker:
            looked = outcome.reason not in _UNSEEN_REASONS
            self.refusals.add(asker, looked=looked, vector=look.vector)
        return outcome.to_json()

    async def reset_after_password(self, peer: Peer, document: Document) -> Document:
        """Let a face try again if this run of a program was let in by the password.

        Raises:
            NotAllowed: only root can vouch for that.
            UsageError: the question makes no sense.
        """
        question = _parse_request(document)
        if not peer.is_root:
            raise AccessDeniedError("only root can say that the password was used")
        asker = _find_run(peer, question)
        refused = self.refusals.take(asker) if asker else None
        if refused is not None:
            await asyncio.get_running_loop().run_in_executor(
                self._changing, self.desk.reset_after_password, question.user, refused.vector
            )
        return {"reset": refused is not None}

    async def change(self, peer: Peer, what: str, document: Document) -> Document:
        """Make a change; see `Desk.change`.

        Raises:
            NotAllowed: the peer may not ask about this user.
            OnlymeError: it was not made.
        """
        user = _read_user(document)
        _require_access(peer, user)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._changing, self.desk.change, peer, what, user, document
            )
        finally:
            self._changing.submit(release_memory)

    async def report_status(self, peer: Peer, document: Document) -> Document:
        """Say what the next attempt of a user would come to, as far as can be known.

        Raises:
            NotAllowed: the peer may not ask about this user.
            UsageError: the question makes no sense.
        """
        question = _parse_request(document)
        _require_access(peer, question.user)
        obstacle = await self._find_obstacle(question.user)
        answer = obstacle.to_json() if obstacle else UnlockOutcome(Reason.MATCH).to_json()
        return {
            "ready": obstacle is None,
            "reason": "ready" if obstacle is None else answer["reason"],
            "message": answer["message"],
            "confirm": question.service in self._confirm,
            "camera": self.settings.camera,
        }

    # ------------------------------------------------------------------ within

    async def _find_obstacle(self, user: str) -> UnlockOutcome | None:
        return await asyncio.get_running_loop().run_in_executor(
            self._looking, self._check_user, user
        )

    def _check_user(self, user: str) -> UnlockOutcome | None:
        try:
            obstacle = self.eye.find_obstacle(user)
            if obstacle is None:
                self.eye.check_camera()
        except OnlymeError as error:
            return make_outcome(error)
        return obstacle

    def _look(self, look: RecognitionRequest) -> None:
        try:
            self.eye.look(look)
        except Exception:  # noqa: BLE001 - a defect is a no, and the daemon goes on
            _log.exception("looking failed")
            look.tell(UnlockOutcome(UnlockReason.FAILED))

    async def _wait_for_outcome(
        self,
        look: RecognitionRequest,
        outcome_future: asyncio.Future[UnlockOutcome],
        wait_until_gone: Callable[[], Waits],
    ) -> UnlockOutcome:
        left = asyncio.create_task(wait_until_gone())
        self._looking.submit(self._look, look)
        self._looks.add(look)
        try:
            either: list[asyncio.Future[Any]] = [left, outcome_future]
            await asyncio.wait(either, timeout=look.left, return_when=asyncio.FIRST_COMPLETED)
            if outcome_future.done():
                return outcome_future.result()
            # Whatever it decides from now on comes too late.
            return UnlockOutcome(
                look.reason if look.reason in NO_SUBJECT_REASONS else UnlockReason.TIMEOUT
            )
        finally:
            look.give_up()
            left.cancel()
            self._looks.discard(look)
            self._looking.submit(release_memory)


def _make_teller(outcome_future: asyncio.Future[UnlockOutcome]) -> Callable[[UnlockOutcome], None]:
    """Return what tells a future of the event loop from another thread; the first word counts."""

    def set_once(outcome: UnlockOutcome) -> None:
        if not outcome_future.done():
            outcome_future.set_result(outcome)

    def tell(outcome: UnlockOutcome) -> None:
        with suppress(RuntimeError):  # the daemon stops, and nobody waits any more
            outcome_future.get_loop().call_soon_threadsafe(set_once, outcome)

    return tell


def _require_access(peer: Peer, user: str) -> None:
    if not peer.may_ask_for(user):
        raise AccessDeniedError("you may ask about yourself only")


def _find_run(peer: Peer, question: _AttemptRequest) -> ProgramRun | None:
    application = peer.application()
    return ProgramRun(question.user, question.service, application) if application else None


def _parse_request(document: Document) -> _AttemptRequest:
    service, seconds = document.get("service", ""), document.get("seconds", _MAX_ATTEMPT_SECONDS)
    confirmed = document.get("confirmed", False)
    if not isinstance(service, str) or len(service) > 64 or not isinstance(confirmed, bool):
        raise UsageError("service is a short word, and confirmed true or false")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise UsageError("seconds is a number above 0")
    return _AttemptRequest(
        _read_user(document), service, min(float(seconds), _MAX_ATTEMPT_SECONDS), confirmed
    )


def _read_user(document: Document) -> str:
    user = document.get("user")
    if not isinstance(user, str):
        raise UsageError("user is the name of a user")
    return checked_name(user)
