"""Hold the options of the service: where it listens, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.events.broker import MqttBroker

__all__ = ["LOOPBACK", "Options"]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that no name server can point to another one."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen for the service.

    Attributes:
        host: the address to listen on.
        port: the port to listen on; 0 for any that is free.
        names: further host names under which browsers and apps may reach the service, such as
            that of a reverse proxy. A request for any other name is refused, because a name
            server may point any name here (DNS rebinding).
        issuer: the name that assertions give as their source.
        workers: number of requests that are computed at the same time.
        waiting: number of requests that may wait for a worker; more are answered 503 at once.
        seconds: after this time a request is answered 504.
        enroll_seconds: the same for enrolling, which examines many photos.
        body_bytes: the largest body of a request, with one or several pictures.
        enroll_bytes: the same for enrolling.
        held_bytes: bytes of the bodies of all requests that may be in memory at once.
        body_seconds: time within which a body must arrive.
        header_seconds: time within which the header of a request must arrive.
        connections: number of connections that may be open at once.
        docs: whether the page `/docs` shows the API.
        compreface: whether the routes of CompreFace's recognition API are there.
        embeddings: whether tokens for `embeddings` are answered.
        doorbell: whether streams of `identify` open nothing, so that no attempt is counted there.
        mqtt: the MQTT broker that learns what those streams see.
        reports: the folder in which the page finds reports of `evaluate` and `lab compare`; None
            for the folder that the service was started in.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    issuer: str = "onlyme"
    workers: int = 2
    waiting: int = 32
    seconds: float = 10.0
    enroll_seconds: float = 120.0
    body_bytes: int = 16 * 2**20
    enroll_bytes: int = 128 * 2**20
    held_bytes: int = 256 * 2**20
    body_seconds: float = 20.0
    header_seconds: float = 5.0
    connections: int = 256
    doorbell: bool = False
    docs: bool = False
    compreface: bool = False
    embeddings: bool = False
    mqtt: MqttBroker | None = None
    reports: Path | None = None

    @property
    def known_hosts(self) -> frozenset[str]:
        """Host names, in lower case and without a port, that a request may ask for."""
        bound = f"[{self.host}]" if ":" in self.host else self.host
        everywhere = {"0.0.0.0", "[::]"}  # noqa: S104 - compared with, not bound to
        own = {bound} - everywhere
        return frozenset(name.lower() for name in (*LOOPBACK, *own, *self.names))
