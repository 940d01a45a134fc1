"""Judge whether a person's eyes are open and the face is turned to the camera.

The eyelids are measured twice: by the score `eyeBlink` of the mesh, and by how far the points of
the lids are apart. People differ: what is wide open for one is nearly closed for another. So both
are compared with the person's own open eyes (`EyeLevel`), which enrolment learns, or else with the
mean of the population.

The mesh always draws eyes, also on dark glasses, and draws them open there. So an open eye must
also be seen: an iris that is darker than the skin around the eye, and light and dark parts between
the lids. Where neither eye is seen, the answer is *unclear*, which opens nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np

from onlyme.types import MIN_EYE_PHOTOS, AttentionLevel, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.types import Decision, HeadReading

__all__ = [
    "CHEEKS",
    "EYES",
    "POPULATION",
    "AttentionSession",
    "EyeLevel",
    "EyePoints",
    "EyeReading",
    "EyeState",
    "judge_eyes",
    "measure_eyes",
]

CLOSED_SHARE: Final = 0.45
"""Eyes count as closed from this share on: 0 is as open as usual, 1 shut. Between the greatest of
open eyes and the least of closed ones, with twelve people (`benchmarks/attention.py`)."""

OPEN_SHARE: Final = 0.42
"""Eyes count as open below this share. Between the two it is unclear: a lid that stays there, in
one frame repeated, was once taken for open."""

MAX_YAW_DEGREES: Final = 30.0
MAX_PITCH_DEGREES: Final = 25.0
"""A head turned farther does not face the camera, and its lids cannot be measured."""

MAX_GAZE_DEGREES: Final = 22.0
"""Eyes that look farther to a side do not look at the camera; for the level `gaze`."""

DEGREES_PER_LOOK: Final = 35.0
"""An eye is turned by about this much where the mesh's score `eyeLookIn` or `eyeLookOut` is 1."""

MIN_EYE_PIXELS: Final = 12.0
"""Least width of an eye, from corner to corner: on smaller ones the mesh sees false blinks."""

MIN_IRIS_CONTRAST: Final = 0.12
"""An iris is darker than the skin around the eye by at least this share of the skin's brightness:
glare or a hand over the eye leave less."""

MIN_EYE_RANGE: Final = 0.2
"""From the darkest to the brightest tenth, an eye spans at least this share of the brightness of
the cheeks: dark glasses leave less. Light ones, through which eyes are seen, do not."""

MIN_READINGS: Final = 2
"""Least number of frames with open eyes in an attempt."""

MIN_OPEN_SHARE: Final = 2 / 3
"""Least share of frames with open eyes among those read: a blink in one of three is allowed."""

MIN_OPEN_SHARE_MOVING: Final = 1 / 2
"""The same while a person makes a gesture, such as closing the eyes, among frames that face the
camera."""

MAX_READINGS: Final = 30
MAX_WAIT_SECONDS: Final = 1.0
"""An attempt waits this long for eyes to open after a blink, in frames read or seconds."""

LEVEL_POSE_DEGREES: Final = 15.0
"""A head turned by more, in yaw or pitch, is not used to learn the level of open eyes."""

MAX_OPEN_BLINK: Final = 0.42
MIN_OPEN_LIDS: Final = 0.14
"""Limits of an owner's level. Without them, a person enrolled asleep would be awake asleep."""


@dataclass(frozen=True, slots=True)
class EyePoints:
    """The points of a mesh (`onlyme.types.MeshFace`) that belong to one eye.

    Attributes:
        corners: the inner and the outer corner.
        lids: pairs of points of the upper and the lower lid, above each other.
        iris: the middle of the iris.
        rim: points on the rim of the iris.
        skin: points on the skin above and below the eye.
    """

    corners: tuple[int, int]
    lids: tuple[tuple[int, int], ...]
    iris: int
    rim: tuple[int, ...]
    skin: tuple[int, ...]


EYES: Final = (
    EyePoints(
        (362, 263),
        ((386, 374), (385, 380), (387, 373)),
        473,
        (474, 475, 476, 477),
        (257, 258, 259, 286, 252, 253, 254, 450, 449, 448),
    ),
    EyePoints(
        (133, 33),
        ((159, 145), (158, 153), (160, 144)),
        468,
        (469, 470, 471, 472),
        (27, 28, 29, 56, 22, 23, 24, 230, 229, 228),
    ),
)
"""The person's left and right eye."""

CHEEKS: Final = (50, 280, 101, 330, 118, 347, 9, 151)
"""Points of a mesh on the cheeks and the forehead."""

_ANGLES: Final = np.linspace(0, 2 * np.pi, 8, endpoint=False)
_DISC: Final = np.array(
    [(0.0, 0.0), *((r * np.cos(a), r * np.sin(a)) for r in (0.35, 0.7) for a in _ANGLES)]
)
"""Places on an iris, in its radii."""
_GRID: Final = np.array(
    [(x, y) for x in np.linspace(-0.42, 0.42, 9) for y in np.linspace(-0.16, 0.16, 5)]
)
"""Places on an eye, in its widths."""


