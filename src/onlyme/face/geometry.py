"""Map faces from a searched picture back to its frame, and compare their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.types import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "compose_affine",
    "invert_shrink",
    "map_to_frame",
    "overlap",
    "remove_overlaps",
    "scale_to_frame",
]


def invert_shrink(ratio: NDArray[np.float32], left: int = 0, top: int = 0) -> NDArray[np.float64]:
    """Return the affine map from a shrunken part of a frame to the frame: float64[2, 3].

    Args:
        ratio: width and height of the small picture as shares of the part's.
        left: the part's first column in the frame.
        top: its first row.
    """
    # Shrinking keeps the corners of pixels in place, and so it moves their centres.
    x, y = (float(value) for value in 1 / ratio)
    return np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]])


def compose_affine(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two affine maps, float64[2, 3] each, as one."""
    turn = then[:, :2] @ first[:, :2]
    shift = then[:, :2] @ first[:, 2] + then[:, 2]
    return np.column_stack([turn, shift])


def map_to_frame(row: NDArray[np.float32], back: NDArray[np.float64]) -> Face:
    """Convert one row of YuNet's output to a face of the frame.

    A tilted head gets the box that it has when upright, moved to its place: the smallest
    upright box around a tilted one would be larger than the head.

    Args:
        row: float32[15]: box, five landmarks, score, in pixels of the searched picture.
        back: float64[2, 3], the map from there to the frame.
    """
    centre = back[:, :2] @ (row[:2] + row[2:4] / 2) + back[:, 2]
    lying = abs(back[1, 0]) > abs(back[0, 0])
    size = row[2:4] * np.hypot(back[0], back[1])[:2]
    size = size[::-1] if lying else size
    landmarks = row[4:14].reshape(5, 2) @ back[:, :2].T + back[:, 2]
    box = np.concatenate([centre - size / 2, size])
    return Face(box.astype(np.float32), landmarks.astype(np.float32), float(row[14]))


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    low = np.maximum(one.box[:2], other.box[:2])
    high = np.minimum(one.box[:2] + one.box[2:], other.box[:2] + other.box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def remove_overlaps(faces: list[Face], max_overlap: float) -> list[Face]:
    """Keep the first of the faces that overlap by more than `max_overlap`."""
    separate: list[Face] = []
    for face in faces:
        if all(overlap(face, other) <= max_overlap for other in separate):
            separate.append(face)
    return separate


def scale_to_frame(
    box: NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[float, float, float, float]:
    """Return a box, float32[4] in pixels, as shares of a frame of this shape (h, w, 3).

    >>> scale_to_frame(np.array([160, 120, 320, 240], np.float32), (480, 640, 3))
    (0.25, 0.25, 0.5, 0.5)
    """
    height, width = shape[:2]
    left, top, wide, high = (float(value) for value in box)
    return left / width, top / height, wide / width, high / height
