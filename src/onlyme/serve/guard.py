"""What every request passes before anything else looks at it, and every answer after.

Who is called (Host), from where (Origin), who asks, and how often. Then the answer gets
the headers that bind a browser. Pure ASGI, so that it holds for WebSockets as well.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from onlyme.errors import OnlymeError
from onlyme.serve.access.auth import CALLER, PAGE_REQUESTS_PER_SECOND, Caller
from onlyme.serve.access.refusal_page import answer
from onlyme.serve.access.tokens import Scope
from onlyme.serve.problems import ProblemError, convert_error, make_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asgi

    from onlyme.serve.state import ServiceState

__all__ = ["Guard"]

OPEN_PATHS = {"/v1/health", "/open"}
"""Answered without a token: the one says only ok, the other takes one."""

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

HEADERS = {
    # The page and all it needs come from here; nothing else is loaded, framed or sent to.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer of the application.

    Args:
        app: what it guards.
        service: knows who may ask.
    """

    def __init__(self, app: ASGIApp, service: ServiceState) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        began = perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                route = getattr(scope.get("route"), "path", "none")
                method = scope.get("method", "WEBSOCKET")
                took = perf_counter() - began
                self._service.metrics.count_answer(route, method, message["status"], took)
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._admit(scope)
        except OnlymeError as error:
            self._service.log_error(error)
            await refuse(convert_error(error), scope, receive, send_with_headers)
        except ProblemError as refused:
            await refuse(refused, scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _admit(self, scope: Asgi) -> None:
        connection = HTTPConnection(scope)
        _refuse_two_lengths(connection)
        own = self._check_host(connection)
        _refuse_foreign_origin(connection, own)
        scope["path"] = _decode_path(scope)
        if scope["path"] in OPEN_PATHS:
            return
        caller = self._identify_caller(connection)
        if caller.page:
            _refuse_forged_request(connection)
        self._service.rates.take(caller)
        scope[CALLER] = caller

    def _check_host(self, connection: HTTPConnection) -> str:
        """Return the Host, if it is a name of this service; otherwise it was rebound."""
        hosts = connection.headers.getlist("host")
        if len(hosts) == 1:
            host = hosts[0].lower()
            name = host.rpartition(":")[0] if host.rpartition("]")[2].count(":") else host
            if name in self._service.options.known_hosts:
                return host
        raise ProblemError(
            421, "unknown-host", "the service has another name; --name makes this one known"
        )

    def _identify_caller(self, connection: HTTPConnection) -> Caller:
        """Find out who asks.

        Raises:
            Refused: nobody who may (401).
        """
        kind, _, presented = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            token = self._service.tokens.find(presented.strip())
            if token is not None:
                return Caller(token.name, token.scope, token.rate)
        elif self._service.sessions.holds(connection.cookies.get(self._service.cookie, "")):
            return Caller("page", Scope.ADMIN, PAGE_REQUESTS_PER_SECOND, page=True)
        raise ProblemError(
            401,
            "no-token",
            "send a token that is good: Authorization: Bearer …; "
            "or open the page with the link of `onlyme serve link`",
            {"WWW-Authenticate": "Bearer"},
        )


def _refuse_two_lengths(connection: HTTPConnection) -> None:
    """Refuse a request whose end a proxy may see elsewhere (RFC 9112, section 6.3)."""
    if {"content-length", "transfer-encoding"} <= set(connection.headers.keys()):
        raise ProblemError(
            400, "two-lengths", "a body has one length or is chunked", {"Connection": "close"}
        )


def _refuse_foreign_origin(connection: HTTPConnection, own: str) -> None:
    """Refuse what another site's page sent, whatever it carries."""
    origin = connection.headers.get("origin")
    foreign = origin is not None and origin.lower() not in {f"http://{own}", f"https://{own}"}
    site = connection.headers.get("sec-fetch-site", "none")
    if foreign or site not in {"same-origin", "none"}:
        raise ProblemError(403, "foreign-origin", "pages of other sites get no answer here")


def _refuse_forged_request(connection: HTTPConnection) -> None:
    """Refuse a change that a browser might send with the cookie though the page did not ask."""
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS:
        return
    headers = connection.headers
    if "origin" not in headers and headers.get("sec-fetch-site") != "same-origin":
        raise ProblemError(403, "foreign-origin", "the page's session is for the page alone")


def _decode_path(scope: Asgi) -> str:
    """Return the path decoded segment by segment, so that no name breaks out of its own.

    Servers decode a path as a whole: a person called `a/verify` would then be another
    resource. A slash or percent sign within a segment stays encoded, once.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        segments = [unquote_to_bytes(part).decode() for part in raw.split(b"?")[0].split(b"/")]
    except UnicodeDecodeError:
        raise ProblemError(400, "bad-path", "the path is no UTF-8") from None
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in segments)


async def refuse(refused: ProblemError, scope: Asgi, receive: Receive, send: Send) -> None:
    """Answer with a problem, before a WebSocket is accepted as well."""
    if scope["type"] == "http":
        await answer(refused, scope)(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await make_response(refused)(
            scope, receive, send
        )  # Starlette names the messages by the scope
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refused.detail[:120]})