@dataclass(frozen=True, slots=True)
class EyeLevel:
    """How a person's open eyes are measured.

    Attributes:
        blink: the mesh's score `eyeBlink`, mean of both eyes, 0 to 1.
        lids: distance of the lids by the width of the eye, mean of both eyes.
    """

    blink: float
    lids: float

    @classmethod
    def learn(cls, samples: NDArray[np.float32]) -> Self | None:
        """Learn the level from photos; None from too few.

        Args:
            samples: float32[n, 2], `EyeReading.sample` of photos of one person.
        """
        if len(samples) < MIN_EYE_PHOTOS:
            return None
        blink, lids = np.median(samples, axis=0).tolist()
        return cls(min(max(blink, 0.0), MAX_OPEN_BLINK), max(lids, MIN_OPEN_LIDS))

    def measure_closure(self, reading: EyeReading) -> float:
        """Return how far eyes are closed: 0 as open as usual, 1 shut; below 0 they are wider."""
        by_score = (reading.blink - self.blink) / (1 - self.blink)
        by_lids = 1 - reading.lids / self.lids
        return (by_score + by_lids) / 2


POPULATION: Final = EyeLevel(blink=0.12, lids=0.28)
"""The level of people whose own is not known: medians of twelve people."""


class EyeState(StrEnum):
    """What one frame tells of a person's eyes."""

    OPEN = "open"
    CLOSED = "closed"
    AWAY = "away"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class EyeReading:
    """What was measured of the eyes in one frame.

    Attributes:
        blink: the mesh's score, mean of both eyes, 0 (open) to 1 (closed).
        lids: distance of the lids by the width of the eye, mean of both eyes.
        width: width of the narrower eye, in pixels of the frame.
        iris: how much darker the iris is than the skin around the eye, as a share of that; below 0
            it is brighter. Of the eye that is seen better.
        range: brightness from the darkest to the brightest tenth of the same eye, as a share of
            the brightness of the cheeks.
        yaw: turn of the head in degrees, positive to the person's left.
        pitch: the same, positive upwards.
        gaze: turn of the eyes and head together to the person's left, in degrees.
    """

    blink: float
    lids: float
    width: float
    iris: float
    range: float
    yaw: float
    pitch: float
    gaze: float

    @property
    def sample(self) -> tuple[float, float] | None:
        """What enrolment learns from this reading; None where the eyes are not clear enough."""
        turned = max(abs(self.yaw), abs(self.pitch)) > LEVEL_POSE_DEGREES
        return (self.blink, self.lids) if self.is_seen and not turned else None

    @property
    def is_seen(self) -> bool:
        """Whether at least one iris is seen, in an eye that is large and not covered."""
        return self.is_uncovered and self.iris >= MIN_IRIS_CONTRAST

    @property
    def is_uncovered(self) -> bool:
        """Whether the eyes are large enough, and not behind dark glass."""
        return self.width >= MIN_EYE_PIXELS and self.range >= MIN_EYE_RANGE


def measure_eyes(pixels: NDArray[np.uint8], head: HeadReading) -> EyeReading:
    """Measure the eyes in one frame.

    Args:
        pixels: uint8[h, w, 3], RGB, the frame.
        head: what the mesh read in it.
    """
    points = head.mesh.points[:, :2].astype(np.float32)
    widths = [_measure_distance(points, *eye.corners) for eye in EYES]
    lids = [
        np.mean([_measure_distance(points, *pair) for pair in eye.lids]) / max(width, 1e-6)
        for eye, width in zip(EYES, widths, strict=True)
    ]
    scores = head.expression
    left = (scores["eyeLookOutLeft"] + scores["eyeLookInRight"]) / 2
    right = (scores["eyeLookInLeft"] + scores["eyeLookOutRight"]) / 2
    iris, span = _measure_contrast(pixels, points)
    return EyeReading(
        blink=sum(head.eyes_closed) / 2,
        lids=float(np.mean(lids)),
        width=min(widths),
        iris=iris,
        range=span,
        yaw=head.mesh.yaw,
        pitch=head.mesh.pitch,
        gaze=head.mesh.yaw + DEGREES_PER_LOOK * (left - right),
    )


