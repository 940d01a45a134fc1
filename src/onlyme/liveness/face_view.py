"""Cut a face and its nearest surroundings out of a frame, so that frames can be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.types import Face

__all__ = ["EYE_DISTANCE_PIXELS", "VIEW_SIDE_PIXELS", "FaceView", "make_view"]

VIEW_SIDE_PIXELS: Final = 144
"""Side of the square in which frames are compared."""

EYE_DISTANCE_PIXELS: Final = 34.0
"""Distance of the eyes in it: the square shows the face and a face's half on each side."""

EYE_DISTANCE_BOX_SIDES: Final = 0.39
"""Distance of the eyes of a face seen from the front, in mean sides of the detector's box."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """A face and its nearest surroundings, in a square of one size for all faces.

    Attributes:
        pixels: uint8[144, 144], brightness.
        inside: uint8[144, 144], 255 where the frame has pixels.
        landmarks: float32[5, 2], the face's landmarks in the view.
        middle: float64[2], the middle of the face in the frame, in pixels.
        eyes: distance of its eyes in the frame, in pixels, by the size of its box.
    """

    pixels: NDArray[np.uint8]
    inside: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    middle: NDArray[np.float64]
    eyes: float


def make_view(pixels: NDArray[np.uint8], face: Face) -> FaceView | None:
    """Cut out a face and its nearest surroundings.

    Args:
        pixels: uint8[h, w, 3], RGB, the whole frame.
        face: a face found in it.

    Returns:
        The view; None where the face has no size.
    """
    landmarks = face.landmarks.astype(np.float64)
    # From the box: in a profile the eyes lie one behind the other, and their distance is noise.
    eyes = EYE_DISTANCE_BOX_SIDES * float(face.box[2] + face.box[3]) / 2
    if not (math.isfinite(eyes) and eyes >= 1):
        return None
    scale = EYE_DISTANCE_PIXELS / eyes
    middle = landmarks[[0, 1, 3, 4]].mean(axis=0)
    reach = VIEW_SIDE_PIXELS / 2 / scale + 2
    height, width = pixels.shape[:2]
    low = np.clip(np.floor(middle - reach), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(middle + reach), low + 1, (width, height)).astype(int)
    part = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
    gray = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    size = np.array([gray.shape[1], gray.shape[0]])
    if scale < 1:  # averages all pixels; picking some would turn detail into false motion
        small = tuple(int(side) for side in np.maximum(1, np.rint(size * scale)))
        gray = np.asarray(cv2.resize(gray, small, interpolation=cv2.INTER_AREA), np.uint8)
    ratio = np.array([gray.shape[1], gray.shape[0]]) / size
    # Pixel centres lie at half numbers: (x + 1/2) * ratio − 1/2.
    shift = VIEW_SIDE_PIXELS / 2 - scale * (middle - low) - 0.5 * scale / ratio * (ratio - 1)
    to_view = np.array([[scale / ratio[0], 0, shift[0]], [0, scale / ratio[1], shift[1]]])
    side = (VIEW_SIDE_PIXELS, VIEW_SIDE_PIXELS)
    seen = cv2.warpAffine(gray, to_view, side, borderMode=cv2.BORDER_REPLICATE)
    whole = np.full(gray.shape, 255, np.uint8)
    inside = cv2.warpAffine(whole, to_view, side, flags=cv2.INTER_NEAREST)
    placed = (landmarks - middle) * scale + VIEW_SIDE_PIXELS / 2
    return FaceView(
        np.asarray(seen, np.uint8),
        np.asarray(inside, np.uint8),
        placed.astype(np.float32),
        middle,
        eyes,
    )
