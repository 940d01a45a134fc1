"""Who may ask the service for what: tokens of apps, and one-time links to the page.

Both are 256 random bits, of which the vault keeps a SHA-256, sealed. A slow hash, as for
passwords, would add nothing: nobody guesses 256 bits, however fast the hash.
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

__all__ = ["DEFAULT_REQUESTS_PER_SECOND", "Scope", "Token", "Tokens", "parse_lifetime"]

DEFAULT_REQUESTS_PER_SECOND = 20.0
"""Requests a second that a token may make, unless it was made with another rate."""

LINK_LIFETIME = timedelta(minutes=5)
"""A link to the page works once, and no longer than this."""

_TOKEN = "token"  # noqa: S105 - the kind of a record
_LINK = "page-link"
_PREFIX = "onlyme_"  # by which a leaked token is found in logs and repositories
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Scope(StrEnum):
    """What a token is for."""

    VERIFY = "verify"
    ENROLL = "enroll"
    ADMIN = "admin"
    METRICS = "metrics"

    def grants(self, wanted: Scope) -> bool:
        """Say whether a token of this scope may do what another is for.

        >>> Scope.ADMIN.grants(Scope.VERIFY), Scope.VERIFY.grants(Scope.METRICS)
        (True, False)
        """
        return wanted in _GRANTS[self]


_GRANTS = {
    Scope.VERIFY: {Scope.VERIFY},
    Scope.ENROLL: {Scope.VERIFY, Scope.ENROLL},
    Scope.ADMIN: set(Scope),
    Scope.METRICS: {Scope.METRICS},
}


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; not the token itself.

    Attributes:
        name: what its owner calls it.
        scope: what it is for.
        created: when, in UTC.
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
        """Say whether this is the token presented, in constant time, and still good."""
        same = hmac.compare_digest(self.digest, _hash_secret(presented))
        return same and (self.expires is None or now < self.expires)

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
        keeping: the vault, where they are kept and every change is written down.
    """

    def __init__(self, keeping: VaultAdmin) -> None:
        self._keeping = keeping

    def create(
        self,
        name: str,
        scope: Scope,
        lifetime: timedelta | None,
        rate: float = DEFAULT_REQUESTS_PER_SECOND,
    ) -> str:
        """Make a token and return it. It cannot be shown again.

        Raises:
            UsageError: the name cannot be one, or is taken; the rate is out of range.
        """
        name = checked_name(name)
        if not 0 < rate <= 10_000:
            raise UsageError(f"a rate of {rate:g} a second is not above 0 and at most 10000")
        secret = _PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        body = {
            "scope": scope,
            "created": now.isoformat(),
            "expires": None if lifetime is None else (now + lifetime).isoformat(),
            "rate": rate,
            "digest": _hash_secret(secret),
        }
        with self._keeping.store.edit() as edit:
            if edit.read(_TOKEN, name) is not None:
                raise UsageError(f"there is a token called {name!r} already; revoke it first")
            edit.write(_TOKEN, name, json.dumps(body).encode())
            self._keeping.gate.note(edit, Event.TOKEN, detail=f"{name} made, for {scope}")
        return secret

    def read_all(self) -> list[Token]:
        """Return every token, in the order of their names.

        Raises:
            VaultDamaged: a record is none of a token.
        """
        store = self._keeping.store
        bodies = ((name, store.read(_TOKEN, name)) for name in store.keys(_TOKEN))
        return [_parse_token(name, body) for name, body in bodies if body is not None]

    def revoke(self, name: str) -> None:
        """End a token.

        Raises:
            UsageError: there is none of that name.
        """
        with self._keeping.store.edit() as edit:
            if not edit.remove(_TOKEN, name):
                raise UsageError(f"there is no token called {name!r}")
            self._keeping.gate.note(edit, Event.TOKEN, detail=f"{name} revoked")

    def create_link(self) -> str:
        """Make what opens the page once, within the next minutes."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._keeping.store.edit() as edit:
            for key in edit.keys(_LINK):
                if _is_over(edit.read(_LINK, key), now):
                    edit.remove(_LINK, key)
            edit.write(_LINK, _hash_secret(secret), (now + LINK_LIFETIME).isoformat().encode())
            self._keeping.gate.note(edit, Event.TOKEN, detail="a link to the page made")
        return secret

    def use_link(self, secret: str) -> bool:
        """Say whether this opens the page; it never will again."""
        digest = _hash_secret(secret)
        if self._keeping.store.read(_LINK, digest) is None:  # most guesses change nothing
            return False
        with self._keeping.store.edit() as edit:
            body = edit.read(_LINK, digest)
            edit.remove(_LINK, digest)
            good = not _is_over(body, datetime.now(UTC))
            if good:
                self._keeping.gate.note(edit, Event.TOKEN, detail="the page opened by its link")
        return good


def parse_lifetime(words: str) -> timedelta | None:
    """Read how long a token lasts: a number of minutes, hours or days, or `never`.

    Raises:
        UsageError: it says something else.

    >>> parse_lifetime("30d")
    datetime.timedelta(days=30)
    """
    if words == "never":
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", words)
    if not found:
        raise UsageError(f"{words!r} is no time; say for example 90m, 12h, 30d or never")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _hash_secret(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _is_over(body: bytes | None, now: datetime) -> bool:
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
        raise VaultDamaged(f"the token {name!r} is none of onlyme") from None
