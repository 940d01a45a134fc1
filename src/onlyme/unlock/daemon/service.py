"""Answer the questions that come to the daemon, each with who asks, without HTTP."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import OnlymeError, UsageError
from onlyme.types import Reason, checked_name
from onlyme.unlock.daemon.changes import ChangeHandler
from onlyme.unlock.daemon.malloc import release_memory
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason, make_outcome
from onlyme.unlock.daemon.recognizer import (
    NO_SUBJECT_REASONS,
    CancelToken,
    Recognition,
    RecognitionRequest,
    Recognizer,
)
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
_MIN_ATTEMPT_SECONDS = 0.05
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
        self.recognizer = Recognizer(settings)
        self.changes = ChangeHandler(settings)
        self.refusals = Refusals()
        self._looking = ThreadPoolExecutor(1, "onlyme-recognizer")
        self._changing = ThreadPoolExecutor(1, "onlyme-changes")
        self._requests: dict[CancelToken, RecognitionRequest] = {}
        services = settings.unlock_confirm.split(",")
        self._confirm = {name.strip() for name in services} - {""}

    def warm_up(self) -> str:
        """Load everything; return a sentence about what cannot be used, if there is anything."""
        return self._looking.submit(self.recognizer.warm_up).result()

    def close(self) -> None:
        """Let go of camera and vault; changes that have begun are finished."""
        for cancel in list(self._requests):
            cancel.cancel()
        self._looking.submit(self.recognizer.close)
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
            and sum(one.user == question.user for one in self._requests.values())
            >= _MAX_WAITING_REQUESTS
        ):
            return UnlockOutcome(
                UnlockReason.CAMERA, "the camera is in use by other logins"
            ).to_json()
        seconds = max(_MIN_ATTEMPT_SECONDS, question.seconds - _REPLY_SECONDS)
        request = RecognitionRequest.within(question.user, seconds)
        recognition = await self._recognize(request, wait_until_gone)
        outcome = recognition.outcome
        if asker and outcome.accepted:
            self.refusals.take(asker)
        elif asker:
            looked = outcome.reason not in _UNSEEN_REASONS
            self.refusals.add(asker, looked=looked, vector=recognition.vector)
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
                self._changing, self.changes.reset_after_password, question.user, refused.vector
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
                self._changing, self.changes.change, peer, what, user, document
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
            obstacle = self.recognizer.find_obstacle(user)
            if obstacle is None:
                self.recognizer.check_camera()
        except OnlymeError as error:
            return make_outcome(error)
        return obstacle

    def _look(
        self,
        request: RecognitionRequest,
        cancel: CancelToken,
        answer: Future[Recognition],
        report: Callable[[Reason], None],
    ) -> None:
        try:
            self.recognizer.look(request, cancel, answer, report)
        except Exception:  # noqa: BLE001 - a defect is a no, and the daemon goes on
            _log.exception("looking failed")
            with suppress(InvalidStateError):
                answer.set_result(Recognition(UnlockOutcome(UnlockReason.FAILED)))

    async def _recognize(
        self, request: RecognitionRequest, wait_until_gone: Callable[[], Waits]
    ) -> Recognition:
        """Wait for the answer until the deadline, or until the caller has gone."""
        cancel, answer = CancelToken(), Future[Recognition]()
        reasons: list[Reason] = []
        gone = asyncio.create_task(wait_until_gone())
        answered = asyncio.wrap_future(answer)
        self._looking.submit(self._look, request, cancel, answer, reasons.append)
        self._requests[cancel] = request
        try:
            either: list[asyncio.Future[Any]] = [gone, answered]
            seconds = request.remaining_seconds
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                return answered.result()
            # What it decides from now on comes too late.
            unseen = reasons and reasons[-1] in NO_SUBJECT_REASONS
            return Recognition(UnlockOutcome(reasons[-1] if unseen else UnlockReason.TIMEOUT))
        finally:
            cancel.cancel()
            gone.cancel()
            answered.cancel()
            del self._requests[cancel]
            self._looking.submit(release_memory)


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
