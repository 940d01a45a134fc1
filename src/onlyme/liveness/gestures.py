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

from onlyme.liveness.flatness import MIN_SOLID_RESIDUAL, measure_flatness

if TYPE_CHECKING:
    from onlyme.types import HeadReading

__all__ = [
    "GESTURE_SECONDS",
    "Gesture",
    "GestureDetector",
    "HeadPosition",
    "SeenGesture",
    "draw_gesture",
    "make_gesture_prompt",
]

GESTURE_SECONDS: Final = 5.0
"""Longest time for one gesture, from the first frame with a face."""

REST_SECONDS: Final = 0.2
"""The head rests when it hardly moves for this time, …"""

MIN_REST_FRAMES: Final = 3
"""… in at least this many frames, …"""

MAX_REST_DEGREES: Final = 3.5
"""… neither yaw nor pitch by more than this, …"""

MAX_REST_GROWTH: Final = 0.04
"""… nor its size by more than this (natural logarithm), …"""

MAX_REST_YAW_DEGREES: Final = 20.0
"""… while it is turned to a side by no more than this, …"""

MAX_REST_CLOSED: Final = 0.5
"""… and its eyes are open."""

MIN_TURN_DEGREES: Final = 20.0
"""A turn to a side, from the rest position."""

MIN_NOD_DEGREES: Final = 12.0
"""A nod: the head is lowered by this, from the rest position."""

MIN_GROWTH: Final = math.log(1.2)
"""Coming closer: the natural logarithm of how much larger the face is."""

MIN_CLOSING: Final = 0.35
"""Closing the eyes: how much the score of each eye rises, from that of the open eye."""

HOLD_SECONDS: Final = {"nod": 0.2, "left": 0.25, "right": 0.25, "blink": 0.6, "closer": 0.4}
"""How long each gesture must be held. Reflex blinks take 0.1 to 0.4 s."""

MIN_HOLD_FRAMES: Final = 3
"""Least number of frames in which a gesture must be seen."""

MAX_GAP_SECONDS: Final = 0.35
"""Longest time without a mesh within a gesture."""

MAX_MOVE_SECONDS: Final = 1.5
"""Longest time from the rest position to the held one: a drift is no gesture."""

_SIZE_POINTS: Final = [33, 133, 362, 263, 10, 168, 2, 61, 291]


class Gesture(StrEnum):
    """What a person may be asked to do."""

    NOD = "nod"
    LEFT = "left"
    RIGHT = "right"
    BLINK = "blink"
    CLOSER = "closer"


_SOLID: Final = frozenset((Gesture.NOD, Gesture.LEFT, Gesture.RIGHT))
_PROMPTS: Final = {
    Gesture.NOD: ("↓", "nod: lower your head"),
    Gesture.LEFT: ("←", "turn your head to your left"),
    Gesture.RIGHT: ("→", "turn your head to your right"),
    Gesture.BLINK: ("–", "close both eyes for a second"),
    Gesture.CLOSER: ("⊕", "come closer"),
}


