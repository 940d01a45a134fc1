"""Find the faces in the successive frames of one camera, in a fraction of the time.

A face is near the place where it was in the frame before. So most frames are searched only
there, on a small crop, by the same network that searches whole frames: a face that it finds is
measured as precisely as in a whole search. If it does not find the face again, the whole frame
is searched at once. Every fifth frame is searched whole in any case, since another person may
have come into view. A face whose pixels have not changed since it was measured is not measured
again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2

from onlyme.face.detect import MIN_SURE_SCORE
from onlyme.face.geometry import remove_overlaps
from onlyme.face.yunet import SAME_FACE_OVERLAP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder, TrackingDetector
    from onlyme.types import Embedding, Face

__all__ = ["SEARCH_EVERY_FRAMES", "CachedEmbedder", "Follower", "is_unchanged"]

SEARCH_EVERY_FRAMES: Final = 5
"""At least one of this many frames is searched whole. An attempt takes the same number of frames,
so that each attempt includes a whole search: a second person is found after at most four frames
(0.13 s at 30 a second)."""

MAX_FOLLOWED_FACES: Final = 3
"""For more faces than this, one whole search is as fast as one small search for each face."""

MAX_UNCHANGED_LEVELS: Final = 1.0
"""Largest mean difference of two pictures of a face, in steps of 1/255, for which they count as
the same picture: a repeated frame, or a picture that does not move. Of the clips, which are
compressed, one frame in eight is one, at most six in a row, and the embedding that is used again
has a cosine above 0.99 to its own (benchmarks/fast.py)."""


@dataclass(slots=True)
class Follower:
    """Finds the faces in the frames of one camera, in the order in which they were taken.

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
        # A face is stored with its pixels in the frame in which it was measured, since many small
        # changes add up to a large one; as a copy, since a camera may overwrite its frames.
        measured = {id(face): part for face, part in self._last}
        self._last = [
            (
                face,
                part if (part := measured.get(id(face))) is not None else face.crop(pixels).copy(),
            )
            for face in faces
        ]
        return faces

    def _follow_faces(self, pixels: NDArray[np.uint8]) -> list[Face] | None:
        """Find the faces of the last frame again; None where the whole frame must be searched."""
        if not self._last:
            # There was no face. A new one is nearly always found at low resolution.
            return None if self.detector.has_candidate(pixels) else []
        if len(self._last) > MAX_FOLLOWED_FACES:
            return None
        same: list[Face] = []
        beside: list[Face] = []
        for last, part in self._last:
            if is_unchanged(last.crop(pixels), part):
                same.append(last)
                continue
            found = self.detector.detect_near(pixels, last)
            if not found or found[0].score < MIN_SURE_SCORE:
                return None
            same.append(found[0])
            beside += found[1:]
        if len(remove_overlaps(same, SAME_FACE_OVERLAP)) < len(same):
            return None  # two faces became one; only the whole frame shows which
        return sorted(
            remove_overlaps([*same, *beside], SAME_FACE_OVERLAP), key=lambda face: -face.area
        )


class CachedEmbedder:
    """Embeds faces in the frames of one camera, and no picture twice.

    A face that did not change gets the same embedding object again, so that a caller who counts
    evidence can see that it is not new evidence.

    Args:
        embedder: embeds aligned faces.

    Attributes:
        model, dimension, size, whole: the embedder's; see `onlyme.face.embed.Embedder`.
    """

    def __init__(self, embedder: FaceEmbedder) -> None:
        self.model, self.dimension, self.size = embedder.model, embedder.dimension, embedder.size
        self.whole = getattr(embedder, "whole", False)  # see `onlyme.face.align.cut_out`
        self._embedder = embedder
        self._last: tuple[NDArray[np.uint8], Embedding] | None = None

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one face, or return the last embedding if the picture is the same.

        Args:
            aligned: uint8[size, size, 3], RGB.
        """
        # Compared with the picture that was embedded, not with the last frame; see Follower.
        if self._last is None or not is_unchanged(aligned, self._last[0]):
            self._last = aligned, self._embedder.embed(aligned)
        return self._last[1]


def is_unchanged(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Say whether two pictures are the same, apart from the effects of compression."""
    return one.shape == other.shape and float(cv2.norm(one, other, cv2.NORM_L1)) <= (
        MAX_UNCHANGED_LEVELS * one.size
    )
