"""A daemon that answers PAM's helper with given bytes."""

import json
import socket
import threading
from contextlib import suppress

from onlyme.unlock.client.helper import run

PAM = {"PAM_TYPE": "auth", "PAM_USER": "ada", "PAM_SERVICE": "greetd"}
NO_PROCESS = 2**22 + 1  # above the highest number of a process


class Answering:
    """A server on a socket that answers requests with given bytes, and further ones never."""

    def __init__(self, path, *answers, hold=False):
        self.path, self._answers, self._hold = str(path), list(answers), hold
        self.asked = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._open = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            while True:
                wire, _ = self._listener.accept()
                self._open.append(wire)
                self.asked.append(wire.recv(65536))
                if self._answers and not self._hold:
                    wire.sendall(self._answers.pop(0))
                    wire.close()
        except OSError:
            return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # this ends `accept`
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for each in (self._listener, *self._open):
            each.close()


def http(document, status=200):
    return f"HTTP/1.1 {status} X\r\nA: b\r\n\r\n{json.dumps(document)}".encode()


def answer(tmp_path, *answers, arguments=(), environment=PAM, **options):
    with Answering(tmp_path / "s", *answers, **options) as answering:
        words = ["--socket", answering.path, *arguments]
        return *run(words, environment, NO_PROCESS), answering


MATCH = {"accepted": True, "reason": "match", "message": ""}
