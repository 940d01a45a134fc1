"""Query a video device for its name, driver and picture formats.

Only two requests of Video4Linux are needed (`VIDIOC_QUERYCAP`, `VIDIOC_ENUM_FMT`), so they are
written here instead of using a library fifty times as long. Neither request turns a camera on or
disturbs a program that uses it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from onlyme.storage.system import CLOSE_ON_EXEC, NO_WAIT, name_platform

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DeviceInfo", "format_fourcc", "parse_capability", "query_device"]

_QUERYCAP: Final = 0x80685600
_ENUM_FMT: Final = 0xC0405602
_CAPABILITY: Final = struct.Struct("=16s32s32s3I12x")
_FORMAT: Final = struct.Struct("=3I32s2I12x")
_VIDEO_CAPTURE: Final = 1
_VIDEO_CAPTURE_PLANES: Final = 9
_CAPTURES: Final = 0x1 | 0x1000  # one plane, or several
_DEVICE_CAPS: Final = 0x80000000
_MAX_FORMATS: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """The description that a device gives.

    Attributes:
        driver: the kernel's driver, such as `uvcvideo`.
        card: the device's name, such as `Integrated Camera: Integrated C`.
        captures: whether it gives pictures; a camera's second device gives only metadata.
        formats: four letters for each picture format, such as `MJPG` or `GREY`.
    """

    driver: str
    card: str
    captures: bool
    formats: tuple[str, ...]


def query_device(path: Path) -> DeviceInfo | None:
    """Query a device; None where it cannot be opened or is not a Video4Linux device."""
    if name_platform() != "linux":
        return None
    import fcntl

    try:
        handle = os.open(path, os.O_RDWR | NO_WAIT | CLOSE_ON_EXEC)
    except OSError:
        return None
    try:
        reply = bytearray(_CAPABILITY.size)
        fcntl.ioctl(handle, _QUERYCAP, reply)
        driver, card, captures = parse_capability(bytes(reply))
        formats: list[str] = []
        for kind in (_VIDEO_CAPTURE, _VIDEO_CAPTURE_PLANES) if captures else ():
            formats += _list_formats(handle, kind)
        return DeviceInfo(driver, card, captures, tuple(dict.fromkeys(formats)))
    except OSError:
        return None
    finally:
        os.close(handle)


def parse_capability(reply: bytes) -> tuple[str, str, bool]:
    """Parse a `v4l2_capability`: driver, card, and whether this device gives pictures."""
    driver, card, _bus, _version, of_all, of_this = _CAPABILITY.unpack(reply)
    here = of_this if of_all & _DEVICE_CAPS else of_all
    return _decode_text(driver), _decode_text(card), bool(here & _CAPTURES)


def format_fourcc(number: int) -> str:
    """Write a pixel format as its letters.

    >>> format_fourcc(0x59455247), format_fourcc(0x20363159), format_fourcc(0x47504A4D)
    ('GREY', 'Y16', 'MJPG')
    """
    letters = (number & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace")
    return "".join(letter for letter in letters if letter.isprintable()).strip()


def _list_formats(handle: int, kind: int) -> list[str]:
    import fcntl

    found: list[str] = []
    for index in range(_MAX_FORMATS):
        reply = bytearray(_FORMAT.pack(index, kind, 0, b"", 0, 0))
        try:
            fcntl.ioctl(handle, _ENUM_FMT, reply)
        except OSError:  # the list has ended
            break
        found.append(format_fourcc(_FORMAT.unpack(bytes(reply))[4]))
    return found


def _decode_text(field: bytes) -> str:
    words = field.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "�" for sign in words).strip()
