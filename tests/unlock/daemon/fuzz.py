"""Send messages that no client of ours would send; a seed makes them the same each time."""

import json
import random
import socket
import sys

ROUTES = ("attempt", "status", "password-used", "tune", "enroll", "import", "adapt", "nonsense", "")
METHODS = ("POST",) * 9 + ("GET", "PUT", "TRACE", "PO-ST")
LENGTHS = (0, 1, -1, 10**9)
KEYS = ("user", "service", "seconds", "confirmed", "password", "far", "alpha", "me", "sealed")
RARE_KEYS = ("asker", "seat", "can_show", "ticket")  # most of their values are refused
VALUES = (None, True, -1, 0, 1e308, 2**70, "", "x" * 100, "ada", [], [[]], {}, {"a": 1}, "\ud800")
USERS = ("ada", "nobody", "", "a" * 64, "a" * 65, "\x00", "é", "../..", "root", "ada\n")


class Fuzzer:
    """Makes messages and sends them.

    Args:
        seed: of the messages.
        path: of the daemon's socket.
    """

    def __init__(self, seed, path):
        self._random = random.Random(seed)  # noqa: S311 - the same each time
        self._path = str(path)
        self._whole = True

    def send(self, count):
        """Send messages; return how often each status came back, "" where none did."""
        statuses = {}
        for _ in range(count):
            status = self._sent(*self.message())
            statuses[status] = statuses.get(status, 0) + 1
        return statuses

    def message(self):
        """Return noise, a broken or a hostile request, and whether it is a whole request."""
        kind = self._random.random()
        if kind < 0.15:
            return self._random.randbytes(self._random.randrange(2000)), False
        request = self._request()
        if kind < 0.35:
            return self._broken(request), False
        if kind < 0.45:
            return request + request[: self._random.randrange(len(request))], False  # a pipeline
        return request, self._whole

    def _request(self):
        body = self._body()
        length = len(body) if self._random.random() < 0.9 else self._random.choice(LENGTHS)
        self._whole = length == len(body)
        route = self._random.choice(ROUTES)
        method = self._random.choice(METHODS)
        head = f"{method} /v1/{route} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
        if self._random.random() < 0.1:
            head += "Transfer-Encoding: chunked\r\n"  # but the body has no chunks
            self._whole = False
        if self._random.random() < 0.1:
            head += f"X-{'y' * self._random.randrange(20_000)}: z\r\n"
        if self._random.random() < 0.5:
            head += "Connection: close\r\n"
        return head.encode() + b"\r\n" + body

    def _broken(self, request):
        changed = bytearray(request)
        for _ in range(self._random.randrange(1, 8)):
            place = self._random.randrange(len(changed))
            action = self._random.randrange(3)
            if action == 0:
                changed[place] = self._random.randrange(256)
            elif action == 1:
                del changed[place : place + self._random.randrange(1, 50)]
            else:
                changed[place:place] = self._random.randbytes(5)
            if not changed:
                return b"\r\n"
        return bytes(changed)

    def _body(self):
        kind = self._random.random()
        if kind < 0.1:
            return self._random.randbytes(self._random.randrange(500))
        if kind < 0.15:
            return b"[" * self._random.randrange(1, 4000)
        return json.dumps(self._document()).encode()

    def _document(self):
        document = {key: self._value() for key in KEYS if self._random.random() < 0.5}
        if self._random.random() < 0.1:
            document[self._random.choice(RARE_KEYS)] = self._value()
        if self._random.random() < 0.7:
            # Few of these users are enrolled: to open the camera each time would take hours.
            document["user"] = self._random.choice(USERS)
            document["seconds"] = 0.05
        return document

    def _value(self):
        return self._random.choice(VALUES)

    def _sent(self, message, whole):
        """Send one message, whole or in two parts, and read what comes at once."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(10)
            try:
                wire.connect(self._path)
                half = self._random.randrange(len(message) + 1)
                wire.sendall(message[:half])
                wire.sendall(message[half:])
                if self._random.random() < 0.1:
                    return ""  # hang up at once
                if not whole:
                    wire.shutdown(socket.SHUT_WR)  # or it would wait for more
                return wire.recv(65536)[9:12].decode(errors="replace")
            except OSError:
                return ""


if __name__ == "__main__":
    made = Fuzzer(int(sys.argv[2]), sys.argv[1])
    print(json.dumps(made.send(int(sys.argv[3]))))  # noqa: T201 - standard output carries the answer
