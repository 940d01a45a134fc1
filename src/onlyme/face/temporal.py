"""Frames of one camera come in, one after the other; their faces go out at a fraction of the cost.

A face is near where it was a moment ago. So most frames are searched only there, on a small
crop, by the same network that searches whole frames: whatever it finds was measured as finely
as ever, and what it does not find any more is searched for in the whole frame at once. Each
fifth frame is searched whole in any case, since somebody else may have come into it. Where a
face's pixels are those of the frame in which it was measured, it is not measured again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import cv2

from onlyme.face.detect import MIN_SURE_SCORE
from onlyme.face.geometry import crop_face_box, remove_overlaps
from onlyme.face.yunet import SAME_FACE_OVERLAP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.types import Embedding, Face

__all__ = [
    "SEARCH_EVERY_FRAMES",
    "CachedEmbedder",
    "Follower",
    "TrackingDetector",
    "TrackingEmbedder",
    "is_unchanged",
]

SEARCH_EVERY_FRAMES: Final = 5
"""Of so many frames at least one is searched whole. An attempt takes as many, so that each
holds a whole search: a second person is seen after at most four frames (0.13 s at 30 a second)."""

MAX_FOLLOWED_FACES: Final = 3
"""More faces than this are found by one whole search as quickly as by one search each."""

MAX_UNCHANGED_LEVELS: Final = 1.0
"""Mean difference of two pictures of a face, in steps of 1/255, up to which the second is the
first again: a frame that came twice, or a picture that stands still. Of the clips, which are
compressed, one frame in eight is such, at most six in a row, and the embedding that is kept
has a cosine above 0.99 to its own (benchmarks/fast.py)."""


@runtime_checkable
class TrackingDetector(Protocol):
    """A detector that can follow faces; see `onlyme.face.detect.Detector`."""

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        """Find the faces of a frame, the largest first."""

    def detect_near(self, pixels: NDArray[np.uint8], last: Face) -> list[Face]:
        """Find the faces where one was in the frame before."""

    def has_candidate(self, pixels: NDArray[np.uint8]) -> bool:
        """Say whether a quick search finds anything that may be a face."""


class TrackingEmbedder(Protocol):
    """An embedder; see `onlyme.face.embed.Embedder`."""

    model: str
    dimension: int
    size: int

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one aligned face."""


@dataclass(slots=True)
class Follower:
    """A detector for the frames of one camera, in the order in which they were taken.

    Attributes:
        detector: finds faces; see `onlyme.face.detect.Detector`.
    """

    detector: TrackingDetector
    _last: list[tuple[Face, NDArray[np.uint8]]] = field(default_factory=list)
    _since: int = SEARCH_EVERY_FRAMES

    @property
    def was_searched_whole(self) -> bool:
        """Whether the last frame was searched whole."""
        return self._since == 0

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        """Find the faces of the next frame, the largest first.

        Args:
            pixels: uint8[h, w, 3], RGB.
            every: also look for small faces where a large one was found, when the whole
                frame is searched.
        """
        self._since += 1
        faces = self._follow_faces(pixels) if self._since < SEARCH_EVERY_FRAMES else None
        if faces is None:
            self._since = 0
            faces = self.detector.detect(pixels, every=every)
        # A face is kept with its pixels in the frame in which it was measured, since many small
        # changes are a large one; and with a copy, since a camera may write over its frames.
        measured = {id(face): part for face, part in self._last}
        self._last = [
            (
                face,
                part
                if (part := measured.get(id(face))) is not None
                else _copy_face_box(pixels, face),
            )
            for face in faces
        ]
        return faces

    def _follow_faces(self, pixels: NDArray[np.uint8]) -> list[Face] | None:
        """Find the same faces as in the last frame; None where the whole must be searched."""
        if not self._last:
            # Nobody was there. Whoever comes is nearly always seen at low resolution.
            return None if self.detector.has_candidate(pixels) else []
        if len(self._last) > MAX_FOLLOWED_FACES:
            return None
        same: list[Face] = []
        beside: list[Face] = []
        for last, part in self._last:
            if is_unchanged(crop_face_box(pixels, last), part):
                same.append(last)
                continue
            found = self.detector.detect_near(pixels, last)
            if not found or found[0].score < MIN_SURE_SCORE:
                return None
            same.append(found[0])
            beside += found[1:]
        if len(remove_overlaps(same, SAME_FACE_OVERLAP)) < len(same):
            return None  # two became one: which, only the whole frame can tell
        return sorted(
            remove_overlaps([*same, *beside], SAME_FACE_OVERLAP), key=lambda face: -face.area
        )


def _copy_face_box(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    return crop_face_box(pixels, face).copy()


class CachedEmbedder:
    """An embedder for the frames of one camera, which embeds no picture twice.

    A face that did not change gets the very same embedding, the same object: it is no new
    evidence, and whoever counts evidence can tell.

    Args:
        embedder: embeds aligned faces.

    Attributes:
        model, dimension, size: the embedder's; see `onlyme.face.embed.Embedder`.
    """

    def __init__(self, embedder: TrackingEmbedder) -> None:
        self.model, self.dimension, self.size = embedder.model, embedder.dimension, embedder.size
        self._embedder = embedder
        self._last: tuple[NDArray[np.uint8], Embedding] | None = None

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one face, or return what was embedded last if that was the same picture.

        Args:
            aligned: uint8[size, size, 3], RGB.
        """
        # It is compared with what was embedded, not with the last frame; see Follower.
        if self._last is None or not is_unchanged(aligned, self._last[0]):
            self._last = aligned, self._embedder.embed(aligned)
        return self._last[1]


def is_unchanged(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Say whether two pictures are the same, but for what compression makes of them."""
    return one.shape == other.shape and float(cv2.norm(one, other, cv2.NORM_L1)) <= (
        MAX_UNCHANGED_LEVELS * one.size
    )
