"""Frames come in; frames with the owner's name, or NOT, drawn on them go out as a video.

The article's live demo. It only shows; it opens nothing.
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
    """What finds the face of a frame."""

    def __call__(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Return its box (left, top, width, height) and the aligned face, or None."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedFrame:
    """One frame of the demo.

    Attributes:
        pixels: uint8[h, w, 3], RGB, with the verdict drawn on it.
        score: of the face; None where there is none.
        accepted: whether it is the owner's.
    """

    pixels: NDArray[np.uint8]
    score: float | None
    accepted: bool


def annotate(
    frames: Iterable[NDArray[np.uint8]],
    find: AlignedFaceFinder,
    judge: FaceScorer,
    name: str,
    threshold: float | None = None,
) -> Iterator[AnnotatedFrame]:
    """Judge each frame and draw the verdict on a copy of it.

    Args:
        frames: uint8[h, w, 3] each, RGB.
        find: finds the face.
        judge: scores it.
        name: the owner's.
        threshold: alpha in use; None for the one that was trained with.
    """
    bound = judge.threshold if threshold is None else threshold
    for pixels in frames:
        found = find(pixels)
        if found is None:
            yield AnnotatedFrame(
                draw_verdict(pixels, None, f"NOT {name}", accepted=False), None, accepted=False
            )
            continue
        box, face = found
        score = float(judge.scores(face[None])[0])
        accepted = bool(score >= bound)
        label = name if accepted else f"NOT {name}"
        yield AnnotatedFrame(
            draw_verdict(pixels, box, f"{label} {score:+.2f}", accepted=accepted), score, accepted
        )


def draw_verdict(
    pixels: NDArray[np.uint8], box: NDArray[np.float32] | None, text: str, *, accepted: bool
) -> NDArray[np.uint8]:
    """Return a copy of a frame with a text, and a box round the face.

    The font has ASCII signs only; others are drawn as question marks.
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


def save_video(seen: Iterable[AnnotatedFrame], path: Path, rate: float = 25.0) -> tuple[int, int]:
    """Write frames as a video, MP4 or AVI by the name's ending.

    Returns:
        How many frames there were, and how many showed the owner.

    Raises:
        UsageError: no frame came, or the video cannot be written there.
    """
    codec = {".mp4": "mp4v", ".avi": "MJPG"}.get(path.suffix.lower())
    if codec is None:
        raise UsageError(f"{path}: a video's name ends in .mp4 or .avi")
    writer = None
    frames = owner = 0
    try:
        for one in seen:
            height, width = one.pixels.shape[:2]
            if writer is None:
                fourcc = cv2.VideoWriter.fourcc(*codec)
                writer = cv2.VideoWriter(str(path), fourcc, rate, (width, height))
                if not writer.isOpened():
                    raise UsageError(f"{path}: no video can be written there")
            writer.write(one.pixels[..., ::-1])
            frames, owner = frames + 1, owner + one.accepted
    finally:
        if writer is not None:
            writer.release()
    if not frames:
        raise UsageError("there was no frame to look at")
    return frames, owner
