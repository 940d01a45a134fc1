"""Find the faces of a frame, with five landmarks each.

A frame is first searched at low resolution. If no certain face is found, the search
continues at higher resolutions, so that small faces are found too, and at last in the
picture turned by 90, 180 and 270 degrees, for photos that lost their orientation. So the
time hardly grows with the size of the frame.

Small faces that were found in a shrunken picture are then measured again on their own crop.
Tilted heads are measured again on a crop turned upright: YuNet was trained on upright faces,
and places the eyes of a head that is tilted by 20° as nearly level; at 40° that error costs
more than half of the similarity (benchmarks/tilt.py).
"""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING, Final

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

    from onlyme.types import Face, NetworkFunction

__all__ = ["VERSION", "Detector"]

VERSION: Final = 1
"""Raise it when a change here, in `yunet`, `geometry` or `resize` gives other faces; see
`onlyme.face.versions`."""

SEARCH_SIDES_PIXELS = (256, 640, 1280, 1920)
"""Longest side, in pixels, of the pictures that are searched one after the other."""

MIN_SURE_SCORE = 0.8
"""A face with this score ends the search; a lower one may be a blurred face that a higher
resolution shows better."""

CROP_SIDE_PIXELS = 160
"""Side, in pixels, of the crop on which landmarks are measured again."""

CROP_SIDE_FACE_WIDTHS = 2.0
"""Side of that crop in widths of the face: the detector needs to see the surroundings."""

FINE_WIDTH_PIXELS = 56
"""A face this wide in the searched picture, in pixels, needs no second measurement: on LFW,
enlarged to webcam frames, the embedding is the same for searches at 192 pixels and more."""

MAX_UPRIGHT_DEGREES = 10.0
"""A head tilted by less than this, in degrees, is measured well without turning it."""

DOUBTFUL_SCORE = 0.9
"""Where no face reaches this score, other orientations are tried. Nine in ten upright faces score
above 0.91."""

MIN_SCORE_GAIN = 0.02
"""Least gain in score for which another orientation is chosen."""

TURN_STEPS_DEGREES = (-90.0, -45.0, 45.0, 90.0, 180.0)
"""Degrees by which a face with a low score is turned."""

MAX_TURNS = 3
"""Most times that a tilted head is turned and measured again."""


class Detector:
    """YuNet. Safe to call from several threads, one at a time inside.

    Args:
        weights: the ONNX file's bytes, checked already.
        run: the same network, loaded by another engine; by default OpenCV loads it.

    Raises:
        ModelRefused: OpenCV cannot load them.
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
        """Say whether a quick search at low resolution finds anything that may be a face."""
        return bool(self._run(*_shrink_frame(pixels, SEARCH_SIDES_PIXELS[0])))

    def detect_near(self, pixels: NDArray[np.uint8], last: Face) -> list[Face]:
        """Find the faces around the place where one was in the frame before.

        Args:
            pixels: uint8[h, w, 3], RGB, the next frame of the same camera.
            last: the face as it was found in the frame before.

        Returns:
            First the face that overlaps the most with the last one, measured as precisely as by
            `detect`; then others that are partly visible beside it. Empty where that face is no
            longer there.
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
        """Search the picture turned by 90, 180 and 270 degrees."""
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
            if certain := [face for face in faces if face.score >= MIN_SURE_SCORE]:
                return certain
        return []

    def _try_turns(self, pixels: NDArray[np.uint8], face: Face) -> Face:
        """Try other orientations: a head on its side gets a low score and wrong landmarks."""
        turned = {
            degrees: self._measure_again(pixels, face, degrees) for degrees in TURN_STEPS_DEGREES
        }
        degrees, best = max(turned.items(), key=lambda item: item[1].score)
        better = best.score > face.score + MIN_SCORE_GAIN
        return self._level(pixels, best, degrees) if better else face

    def _level(self, pixels: NDArray[np.uint8], face: Face, turned: float = 0.0) -> Face:
        """Turn a tilted head and measure it again, until it is upright."""
        for _ in range(MAX_TURNS):
            tilt = _measure_tilt(face.landmarks, turned)
            if abs(tilt) < MAX_UPRIGHT_DEGREES:
                break
            turned += tilt
            face = self._measure_again(pixels, face, turned)
        return face

    def _measure_again(self, pixels: NDArray[np.uint8], face: Face, degrees: float = 0.0) -> Face:
        """Measure a face again on its own crop; return it unchanged if none is found there.

        Args:
            pixels: the frame.
            face: a face found in it.
            degrees: the tilt of the head, clockwise; the crop is turned back by it.
        """
        again = self._run(*_cut(pixels, face, degrees))
        best = max(again, key=lambda other: overlap(face, other), default=face)
        return best if overlap(face, best) > SAME_FACE_OVERLAP else face

    def _run(self, pixels: NDArray[np.uint8], back: NDArray[np.float64]) -> list[Face]:
        """Search a picture; `back` maps it to the frame."""
        with self._lock:
            rows = self._find(pixels)
        return [map_to_frame(row, back) for row in rows if np.isfinite(row).all()]


def _shrink_frame(
    pixels: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Shrink a frame for the search; also return the map back to the frame."""
    small, ratio = shrink(pixels, side)
    return small, invert_shrink(ratio)


def _cut(
    pixels: NDArray[np.uint8], face: Face, degrees: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut out a face with its surroundings, turned upright; also return the map back."""
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
    """Return the angle of the line through the eyes in degrees, clockwise."""
    x, y = landmarks[1] - landmarks[0]
    return math.degrees(math.atan2(y, x))


def _measure_tilt(landmarks: NDArray[np.float32], turned: float) -> float:
    """Return a head's tilt in degrees, clockwise, in addition to the angle it was turned by.

    YuNet's eyes follow a tilt too little, and its line from eyes to mouth follows about half of
    it. Adding the difference once more to that line comes near the true tilt (measured on LFW).
    """
    eyes = (_measure_eye_line(landmarks) - turned + 180) % 360 - 180
    x, y = (landmarks[3] + landmarks[4] - landmarks[0] - landmarks[1]) / 2
    middle = (math.degrees(math.atan2(-x, y)) - turned + 180) % 360 - 180
    return 2 * middle - eyes
