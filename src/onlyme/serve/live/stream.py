"""Serve one WebSocket: receive pictures, run a job on them in a thread, send its messages.

The thread has a FaceID of its own: streams last long, and must not occupy the engine's threads,
which answer requests. The number of streams is limited, and so is the queue of each.
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
"""Streams at the same time, of all callers. Each uses as much of the processor as it can get."""

MAX_WAITING_MESSAGES: Final = 64
"""Messages that may wait for a client; a client that reads more slowly is disconnected."""

SEND_SECONDS: Final = 5.0
MAX_STREAM_SECONDS = 600.0
"""A stream ends after this time. To continue, a client connects again with a valid token."""


CHECK_SECONDS: Final = 0.5
"""How often it is checked that the token or session of a stream has not ended."""


class MessageSender(Protocol):
    """Sends messages of a job to its client; it is called in the job's thread."""

    def __call__(self, kind: str, /, **message: Any) -> None:
        """Send a message of this kind."""


class Streams:
    """The open streams: one for each caller, and at most `MAX_STREAMS` in all."""

    def __init__(self) -> None:
        self._open: dict[str, Stream] = {}

    @asynccontextmanager
    async def admit(self, key: str, stream: Stream) -> AsyncIterator[None]:
        """Admit a stream for the duration of the block.

        An earlier stream of the same caller is ended first, since there is one camera.

        Raises:
            ProblemError: there are too many streams, or the earlier one does not end (503).
        """
        while (earlier := self._open.get(key)) is not None:
            earlier.latest.leave("another page of this browser took over")
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
    """One WebSocket and the job that runs on its pictures.

    Args:
        websocket: the connection, not accepted yet.
        open_face_id: opens the vault for one thread.
        log_error: logs a defect for the operator.
        is_current: says whether the token or session that opened the stream has not ended.

    Attributes:
        latest: receives its pictures.
        over: set when it has ended and another stream may take its place.
    """

    def __init__(
        self,
        websocket: WebSocket,
        open_face_id: Callable[[], FaceID],
        log_error: Callable[[Exception], None],
        is_current: Callable[[], bool],
    ) -> None:
        self._open_face_id, self._log_error = open_face_id, log_error
        self._is_current = is_current
        self.latest = LatestFrame()
        self.over = asyncio.Event()
        self._websocket = websocket
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    async def run(self, job: Job) -> None:
        """Run a job on what the camera shows, until the job or the client ends it."""
        await self._websocket.accept()
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        checker = asyncio.create_task(self._check())
        why = f"a stream ends after {MAX_STREAM_SECONDS / 60:g} minutes; connect again"
        timer = self._loop.call_later(MAX_STREAM_SECONDS, self.latest.leave, why)
        work = asyncio.create_task(asyncio.to_thread(self._work, job))
        try:
            await asyncio.shield(work)
        finally:
            timer.cancel()
            checker.cancel()
            self.latest.leave()
            await asyncio.wait({work})  # the thread must end first, also after an error
            reader.cancel()
            self._waiting.put_nowait(None)
            await asyncio.wait({writer}, timeout=SEND_SECONDS)
            writer.cancel()
            await self._close()

    # ------------------------------------------------------------------ within

    def _work(self, job: Job) -> None:
        """In the thread: run the job, and send the client the reason if it ended early."""
        try:
            with self._open_face_id() as face_id:
                job(face_id, self.latest, self._say)
        except OnlymeError as error:
            self._say("problem", **convert_error(error).document)
        except Exception as error:  # noqa: BLE001 - a defect; the client is told that there is one
            self._log_error(error)
            self._say("problem", **convert_status(500).document)
        if self.latest.left and self.latest.why:
            self._say("over", why=self.latest.why)

    def _say(self, kind: str, /, **message: Any) -> None:
        self._loop.call_soon_threadsafe(self._queue, {"is": kind, **message})

    def _queue(self, message: Message) -> None:
        if self._waiting.qsize() >= MAX_WAITING_MESSAGES:
            self.latest.leave()
        else:
            self._waiting.put_nowait(message)

    async def _read(self) -> None:
        """Receive pictures, and the one word that a client may send, until it leaves."""
        while True:
            message = await self._websocket.receive()
            picture, text = message.get("bytes"), message.get("text")
            if message["type"] == "websocket.disconnect":
                self.latest.leave()
                return
            if picture is not None and len(picture) <= MAX_FRAME_BYTES:
                self.latest.put(picture)
            elif text == "finish":
                self.latest.end()
            else:
                self.latest.leave(
                    f"send frames as JPEG of at most {MAX_FRAME_BYTES} bytes, or the word finish"
                )
                return

    async def _check(self) -> None:
        """End the stream once the token or session that opened it has ended."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                current = self._is_current()
            except OnlymeError as error:  # the tokens cannot be read, so none is valid
                self._log_error(error)
                current = False
            if not current:
                self.latest.leave("the token or session that opened this stream has ended")
                return

    async def _write(self) -> None:
        """Send the waiting messages; a client that does not receive them is disconnected."""
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            while (message := await self._waiting.get()) is not None:
                sent = self._websocket.send_text(dump_json(message, indent=None))
                await asyncio.wait_for(sent, SEND_SECONDS)
            return
        self.latest.leave()

    async def _close(self) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await asyncio.wait_for(self._websocket.close(), SEND_SECONDS)
