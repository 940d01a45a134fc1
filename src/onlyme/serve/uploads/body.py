"""The body of a request comes in, within its limits; pictures as bytes go out.

Bodies stay in memory: nobody's face is written to a temporary file. Bytes are counted as
they come, whatever Content-Length promised.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.multipart import MultipartForm

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from starlette.requests import Request

__all__ = ["Body", "Uploads", "wait_until_gone"]

Body = dict[str, list[bytes]]
"""Pictures by the name of their field."""


class Uploads:
    """Receives bodies, and knows how much of all of them is held.

    Args:
        max_held_bytes: so many bytes may be held at once.
        seconds: a body must be here after this time.
    """

    def __init__(self, max_held_bytes: int, seconds: float) -> None:
        self._held = self._free = max_held_bytes
        self._seconds = seconds

    @property
    def held(self) -> int:
        """Bytes of bodies that are in memory."""
        return self._held - self._free

    @asynccontextmanager
    async def receive(
        self,
        request: Request,
        fields: tuple[str, ...],
        max_bytes: int,
        seconds: float | None = None,
    ) -> AsyncIterator[Body]:
        """Receive the pictures of a request: multipart, or one raw body for the first field.

        Args:
            request: whose body was not read yet.
            fields: the multipart fields that there may be.
            max_bytes: bytes that the body may have.
            seconds: until when it must be here, unless as always.

        Raises:
            Refused: too large (413), too slow (408), no room (503), or no such body (400, 415).
        """
        taken = 0

        async def count_chunks() -> AsyncGenerator[bytes, None]:
            nonlocal taken
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _make_too_large(max_bytes)
                if len(chunk) > self._free:
                    raise ProblemError(503, "busy", "too many pictures wait", {"Retry-After": "1"})
                taken += len(chunk)
                self._free -= len(chunk)
                yield chunk

        try:
            _check_length(request, max_bytes)
            try:
                async with asyncio.timeout(seconds or self._seconds):
                    body = await _read(request, count_chunks(), fields)
            except TimeoutError:
                raise ProblemError(
                    408, "too-slow", "the body took too long", {"Connection": "close"}
                ) from None
            except ClientDisconnect:
                raise ProblemError(400, "cut-off", "the body ended early") from None
            yield body
        finally:
            self._free += taken


async def wait_until_gone(request: Request) -> None:
    """Return when whoever sent a request, whose body was read, has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _read(
    request: Request, chunks: AsyncGenerator[bytes, None], fields: tuple[str, ...]
) -> Body:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        files = MultipartForm(request.headers["content-type"], fields)
        async for chunk in chunks:
            files.add(chunk)
        return files.end()
    if kind == "application/octet-stream" or kind.startswith("image/"):
        return {fields[0]: [b"".join([chunk async for chunk in chunks])]}
    raise ProblemError(
        415, "unsupported-media-type", "send pictures as multipart/form-data, or one as image/jpeg"
    )


def _check_length(request: Request, max_bytes: int) -> None:
    """Refuse at once what says itself that it is too large."""
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said[:20]) > max_bytes:
        raise _make_too_large(max_bytes)


def _make_too_large(max_bytes: int) -> ProblemError:
    return ProblemError(
        413, "too-large", f"a body has at most {max_bytes} bytes here", {"Connection": "close"}
    )
