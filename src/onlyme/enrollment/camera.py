"""A person before a camera comes in; frames worth looking at go out, until there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.image.sources import CameraCapture

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from onlyme.types import Frame, PhotoReport

__all__ = ["FRAME_INTERVAL_SECONDS", "MAX_CAMERA_PHOTOS", "MAX_CAMERA_SECONDS", "EnrollmentCamera"]

MAX_CAMERA_PHOTOS = 7
"""Photos taken that end a sitting, as many as the article's owner gave."""

MAX_CAMERA_SECONDS = 20.0
"""Seconds after which a sitting ends, whatever was taken."""

FRAME_INTERVAL_SECONDS = 0.4
"""Seconds between frames that are looked at: those of one moment say the same."""


class EnrollmentCamera:
    """Frames of a camera or video for one enrollment.

    Hand `add_report` the report on each frame: the sitting ends when enough were taken.

    Args:
        source: a camera's number or path, or a video file.
    """

    def __init__(self, source: str | int | os.PathLike[str]) -> None:
        self._source = source
        self._taken = 0

    def add_report(self, report: PhotoReport) -> None:
        """Count a frame that became part of the template."""
        self._taken += report.taken

    def frames(self) -> Iterator[Frame]:
        """Yield frames some time apart.

        Raises:
            CameraError: the camera cannot be used.
        """
        first = last = None
        with CameraCapture(self._source) as capture:
            for frame in capture:
                first = frame.at if first is None else first
                if self._taken >= MAX_CAMERA_PHOTOS or frame.at - first > MAX_CAMERA_SECONDS:
                    return
                if last is None or frame.at - last >= FRAME_INTERVAL_SECONDS:
                    last = frame.at
                    yield frame
