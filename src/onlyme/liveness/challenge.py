"""Ask a person for a random sequence of movements, and check each by the frames.

A recording cannot know the steps in advance, and a photo cannot turn like a head. So the
steps are drawn by the system's own randomness when the challenge begins. Each must be seen
in time and before any other, and each turn must be that of a solid head
(`onlyme.liveness.rigidity`). There is no blink step: nothing here measures eyelids.

*Left* is the left of the person in front of the camera. The picture is not mirrored, so
the nose moves to the right in it.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.errors import UsageError
from onlyme.liveness.rigidity import PointTracks, Rigidity, measure_rigidity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.types import Face

__all__ = [
    "Challenge",
    "ChallengeStep",
    "Phase",
    "draw_steps",
    "is_allowed",
    "is_frontal",
    "make_prompt",
]

MAX_STEP_SECONDS: Final = 6.0
"""Longest time for each step."""

MIN_LEAD_EYE_DISTANCES: Final = 0.10
"""The nose must move ahead by this many distances of the eyes: a turn of about ten degrees …"""

MIN_AHEAD_EYE_DISTANCES: Final = 0.04
"""… and by this much of its nearest neighbour, in every direction. Warped photos stay below."""

MIN_AHEAD_SHARE: Final = 0.3
"""In a turn to the side, `ahead` is at least this share of the lead (0.35 to 0.64 in the clip) …"""

MIN_BESIDE_SHARE: Final = 0.35
"""… and in one up or down, `beside` is at least this share (0.35 to 0.83)."""

MIN_SIDEWAYS_FACE_WIDTHS: Final = 0.08
"""In a turn to the side the landmarks must move as well: the nose against eyes and mouth, in
coordinates spanned by these, in which a tilted plane shows no movement."""

MIN_CLOSER_WIDTH_RATIO: Final = 1.25
"""Coming closer makes the face at least this many times as wide."""

MIN_STEP_FRAMES: Final = 3
"""Least number of successive frames in which a step must be seen."""

MAX_REST_EYE_DISTANCES: Final = 0.05
"""Before each step the nose must be this near to the position from which movements are measured."""

MAX_FRONTAL_FACE_WIDTHS: Final = 0.25
"""In a frontal face the nose is this near to the middle between the eyes and mouth corners."""


class ChallengeStep(StrEnum):
    """What a person may be asked to do."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    NOD = "nod"
    CLOSER = "closer"


class Phase(StrEnum):
    """The state of a challenge."""

    FACE = "face"
    """The person should look straight into the camera."""
    MOVE = "move"
    """The step may be made now."""
    DONE = "done"
    FAILED = "failed"


_SIDES: Final = frozenset((ChallengeStep.LEFT, ChallengeStep.RIGHT))
_LEVELS: Final = frozenset((ChallengeStep.UP, ChallengeStep.NOD))
_PROMPTS: Final = {
    ChallengeStep.LEFT: ("←", "turn your head to your left"),
    ChallengeStep.RIGHT: ("→", "turn your head to your right"),
    ChallengeStep.UP: ("↑", "look up"),
    ChallengeStep.NOD: ("↓", "nod: lower your head"),
    ChallengeStep.CLOSER: ("⊕", "come closer"),
}


