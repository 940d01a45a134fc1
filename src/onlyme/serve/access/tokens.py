"""Make, find and revoke the tokens of apps, the one-time links to the page, and its sessions.

All are 256 random bits, of which the vault keeps a SHA-256, sealed. A slow hash, as for
passwords, would add nothing: 256 bits cannot be guessed, however fast the hash is.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError, VaultDamaged
from onlyme.gate.audit import Event
from onlyme.types import checked_name

if TYPE_CHECKING:
    from onlyme.vault.admin import VaultAdmin

__all__ = [
    "DEFAULT_REQUESTS_PER_SECOND",
    "Scope",
    "Token",
    "Tokens",
    "hash_secret",
    "parse_lifetime",
]

DEFAULT_REQUESTS_PER_SECOND = 20.0
"""Requests a second that a token may make, unless it was made with another rate."""

MAX_REQUESTS_PER_SECOND = 10_000.0
"""The highest rate that a token can be made with."""

LINK_LIFETIME = timedelta(minutes=5)
"""A link to the page works once, and no longer than this."""

_TOKEN = "token"  # noqa: S105 - the kind of a record, no secret
_LINK = "page-link"
_SESSION = "page-session"
_PREFIX = "onlyme_"  # so that leaked tokens can be found in logs and repositories
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Scope(StrEnum):
    """What a token allows."""

    VERIFY = "verify"
    ENROLL = "enroll"
    ADMIN = "admin"
    METRICS = "metrics"
    SCORES = "scores"
    EMBEDDINGS = "embeddings"

    def grants(self, wanted: Scope) -> bool:
        """Say whether a token of this scope may do what the wanted scope allows.

        >>> Scope.ADMIN.grants(Scope.VERIFY), Scope.VERIFY.grants(Scope.METRICS)
        (True, False)
        """
        return wanted in _GRANTS[self]


_GRANTS = {
    Scope.VERIFY: {Scope.VERIFY},
    Scope.ENROLL: {Scope.VERIFY, Scope.ENROLL},
    Scope.ADMIN: set(Scope) - {Scope.EMBEDDINGS},  # what leaves with them cannot be taken back
    Scope.METRICS: {Scope.METRICS},
    Scope.SCORES: {Scope.VERIFY, Scope.SCORES},
    Scope.EMBEDDINGS: {Scope.EMBEDDINGS},
}


@dataclass(frozen=True, slots=True)
class Token:
    """What the vault keeps of a token: not the token itself, but its hash.

    Attributes:
        name: of the token, chosen when it was made.
        scope: what it allows.
        created: when it was made, in UTC.
        expires: when it ends, in UTC; None for never.
        rate: requests a second that it may make.
        digest: SHA-256 (hex) of the token.
    """

    name: str
    scope: Scope
    created: datetime
    expires: datetime | None
    rate: float
    digest: str

    def fits(self, presented: str, now: datetime) -> bool:
        """Say whether this is the token presented (compared in constant time) and still valid."""
        same = hmac.compare_digest(self.digest, hash_secret(presented))
        return same and self.lasts(now)

    def lasts(self, now: datetime) -> bool:
        """Say whether it has not expired."""
        return self.expires is None or now < self.expires

    def to_json(self) -> dict[str, Any]:
        """Return it as one entry of `serve token list --json`, without the digest."""
        return {
            "name": self.name,
            "scope": self.scope,
            "created": self.created,
            "expires": self.expires,
            "rate": self.rate,
        }


class Tokens:
    """The tokens and links of one vault.

    Args:
        admin: of the vault that keeps them; every change is written to its log.
    """

    def __init__(self, admin: VaultAdmin) -> None:
        self._admin = admin

    def create(
        self,
        name: str,
        scope: Scope,
        lifetime: timedelta | None,
        rate: float = DEFAULT_REQUESTS_PER_SECOND,
    ) -> str:
        """Make a token and return it. It cannot be shown again.

        Raises:
            UsageError: the name is not valid or is taken, or the rate is out of range.
        """
        name = checked_name(name)
        if not 0 < rate <= MAX_REQUESTS_PER_SECOND:
            raise UsageError(
                f"a rate of {rate:g} requests a second is not possible; "
                f"choose one above 0 and at most {MAX_REQUESTS_PER_SECOND:g}"
            )
        secret = _PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        body = {
            "scope": scope,
            "created": now.isoformat(),
            "expires": None if lifetime is None else (now + lifetime).isoformat(),
            "rate": rate,
            "digest": hash_secret(secret),
        }
        with self._admin.store.edit() as edit:
            if edit.read(_TOKEN, name) is not None:
                raise UsageError(f"a token called {name!r} exists already; revoke it first")
            edit.write(_TOKEN, name, json.dumps(body).encode())
            self._admin.gate.note(edit, Event.TOKEN, detail=f"{name} made, for {scope}")
        return secret

    def read_all(self) -> list[Token]:
        """Return all tokens, in the order of their names.

        Raises:
            VaultDamaged: a record is not a token of onlyme.
        """
        store = self._admin.store
        bodies = ((name, store.read(_TOKEN, name)) for name in store.keys(_TOKEN))
        return [_parse_token(name, body) for name, body in bodies if body is not None]

    def revoke(self, name: str) -> None:
        """Delete a token, so that it no longer works.

        Raises:
            UsageError: there is no token of that name.
        """
        with self._admin.store.edit() as edit:
            if not edit.remove(_TOKEN, name):
                raise UsageError(f"there is no token called {name!r}")
            self._admin.gate.note(edit, Event.TOKEN, detail=f"{name} revoked")

    def create_link(self) -> str:
        """Return the secret of a link that opens the page once, within five minutes."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._admin.store.edit() as edit:
            for key in edit.keys(_LINK):
                if _has_expired(edit.read(_LINK, key), now):
                    edit.remove(_LINK, key)
            edit.write(_LINK, hash_secret(secret), (now + LINK_LIFETIME).isoformat().encode())
            self._admin.gate.note(edit, Event.TOKEN, detail="a link to the page made")
        return secret

    def use_link(self, secret: str) -> bool:
        """Say whether this secret opens the page, and make sure that it does not do so again."""
        digest = hash_secret(secret)
        if self._admin.store.read(_LINK, digest) is None:  # a wrong guess needs no writing
            return False
        with self._admin.store.edit() as edit:
            body = edit.read(_LINK, digest)
            edit.remove(_LINK, digest)
            valid = not _has_expired(body, datetime.now(UTC))
            if valid:
                self._admin.gate.note(edit, Event.TOKEN, detail="the page opened by its link")
        return valid

    def store_session(self, digest: str, port: int, lifetime: timedelta, most: int) -> None:
        """Store a session of the page, so that it goes on after a restart of the service.

        Args:
            digest: SHA-256 (hex) of its cookie.
            port: of the service; the session is no other service's.
            lifetime: after which it ends.
            most: number of sessions of this port; the oldest ones above it end.
        """
        now = datetime.now(UTC)
        body = {"port": port, "began": now.isoformat(), "ends": (now + lifetime).isoformat()}
        with self._admin.store.edit() as edit:
            found = {key: _parse_session(edit.read(_SESSION, key)) for key in edit.keys(_SESSION)}
            ended = [key for key, one in found.items() if one is None or not one.lasts(now)]
            same = [key for key, one in found.items() if one is not None and one.port == port]
            same = sorted(set(same) - set(ended), key=lambda key: found[key].began)  # type: ignore[union-attr]  # it is one
            for key in (*ended, *same[: max(0, len(same) + 1 - most)]):
                edit.remove(_SESSION, key)
            edit.write(_SESSION, digest, json.dumps(body).encode())

    def read_sessions(self, port: int) -> dict[str, float]:
        """Return the sessions of a service that have not ended: seconds left, by digest.

        One that seems to begin in the future has ended: the clock was set back, so that its end
        cannot be trusted.
        """
        store, now = self._admin.store, datetime.now(UTC)
        found = {key: _parse_session(store.read(_SESSION, key)) for key in store.keys(_SESSION)}
        lasting = sorted(
            ((one.began, key, one) for key, one in found.items() if one and one.lasts(now))
        )
        return {
            key: (one.ends - now).total_seconds() for _, key, one in lasting if one.port == port
        }

    def end_sessions(self, port: int) -> None:
        """End all sessions of a service."""
        store = self._admin.store
        with store.edit() as edit:
            for key in edit.keys(_SESSION):
                one = _parse_session(edit.read(_SESSION, key))
                if one is None or one.port == port:
                    edit.remove(_SESSION, key)
            self._admin.gate.note(edit, Event.TOKEN, detail="the page's sessions ended")


