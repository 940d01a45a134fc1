"""Recognise a gesture from how a head moves: nod, turn, close the eyes, come closer.

What the mesh reads of each frame becomes five numbers: yaw, pitch, the size of the face and how
far each eye is closed. A gesture is one clear movement away from the person's own rest position
and held for a moment there. It is measured in seconds, not in frames, so that it does not depend
on the frame rate. There is no camera and no clock here.

*Left* is the left of the person in front of the camera.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from onlyme.types import HeadReading

__all__ = [
    "GESTURE_SECONDS",
    "HOLD_SECONDS",
    "SOLID_GESTURES",
    "Gesture",
    "GestureDetector",
    "HeadPosition",
    "SeenGesture",
    "draw_gesture",
    "is_frontal",
    "make_gesture_prompt",
    "measure_gestures",
]

GESTURE_SECONDS: Final = 5.0
"""Longest time for one gesture, from the first frame with a face."""

REST_SECONDS: Final = 0.25
"""The head rests when it hardly moves for this time, …"""

MIN_REST_FRAMES: Final = 3
"""… in at least this many frames, …"""

MAX_REST_DEGREES: Final = 3.0
"""… neither yaw nor pitch by more than this, …"""

MAX_REST_LOG_GROWTH: Final = 0.04
"""… nor its size by more than this (natural logarithm), …"""

MAX_REST_TURN_DEGREES: Final = 20.0
"""… while it is turned to a side, up or down by no more than this, …"""

MAX_REST_CLOSED: Final = 0.45
"""… and its eyes are open."""

MIN_TURN_DEGREES: Final = 18.0
"""A turn to a side reaches this, from the rest position, …"""

MIN_SIDE_DEGREES: Final = 9.0
"""… and this, from the camera: who only turns back to the camera makes no gesture."""

MIN_NOD_DEGREES: Final = 12.0
"""A nod lowers the head by this, from the rest position."""

MIN_LOG_GROWTH: Final = math.log(1.25)
"""Who comes closer becomes larger by this (natural logarithm)."""

CLOSED_SCORE: Final = 0.75
"""The score of an eye that is closed, in the clips: 0.64 to 0.81."""

MIN_CLOSED_SHARE: Final = 0.55
"""Each eye closes by this share of the way from the person's own open eye to `CLOSED_SCORE`."""

STAY_SHARE: Final = 0.65
"""A gesture lasts while the head is at least this share of the way there."""

MIN_LINE_RATIO: Final = 1.5
"""A turn goes this much further to the side than up or down, and a nod the other way round."""

MAX_FACING_DEGREES: Final = 12.0
"""Who closes the eyes or comes closer keeps the head within this of the rest position: the eyes
of a head that looks up or down seem to close."""

MIN_PEAK_FRAMES: Final = 2
"""A gesture reaches its size in at least this many frames."""

MAX_PEAK_SHARE: Final = 2.0
"""What is larger than this many times the least size needs no less time."""

MAX_GAP_SECONDS: Final = 0.5
"""Longest time without a mesh; then the rest position is measured again."""

MAX_MOVE_SECONDS: Final = 1.5
"""Longest time from the rest position until the gesture is `STAY_SHARE` of the way there, …"""

MAX_LID_SECONDS: Final = 0.6
"""… and that of the eyelids: who falls asleep makes no gesture."""

_SIZE_POINTS: Final = [33, 133, 362, 263, 10, 168, 2, 61, 291]


class Gesture(StrEnum):
    """What a person may be asked to do.

    Example:
        >>> [str(gesture) for gesture in onlyme.Gesture]
        ['nod', 'left', 'right', 'blink', 'closer']
    """

    NOD = "nod"
    LEFT = "left"
    RIGHT = "right"
    BLINK = "blink"
    CLOSER = "closer"


HOLD_SECONDS: Final = {
    Gesture.NOD: 0.35,
    Gesture.LEFT: 0.9,
    Gesture.RIGHT: 0.9,
    Gesture.BLINK: 0.7,
    Gesture.CLOSER: 0.4,
}
"""How long each gesture lasts at least. In the clips, people who speak or act turn their heads by
20 degrees for up to 0.7 s, and close their eyes for up to 0.5 s; reflex blinks take 0.1 to 0.4 s.
A larger turn or nod may be shorter: one of twice the least size, half as long."""

