"""Read the pictures of a request, within limits of size, time and memory.

Bodies stay in memory: no face is written to a temporary file. Bytes are counted as they arrive;
a Content-Length that says less changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import ClientDisconnect

from onlyme.errors import UsageError
from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.json_body import read_json
from onlyme.serve.uploads.multipart import MultipartForm

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

__all__ = ["Body", "Uploads", "wait_until_gone"]

T = TypeVar("T")

MAX_DOCUMENT_BYTES: Final = 2**16
"""The largest JSON document without pictures."""

Body = dict[str, list[bytes]]
"""Pictures, as bytes, by the name of their field."""


class Uploads:
    """Receives bodies, and counts the memory that all of them take together.

    Args:
        max_held_bytes: bytes of all bodies that may be in memory at once.
        seconds: time within which a body must arrive.
    """

    def __init__(self, max_held_bytes: int, seconds: float) -> None:
        self._max_held_bytes = self._free_bytes = max_held_bytes
        self._seconds = seconds
        self._json_turn = asyncio.Lock()

    @property
    def held(self) -> int:
        """Bytes of bodies that are in memory now."""
        return self._max_held_bytes - self._free_bytes

    @asynccontextmanager
    async def receive(
        self,
        request: Request,
        fields: tuple[str, ...],
        max_bytes: int,
        seconds: float | None = None,
    ) -> AsyncIterator[Body]:
        """Receive the pictures of a request: multipart, JSON, or one raw for the first field.

        Args:
            request: its body was not read yet.
            fields: the fields that are allowed.
            max_bytes: the largest body that is allowed.
            seconds: time within which the body must arrive, if not the usual one.

        Raises:
            ProblemError: the body is too large (413) or too slow (408), memory is short (503), or
                it is not a body of pictures (400, 415).
        """
        async with self._hold(
            request, max_bytes, seconds, lambda chunks: self._read(request, chunks, fields)
        ) as body:
            yield body

    @asynccontextmanager
    async def receive_one(
        self, request: Request, field: str, max_bytes: int
    ) -> AsyncIterator[bytes]:
        """Receive the one picture of a request.

        Raises:
            ProblemError: as for `receive`.
            UsageError: there is none, or there are several.
        """
        async with self.receive(request, (field,), max_bytes) as body:
            pictures = body.get(field, [])
            if len(pictures) != 1:
                raise UsageError(f"send one {field}")
            yield pictures[0]

    async def receive_document(self, request: Request, max_bytes: int = MAX_DOCUMENT_BYTES) -> Any:
        """Receive a small JSON document.

        Raises:
            ProblemError: as for `receive`, or it is not JSON (400).
        """

        async def read(chunks: AsyncGenerator[bytes, None]) -> bytes:
            if _find_kind(request) != "application/json":
                raise ProblemError(415, "unsupported-media-type", "send application/json")
            return b"".join([chunk async for chunk in chunks])

        async with self._hold(request, max_bytes, None, read) as body:
            try:
                return json.loads(body)
            except (ValueError, RecursionError):  # without its own message, which may repeat it
                raise ProblemError(400, "bad-json", "the body is not a JSON document") from None

    @asynccontextmanager
    async def _hold(
        self,
        request: Request,
        max_bytes: int,
        seconds: float | None,
        read: Callable[[AsyncGenerator[bytes, None]], Awaitable[T]],
    ) -> AsyncIterator[T]:
        """Count the bytes of a body as long as they are needed."""
        taken = 0

        async def count_chunks() -> AsyncGenerator[bytes, None]:
            nonlocal taken
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _make_too_large(max_bytes)
                if len(chunk) > self._free_bytes:
                    raise ProblemError(
                        503,
                        "busy",
                        "too many pictures wait already; try again in a second",
                        {"Retry-After": "1"},
                    )
                taken += len(chunk)
                self._free_bytes -= len(chunk)
                yield chunk

        try:
            _check_length(request, max_bytes)
            try:
                async with asyncio.timeout(seconds or self._seconds):
                    body = await read(count_chunks())
            except TimeoutError:
                raise ProblemError(
                    408, "too-slow", "the body took too long to arrive", {"Connection": "close"}
                ) from None
            except ClientDisconnect:
                raise ProblemError(
                    400, "cut-off", "the connection ended before the body did"
                ) from None
            yield body
        finally:
            self._free_bytes += taken

    async def _read(
        self, request: Request, chunks: AsyncGenerator[bytes, None], fields: tuple[str, ...]
    ) -> Body:
        kind = _find_kind(request)
        if kind == "multipart/form-data":
            form = MultipartForm(request.headers["content-type"], fields)
            async for chunk in chunks:
                form.add(chunk)
            return form.end()
        if kind == "application/json":
            pieces = [chunk async for chunk in chunks]
            async with self._json_turn:  # while it is read, a body takes its memory three times
                return await asyncio.to_thread(lambda: read_json(b"".join(pieces), fields))
        if kind == "application/octet-stream" or kind.startswith("image/"):
            return {fields[0]: [b"".join([chunk async for chunk in chunks])]}
        raise ProblemError(
            415,
            "unsupported-media-type",
            "send pictures as multipart/form-data, as base64 in application/json, or one as "
            "image/jpeg",
        )


async def wait_until_gone(request: Request) -> None:
    """Return when the client has closed the connection. The body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _find_kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_length(request: Request, max_bytes: int) -> None:
    """Refuse a body at once if its Content-Length says that it is too large."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise _make_too_large(max_bytes)


def _make_too_large(max_bytes: int) -> ProblemError:
    return ProblemError(
        413, "too-large", f"the body may have at most {max_bytes} bytes", {"Connection": "close"}
    )