@dataclass(frozen=True, slots=True)
class _StoredSession:
    port: int
    began: datetime
    ends: datetime

    def lasts(self, now: datetime) -> bool:
        return self.began <= now < self.ends


def _parse_session(body: bytes | None) -> _StoredSession | None:
    """Return what a record says; None, as for a session that has ended, if it is none of ours."""
    try:
        document = json.loads(body or b"")
        began, ends = (datetime.fromisoformat(document[key]) for key in ("began", "ends"))
        return _StoredSession(int(document["port"]), began, ends)
    except (ValueError, KeyError, TypeError):
        return None


def parse_lifetime(text: str) -> timedelta | None:
    """Read how long a token lasts: a number of minutes, hours or days, or `never`.

    Raises:
        UsageError: the text says something else.

    >>> parse_lifetime("30d")
    datetime.timedelta(days=30)
    """
    if text == "never":
        return None
    match = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    if not match:
        raise UsageError(f"{text!r} is not a time; use for example 90m, 12h, 30d or never")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a token, a link or a cookie, in hex."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _has_expired(body: bytes | None, now: datetime) -> bool:
    return body is None or datetime.fromisoformat(body.decode()) <= now


def _parse_token(name: str, body: bytes) -> Token:
    try:
        document = json.loads(body)
        expires = document["expires"]
        return Token(
            name,
            Scope(document["scope"]),
            datetime.fromisoformat(document["created"]),
            None if expires is None else datetime.fromisoformat(expires),
            float(document["rate"]),
            str(document["digest"]),
        )
    except (ValueError, KeyError, TypeError):
        raise VaultDamaged(f"the record of the token {name!r} is not one of onlyme") from None
