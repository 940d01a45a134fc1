"""Talk to systemd: take over its sockets, report readiness, send signs of life.

This follows sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3): a few variables and one
datagram, so that no library is needed.
"""

from __future__ import annotations

import os
import socket

__all__ = ["notify", "read_watchdog_seconds", "take_socket"]

_FIRST_FD = 3


def take_socket() -> socket.socket | None:
    """Return the socket that systemd opened for this process; None if it opened none.

    Raises:
        OSError: it opened several, or another kind.
    """
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    if pid != str(os.getpid()) or count in {"", "0"}:
        return None
    listener = socket.socket(fileno=_FIRST_FD)
    fits = listener.family is socket.AF_UNIX and listener.type is socket.SOCK_STREAM
    if count != "1" or not fits:
        raise OSError(
            f"systemd gave {count} socket(s); exactly one Unix stream socket is needed: "
            "see onlyme.socket"
        )
    listener.set_inheritable(False)
    return listener


def notify(state: str) -> bool:
    """Report a state to systemd, such as `READY=1`; return whether it could be sent."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.connect(address)
            connection.sendall(state.encode())
    except OSError:
        return False
    return True


def read_watchdog_seconds() -> float | None:
    """Return how often systemd wants a sign of life; None if it wants none."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdecimal() and int(text) else None
