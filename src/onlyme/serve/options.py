"""How the service listens, and where its patience ends."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOOPBACK", "Options"]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that no name server can give to another."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen of the service.

    Attributes:
        host: the address to listen on.
        port: the port to listen on; 0 for any that is free.
        names: further names under which browsers and apps may reach the service, such as that
            of a reverse proxy. A request that calls it by any other name is refused, since a
            name server may point any name here (DNS rebinding).
        issuer: who assertions say that they are from.
        workers: so many requests are computed side by side.
        waiting: so many may wait for a worker; more are answered 503 at once.
        seconds: after this time a request is answered 504, whatever it waits for.
        enroll_seconds: the same for enrolling, where many photos are looked at.
        body_bytes: a request with one or several pictures may be this large.
        enroll_bytes: the same for enrolling.
        held_bytes: so much of the bodies of all requests is held in memory at once.
        body_seconds: a body must be here after this time.
        header_seconds: the same for a request's header.
        connections: so many may be open at once.
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

    @property
    def known_hosts(self) -> frozenset[str]:
        """The names, in lower case and without a port, that a request may call the service."""
        bound = f"[{self.host}]" if ":" in self.host else self.host
        everywhere = {"0.0.0.0", "[::]"}  # noqa: S104 - compared with, not bound to
        own = {bound} - everywhere
        return frozenset(name.lower() for name in (*LOOPBACK, *own, *self.names))
