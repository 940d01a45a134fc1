"""The body of a request comes in, within its limits; pictures as bytes go out.

Bodies stay in memory: nobody's face is written to a temporary file. Bytes are counted as
they come, whatever Content-Length promised.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from onlyme.serve.problems import Refused
from onlyme.serve.uploads.multipart import Files

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from starlette.requests import Request

__all__ = ["Body", "Uploads", "left"]

Body = dict[str, list[bytes]]
"""Pictures by the name of their field."""


class Uploads:
    """Receives bodies, and knows how much of all of them is held.

    Args:
        held: so many bytes may be held at once.
        seconds: a body must be here after this time.
    """

    def __init__(self, held: int, seconds: float) -> None:
        self._held = self._free = held
        self._seconds = seconds

    @property
    def held(self) -> int:
        """Bytes of bodies that are in memory."""
        return self._held - self._free

    @asynccontextmanager
    async def received(
        self, request: Request, fields: tuple[str, ...], most: int, seconds: float | None = None
    ) -> AsyncIterator[Body]:
        """Receive the pictures of a request: multipart, or one raw body for the first field.

        Args:
            request: whose body was not read yet.
            fields: the multipart fields that there may be.
            most: bytes that the body may have.
            seconds: until when it must be here, unless as always.

        Raises:
            Refused: too large (413), too slow (408), no room (503), or no such body (400, 415).
        """
        taken = 0

        async def counted() -> AsyncGenerator[bytes, None]:
            nonlocal taken
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                if len(chunk) > self._free:
                    raise Refused(503, "busy", "too many pictures wait", {"Retry-After": "1"})
                taken += len(chunk)
                self._free -= len(chunk)
                yield chunk

        try:
            _check_length(request, most)
            try:
                async with asyncio.timeout(seconds or self._seconds):
                    body = await _read(request, counted(), fields)
            except TimeoutError:
                raise Refused(
                    408, "too-slow", "the body took too long", {"Connection": "close"}
                ) from None
            except ClientDisconnect:
                raise Refused(400, "cut-off", "the body ended early") from None
            yield body
        finally:
            self._free += taken


async def left(request: Request) -> None:
    """Return when whoever sent a request, whose body was read, has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _read(
    request: Request, chunks: AsyncGenerator[bytes, None], fields: tuple[str, ...]
) -> Body:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        files = Files(request.headers["content-type"], fields)
        async for chunk in chunks:
            files.add(chunk)
        return files.end()
    if kind == "application/octet-stream" or kind.startswith("image/"):
        return {fields[0]: [b"".join([chunk async for chunk in chunks])]}
    raise Refused(
        415, "unsupported-media-type", "send pictures as multipart/form-data, or one as image/jpeg"
    )


def _check_length(request: Request, most: int) -> None:
    """Refuse at once what says itself that it is too large."""
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)


def _too_large(most: int) -> Refused:
    return Refused(
        413, "too-large", f"a body has at most {most} bytes here", {"Connection": "close"}
    )
