"""Make, find and revoke the tokens of apps and the one-time links to the page.

Both are 256 random bits, of which the vault keeps a SHA-256, sealed. A slow hash, as for
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
