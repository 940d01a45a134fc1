"""Ask the daemon one question over its Unix socket, and wait for the answer until a deadline.

This speaks HTTP/1.1 with JSON by hand: the standard library's own client takes longer to load
than a decision takes. The client also checks the server: it must be root, or the same user.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from typing import Any

__all__ = ["SOCKET", "GivenUp", "NoAnswer", "ask", "read_peer"]

SOCKET = "/run/onlyme/onlyme.sock"
"""Where the daemon listens."""

_MAX_ANSWER_BYTES = 2**20
_CHUNK_BYTES = 65536
_UCRED = struct.Struct("3i")


class NoAnswer(Exception):  # noqa: N818 - a state, read as one in `except NoAnswer`
    """There is no answer; the message is a sentence that says why."""


class GivenUp(NoAnswer):
    """The answer is not needed any more."""


def ask(
    path: str, route: str, document: dict[str, Any], seconds: float, stop: int | None = None
) -> tuple[int, dict[str, Any]]:
    """Send one question, and wait for the answer.

    Args:
        path: of the socket.
        route: what is asked, such as `/v1/attempt`.
        document: the question.
        seconds: how long everything together may take.
        stop: a descriptor; once it can be read, the answer is not waited for any longer.

    Returns:
        The HTTP status, and the answer.

    Raises:
        GivenUp: `stop` could be read before the answer was there.
        NoAnswer: the daemon is not running, refuses this user, is not root's or takes too long.
    """
    deadline = time.monotonic() + seconds
    body = json.dumps(document).encode()
    head = (
        f"POST {route} HTTP/1.1\r\nHost: onlyme\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            if read_peer(connection)[1] not in {0, os.geteuid()}:
                raise NoAnswer("The onlyme socket belongs to another user and is not trusted")
            connection.sendall(head.encode() + body)
            return _parse_answer(_receive(connection, deadline, stop))
    except TimeoutError:
        raise NoAnswer(f"The onlyme service did not answer within {seconds:.2g} s") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoAnswer("The onlyme service is not running: systemctl start onlyme") from None
    except PermissionError:
        raise NoAnswer(
            "This user may not use the onlyme service: add the user to the group `onlyme`"
        ) from None
    except OSError as error:
        why = error.strerror or error
        raise NoAnswer(f"The connection to the onlyme service broke off ({why})") from None


def read_peer(connection: socket.socket) -> tuple[int, int, int]:
    """Return process, user and group at the other end, as the kernel knows them."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(credentials)
    return pid, uid, gid


def _receive(connection: socket.socket, deadline: float, stop: int | None) -> bytes:
    """Return everything that arrives until the other end closes."""
    received, poll = b"", select.poll()
    poll.register(connection, select.POLLIN)
    if stop is not None:
        poll.register(stop, select.POLLIN)
    while len(received) <= _MAX_ANSWER_BYTES:
        remaining = deadline - time.monotonic()
        ready = [handle for handle, _ in poll.poll(max(0.0, remaining) * 1e3)]
        if not ready:
            raise TimeoutError
        if connection.fileno() not in ready:
            raise GivenUp("The question was given up")
        chunk = connection.recv(_CHUNK_BYTES)
        if not chunk:
            return received
        received += chunk
    raise NoAnswer("The onlyme service sent too long an answer")


def _parse_answer(received: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = received.partition(b"\r\n\r\n")
    try:
        version, status = head.split(None, 2)[:2]
        document = json.loads(body)
        if version.startswith(b"HTTP/1.") and isinstance(document, dict):
            return int(status), document
    except (ValueError, RecursionError):
        pass
    raise NoAnswer("The onlyme service sent an answer that cannot be read")
