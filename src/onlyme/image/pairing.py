"""Read two cameras of one computer together: each frame of one with what the other saw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from onlyme.types import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from onlyme.image.capture import CameraCapture

__all__ = ["MAX_APART_SECONDS", "CameraPair", "pair_frames"]

MAX_APART_SECONDS: Final = 0.1
"""Frames that were taken farther apart in time are not of one moment."""

_NOTHING: Final = Frame(np.zeros((1, 1, 3), np.uint8), "no frame at that time")


def pair_frames(
    first: Iterable[Frame], second: Iterable[Frame], second_later: float = 0.0
) -> Iterator[Frame]:
    """Yield each frame of the first camera with the second's frame nearest in time as `beside`.

    Where there is none within `MAX_APART_SECONDS`, `beside` is a picture that shows nothing: what
    only one camera saw counts as unseen.

    Args:
        first: frames in the order in which they were taken.
        second: the same of the other camera.
        second_later: seconds by which the second camera's clock began later.

    >>> def frames(*times):
    ...     return [Frame(np.zeros((2, 2, 3), np.uint8), "", at) for at in times]
    >>> pairs = pair_frames(frames(0.0, 0.1, 0.9), frames(0.01, 0.12, 0.2))
    >>> [one.beside.at if one.beside.pixels.size > 3 else None for one in pairs]
    [0.01, 0.12, None]
    """
    rest = iter(second)
    last: Frame | None = None
    coming = next(rest, None)
    for frame in first:
        at = frame.at - second_later
        while coming is not None and coming.at <= at:
            last, coming = coming, next(rest, None)
        near = [one for one in (last, coming) if one and abs(one.at - at) <= MAX_APART_SECONDS]
        beside = min(near, key=lambda one: abs(one.at - at), default=_NOTHING)
        yield replace(frame, beside=beside)


class CameraPair:
    """Two cameras that are opened, read and closed as one; see `CameraCapture`.

    Args:
        first: the camera whose frames are given.
        second: the camera whose frames are `Frame.beside`.
    """

    def __init__(self, first: CameraCapture, second: CameraCapture) -> None:
        self._first, self._second = first, second
        self.name, self.path = first.name, first.path

    def __enter__(self) -> Self:
        self._first.__enter__()
        try:
            self._second.__enter__()
        except BaseException:
            self._first.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._second.close()
        self._first.close()

    def __iter__(self) -> Iterator[Frame]:
        later = self._second.began_at - self._first.began_at
        return pair_frames(self._first, self._second, later)

    @property
    def is_camera(self) -> bool:
        """Whether one of them is a camera, not a file."""
        return self._first.is_camera or self._second.is_camera

    @property
    def infrared(self) -> bool:
        """Whether the camera whose frames are given is an infrared one."""
        return self._first.infrared

    @property
    def is_released(self) -> bool:
        """Whether both are not opened yet, or closed and released by the driver."""
        return self._first.is_released and self._second.is_released

    @property
    def label(self) -> str:
        """The name under which the gate counts the pair: that of the first camera."""
        return self._first.label

    def skip_to_now(self) -> None:
        """Drop what both filmed before this call; see `CameraCapture.skip_to_now`."""
        self._first.skip_to_now()
        self._second.skip_to_now()

    def stop(self) -> None:
        """End the frames at once, from any thread and without waiting. `close` is still needed."""
        self._first.stop()
        self._second.stop()

    def check(self) -> None:
        """Check that both could be opened, without opening them.

        Raises:
            CameraError: one could not.
        """
        self._first.check()
        self._second.check()

    def close(self) -> None:
        """Release both cameras."""
        self.__exit__(None, None, None)
