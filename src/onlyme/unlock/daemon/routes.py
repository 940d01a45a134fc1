"""Answer HTTP requests with JSON and a status.

200: an answer. 400: the request makes no sense. 403: it is about another user. 413: it is too
large. 408: it is too slow. 422: a change was not made; the answer names the exception.
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
from onlyme.unlock.daemon.service import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from onlyme.unlock.daemon.service import UnlockService

    Document = dict[str, Any]
    Answer = Callable[[Request, Document], Awaitable[Document]]

__all__ = ["create_app"]

MAX_QUESTION_BYTES = 4096
"""Limit of a question."""

MAX_CHANGE_BYTES = 64 * 2**20
"""Limit of a change, photos included."""

QUESTION_SECONDS = 5.0
"""How long a question may take to arrive."""

CHANGE_SECONDS = 20.0
"""How long a change may take to arrive."""

_log = logging.getLogger("onlyme")


class _RequestError(Exception):
    """A request that is refused before the service sees it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def create_app(service: UnlockService) -> Starlette:
    """Put the routes in front of a service.

    Each request's state holds its `peer`; see `server`.
    """

    async def attempt(request: Request, document: Document) -> Document:
        return await service.attempt(
            request.state.peer, document, lambda: _wait_until_gone(request)
        )

    async def test(request: Request, document: Document) -> Document:
        return await service.test(request.state.peer, document, lambda: _wait_until_gone(request))

    async def answer_account(request: Request, document: Document) -> Document:
        return await service.answer_account(request.state.peer, document)

    async def release_keyring(request: Request, document: Document) -> Document:
        return await service.release_keyring(request.state.peer, document)

    async def report_status(request: Request, document: Document) -> Document:
        return await service.report_status(request.state.peer, document)

    # One change at a time, from its first byte on: memory has room for one change's photos.
    one_change = asyncio.Semaphore(1)

    def make_change_route(what: str) -> Answer:
        async def apply_change(request: Request, document: Document) -> Document:
            return await service.change(request.state.peer, what, document)

        return apply_change

    questions = {
        "attempt": attempt,
        "test": test,
        "password-used": answer_account,
        "status": report_status,
        "keyring": release_keyring,
    }
    unlimited = nullcontext()
    routes = [
        _make_route(name, answer, MAX_QUESTION_BYTES, QUESTION_SECONDS, unlimited)
        for name, answer in questions.items()
    ]
    routes += [
        _make_route(name, make_change_route(name), MAX_CHANGE_BYTES, CHANGE_SECONDS, one_change)
        for name in CHANGES
    ]
    return Starlette(routes=routes)


def _make_route(
    name: str,
    answer: Answer,
    max_bytes: int,
    seconds: float,
    limit: AbstractAsyncContextManager[None],
) -> Route:
    async def answer_request(request: Request) -> Response:
        try:
            async with limit:
                document = await _read_document(request, max_bytes, seconds)
                return _make_json(200, await answer(request, document))
        except ClientDisconnect:
            return Response(status_code=400)  # the client does not read it
        except _RequestError as refused:
            return _make_error(refused.status, "UsageError", str(refused))
        except AccessDeniedError as error:
            return _make_error(403, "UsageError", str(error))
        except UsageError as error:
            return _make_error(400, "UsageError", str(error))
        except OnlymeError as error:
            return _make_error(422, type(error).__name__, str(error))
        except Exception:  # noqa: BLE001 - a defect opens nothing, and the daemon goes on
            _log.exception("%s", name)
            return _make_error(500, "OnlymeError", "internal error; see `journalctl -u onlyme`")

    return Route(f"/v1/{name}", answer_request, methods=["POST"])


async def _read_document(request: Request, max_bytes: int, seconds: float) -> Document:
    """Read the request's document; count its bytes, since headers can lie about the length."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    raise _RequestError(413, f"the request is larger than {max_bytes} bytes")
    except TimeoutError:
        raise _RequestError(408, f"the request took longer than {seconds:.0f} s") from None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _RequestError(400, "the request is not JSON") from None
    if not isinstance(document, dict):
        raise _RequestError(400, "the request is not a JSON object")
    return document


async def _wait_until_gone(request: Request) -> None:
    """Return when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _make_error(status: int, kind: str, message: str) -> Response:
    return _make_json(status, {"error": kind, "message": message})


def _make_json(status: int, document: Document) -> Response:
    body = json.dumps(document, ensure_ascii=True, default=_to_plain)
    return Response(body, status, media_type="application/json")


def _to_plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
