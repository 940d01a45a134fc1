"""Measure how far a flat picture would have to be tilted to look as a turned head does.

A tilted picture becomes narrow: by the cosine of its tilt. So does a head, by the cosine of its
turn. But a head shows its turn by its depth as well. A photo must be tilted by 40 to 50 degrees
before the mesh network sees a head that has turned by 20, and it gives itself away by being too
narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.types import MeshFace

__all__ = ["is_too_narrow", "measure_tilt"]

MAX_EXCESS_DEGREES: Final = 12.0
"""A flat picture is tilted by at most this much more than the head has turned. Turned heads of the
clips stay below 9 degrees, 13 with the mouth wide open. Paper with a level crease, and bent paper
that the mesh takes for a turned head, are above 17 (benchmarks/gestures_paper.py)."""

_FACE_POINTS: Final = 468


def is_too_narrow(rest: MeshFace, moved: MeshFace) -> bool:
    """Say whether a face has become narrower than a head that turned as far."""
    turn = float(np.hypot(moved.yaw - rest.yaw, moved.pitch - rest.pitch))
    return measure_tilt(rest.points, moved.points) > turn + MAX_EXCESS_DEGREES


def measure_tilt(rest: NDArray[np.float32], moved: NDArray[np.float32]) -> float:
    """Return the tilt of a distant flat picture that would look the same, in degrees, 0 to 90.

    The best affine map from one mesh to the other stretches most along one direction and least
    across it; the ratio is the cosine of the tilt.

    Args:
        rest: float32[478, 3], the mesh of a face that looks towards the camera.
        moved: float32[478, 3], its mesh when it has turned; z is not used.

    Returns:
        The tilt; 90 where the points coincide.
    """
    one = rest[:_FACE_POINTS, :2].astype(np.float64)
    other = moved[:_FACE_POINTS, :2].astype(np.float64)
    matrix, *_ = np.linalg.lstsq(one - one.mean(axis=0), other - other.mean(axis=0), rcond=None)
    most, least = np.linalg.svd(matrix, compute_uv=False)
    if not most > 0:
        return 90.0
    return float(np.degrees(np.arccos(np.clip(least / most, 0.0, 1.0))))
