"""One question over the daemon's socket comes in; its answer, in time, goes out.

HTTP/1.1 with JSON, spoken by hand: the standard library's own client takes longer to load
than a decision takes. The server is checked as well: it must be root's, or one's own.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from typing import Any

__all__ = ["SOCKET", "NoAnswer", "ask", "read_peer"]

SOCKET = "/run/onlyme/onlyme.sock"
"""Where the daemon listens."""

_MAX_ANSWER_BYTES = 2**20  # bytes of an answer
_UCRED = struct.Struct("3i")


class NoAnswer(Exception):  # noqa: N818 - a state, read as one in `except NoAnswer`
    """There is no answer; the message says why, in words."""


def ask(
    path: str, route: str, document: dict[str, Any], seconds: float
) -> tuple[int, dict[str, Any]]:
    """Put one question, and wait for the answer.

    Args:
        path: of the socket.
        route: what is asked, such as `/v1/attempt`.
        document: the question.
        seconds: how long all of it may take.

    Returns:
        The status of HTTP, and the answer.

    Raises:
        NoAnswer: nobody listens, it may not be asked, it is not root's, or takes too long.
    """
    until = time.monotonic() + seconds
    body = json.dumps(document).encode()
    head = (
        f"POST {route} HTTP/1.1\r\nHost: onlyme\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(seconds)
            wire.connect(path)
            if read_peer(wire)[1] not in {0, os.geteuid()}:
                raise NoAnswer("its socket belongs to somebody else")
            wire.sendall(head.encode() + body)
            return _parse_answer(_receive(wire, until))
    except TimeoutError:
        raise NoAnswer(f"it did not answer within {seconds:.2g} s") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoAnswer("it is not running") from None
    except PermissionError:
        raise NoAnswer("this user may not ask it; join the group `onlyme`") from None
    except OSError as error:
        raise NoAnswer(f"it broke off ({error.strerror or error})") from None


def read_peer(wire: socket.socket) -> tuple[int, int, int]:
    """Return process, user and group at the other end, as the kernel knows them."""
    kept = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(kept)
    return pid, uid, gid


def _receive(wire: socket.socket, until: float) -> bytes:
    """Return all that comes before the other end closes."""
    received = b""
    while len(received) <= _MAX_ANSWER_BYTES:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        wire.settimeout(left)
        more = wire.recv(65536)
        if not more:
            return received
        received += more
    raise NoAnswer("it said too much")


def _parse_answer(received: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = received.partition(b"\r\n\r\n")
    try:
        version, status = head.split(None, 2)[:2]
        document = json.loads(body)
        if version.startswith(b"HTTP/1.") and isinstance(document, dict):
            return int(status), document
    except (ValueError, RecursionError):
        pass
    raise NoAnswer("it said what is no answer")
