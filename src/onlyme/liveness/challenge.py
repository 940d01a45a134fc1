"""Ask a person for a random sequence of gestures, and check each by the frames.

A recording cannot know the gestures in advance, and a photo cannot turn like a head. So the
gestures are drawn by the system's own randomness when the challenge begins. Each must be seen
in time and before any other, and each turn and nod must be that of a solid head
(`onlyme.liveness.witness`).

*Left* is the left of the person in front of the camera.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from onlyme.errors import UsageError
from onlyme.liveness.gestures import Gesture, make_gesture_prompt
from onlyme.liveness.witness import GestureWitness

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.types import HeadReading

__all__ = ["Challenge", "Phase", "draw_steps", "is_allowed", "make_prompt"]

MAX_STEP_SECONDS: Final = 6.0
"""Longest time for each step."""


class Phase(StrEnum):
    """The state of a challenge."""

    FACE = "face"
    """The person should look straight into the camera."""
    MOVE = "move"
    """The step may be made now."""
    DONE = "done"
    FAILED = "failed"


_SIDES: Final = frozenset((Gesture.LEFT, Gesture.RIGHT))
_ONCE: Final = (Gesture.CLOSER, Gesture.BLINK)


def draw_steps(count: int = 3, rng: random.Random | None = None) -> tuple[Gesture, ...]:
    """Draw an unpredictable sequence.

    No gesture comes twice in a row. A turn to a side and a nod both come at least once: paper
    with a crease may imitate one of them, but not the other. Closing the eyes and coming closer,
    which do not show that the head is solid, come at most once each.

    Args:
        count: how many gestures, 2 or more.
        rng: the source of randomness; by default the system's own, which cannot be predicted.

    Raises:
        UsageError: `count` is less than 2.

    >>> steps = draw_steps(4)
    >>> len(steps), all(a is not b for a, b in zip(steps, steps[1:]))
    (4, True)
    """
    if count < 2:
        raise UsageError("a challenge has at least two steps")
    rng = rng or random.SystemRandom()
    while True:
        steps = tuple(rng.choice(list(Gesture)) for _ in range(count))
        if is_allowed(steps):
            return steps


def is_allowed(steps: Sequence[Gesture]) -> bool:
    """Say whether a sequence may be asked for; see `draw_steps`.

    >>> left, right, nod, closer = map(Gesture, ("left", "right", "nod", "closer"))
    >>> is_allowed([left, nod]), is_allowed([left, closer, right])
    (True, False)
    """
    varied = all(a is not b for a, b in itertools.pairwise(steps))
    both = not _SIDES.isdisjoint(steps) and Gesture.NOD in steps
    return varied and both and all(list(steps).count(one) <= 1 for one in _ONCE)


def make_prompt(phase: Phase, step: Gesture | None) -> tuple[str, str]:
    """Return an arrow and words for the person.

    >>> make_prompt(Phase.MOVE, Gesture.CLOSER)
    ('⊕', 'come closer')
    """
    if phase is Phase.MOVE and step is not None:
        return make_gesture_prompt(step)
    words = {Phase.DONE: ("✓", "done"), Phase.FAILED: ("✗", "that did not work")}
    return words.get(phase, ("•", "look straight into the camera"))


@dataclass(slots=True)
class Challenge:
    """One challenge, from the first frame to done or failed. It holds no camera and no clock.

    Args:
        steps: what to ask for, in order; see `draw_steps`.

    Attributes:
        phase: its state.
        why: why it failed, in words; empty otherwise.

    >>> Challenge((Gesture.LEFT, Gesture.NOD)).current_step
    <Gesture.LEFT: 'left'>
    """

    steps: Sequence[Gesture]
    phase: Phase = Phase.FACE
    why: str = ""
    _number: int = 0
    _since: float | None = None
    _witness: GestureWitness = field(default_factory=GestureWitness)

    @property
    def current_step(self) -> Gesture | None:
        """The step that is to be made now; None when the challenge is over."""
        over = self.phase in (Phase.DONE, Phase.FAILED)
        return None if over else self.steps[self._number]

    def add_frame(
        self,
        at: float,
        gray: NDArray[np.uint8],
        head: HeadReading | None,
        *,
        continues: bool | None,
    ) -> Phase:
        """Look at the next frame and return the new state of the challenge.

        Args:
            at: when it was taken, in seconds.
            gray: uint8[h, w].
            head: what the mesh read from its face; None without a face or a mesh.
            continues: whether it shows the same face of the same person as the frame before; None
                where it shows no face.
        """
        if self.phase in (Phase.DONE, Phase.FAILED):
            return self.phase
        first = self._since is None
        self._since = at if self._since is None else self._since
        if at - self._since > MAX_STEP_SECONDS:
            return self._fail(f"the step {self.steps[self._number]} was not seen in time")
        if continues is None:
            return self.phase  # if this goes on, the next face does not continue this one
        if not continues and not first:
            if self._number or self.phase is Phase.MOVE:
                return self._fail("the face was out of view, or exchanged for another")
            self._witness.restart()  # no step has begun, so an exchanged face gains nothing
        seen = self._witness.add(at, gray, head)
        if seen is not None:
            return self._take(seen.gesture, at)
        self.phase = Phase.MOVE if self._witness.is_ready else Phase.FACE
        return self.phase

    def _take(self, seen: Gesture, at: float) -> Phase:
        """Go on to the next step, or fail if this was another gesture."""
        asked = self.steps[self._number]
        if seen is not asked:
            return self._fail(f"the step {asked} was asked for, but {seen} was seen")
        self._number, self._since = self._number + 1, at
        self._witness.restart()
        self.phase = Phase.DONE if self._number == len(self.steps) else Phase.FACE
        return self.phase

    def _fail(self, why: str) -> Phase:
        self.phase, self.why = Phase.FAILED, why
        return self.phase
