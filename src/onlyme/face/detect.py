"""Find the faces of a frame, with five landmarks each, at a cost that hardly grows with it.

A frame is first searched at low resolution. Where nothing convincing is found, the
search goes on at higher ones, so that small faces are not lost, and at last with the
picture turned by quarters, for photos whose orientation was lost. Small faces found in a
shrunken picture are then measured again on their own crop, and so are tilted heads, on a
crop turned upright: YuNet knows upright faces, and sees the eyes of a head that is tilted
by 20° as nearly level; at 40° that costs more than half of the similarity (benchmarks/tilt.py).
"""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.face.geometry import (
    compose_affine,
    invert_shrink,
    map_to_frame,
    overlap,
    remove_overlaps,
)
from onlyme.face.resize import shrink
from onlyme.face.yunet import SAME_FACE_OVERLAP, load_opencv, wrap_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.face.yunet import NetworkFunction
    from onlyme.types import Face

__all__ = ["Detector"]

SEARCH_SIDES_PIXELS = (256, 640, 1280, 1920)
"""Longest side, in pixels, of the pictures searched one after the other."""

MIN_SURE_SCORE = 0.8
"""A face of this score ends the search; a weaker one may be a better one's blur."""

CROP_SIDE_PIXELS = 160
"""Side of the crop on which landmarks are measured again, in pixels."""

CROP_SIDE_FACE_WIDTHS = 2.0
"""Side of that crop in widths of the face: the detector wants to see what is around it."""

FINE_WIDTH_PIXELS = 56
"""A face this wide in the searched picture, in pixels, needs no second measurement: on LFW,
enlarged to webcam frames, the embedding is the same from 192 pixels' search on."""

MAX_UPRIGHT_DEGREES = 10.0
"""A head tilted by less than this, in degrees, is measured well as it is."""

DOUBTFUL_SCORE = 0.9
"""Nine in ten upright faces score above 0.91; where none reaches this, other ways up are tried."""

MIN_SCORE_GAIN = 0.02
"""By so much a face must score higher another way up."""

TURN_STEPS_DEGREES = (-90.0, -45.0, 45.0, 90.0, 180.0)
"""Degrees by which a doubtful face is turned."""

MAX_TURNS = 3
"""So often a tilted head is turned and measured again, at most."""


