"""Faces come in, frame by frame; whether they are still one and the same face goes out.

Liveness and identity must be proved by the same frames of the same person. Whoever
shows the owner's photo and then a living face, or the reverse, breaks the track: the
face jumps, vanishes or becomes somebody else, and the attempt starts over.

A camera's noise never comes twice. A frame that does come twice was not just filmed: one
may be a camera's hiccup, but a picture that stands still or a scene that returns is a
recording fed in place of the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.types import Face

__all__ = ["RepeatDetector", "SubjectTrack"]

MAX_GAP_SECONDS: Final = 0.5
"""A face that was out of sight for longer may have been exchanged."""

MAX_JUMP_FACE_WIDTHS: Final = 0.5
"""From one frame to the next a face moves by less than this share of its width …"""

MAX_FACE_WIDTHS_PER_SECOND: Final = 3.0
"""… and this many widths a second more. The fastest of the clips moves 0.4 in 1/15 s."""

MAX_GROWTH_LOG_RATIO: Final = 0.3
"""From one frame to the next a face's width changes by less than this (natural logarithm) …"""

MAX_GROWTH_LOG_RATIO_PER_SECOND: Final = 1.5
"""… and this much a second more."""

SAME_PERSON_COSINE: Final = 0.35
"""Cosine of a face to the mean of its track. Turning heads stay above 0.44 within a second,
two people are above 0.36 once in 550 pairs."""

SAME_PICTURE_LEVELS: Final = 0.2
"""Mean difference, in steps of 1/255, of two prints of one and the same picture. The stillest
of the clips differs by 0.4 from what it showed two frames and more before."""

MEMORY_FRAMES: Final = 450
"""So many fingerprints are remembered: 30 seconds at 15 frames a second."""


@dataclass(slots=True)
class SubjectTrack:
    """One face, followed through a stream of frames.

    Attributes:
        at: when it was last seen, in seconds.

    >>> from onlyme.types import Face
    >>> face = Face(np.array([0, 0, 99, 99], np.float32), np.zeros((5, 2), np.float32), 0.9)
    >>> ada, bob = np.eye(2, dtype=np.float32)
    >>> track = SubjectTrack()
    >>> [track.add_face(at, face, who) for at, who in ((0.0, ada), (0.1, ada), (0.2, bob))]
    [False, True, False]
    """

    at: float = 0.0
    _box: NDArray[np.float32] | None = None
    _sum: NDArray[np.float64] | None = None

    def add_face(self, at: float, face: Face, vector: NDArray[np.float32]) -> bool:
        """Say whether a face continues the track; if not, it begins a new one.

        Args:
            at: when the frame was taken, in seconds.
            face: the subject of the frame.
            vector: float32[d], its embedding, of unit length.
        """
        same = self._is_near(at, face) and self._is_same_person(vector)
        if not same or self._sum is None:
            self._sum = np.zeros(len(vector))
        self._sum = self._sum + vector
        self.at, self._box = at, face.box
        return same

    def _is_near(self, at: float, face: Face) -> bool:
        seconds = at - self.at
        if self._box is None or not 0 <= seconds <= MAX_GAP_SECONDS:
            return False
        old, new = self._box, face.box
        moved = float(np.hypot(*(new[:2] + new[2:] / 2 - old[:2] - old[2:] / 2)))
        grown = abs(math.log(max(float(new[2]), 1.0) / max(float(old[2]), 1.0)))
        reach = MAX_JUMP_FACE_WIDTHS + MAX_FACE_WIDTHS_PER_SECOND * seconds
        return (
            moved <= reach * max(float(old[2]), 1.0)
            and grown <= MAX_GROWTH_LOG_RATIO + MAX_GROWTH_LOG_RATIO_PER_SECOND * seconds
        )

    def _is_same_person(self, vector: NDArray[np.float32]) -> bool:
        assert self._sum is not None  # noqa: S101 - for the type checker; there was a box
        return float(vector @ self._sum) >= SAME_PERSON_COSINE * float(np.linalg.norm(self._sum))


@dataclass(slots=True)
class RepeatDetector:
    """What was seen lately, to know a frame that comes again.

    >>> repeats = RepeatDetector()
    >>> a, b = np.full(576, 10, np.uint8), np.full(576, 90, np.uint8)
    >>> [repeats.classify(print) for print in (a, b, b, a)]
    ['', '', 'still', 'loop']
    """

    _prints: NDArray[np.int16] | None = None
    _seen: int = 0

    def classify(self, fingerprint: NDArray[np.uint8]) -> str:
        """Say whether a frame is new (empty), the last one again (`still`) or an older (`loop`).

        Args:
            fingerprint: uint8[n], the frame's fingerprint.
        """
        if self._prints is None or self._prints.shape[1] != fingerprint.size:
            self._prints, self._seen = np.zeros((MEMORY_FRAMES, fingerprint.size), np.int16), 0
        known = self._prints[: min(self._seen, MEMORY_FRAMES)]
        apart = np.abs(known - fingerprint).sum(axis=1, dtype=np.int32)
        same = np.flatnonzero(apart <= SAME_PICTURE_LEVELS * fingerprint.size)
        if (self._seen - 1) % MEMORY_FRAMES in same:
            return "still"
        self._prints[self._seen % MEMORY_FRAMES] = fingerprint
        self._seen += 1
        return "loop" if len(same) else ""
