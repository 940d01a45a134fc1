"""Pass bytes to the server, and break the connection during a commit."""

import socket
import threading
from contextlib import suppress

_COMMIT = b"COMMIT"


class Wire:
    """Passes bytes between clients and a server's Unix socket; a context manager.

    Attributes:
        breaking: what happens at the next COMMIT: None for nothing; "before": the connection
            breaks before the server gets it; "after": it breaks after the commit, before the
            client gets the answer.
        broken: how often the connection was broken.
    """

    def __init__(self, folder, server_socket):
        self.breaking = None
        self.broken = 0
        self._server = str(server_socket / ".s.PGSQL.5432")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                _Link(self, client, server)


class _Link:
    """One client's connection."""

    def __init__(self, wire, client, server):
        self._wire, self._client, self._server = wire, client, server
        self._muted, self._answered = threading.Event(), threading.Event()
        for way in (self._asked, self._told):
            threading.Thread(target=way, daemon=True).start()

    def _asked(self):
        with suppress(OSError):
            while said := self._client.recv(65536):
                how = self._wire.breaking if _COMMIT in said else None
                if how:
                    self._wire.breaking = None
                    self._wire.broken += 1
                    if how == "after":
                        self._muted.set()
                        self._server.sendall(said)
                        self._answered.wait(10)
                    break
                self._server.sendall(said)
        self._end()

    def _told(self):
        with suppress(OSError):
            while said := self._server.recv(65536):
                if self._muted.is_set():
                    self._answered.set()
                    break
                self._client.sendall(said)
        if not self._muted.is_set():
            self._end()

    def _end(self):
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
