"""The application on a socket: uvicorn, with limits for clients that mean no good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from onlyme.serve.app import create_app

if TYPE_CHECKING:
    from onlyme.serve.options import Options
    from onlyme.settings import Settings

__all__ = ["config"]

MOST_HEADER = 16 * 2**10
MOST_MESSAGE = 4 * 2**20


class Impatient(H11Protocol):
    """HTTP/1.1 that ends a connection whose request does not come.

    Uvicorn waits for the first request of a connection, and for the rest of a header, as long
    as the client likes; some hundred such clients would keep everybody else out.
    """

    seconds = 5.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.seconds, transport.close)

    def handle_events(self) -> None:
        """Look at what came; once a request's header is complete, its body has its own time."""
        cycle = self.cycle
        super().handle_events()
        if self.cycle is not cycle:
            self._stop()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn's own time for idle ones ends with its first byte."""
        super().on_response_complete()
        self._stop()
        if not self.transport.is_closing():
            wait = self.seconds + self.timeout_keep_alive
            self._timer = self.loop.call_later(wait, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def config(settings: Settings, options: Options) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    protocol = type("Impatient", (Impatient,), {"seconds": options.header_seconds})
    return uvicorn.Config(
        create_app(settings, options),
        host=options.host,
        port=options.port,
        http=protocol,
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE,
        h11_max_incomplete_event_size=MOST_HEADER,
        limit_concurrency=options.connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        proxy_headers=False,  # nothing here goes by what a proxy says of the client
        server_header=False,
        access_log=False,  # an address may hold a link's token
        log_level="warning",
        log_config=None,
    )
