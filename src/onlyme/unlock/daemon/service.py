"""Answer the requests to the daemon, given who asks; HTTP is handled elsewhere."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from onlyme.errors import OnlymeError
from onlyme.types import Reason
from onlyme.unlock.client.asker import BY_GREETER, BY_OWNER
from onlyme.unlock.client.seat import AT_SEAT, BESIDE_REMOTE
from onlyme.unlock.daemon.attempt_request import parse_request, read_ticket, read_user
from onlyme.unlock.daemon.cancel import CancelToken
from onlyme.unlock.daemon.changes import ChangeHandler
from onlyme.unlock.daemon.gesture_dialog import GestureDialog
from onlyme.unlock.daemon.journal import log_attempt, log_release
from onlyme.unlock.daemon.malloc import release_memory
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason, make_outcome
from onlyme.unlock.daemon.recognizer import (
    NO_SUBJECT_REASONS,
    RecognitionRequest,
    Recognizer,
)
from onlyme.unlock.daemon.refusals import ProgramRun, Refusals
from onlyme.unlock.daemon.release import KeyringTickets
from onlyme.unlock.services import BESIDE, GREETERS, LOCKERS, needs_intent
from onlyme.unlock.switch import read_switch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from onlyme.settings import Settings
    from onlyme.unlock.daemon.attempt_request import AttemptRequest
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]
    Waits = Coroutine[Any, Any, None]

__all__ = ["AccessDeniedError", "UnlockService"]

_log = logging.getLogger("onlyme")

_REPLY_SECONDS = 0.1  # part of a deadline that is reserved for sending the answer
_MIN_ATTEMPT_SECONDS = 0.05
_MAX_WAITING_REQUESTS = 2  # per user, so that no user can block the camera for others
_UNSEEN_REASONS = {
    UnlockReason.CONFIRM,
    UnlockReason.ASKED_ALREADY,
    UnlockReason.LID_CLOSED,
    UnlockReason.CAMERA_HANGS,
    UnlockReason.SWITCHED_OFF,
    UnlockReason.JUST_LOCKED,
    Reason.LOCKED_OUT,
}
"""Reasons with which an attempt ends before the camera has seen a person."""


class AccessDeniedError(Exception):
    """A user asked about another user, or for what only root may do."""


class UnlockService:
    """Makes attempts, answers questions about them, and changes templates.

    Attempts and changes have a thread each, so that a login does not wait for an enrolment.

    Args:
        settings: the settings of the system.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.recognizer = Recognizer(settings)
        self.changes = ChangeHandler(settings)
        self.refusals = Refusals()
        self._tickets = KeyringTickets()
        self._looking = ThreadPoolExecutor(1, "onlyme-recognizer")
        self._changing = ThreadPoolExecutor(1, "onlyme-changes")
        self._requests: dict[CancelToken, RecognitionRequest] = {}
        self._dialog = GestureDialog(settings, self._submit_gesture)
        services = settings.unlock_confirm.split(",")
        self._confirm = {name.strip() for name in services} - {""}

    def warm_up(self) -> str:
        """Load everything; return a sentence on what cannot be used, empty if nothing."""
        return self._looking.submit(self.recognizer.warm_up).result()

    def close(self) -> None:
        """Close camera and vault; changes that have begun are finished."""
        for cancel in list(self._requests):
            cancel.cancel()
        self._dialog.close()
        self._looking.submit(self.recognizer.close)
        self._looking.shutdown()
        self._changing.shutdown(cancel_futures=True)

    async def wait_until_idle(self) -> None:
        """Return when the recognizer is idle; if its camera hangs, never."""
        await asyncio.get_running_loop().run_in_executor(self._looking, lambda: None)

    async def attempt(
        self, peer: Peer, document: Document, wait_until_gone: Callable[[], Waits]
    ) -> Document:
        """Make an attempt for a user; it ends at the deadline, or when the peer has left.

        Args:
            peer: the process that asks.
            document: `user`, `service`, `seconds`, `confirmed`; from root also `asker`,
                `seat` and `can_show`. Or the `ticket` of a gesture that is shown now.
            wait_until_gone: waits until the peer has left.

        Raises:
            AccessDeniedError: the peer may not ask about this user.
            UsageError: the request is malformed.
        """
        ticket, began_at = read_ticket(document), time.perf_counter()
        if ticket is not None:
            if not peer.is_root:
                raise AccessDeniedError("only root can say that a gesture is shown")
            answer = await self._dialog.wait(peer, ticket, wait_until_gone)
            if answer["reason"] != UnlockReason.RIVAL:
                self._tickets.settle(ticket, accepted=answer["accepted"])
            return answer
        request = parse_request(document)
        _require_access(peer, request.user)
        answer = await self._answer_attempt(peer, request, wait_until_gone)
        milliseconds = (time.perf_counter() - began_at) * 1e3
        log_attempt(request.user, request.service, answer, milliseconds)
        return answer

    async def test(
        self, peer: Peer, document: Document, wait_until_gone: Callable[[], Waits]
    ) -> Document:
        """Make an attempt that opens nothing, and return its times; the gate counts it.

        Raises:
            AccessDeniedError: the peer may not ask about this user.
            UsageError: the request is malformed.
        """
        request = parse_request(document)
        _require_access(peer, request.user)
        if why := read_switch():
            return UnlockOutcome(UnlockReason.SWITCHED_OFF, why).to_json()
        within = RecognitionRequest.within(request.user, request.seconds)
        outcome = await self._recognize(within, wait_until_gone)
        answer = outcome.to_json() | outcome.describe_times()
        log_attempt(request.user, "unlock-test", answer, outcome.look_ms)
        return answer | {"opens": False}

    async def _answer_attempt(
        self, peer: Peer, request: AttemptRequest, wait_until_gone: Callable[[], Waits]
    ) -> Document:
        if why := read_switch():
            return UnlockOutcome(UnlockReason.SWITCHED_OFF, f"{why}; use the password").to_json()
        refusal = self._find_refusal(peer, request)
        if refusal is not None:
            return UnlockOutcome(refusal).to_json()
        run = _find_run(peer, request)
        if run and self.refusals.must_refuse(run, confirmed=request.confirmed):
            return UnlockOutcome(UnlockReason.ASKED_ALREADY).to_json()
        needs_gesture = request.gives_rights(peer) and not self._takes_enter
        needs_gesture = needs_gesture or await self._opens_keyring(peer, request)
        if self._must_confirm(peer, request) and not request.confirmed:
            obstacle = await self._find_obstacle(request.user, gesture=needs_gesture)
            outcome = obstacle or UnlockOutcome(UnlockReason.CONFIRM)
            if run:
                self.refusals.add(run, asked=outcome.reason is UnlockReason.CONFIRM)
            return outcome.to_json() | {"seconds": self.settings.unlock_confirm_seconds}
        seconds = max(_MIN_ATTEMPT_SECONDS, request.seconds - _REPLY_SECONDS)
        if needs_gesture:
            answer = await self._dialog.ask(peer, request, seconds, wait_until_gone)
            self._tickets.expect(answer.get("ticket", ""), run)
            if run:
                self.refusals.add(run, looked=answer["reason"] == UnlockReason.GESTURE)
            return answer
        waiting = sum(one.user == request.user for one in self._requests.values())
        if not peer.is_root and waiting >= _MAX_WAITING_REQUESTS:
            why = "the camera is in use by other logins"
            return UnlockOutcome(UnlockReason.CAMERA, why).to_json()
        outcome = await self._recognize(
            RecognitionRequest.within(request.user, seconds), wait_until_gone
        )
        if run and outcome.accepted:
            self.refusals.take(run)
        elif run:
            looked = outcome.reason not in _UNSEEN_REASONS
            self.refusals.add(run, looked=looked)
        return outcome.to_json()

    async def answer_account(self, peer: Peer, document: Document) -> Document:
        """Answer a helper of version 0.1 that reports PAM's account phase: nothing changes.

        PAM reaches that phase without a password as well: by a rule of sudo that asks for none,
        by sudo's own memory of an earlier password, or by another module. So it proves none, and
        neither the gate nor a template may change.

        Raises:
            AccessDeniedError: the peer is not root.
            UsageError: the request is malformed.
        """
        parse_request(document)
        if not peer.is_root:
            raise AccessDeniedError("only root can say that the password was used")
        return {"reset": False}

    async def change(self, peer: Peer, what: str, document: Document) -> Document:
        """Make a change; see `ChangeHandler.change`.

        Raises:
            AccessDeniedError: the peer may not ask about this user.
            OnlymeError: the change was not made.
        """
        user = read_user(document)
        _require_access(peer, user)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._changing, self.changes.change, peer, what, user, document
            )
        finally:
            self._changing.submit(release_memory)

    async def report_status(self, peer: Peer, document: Document) -> Document:
        """Return whether an attempt of a user could succeed, as far as is known beforehand.

        Raises:
            AccessDeniedError: the peer may not ask about this user.
            UsageError: the request is malformed.
        """
        request = parse_request(document)
        _require_access(peer, request.user)
        gives_rights = bool(request.service) and needs_intent(request.service)
        gesture = gives_rights and not self._takes_enter
        obstacle = await self._find_obstacle(request.user, gesture=gesture)
        if why := read_switch():
            obstacle = UnlockOutcome(UnlockReason.SWITCHED_OFF, why)
        answer = obstacle.to_json() if obstacle else UnlockOutcome(Reason.MATCH).to_json()
        return {
            "ready": obstacle is None,
            "reason": "ready" if obstacle is None else answer["reason"],
            "message": answer["message"],
            "confirm": request.service in self._confirm or (gives_rights and not gesture),
            "gesture": gesture,
            "camera": self.settings.camera,
        }

    async def release_keyring(self, peer: Peer, document: Document) -> Document:
        """Return the password of a user's keyring to the greeter that has just seen the face.

        The answer also says whether the login opens this user's keyring at all.

        Raises:
            AccessDeniedError: the peer is not root.
            UsageError: the request is malformed.
            OnlymeError: the vault cannot be read.
        """
        request = parse_request(document)
        if not peer.is_root:
            raise AccessDeniedError("only root can ask for the password of a keyring")
        has_ticket = self._tickets.take(_find_run(peer, request))
        read = partial(self.recognizer.read_keyring, request.user)
        password = await asyncio.get_running_loop().run_in_executor(self._looking, read)
        is_on = password is not None
        if is_on:
            log_release(request.user, request.service, released=has_ticket)
        return {"on": is_on, "password": password if has_ticket else None}

    # ------------------------------------------------------------------ within

    async def _opens_keyring(self, peer: Peer, request: AttemptRequest) -> bool:
        """Say whether a login opens the user's keyring as well, which needs a gesture."""
        at_greeter = peer.is_root and request.asker == BY_GREETER and request.can_show
        if not at_greeter or request.service not in GREETERS:
            return False
        with suppress(OnlymeError):
            read = partial(self.recognizer.read_keyring, request.user)
            found = await asyncio.get_running_loop().run_in_executor(self._looking, read)
            return found is not None
        return False

    @property
    def _takes_enter(self) -> bool:
        """Whether root accepts a key on the terminal as intent, which a program can type, too."""
        return self.settings.unlock_intent == "enter"

    def _find_refusal(self, peer: Peer, request: AttemptRequest) -> UnlockReason | None:
        """Say why the face is not looked for, before the camera is used."""
        if self._has_just_locked(peer, request):
            return UnlockReason.JUST_LOCKED
        is_beside = request.seat == BESIDE_REMOTE
        if is_beside and self.settings.unlock_beside_remote != "allow":
            return UnlockReason.NOT_AT_SEAT
        if not peer.is_root:
            return None  # the answer gives a program of the user no rights that it has not
        if request.asker not in {BY_GREETER, BY_OWNER}:
            return UnlockReason.NOT_THE_ASKER
        if request.seat != AT_SEAT and not is_beside:
            return UnlockReason.NOT_AT_SEAT
        return None

    def _has_just_locked(self, peer: Peer, request: AttemptRequest) -> bool:
        """Whether a screen locker has only just started: the user locks the screen and leaves."""
        application = peer.application() if request.service in LOCKERS else None
        wait = self.settings.unlock_after_lock_seconds
        return application is not None and application.age_seconds < wait

    def _must_confirm(self, peer: Peer, request: AttemptRequest) -> bool:
        is_enough = self._takes_enter and request.gives_rights(peer)
        return request.service in self._confirm or is_enough

    async def _find_obstacle(self, user: str, *, gesture: bool) -> UnlockOutcome | None:
        return await asyncio.get_running_loop().run_in_executor(
            self._looking, partial(self._check_user, user, gesture=gesture)
        )

    def _check_user(self, user: str, *, gesture: bool) -> UnlockOutcome | None:
        try:
            obstacle = self.recognizer.find_obstacle(user)
            if obstacle is None and gesture:
                obstacle = self.recognizer.find_gesture_obstacle(user)
            if obstacle is None:
                self.recognizer.check_camera()
        except OnlymeError as error:
            return make_outcome(error)
        return obstacle

    def _submit_gesture(self, request: RecognitionRequest) -> None:
        """Let the recognizer's thread ask for a gesture and look for it."""
        asked = request.gesture
        assert asked is not None  # noqa: S101 - for the type checker; `GestureDialog` sets it
        self._looking.submit(self._look, request, asked.cancel, asked.answer, lambda _: None)
        self._looking.submit(release_memory)

    def _look(
        self,
        request: RecognitionRequest,
        cancel: CancelToken,
        answer: Future[UnlockOutcome],
        report: Callable[[Reason], None],
    ) -> None:
        try:
            self.recognizer.look(request, cancel, answer, report)
        except Exception:  # noqa: BLE001 - a defect rejects the attempt, and the daemon goes on
            _log.exception("the attempt failed")
            with suppress(InvalidStateError):
                answer.set_result(UnlockOutcome(UnlockReason.FAILED))

    async def _recognize(
        self, request: RecognitionRequest, wait_until_gone: Callable[[], Waits]
    ) -> UnlockOutcome:
        """Wait for the answer until the deadline, or until the peer has left."""
        cancel, answer = CancelToken(), Future[UnlockOutcome]()
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
            # A later decision comes too late.
            no_subject = reasons and reasons[-1] in NO_SUBJECT_REASONS
            return UnlockOutcome(reasons[-1] if no_subject else UnlockReason.TIMEOUT)
        finally:
            cancel.cancel()
            gone.cancel()
            answered.cancel()
            del self._requests[cancel]
            self._looking.submit(release_memory)


def _require_access(peer: Peer, user: str) -> None:
    if not peer.may_ask_for(user):
        raise AccessDeniedError("you may ask about yourself only")


def _find_run(peer: Peer, request: AttemptRequest) -> ProgramRun | None:
    application = peer.application()
    # Two services that one program runs at the same time have their tries together.
    service = BESIDE.get(request.service, request.service)
    return ProgramRun(request.user, service, application) if application else None
