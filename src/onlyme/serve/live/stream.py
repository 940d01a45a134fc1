"""One WebSocket: pictures come in, messages about them go out, a thread does the work between.

A frame is looked at in a thread with a FaceID of its own, so that streams, which last, do
not take the engine's threads, which answer requests. How many streams there may be is
bounded, and so is all that waits within one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from starlette.websockets import WebSocketDisconnect, WebSocketState

from onlyme.errors import OnlymeError
from onlyme.faceid.serialize import dump_json
from onlyme.serve.live.latest_frame import MAX_FRAME_BYTES, LatestFrame
from onlyme.serve.problems import ProblemError, convert_error, convert_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.websockets import WebSocket

    from onlyme import FaceID

    Job = Callable[[FaceID, LatestFrame, "MessageSender"], None]
    Message = dict[str, Any]

__all__ = ["MessageSender", "Stream", "Streams"]

MAX_STREAMS = 4
"""At once, of all callers. Each takes what it can get of the processor."""

MAX_WAITING_MESSAGES: Final = 64
"""Messages that may wait for a client; one that reads more slowly is let go."""

SEND_SECONDS: Final = 5.0
MAX_STREAM_SECONDS = 600.0
"""A stream ends after this time, and whoever wants more asks again, with a token still good."""


class MessageSender(Protocol):
    """How a job tells its client something; to be called in the job's thread."""

    def __call__(self, kind: str, /, **message: Any) -> None:
        """Send a message of this kind."""


class Streams:
    """The streams that are open: one of each caller, and not too many of all."""

    def __init__(self) -> None:
        self._open: dict[str, Stream] = {}

    @asynccontextmanager
    async def admit(self, key: str, stream: Stream) -> AsyncIterator[None]:
        """Let a stream in, for as long as the block lasts.

        An earlier one of the same caller ends first, since a camera is one.

        Raises:
            Refused: there are too many streams, or the earlier one does not end (503).
        """
        while (earlier := self._open.get(key)) is not None:
            earlier.newest.leave("another page of this browser took over")
            try:
                await asyncio.wait_for(earlier.over.wait(), SEND_SECONDS)
            except TimeoutError:
                raise _make_busy_problem() from None
        if len(self._open) >= MAX_STREAMS:
            raise _make_busy_problem()
        self._open[key] = stream
        try:
            yield
        finally:
            del self._open[key]
            stream.over.set()


def _make_busy_problem() -> ProblemError:
    return ProblemError(503, "busy", "too many cameras are being watched; try again later")


class Stream:
    """One of them.

    Args:
        websocket: not accepted yet.
        open_face_id: opens the vault for one thread.
        log_error: writes a defect down for the operator.

    Attributes:
        newest: where its pictures go.
        over: set once it has ended and another may take its place.
    """

    def __init__(
        self,
        websocket: WebSocket,
        open_face_id: Callable[[], FaceID],
        log_error: Callable[[Exception], None],
    ) -> None:
        self._open_face_id, self._log_error = open_face_id, log_error
        self.newest = LatestFrame()
        self.over = asyncio.Event()
        self._websocket = websocket
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    async def run(self, job: Job) -> None:
        """Do a job on what the camera shows, until either has enough."""
        await self._websocket.accept()
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        clock = self._loop.call_later(MAX_STREAM_SECONDS, self.newest.leave, "it has run for long")
        work = asyncio.create_task(asyncio.to_thread(self._work, job))
        try:
            await asyncio.shield(work)
        finally:
            clock.cancel()
            self.newest.leave()
            await asyncio.wait({work})  # however this ends, the thread ends first
            reader.cancel()
            self._waiting.put_nowait(None)
            await asyncio.wait({writer}, timeout=SEND_SECONDS)
            writer.cancel()
            await self._close()

    # ------------------------------------------------------------------ within

    def _work(self, job: Job) -> None:
        """In the thread: do the job, and tell how it ended if it ended badly."""
        try:
            with self._open_face_id() as face_id:
                job(face_id, self.newest, self._say)
        except OnlymeError as error:
            self._say("problem", **convert_error(error).document)
        except Exception as error:  # noqa: BLE001 - a defect; the browser hears that there is one
            self._log_error(error)
            self._say("problem", **convert_status(500).document)
        if self.newest.left and self.newest.why:
            self._say("over", why=self.newest.why)

    def _say(self, kind: str, /, **message: Any) -> None:
        self._loop.call_soon_threadsafe(self._queue, {"is": kind, **message})

    def _queue(self, message: Message) -> None:
        if self._waiting.qsize() >= MAX_WAITING_MESSAGES:
            self.newest.leave()
        else:
            self._waiting.put_nowait(message)

    async def _read(self) -> None:
        """Take pictures, and the one word that a client may say, until it leaves."""
        while True:
            message = await self._websocket.receive()
            picture, words = message.get("bytes"), message.get("text")
            if message["type"] == "websocket.disconnect":
                self.newest.leave()
                return
            if picture is not None and len(picture) <= MAX_FRAME_BYTES:
                self.newest.put(picture)
            elif words == "finish":
                self.newest.end()
            else:
                self.newest.leave(
                    f"send frames as JPEG of at most {MAX_FRAME_BYTES} bytes, or the word finish"
                )
                return

    async def _write(self) -> None:
        """Send what waits; a client that does not take it is let go."""
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            while (message := await self._waiting.get()) is not None:
                sent = self._websocket.send_text(dump_json(message, indent=None))
                await asyncio.wait_for(sent, SEND_SECONDS)
            return
        self.newest.leave()

    async def _close(self) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await asyncio.wait_for(self._websocket.close(), SEND_SECONDS)
