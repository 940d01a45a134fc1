"""Who asks: an app by its token, or the owner's browser by the page's session."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from onlyme.serve.access.tokens import Scope, Token
from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CALLER", "Caller", "RateLimiter", "Sessions", "TokenCache", "require_scope"]

CALLER = "onlyme.caller"
"""Where the guard leaves who asks, in the connection's scope."""

SESSION_SECONDS = 8 * 3600.0
"""The page's session ends after a working day; another link begins the next."""

MAX_SESSIONS = 16

PAGE_REQUESTS_PER_SECOND = 60.0
"""Requests a second that a page may make."""

BURST_SECONDS = 4.0
"""So many seconds' worth of requests may come at once."""

REREAD_SECONDS = 1.0
"""A token that was revoked works no longer than this."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: of the token, or `page`.
        scope: what may be asked for.
        rate: how often, a second.
        page: whether a cookie said so, which browsers also send where nobody meant to ask.
    """

    name: str
    scope: Scope
    rate: float
    page: bool = False


def require_scope(scope: Scope) -> Any:
    """Return a dependency, for HTTP and WebSockets alike, that refuses who may not do this."""

    def check_scope(connection: HTTPConnection) -> Caller:
        caller: Caller = connection.scope[CALLER]
        if not caller.scope.grants(scope):
            raise ProblemError(
                403, "scope", f"this needs a token for {scope}; this one is for {caller.scope}"
            )
        return caller

    check_scope.scope = scope  # type: ignore[attr-defined]  # for the OpenAPI document
    return Depends(check_scope)


@dataclass(slots=True)
class Sessions:
    """The browsers that were let in. In memory: a restart ends them all."""

    _ends: dict[bytes, float] = field(default_factory=dict, repr=False)

    def begin(self) -> str:
        """Let a browser in; return what its cookie holds."""
        now = monotonic()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        while len(self._ends) >= MAX_SESSIONS:
            self._ends.pop(next(iter(self._ends)))
        secret = secrets.token_urlsafe(32)
        self._ends[_hash_secret(secret)] = now + SESSION_SECONDS
        return secret

    def holds(self, secret: str) -> bool:
        """Say whether a cookie is one of a browser that was let in."""
        return self._ends.get(_hash_secret(secret), 0.0) > monotonic()


class TokenCache:
    """The tokens as they were read last, at most a second ago.

    Args:
        read: reads them from the vault.
    """

    def __init__(self, read: Callable[[], list[Token]]) -> None:
        self._read = read
        self._tokens: list[Token] = []
        self._at = -math.inf

    def find(self, presented: str) -> Token | None:
        """Return the token that was presented, or None.

        Raises:
            VaultError: the tokens cannot be read; so nobody is let in.
        """
        if monotonic() - self._at > REREAD_SECONDS:
            self._tokens = self._read()
            self._at = monotonic()
        now = datetime.now(UTC)
        # All are compared, so that the time does not tell which of them came near.
        fitting = [token for token in self._tokens if token.fits(presented, now)]
        return fitting[0] if fitting else None


@dataclass(slots=True)
class RateLimiter:
    """How often each caller asked: a bucket that fills at the caller's rate."""

    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: Caller) -> None:
        """Count one request.

        Raises:
            Refused: there were too many (429).
        """
        now, most = monotonic(), max(1.0, caller.rate * BURST_SECONDS)
        left, before = self._buckets.get(caller.name, (most, now))
        left = min(most, left + (now - before) * caller.rate)
        if left < 1:
            wait = math.ceil((1 - left) / caller.rate)
            self._buckets[caller.name] = left, now
            raise ProblemError(
                429,
                "too-often",
                f"this token may ask {caller.rate:g} times a second",
                {"Retry-After": str(wait)},
            )
        self._buckets[caller.name] = left - 1, now


def _hash_secret(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
