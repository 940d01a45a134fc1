"""A person before a camera comes in; frames worth looking at go out, until there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.image.sources import Capture

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from onlyme.types import Frame, PhotoReport

__all__ = ["BETWEEN", "ENOUGH", "LONGEST", "Sitting"]

ENOUGH = 7
"""Photos taken that end a sitting, as many as the article's owner gave."""

LONGEST = 20.0
"""Seconds after which a sitting ends, whatever was taken."""

BETWEEN = 0.4
"""Seconds between frames that are looked at: those of one moment say the same."""


class Sitting:
    """Frames of a camera or video for one enrollment.

    Hand `seen` the report on each frame: the sitting ends when enough were taken.

    Args:
        source: a camera's number or path, or a video file.
    """

    def __init__(self, source: str | int | os.PathLike[str]) -> None:
        self._source = source
        self._taken = 0

    def seen(self, report: PhotoReport) -> None:
        """Count a frame that became part of the template."""
        self._taken += report.taken

    def frames(self) -> Iterator[Frame]:
        """Yield frames some time apart.

        Raises:
            CameraError: the camera cannot be used.
        """
        first = last = None
        with Capture(self._source) as capture:
            for frame in capture:
                first = frame.at if first is None else first
                if self._taken >= ENOUGH or frame.at - first > LONGEST:
                    return
                if last is None or frame.at - last >= BETWEEN:
                    last = frame.at
                    yield frame
