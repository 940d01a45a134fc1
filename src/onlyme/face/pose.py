"""Estimate from five landmarks or from a mesh how a head is turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["estimate_mesh_pose", "estimate_pose"]

# x (right in the picture), y (down) and z (away from the camera) of the two eyes, the nose
# tip and the two mouth corners of a head that looks straight at the camera, in units of the
# distance between the eyes. x and y are the medians of YuNet's landmarks over some 2,000
# press photos of faces turned by less than 5°; z is from mean adult proportions: the nose
# tip is 28 mm in front of the eyes and 24 mm in front of the corners of the mouth, and the
# eyes are 64 mm apart.
_HEAD: Final = np.array(
    [
        (-0.500, -0.549, 0.44),
        (0.500, -0.549, 0.44),
        (0.000, 0.000, 0.00),
        (-0.424, 0.415, 0.375),
        (0.424, 0.415, 0.375),
    ]
)
_CENTRED: Final = _HEAD - _HEAD.mean(axis=0)
_SOLVE: Final = np.linalg.pinv(_CENTRED)  # 3×5


def estimate_pose(landmarks: NDArray[np.float32]) -> tuple[float, float, float]:
    """Estimate how a head is turned, from five landmarks.

    A mean head is fitted to the landmarks under scaled orthographic projection
    (DeMenthon and Davis 1995, the first step). People's noses differ: expect
    errors of some 5° in yaw and roll and 10° in pitch. All signs are the
    person's own, in a picture that is not mirrored:

    - **yaw** is positive when the person has turned to their own left, so that
      the nose has moved to the right in the picture;
    - **pitch** is positive when the person looks up;
    - **roll** is positive when the person has tilted the head towards their own
      left shoulder, so that the eyes slope down to the right in the picture.

    Args:
        landmarks: float32[5, 2] in the order of `Face.landmarks`.

    Returns:
        Yaw, pitch and roll in degrees: yaw and roll within ±180, pitch within ±90.
        All are 0 when the landmarks coincide or are not finite.

    Example:
        >>> straight = [(30, 50), (70, 50), (50, 72), (33, 88.6), (67, 88.6)]
        >>> [abs(round(angle)) for angle in estimate_pose(np.array(straight, np.float32))]
        [0, 0, 0]
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if not np.isfinite(points).all():
        return 0.0, 0.0, 0.0
    eyes = points[1] - points[0]
    roll = np.arctan2(eyes[1], eyes[0])
    # Straighten the picture first: yaw and pitch refer to the head's own upright axis.
    cosine, sine = np.cos(roll), np.sin(roll)
    points = (points - points.mean(axis=0)) @ np.array([(cosine, -sine), (sine, cosine)])
    projection = (_SOLVE @ points).T  # 2×3, the first two rows of a scaled rotation
    left, sizes, right = np.linalg.svd(projection, full_matrices=False)
    if sizes[0] <= 1e-9:
        return 0.0, 0.0, 0.0
    across, down = left @ right
    away = np.cross(across, down)
    x, y, z = -across[2], -down[2], -away[2]  # the direction in which the face looks
    yaw = np.arctan2(x, -z)
    pitch = np.arcsin(np.clip(-y, -1.0, 1.0))
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


VIEW_DISTANCE_CM: Final = 60.0
"""Assumed distance of the camera. Few pictures say with which lens they were taken."""


def estimate_mesh_pose(
    points: NDArray[np.float32], canonical: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Estimate how a head is turned, from its mesh against a mean head.

    The mean head is placed in front of a camera so that its points fall on those of the mesh
    (OpenCV's `solvePnP`). The camera looks at the middle of the face: the angles say how the face
    is turned from the line of sight, wherever it is in the picture. Only points count that an
    expression hardly moves, those with a weight.

    Args:
        points: float32[478, 3], as of `onlyme.types.MeshFace`; z is not used.
        canonical: float32[468, 4], see `onlyme.face.mesh.load_canonical_face`.

    Returns:
        Yaw, pitch and roll in degrees, with the signs and axes of `estimate_pose`. All are 0
        when the points coincide or are not finite.
    """
    chosen = np.flatnonzero(canonical[:, 3] > 0)
    flat = points[chosen, :2].astype(np.float64)
    if not np.isfinite(flat).all():
        return 0.0, 0.0, 0.0
    head = canonical[chosen, :3].astype(np.float64) * (1, -1, -1)  # to the camera's axes
    head -= head.mean(axis=0)
    flat -= flat.mean(axis=0)
    pixels, centimetres = np.linalg.norm(flat), np.linalg.norm(head[:, :2])
    if pixels <= 1e-6:
        return 0.0, 0.0, 0.0
    flat *= centimetres / pixels / VIEW_DISTANCE_CM
    solved, turn, _ = cv2.solvePnP(head, flat, np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP)
    if not solved or not np.isfinite(turn).all():
        return 0.0, 0.0, 0.0
    rotation, _ = cv2.Rodrigues(turn)
    # Roll, then yaw, then pitch, as in `estimate_pose`: the eyes' slope is the roll.
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    cosine, sine = np.cos(roll), np.sin(roll)
    away = -rotation[:, 2]  # the direction in which the face looks
    x, y, z = cosine * away[0] + sine * away[1], cosine * away[1] - sine * away[0], away[2]
    yaw = np.arctan2(x, -z)
    pitch = np.arcsin(np.clip(-y, -1.0, 1.0))
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
