"""Draw the owner's name, or NOT, on every frame, and save the frames as a video.

This is the article's live demo. It shows decisions and opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.comparison.compare import FaceScorer

__all__ = ["AlignedFaceFinder", "AnnotatedFrame", "annotate", "draw_verdict", "save_video"]

_ME, _NOT_ME = (0, 158, 115), (213, 94, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class AlignedFaceFinder(Protocol):
    """Finds the face of a frame."""

    def __call__(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Return the box (left, top, width, height) and the aligned face, or None."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedFrame:
    """One frame of the demo.

    Attributes:
        pixels: uint8[h, w, 3], RGB, with the verdict drawn on it.
        score: the face's score; None without a face.
        accepted: whether the face is the owner's.
    """

    pixels: NDArray[np.uint8]
    score: float | None
    accepted: bool


def annotate(
    frames: Iterable[NDArray[np.uint8]],
    find: AlignedFaceFinder,
    scorer: FaceScorer,
    name: str,
    threshold: float | None = None,
) -> Iterator[AnnotatedFrame]:
    """Judge each frame and draw the verdict on a copy of it.

    Args:
        frames: uint8[h, w, 3] each, RGB.
        find: finds the face.
        scorer: scores the face.
        name: the owner's name.
        threshold: alpha in use; None for the alpha of the training.
    """
    bound = scorer.threshold if threshold is None else threshold
    for pixels in frames:
        found = find(pixels)
        if found is None:
            yield AnnotatedFrame(
                draw_verdict(pixels, None, f"NOT {name}", accepted=False), None, accepted=False
            )
            continue
        box, face = found
        score = float(scorer.scores(face[None])[0])
        accepted = bool(score >= bound)
        label = name if accepted else f"NOT {name}"
        yield AnnotatedFrame(
            draw_verdict(pixels, box, f"{label} {score:+.2f}", accepted=accepted), score, accepted
        )


def draw_verdict(
    pixels: NDArray[np.uint8], box: NDArray[np.float32] | None, text: str, *, accepted: bool
) -> NDArray[np.uint8]:
    """Return a copy of a frame with a text and a box around the face.

    The font has ASCII characters only; others are drawn as question marks.
    """
    picture = pixels.copy()
    colour = _ME if accepted else _NOT_ME
    scale = max(0.4, picture.shape[0] / 600)
    thick = max(1, round(2 * scale))
    if box is not None:
        left, top, width, height = (int(value) for value in np.round(box))
        cv2.rectangle(picture, (left, top), (left + width, top + height), colour, thick)
    readable = text.encode("ascii", "replace").decode()
    place = (round(12 * scale), round(34 * scale))
    cv2.putText(picture, readable, place, _FONT, scale, (0, 0, 0), thick + 2, cv2.LINE_AA)
    cv2.putText(picture, readable, place, _FONT, scale, colour, thick, cv2.LINE_AA)
    return picture


def save_video(
    frames: Iterable[AnnotatedFrame], path: Path, frames_per_second: float = 25.0
) -> tuple[int, int]:
    """Write frames as a video, MP4 or AVI by the ending of the name.

    Returns:
        The number of frames, and the number of frames that showed the owner.

    Raises:
        UsageError: when there is no frame, or the video cannot be written there.
    """
    codec = {".mp4": "mp4v", ".avi": "MJPG"}.get(path.suffix.lower())
    if codec is None:
        raise UsageError(f"{path}: the name of a video must end in .mp4 or .avi")
    writer = None
    total = accepted = 0
    try:
        for frame in frames:
            height, width = frame.pixels.shape[:2]
            if writer is None:
                fourcc = cv2.VideoWriter.fourcc(*codec)
                writer = cv2.VideoWriter(str(path), fourcc, frames_per_second, (width, height))
                if not writer.isOpened():
                    raise UsageError(f"{path}: cannot write a video there")
            writer.write(frame.pixels[..., ::-1])
            total, accepted = total + 1, accepted + frame.accepted
    finally:
        if writer is not None:
            writer.release()
    if not total:
        raise UsageError("the source gave no frame, so there is no video")
    return total, accepted
