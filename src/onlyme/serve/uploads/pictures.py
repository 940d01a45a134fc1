"""Decode the pictures of a request one by one, within a budget of pixels and while it is awaited.

A few kilobytes can hold fifty million pixels, so limits on bytes do not limit time and memory. The
size in a picture's header is checked before it is decoded, and only one is decoded at a time.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from onlyme.errors import ImageError
from onlyme.image.decode import MAX_PIXELS, decode
from onlyme.image.files import format_path
from onlyme.serve.live.latest_frame import MAX_FRAME_PIXELS
from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.types import Frame

__all__ = [
    "MAX_REQUEST_PIXELS",
    "Abandonment",
    "decode_capture",
    "decode_picture",
    "label_photos",
    "name_picture",
]

MAX_REQUEST_PIXELS: Final = 1_000_000_000
"""Pixels of all photos of one request to enroll: eighty photos of twelve megapixels."""

_NO_NAMES: Final = frozenset(("", "blob", "upload"))
"""What browsers and clients send where a picture has no name."""

_MAX_PIXELS_PER_BYTE: Final = 1032
"""A photo that cannot be read counts as if it held this many: deflate packs no more."""


class Abandonment:
    """Says whether a request is still awaited: its client is there, and its time is not over."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Note that the request is not awaited any more."""
        self._event.set()

    def check(self) -> None:
        """Stop the work on a request that is not awaited any more.

        Raises:
            ImageError: it is not. No face was judged, so the gate takes the try back.
        """
        if self._event.is_set():
            raise ImageError("bytes", "was not read: the request is not awaited any more")


@contextmanager
def name_picture(data: bytes) -> Iterator[None]:
    """Name the one picture of a request as its client did, in errors that the block raises.

    Raises:
        ImageError: the block's, with the name of the file in place of `bytes`.
    """
    try:
        yield
    except ImageError as error:
        if error.source != "bytes":
            raise
        raise ImageError(_name("the picture", None, data), error.cause) from None


def decode_picture(decode: Callable[[bytes], Frame], data: bytes) -> Frame:
    """Return the one picture of a request, named as its client named it.

    Args:
        decode: reads a picture.
        data: the uploaded file.

    Raises:
        ImageError: it cannot be used.
    """
    with name_picture(data):
        return replace(decode(data), source=_name("the picture", None, data))


def decode_capture(frames: list[bytes], abandonment: Abandonment) -> Iterator[Frame]:
    """Yield the frames of one capture, each decoded when it is asked for.

    Each is no larger than a frame of a stream, which also limits their sum.

    Raises:
        ImageError: a frame cannot be used, or the request is not awaited any more.
    """
    for number, data in enumerate(frames, 1):
        abandonment.check()
        try:
            frame = decode(data, max_pixels=MAX_FRAME_PIXELS)
        except ImageError as error:  # the limit here is no setting
            cause = error.cause.partition(" (setting")[0]
            raise ImageError(f"frame {number}", cause) from None
        yield replace(frame, source=f"frame {number}")


def label_photos(
    decode: Callable[[bytes], Frame],
    photos: dict[str, list[bytes]],
    abandonment: Abandonment,
    max_pixels: int = MAX_REQUEST_PIXELS,
) -> dict[str, Iterator[Any]]:
    """Return, for each field, an iterator of its photos, named for reports.

    The name is the client's, or else field and number. A photo that cannot be read is the error
    that says why. Each photo is decoded when it is asked for.

    Args:
        decode: reads a photo.
        photos: files, by field.
        abandonment: of the request.
        max_pixels: pixels of all photos of all fields together; the last one may exceed it.

    Raises (the iterators):
        ImageError: the request is not awaited any more.
        ProblemError: the photos before have used up the budget (413).
    """
    remaining = max_pixels

    def label(field: str, files: list[bytes]) -> Iterator[Frame | ImageError]:
        nonlocal remaining
        for number, data in enumerate(files, 1):
            abandonment.check()
            if remaining <= 0:
                raise ProblemError(
                    413,
                    "too-many-pixels",
                    "the photos have too many pixels, or too many cannot be read; send fewer",
                )
            try:
                frame = decode(data)
            except ImageError as error:
                remaining -= min(MAX_PIXELS, len(data) * _MAX_PIXELS_PER_BYTE)
                yield ImageError(_name(field, number, data), error.cause)  # a report says so
                continue
            remaining -= frame.pixels.shape[0] * frame.pixels.shape[1]
            yield replace(frame, source=_name(field, number, data))

    return {field: label(field, files) for field, files in photos.items()}


def _name(field: str, number: int | None, data: bytes) -> str:
    """Return the name of an uploaded photo for reports."""
    given = format_path(getattr(data, "name", ""))
    if given not in _NO_NAMES:
        return given
    return field if number is None else f"{field} {number}"
