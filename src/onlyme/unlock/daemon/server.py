"""Run the daemon's process: listen on its socket, know who asks, send systemd signs of life."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from onlyme.errors import UsageError
from onlyme.unlock.daemon import systemd
from onlyme.unlock.daemon.peer import Peer
from onlyme.unlock.daemon.routes import create_app
from onlyme.unlock.daemon.service import UnlockService
from onlyme.unlock.transport import read_peer

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.settings import Settings

__all__ = ["GROUP", "open_listener", "serve"]

GROUP = "onlyme"
"""Its members may ask about themselves; without this group only root may ask."""

_MAX_CONNECTIONS = 64
_MAX_CONNECTIONS_PER_USER = 16
_SILENT_SECONDS = 5.0  # until a connection without a request is closed
_KEEP_ALIVE_SECONDS = 5  # until a connection without a further request is closed
_SHUTDOWN_SECONDS = 2  # for open requests when the daemon stops
_PROBE_SECONDS = 1.0  # for another daemon to accept a connection

_log = logging.getLogger("onlyme")


class _PeerProtocol(H11Protocol):
    """HTTP/1.1 that knows the process at the other end."""

    peer: Peer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Ask the kernel who it is, before a byte is read."""
        super().connection_made(transport)
        self.peer = Peer(*read_peer(transport.get_extra_info("socket")))
        self.app_state = {**self.app_state, "peer": self.peer}
        uids = (getattr(other, "peer", self.peer).uid for other in self.connections)
        count = sum(uid == self.peer.uid for uid in uids)
        if not self.peer.is_root and count > _MAX_CONNECTIONS_PER_USER:
            transport.abort()
            return
        self.loop.call_later(_SILENT_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        request: object = self.cycle  # None until the first one, though its type does not say so
        if request is None and not self.transport.is_closing():
            self.transport.abort()


class _IdleServer(uvicorn.Server):
    """A server that sleeps between requests; uvicorn's own wakes up ten times a second."""

    def __init__(self, config: uvicorn.Config, service: UnlockService) -> None:
        super().__init__(config)
        self._service = service
        self._stopping: asyncio.Event | None = None
        self._running: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Report readiness to systemd, and wait for the end."""
        self._running, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self.server_state.default_headers = []
        if self.should_exit:
            return
        systemd.notify("READY=1")
        alive = asyncio.create_task(self._feed_watchdog())
        await self._stopping.wait()
        alive.cancel()
        systemd.notify("STOPPING=1")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Wake up and stop."""
        super().handle_exit(sig, frame)
        if self._running is not None and self._stopping is not None:
            self._running.call_soon_threadsafe(self._stopping.set)

    async def _feed_watchdog(self) -> None:
        """Send signs of life as long as the recognizer's thread answers."""
        every = systemd.read_watchdog_seconds()
        while every is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(every / 2):
                    await self._service.wait_until_idle()
                    systemd.notify("WATCHDOG=1")
            await asyncio.sleep(every / 3)


def serve(settings: Settings) -> None:
    """Answer requests until a signal stops the process.

    Raises:
        OnlymeError: it cannot listen on the socket that the settings name.
    """
    listener = systemd.take_socket() or open_listener(settings.socket)
    service = UnlockService(settings)
    try:
        problem = service.warm_up()
        if problem:
            _log.warning("%s", problem)
        config = uvicorn.Config(
            create_app(service),
            http=_PeerProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        # Otherwise a client could fill the log with broken requests. `routes` logs its own
        # errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        # uvicorn raises the signal again after it has stopped; nothing is left to do then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        _IdleServer(config, service).run(sockets=[listener])
    finally:
        service.close()


def open_listener(path: Path) -> socket.socket:
    """Listen on a Unix socket that root and the group `onlyme` may connect to.

    Raises:
        UsageError: another daemon listens there, or the socket cannot be made.
    """
    import grp

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale_socket(path)
        before = os.umask(0o177)  # no other user can connect before the group is set
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        with suppress(KeyError):
            os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
        path.chmod(0o660)
        listener.listen(_MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {path}: {error.strerror}") from None
    return listener


def _remove_stale_socket(path: Path) -> None:
    """Remove the socket of a daemon that has ended; refuse to replace a running one's."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UsageError(f"cannot listen on {path}: another file has that name")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise UsageError(
        f"another onlyme daemon listens on {path}; stop it first: "
        "systemctl stop onlyme.socket onlyme"
    )
