"""Record what `watch` sees, with faces and verdicts drawn in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onlyme.types import Decision

__all__ = ["Recording", "start_recording"]

FRAMES_PER_SECOND = 15.0
"""At which a recording is played. The frames of a camera come at about this rate."""


class Recording:
    """A video of frames with the latest verdict; without a file nothing is drawn.

    Args:
        video: an `onlyme.image.video.VideoFile`, or None.
    """

    def __init__(self, video: Any) -> None:
        self._video = video
        self._decision: Decision | None = None

    def add(self, observation: Any) -> None:
        """Add a frame with what was found in it."""
        if self._video is None:
            return
        from onlyme.draw import FaceLabel, draw_faces, label_decision

        face = observation.face
        label = FaceLabel(face, "looking")
        if self._decision is not None:
            label = label_decision(face, self._decision)
        self._video.write(draw_faces(observation.frame.pixels, [label]))

    def note(self, decision: Decision) -> Decision:
        """Write this decision on the frames from now on; return it."""
        self._decision = decision
        return decision


@contextmanager
def start_recording(path: Path | None) -> Iterator[Recording]:
    """Record into a file, which is whole when the block ends, also by an error.

    Raises:
        UsageError: it is not the name of a video, or cannot be written there.
    """
    if path is None:
        yield Recording(None)
        return
    from onlyme.image.video import VideoFile

    with VideoFile(path, FRAMES_PER_SECOND) as video:
        yield Recording(video)
