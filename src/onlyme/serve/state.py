"""Hold what all requests of the service share: engine, tokens, sessions, limits and metrics."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from starlette.requests import HTTPConnection

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.faceid.events import keep_retention, open_events
from onlyme.faceid.reports import DoorReports
from onlyme.serve.access.assertions import Signer
from onlyme.serve.access.auth import NameGuesses, RateLimiter, Sessions, TokenCache
from onlyme.serve.access.tokens import Token, Tokens
from onlyme.serve.lab.desk import LabDesk
from onlyme.serve.live.stream import Streams
from onlyme.serve.metrics import Metrics
from onlyme.serve.uploads.body import Uploads
from onlyme.serve.workers import FaceIDPool
from onlyme.types import AttentionLevel, LivenessLevel

if TYPE_CHECKING:
    from onlyme.serve.access.auth import Caller
    from onlyme.serve.options import Options
    from onlyme.settings import Settings
    from onlyme.vault.admin import VaultAdmin

__all__ = ["SOURCE", "ServiceState"]

SOURCE = "service"
"""The name of this source of attempts in the gate and the log."""

_log = logging.getLogger("onlyme.serve")


class ServiceState:
    """The parts behind the routes.

    Args:
        settings: the settings of the vault and the networks.
        options: the options of the service.

    Attributes:
        engine: runs everything that needs a FaceID.
        tokens: the tokens of apps.
        sessions: the sessions of browsers.
        rates: limits how often each caller may ask.
        guesses: limits for how many unknown names each caller may ask.
        uploads: receives request bodies.
        metrics: counts for Prometheus.
        signer: signs assertions that apps can check by themselves.
        streams: the live streams of cameras.
        lab: the training of the page.
        level: the level at which a photo in place of a person is looked for.
        reports: takes the events of streams where they are sent elsewhere; else None.
    """

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings = settings
        self.options = options
        self.level = LivenessLevel(settings.liveness)
        self.attention = AttentionLevel(settings.attention or AttentionLevel.EYES)
        self.engine = FaceIDPool(
            self.open_face_id,
            workers=options.workers,
            max_waiting_jobs=options.waiting,
            seconds=options.seconds,
        )
        self.tokens = TokenCache(self._read_tokens)
        self.sessions = Sessions()
        self.rates = RateLimiter()
        self.guesses = NameGuesses()
        self.uploads = Uploads(options.held_bytes, options.body_seconds)
        self.metrics = Metrics(lambda: self.engine.waiting, lambda: self.uploads.held)
        self.signer: Signer
        self.streams = Streams()
        self.lab = LabDesk()
        self._admin: VaultAdmin | None = None
        self._stack = ExitStack()
        self.reports: DoorReports | None = None

    @classmethod
    def get_from(cls, connection: HTTPConnection) -> Self:
        """Return the service of a connection; a dependency of routes."""
        service: Self = connection.app.state.service
        return service

    def open_face_id(self) -> FaceID:
        """Open the vault for one thread.

        Raises:
            OnlymeError: it cannot be opened.
        """
        return FaceID(wiring.assemble(self.settings, lasting=True, steady=True, by=SOURCE))

    async def start(self) -> None:
        """Open the vault.

        Raises:
            OnlymeError: vault or networks cannot be used.
        """
        self._admin = wiring.open_vault(self.settings)
        self.sessions.restore(Tokens(self._admin).read_sessions(self.options.port))
        self.signer = Signer.load(self._admin, self.options.issuer)
        self._stack.enter_context(keep_retention(self.settings, self._admin.store, _warn))
        if self.options.mqtt is not None:
            events = self._stack.enter_context(open_events(self.settings, self._admin.store))
            self.reports = DoorReports(events, self._stack, _warn)
            self.reports.send_mqtt(self.options.mqtt)
        await self.engine.start()

    async def stop(self) -> None:
        """Close everything."""
        await asyncio.to_thread(self.lab.erase)
        await self.engine.stop()
        await asyncio.to_thread(self._stack.close)
        if self._admin is not None:
            self._admin.close()

    def is_current(self, caller: Caller) -> bool:
        """Say whether the token or session of a caller has neither ended nor been revoked.

        Raises:
            VaultError: the tokens cannot be read.
        """
        return (self.sessions if caller.page else self.tokens).holds(caller.digest)

    def log_error(self, error: Exception) -> None:
        """Log for the operator what clients are not told."""
        _log.error("%s: %s", type(error).__name__, error)

    def _read_tokens(self) -> list[Token]:
        assert self._admin is not None  # noqa: S101 - for the type checker; `start` came first
        return Tokens(self._admin).read_all()


def _warn(sentence: str) -> None:
    _log.warning("%s", sentence)