SOLID_GESTURES: Final = frozenset((Gesture.NOD, Gesture.LEFT, Gesture.RIGHT))
"""Gestures by which a solid head is told from a picture; see `onlyme.liveness.witness`."""

_DRAWN: Final = (Gesture.NOD, Gesture.LEFT, Gesture.RIGHT, Gesture.BLINK)
_PROMPTS: Final = {
    Gesture.NOD: ("↓", "nod: lower your head"),
    Gesture.LEFT: ("←", "turn your head to your left"),
    Gesture.RIGHT: ("→", "turn your head to your right"),
    Gesture.BLINK: ("–", "close both eyes for a second"),
    Gesture.CLOSER: ("⊕", "come closer"),
}


def draw_gesture(rng: random.Random | None = None) -> Gesture:
    """Draw one gesture that a photo cannot imitate: any but coming closer.

    Args:
        rng: the source of randomness; by default the system's own, which cannot be predicted.

    >>> draw_gesture() in Gesture
    True
    """
    return (rng or random.SystemRandom()).choice(_DRAWN)


def make_gesture_prompt(gesture: Gesture) -> tuple[str, str]:
    """Return an arrow and words that ask for a gesture.

    >>> make_gesture_prompt(Gesture.LEFT)
    ('←', 'turn your head to your left')
    """
    return _PROMPTS[gesture]


@dataclass(frozen=True, slots=True)
class HeadPosition:
    """The numbers of one frame that gestures are made of.

    Attributes:
        yaw: degrees, positive to the person's own left.
        pitch: degrees, positive upwards.
        size: natural logarithm of the face's size in pixels.
        left, right: how far each eye is closed, 0 (open) to 1 (closed).
    """

    yaw: float
    pitch: float
    size: float
    left: float
    right: float

    @property
    def numbers(self) -> tuple[float, float, float, float, float]:
        """Its five numbers, in order."""
        return self.yaw, self.pitch, self.size, self.left, self.right

    @property
    def is_finite(self) -> bool:
        """Whether none of the numbers is infinite or missing."""
        return all(map(math.isfinite, self.numbers))

    @classmethod
    def measure(cls, reading: HeadReading) -> Self:
        """Measure what the mesh read."""
        points = reading.mesh.points[_SIZE_POINTS, :2].astype(np.float64)
        size = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
        left, right = reading.eyes_closed
        return cls(reading.mesh.yaw, reading.mesh.pitch, math.log(max(size, 1e-6)), left, right)


@dataclass(frozen=True, slots=True, eq=False)
class SeenGesture:
    """A gesture that was seen.

    Attributes:
        gesture: which one.
        began: when the head last was in its rest position, in seconds.
        at: when the gesture was recognised.
    """

    gesture: Gesture
    began: float
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    at: float
    position: HeadPosition


@dataclass(slots=True)
class _Run:
    """The time that a head has been on the way to a gesture, without a break."""

    began: float
    shares: list[float] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """The share that was reached in two frames at least: one may be a fault of the mesh."""
        return sorted(self.shares)[-MIN_PEAK_FRAMES:][0] if len(self.shares) > 1 else 0.0

    def is_made(self, gesture: Gesture, at: float) -> bool:
        """Say whether it is large enough, and has lasted long enough, to be the gesture."""
        peak = self.peak
        shorter = min(peak, MAX_PEAK_SHARE) if gesture in SOLID_GESTURES else 1.0
        return peak >= 1 and (at - self.began) * shorter >= HOLD_SECONDS[gesture] - 1e-6