def judge_eyes(reading: EyeReading | None, own: EyeLevel | None, level: AttentionLevel) -> EyeState:
    """Judge one frame.

    Args:
        reading: what was measured; None where no mesh was found.
        own: the owner's open eyes; None: those of the population.
        level: `gaze` also asks for eyes that look at the camera.
    """
    if reading is None or not reading.is_uncovered:
        return EyeState.UNCLEAR
    if abs(reading.yaw) > MAX_YAW_DEGREES or abs(reading.pitch) > MAX_PITCH_DEGREES:
        return EyeState.AWAY
    closure = (own or POPULATION).measure_closure(reading)
    if closure >= CLOSED_SHARE:
        return EyeState.CLOSED
    if closure >= OPEN_SHARE or not reading.is_seen:
        return EyeState.UNCLEAR
    if level is AttentionLevel.GAZE and abs(reading.gaze) > MAX_GAZE_DEGREES:
        return EyeState.AWAY
    return EyeState.OPEN


@dataclass(slots=True)
class AttentionSession:
    """The attention in one stream of frames, attempt after attempt.

    Attributes:
        level: what is asked for.
        moving: whether the person makes a gesture meanwhile.
    """

    level: AttentionLevel
    moving: bool = False
    _states: list[EyeState] = field(default_factory=list)
    _known: bool = False
    _began: float | None = None
    _waited: float = 0.0

    def is_due(self) -> bool:
        """Say whether the next frame of the face should be read.

        As a rule the first two are. A camera has not given its next frame by then, so that the
        mesh, which takes as long as an embedding, hardly makes the attempt longer.
        """
        return self.moving or not self.is_settled

    def add(self, at: float, reading: EyeReading | None, own: EyeLevel | None) -> None:
        """Add a frame that was read.

        Args:
            at: when it was taken, in seconds.
            reading: what was measured; None where no mesh was found.
            own: the owner's open eyes, if known.
        """
        self._began = at if self._began is None else self._began
        self._waited = at - self._began
        self._states.append(judge_eyes(reading, own, self.level))

    @property
    def is_settled(self) -> bool:
        """Whether further frames are not needed."""
        waited = self._waited >= MAX_WAIT_SECONDS or len(self._states) >= MAX_READINGS
        return waited or self._is_attentive

    def confirm(self, decision: Decision) -> Decision:
        """Refuse an accepted attempt in which the eyes were not seen open."""
        if not decision.accepted or self._is_attentive:
            return decision
        count = Counter(self._states)
        inattentive = count[EyeState.CLOSED] + count[EyeState.AWAY]
        clearly = inattentive > 0 and inattentive >= count[EyeState.UNCLEAR]
        reason = Reason.NOT_ATTENTIVE if clearly else Reason.ATTENTION_UNDECIDED
        return replace(decision, accepted=False, reason=reason)

    @property
    def is_fragment(self) -> bool:
        """Whether there are too few readings of a face that an earlier attempt showed."""
        return self._known and len(self._states) < MIN_READINGS

    def begin(self) -> None:
        """Begin a new attempt on the same face."""
        self._known |= len(self._states) >= MIN_READINGS
        self._states, self._began, self._waited = [], None, 0.0

    def start_over(self) -> None:
        """Begin a new attempt on another face."""
        self.begin()
        self._known = False

    @property
    def _is_attentive(self) -> bool:
        count = Counter(self._states)
        read, share = len(self._states), MIN_OPEN_SHARE
        if self.moving:
            read, share = read - count[EyeState.AWAY], MIN_OPEN_SHARE_MOVING
        return count[EyeState.OPEN] >= max(MIN_READINGS, share * read - 1e-9)


def _measure_distance(points: NDArray[np.float32], a: int, b: int) -> float:
    return float(np.hypot(*(points[a] - points[b])))


def _measure_contrast(
    pixels: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[float, float]:
    """Return `EyeReading.iris` and `EyeReading.range` of the eye that is seen better."""
    cheek = max(float(np.median(_take_brightness(pixels, points[list(CHEEKS)]))), 1.0)
    seen = []
    for eye in EYES:
        middle = points[eye.iris]
        radius = float(np.linalg.norm(points[list(eye.rim)] - middle, axis=1).mean())
        iris = np.median(_take_brightness(pixels, middle + radius * _DISC))
        skin = max(float(np.median(_take_brightness(pixels, points[list(eye.skin)]))), 1.0)
        start, end = points[list(eye.corners)]
        across = end - start
        down = np.array((-across[1], across[0]))
        grid = (start + end) / 2 + _GRID[:, :1] * across + _GRID[:, 1:] * down
        low, high = np.quantile(_take_brightness(pixels, grid), (0.1, 0.9))
        seen.append((1 - float(iris) / skin, float(high - low) / cheek))
    return max(seen, key=lambda one: min(one[0] / MIN_IRIS_CONTRAST, one[1] / MIN_EYE_RANGE))


def _take_brightness(
    pixels: NDArray[np.uint8], places: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the brightness, float32[n], 0 to 255, at places float[n, 2]; 0 outside the frame."""
    at = np.asarray(places, np.float32)[None]
    seen = cv2.remap(pixels, at[..., 0], at[..., 1], cv2.INTER_LINEAR)[0]
    return np.asarray(seen.mean(axis=1), np.float32)
