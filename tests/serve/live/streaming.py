"""Open a stream as an app does, send pictures, and read its messages."""

import json
import time
from contextlib import contextmanager, suppress
from itertools import chain, cycle
from socket import create_connection

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from onlyme.serve.state import SOURCE


@contextmanager
def open_stream(running, path, scope="admin", headers=None):
    """Open a WebSocket to the service."""
    token = {"Authorization": f"Bearer {running.secrets[scope]}"} if scope else {}
    headers = token | (headers or {})
    host = headers.pop("Host", f"127.0.0.1:{running.port}")
    line = create_connection(("127.0.0.1", running.port), timeout=20)
    place = path if path.startswith("/") else f"/names/{path}"
    with connect(f"ws://{host}/v1{place}", additional_headers=headers, sock=line) as socket:
        yield socket


def wait_for(socket, kind, *, pictures=(), seconds=60):
    """Send a picture after each message, until one of this kind comes; return it and all."""
    pictures = iter(pictures)
    end, messages = time.monotonic() + seconds, []
    while time.monotonic() < end:
        message = json.loads(socket.recv(timeout=max(0.1, end - time.monotonic())))
        messages.append(message)
        if message["is"] == kind:
            return message, messages
        if message["is"] in {"ready", "look", "attempt"}:
            picture = next(pictures, None)
            if picture is not None:
                time.sleep(0.04)  # as a camera does: faster pictures do not end an attempt sooner
                send_picture(socket, picture)
    raise TimeoutError(f"no {kind} within {seconds} seconds, after {messages[-3:]}")


def sway(photo, name):
    """Return pictures without end of a face that moves to and fro.

    How many an attempt takes depends on how fast the machine sends them, so no count is right.
    """
    return (photo(name, shift) for shift in cycle(chain(range(40), range(40, 0, -1))))


def send_picture(socket, picture):
    """Send a picture; if the service has closed the stream, its messages say why."""
    with suppress(ConnectionClosed):
        socket.send(picture)


def read_to_end(socket):
    """Read until the stream is closed; return the messages."""
    messages = []
    with suppress(ConnectionClosed):  # a time-out is raised
        while True:
            messages.append(json.loads(socket.recv(timeout=30)))
    return messages


def count_tries(running, name="obama"):
    """Return the tries that are left before the service's camera."""
    with running.open_admin() as admin:
        allowances = admin.gate.allowances()
    return next((each.tries for place, each in allowances.items() if place == (name, SOURCE)), 5)


def read_log(running):
    """Return the entries of the log."""
    return running.client().get("/v1/audit").json()
