"""List the photos that a caller gives: one, many, folders and videos."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import ImageError
from onlyme.image.files import format_path, read_file
from onlyme.image.formats import describe_unread
from onlyme.image.sources import is_folder, list_photos
from onlyme.types import Embedding, ExampleKind, Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.types import ImageLike

    Photo = ImageLike | Frame | Embedding

__all__ = ["expand_photos", "find_kind", "holds_many", "is_video", "read_photo"]

VIDEO_SUFFIXES: Final = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".3gp", ".3g2"),
        *(".ogv", ".wmv", ".flv", ".mts", ".m2ts"),
    )
)
"""Files of which some frames are taken where photos of one person are wanted."""


def expand_photos(images: Photo | Iterable[Photo | ImageError]) -> Iterator[Photo | ImageError]:
    """Yield photos one by one: a single one, each of many, and the pictures of each folder.

    A folder without a picture, or one that cannot be read, is yielded as the error that says so:
    it must not waste the photos beside it.
    """
    several: Any = images if holds_many(images) else [images]
    for image in several:
        if isinstance(image, (str, os.PathLike)) and is_folder(image):
            try:
                yield from list_photos([image])
            except ImageError as error:
                yield error
        else:
            yield image


def holds_many(images: Any) -> bool:
    """Say whether something holds several pictures. A picture may be iterable, too.

    An array holds several if it has one axis more than a picture, or holds paths. A tensor or a
    table of numbers is one thing, which `decode` refuses with what to write: its rows are none.

    >>> holds_many(["a.jpg"]), holds_many("a.jpg"), holds_many(np.zeros((4, 4, 3), np.uint8))
    (True, False, False)
    """
    if isinstance(images, np.ndarray):
        return images.ndim == 4 or (images.ndim == 1 and images.dtype.kind in "OU")
    kind = type(images)
    if isinstance(images, (str, os.PathLike, bytes, bytearray, memoryview, array, Frame)):
        return False
    if callable(getattr(kind, "read", None)):  # an open file, whose lines are no pictures
        return False
    is_array = hasattr(kind, "__array__") and getattr(images, "ndim", 0) != 1
    return isinstance(images, Iterable) and not is_array


def is_video(image: object) -> bool:
    """Say whether this is the path of a file that is named as videos are.

    >>> is_video("me.MP4"), is_video("me.jpg"), is_video(b"me.mp4")
    (True, False, False)
    """
    if not isinstance(image, (str, os.PathLike)):
        return False
    try:
        return Path(image).suffix.lower() in VIDEO_SUFFIXES
    except Exception:  # noqa: BLE001 - a `__fspath__` may raise or return anything: `decode` reports it
        return False


def find_kind(image: object) -> ExampleKind:
    """Return what a picture is: an embedding, a frame of a camera or video, or a photo."""
    if isinstance(image, Embedding):
        return ExampleKind.EMBEDDING
    if not isinstance(image, Frame):
        return ExampleKind.PHOTO
    if image.kind is not None:
        return image.kind
    if str(image.source).startswith(("camera ", "/dev/", "the browser's camera")):
        return ExampleKind.CAMERA
    return ExampleKind.VIDEO if image.at or is_video(image.source) else ExampleKind.PHOTO


def read_photo(path: Path, max_bytes: int) -> bytes:
    """Read a photo's file, for another process that examines it and is not told its name.

    Raises:
        ImageError: it cannot be read, or its name and first bytes say that no process could.
    """
    content = read_file(path, max_bytes=max_bytes)
    if why := describe_unread(content, path.name):
        raise ImageError(format_path(path), why)
    return content
