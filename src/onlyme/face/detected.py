"""Describe a detected face: its pose, its quality and its aligned crop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onlyme.face.align import align, cut_out
from onlyme.face.pose import estimate_pose
from onlyme.face.quality import assess
from onlyme.types import DetectedFace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder
    from onlyme.types import Face

__all__ = ["describe_face"]

ALIGNED_SIDE_PIXELS: Final = 112
"""Side of the crop where no network is asked for its own."""


def describe_face(
    pixels: NDArray[np.uint8], face: Face, embedder: FaceEmbedder | None = None
) -> DetectedFace:
    """Return a face with its pose, quality and aligned crop.

    Args:
        pixels: uint8[h, w, 3], RGB, the whole picture.
        face: a face found in it.
        embedder: embeds it; None leaves the embedding out.
    """
    aligned = align(pixels, face, ALIGNED_SIDE_PIXELS)
    if embedder:
        aligned = cut_out(pixels, face, embedder)
    yaw, pitch, roll = estimate_pose(face.landmarks)
    return DetectedFace(
        face.box,
        face.landmarks,
        face.score,
        yaw,
        pitch,
        roll,
        assess(pixels, face.box, face.landmarks),
        aligned,
        embedder.embed(aligned) if embedder else None,
    )
