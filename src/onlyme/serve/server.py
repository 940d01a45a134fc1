"""Run the application with uvicorn, with limits against hostile clients."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from onlyme import FaceID
from onlyme.faceid import networks, wiring
from onlyme.serve.app import create_app
from onlyme.serve.running import RunningService, note_service
from onlyme.types import AttentionLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.serve.options import Options
    from onlyme.settings import Settings

__all__ = ["Server", "make_config", "run"]

MAX_HEADER_BYTES = 16 * 2**10
MAX_MESSAGE_BYTES = 4 * 2**20
"""The largest WebSocket message that is read at all."""

KEEP_ALIVE_SECONDS = 5
SHUTDOWN_SECONDS = 10
MAX_WAITING_CONNECTIONS = 128
"""Connections that the kernel holds until they are accepted."""

UNREAD_FACTOR = 4.0
"""An answer may wait unread for this many times the time of a header."""


class TimeoutProtocol(H11Protocol):
    """HTTP/1.1 that ends a connection whose request does not arrive or whose answer is not read.

    Uvicorn waits without limit for the first request of a connection, for the rest of a header,
    and for the client to read an answer. A few hundred such clients would lock out all others.
    """

    seconds = 5.0

    def connection_made(self, transport: Any) -> None:
        """Start the time limit of the first request."""
        super().connection_made(transport)
        self._read_timer = _AbortTimer(self.loop, transport)
        self._write_timer = _AbortTimer(self.loop, transport)
        self._read_timer.begin(self.seconds)

    def handle_events(self) -> None:
        """Handle received data; a complete header ends its time limit, as bodies have their own."""
        cycle = self.cycle
        super().handle_events()
        if self.cycle is not cycle:
            self._read_timer.end()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to the WebSocket protocol, without a time limit here."""
        self._read_timer.end()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Start the time limit of the next request; uvicorn's own limit ends with its first byte.

        This also limits the rest of a body that no route has read.
        """
        self._read_timer.begin(self.seconds + self.timeout_keep_alive)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start the time limit for the client to read its answer."""
        super().pause_writing()
        self._write_timer.begin(UNREAD_FACTOR * self.seconds)

    def resume_writing(self) -> None:
        """End the time limit: the client has read."""
        self._write_timer.end()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End both time limits."""
        self._read_timer.end()
        self._write_timer.end()
        super().connection_lost(exc)


class _AbortTimer:
    """Cuts a connection after a time."""

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
    """Uvicorn's server, which reports when it listens.

    Args:
        config: of uvicorn.
        ready: called with the port once the server listens.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then call `ready`."""
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])


def make_config(settings: Settings, options: Options) -> uvicorn.Config:
    """Return the configuration with which uvicorn serves the application."""
    if settings.runtime != "opencv":
        networks.find_crash(settings)  # now, or the first request would wait for it
    protocol = type("ServiceProtocol", (TimeoutProtocol,), {"seconds": options.header_seconds})
    return uvicorn.Config(
        create_app(settings, options),
        http=protocol,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        limit_concurrency=options.connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        proxy_headers=False,  # nothing here depends on what a proxy says about the client
        server_header=False,
        access_log=False,  # an address may hold a link's token
        log_level="warning",
        log_config=None,
    )


def run(settings: Settings, options: Options, ready: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM, and note so in the vault's folder.

    Args:
        settings: of the vault and the networks.
        options: of the service.
        ready: called with the port once the service listens.

    Raises:
        OnlymeError: vault or networks cannot be used.
        OSError: the address cannot be listened on.
    """
    with FaceID(wiring.assemble(settings, lasting=True, steady=True)) as face_id:
        # Reports what is missing, and keeps the networks loaded.
        face_id.warm_up(settings.attention or AttentionLevel.EYES)
    with open_listener(options) as listener:
        service = RunningService(options.host, listener.getsockname()[1])
        config = make_config(settings, options)
        with note_service(settings.vault, service):
            Server(config, ready).run([listener])


def open_listener(options: Options) -> socket.socket:
    """Return a socket that listens on the address of the options.

    Raises:
        OSError: the address cannot be used; the message names it.
    """
    try:
        family = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][0]
        address = (options.host, options.port)
        return socket.create_server(address, family=family, backlog=MAX_WAITING_CONNECTIONS)
    except OSError as error:
        where = f"{options.host} port {options.port}"
        raise OSError(
            error.errno, f"cannot listen on this address: {error.strerror}", where
        ) from None
