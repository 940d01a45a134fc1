"""Read frames from a network camera: RTSP, or MJPEG over HTTP.

An address may hold a user name, a password or a key. So it is shown in no message and no `repr`,
only a name: the one that the operator gave, or protocol and host. A network can be listened to and
its packets replaced; such a camera is for a door or a doorbell, never for the computer's login.
FFmpeg may only use the protocols of the address itself: what a server sends can neither open a
file nor another kind of address.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from onlyme.errors import CameraError, UsageError
from onlyme.image.capture import CameraCapture
from onlyme.image.files import format_path
from onlyme.storage.files import read_private_line

if TYPE_CHECKING:
    import cv2

__all__ = ["CameraAddress", "NetworkCapture"]

MAX_ADDRESS_CHARACTERS: Final = 2048

_NAMED = re.compile(r"(?P<name>[\w. -]{1,64})=(?=rtsps?://|https?://|@)")
_PROTOCOLS: Final = {
    "rtsp": "rtsp,rtp,rtcp,tcp,udp",
    "rtsps": "rtsp,rtsps,rtp,srtp,rtcp,tcp,udp,tls",
    "http": "http,tcp,httpproxy",
    "https": "https,http,tls,tcp,httpproxy",
}
_OPTIONS: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_opening = threading.Lock()  # OpenCV takes FFmpeg's options from the environment


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where a network camera is.

    Attributes:
        label: its name in messages, events and the gate; it holds no secret.
        url: its address; may hold a password.

    >>> CameraAddress.parse("rtsp://ada:secret@10.0.0.7:554/live?key=1")
    CameraAddress(label='rtsp://10.0.0.7:554')
    >>> CameraAddress.parse("front door=http://10.0.0.8/video").label
    'front door'
    >>> CameraAddress.parse("/dev/video0") is None
    True
    """

    label: str
    url: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> CameraAddress | None:
        """Read an address; None where the text is none.

        Args:
            text: `rtsp://…`, `rtsps://…`, `http://…` or `https://…`; before it may stand a name,
                as in `front=rtsp://…`. `@FILE` stands for the first line of a private file, so
                that no password is among the arguments of a program, which other users can see.

        Raises:
            CameraError: it begins like an address and cannot be used, or the file cannot be read.
        """
        named = _NAMED.match(text)
        name, rest = (named["name"], text[named.end() :]) if named else ("", text)
        if rest.startswith("@"):
            path = Path(rest[1:])
            try:
                line = read_private_line(path, format_path(rest[1:]), MAX_ADDRESS_CHARACTERS + 80)
            except UsageError as error:
                raise CameraError(str(error)) from None
            if inner := cls.parse(line.removeprefix("@")):
                return cls(name or inner.label, inner.url)
            raise CameraError(f"{format_path(rest[1:])}: its first line is no camera's address")
        scheme = rest.partition("://")[0].lower()
        if "://" not in rest or scheme not in _PROTOCOLS:
            return None
        what = f"{name or scheme}: this camera's address cannot be used"
        if len(rest) > MAX_ADDRESS_CHARACTERS or not re.fullmatch(r"[!-~]+", rest):
            raise CameraError(f"{what}: write other characters than ASCII as %XX")
        try:
            parts = urlsplit(rest)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise CameraError(f"{what}: it names no host")
        place = f"[{host}]" if ":" in host else host
        label = f"{scheme}://{place}" + (f":{port}" if port else "")
        return cls(name or label, f"{scheme}{rest[len(scheme) :]}")


class NetworkCapture(CameraCapture):
    """A network camera, as a context manager that is iterated for frames; see `CameraCapture`.

    Args:
        address: where it is.
        open_seconds: how long opening may take.
        frame_seconds: how long each frame may take.

    Raises:
        CameraError: on entering, when it does not answer; while iterating, when no frame
            arrives in time.
    """

    def __init__(
        self, address: CameraAddress, *, open_seconds: float = 10.0, frame_seconds: float = 3.0
    ) -> None:
        def open_address(_path: str, _is_camera: bool) -> cv2.VideoCapture:  # noqa: FBT001 - as CameraCapture calls it
            return _open(address.url, open_seconds, frame_seconds)

        super().__init__(
            f"network camera {address.label}",
            warm_up=False,
            open_seconds=open_seconds + 1.0,
            frame_seconds=frame_seconds,
            infrared=False,
            _opener=open_address,
        )
        self.name, self._address = f"camera {address.label}", address

    @property
    def label(self) -> str:
        """The name under which the gate counts it: the operator's, or protocol and host."""
        return f"camera {self._address.label}"

    def check(self) -> None:
        """Do nothing: only opening it tells whether it is there."""
        self.is_camera = True

    def _check_reader(self, reader: Any) -> CameraError | str:
        if not reader.isOpened():
            return CameraError(
                f"{self.name}: gives no video; check that it is on, and its address, user name "
                "and password"
            )
        return super()._check_reader(reader)


def _open(url: str, open_seconds: float, frame_seconds: float) -> cv2.VideoCapture:
    """Open an address through FFmpeg, which gives up by itself after these seconds."""
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # FFmpeg's messages hold the address
    os.environ.pop("OPENCV_FFMPEG_DEBUG", None)
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    scheme = url.partition("://")[0]
    options = f"protocol_whitelist;{_PROTOCOLS[scheme]}"
    if scheme.startswith("rtsp"):
        options += "|rtsp_transport;tcp"  # lost packets of UDP make grey pictures
    limits: list[Any] = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_seconds * 1000)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(frame_seconds * 1000)),
    ]
    with _opening:
        before = os.environ.get(_OPTIONS)
        os.environ[_OPTIONS] = options
        try:
            reader = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
        finally:
            if before is None:
                del os.environ[_OPTIONS]
            else:
                os.environ[_OPTIONS] = before
    return reader
