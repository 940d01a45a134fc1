"""Find the camera or video file that a source names, and check that it can be opened."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onlyme.errors import CameraError
from onlyme.image.cameras import find_device
from onlyme.image.files import describe_address, format_path
from onlyme.storage.system import CLOSE_ON_EXEC, name_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.image.cameras import System

__all__ = ["check_source", "name_for_opencv", "resolve_source"]

_OPEN_FILES: Final = Path("/dev/fd")  # this process's open files by number

_V4L_MAJOR: Final = 81  # Linux's number for cameras


def resolve_source(source: int | str | os.PathLike[str], system: System) -> tuple[str, str]:
    """Return the source's name for messages, and its path.

    Raises:
        CameraError: the source is neither the number of a camera nor a path.
    """
    try:
        # True and False are numbers in Python, but not cameras.
        number = isinstance(source, int) and not isinstance(source, bool)
        text = str(source) if number else os.fsdecode(source)  # type: ignore[arg-type]  # no int here
        valid = b"\0" not in os.fsencode(text)
    except Exception:  # noqa: BLE001 - a `__fspath__` may raise or return anything
        what = "is neither the number of a camera nor a path"
        raise CameraError(f"{type(source).__name__}: {what}") from None
    if not valid:
        raise CameraError(f"{format_path(text)}: is not a valid path")
    if text.isdecimal() and len(text) < 10:
        return f"camera {text}", f"/dev/video{int(text)}"
    if text and "/" not in text and not _exists(text) and (found := find_device(text, system)):
        return f"camera {format_path(text)}", found
    # Absolute, so that OpenCV cannot read the name as a URL or a protocol.
    return format_path(text), str(Path(text).absolute()) if text else ""


@contextmanager
def name_for_opencv(path: str) -> Iterator[str]:
    """Yield a name of a file that OpenCV can open.

    OpenCV takes names in UTF-8 alone: it looks for others in vain, and crashes where the name is
    no text at all. Such a file is opened here and named by its number.
    """
    try:
        if path.encode() == os.fsencode(path):
            yield path
            return
    except UnicodeEncodeError:  # no text
        pass
    if not _OPEN_FILES.is_dir():
        raise OSError
    descriptor = os.open(path, os.O_RDONLY | CLOSE_ON_EXEC)
    try:
        yield str(_OPEN_FILES / str(descriptor))
    finally:
        os.close(descriptor)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long, a NUL in it
        return False


def check_source(path: str, name: str) -> bool:
    """Say whether it is a camera (True) or a file (False).

    Raises:
        CameraError: it is neither, or may not be opened.
    """
    try:
        status = Path(path).stat() if path else None
    except (OSError, ValueError):
        status = None
    if status is None:
        camera = name.startswith("camera ")
        if camera and name_platform() != "linux":
            raise CameraError(
                f"{name}: cameras are read on Linux only so far, and this is {name_platform()}; "
                "give a video, or frames that your own program reads from the camera"
            )
        what = "there is no such camera; see `onlyme cameras`" if camera else "is not there"
        what = describe_address(name) or what
        raise CameraError(f"{name}: {what}")
    camera = stat.S_ISCHR(status.st_mode)
    if camera and os.major(status.st_rdev) != _V4L_MAJOR:
        raise CameraError(f"{name}: is a device, but not a camera")
    if not camera and not stat.S_ISREG(status.st_mode):
        raise CameraError(f"{name}: is neither a video file nor a camera")
    if not camera and status.st_size == 0:
        raise CameraError(f"{name}: is empty")
    if not os.access(path, os.R_OK | os.W_OK if camera else os.R_OK):
        hint = "; join the group `video`" if camera else "; check its permissions"
        raise CameraError(f"{name}: may not be opened by this user{hint}")
    return camera
