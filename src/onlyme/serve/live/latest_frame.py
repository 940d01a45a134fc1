"""Pictures of a browser's camera come in from the event loop; frames go out in a thread.

The newest picture wins: whoever looks takes the last one that came, and the ones before it
are forgotten. So nothing queues, and a verdict is never about what was seen a while ago.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Condition
from time import monotonic
from typing import TYPE_CHECKING, Final

from onlyme.image.decode import decode
from onlyme.verification.attempt import CaptureAbandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.types import Frame

__all__ = ["MAX_FRAME_BYTES", "LatestFrame"]

MAX_FRAME_BYTES: Final = 512 * 2**10
"""A frame may be this large; one of 640×480 takes a fifth of it as a good JPEG."""

MAX_FRAME_PIXELS: Final = 1920 * 1080

SILENCE_SECONDS = 5.0
"""Seconds without a picture after which nobody waits for another."""

SOURCE: Final = "the browser's camera"


class LatestFrame:
    """A slot for one picture, between the event loop and a thread.

    Args:
        silence_seconds: seconds without a picture after which nobody waits for another.

    Attributes:
        number: which of the pictures that came was looked at or dropped last, from 1.
        left: whether whoever sent them has left, or fell silent; then what was seen last is
            part of nothing.
        why: in that case, why, in a sentence.
    """

    def __init__(self, silence_seconds: float | None = None) -> None:
        self.number = 0
        self.left = False
        self.why = ""
        self._silence = SILENCE_SECONDS if silence_seconds is None else silence_seconds
        self._came = 0
        self._picture: tuple[bytes, float] | None = None
        self._over = False
        self._changed = Condition()

    def put(self, picture: bytes) -> None:
        """Take a picture, in place of one that nobody looked at yet."""
        with self._changed:
            self._came += 1
            self._picture = picture, monotonic()
            self._changed.notify()

    def drop(self) -> int:
        """Forget a picture that waits; return the number of the last one that came."""
        with self._changed:
            self._picture, self.number = None, self._came
            return self.number

    def end(self) -> None:
        """Let the frames end: whoever sent them has sent enough."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def leave(self, why: str = "") -> None:
        """Let the frames end, and say that what was seen last is part of nothing."""
        with self._changed:
            if not self.left:
                self.left, self.why = True, why
            self._over = True
            self._changed.notify()

    def frames(self) -> Iterator[Frame]:
        """Yield the newest picture whenever the caller is ready for one, until the end.

        Times are those of this machine: a sender does not say when a picture was taken.

        Raises:
            ImageError: what came is no picture that can be used.
            CaptureAbandoned: the sender has left; what it showed last is no attempt.
        """
        first = None
        while (taken := self._wait_for_next()) is not None:
            picture, at = taken
            first = at if first is None else first
            frame = decode(picture, max_pixels=MAX_FRAME_PIXELS, max_bytes=MAX_FRAME_BYTES)
            yield replace(frame, source=SOURCE, at=at - first)
        if self.left:
            raise CaptureAbandoned

    def _wait_for_next(self) -> tuple[bytes, float] | None:
        with self._changed:
            ready = self._changed.wait_for(lambda: self._over or self._picture, self._silence)
            if not ready:
                self.left, self._over = True, True
                self.why = f"{SOURCE} sent no picture for {self._silence:g} seconds"
            taken, self._picture, self.number = self._picture, None, self._came
            return None if self._over else taken
