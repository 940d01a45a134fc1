"""Write requests byte by byte, as a hostile client does."""

import io
import socket
import struct
import time
import zlib

JPEG = {"Content-Type": "image/jpeg"}
CONTENT = {"Content_Type": "image/jpeg"}
"""The same, for `make_head`."""


def make_head(running, path="/v1/names/obama/verify", scope="verify", **headers):
    """Return the beginning of a request; headers are given with `_` in place of `-`."""
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {running.secrets[scope]}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def read_status(answer):
    """Return the status of an answer."""
    return int(answer.split(b" ", 2)[1])


def connect(running):
    """Open a connection to the service."""
    return socket.create_connection(("127.0.0.1", running.port), timeout=30)


def wait_for_close(line):
    """Return the seconds until the service closes a connection; its answer is read meanwhile."""
    start = time.monotonic()
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - start


def is_cut_off(line, piece, *, times, pause_seconds=0.0):
    """Send the same bytes again and again; return whether the service hangs up meanwhile."""
    try:
        for _ in range(times):
            line.sendall(piece)
            time.sleep(pause_seconds)
    except OSError:
        return True
    return False


def count_attempts(running):
    """Return the number of attempts in the log."""
    with running.open_admin() as admin:
        return sum(1 for line in admin.gate.audit.entries() if line.event == "attempt")


def make_png(width, height, data):
    """Return a PNG of which only the header must be true."""

    def chunk(kind, body):
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def make_jpeg(width, height):
    """Return a black picture."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "JPEG", quality=1)
    return out.getvalue()
