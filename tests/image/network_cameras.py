"""Real servers for network cameras: MJPEG over HTTP, and RTSP by GStreamer."""

import base64
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

SYSTEM_PYTHON = "/usr/bin/python3"
RTSP = Path("/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib")


def paint(level):
    """A picture of one colour."""
    return np.full((120, 160, 3), level, np.uint8)


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MjpegServer:
    """A camera that sends JPEG pictures over HTTP without an end.

    Attributes:
        stalled: while set, it accepts requests and sends nothing.
        count: pictures sent so far.
    """

    def __init__(self, pictures=None, port=0, password="", seconds=0.03):
        camera = self
        self.pictures = [
            cv2.imencode(".jpg", picture)[1].tobytes()
            for picture in (pictures if pictures is not None else [paint(60), paint(180)])
        ]
        self.stalled, self.count, self.over = threading.Event(), 0, False
        self.sockets = set()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                expected = "Basic " + base64.b64encode(password.encode()).decode()
                if password and self.headers.get("Authorization") != expected:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                if self.path.startswith("/to/"):
                    self.send_response(302)
                    self.send_header("Location", base64.b64decode(self.path[4:]).decode())
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=picture")
                self.end_headers()
                camera.sockets.add(self.connection)
                with suppress(OSError):
                    self.send_pictures()

            def send_pictures(self):
                while not camera.over:
                    if not camera.stalled.is_set():
                        body = camera.pictures[camera.count % len(camera.pictures)]
                        camera.count += 1
                        head = (
                            f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}"
                        )
                        self.wfile.write(head.encode() + b"\r\n\r\n" + body + b"\r\n")
                    time.sleep(seconds)

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/video"

    def stop(self):
        """End at once, and break every connection, as a camera that loses its power."""
        self.over = True
        self.server.shutdown()
        self.server.server_close()
        for connection in self.sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class RtspServer:
    """A camera that sends pictures by RTSP, in a process of its own."""

    def __init__(self, folder, port=0, user="", password=""):
        self.port = port or find_free_port()
        script = Path(__file__).with_name("rtsp_server.py")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, script, str(self.port), folder, user, password],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean,
        )
        assert self.process.stdout.readline() == b"ready\n"

    @property
    def address(self):
        return f"rtsp://127.0.0.1:{self.port}/live"

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
