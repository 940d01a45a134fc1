"""Parse the address of a gallery's database, and keep its password out of messages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlalchemy.engine import make_url

from onlyme.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["DRIVER", "DatabaseAddress", "set_tenant"]

DRIVER = "postgresql+psycopg"
_EXAMPLE = f"{DRIVER}://user@host/database"
_TENANT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class DatabaseAddress:
    """A database's address, as SQLAlchemy and psycopg take it.

    Connections to another machine use TLS and check its certificate unless the address says
    otherwise (`?sslmode=…`). Without that, an attacker in between could answer in place of the
    database and receive the password.

    Attributes:
        url: the whole address; `repr` and `str` do not show its password.
        tenant: whose gallery it is, where several share a database (`?tenant=acme`); empty where
            the database has one gallery.
    """

    url: URL = field(repr=False)
    tenant: str = ""

    @classmethod
    def parse(cls, text: str) -> DatabaseAddress:
        """Read an address.

        Raises:
            SettingsError: the text is no such address; the message does not repeat it.
        """
        url = _parse_url(text)
        if url.drivername != DRIVER:
            raise SettingsError(
                f"the setting store begins with {url.drivername}:; write it like {_EXAMPLE}"
            )
        # SQLAlchemy drops an empty one, such as that of a variable which was not set.
        given = [
            one
            for key, one in parse_qsl(text.partition("?")[2], keep_blank_values=True)
            if key == "tenant"
        ]
        named = given[0] if given else ""
        if len(given) > 1 or (given and not _TENANT.fullmatch(named)):
            raise SettingsError(
                "a tenant has one name of 1 to 40 small letters, digits and _, and begins with a "
                "letter"
            )
        url = url.difference_update_query(["tenant"])
        if not url.database:
            raise SettingsError(f"the setting store names no database; write it like {_EXAMPLE}")
        if "sslmode" not in url.query and not all(map(_is_local, _list_hosts(url))):
            url = url.update_query_dict({"sslmode": "verify-full"})
        return cls(url, named)

    @property
    def schema(self) -> str:
        """The schema that holds the tables; empty where the server's settings decide."""
        return f"onlyme_{self.tenant}" if self.tenant else ""

    def __str__(self) -> str:
        """Say where the database is, without user, password and options."""
        host = ", ".join(_list_hosts(self.url)) or "this machine"
        port = f":{self.url.port}" if self.url.port else ""
        tenant = f"tenant {self.tenant} in " if self.tenant else ""
        return f"{tenant}database {self.url.database!r} on {host}{port}"

    def redact(self, message: str) -> str:
        """Return the first line of another program's message, without the password."""
        line = message.strip().partition("\n")[0][:300]
        secret = self.url.password
        return line.replace(str(secret), "***") if secret else line


def set_tenant(text: str, tenant: str) -> str:
    """Return an address with this tenant, in place of the one that it names.

    Raises:
        SettingsError: the text is no address.

    >>> set_tenant("postgresql+psycopg://ada@db/faces?tenant=acme&connect_timeout=5", "other")
    'postgresql+psycopg://ada@db/faces?connect_timeout=5&tenant=other'
    """
    url = _parse_url(text).difference_update_query(["tenant"])
    return url.update_query_dict({"tenant": tenant}).render_as_string(hide_password=False)


def _parse_url(text: str) -> URL:
    try:
        return make_url(text)
    except Exception:  # noqa: BLE001 - any error may hold the password
        raise SettingsError(
            f"the setting store is not an address; write it like {_EXAMPLE}"
        ) from None


def _list_hosts(url: URL) -> list[str]:
    """List every host that the driver may try: one before the path, and more in the query."""
    named = url.query.get("host", ())
    listed = (named,) if isinstance(named, str) else named
    return [host for word in (url.host or "", *listed) for host in word.split(",") if host]


def _is_local(host: str) -> bool:
    return host.startswith("/") or host in _LOCAL