def draw_steps(count: int = 3, rng: random.Random | None = None) -> tuple[ChallengeStep, ...]:
    """Draw an unpredictable sequence.

    No step comes twice in a row. Coming closer, which paper can imitate, comes at most once. A
    turn to a side and a turn up or down both come at least once: paper with a crease may
    imitate one of them, but not the other.

    Args:
        count: how many steps, 2 or more.
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
        steps = tuple(rng.choice(list(ChallengeStep)) for _ in range(count))
        if is_allowed(steps):
            return steps


def is_allowed(steps: Sequence[ChallengeStep]) -> bool:
    """Say whether a sequence may be asked for; see `draw_steps`.

    >>> left, right, nod, closer = map(ChallengeStep, ("left", "right", "nod", "closer"))
    >>> is_allowed([left, nod]), is_allowed([left, closer, right])
    (True, False)
    """
    varied = all(a is not b for a, b in itertools.pairwise(steps))
    both = not _SIDES.isdisjoint(steps) and not _LEVELS.isdisjoint(steps)
    return varied and both and list(steps).count(ChallengeStep.CLOSER) <= 1


def is_frontal(landmarks: NDArray[np.float32]) -> bool:
    """Say whether a face looks into the camera, not to a side."""
    return abs(_measure_sideways(landmarks)) <= MAX_FRONTAL_FACE_WIDTHS


def make_prompt(phase: Phase, step: ChallengeStep | None) -> tuple[str, str]:
    """Return an arrow and words for the person.

    >>> make_prompt(Phase.MOVE, ChallengeStep.UP)
    ('↑', 'look up')
    """
    if phase is Phase.MOVE and step is not None:
        return _PROMPTS[step]
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

    >>> Challenge((ChallengeStep.LEFT, ChallengeStep.UP)).current_step
    <ChallengeStep.LEFT: 'left'>
    """

    steps: Sequence[ChallengeStep]
    phase: Phase = Phase.FACE
    why: str = ""
    _number: int = 0
    _since: float | None = None
    _run: int = 0
    _wrong: int = 0
    _width: float = 1.0
    _nose: float = 0.0
    _fresh: bool = True
    _tracks: PointTracks | None = None

    @property
    def current_step(self) -> ChallengeStep | None:
        """The step that is to be made now; None when the challenge is over."""
        over = self.phase in (Phase.DONE, Phase.FAILED)
        return None if over else self.steps[self._number]

    def add_frame(
        self,
        at: float,
        gray: NDArray[np.uint8],
        face: Face | None,
        *,
        continues: bool,
    ) -> Phase:
        """Look at the next frame and return the new state of the challenge.

        Args:
            at: when it was taken, in seconds.
            gray: uint8[h, w].
            face: its subject; None without one.
            continues: whether it is the same face of the same person as in the frame before.
        """
        if self.phase in (Phase.DONE, Phase.FAILED):
            return self.phase
        first = self._since is None
        self._since = at if self._since is None else self._since
        if at - self._since > MAX_STEP_SECONDS:
            return self._fail(f"the step {self.steps[self._number]} was not seen in time")
        if face is None:
            return self.phase  # if this continues, the next face does not continue this one
        if not continues and not (first or self._is_at_start()):
            return self._fail("the face was out of view, or exchanged for another")
        if self._tracks is None:
            return self._anchor(gray, face)
        self._tracks.follow(gray)
        motion = measure_rigidity(self._tracks)
        if motion is None:  # the points were lost, in a blur perhaps
            return self._restart_step()
        if self.phase is Phase.FACE:
            return self._wait_for_rest(gray, face, motion)
        return self._judge(at, face, motion)

    def _is_at_start(self) -> bool:
        """Say whether no step has begun yet, so that an exchanged face gains nothing."""
        return self._number == 0 and self._tracks is None

    def _anchor(self, gray: NDArray[np.uint8], face: Face) -> Phase:
        """Take this frame, if the face is frontal, as the one from which movements are measured."""
        nose = _measure_sideways(face.landmarks)
        if is_frontal(face.landmarks):
            self._tracks = PointTracks(gray, face.landmarks)
            self._nose, self._width = nose, float(face.box[2])
            self._fresh, self._run = True, 0
        return self.phase

    def _restart_step(self) -> Phase:
        """Begin the step again, without giving it more time."""
        self._tracks, self.phase = None, Phase.FACE
        return self.phase

    def _wait_for_rest(self, gray: NDArray[np.uint8], face: Face, motion: Rigidity) -> Phase:
        """Wait until the face rests in the position from which movements are measured."""
        still = max(abs(motion.x), abs(motion.y)) <= MAX_REST_EYE_DISTANCES
        self._run = self._run + 1 if still else 0
        if not still and self._fresh:  # the frame was taken while the head was moving
            return self._restart_step()
        if self._run >= MIN_STEP_FRAMES:
            if not self._fresh:  # a turn displaces some points; the next begins with new ones
                self._anchor(gray, face)
            self.phase, self._fresh, self._run, self._wrong = Phase.MOVE, False, 0, 0
        return self.phase

    def _judge(self, at: float, face: Face, motion: Rigidity) -> Phase:
        """Say whether the step was made, or another one."""
        done, asked = self._find_movements(face, motion), self.steps[self._number]
        self._run = self._run + 1 if asked in done else 0
        self._wrong = self._wrong + 1 if done and asked not in done else 0
        if self._wrong >= MIN_STEP_FRAMES:
            return self._fail(f"the step {asked} was asked for, but {min(done)} was seen")
        if self._run < MIN_STEP_FRAMES:
            return self.phase
        self._number, self._since, self._run = self._number + 1, at, 0
        if asked is ChallengeStep.CLOSER:  # later movements are measured from a new frame
            self._tracks = None
        self.phase = Phase.DONE if self._number == len(self.steps) else Phase.FACE
        return self.phase

    def _find_movements(self, face: Face, motion: Rigidity) -> set[ChallengeStep]:
        """Return the movements since the step began."""
        done = set()
        if (
            float(face.box[2]) >= MIN_CLOSER_WIDTH_RATIO * self._width
            and motion.spread >= MIN_CLOSER_WIDTH_RATIO**0.5
        ):
            done.add(ChallengeStep.CLOSER)
        side = _measure_sideways(face.landmarks) - self._nose
        if abs(motion.x) >= max(MIN_LEAD_EYE_DISTANCES, abs(motion.y)):
            if (
                motion.ahead >= max(MIN_AHEAD_EYE_DISTANCES, MIN_AHEAD_SHARE * abs(motion.x))
                and abs(side) >= MIN_SIDEWAYS_FACE_WIDTHS
                and motion.x * side > 0
            ):
                done.add(ChallengeStep.LEFT if motion.x > 0 else ChallengeStep.RIGHT)
        elif abs(motion.y) >= MIN_LEAD_EYE_DISTANCES and motion.beside >= max(
            MIN_AHEAD_EYE_DISTANCES, MIN_BESIDE_SHARE * abs(motion.y)
        ):
            done.add(ChallengeStep.NOD if motion.y > 0 else ChallengeStep.UP)
        return done

    def _fail(self, why: str) -> Phase:
        self.phase, self.why, self._tracks = Phase.FAILED, why, None
        return self.phase


def _measure_sideways(landmarks: NDArray[np.float32]) -> float:
    """Return the nose's place between the left (−0.5) and right (0.5) eye and mouth corner.

    It is measured in coordinates spanned by these four points. No affine change of the picture
    changes them, and so no distant tilted plane does.
    """
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    across = (landmarks[1] - landmarks[0] + landmarks[4] - landmarks[3]) / 2
    basis = np.stack([across, mouth - eyes], axis=1).astype(np.float64)
    if abs(np.linalg.det(basis)) < 1e-6:
        return 0.0
    return float(np.linalg.solve(basis, landmarks[2] - eyes)[0])
