"""Hand the newest picture of a browser's camera from the event loop to a thread.

The newest picture wins: a reader takes the last one that arrived, and the ones before it are
dropped. So nothing queues, and a decision is never about a picture of long ago.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Condition
from time import monotonic
from typing import TYPE_CHECKING, Final

from onlyme.image.decode import decode
from onlyme.types import ExampleKind
from onlyme.verification.attempt import CaptureAbandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.types import Frame

__all__ = ["MAX_FRAME_BYTES", "LatestFrame"]

MAX_FRAME_BYTES: Final = 512 * 2**10
"""The largest frame; a good JPEG of 640×480 takes a fifth of it."""

MAX_FRAME_PIXELS: Final = 1920 * 1080

SILENCE_SECONDS = 5.0
"""Seconds without a picture after which the stream ends."""

SOURCE: Final = "the browser's camera"


class LatestFrame:
    """A slot for one picture, between the event loop and a thread.

    Args:
        silence_seconds: seconds without a picture after which the frames end.

    Attributes:
        number: number, from 1, of the picture that was taken or dropped last.
        left: whether the client has left or sent nothing for too long; the attempt or the
            enrolment that it had begun is then void.
        why: in that case the reason, as a sentence.
        shape: height, width and channels of the frame that was given last.
    """

    def __init__(self, silence_seconds: float | None = None) -> None:
        self.number = 0
        self.left = False
        self.shape: tuple[int, ...] = (1, 1, 3)
        self.why = ""
        self._silence_seconds = SILENCE_SECONDS if silence_seconds is None else silence_seconds
        self._received = 0
        self._picture: tuple[bytes, float] | None = None
        self._ended = False
        self._changed = Condition()

    def put(self, picture: bytes) -> None:
        """Store a picture, in place of one that was not taken yet."""
        with self._changed:
            self._received += 1
            self._picture = picture, monotonic()
            self._changed.notify()

    def drop(self) -> int:
        """Drop a picture that waits; return the number of the last one that arrived."""
        with self._changed:
            self._picture, self.number = None, self._received
            return self.number

    def end(self) -> None:
        """End the frames: the client has sent enough."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def leave(self, why: str = "") -> None:
        """End the frames, and void the attempt or enrolment that they belong to."""
        with self._changed:
            if not self.left:
                self.left, self.why = True, why
            self._ended = True
            self._changed.notify()

    def frames(self) -> Iterator[Frame]:
        """Yield the newest picture each time the caller asks, until the end.

        Times are those of arrival at this machine; what a client says of them is not used.

        Raises:
            ImageError: what was sent is not a usable picture.
            CaptureAbandoned: the client has left; its last pictures are no attempt.
        """
        first_at = None
        while (next_ := self._wait_for_next()) is not None:
            picture, at = next_
            first_at = at if first_at is None else first_at
            frame = decode(picture, max_pixels=MAX_FRAME_PIXELS, max_bytes=MAX_FRAME_BYTES)
            self.shape = frame.pixels.shape
            yield replace(frame, source=SOURCE, at=at - first_at, kind=ExampleKind.CAMERA)
        if self.left:
            raise CaptureAbandoned

    def _wait_for_next(self) -> tuple[bytes, float] | None:
        with self._changed:
            ready = self._changed.wait_for(
                lambda: self._ended or self._picture, self._silence_seconds
            )
            if not ready:
                self.left, self._ended = True, True
                self.why = f"{SOURCE} sent no picture for {self._silence_seconds:g} seconds"
            picture, self._picture, self.number = self._picture, None, self._received
            return None if self._ended else picture
