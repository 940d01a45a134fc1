"""List the photos of folders, and read the frames of videos and cameras."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from onlyme.errors import ImageError
from onlyme.image.capture import CameraCapture
from onlyme.image.files import format_path
from onlyme.image.formats import RAW_SUFFIXES, UNREAD_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.types import Frame

__all__ = ["PHOTO_SUFFIXES", "CameraCapture", "is_folder", "list_photos", "read_frames"]

PathLike: TypeAlias = "str | os.PathLike[str]"

PHOTO_SUFFIXES: Final = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".tif"),
        *(".tiff", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".avifs", ".jp2"),
        *(".j2k", ".jpx", ".ico", ".icns", ".psd", ".pcx", ".sgi", ".qoi", ".tga"),
        *UNREAD_SUFFIXES,
    )
)
"""The files of a folder that count as photos. A file that is named itself may have any suffix."""


def list_photos(paths: PathLike | Iterable[PathLike]) -> Iterator[Path]:
    """List photos: each path itself, or, for a folder, the image files in it.

    Folders inside a folder are not searched. Hidden files and files without an
    image's suffix are skipped, and RAW files beside a picture of the same name; the
    others come in natural order, `me2.jpg` before `me10.jpg`. A path that does not exist
    is returned as well, so that `decode` reports what is wrong with it.

    Args:
        paths: one path or several, folders and files mixed.

    Yields:
        Paths of files, in the order of `paths`.

    Raises:
        ImageError: a folder cannot be read or holds no image, or an argument is not a path.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("me10.jpg", "me2.PNG", ".hidden.jpg", "notes.txt"):
        ...         _ = (Path(folder) / name).write_bytes(b"")
        ...     [photo.name for photo in list_photos(folder)]
        ['me2.PNG', 'me10.jpg']
    """
    several = (paths,) if isinstance(paths, (str, os.PathLike)) else paths
    for path in map(_make_path, several):
        if not is_folder(path):
            yield path
            continue
        try:
            inside = [entry for entry in path.iterdir() if _is_photo(entry)]
        except OSError as error:
            cause = f"this folder cannot be read ({error.strerror})"
            raise ImageError(format_path(path), cause) from None
        if not inside:
            raise ImageError(format_path(path), "this folder holds no image file")
        yield from sorted(_drop_doubles(inside), key=_make_natural_key)


def read_frames(
    source: int | PathLike,
    *,
    paced: bool = False,
    warm_up: bool | None = None,
    open_seconds: float = 5.0,
    frame_seconds: float = 3.0,
) -> Iterator[Frame]:
    """Yield the frames of a video file or a camera, and release it in every case.

    The arguments are those of `CameraCapture`, which does the same as a context manager.

    Yields:
        Frames, RGB, with `at` in seconds since the first.

    Raises:
        CameraError: it is absent, busy or not a video, or gives no frame for too long.
    """
    capture = CameraCapture(
        source,
        paced=paced,
        warm_up=warm_up,
        open_seconds=open_seconds,
        frame_seconds=frame_seconds,
    )
    with capture:
        yield from capture


def is_folder(path: object) -> bool:
    """Say whether this is the path of an existing folder; never raises.

    An empty name is none, although Python takes it for the current folder.

    >>> is_folder("/"), is_folder(""), is_folder("a" * 4200), is_folder(None)
    (True, False, False, False)
    """
    try:
        return path != "" and Path(path).is_dir()  # type: ignore[arg-type]  # the caller may pass anything
    except Exception:  # noqa: BLE001 - too long, a NUL in it, no permission, no path: `decode` reports it
        return False


def _make_path(given: PathLike) -> Path:
    if isinstance(given, str) and not given:
        raise ImageError("an empty name", "is not the path of a photo or folder")
    try:
        return Path(given)
    except Exception:  # noqa: BLE001 - a `__fspath__` may raise or return anything
        raise ImageError(type(given).__name__, "is not the path of a photo or folder") from None


def _is_photo(entry: Path) -> bool:
    hidden = entry.name.startswith(".")
    return not hidden and entry.suffix.lower() in PHOTO_SUFFIXES and not entry.is_dir()


def _drop_doubles(photos: list[Path]) -> Iterator[Path]:
    """Leave out a RAW file beside a picture of the same name: cameras write both."""
    made = {photo.stem for photo in photos if photo.suffix.lower() not in UNREAD_SUFFIXES}
    for photo in photos:
        if photo.suffix.lower() not in RAW_SUFFIXES or photo.stem not in made:
            yield photo


def _make_natural_key(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort numbers inside a name by value, and letters without regard to case."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(part[:18]), part) if part.isdecimal() else (-1, part) for part in parts], path.name
