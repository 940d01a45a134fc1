"""Write frames to a video file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import cv2

from onlyme.errors import UsageError
from onlyme.image.files import format_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["VideoFile"]

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


class VideoFile:
    """A video that is written frame by frame; use it in a `with` block.

    Args:
        path: MP4 or AVI, by the ending of the name.
        frames_per_second: at which it is played.

    Raises:
        UsageError: the name has another ending, or is no text.

    Attributes:
        frames: how many were written.
    """

    def __init__(self, path: Path, frames_per_second: float = 25.0) -> None:
        codec = _CODECS.get(path.suffix.lower())
        if codec is None:
            raise UsageError(f"{path}: the name of a video must end in .mp4 or .avi")
        if os.fsencode(path) != str(path).encode("utf-8", "replace"):  # OpenCV would crash
            raise UsageError(f"{format_path(path)}: the name of a video must be text in UTF-8")
        self.frames = 0
        self._path, self._codec, self._rate = path, codec, frames_per_second
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> Self:
        """Return this video."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Add a frame.

        Args:
            pixels: uint8[h, w, 3], RGB; all frames have the size of the first.

        Raises:
            UsageError: the file cannot be written there.
        """
        height, width = pixels.shape[:2]
        if self._writer is None:
            fourcc = cv2.VideoWriter.fourcc(*self._codec)
            self._writer = cv2.VideoWriter(str(self._path), fourcc, self._rate, (width, height))
            if not self._writer.isOpened():
                raise UsageError(f"{self._path}: cannot write a video there")
        self._writer.write(pixels[..., ::-1])
        self.frames += 1