def draw_gesture(rng: random.Random | None = None) -> Gesture:
    """Draw one gesture.

    Args:
        rng: the source of randomness; by default the system's own, which cannot be predicted.

    >>> draw_gesture() in Gesture
    True
    """
    return (rng or random.SystemRandom()).choice(list(Gesture))


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
        solid: whether the head moved like a solid one; always true where that cannot be measured,
            for closing eyes and coming closer.
    """

    gesture: Gesture
    began: float
    at: float
    solid: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    at: float
    position: HeadPosition
    reading: HeadReading


@dataclass(slots=True)
class GestureDetector:
    """Watches one head and says which gesture it makes.

    Attributes:
        rest: the rest position from which movements are measured; None before there is one.
    """

    rest: HeadPosition | None = None
    _rested: _Moment | None = None
    _recent: deque[_Moment] = field(default_factory=deque)
    _since: dict[Gesture, list[_Moment]] = field(default_factory=dict)
    _near: float = 0.0

    def add(self, at: float, reading: HeadReading | None) -> SeenGesture | None:
        """Look at the next frame; return the gesture that it completes, if any.

        Args:
            at: when the frame was taken, in seconds; later than the frame before.
            reading: what the mesh read; None without a mesh.
        """
        if reading is None:
            return None
        position = HeadPosition.measure(reading)
        if not all(map(math.isfinite, (at, *_numbers(position)))):
            return None
        moment = _Moment(at, position, reading)
        if self._recent and not 0 < at - self._recent[-1].at <= MAX_GAP_SECONDS:
            self.restart()
        self._recent.append(moment)
        while at - self._recent[0].at > REST_SECONDS + MAX_GAP_SECONDS:
            self._recent.popleft()
        if self.rest is None or self._rested is None:
            self._find_rest(at)
            return None
        moved = _find_moved(self.rest, position)
        for gesture in list(self._since):
            if gesture not in moved:
                del self._since[gesture]
        for gesture in moved:
            held = self._since.setdefault(gesture, [])
            held.append(moment)
            if held[0].at - self._near > MAX_MOVE_SECONDS:
                self.restart()  # it drifted there
                return None
            if at - held[0].at >= HOLD_SECONDS[gesture] and len(held) >= MIN_HOLD_FRAMES:
                return self._see(gesture, moment)
        if not moved:
            self._find_rest(at)
        return None

    def restart(self) -> None:
        """Forget the rest position and look for a new one."""
        self.rest = self._rested = None
        self._recent.clear()
        self._since.clear()

    def _find_rest(self, at: float) -> None:
        """Take the last moments as the rest position if the head hardly moved in them."""
        last = [one for one in self._recent if at - one.at <= REST_SECONDS + 1e-6]
        if len(last) < MIN_REST_FRAMES:
            last = list(self._recent)[-MIN_REST_FRAMES:]
        if len(last) < MIN_REST_FRAMES or at - self._recent[0].at < REST_SECONDS - 1e-6:
            return
        table = np.array([_numbers(one.position) for one in last])
        yaw, pitch, size, *_ = np.ptp(table, axis=0)
        middle = HeadPosition(*np.median(table, axis=0).tolist())
        if (
            max(yaw, pitch) <= MAX_REST_DEGREES
            and size <= MAX_REST_GROWTH
            and abs(middle.yaw) <= MAX_REST_YAW_DEGREES
            and max(middle.left, middle.right) <= MAX_REST_CLOSED
        ):
            self.rest, self._rested, self._near = middle, last[len(last) // 2], at

    def _see(self, gesture: Gesture, moment: _Moment) -> SeenGesture:
        assert self._rested is not None  # noqa: S101 - for the type checker; `add` checks it
        solid = gesture not in _SOLID or (
            measure_flatness(self._rested.reading.mesh.points, moment.reading.mesh.points)
            >= MIN_SOLID_RESIDUAL
        )
        return SeenGesture(gesture, self._near, moment.at, solid)


def _numbers(position: HeadPosition) -> tuple[float, float, float, float, float]:
    return position.yaw, position.pitch, position.size, position.left, position.right


def _find_moved(rest: HeadPosition, now: HeadPosition) -> set[Gesture]:
    """Return the gestures whose position the head is in."""
    yaw, pitch, size = now.yaw - rest.yaw, now.pitch - rest.pitch, now.size - rest.size
    moved = set()
    if abs(yaw) >= max(MIN_TURN_DEGREES, 1.5 * abs(pitch)):
        moved.add(Gesture.LEFT if yaw > 0 else Gesture.RIGHT)
    if -pitch >= max(MIN_NOD_DEGREES, 1.5 * abs(yaw)):
        moved.add(Gesture.NOD)
    facing = abs(yaw) <= 12 and abs(pitch) <= 12
    if facing and size >= MIN_GROWTH:
        moved.add(Gesture.CLOSER)
    if facing and min(now.left - rest.left, now.right - rest.right) >= MIN_CLOSING:
        moved.add(Gesture.BLINK)
    return moved
