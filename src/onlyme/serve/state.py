"""What all requests share: the engine, who may ask, and the limits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from starlette.requests import HTTPConnection

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.serve.access.assertions import Signer
from onlyme.serve.access.auth import RateLimiter, Sessions, TokenCache
from onlyme.serve.access.tokens import Token, Tokens
from onlyme.serve.live.stream import Streams
from onlyme.serve.metrics import Metrics
from onlyme.serve.uploads.body import Uploads
from onlyme.serve.workers import FaceIDPool
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme.serve.options import Options
    from onlyme.settings import Settings
    from onlyme.vault.admin import VaultAdmin

__all__ = ["SOURCE", "ServiceState"]

SOURCE = "service"
"""What the gate and the log call an attempt that came over the network."""

_log = logging.getLogger("onlyme.serve")


class ServiceState:
    """The parts behind the routes.

    Args:
        settings: of the vault and the networks.
        options: of the service.

    Attributes:
        engine: does whatever needs a FaceID.
        tokens: of apps.
        sessions: of browsers.
        rates: how often each asked.
        uploads: receives bodies.
        metrics: counts for Prometheus.
        signer: signs what apps can check by themselves.
        streams: of cameras.
        level: how hard is looked for a photo in place of the person.
    """

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings = settings
        self.options = options
        self.level = LivenessLevel(settings.liveness)
        self.cookie = f"onlyme-{options.port}"  # browsers share cookies among the ports of a host
        self.engine = FaceIDPool(
            self.open_face_id,
            workers=options.workers,
            max_waiting_jobs=options.waiting,
            seconds=options.seconds,
        )
        self.tokens = TokenCache(self._read_tokens)
        self.sessions = Sessions()
        self.rates = RateLimiter()
        self.uploads = Uploads(options.held_bytes, options.body_seconds)
        self.metrics = Metrics(lambda: self.engine.waiting, lambda: self.uploads.held)
        self.signer: Signer
        self.streams = Streams()
        self._keeping: VaultAdmin | None = None

    @classmethod
    def get_from(cls, connection: HTTPConnection) -> Self:
        """Return the service that a connection came to; a dependency of routes."""
        service: Self = connection.app.state.service
        return service

    def open_face_id(self) -> FaceID:
        """Open the vault for one thread.

        Raises:
            OnlymeError: it cannot be opened.
        """
        return FaceID(wiring.assemble(self.settings, lasting=True, by=SOURCE))

    async def start(self) -> None:
        """Open the vault.

        Raises:
            OnlymeError: vault or networks cannot be used.
        """
        self._keeping = wiring.open_vault(self.settings)
        self.signer = Signer.load(self._keeping, self.options.issuer)
        await self.engine.start()

    async def stop(self) -> None:
        """Close everything."""
        await self.engine.stop()
        if self._keeping is not None:
            self._keeping.close()

    def log_error(self, error: Exception) -> None:
        """Write down for the operator what outsiders are not told."""
        _log.error("%s: %s", type(error).__name__, error)

    def _read_tokens(self) -> list[Token]:
        assert self._keeping is not None  # noqa: S101 - for the type checker; `start` came first
        return Tokens(self._keeping).read_all()
