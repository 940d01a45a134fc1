"""Read frames from a camera or a video file, with a deadline for each.

Opening or reading a camera may never return: a busy or faulty one blocks inside
the driver. So a daemon thread opens, reads and releases the capture, and the
caller waits for its frames with a deadline. When the deadline passes, the caller
gets a `CameraError`, and the thread releases the capture as soon as the driver
returns.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeAlias

import numpy as np

from onlyme.errors import CameraError
from onlyme.image.cameras import System, is_infrared, label_device, refuse_virtual
from onlyme.image.decode import MAX_PIXELS
from onlyme.image.holder import describe_holder
from onlyme.image.source_path import check_source, name_for_opencv, resolve_source
from onlyme.types import ExampleKind, Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["CameraCapture"]

_DARK_LEVEL: Final = 20.0  # mean of a frame, 0 to 255, below which a camera is still starting
_WARM_UP_SECONDS: Final = 2.0

# A driver may never answer. A file does, and a thread inside OpenCV while the process ends
# crashes it.
_CLOSE_SECONDS: Final = 1.0
_CLOSE_FILE_SECONDS: Final = 10.0

_NO_FRAME: Final = (
    "holds no frame that can be decoded: it is cut off, or its codec is not built in; "
    "`ffmpeg -i VIDEO -c:v mjpeg NEW.avi` makes one that is"
)
_DRIVER_SECONDS: Final = 0.2  # a driver holds up to four frames, at 30 a second
_FLASH_SECONDS: Final = 0.25  # an infrared lamp that flashes does so at about every second frame


class _Reader(Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name
    def read(self) -> tuple[bool, Any]: ...
    def get(self, propId: int, /) -> float: ...  # noqa: N803 - OpenCV's name
    def release(self) -> None: ...


_Item: TypeAlias = "Frame | CameraError | str | None"
_Opener: TypeAlias = "Callable[[str, bool], _Reader]"
_OPENED: Final = "opened"


class CameraCapture:
    """A video file or a camera, as a context manager that is iterated for frames.

    A camera gives its newest frame; frames that arrive while the caller is busy
    are dropped. A video gives every frame in turn, as fast as the caller takes
    them, so that it can replace a camera in tests and measurements.

    Args:
        source: the number of a camera (`0`, `"0"`), the path of its device, its name
            (see `cameras.find_device`), or the path of a video file.
        paced: whether a video gives its frames at the times at which they were filmed.
        warm_up: whether dark frames are skipped: those of the first 2 seconds,
            which a camera gives until its exposure has settled, and those that an
            infrared camera gives between two flashes of its lamp; by default for
            cameras only. Other dark frames are given unchanged.
        open_seconds: how long opening may take.
        frame_seconds: how long each frame may take.
        allow_virtual: whether a program may feed the camera.
        infrared: whether it is an infrared camera; by default the device's formats tell. A video
            file is never one unless this says so.

    Raises:
        CameraError: on entering, when it is absent, busy, not readable or not a
            video; while iterating, when no frame arrives in time.

    Example:
        >>> with CameraCapture("/dev/null") as capture:
        ...     pass
        Traceback (most recent call last):
        ...
        onlyme.CameraError: /dev/null: is a device, but not a camera
    """

    def __init__(
        self,
        source: int | str | os.PathLike[str],
        *,
        paced: bool = False,
        warm_up: bool | None = None,
        open_seconds: float = 5.0,
        frame_seconds: float = 3.0,
        allow_virtual: bool = True,
        infrared: bool | None = None,
        _opener: _Opener | None = None,
        _system: System | None = None,
    ) -> None:
        self._system = _system or System()
        self.name, self.path = resolve_source(source, self._system)
        self._allow_virtual = allow_virtual
        self.is_camera = False
        self.infrared = bool(infrared)
        self._given_infrared = infrared
        self._paced = paced
        self._warm_up = warm_up
        self._open_seconds = open_seconds
        self._frame_seconds = frame_seconds
        self._opener: _Opener = _opener or _open
        self._stop = threading.Event()
        self._fresh_from = -math.inf
        self._items: queue.Queue[tuple[float, _Item]] = queue.Queue(maxsize=1)
        self._thread: threading.Thread | None = None
        self.began_at = 0.0  # of a camera, when its times began, in seconds of `time.monotonic`

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise CameraError(f"{self.name}: a capture can be opened only once; make a new one")
        self.check()
        self._thread = threading.Thread(target=self._run, name="onlyme-capture", daemon=True)
        self._thread.start()
        try:
            self._take_next(self._open_seconds, "does not answer")
            self._check_again()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._thread is None:
            raise CameraError(f"{self.name}: is not open; use it in a `with` statement")
        began = time.monotonic()
        dark_until = _WARM_UP_SECONDS if self._skips_dark() else 0.0
        lit_at = -math.inf
        while not self._stop.is_set():
            frame = self._take_next(self._frame_seconds, "gives no frames")
            if frame is None:
                return
            if self._skips_dark():
                dark = float(frame.pixels.mean()) < _DARK_LEVEL
                if dark and (frame.at < dark_until or frame.at - lit_at <= _FLASH_SECONDS):
                    continue
                dark_until = 0.0
                if not dark and _is_colourless(frame):
                    lit_at = frame.at  # perhaps by an infrared lamp that flashes
            if self._paced and not self.is_camera:
                self._stop.wait(max(0.0, began + frame.at - time.monotonic()))
            yield frame

    @property
    def is_released(self) -> bool:
        """Whether it is not opened yet, or closed and released by the driver."""
        return self._thread is None or not self._thread.is_alive()

    @property
    def label(self) -> str:
        """The name under which the gate counts it: one name, however the source is spelled."""
        return label_device(self.path, self._system)

    def stop(self) -> None:
        """End the frames at once, from any thread and without waiting. `close` is still needed."""
        self._stop.set()
        with contextlib.suppress(queue.Empty):  # the capture thread need not wait for space
            self._items.get_nowait()
        with contextlib.suppress(queue.Full):  # then a frame is in it, and it is the last one
            self._items.put_nowait((math.inf, None))

    def skip_to_now(self) -> None:
        """Drop what was filmed before this call, so that only later frames are given.

        Of a video, the frames that were read before are dropped. A camera's driver may hold frames
        that were filmed before and are read later, so those of the next 0.2 seconds are dropped as
        well.
        """
        self._fresh_from = time.monotonic() + (_DRIVER_SECONDS if self.is_camera else 0.0)

    def check(self) -> None:
        """Check that this could be opened, without opening it.

        Raises:
            CameraError: it is absent, may not be opened, is neither a video nor a camera, or
                a program feeds it and that is not allowed.
        """
        self.is_camera = check_source(self.path, self.name)
        if self.is_camera and not self._allow_virtual:
            refuse_virtual(self.path, self.name, self._system)
        if self.is_camera and self._given_infrared is None:
            self.infrared = is_infrared(self.path, self._system)

    def _check_again(self) -> None:
        """Check once more: while it is open, no other device can take its number."""
        was_infrared = self.infrared
        self.check()
        if self.infrared is not was_infrared:
            raise CameraError(f"{self.name}: another device took its place; try again")

    def close(self) -> None:
        """Release the camera; waits for at most a second, for a file longer. May be repeated."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_SECONDS if self.is_camera else _CLOSE_FILE_SECONDS)

    def _skips_dark(self) -> bool:
        return self.is_camera if self._warm_up is None else self._warm_up

    def _take_next(self, seconds: float, complaint: str) -> Frame | None:
        """Take the next item from the thread: a frame, or None at the end of a video."""
        try:
            asked, item = self._items.get(timeout=seconds)
            while isinstance(item, Frame) and asked < self._fresh_from:
                asked, item = self._items.get(timeout=seconds)
        except queue.Empty:
            hint = describe_holder(self.path) if self.is_camera else ""
            raise CameraError(f"{self.name}: {complaint} within {seconds:g} s{hint}") from None
        if isinstance(item, CameraError):
            raise item
        return item if isinstance(item, Frame) else None

    def _run(self) -> None:
        """Open, read and release the capture. Runs in the thread."""
        try:
            reader = self._opener(self.path, self.is_camera)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything, and the caller must learn of it
            self._hand_over(CameraError(f"{self.name}: cannot be opened ({type(error).__name__})"))
            return
        try:
            verdict = self._check_reader(reader)
            self._hand_over(verdict)
            if verdict is _OPENED:
                self._read_frames(reader)
        except Exception as error:  # noqa: BLE001 - as above
            self._hand_over(CameraError(f"{self.name}: cannot be read ({type(error).__name__})"))
        finally:
            reader.release()

    def _check_reader(self, reader: _Reader) -> CameraError | str:
        """Return `_OPENED` where frames can be read, or else the error."""
        import cv2

        if not reader.isOpened():
            if self.is_camera:
                hint = describe_holder(self.path) or "; it may be busy or not a capture device"
                return CameraError(f"{self.name}: cannot be opened{hint}")
            return CameraError(f"{self.name}: is not a video that can be read")
        size = reader.get(cv2.CAP_PROP_FRAME_WIDTH) * reader.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if size > MAX_PIXELS:
            limit = f"{size / 1e6:.1f} megapixels; the limit is {MAX_PIXELS / 1e6:.1f}"
            return CameraError(f"{self.name}: has frames of {limit}")
        return _OPENED

    def _read_frames(self, reader: _Reader) -> None:
        """Pass on frames until the end, or until the caller stops."""
        import cv2

        began = time.monotonic()
        self.began_at = began if self.is_camera else 0.0
        count, kind = 0, ExampleKind.CAMERA if self.is_camera else ExampleKind.VIDEO
        while not self._stop.is_set() and reader.isOpened():
            asked = time.monotonic()
            good, bgr = reader.read()
            if not good or bgr is None:
                break
            if self.is_camera:
                at = time.monotonic() - began
            else:
                # Some containers hold no times; then the frame rate is used.
                at = reader.get(cv2.CAP_PROP_POS_MSEC) / 1000
                at = at if at > 0 or not count else count / (reader.get(cv2.CAP_PROP_FPS) or 25.0)
            count += 1
            frame = Frame(to_rgb(bgr), self.name, at, self.infrared, kind=kind)
            self._hand_over(frame, asked)
        if self.is_camera:
            hint = describe_holder(self.path)
            self._hand_over(
                CameraError(f"{self.name}: {'stopped' if count else 'gives no frames'}{hint}")
            )
        else:
            self._hand_over(None if count else CameraError(f"{self.name}: {_NO_FRAME}"))

    def _hand_over(self, item: _Item, asked: float = math.inf) -> None:
        """Pass an item to the caller; a camera's frame replaces an older one.

        Args:
            item: what to pass on.
            asked: when a frame was asked for, in seconds of `time.monotonic`.
        """
        while not self._stop.is_set():
            try:
                self._items.put((asked, item), timeout=0.05)
            except queue.Full:
                if self.is_camera:
                    with contextlib.suppress(queue.Empty):
                        self._items.get_nowait()
            else:
                return


def to_rgb(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert OpenCV's picture to uint8[h, w, 3] RGB; a grey one gets three equal channels.

    Args:
        picture: uint8[h, w, 3] in BGR order; or, from some infrared cameras, uint8 or uint16,
            [h, w] or [h, w, 1].

    >>> to_rgb(np.full((1, 1), 7 << 8, np.uint16))
    array([[[7, 7, 7]]], dtype=uint8)
    """
    import cv2

    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    grey = picture.ndim == 2 or picture.shape[2] == 1
    return np.asarray(
        cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2RGB), np.uint8
    )


def _is_colourless(frame: Frame) -> bool:
    sample = frame.pixels[::8, ::8]
    return bool((sample.max(axis=2) == sample.min(axis=2)).all())


def _open(path: str, is_camera: bool) -> _Reader:  # noqa: FBT001 - only CameraCapture calls it
    """Open through OpenCV with the one right backend, and without its log messages."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's level for quiet
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with name_for_opencv(path) as name:
        return cv2.VideoCapture(name, cv2.CAP_V4L2 if is_camera else cv2.CAP_FFMPEG)
