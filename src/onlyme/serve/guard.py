"""Check every request before it reaches a route, and add security headers to every answer.

The checks: which host was asked for (Host), which site the request came from (Origin), who the
caller is, and how often it asks. Pure ASGI, so that WebSockets pass the same checks.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from onlyme.errors import OnlymeError
from onlyme.serve.access.auth import CALLER, PAGE_REQUESTS_PER_SECOND, Caller
from onlyme.serve.access.hosts import HTTPS, find_cookie_name, is_https, strip_port
from onlyme.serve.access.refusal_page import COMPREFACE_PATH, answer
from onlyme.serve.access.tokens import Scope, hash_secret
from onlyme.serve.problems import ProblemError, convert_error, make_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asgi

    from onlyme.serve.state import ServiceState

__all__ = ["Guard"]

OPEN_PATHS = {"/v1/health", "/open"}
"""Paths that need no token: the first says only ok, the second takes a link's secret."""

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

HEADERS = {
    # The page loads everything from this service; other sites can neither be used nor frame it.
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

HTTPS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
"""Added where the host name is used over HTTPS: for a year, browsers use nothing else."""


class Guard:
    """The outermost layer of the application.

    Args:
        app: the application that it guards.
        service: knows tokens, sessions and rates.
    """

    def __init__(self, app: ASGIApp, service: ServiceState) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or refuse it."""
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
                added = HEADERS | (HTTPS_HEADERS if scope.get(HTTPS) else {})
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._admit(scope)
        except OnlymeError as error:
            self._service.log_error(error)
            await refuse(convert_error(error), scope, receive, send_with_headers)
        except ProblemError as problem:
            await refuse(problem, scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _admit(self, scope: Asgi) -> None:
        connection = HTTPConnection(scope)
        _refuse_two_lengths(connection)
        host = self._check_host(connection)
        scope[HTTPS] = is_https(strip_port(host))
        _refuse_foreign_origin(connection, host)
        scope["path"] = _decode_path(scope)
        if scope["path"] in OPEN_PATHS:
            return
        caller = self._identify_caller(connection)
        if caller.page:
            _refuse_forged_request(connection)
        self._service.rates.take(caller)
        scope[CALLER] = caller

    def _check_host(self, connection: HTTPConnection) -> str:
        """Return the Host header if it names this service.

        Raises:
            ProblemError: it names another host (421), as after DNS rebinding.
        """
        hosts = connection.headers.getlist("host")
        if len(hosts) == 1:
            host = hosts[0].lower()
            if strip_port(host) in self._service.options.known_hosts:
                return host
        raise ProblemError(
            421,
            "unknown-host",
            "the service does not know this host name; start it with --name to allow it",
        )

    def _identify_caller(self, connection: HTTPConnection) -> Caller:
        """Return the caller, known by token or session.

        Raises:
            ProblemError: no valid token and no session (401).
        """
        kind, _, presented = connection.headers.get("authorization", "").partition(" ")
        if not kind and self._is_for_compreface(connection):
            kind, presented = "bearer", connection.headers["x-api-key"]
        if kind.lower() == "bearer":
            token = self._service.tokens.find(presented.strip())
            if token is not None:
                return Caller(token.name, token.scope, token.rate, digest=token.digest)
        else:
            cookie = find_cookie_name(connection.scope, self._service.options.port)
            digest = hash_secret(connection.cookies.get(cookie, ""))
            if self._service.sessions.holds(digest):
                rate = PAGE_REQUESTS_PER_SECOND
                return Caller("page", Scope.ADMIN, rate, page=True, digest=digest)
        raise ProblemError(
            401,
            "no-token",
            "send a valid token: Authorization: Bearer …; "
            "or open the page with the link that `onlyme serve link` prints",
            {"WWW-Authenticate": "Bearer"},
        )

    def _is_for_compreface(self, connection: HTTPConnection) -> bool:
        """Say whether a client of CompreFace sent its key. Elsewhere the header means nothing."""
        return (
            self._service.options.compreface
            and connection.scope["path"].startswith(COMPREFACE_PATH)
            and "x-api-key" in connection.headers
        )


def _refuse_two_lengths(connection: HTTPConnection) -> None:
    """Refuse a request that a proxy may end at another byte (RFC 9112, section 6.3)."""
    if {"content-length", "transfer-encoding"} <= set(connection.headers.keys()):
        raise ProblemError(
            400,
            "two-lengths",
            "send Content-Length or Transfer-Encoding, not both",
            {"Connection": "close"},
        )


def _refuse_foreign_origin(connection: HTTPConnection, host: str) -> None:
    """Refuse a request that a page of another site sent, even one with a valid token."""
    origin = connection.headers.get("origin")
    own = {f"https://{host}"} if connection.scope[HTTPS] else {f"http://{host}", f"https://{host}"}
    foreign = origin is not None and origin.lower() not in own
    site = connection.headers.get("sec-fetch-site", "none")
    if foreign or site not in {"same-origin", "none"}:
        raise ProblemError(403, "foreign-origin", "pages of other sites may not use this service")


def _refuse_forged_request(connection: HTTPConnection) -> None:
    """Refuse a change that carries the cookie but may not come from the page itself (CSRF)."""
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS:
        return
    headers = connection.headers
    if "origin" not in headers and headers.get("sec-fetch-site") != "same-origin":
        raise ProblemError(403, "foreign-origin", "only the page itself may use the page's session")


def _decode_path(scope: Asgi) -> str:
    """Return the path decoded segment by segment, so that a name stays within one segment.

    Servers decode a path as a whole: a person called `a/verify` would then be another
    resource. A slash or percent sign within a segment stays encoded once.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        segments = [unquote_to_bytes(part).decode() for part in raw.split(b"?")[0].split(b"/")]
    except UnicodeDecodeError:
        raise ProblemError(400, "bad-path", "the path is not UTF-8") from None
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in segments)


async def refuse(problem: ProblemError, scope: Asgi, receive: Receive, send: Send) -> None:
    """Answer with a problem; a WebSocket is problem before it is accepted."""
    if scope["type"] == "http":
        await answer(problem, scope)(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        # Starlette chooses the message types by the scope, so this answers a WebSocket as well.
        await make_response(problem)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:120]})
