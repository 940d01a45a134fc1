"""Draw the owner's name, or NOT, on every frame, and save the frames as a video.

This is the article's live demo. It shows decisions and opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onlyme.draw import FaceLabel, draw_faces
from onlyme.errors import UsageError
from onlyme.image.video import VideoFile
from onlyme.types import Face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.rules import Rule
    from onlyme.lab.run import TrainedNetwork

__all__ = ["AlignedFaceFinder", "AnnotatedFrame", "annotate", "draw_verdict", "save_video"]


AlignedFaceFinder: TypeAlias = (
    "Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32] | None, NDArray[np.uint8]] | None]"
)
"""Returns the box (left, top, width, height) and the aligned face of a frame; None without a face.
For a network of whole photos the box is None, and the face is the whole frame."""


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
    trained: TrainedNetwork,
    name: str,
    threshold: float | None = None,
    rule: Rule | None = None,
) -> Iterator[AnnotatedFrame]:
    """Judge each frame and draw the verdict on a copy of it.

    Args:
        frames: uint8[h, w, 3] each, RGB.
        find: finds the face.
        trained: scores the face.
        name: the owner's name.
        threshold: alpha in use; None for the alpha of the training.
        rule: the rule in use; None for the network's own.
    """
    bound = trained.threshold if threshold is None else threshold
    for pixels in frames:
        found = find(pixels)
        box, score, text = None, None, f"NOT {name}"
        if found:
            box, face = found
            score = float(trained.scores(face[None], rule)[0])
            text = f"{name if score >= bound else text} {score:+.2f}"
        accepted = score is not None and score >= bound
        shown = draw_verdict(pixels, box, text, accepted=accepted)
        yield AnnotatedFrame(shown, score, accepted)


def draw_verdict(
    pixels: NDArray[np.uint8], box: NDArray[np.float32] | None, text: str, *, accepted: bool
) -> NDArray[np.uint8]:
    """Return a copy of a frame with a text and a box around the face."""
    no_landmarks = np.zeros((5, 2), np.float32)
    face = None if box is None else Face(np.asarray(box, np.float32), no_landmarks, 1.0)
    return draw_faces(pixels, [FaceLabel(face, text, accepted)])


def save_video(
    frames: Iterable[AnnotatedFrame], path: Path, frames_per_second: float = 25.0
) -> tuple[int, int]:
    """Write frames as a video, MP4 or AVI by the ending of the name.

    Returns:
        The number of frames, and the number of frames that showed the owner.

    Raises:
        UsageError: when there is no frame, or the video cannot be written there.
    """
    accepted = 0
    with VideoFile(path, frames_per_second) as video:
        for frame in frames:
            video.write(frame.pixels)
            accepted += frame.accepted
    if not video.frames:
        raise UsageError("the source gave no frame, so there is no video")
    return video.frames, accepted
