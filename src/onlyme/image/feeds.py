"""Read several cameras at once, and take their newest frames in turn.

Each camera has a thread of its own, and room for one frame: a newer frame replaces it. So a slow
camera delays no other, and no frame is old when it is looked at. A camera that fails is opened
again after a pause, which doubles up to half a minute. A video file gives each of its frames, and
ends.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from onlyme.errors import CameraError, UsageError
from onlyme.image.capture import CameraCapture
from onlyme.image.network import CameraAddress, NetworkCapture

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from onlyme.types import Frame

    Source = str | int | os.PathLike[str] | CameraAddress

__all__ = ["CameraFeeds", "CameraStatus", "name_source"]

MAX_CAMERAS: Final = 16
"""Cameras of one process; each has two threads: one that reads, and one that waits for it."""

FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 10.0
"""A camera that gave frames for this long begins again with the first pause."""

STOP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """Whether a camera gives frames.

    Attributes:
        camera: its name.
        is_up: whether it does.
        why: what is wrong with it; empty where nothing is. It holds no address.
    """

    camera: str
    is_up: bool
    why: str = ""


def name_source(source: Source) -> str:
    """Return the name under which a camera or video is counted and shown."""
    return _make_capture(source).label


def _make_capture(source: Source) -> CameraCapture:
    if isinstance(source, CameraAddress):
        return NetworkCapture(source)
    return CameraCapture(source)


@dataclass(slots=True, eq=False)
class _Feed:
    """One camera, and its newest frame."""

    source: Source
    capture: CameraCapture
    thread: threading.Thread | None = None
    waiting: list[Frame | None] = field(default_factory=list)
    is_over: bool = False
    is_up: bool | None = None
    error: Exception | None = None


class CameraFeeds:
    """The frames of several cameras and videos; use it in a `with` block, and iterate it.

    Args:
        sources: cameras, videos and addresses of network cameras.
        on_status: called when a camera begins or ceases to give frames, in that camera's thread.

    Raises:
        CameraError: on entering, when a camera of this computer or a video cannot be used. One
            that fails later, and a network camera at any time, is opened again.
        UsageError: there are too many cameras, or one is named twice.
    """

    def __init__(
        self,
        sources: list[Source],
        on_status: Callable[[CameraStatus], None] = lambda _: None,
    ) -> None:
        if len(sources) > MAX_CAMERAS:
            raise UsageError(f"{len(sources)} cameras; one program reads at most {MAX_CAMERAS}")
        self._feeds = [_Feed(source, _make_capture(source)) for source in sources]
        self.labels = [feed.capture.label for feed in self._feeds]
        if twice := {label for label in self.labels if self.labels.count(label) > 1}:
            raise UsageError(
                f"{', '.join(sorted(twice))} was given twice; name the cameras of one host: "
                "front=rtsp://…"
            )
        self._on_status = on_status
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._last = -1

    def __enter__(self) -> Self:
        """Begin to read, once each camera of this computer is there."""
        for feed in self._feeds:
            feed.capture.check()
        for number, feed in enumerate(self._feeds):
            name = f"onlyme-camera-{number}"
            feed.thread = threading.Thread(target=self._run, args=(feed,), name=name, daemon=True)
            feed.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Release the cameras; a driver that hangs is waited for two seconds."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for feed in self._feeds:
            feed.capture.stop()
        until = time.monotonic() + STOP_SECONDS
        for feed in self._feeds:
            if feed.thread is not None:
                feed.thread.join(max(0.0, until - time.monotonic()))

    def __iter__(self) -> Iterator[tuple[int, Frame | None]]:
        """Yield number and newest frame of each camera in turn; None when one has ceased.

        Raises:
            CameraError: a camera of this computer cannot be opened the first time, or is no video.
            Exception: what `on_status` raised, or a fault that opening again cannot mend: a camera
                is never given up silently.
        """
        while True:
            with self._changed:
                self._changed.wait_for(self._is_ready)
                feed = self._choose()
                if feed is None:
                    return
                if feed.error is not None:
                    raise feed.error
                frame = feed.waiting.pop(0)
                self._changed.notify_all()
            yield self._last, frame

    # ------------------------------------------------------------------ within

    def _is_ready(self) -> bool:
        ready = any(feed.waiting or feed.error for feed in self._feeds)
        return ready or self._stop.is_set() or all(feed.is_over for feed in self._feeds)

    def _choose(self) -> _Feed | None:
        """Return the next camera that has something, beginning after the last one."""
        count = len(self._feeds)
        for step in range(1, count + 1):
            number = (self._last + step) % count
            feed = self._feeds[number]
            if not self._stop.is_set() and (feed.waiting or feed.error):
                self._last = number
                return feed
        return None

    def _run(self, feed: _Feed) -> None:
        """Read one camera until the end, in its thread; what goes wrong is raised by `__iter__`."""
        try:
            self._read_until_end(feed)
        except Exception as error:  # noqa: BLE001 - it is raised in the thread that iterates
            feed.error = error
        with self._changed:
            feed.is_over = True
            self._changed.notify_all()

    def _read_until_end(self, feed: _Feed) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                with feed.capture as capture:
                    self._read(feed, capture)
                if not capture.is_camera:
                    break
                why = f"{capture.name}: gives no more frames"
            except CameraError as error:
                why = str(error)
                is_local = not isinstance(feed.source, CameraAddress)
                if is_local and (feed.is_up is None or not feed.capture.is_camera):
                    feed.error = error
                    break
            if self._stop.is_set():
                break
            self._report(feed, why=why)
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads reconnections, protects nothing
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
            while not (feed.capture.is_released or self._stop.wait(0.1)):
                pass  # a driver that hangs keeps its thread: there is never a second one
            feed.capture = _make_capture(feed.source)

    def _read(self, feed: _Feed, capture: CameraCapture) -> None:
        for frame in capture:
            if self._stop.is_set():
                return
            if not feed.is_up:
                self._report(feed)
            if capture.is_camera:  # one clock, which also goes on while the camera is away
                self._put(feed, replace(frame, at=time.monotonic() - self._began))
                continue
            with self._changed:
                self._changed.wait_for(lambda: not feed.waiting or self._stop.is_set())
            self._put(feed, frame)

    def _put(self, feed: _Feed, frame: Frame | None) -> None:
        with self._changed:
            # That the camera had ceased is told also if it gives frames again.
            feed.waiting = [one for one in feed.waiting if one is None]
            feed.waiting.append(frame)
            self._changed.notify_all()

    def _report(self, feed: _Feed, why: str = "") -> None:
        """Report a change; nothing is said twice."""
        is_up = not why
        if feed.is_up is not is_up:
            self._on_status(CameraStatus(feed.capture.label, is_up, why))
            if not is_up and feed.is_up:
                self._put(feed, None)
            feed.is_up = is_up
