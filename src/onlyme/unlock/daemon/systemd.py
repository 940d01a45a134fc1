"""What systemd asks of a daemon: sockets taken over, readiness and life signs told.

After sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3): a few variables and one
datagram, so no library is needed for it.
"""

from __future__ import annotations

import os
import socket

__all__ = ["notify", "read_watchdog_seconds", "take_socket"]

_FIRST_FD = 3


def take_socket() -> socket.socket | None:
    """Return the socket that systemd opened for this process; None if it did not.

    Raises:
        OSError: it opened something else, or several.
    """
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    if pid != str(os.getpid()) or count in {"", "0"}:
        return None
    taken = socket.socket(fileno=_FIRST_FD)
    if count != "1" or taken.family is not socket.AF_UNIX or taken.type is not socket.SOCK_STREAM:
        raise OSError(f"systemd gave {count} sockets; one Unix stream socket is needed")
    taken.set_inheritable(False)
    return taken


def notify(state: str) -> bool:
    """Tell systemd something, such as `READY=1`; return whether somebody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
            wire.connect(address)
            wire.sendall(state.encode())
    except OSError:
        return False
    return True


def read_watchdog_seconds() -> float | None:
    """Return how often systemd wants a sign of life; None if it does not."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdecimal() and int(text) else None
