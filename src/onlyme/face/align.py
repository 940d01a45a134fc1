"""Turn a face upright and scale it to the size that the network was trained on.

Five landmarks fix a similarity transform (rotation, one scale, shift) in the
least-squares sense; a picture warped by it has eyes, nose and mouth in the same
places as every training picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme.face.resize import shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder
    from onlyme.types import Face

__all__ = ["REFERENCE", "VERSION", "align", "cut_out", "fit_similarity", "squeeze"]

VERSION: Final = 1
"""Raise it when a change here or in `resize` gives other aligned faces; see
`onlyme.face.versions`."""

REFERENCE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float64,
)
"""float64[5, 2]: the landmarks of a 112×112 aligned face, in pixels (ArcFace's five points, Deng
et al., CVPR 2019, which SFace was trained with)."""


def fit_similarity(
    points: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Find the similarity transform that moves points nearest to their targets.

    In the plane the least-squares problem of Umeyama (PAMI 13(4), 1991) is linear in
    complex numbers: with centred p and q, q ≈ c·p and c = ⟨p, q⟩ / ⟨p, p⟩.

    Args:
        points: float[n, 2], n ≥ 2, not all equal.
        target: float[n, 2].

    Returns:
        float64[2, 3], to be multiplied with (x, y, 1).

    >>> fit_similarity(np.array([[0, 0], [1, 0]]), np.array([[5, 5], [5, 7]])).round(6).tolist()
    [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    p = points[:, 0] + 1j * points[:, 1]
    q = target[:, 0] + 1j * target[:, 1]
    centred = p - p.mean()
    spread = np.vdot(centred, centred).real
    c = np.vdot(centred, q - q.mean()) / spread if spread else 0j
    shift = q.mean() - c * p.mean()
    return np.array([[c.real, -c.imag, shift.real], [c.imag, c.real, shift.imag]])


def align(pixels: NDArray[np.uint8], face: Face, size: int = 112) -> NDArray[np.uint8]:
    """Cut a face out of a frame, upright and `size` pixels wide.

    A face much larger than `size` is first shrunk by averaging over areas, since
    bilinear sampling alone would skip most of its pixels.

    Args:
        pixels: uint8[h, w, 3], RGB.
        face: a face found in it.
        size: side of the result in pixels.

    Returns:
        uint8[size, size, 3], RGB; black where the face extends beyond the frame.
    """
    landmarks = face.landmarks.astype(np.float64)
    matrix = fit_similarity(landmarks, REFERENCE * (size / 112))
    if 0 < np.hypot(matrix[0, 0], matrix[1, 0]) < 0.5:
        pixels, landmarks = _crop_and_shrink(pixels, landmarks, matrix, size)
        matrix = fit_similarity(landmarks, REFERENCE * (size / 112))
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8
    )


def cut_out(pixels: NDArray[np.uint8], face: Face, embedder: FaceEmbedder) -> NDArray[np.uint8]:
    """Return what an embedder takes: the aligned face, or the whole picture made small.

    Args:
        pixels: uint8[h, w, 3], RGB.
        face: a face found in it.
        embedder: says which of both, and the side of the result.

    Returns:
        uint8[size, size, 3], RGB.
    """
    # Embedders of users' own programs need not know networks for whole pictures.
    if getattr(embedder, "whole", False):
        return squeeze(pixels, embedder.size)
    return align(pixels, face, embedder.size)


def squeeze(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Make a whole picture a small square, as the article does; its sides may change unequally."""
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _crop_and_shrink(
    pixels: NDArray[np.uint8],
    landmarks: NDArray[np.float64],
    matrix: NDArray[np.float64],
    size: int,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut out the part of the frame that the aligned face shows, and shrink it."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], dtype=np.float64)
    inside = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    height, width = pixels.shape[:2]
    left, top = np.clip(np.floor(inside.min(0)), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(inside.max(0)), (left + 1, top + 1), (width, height)).astype(
        int
    )
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    part = pixels[top:bottom, left:right]
    small, ratio = shrink(part, max(1, round(max(part.shape[:2]) * scale)))
    # Landmarks and matrix refer to the centres of pixels, not to their corners.
    return small, (landmarks - (left, top) + 0.5) * ratio - 0.5
