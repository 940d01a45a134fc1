"""Carry faces from a picture that was searched back to the frame that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.types import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "compose_affine",
    "crop_face_box",
    "invert_shrink",
    "map_to_frame",
    "overlap",
    "remove_overlaps",
]


def invert_shrink(ratio: NDArray[np.float32], left: int = 0, top: int = 0) -> NDArray[np.float64]:
    """Return the way back from a shrunken part of a frame: float64[2, 3].

    Args:
        ratio: width and height of the small picture as shares of the part's.
        left: the part's first column in the frame.
        top: its first row.
    """
    # Shrinking keeps the corners of pixels in place, and so moves their centres.
    x, y = (float(value) for value in 1 / ratio)
    return np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]])


def compose_affine(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two affine ways, float64[2, 3] each, as one."""
    turn = then[:, :2] @ first[:, :2]
    shift = then[:, :2] @ first[:, 2] + then[:, 2]
    return np.column_stack([turn, shift])


def map_to_frame(row: NDArray[np.float32], back: NDArray[np.float64]) -> Face:
    """Turn a row of YuNet's into a face of the frame.

    A tilted head keeps the box that it has upright, moved to its place: the smallest
    upright box around a tilted one would be larger than the head.

    Args:
        row: float32[15]: box, five landmarks, score, in pixels of the searched picture.
        back: float64[2, 3], from there to the frame.
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
    """Of faces that overlap by more than `max_overlap` keep the first."""
    kept: list[Face] = []
    for face in faces:
        if all(overlap(face, other) <= max_overlap for other in kept):
            kept.append(face)
    return kept


def crop_face_box(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Return the part of a frame that a face's box covers; at least one pixel."""
    height, width = pixels.shape[:2]
    low = np.clip(face.box[:2], 0, (width - 1, height - 1)).astype(int)
    high = np.clip(face.box[:2] + face.box[2:], low + 1, (width, height)).astype(int)
    return pixels[low[1] : high[1], low[0] : high[0]]
