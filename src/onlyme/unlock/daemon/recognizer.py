"""A user's name and a deadline come in; the camera is looked through once; an outcome goes out.

One `Recognizer` lives in one thread, which owns the vault and the camera: so one attempt at a time
is made, whoever asks. The networks stay warm; the camera is open during an attempt only.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import CameraError, OnlymeError, VaultError
from onlyme.faceid import wiring
from onlyme.faceid.face_id import FaceID
from onlyme.gate.admission import AttemptSource
from onlyme.image.sources import CameraCapture
from onlyme.types import Frame, LivenessLevel, Reason, Verdict
from onlyme.unlock.daemon import lid
from onlyme.unlock.daemon.outcome import UnlockOutcome, UnlockReason, make_outcome
from onlyme.verification.attempt import decide_attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.judge import Judge
    from onlyme.settings import Settings
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision

__all__ = ["FRAMES_PER_ATTEMPT", "NO_SUBJECT_REASONS", "SOURCE", "RecognitionRequest", "Recognizer"]

FRAMES_PER_ATTEMPT = 3
"""So many frames of a face end an attempt at a login. Two of three must pass, as three of five
elsewhere: for a stranger whose frames were independent the chance would be at most 1.5 times
that of one frame (Markov's inequality), against 1.67 times; so `far` holds as before. It is
also the least that passive liveness takes, hence none of the three may be a repeat."""

SOURCE = "unlock"
"""What the gate calls attempts at a login."""

NO_SUBJECT_REASONS = {Reason.NO_FACE, Reason.MANY_FACES}
"""Reasons for which it is looked on: nobody was compared yet, and the gate counts nothing."""


class RecognitionRequest:
    """One look that somebody waits for, and may give up.

    Args:
        user: whom the camera should see.
        seconds: how long somebody waits.
        tell: called with the outcome as soon as it is known; the camera takes a while longer
            to be let go.

    Attributes:
        user: whom the camera should see.
        reason: what was seen last; `timeout` if that is nothing.
        vector: float32[d] of unit length, what was seen of whoever was not taken for an
            attack; None when that is nobody.
    """

    def __init__(
        self, user: str, seconds: float, tell: Callable[[UnlockOutcome], None] = lambda _: None
    ) -> None:
        self.user = user
        self.tell = tell
        self.reason: Reason | UnlockReason = UnlockReason.TIMEOUT
        self.vector: NDArray[np.float32] | None = None
        self._until = time.monotonic() + seconds
        self._given_up = threading.Event()
        self._capture: CameraCapture | None = None

    @property
    def left(self) -> float:
        """Seconds until nobody waits any more; 0 when it was given up."""
        return 0.0 if self._given_up.is_set() else max(0.0, self._until - time.monotonic())

    def give_up(self) -> None:
        """Let go of the camera as soon as possible; may be called from any thread."""
        self._given_up.set()
        if self._capture is not None:
            self._capture.stop()

    def attach_camera(self, capture: CameraCapture) -> None:
        """Remember the camera, to let go of it; if nobody waits any more, at once."""
        self._capture = capture
        if self._given_up.is_set():
            capture.stop()


class Recognizer:
    """Looks for users through the computer's camera.

    Args:
        settings: of the system.
        capture: opens the camera.
    """

    def __init__(
        self, settings: Settings, capture: Callable[..., CameraCapture] = CameraCapture
    ) -> None:
        self._settings = settings
        self._capture = capture
        self._face_id: FaceID | None = None
        self._last: CameraCapture | None = None

    def warm_up(self) -> str:
        """Load everything, so that the first attempt takes no longer than the others.

        Returns:
            A sentence about what cannot be used; empty when all is well. It is tried again
            at each attempt.
        """
        try:
            face_id = self._open_face_id()
            blank = Frame(np.zeros((480, 640, 3), np.uint8), "warm-up")
            face_id.pipeline.look(blank)
            size = face_id.pipeline.embedder.size
            face_id.pipeline.embedder.embed(np.zeros((size, size, 3), np.uint8))
            if self._load_judge() is None:
                return "the network for liveness is missing: nobody will be recognised"
        except OnlymeError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Let go of the vault."""
        if self._face_id is not None:
            self._face_id.close()
            self._face_id = None

    def look(self, look: RecognitionRequest) -> UnlockOutcome:
        """Make one attempt; whatever happens, it ends in an outcome, and the camera is free."""
        try:
            outcome = self._run_attempt(look)
        except OnlymeError as error:
            outcome = make_outcome(error)
            if isinstance(error, VaultError):
                self.close()  # it may be restored meanwhile
        look.tell(outcome)
        return outcome

    def find_obstacle(self, user: str) -> UnlockOutcome | None:
        """Say what already decides, before the camera is opened; None if nothing does.

        Raises:
            OnlymeError: models or vault cannot be used; nobody of that name is enrolled.
        """
        if self._settings.unlock_lid == "refuse" and lid.is_lid_closed():
            return UnlockOutcome(UnlockReason.LID_CLOSED)
        face_id = self._open_face_id()
        owner = face_id.owner(user)
        if owner.far is None:
            return UnlockOutcome(UnlockReason.NO_PROMISE)
        if owner.far > self._settings.unlock_far * _FAR_ROUNDING_FACTOR:
            return UnlockOutcome(UnlockReason.TOO_LOOSE)
        if self._load_judge() is None:
            return UnlockOutcome(UnlockReason.MODEL)
        standing = face_id.gate.allowances().get(AttemptSource(user, SOURCE))
        if standing is not None and standing.tries == 0:
            return UnlockOutcome(Reason.LOCKED_OUT)
        return None

    def check_camera(self) -> None:
        """Hold that the camera could be opened, without opening it.

        Raises:
            CameraError: it could not; the message says why.
        """
        self._make_capture(0.0).check()

    # ------------------------------------------------------------------ within

    def _open_face_id(self) -> FaceID:
        if self._face_id is None:
            # Not `lasting`: it idles most of the time, and OpenVINO would keep 100 MB more.
            self._face_id = wiring.make_face_id(self._settings, FaceID)
        return self._face_id

    def _load_judge(self) -> Judge | None:
        return wiring.choose_judge(self._settings, wiring.choose_runtime(self._settings))

    def _run_attempt(self, look: RecognitionRequest) -> UnlockOutcome:
        began = time.perf_counter()
        if not look.left:
            return UnlockOutcome(UnlockReason.TIMEOUT)
        obstacle = self.find_obstacle(look.user)
        face_id = self._open_face_id()
        if obstacle is not None:
            if obstacle.reason is Reason.LOCKED_OUT:
                with face_id.gate.attempt(look.user, SOURCE):
                    pass  # writes down that it was tried
            return obstacle
        if self._last is not None and not self._last.is_released:
            return UnlockOutcome(
                UnlockReason.CAMERA_HANGS
            )  # a second thread would hang beside the first
        left = look.left
        self._last = self._make_capture(left)
        try:
            with self._last as capture:
                look.attach_camera(capture)
                outcome = self._decide_capture(look, face_id, capture)
                outcome = replace(outcome, look_ms=(time.perf_counter() - began) * 1e3)
                look.tell(outcome)
                return outcome
        except CameraError:
            if not look.left:
                return UnlockOutcome(UnlockReason.TIMEOUT)
            raise

    def _make_capture(self, seconds: float) -> CameraCapture:
        return self._capture(
            self._settings.camera,
            open_seconds=seconds,
            frame_seconds=seconds,
            allow_virtual=self._settings.unlock_virtual_camera == "allow",
        )

    def _decide_capture(
        self, look: RecognitionRequest, face_id: FaceID, capture: CameraCapture
    ) -> UnlockOutcome:
        owner = face_id.owner(look.user)
        waited = _WaitTimer()
        kept: list[Observation] = []
        sights = _keep_newest(
            map(face_id.pipeline.follow().look, waited.time_frames(capture)), kept
        )
        decisions = decide_attempts(
            owner, sights, self._load_judge(), self._level, frames=FRAMES_PER_ATTEMPT
        )
        with closing(face_id.gate.attempt_each(owner.name, SOURCE, decisions)) as watched:
            for decision in watched:
                look.reason = decision.reason
                if look.reason not in NO_SUBJECT_REASONS or not look.left:
                    look.vector = _average_embedding(owner, decision, kept)
                    break
                kept.clear()
        return UnlockOutcome(look.reason, camera_ms=waited.seconds * 1e3)

    @property
    def _level(self) -> LivenessLevel:
        """Never `off`. A challenge cannot be put here, so whoever asks for one is refused."""
        level = LivenessLevel(self._settings.liveness)
        return LivenessLevel.PASSIVE if level is LivenessLevel.OFF else level


class _WaitTimer:
    """How long frames were waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time_frames(self, capture: CameraCapture) -> Iterator[Frame]:
        frames = iter(capture)
        while True:
            began = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - began
            if frame is None:
                return
            yield frame


def _keep_newest(sights: Iterator[Observation], kept: list[Observation]) -> Iterator[Observation]:
    for sight in sights:
        kept.append(sight)
        del kept[:-FRAMES_PER_ATTEMPT]
        yield sight


def _average_embedding(
    owner: Owner, decision: Decision, kept: list[Observation]
) -> NDArray[np.float32] | None:
    """Return the mean of what was seen, where the password may confirm that it was the user.

    All frames must have passed: a mean of two people is nobody's.
    """
    vectors = [sight.embedding.vector for sight in kept if sight.embedding is not None]
    if not vectors or decision.liveness.verdict is Verdict.ATTACK:
        return None
    if owner.margins(np.array(vectors)).min() < owner.alpha:
        return None
    mean = np.mean(vectors, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


_FAR_ROUNDING_FACTOR = 1.0 + 1e-6
"""An alpha that was found for a rate stands for that rate but for the last digits."""
