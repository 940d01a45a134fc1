"""Find the faces of a frame, with five landmarks each, at a cost that hardly grows with it.

A frame is first searched at low resolution. Where nothing convincing is found, the
search goes on at higher ones, so that small faces are not lost, and at last with the
picture turned by quarters, for photos whose orientation was lost. The landmarks of a
face that was found in a shrunken picture are then measured again on its own crop.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np
from cv2.utils import logging

from onlyme.errors import ModelRefused
from onlyme.face.shrink import shrink
from onlyme.types import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Detector"]

SEARCH_SIDES = (320, 640, 1280, 2560)
"""Longest side, in pixels, of the pictures searched one after the other."""

SURE = 0.8
"""A face of this score ends the search; a weaker one may be a better one's blur."""

ENOUGH = 0.6
"""Nothing below this score is a face (YuNet's authors report their results near here)."""

CROP_SIDE = 160
"""Side of the crop on which landmarks are measured again, in pixels."""

CROP_FACES = 2.0
"""Side of that crop in widths of the face: the detector wants to see what is around it."""

FINE_WIDTH = 80
"""A face this wide in the searched picture, in pixels, needs no second measurement."""

OVERLAP = 0.3
"""Two boxes that share more of their union than this are one face."""

MOST_FACES = 100
"""More faces than this in one frame are not looked at."""


class Detector:
    """YuNet through OpenCV. Safe to call from several threads, one at a time inside.

    Args:
        weights: the ONNX file's bytes, checked already.

    Raises:
        ModelRefused: when OpenCV cannot load them.
    """

    def __init__(self, weights: bytes) -> None:
        log_level = logging.getLogLevel()
        logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # it warns that it has no GPU
        try:
            self._net = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(weights, np.uint8), np.empty(0, np.uint8),
                (SEARCH_SIDES[0], SEARCH_SIDES[0]), ENOUGH, OVERLAP, MOST_FACES,
            )  # fmt: skip
        except cv2.error as error:
            raise ModelRefused(f"the detector cannot be loaded: {error.err}") from None
        finally:
            logging.setLogLevel(log_level)
        self._lock = Lock()

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        """Find the faces of a frame, the largest first.

        Args:
            pixels: uint8[h, w, 3], RGB.
            every: also look for small faces where a large one was found.

        Returns:
            Faces in the frame's own pixels; empty where there are none.
        """
        longest = max(pixels.shape[:2])
        found: list[Face] = []
        for side in SEARCH_SIDES:
            now = self._search(pixels, min(side, longest))
            found = _merged([*now, *found])
            if side >= longest or (not every and any(face.score >= SURE for face in found)):
                break
        if not found:
            found = self._search_turned(pixels)
        return sorted(found, key=lambda face: -face.area)

    def _search(self, pixels: NDArray[np.uint8], side: int) -> list[Face]:
        small, ratio = shrink(pixels, side)
        faces = [_scaled(row, ratio) for row in self._run(small)]
        if ratio[0] == 1:
            return faces
        narrow = FINE_WIDTH / ratio[0]
        return [self._refined(pixels, face) if face.box[2] < narrow else face for face in faces]

    def _refined(self, pixels: NDArray[np.uint8], face: Face) -> Face:
        """Measure a face again on its own crop; keep it as it was if that finds none."""
        centre = face.box[:2] + face.box[2:] / 2
        half = float(max(face.box[2:])) * CROP_FACES / 2
        height, width = pixels.shape[:2]
        left, top = np.clip(centre - half, 0, (width - 1, height - 1)).astype(int)
        right, bottom = np.clip(
            np.ceil(centre + half), (left + 1, top + 1), (width, height)
        ).astype(int)
        small, ratio = shrink(pixels[top:bottom, left:right], CROP_SIDE)
        again = [_scaled(row, ratio, (left, top)) for row in self._run(small)]
        best = max(again, key=lambda other: _overlap(face, other), default=face)
        return best if _overlap(face, best) > OVERLAP else face

    def _search_turned(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """Look for a face in the picture turned by 90, 180 and 270 degrees."""
        small, ratio = shrink(pixels, SEARCH_SIDES[1])
        height, width = small.shape[:2]
        # Where pixel (0, 0) and the axes of the turned picture lie in the upright one.
        turns = (
            (cv2.ROTATE_90_CLOCKWISE, (0, height - 1), ((0, -1), (1, 0))),
            (cv2.ROTATE_180, (width - 1, height - 1), ((-1, 0), (0, -1))),
            (cv2.ROTATE_90_COUNTERCLOCKWISE, (width - 1, 0), ((0, 1), (-1, 0))),
        )
        for code, origin, axes in turns:
            turned = np.asarray(cv2.rotate(small, code), np.uint8)
            faces = [face for face in map(_plain, self._run(turned)) if face.score >= SURE]
            if faces:
                back = np.array(axes, dtype=np.float32)
                return [_turned(face, np.array(origin, np.float32), back, ratio) for face in faces]
        return []

    def _run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = pixels.shape[:2]
        blue_first = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # the order YuNet was trained on
        with self._lock:
            self._net.setInputSize((width, height))
            _, found = self._net.detect(blue_first)
        rows = np.array(found if np.size(found) > 1 else [], np.float32).reshape(-1, 15)
        return rows[np.isfinite(rows).all(axis=1)]


def _plain(row: NDArray[np.float32]) -> Face:
    return Face(box=row[:4].copy(), landmarks=row[4:14].reshape(5, 2).copy(), score=float(row[14]))


def _scaled(
    row: NDArray[np.float32], ratio: NDArray[np.float32], shift: tuple[int, int] = (0, 0)
) -> Face:
    """Carry a face from the searched picture over to the frame."""
    face = _plain(row)
    offset = np.array(shift, np.float32)
    return Face(
        box=np.concatenate([face.box[:2] / ratio + offset, face.box[2:] / ratio]).astype(
            np.float32
        ),
        landmarks=(face.landmarks / ratio + offset).astype(np.float32),
        score=face.score,
    )


def _turned(
    face: Face, origin: NDArray[np.float32], axes: NDArray[np.float32], ratio: NDArray[np.float32]
) -> Face:
    """Carry a face from a turned picture back to the upright frame."""
    corners = np.array([face.box[:2], face.box[:2] + face.box[2:]])
    corners = (origin + corners @ axes) / ratio
    box = np.concatenate([corners.min(0), np.ptp(corners, axis=0)]).astype(np.float32)
    landmarks = ((origin + face.landmarks @ axes) / ratio).astype(np.float32)
    return Face(box=box, landmarks=landmarks, score=face.score)


def _overlap(one: Face, other: Face) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    low = np.maximum(one.box[:2], other.box[:2])
    high = np.minimum(one.box[:2] + one.box[2:], other.box[:2] + other.box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def _merged(faces: list[Face]) -> list[Face]:
    """Keep one of those that overlap: the first, which was found at the higher resolution."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face, other) <= OVERLAP for other in kept):
            kept.append(face)
    return kept