class Detector:
    """YuNet. Safe to call from several threads, one at a time inside.

    Args:
        weights: the ONNX file's bytes, checked already.
        run: the network made of them by another engine than OpenCV.

    Raises:
        ModelRefused: when OpenCV cannot load them.
    """

    def __init__(self, weights: bytes, run: NetworkFunction | None = None) -> None:
        self._find = load_opencv(weights) if run is None else wrap_network(run)
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
        for side in SEARCH_SIDES_PIXELS:
            found = remove_overlaps(
                [*self._search(pixels, min(side, longest)), *found], SAME_FACE_OVERLAP
            )
            if side >= longest or (
                not every and any(face.score >= MIN_SURE_SCORE for face in found)
            ):
                break
        if not found:
            found = self._search_turned(pixels)
        found = [self._level(pixels, face) for face in found]
        if found and max(face.score for face in found) < DOUBTFUL_SCORE:
            found = [self._try_turns(pixels, face) for face in found]
        return sorted(remove_overlaps(found, SAME_FACE_OVERLAP), key=lambda face: -face.area)

    def has_candidate(self, pixels: NDArray[np.uint8]) -> bool:
        """Say whether a quick search finds anything that may be a face."""
        return bool(self._run(*_shrink_frame(pixels, SEARCH_SIDES_PIXELS[0])))

    def detect_near(self, pixels: NDArray[np.uint8], last: Face) -> list[Face]:
        """Find the faces around the place where one was a moment ago, each measured finely.

        Args:
            pixels: uint8[h, w, 3], RGB, the next frame of the same camera.
            last: the face as it was found in the frame before.

        Returns:
            The face that overlaps the most with the last one first, then others that are
            partly seen beside it; empty where that face is not there any more.
        """
        tilt = _measure_tilt(last.landmarks, 0.0)
        tilt = tilt if abs(tilt) >= MAX_UPRIGHT_DEGREES else 0.0
        found = self._run(*_cut(pixels, last, tilt))
        found.sort(key=lambda face: -overlap(last, face))
        if not found or overlap(last, found[0]) <= SAME_FACE_OVERLAP:
            return []
        return [self._level(pixels, found[0], tilt), *found[1:]]

    def _search(self, pixels: NDArray[np.uint8], side: int) -> list[Face]:
        small, back = _shrink_frame(pixels, side)
        faces = self._run(small, back)
        if small.shape == pixels.shape:
            return faces
        narrow = FINE_WIDTH_PIXELS * back[0, 0]
        return [self._measure_again(pixels, f) if f.box[2] < narrow else f for f in faces]

    def _search_turned(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """Look for a face in the picture turned by 90, 180 and 270 degrees."""
        small, ratio = shrink(pixels, SEARCH_SIDES_PIXELS[1])
        height, width = small.shape[:2]
        # The axes and the origin of the turned picture in the upright one.
        turns = {
            cv2.ROTATE_90_CLOCKWISE: [[0, 1, 0], [-1, 0, height - 1]],
            cv2.ROTATE_180: [[-1, 0, width - 1], [0, -1, height - 1]],
            cv2.ROTATE_90_COUNTERCLOCKWISE: [[0, -1, width - 1], [1, 0, 0]],
        }
        for code, back in turns.items():
            turned = np.asarray(cv2.rotate(small, code), np.uint8)
            faces = self._run(turned, compose_affine(np.array(back, float), invert_shrink(ratio)))
            if sure := [face for face in faces if face.score >= MIN_SURE_SCORE]:
                return sure
        return []

    def _try_turns(self, pixels: NDArray[np.uint8], face: Face) -> Face:
        """Try other ways up: a head on its side is hardly found, and with wrong landmarks."""
        turned = {
            degrees: self._measure_again(pixels, face, degrees) for degrees in TURN_STEPS_DEGREES
        }
        degrees, best = max(turned.items(), key=lambda item: item[1].score)
        better = best.score > face.score + MIN_SCORE_GAIN
        return self._level(pixels, best, degrees) if better else face

    def _level(self, pixels: NDArray[np.uint8], face: Face, turned: float = 0.0) -> Face:
        """Turn a tilted head upright and measure it again, until it is upright."""
        for _ in range(MAX_TURNS):
            tilt = _measure_tilt(face.landmarks, turned)
            if abs(tilt) < MAX_UPRIGHT_DEGREES:
                break
            turned += tilt
            face = self._measure_again(pixels, face, turned)
        return face

    def _measure_again(self, pixels: NDArray[np.uint8], face: Face, degrees: float = 0.0) -> Face:
        """Measure a face again on its own crop; keep it as it was if that finds none.

        Args:
            pixels: the frame.
            face: found in it.
            degrees: how far the head is tilted, clockwise, and is turned back.
        """
        again = self._run(*_cut(pixels, face, degrees))
        best = max(again, key=lambda other: overlap(face, other), default=face)
        return best if overlap(face, best) > SAME_FACE_OVERLAP else face

    def _run(self, pixels: NDArray[np.uint8], back: NDArray[np.float64]) -> list[Face]:
        """Search a picture; `back` leads from it to the frame."""
        with self._lock:
            rows = self._find(pixels)
        return [map_to_frame(row, back) for row in rows if np.isfinite(row).all()]


def _shrink_frame(
    pixels: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Shrink a frame to be searched; also return the way back to it."""
    small, ratio = shrink(pixels, side)
    return small, invert_shrink(ratio)


def _cut(
    pixels: NDArray[np.uint8], face: Face, degrees: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut out a face with what is around it, turned back by its tilt; and the way back."""
    centre = face.box[:2] + face.box[2:] / 2
    reach = float(max(face.box[2:])) * CROP_SIDE_FACE_WIDTHS / 2
    half = reach * (math.sqrt(2) if degrees else 1.0)  # a turned square needs its corners
    height, width = pixels.shape[:2]
    left, top = np.clip(centre - half, 0, (width - 1, height - 1)).astype(int)
    low = (left + 1, top + 1)
    right, bottom = np.clip(np.ceil(centre + half), low, (width, height)).astype(int)
    part = pixels[top:bottom, left:right]
    small, ratio = shrink(part, round(max(part.shape[:2]) * min(1.0, CROP_SIDE_PIXELS / 2 / reach)))
    back = invert_shrink(ratio, left, top)
    if degrees:
        middle = (centre - back[:, 2]) * ratio
        turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), degrees, 1.0)
        turn[:, 2] += (CROP_SIDE_PIXELS / 2 - middle).tolist()
        small = np.asarray(
            cv2.warpAffine(small, turn, (CROP_SIDE_PIXELS, CROP_SIDE_PIXELS)), np.uint8
        )
        back = compose_affine(np.asarray(cv2.invertAffineTransform(turn), np.float64), back)
    return small, back


def _measure_eye_line(landmarks: NDArray[np.float32]) -> float:
    """Degrees, clockwise, by which the line through the eyes is turned."""
    x, y = landmarks[1] - landmarks[0]
    return math.degrees(math.atan2(y, x))


def _measure_tilt(landmarks: NDArray[np.float32], turned: float) -> float:
    """Degrees, clockwise, by which a head is tilted beyond what it was turned back by.

    YuNet follows a tilt too little with the eyes, and half with the line from eyes to
    mouth; going as far again beyond that line comes near the truth (measured on LFW).
    """
    eyes = (_measure_eye_line(landmarks) - turned + 180) % 360 - 180
    x, y = (landmarks[3] + landmarks[4] - landmarks[0] - landmarks[1]) / 2
    middle = (math.degrees(math.atan2(-x, y)) - turned + 180) % 360 - 180
    return 2 * middle - eyes
