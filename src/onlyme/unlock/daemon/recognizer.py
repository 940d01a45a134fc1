"""Look for a user through the computer's camera, once, for the daemon.

A `Recognizer` belongs to one thread, which owns the vault and the camera. So there is one attempt
at a time, for all callers. The networks stay loaded; the camera is open during an attempt only.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, InvalidStateError
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from onlyme import FaceID
from onlyme.errors import CameraError, OnlymeError, VaultError
from onlyme.faceid import wiring
from onlyme.gate.admission import GESTURE_SOURCE, AttemptSource
from onlyme.image.pairing import CameraPair
from onlyme.image.sources import CameraCapture
from onlyme.types import AttentionLevel, LivenessLevel, Reason
from onlyme.unlock.daemon import gesture_request, lid
from onlyme.unlock.daemon.cancel import CancelToken
from onlyme.unlock.daemon.outcome import INFRARED_DETAIL, UnlockOutcome, UnlockReason, make_outcome
from onlyme.unlock.keyring.change import read_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from onlyme.faceid.wiring import Parts
    from onlyme.liveness.gestures import Gesture
    from onlyme.settings import Settings
    from onlyme.types import Frame
    from onlyme.unlock.daemon.gesture_request import GestureRequest

    Report = Callable[[Reason], None]

__all__ = [
    "FRAMES_PER_ATTEMPT",
    "NO_SUBJECT_REASONS",
    "SOURCE",
    "CancelToken",
    "RecognitionRequest",
    "Recognizer",
]

FRAMES_PER_ATTEMPT = 3
"""An attempt at a login ends with this many frames of a face. Two of three must pass, elsewhere
three of five. For a stranger whose frames were independent the chance would be at most 1.5 times
that of one frame (Markov's inequality), against 1.67 times; so `far` holds as before. Passive
liveness needs at least three frames, hence none of the three may be a repeat."""

SOURCE = "unlock"
"""The name of attempts at a login in the gate and the log."""

NO_SUBJECT_REASONS = {Reason.NO_FACE, Reason.MANY_FACES}
"""Reasons after which the camera looks again: no face was compared, and the gate counts nothing."""

_LOGGED_OBSTACLES = {Reason.LOCKED_OUT: SOURCE, UnlockReason.GESTURES_MISSED: GESTURE_SOURCE}
"""What keeps an attempt from being made and is logged as one, with the source that counts it."""

_DECIDE_SECONDS = 0.1
"""Part of a deadline that is reserved for deciding. An attempt may last for three seconds, and a
login waits for half of that: what was seen until then is decided, and the answer says why."""

_FAR_ROUNDING_FACTOR = 1.0 + 1e-6
"""An alpha that was computed for a rate stands for that rate except for its last digits."""


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """The request to recognise one user before the camera.

    Attributes:
        user: the user whom the camera should see.
        until: the deadline of the answer, in seconds of `time.monotonic`; with a gesture, of the
            moment at which it is drawn.
        gesture: asks for a gesture, and holds what came of it; None where none is needed.
    """

    user: str
    until: float
    gesture: GestureRequest | None = None

    @classmethod
    def within(
        cls, user: str, seconds: float, gesture: GestureRequest | None = None
    ) -> RecognitionRequest:
        """Make a request whose deadline is some seconds from now."""
        return cls(user, time.monotonic() + seconds, gesture)

    @property
    def remaining_seconds(self) -> float:
        """Seconds until the deadline; 0 when it has passed."""
        return max(0.0, self.until - time.monotonic())


class Recognizer:
    """Looks for users through the computer's camera.

    Args:
        settings: the settings of the system.
        capture: opens the camera.
    """

    def __init__(
        self, settings: Settings, capture: Callable[..., CameraCapture] = CameraCapture
    ) -> None:
        self._settings = settings
        self._capture = capture
        self._parts: Parts | None = None
        self._face_id: FaceID | None = None
        self._last_capture: CameraCapture | CameraPair | None = None

    def warm_up(self) -> str:
        """Load everything, so that the first attempt takes no longer than later ones.

        Returns:
            A sentence on what cannot be used; empty if nothing. Each attempt tries again.
        """
        try:
            face_id = self._open_face_id()
            face_id.warm_up(self._attention)
            if not face_id.can_judge_liveness():
                return "the network for liveness is missing: every attempt will be rejected"
        except OnlymeError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Close the vault."""
        if self._face_id is not None:
            self._face_id.close()
            self._face_id = None

    def look(
        self,
        request: RecognitionRequest,
        cancel: CancelToken | None = None,
        answer: Future[UnlockOutcome] | None = None,
        report: Report = lambda _: None,
    ) -> UnlockOutcome:
        """Make one attempt. It always ends with an answer and a closed camera.

        Args:
            request: the user and the deadline.
            cancel: ends the attempt early.
            answer: is set as soon as the answer is known, a while before the camera is closed.
            report: called with the reason of each decision, before there is an answer.
        """
        cancel, answer = cancel or CancelToken(), answer or Future()
        try:
            outcome = self._run_attempt(request, cancel, answer, report)
        except OnlymeError as error:
            outcome = make_outcome(error)
            if isinstance(error, VaultError):
                self.close()  # it may be restored before the next attempt opens it
        _set_once(answer, outcome)
        return outcome

    def find_obstacle(self, user: str) -> UnlockOutcome | None:
        """Return what rejects the user before the camera is opened; None if nothing does.

        Raises:
            OnlymeError: models or vault cannot be used; no person of that name is enrolled.
        """
        if self._settings.unlock_lid == "refuse" and lid.is_lid_closed():
            return UnlockOutcome(UnlockReason.LID_CLOSED)
        face_id = self._open_face_id()
        owner = face_id.owner(user)
        if owner.far is None:
            return UnlockOutcome(UnlockReason.NO_PROMISE)
        if not self._is_strict_enough(owner.far):
            return UnlockOutcome(UnlockReason.TOO_LOOSE)
        if not face_id.can_judge_liveness():
            return UnlockOutcome(UnlockReason.MODEL)
        allowance = face_id.admin.gate.allowances().get(AttemptSource(user, SOURCE))
        if allowance is not None and allowance.tries == 0:
            return UnlockOutcome(Reason.LOCKED_OUT)
        return None

    def find_gesture_obstacle(self, user: str) -> UnlockOutcome | None:
        """Return what keeps the user from making a gesture; None if nothing does.

        Raises:
            OnlymeError: the networks that see a gesture are missing.
        """
        if self._level is LivenessLevel.CHALLENGE:
            return UnlockOutcome(Reason.LIVENESS_UNDECIDED)  # one gesture is no challenge
        allowances = self._open_face_id().admin.gate.allowances()
        allowance = allowances.get(AttemptSource(user, GESTURE_SOURCE))
        if allowance is not None and allowance.tries == 0:
            return UnlockOutcome(UnlockReason.GESTURES_MISSED)
        if self._parts is not None:
            self._parts.mesh()
        return None

    def read_keyring(self, user: str) -> str | None:
        """Return the password of the user's keyring; None if the login does not open it.

        Raises:
            OnlymeError: the vault cannot be read.
        """
        return read_password(self._open_face_id().admin.store, user)

    def check_camera(self) -> None:
        """Check that the camera could be opened, without opening it.

        Raises:
            CameraError: it could not; the message says why.
        """
        self._make_capture(0.0).check()

    # ------------------------------------------------------------------ within

    def _open_face_id(self) -> FaceID:
        if self._face_id is None:
            # Not `lasting`: the daemon is idle most of the time, and OpenVINO takes 100 MB more.
            self._parts = wiring.assemble(self._settings, by="daemon")
            self._face_id = FaceID(self._parts)
        return self._face_id

    def _run_attempt(
        self,
        request: RecognitionRequest,
        cancel: CancelToken,
        answer: Future[UnlockOutcome],
        report: Report,
    ) -> UnlockOutcome:
        began_at = time.perf_counter()
        if _is_late(request, cancel):
            return UnlockOutcome(UnlockReason.TIMEOUT)
        obstacle = self.find_obstacle(request.user)
        if obstacle is None and request.gesture is not None:
            obstacle = self.find_gesture_obstacle(request.user)
        if obstacle is not None:
            source = _LOGGED_OBSTACLES.get(obstacle.reason)
            if source is not None:
                with self._open_face_id().admin.gate.attempt(request.user, source):
                    pass  # the log gets a line for this attempt
            return obstacle
        if self._last_capture is not None and not self._last_capture.is_released:
            # The driver hangs in an earlier attempt; another thread would hang as well.
            return UnlockOutcome(UnlockReason.CAMERA_HANGS)
        self._last_capture = self._make_capture(request.remaining_seconds)
        try:
            with self._last_capture as capture:
                cancel.on_cancel(capture.stop)
                if request.gesture is None:
                    outcome = self._decide(request, capture, report)
                else:
                    outcome = self._decide_gesture(request, request.gesture, capture, report)
                look_ms = (time.perf_counter() - began_at) * 1e3
                outcome = replace(outcome, look_ms=look_ms)
                _set_once(answer, outcome)
                return outcome
        except CameraError:
            if _is_late(request, cancel):
                return UnlockOutcome(UnlockReason.TIMEOUT)
            raise

    def _make_capture(self, seconds: float) -> CameraCapture | CameraPair:
        """Return the camera, or both if root named a second one."""
        infrared = {"yes": True, "no": False}.get(self._settings.camera_infrared)
        first = self._make_one(self._settings.camera, seconds, infrared)
        if not self._settings.camera_second:
            return first
        return CameraPair(first, self._make_one(self._settings.camera_second, seconds, None))

    def _make_one(self, camera: str, seconds: float, infrared: bool | None) -> CameraCapture:  # noqa: FBT001 - called here only
        return self._capture(
            camera,
            open_seconds=seconds,
            frame_seconds=seconds,
            allow_virtual=self._settings.unlock_virtual_camera == "allow",
            infrared=infrared,
        )

    def _decide_gesture(
        self,
        request: RecognitionRequest,
        asked: GestureRequest,
        capture: CameraCapture | CameraPair,
        report: Report,
    ) -> UnlockOutcome:
        """Ask for a gesture, and look for the face that makes it.

        The camera is open before the gesture is drawn: otherwise a program that keeps the camera
        busy could have gestures drawn until it gets the one that the person just makes.
        """
        if asked.cancel.is_cancelled:
            return UnlockOutcome(UnlockReason.TIMEOUT)
        # It is counted before anyone knows the gesture. A try that does not open stays counted.
        attempt = self._open_face_id().admin.gate.attempt(request.user, GESTURE_SOURCE)
        if not attempt.allowed:
            return UnlockOutcome(UnlockReason.GESTURES_MISSED)
        gesture = gesture_request.draw()
        if not asked.ask(gesture):
            return UnlockOutcome(UnlockReason.NOT_SHOWN)
        capture.skip_to_now()
        limit = RecognitionRequest.within(request.user, self._settings.unlock_gesture_seconds)
        outcome = self._decide(limit, capture, report, gesture)
        if outcome.accepted:
            attempt.withdraw()
        return outcome

    def _decide(
        self,
        request: RecognitionRequest,
        capture: CameraCapture | CameraPair,
        report: Report,
        gesture: Gesture | None = None,
    ) -> UnlockOutcome:
        face_id, timer = self._open_face_id(), _WaitTimer()
        reason: Reason | UnlockReason = UnlockReason.TIMEOUT
        parts_ms: Mapping[str, float] = {}
        decisions = face_id.watch(
            request.user,
            timer.time_frames(capture, request),
            liveness=self._level,
            attention=self._attention,
            gate=True,
            source=SOURCE,
            frames_per_attempt=FRAMES_PER_ATTEMPT,
            gesture=gesture,
        )
        with closing(decisions):
            for decision in decisions:
                reason, parts_ms = decision.reason, decision.timings_ms
                # The owner that decided may be newer than the one that `find_obstacle` saw.
                if decision.accepted and not self._is_strict_enough(decision.far):
                    return UnlockOutcome(UnlockReason.TOO_LOOSE)
                report(decision.reason)
                if reason not in NO_SUBJECT_REASONS or not request.remaining_seconds:
                    break
        is_grey = reason is Reason.LIVENESS_UNDECIDED and capture.infrared
        detail = INFRARED_DETAIL if is_grey else ""
        return UnlockOutcome(
            reason,
            detail,
            camera_ms=timer.seconds * 1e3,
            parts_ms=parts_ms,
            frames=timer.frames,
        )

    def _is_strict_enough(self, far: float | None) -> bool:
        """Whether a false accept rate is known and at most what root allows."""
        return far is not None and far <= self._settings.unlock_far * _FAR_ROUNDING_FACTOR

    @property
    def _attention(self) -> AttentionLevel:
        """What the eyes must show; a person who sleeps opens nothing unless root says so."""
        return AttentionLevel(self._settings.attention or AttentionLevel.EYES)

    @property
    def _level(self) -> LivenessLevel:
        """The level of liveness, never `off`. At `challenge` nothing opens: no one can be asked."""
        level = LivenessLevel(self._settings.liveness)
        return LivenessLevel.PASSIVE if level is LivenessLevel.OFF else level


class _WaitTimer:
    """Measures how long the program waits for the camera."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.frames = 0

    def time_frames(
        self, capture: CameraCapture | CameraPair, request: RecognitionRequest
    ) -> Iterator[Frame]:
        """Yield frames while there is time to decide: then they are one attempt, and no timeout."""
        frames = iter(capture)
        while request.remaining_seconds > _DECIDE_SECONDS:
            began_at = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - began_at
            if frame is None:
                return
            self.frames += 1
            yield frame


def _is_late(request: RecognitionRequest, cancel: CancelToken) -> bool:
    return cancel.is_cancelled or not request.remaining_seconds


def _set_once(answer: Future[UnlockOutcome], outcome: UnlockOutcome) -> None:
    with suppress(InvalidStateError):  # it has an answer already, or was cancelled
        answer.set_result(outcome)
