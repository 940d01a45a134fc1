"""The application on a socket: uvicorn, with limits for clients that mean no good."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from onlyme.faceid import wiring
from onlyme.faceid.face_id import FaceID
from onlyme.serve.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.serve.options import Options
    from onlyme.settings import Settings

__all__ = ["Server", "make_config", "run"]

MAX_HEADER_BYTES = 16 * 2**10
MAX_MESSAGE_BYTES = 4 * 2**20


class TimeoutProtocol(H11Protocol):
    """HTTP/1.1 that ends a connection whose request does not come, or whose answer is not read.

    Uvicorn waits for the first request of a connection, for the rest of a header, and for the
    reading of an answer as long as the client likes; some hundred such clients would keep
    everybody else out.
    """

    seconds = 5.0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._reading = _AbortTimer(self.loop, transport)
        self._writing = _AbortTimer(self.loop, transport)
        self._reading.begin(self.seconds)

    def handle_events(self) -> None:
        """Look at what came; once a request's header is complete, its body has its own time."""
        cycle = self.cycle
        super().handle_events()
        if self.cycle is not cycle:
            self._reading.end()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the connection to another protocol."""
        self._reading.end()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn's own time for idle ones ends with its first byte.

        This also ends what is left of a body that nobody wanted.
        """
        self._reading.begin(self.seconds + self.timeout_keep_alive)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._writing.begin(4 * self.seconds)

    def resume_writing(self) -> None:
        """Stop waiting: it read."""
        self._writing.end()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._reading.end()
        self._writing.end()
        super().connection_lost(exc)


class _AbortTimer:
    """A time after which a connection is cut."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop, self._transport = loop, transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        self.end()
        self._timer = self._loop.call_later(seconds, self._transport.abort)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Server(uvicorn.Server):
    """Uvicorn's server, which says when it listens.

    Args:
        config: how.
        ready: called with the port.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])


def make_config(settings: Settings, options: Options) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    protocol = type("Impatient", (TimeoutProtocol,), {"seconds": options.header_seconds})
    return uvicorn.Config(
        create_app(settings, options),
        http=protocol,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        limit_concurrency=options.connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        proxy_headers=False,  # nothing here goes by what a proxy says of the client
        server_header=False,
        access_log=False,  # an address may hold a link's token
        log_level="warning",
        log_config=None,
    )


def run(settings: Settings, options: Options, ready: Callable[[int], None]) -> None:
    """Serve until a signal comes.

    Args:
        settings: of the vault and the networks.
        options: of the service.
        ready: called with the port once the service listens.

    Raises:
        OnlymeError: vault or networks cannot be used.
        OSError: the address cannot be listened on.
    """
    with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
        face_id.warm_up()  # what is missing is said at once; the networks stay loaded
    with open_listener(options) as listener:
        Server(make_config(settings, options), ready).run([listener])


def open_listener(options: Options) -> socket.socket:
    """Listen on the address of the options.

    Raises:
        OSError: that cannot be done; the message says where.
    """
    try:
        family = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((options.host, options.port), family=family, backlog=128)
    except OSError as error:
        where = f"{options.host} port {options.port}"
        raise OSError(error.errno, f"cannot listen there: {error.strerror}", where) from None
