"""Measure whether two meshes of a face can be two views of one flat picture.

A camera sees a flat picture, however it is tilted, through a homography: eight numbers map the
picture's points of one frame to those of another. A head that turns is no plane, so the best
homography leaves a residual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MIN_SOLID_RESIDUAL", "measure_flatness"]

MIN_SOLID_RESIDUAL: Final = 0.04
"""Least residual of a head that turned or nodded, in distances of the eyes."""

_FACE_POINTS: Final = 468
"""Points of the face; those of the irises move with the eyes."""

_RIGHT_EYE, _LEFT_EYE = [33, 133], [362, 263]


def measure_flatness(rest: NDArray[np.float32], moved: NDArray[np.float32]) -> float:
    """Return what the best homography between two meshes leaves, in distances of the eyes.

    Args:
        rest: float32[478, 3], the mesh of the frame from which movements are measured.
        moved: float32[478, 3], that of a frame in which the head is turned; z is not used.

    Returns:
        The root of the mean squared distance between the points at rest and the moved points
        mapped back; 0 for a flat picture without noise, and where nothing can be measured.
    """
    one = rest[:_FACE_POINTS, :2].astype(np.float64)
    other = moved[:_FACE_POINTS, :2].astype(np.float64)
    eyes = float(np.linalg.norm(one[_RIGHT_EYE].mean(axis=0) - one[_LEFT_EYE].mean(axis=0)))
    if not (np.isfinite(one).all() and np.isfinite(other).all()) or eyes < 1:
        return 0.0
    matrix, _ = cv2.findHomography(other, one, 0)
    if np.size(matrix) != 9:
        return 0.0
    back = cv2.perspectiveTransform(other[None], matrix)[0]
    residual = float(np.sqrt(np.mean(np.sum((back - one) ** 2, axis=1)))) / eyes
    return residual if np.isfinite(residual) else 0.0
