"""Select frames of a camera or video for one enrollment, until there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.image.sources import CameraCapture

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from onlyme.types import Frame, PhotoReport

__all__ = ["FRAME_INTERVAL_SECONDS", "MAX_CAMERA_PHOTOS", "MAX_CAMERA_SECONDS", "EnrollmentCamera"]

MAX_CAMERA_PHOTOS = 7
"""Photos taken after which it ends; the article's owner gave as many."""

MAX_CAMERA_SECONDS = 20.0
"""Seconds after which it ends, also when fewer photos were taken."""

FRAME_INTERVAL_SECONDS = 0.4
"""Seconds between selected frames: frames of one moment show the same."""


class EnrollmentCamera:
    """Frames of a camera or video for one enrollment.

    Pass the report on each frame to `add_report`: the frames end when enough were taken.

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
        """Yield frames, at least `FRAME_INTERVAL_SECONDS` apart.

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
