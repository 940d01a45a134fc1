"""Recognise callers: an app by its token, the owner's browser by its session cookie."""

from __future__ import annotations

import math
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from onlyme.serve.access.tokens import Scope, Token, hash_secret
from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CALLER",
    "MAX_SESSIONS",
    "SESSION_SECONDS",
    "Caller",
    "NameGuesses",
    "RateLimiter",
    "Sessions",
    "TokenCache",
    "make_secret",
    "require_scope",
]

CALLER = "onlyme.caller"
"""Key of the connection's ASGI scope under which the guard stores the `Caller`."""

SESSION_SECONDS = 8 * 3600.0
"""The page's session ends after a working day; a new link begins the next one."""

MAX_SESSIONS = 16
"""Sessions at once; one more ends the oldest."""

PAGE_REQUESTS_PER_SECOND = 60.0
"""Requests a second that the page may make."""

BURST_SECONDS = 4.0
"""How many seconds' worth of requests a caller may send at once."""

MAX_NAME_GUESSES = 5
"""Names that are not enrolled for which one token may ask within `GUESS_SECONDS`."""

GUESS_SECONDS = 300.0

REREAD_SECONDS = 1.0
"""Tokens are read from the vault this often: a revoked token stops working within this time."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: of the token, or `page`.
        scope: what the caller may do.
        rate: requests a second that the caller may make.
        page: whether a cookie identified the caller. Browsers also send cookies with requests that
            the user did not mean to make.
        digest: SHA-256 (hex) of the token or cookie.
    """

    name: str
    scope: Scope
    rate: float
    page: bool = False
    digest: str = field(default="", repr=False)

    @property
    def key(self) -> str:
        """What limits are counted under: a token may be called `page` as well.

        >>> Caller("page", Scope.VERIFY, 20.0).key, Caller("page", Scope.ADMIN, 60.0, page=True).key
        ('token page', 'page')
        """
        return "page" if self.page else f"token {self.name}"


def require_scope(scope: Scope) -> Any:
    """Return a dependency, for HTTP and WebSockets, that refuses callers without this scope."""

    def check_scope(connection: HTTPConnection) -> Caller:
        caller: Caller = connection.scope[CALLER]
        if not caller.scope.grants(scope):
            raise ProblemError(
                403, "scope", f"this needs a token for {scope}; yours is for {caller.scope}"
            )
        return caller

    check_scope.scope = scope  # type: ignore[attr-defined]  # for the OpenAPI document
    return Depends(check_scope)


def make_secret() -> str:
    """Return the value of a new session's cookie."""
    return secrets.token_urlsafe(32)


@dataclass(slots=True)
class Sessions:
    """The browsers that opened the page. The vault has them as well, sealed, for a restart."""

    _ends: dict[str, float] = field(default_factory=dict, repr=False)

    def begin(self, secret: str | None = None) -> str:
        """Begin a session; return the value of its cookie, by default a new one."""
        now = monotonic()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        while len(self._ends) >= MAX_SESSIONS:
            self._ends.pop(next(iter(self._ends)))
        secret = secret or make_secret()
        self._ends[hash_secret(secret)] = now + SESSION_SECONDS
        return secret

    def restore(self, seconds_left: dict[str, float]) -> None:
        """Go on with sessions of before: seconds until their end, by the SHA-256 of the cookie."""
        for digest, left in list(seconds_left.items())[-MAX_SESSIONS:]:
            self._ends[digest] = monotonic() + min(left, SESSION_SECONDS)

    def end_all(self) -> None:
        """End all sessions, also one that was begun with a stolen cookie."""
        self._ends.clear()

    def holds(self, digest: str) -> bool:
        """Say whether a cookie, given as its SHA-256, belongs to a session that has not ended."""
        return self._ends.get(digest, 0.0) > monotonic()


class TokenCache:
    """The tokens of the vault, read again after a second.

    Args:
        read: reads the tokens from the vault.
    """

    def __init__(self, read: Callable[[], list[Token]]) -> None:
        self._read = read
        self._tokens: list[Token] = []
        self._read_at = -math.inf

    def find(self, presented: str) -> Token | None:
        """Return the token that was presented, or None if it is unknown or has expired.

        Raises:
            VaultError: the tokens cannot be read, so no token is accepted.
        """
        now = datetime.now(UTC)
        # All are compared, so that the time that it takes does not show which one came near.
        fitting = [token for token in self._read_current() if token.fits(presented, now)]
        return fitting[0] if fitting else None

    def holds(self, digest: str) -> bool:
        """Say whether a token, given as its SHA-256, is still known and has not expired.

        Raises:
            VaultError: the tokens cannot be read.
        """
        now = datetime.now(UTC)
        return any(token.digest == digest and token.lasts(now) for token in self._read_current())

    def _read_current(self) -> list[Token]:
        if monotonic() - self._read_at > REREAD_SECONDS:
            self._tokens = self._read()
            self._read_at = monotonic()
        return self._tokens


@dataclass(slots=True)
class RateLimiter:
    """Limit how often each caller asks: a bucket that fills at the caller's rate."""

    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: Caller) -> None:
        """Count one request.

        Raises:
            ProblemError: the caller asks more often than its rate allows (429).
        """
        now, full = monotonic(), max(1.0, caller.rate * BURST_SECONDS)
        level, before = self._buckets.get(caller.key, (full, now))
        level = min(full, level + (now - before) * caller.rate)
        if level < 1:
            wait = math.ceil((1 - level) / caller.rate)
            self._buckets[caller.key] = level, now
            raise ProblemError(
                429,
                "too-often",
                f"this token may ask {caller.rate:g} times a second; wait {wait} s",
                {"Retry-After": str(wait)},
            )
        self._buckets[caller.key] = level - 1, now


@dataclass(slots=True)
class NameGuesses:
    """Limit for how many unknown names a caller may ask, so that names cannot be tried out.

    Callers that may list the names are not limited.
    """

    _guesses: dict[str, deque[float]] = field(default_factory=dict)

    def check(self, caller: Caller) -> None:
        """Refuse a caller that asked for too many unknown names, also for a known one.

        Raises:
            ProblemError: see above (429).
        """
        if caller.scope.grants(Scope.ENROLL):
            return
        guesses = self._guesses.get(caller.key)
        if guesses and len(guesses) >= MAX_NAME_GUESSES:
            wait = math.ceil(guesses[-MAX_NAME_GUESSES] + GUESS_SECONDS - monotonic())
            if wait > 0:
                raise ProblemError(
                    429,
                    "too-many-names",
                    f"this token asked for {MAX_NAME_GUESSES} names that are not enrolled; "
                    f"wait {wait} s",
                    {"Retry-After": str(wait)},
                )

    def count(self, caller: Caller) -> None:
        """Count one unknown name."""
        recent = self._guesses.setdefault(caller.key, deque(maxlen=MAX_NAME_GUESSES))
        recent.append(monotonic())
