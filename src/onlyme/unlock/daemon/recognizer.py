"""A user's name and a deadline come in; the camera is looked through once; an outcome goes out.

One `Eye` lives in one thread, which owns the vault and the camera: so one attempt at a time
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
from onlyme.gate.admission import Place
from onlyme.image.sources import Capture
from onlyme.types import Frame, LivenessLevel, Reason, Verdict
from onlyme.unlock.daemon import lid
from onlyme.unlock.daemon.outcome import Outcome, Why, of_error
from onlyme.verification.attempt import attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Sight
    from onlyme.liveness.judge import Judge
    from onlyme.settings import Settings
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision

__all__ = ["FRAMES", "NOBODY", "SOURCE", "Eye", "Look"]

FRAMES = 3
"""So many frames of a face end an attempt at a login. Two of three must pass, as three of five
elsewhere: for a stranger whose frames were independent the chance would be at most 1.5 times
that of one frame (Markov's inequality), against 1.67 times; so `far` holds as before. It is
also the least that passive liveness takes, hence none of the three may be a repeat."""

SOURCE = "unlock"
"""What the gate calls attempts at a login."""

NOBODY = {Reason.NO_FACE, Reason.MANY_FACES}
"""Reasons for which it is looked on: nobody was compared yet, and the gate counts nothing."""


class Look:
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
        self, user: str, seconds: float, tell: Callable[[Outcome], None] = lambda _: None
    ) -> None:
        self.user = user
        self.tell = tell
        self.reason: Reason | Why = Why.TIMEOUT
        self.vector: NDArray[np.float32] | None = None
        self._until = time.monotonic() + seconds
        self._given_up = threading.Event()
        self._capture: Capture | None = None

    @property
    def left(self) -> float:
        """Seconds until nobody waits any more; 0 when it was given up."""
        return 0.0 if self._given_up.is_set() else max(0.0, self._until - time.monotonic())

    def give_up(self) -> None:
        """Let go of the camera as soon as possible; may be called from any thread."""
        self._given_up.set()
        if self._capture is not None:
            self._capture.stop()

    def through(self, capture: Capture) -> None:
        """Remember the camera, to let go of it; if nobody waits any more, at once."""
        self._capture = capture
        if self._given_up.is_set():
            capture.stop()


class Eye:
    """Looks for users through the computer's camera.

    Args:
        settings: of the system.
        capture: opens the camera.
    """

    def __init__(self, settings: Settings, capture: Callable[..., Capture] = Capture) -> None:
        self._settings = settings
        self._capture = capture
        self._face_id: FaceID | None = None
        self._last: Capture | None = None

    def warm_up(self) -> str:
        """Load everything, so that the first attempt takes no longer than the others.

        Returns:
            A sentence about what cannot be used; empty when all is well. It is tried again
            at each attempt.
        """
        try:
            face_id = self._opened()
            blank = Frame(np.zeros((480, 640, 3), np.uint8), "warm-up")
            face_id.pipeline.look(blank)
            size = face_id.pipeline.embedder.size
            face_id.pipeline.embedder.embed(np.zeros((size, size, 3), np.uint8))
            if self._judge() is None:
                return "the network for liveness is missing: nobody will be recognised"
        except OnlymeError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Let go of the vault."""
        if self._face_id is not None:
            self._face_id.close()
            self._face_id = None

    def look(self, look: Look) -> Outcome:
        """Make one attempt; whatever happens, it ends in an outcome, and the camera is free."""
        try:
            outcome = self._looked(look)
        except OnlymeError as error:
            outcome = of_error(error)
            if isinstance(error, VaultError):
                self.close()  # it may be restored meanwhile
        look.tell(outcome)
        return outcome

    def obstacle(self, user: str) -> Outcome | None:
        """Say what already decides, before the camera is opened; None if nothing does.

        Raises:
            OnlymeError: models or vault cannot be used; nobody of that name is enrolled.
        """
        if self._settings.unlock_lid == "refuse" and lid.closed():
            return Outcome(Why.LID_CLOSED)
        face_id = self._opened()
        owner = face_id.owner(user)
        if owner.far is None:
            return Outcome(Why.NO_PROMISE)
        if owner.far > self._settings.unlock_far * _ROUNDING:
            return Outcome(Why.TOO_LOOSE)
        if self._judge() is None:
            return Outcome(Why.MODEL)
        standing = face_id.gate.standings().get(Place(user, SOURCE))
        if standing is not None and standing.tries == 0:
            return Outcome(Reason.LOCKED_OUT)
        return None

    def check_camera(self) -> None:
        """Hold that the camera could be opened, without opening it.

        Raises:
            CameraError: it could not; the message says why.
        """
        self._opening(0.0).check()

    # ------------------------------------------------------------------ within

    def _opened(self) -> FaceID:
        if self._face_id is None:
            # Not `lasting`: it idles most of the time, and OpenVINO would keep 100 MB more.
            self._face_id = wiring.face_id(self._settings, FaceID)
        return self._face_id

    def _judge(self) -> Judge | None:
        return wiring.judge_for(self._settings, wiring.runtime(self._settings))

    def _looked(self, look: Look) -> Outcome:
        began = time.perf_counter()
        if not look.left:
            return Outcome(Why.TIMEOUT)
        obstacle = self.obstacle(look.user)
        face_id = self._opened()
        if obstacle is not None:
            if obstacle.reason is Reason.LOCKED_OUT:
                with face_id.gate.attempt(look.user, SOURCE):
                    pass  # writes down that it was tried
            return obstacle
        if self._last is not None and not self._last.released:
            return Outcome(Why.CAMERA_HANGS)  # a second thread would hang beside the first
        left = look.left
        self._last = self._opening(left)
        try:
            with self._last as capture:
                look.through(capture)
                outcome = self._decided(look, face_id, capture)
                outcome = replace(outcome, look_ms=(time.perf_counter() - began) * 1e3)
                look.tell(outcome)
                return outcome
        except CameraError:
            if not look.left:
                return Outcome(Why.TIMEOUT)
            raise

    def _opening(self, seconds: float) -> Capture:
        return self._capture(
            self._settings.camera,
            open_seconds=seconds,
            frame_seconds=seconds,
            allow_virtual=self._settings.unlock_virtual_camera == "allow",
        )

    def _decided(self, look: Look, face_id: FaceID, capture: Capture) -> Outcome:
        owner = face_id.owner(look.user)
        waited = _Waited()
        kept: list[Sight] = []
        sights = _kept(map(face_id.pipeline.follow().look, waited.on(capture)), kept)
        decisions = attempts(owner, sights, self._judge(), self._level, frames=FRAMES)
        with closing(face_id.gate.watched(owner.name, SOURCE, decisions)) as watched:
            for decision in watched:
                look.reason = decision.reason
                if look.reason not in NOBODY or not look.left:
                    look.vector = _teachable(owner, decision, kept)
                    break
                kept.clear()
        return Outcome(look.reason, camera_ms=waited.seconds * 1e3)

    @property
    def _level(self) -> LivenessLevel:
        """Never `off`. A challenge cannot be put here, so whoever asks for one is refused."""
        level = LivenessLevel(self._settings.liveness)
        return LivenessLevel.PASSIVE if level is LivenessLevel.OFF else level


class _Waited:
    """How long frames were waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def on(self, capture: Capture) -> Iterator[Frame]:
        frames = iter(capture)
        while True:
            began = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - began
            if frame is None:
                return
            yield frame


def _kept(sights: Iterator[Sight], kept: list[Sight]) -> Iterator[Sight]:
    for sight in sights:
        kept.append(sight)
        del kept[:-FRAMES]
        yield sight


def _teachable(owner: Owner, decision: Decision, kept: list[Sight]) -> NDArray[np.float32] | None:
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


_ROUNDING = 1.0 + 1e-6
"""An alpha that was found for a rate stands for that rate but for the last digits."""