@dataclass(slots=True)
class GestureDetector:
    """Watches one head and says which gesture it makes.

    Attributes:
        rest: the rest position from which movements are measured; None before there is one.
        rest_at: when the head was last in it, in seconds.
    """

    rest: HeadPosition | None = None
    rest_at: float = 0.0
    _recent: deque[_Moment] = field(default_factory=deque)
    _runs: dict[Gesture, _Run] = field(default_factory=dict)

    def add(self, at: float, reading: HeadReading | None) -> SeenGesture | None:
        """Look at the next frame; return the gesture that has been made, if any.

        A gesture is returned at every frame until it ends.

        Args:
            at: when the frame was taken, in seconds.
            reading: what the mesh read; None without a mesh.
        """
        if reading is None:
            return None
        position = HeadPosition.measure(reading)
        if not (math.isfinite(at) and position.is_finite):
            return None
        since = at - self._recent[-1].at if self._recent else 0.0
        if not 0 <= since <= MAX_GAP_SECONDS:
            self.restart()
        elif self._recent and since == 0:
            return None  # the same frame again
        self._recent.append(_Moment(at, position))
        while at - self._recent[0].at > REST_SECONDS + MAX_GAP_SECONDS:
            self._recent.popleft()
        return self._follow(at, position)

    def restart(self) -> None:
        """Forget the rest position and look for a new one."""
        self.rest = None
        self._recent.clear()
        self._runs.clear()

    @property
    def moving(self) -> frozenset[Gesture]:
        """The gestures that the head is on the way to."""
        return frozenset(self._runs)

    def _follow(self, at: float, position: HeadPosition) -> SeenGesture | None:
        """Follow each gesture that the head may be on the way to."""
        if self.rest is None:
            self._find_rest(at)
            return None
        shares = measure_gestures(self.rest, position)
        self._runs = {one: run for one, run in self._runs.items() if shares[one] >= STAY_SHARE}
        for gesture, share in shares.items():
            if share < STAY_SHARE:
                continue
            run = self._runs.setdefault(gesture, _Run(at))
            run.shares.append(share)
            limit = MAX_LID_SECONDS if gesture is Gesture.BLINK else MAX_MOVE_SECONDS
            if run.began - self.rest_at > limit:  # it drifted there
                self.restart()
                return None
            if run.is_made(gesture, at):
                return SeenGesture(gesture, self.rest_at, at)
        if not self._runs:
            self._find_rest(at)
        return None

    def _find_rest(self, at: float) -> None:
        """Take the last moments as the rest position if the head hardly moved in them.

        So the rest position follows a slow drift, and no clear movement.
        """
        last = [one for one in self._recent if at - one.at <= REST_SECONDS + 1e-6]
        if len(last) < MIN_REST_FRAMES:
            last = list(self._recent)[-MIN_REST_FRAMES:]
        if len(last) < MIN_REST_FRAMES or at - self._recent[0].at < REST_SECONDS - 1e-6:
            return
        table = np.array([one.position.numbers for one in last])
        yaw, pitch, size, *_ = np.ptp(table, axis=0)
        middle = HeadPosition(*np.median(table, axis=0).tolist())
        if (
            max(yaw, pitch) <= MAX_REST_DEGREES
            and size <= MAX_REST_LOG_GROWTH
            and max(abs(middle.yaw), abs(middle.pitch)) <= MAX_REST_TURN_DEGREES
            and max(middle.left, middle.right) <= MAX_REST_CLOSED
        ):
            self.rest, self.rest_at = middle, at


def measure_gestures(rest: HeadPosition, now: HeadPosition) -> dict[Gesture, float]:
    """Return how far a head is on the way to each gesture: 0 not at all, 1 or more it is there."""
    yaw, pitch = now.yaw - rest.yaw, now.pitch - rest.pitch
    level = abs(yaw) >= MIN_LINE_RATIO * abs(pitch)
    left, right = (
        min(sign * yaw / MIN_TURN_DEGREES, sign * now.yaw / MIN_SIDE_DEGREES) if level else 0.0
        for sign in (1, -1)
    )
    down = -pitch / MIN_NOD_DEGREES if abs(pitch) >= MIN_LINE_RATIO * abs(yaw) else 0.0
    facing = max(abs(yaw), abs(pitch)) <= MAX_FACING_DEGREES
    nearer = (now.size - rest.size) / MIN_LOG_GROWTH if facing else 0.0
    closed = min(
        (there - open_) / (CLOSED_SCORE - open_)
        for open_, there in ((rest.left, now.left), (rest.right, now.right))
    )
    return {
        Gesture.NOD: max(0.0, down),
        Gesture.LEFT: max(0.0, left),
        Gesture.RIGHT: max(0.0, right),
        Gesture.BLINK: max(0.0, closed / MIN_CLOSED_SHARE) if facing else 0.0,
        Gesture.CLOSER: max(0.0, nearer),
    }


def is_frontal(reading: HeadReading) -> bool:
    """Say whether a head looks towards the camera, as one at rest does."""
    return max(abs(reading.mesh.yaw), abs(reading.mesh.pitch)) <= MAX_REST_TURN_DEGREES


for _public in (Gesture, draw_gesture, make_gesture_prompt):
    _public.__module__ = "onlyme"  # where users find it
