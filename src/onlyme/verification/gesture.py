"""Ask for one gesture during an attempt, as the person's intent.

A program may ask for a face, but only the person can nod. The attempt is accepted only if the
face that is identified and judged to be alive makes the gesture that was asked for, within the
attempt and after it was asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.errors import UsageError, show_argument
from onlyme.liveness.gestures import GESTURE_SECONDS, Gesture, is_frontal, make_gesture_prompt
from onlyme.liveness.witness import GestureWitness
from onlyme.types import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.types import Decision, Embedding, HeadReading, Liveness

__all__ = ["GestureCeremony", "make_gray"]


class GestureCeremony:
    """Asks for one gesture in each attempt; see `onlyme.verification.attempt.Ceremony`.

    An attempt ends when the gesture was seen and there are enough embeddings, when another gesture
    was seen, when the face was exchanged for another after the gesture, or when it took longer than
    `GESTURE_SECONDS` from the first frame with a face, or without a face.

    Args:
        gesture: what the person is asked to do, or its name.
        frames: the number of different embeddings that an attempt needs.
        ask: called with an arrow and words at the first frame of each attempt; None where the
            caller has shown the prompt before the camera was opened.

    Raises:
        UsageError: there is no such gesture.
    """

    def __init__(
        self, gesture: Gesture | str, frames: int, ask: Callable[[str, str], None] | None = None
    ) -> None:
        given: object = gesture
        if not isinstance(given, str) or given not in set(Gesture):
            called = f"no gesture is called {show_argument(given)}"
            raise UsageError(f"{called}; gestures: {', '.join(Gesture)}")
        self._gesture = Gesture(given)
        self._frames, self._ask = frames, ask
        self.restart()

    def restart(self) -> None:
        """Prepare for the next attempt."""
        self._witness = GestureWitness()
        self._embeddings: set[Embedding] = set()
        self._frontal: set[float] = set()
        self._began: float | None = None
        self._face_began: float | None = None
        self._late = self._seen = self._failed = False

    @property
    def is_over(self) -> bool:
        """Whether the attempt may end."""
        done = self._seen and len(self._embeddings) >= self._frames
        return done or self._failed or self._late

    def add(
        self, observation: Observation, head: HeadReading | None, /, *, continues: bool
    ) -> None:
        """Look at the next frame; see `Ceremony.add`."""
        at = observation.frame.at
        if self._began is None:
            self._began = at
            if self._ask is not None:
                self._ask(*make_gesture_prompt(self._gesture))
        if observation.embedding is not None:
            if self._face_began is None:
                self._face_began = at
            elif not continues:  # what another face did is not what this one did
                self._failed |= self._seen
                self._witness.restart()
                self._embeddings.clear()
                self._frontal.clear()
            self._embeddings.add(observation.embedding)
            if head is not None and is_frontal(head):
                self._frontal.add(at)
        since = self._began if self._face_began is None else self._face_began
        self._late = at - since > GESTURE_SECONDS
        if self._late or self._seen or self._failed:
            return
        seen = self._witness.add(at, make_gray(observation.frame.pixels), head)
        if seen is not None:
            self._seen = seen.gesture is self._gesture
            self._failed = not self._seen

    def choose(self, observations: list[Observation]) -> list[Observation]:
        """Return the frontal ones, if there are any: the turned faces only served the gesture."""
        frontal = [one for one in observations if one.frame.at in self._frontal]
        return frontal or observations

    def judge(self, passive: Liveness) -> Liveness:
        """Return passive liveness; the gesture is no part of it."""
        return passive

    def confirm(self, decision: Decision) -> Decision:
        """Refuse an accepted decision if the gesture was not made."""
        if decision.accepted and (self._failed or not self._seen):
            return replace(decision, accepted=False, reason=Reason.NO_GESTURE)
        return decision


def make_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the brightness of a frame, uint8[h, w], from uint8[h, w, 3], RGB."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
