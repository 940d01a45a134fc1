"""HTTP requests come in; what the service answers goes out, as JSON with a status.

200: an answer. 400: the request makes no sense. 403: about somebody else. 413, 408: too
much, or too slow. 422: a change was not made; the answer says which exception says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from onlyme.errors import OnlymeError, UsageError
from onlyme.unlock.daemon.changes import CHANGES
from onlyme.unlock.daemon.service import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from onlyme.unlock.daemon.service import Service

    Document = dict[str, Any]
    Answer = Callable[[Request, Document], Awaitable[Document]]

__all__ = ["create_app"]

MOST = 4096
"""Bytes of a question."""

MOST_OF_CHANGE = 64 * 2**20
"""Bytes of a change, photos included."""

SECONDS = 5.0
"""So long a question may take to arrive …"""

SECONDS_OF_CHANGE = 20.0
"""… and a change."""

_log = logging.getLogger("onlyme")


class _Refused(Exception):  # noqa: N818 - a state, not a mistake
    """A request that is answered before anybody looks at it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def create_app(service: Service) -> Starlette:
    """Put the routes in front of a service.

    Each request's state holds its `peer`; see `server`.
    """

    async def attempt(request: Request, document: Document) -> Document:
        return await service.attempt(request.state.peer, document, lambda: _gone(request))

    async def password_used(request: Request, document: Document) -> Document:
        return await service.password_used(request.state.peer, document)

    async def status(request: Request, document: Document) -> Document:
        return await service.status(request.state.peer, document)

    # One at a time, from its first byte on: so many photos fit into memory once.
    changing = asyncio.Semaphore(1)

    def change(what: str) -> Answer:
        async def changed(request: Request, document: Document) -> Document:
            return await service.change(request.state.peer, what, document)

        return changed

    questions = {"attempt": attempt, "password-used": password_used, "status": status}
    free = nullcontext()
    routes = [_route(name, answer, MOST, SECONDS, free) for name, answer in questions.items()]
    routes += [
        _route(name, change(name), MOST_OF_CHANGE, SECONDS_OF_CHANGE, changing) for name in CHANGES
    ]
    return Starlette(routes=routes)


def _route(
    name: str,
    answer: Answer,
    most: int,
    seconds: float,
    turn: AbstractAsyncContextManager[None],
) -> Route:
    async def answered(request: Request) -> Response:
        try:
            async with turn:
                document = await _document(request, most, seconds)
                return _json(200, await answer(request, document))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except _Refused as refused:
            return _error(refused.status, "UsageError", str(refused))
        except NotAllowed as error:
            return _error(403, "UsageError", str(error))
        except UsageError as error:
            return _error(400, "UsageError", str(error))
        except OnlymeError as error:
            return _error(422, type(error).__name__, str(error))
        except Exception:  # noqa: BLE001 - a defect is a no, and the daemon goes on
            _log.exception("%s", name)
            return _error(500, "OnlymeError", "something went wrong; see the daemon's log")

    return Route(f"/v1/{name}", answered, methods=["POST"])


async def _document(request: Request, most: int, seconds: float) -> Document:
    """Read the request's document; what its headers say of its length is not believed."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise _Refused(413, f"more than {most} bytes")
    except TimeoutError:
        raise _Refused(408, "too slow") from None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "this is not JSON") from None
    if not isinstance(document, dict):
        raise _Refused(400, "this is not an object")
    return document


async def _gone(request: Request) -> None:
    """Return when whoever asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error(status: int, kind: str, message: str) -> Response:
    return _json(status, {"error": kind, "message": message})


def _json(status: int, document: Document) -> Response:
    body = json.dumps(document, ensure_ascii=True, default=_plain)
    return Response(body, status, media_type="application/json")


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
