"""The system's folders come in; its cameras, by names that stay, go out.

`/dev/video0` is whichever camera was found first today. The names under `/dev/v4l` stay, and
so does what a camera calls itself. The kernel also tells, in `/sys`, what is behind a device:
a program that feeds it can choose the name, but not that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onlyme.errors import CameraError
from onlyme.image.files import format_path
from onlyme.image.v4l2 import query_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.image.v4l2 import DeviceInfo

__all__ = ["Camera", "System", "find_device", "list_cameras", "refuse_virtual"]

_GREY: Final = frozenset(("GREY", "Y04", "Y6", "Y10", "Y10B", "Y10P", "Y12", "Y14", "Y16", "Y8I"))
_NAMES_OF_INFRARED: Final = ("infrared", " ir ", "(ir)", "-ir", "_ir", "ir camera", "windows hello")
_NO_HARDWARE: Final = frozenset(
    (
        *("v4l2loopback", "v4l2 loopback", "akvcam", "vcam", "vivid", "vimc", "visl", "vicodec"),
        *("vhci_hcd", "dummy_hcd", "usbip"),
    )
)
"""Drivers of cameras that a program feeds, and of USB devices that are not plugged in here."""


@dataclass(frozen=True, slots=True)
class System:
    """Where the kernel and udev describe cameras.

    Attributes:
        sys: the folder of video devices.
        dev: the folder of devices.
        ask: asks a device itself; None where it does not answer.
    """

    sys: Path = Path("/sys/class/video4linux")
    dev: Path = Path("/dev")
    ask: Callable[[Path], DeviceInfo | None] = query_device


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera.

    Attributes:
        number: N of `/dev/videoN`, which may be another one's tomorrow.
        path: its device.
        card: what it calls itself.
        driver: the kernel's driver.
        stable: its paths that stay, the one by its serial number first; may be empty.
        formats: the kinds of pictures it gives, four letters each; empty where it was not asked.
        infrared: whether its pictures have no colour.
        virtual: whether a program feeds it, rather than light.
    """

    number: int
    path: str
    card: str
    driver: str
    stable: tuple[str, ...]
    formats: tuple[str, ...]
    infrared: bool
    virtual: bool

    @property
    def name(self) -> str:
        """The best name for it: one that stays, or else its device."""
        return self.stable[0] if self.stable else self.path


def list_cameras(system: System = System()) -> list[Camera]:
    """List the cameras, in the order of their numbers.

    Devices that give metadata rather than pictures are left out; where a device may not be
    asked, all but the first of one camera are taken for such.
    """
    try:
        entries = sorted(system.sys.iterdir(), key=lambda entry: (len(entry.name), entry.name))
    except OSError:
        return []
    stable = dict(_list_stable_paths(system.dev))
    found = (_describe_camera(system, entry, stable) for entry in entries)
    return [camera for camera in found if camera is not None]


def find_device(name: str, system: System = System()) -> str | None:
    """Return the device of the camera that has this name; None where none has.

    Args:
        name: what it calls itself, whole or up to a colon, or the last part of a stable path.
        system: where cameras are described.

    Raises:
        CameraError: several have; the message says how to tell them apart.

    >>> find_device("no such camera") is None
    True
    """
    wanted = name.casefold().strip()
    fitting = [camera for camera in list_cameras(system) if wanted in _collect_names(camera)]
    if len(fitting) > 1:
        others = ", ".join(f"{c.name}{' (infrared)' if c.infrared else ''}" for c in fitting)
        raise CameraError(
            f"{format_path(name)}: several cameras are called so; name one of {others}"
        )
    return fitting[0].path if fitting else None


def refuse_virtual(path: str, name: str, system: System = System()) -> None:
    """Hold that a device is a camera of this computer's hardware.

    Args:
        path: the device, or a link to it; best while it is held open, so that its number
            cannot become another's.
        name: what to call it in messages.
        system: where cameras are described.

    Raises:
        CameraError: a program feeds it, or the kernel says nothing about it.
    """
    real = os.path.realpath(path)
    for camera in list_cameras(system):
        if os.path.realpath(camera.path) == real:
            if camera.virtual:
                raise CameraError(
                    f"{name}: is fed by a program ({camera.driver or 'no driver'}), not by light, "
                    "and a program can show it any face"
                )
            return
    raise CameraError(f"{name}: the system does not say what kind of camera this is")


def _describe_camera(system: System, entry: Path, stable: dict[str, list[str]]) -> Camera | None:
    number = entry.name.removeprefix("video")
    if not entry.name.startswith("video") or not number.isdecimal():
        return None  # a radio, a tuner's subtitles
    path = system.dev / entry.name
    answer = system.ask(path)
    if answer is None and _read(entry / "index") not in ("", "0"):
        return None
    if answer is not None and not answer.captures:
        return None
    card = (answer.card if answer else "") or _read(entry / "name")
    driver = (answer.driver if answer else "") or _read_driver(entry)
    formats = answer.formats if answer else ()
    return Camera(
        number=int(number),
        path=str(path),
        card=card,
        driver=driver,
        stable=tuple(stable.get(os.path.realpath(path), ())),
        formats=formats,
        infrared=_is_infrared(card, formats),
        virtual=_is_virtual(entry, driver),
    )


def _is_infrared(card: str, formats: tuple[str, ...]) -> bool:
    if formats and all(letters in _GREY for letters in formats):
        return True
    words = f" {card.casefold()} "
    return any(name in words for name in _NAMES_OF_INFRARED)


def _is_virtual(entry: Path, driver: str) -> bool:
    """Whether there is no hardware behind a device, by its place in the kernel's tree."""
    behind = [part.partition(".")[0] for part in Path(os.path.realpath(entry)).parts]
    if driver.casefold() in _NO_HARDWARE or _read_driver(entry).casefold() in _NO_HARDWARE:
        return True
    # Without a device of its own it hangs in the air: what loopback drivers make.
    return "virtual" in behind or not (entry / "device").exists() or bool({*behind} & _NO_HARDWARE)


def _read_driver(entry: Path) -> str:
    link = entry / "device" / "driver"
    return Path(os.path.realpath(link)).name if link.exists() else ""


def _list_stable_paths(dev: Path) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for folder in ("by-id", "by-path"):
        try:
            links = sorted((dev / "v4l" / folder).iterdir())
        except OSError:
            continue
        for link in links:
            found.setdefault(os.path.realpath(link), []).append(str(link))
    yield from found.items()


def _collect_names(camera: Camera) -> set[str]:
    card = camera.card.casefold()
    links = {Path(link).name.casefold() for link in camera.stable}
    return {card, card.partition(":")[0].strip()} - {""} | links


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
