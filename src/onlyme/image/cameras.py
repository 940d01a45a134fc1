"""List the system's cameras, by names that do not change.

`/dev/video0` is the camera that was found first, which may be another one tomorrow. The names
under `/dev/v4l` and the name that a camera reports do not change. In `/sys` the kernel describes
the hardware behind a device: a program that feeds a virtual camera can choose its name, but not
that description.
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

__all__ = [
    "Camera",
    "System",
    "find_device",
    "is_infrared",
    "label_device",
    "list_cameras",
    "refuse_virtual",
]

_GREY: Final = frozenset(
    (
        *("GREY", "Y8", "Y04", "Y6", "Y06", "Y10", "Y10B", "Y10P", "Y12", "Y12P", "Y14", "Y14P"),
        *("Y16", "Y8I", "Y12I"),
    )
)
"""Picture formats without colour, as Video4Linux names them."""
_NAMES_OF_INFRARED: Final = ("infrared", " ir ", "(ir)", "-ir", "_ir", "ir camera", "windows hello")
_NO_HARDWARE: Final = frozenset(
    (
        *("v4l2loopback", "v4l2 loopback", "akvcam", "vcam", "vivid", "vimc", "visl", "vicodec"),
        *("vhci_hcd", "dummy_hcd", "usbip"),
    )
)
"""Drivers of cameras that a program feeds, and of USB devices that are not plugged in."""


@dataclass(frozen=True, slots=True)
class System:
    """The places where the kernel and udev describe cameras.

    Attributes:
        sys: the kernel's folder of video devices.
        dev: the folder of devices.
        query: queries a device itself; None where it does not answer.
    """

    sys: Path = Path("/sys/class/video4linux")
    dev: Path = Path("/dev")
    query: Callable[[Path], DeviceInfo | None] = query_device


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera.

    Attributes:
        number: N of `/dev/videoN`; another camera may have it after a restart.
        path: its device.
        card: the name that it reports.
        driver: the kernel's driver.
        stable: its paths that do not change, the one with its serial number first; may be
            empty.
        formats: its picture formats, four letters each; empty where it could not be queried.
        infrared: whether its pictures have no colour, by its formats or the name that it reports.
        virtual: whether a program feeds it, not a lens.
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
    def is_colourless(self) -> bool:
        """Whether it is hardware that has no format with colour. Its name is no evidence."""
        return not self.virtual and _has_only_grey(self.formats)

    @property
    def name(self) -> str:
        """Its best name: one that does not change, or else its device."""
        return self.stable[0] if self.stable else self.path


def list_cameras(system: System = System()) -> list[Camera]:
    """List the cameras, in the order of their numbers.

    Devices that give metadata instead of pictures are left out. Where this user may not query a
    device, only the first device of each camera is listed.
    """
    try:
        entries = sorted(system.sys.iterdir(), key=lambda entry: (len(entry.name), entry.name))
    except OSError:
        return []
    stable_paths = dict(_list_stable_paths(system.dev))
    found = (_describe_camera(system, entry, stable_paths) for entry in entries)
    return [camera for camera in found if camera is not None]


def find_device(name: str, system: System = System()) -> str | None:
    """Return the device of the camera with this name; None where there is none.

    Args:
        name: the name that it reports, whole or up to a colon, or the last part of a path that
            does not change.
        system: where cameras are described.

    Raises:
        CameraError: several cameras have this name; the message lists names that differ.

    >>> find_device("no such camera") is None
    True
    """
    wanted = name.casefold().strip()
    matches = [camera for camera in list_cameras(system) if wanted in _collect_names(camera)]
    if len(matches) > 1:
        others = ", ".join(f"{c.name}{' (infrared)' if c.infrared else ''}" for c in matches)
        raise CameraError(
            f"{format_path(name)}: several cameras have this name; use one of {others}"
        )
    return matches[0].path if matches else None


def label_device(path: str, system: System = System()) -> str:
    """Return one label for a device or video file, however it is spelled.

    The gate counts attempts under this label: counted by spelling, one camera would have as many
    counts as it has names.

    >>> label_device("/dev/./video0")
    'camera 0'
    """
    real = Path(os.path.realpath(path))
    number = real.name.removeprefix("video")
    in_dev = real.parent == Path(os.path.realpath(system.dev))
    is_numbered = in_dev and real.name.startswith("video") and number.isdecimal()
    return f"camera {number if is_numbered else format_path(str(real))}"


def is_infrared(path: str, system: System = System()) -> bool:
    """Say whether a device is an infrared camera: hardware without any format that has colour.

    A program that feeds a virtual camera chooses its formats, so such a camera is never one.
    Neither is a device that cannot be queried.

    Args:
        path: the device, or a link to it.
        system: where cameras are described.

    >>> is_infrared("/dev/null")
    False
    """
    real = os.path.realpath(path)
    return any(
        camera.is_colourless
        for camera in list_cameras(system)
        if os.path.realpath(camera.path) == real
    )


def refuse_virtual(path: str, name: str, system: System = System()) -> None:
    """Refuse a device that is not a hardware camera of this computer.

    Args:
        path: the device, or a link to it; best while it is open, so that its number cannot
            pass to another device.
        name: its name in messages.
        system: where cameras are described.

    Raises:
        CameraError: a program feeds it, or the kernel does not describe it.
    """
    real = os.path.realpath(path)
    for camera in list_cameras(system):
        if os.path.realpath(camera.path) == real:
            if camera.virtual:
                raise CameraError(
                    f"{name}: is fed by a program ({camera.driver or 'no driver'}), which can "
                    "show any face; use a hardware camera"
                )
            return
    raise CameraError(f"{name}: the system does not say what kind of camera this is")


def _describe_camera(
    system: System, entry: Path, stable_paths: dict[str, list[str]]
) -> Camera | None:
    number = entry.name.removeprefix("video")
    if not entry.name.startswith("video") or not number.isdecimal():
        return None  # a radio, or a tuner's subtitles
    path = system.dev / entry.name
    answer = system.query(path)
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
        stable=tuple(stable_paths.get(os.path.realpath(path), ())),
        formats=formats,
        infrared=_is_infrared(card, formats),
        virtual=_is_virtual(entry, driver),
    )


def _has_only_grey(formats: tuple[str, ...]) -> bool:
    return bool(formats) and all(letters in _GREY for letters in formats)


def _is_infrared(card: str, formats: tuple[str, ...]) -> bool:
    if _has_only_grey(formats):
        return True
    words = f" {card.casefold()} "
    return any(name in words for name in _NAMES_OF_INFRARED)


def _is_virtual(entry: Path, driver: str) -> bool:
    """Say whether there is no hardware behind a device, by its place in the kernel's tree."""
    behind = [part.partition(".")[0] for part in Path(os.path.realpath(entry)).parts]
    if driver.casefold() in _NO_HARDWARE or _read_driver(entry).casefold() in _NO_HARDWARE:
        return True
    # An entry without a device of its own is made by loopback drivers.
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
