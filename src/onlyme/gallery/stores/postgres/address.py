"""Where a gallery's database is: an address whose password no message repeats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from onlyme.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["DRIVER", "DatabaseAddress"]

DRIVER = "postgresql+psycopg"
_EXAMPLE = f"{DRIVER}://user@host/database"
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class DatabaseAddress:
    """A database's address, as SQLAlchemy and psycopg take it.

    Another machine is reached with TLS and a checked certificate unless the address says
    otherwise (`?sslmode=…`): who sits between could answer in the database's place, and
    would be told the password.

    Attributes:
        url: all of it; its password is not shown by `repr` and `str`.
    """

    url: URL = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> DatabaseAddress:
        """Read an address.

        Raises:
            SettingsError: it cannot be one; the message does not repeat it.
        """
        try:
            url = make_url(text)
        except Exception:  # noqa: BLE001 - whatever it raises may hold the password
            raise SettingsError(f"store is no address such as {_EXAMPLE}") from None
        if url.drivername != DRIVER:
            raise SettingsError(f"store begins with {url.drivername}:; say {_EXAMPLE}")
        if not url.database:
            raise SettingsError(f"store names no database; say {_EXAMPLE}")
        if "sslmode" not in url.query and not all(map(_is_local, _list_hosts(url))):
            url = url.update_query_dict({"sslmode": "verify-full"})
        return cls(url)

    def __str__(self) -> str:
        """Say where it is, without user, password and options."""
        host = ", ".join(_list_hosts(self.url)) or "this machine"
        port = f":{self.url.port}" if self.url.port else ""
        return f"database {self.url.database!r} on {host}{port}"

    def redact(self, message: str) -> str:
        """Return the first line of somebody else's message, without the password."""
        line = message.strip().partition("\n")[0][:300]
        secret = self.url.password
        return line.replace(str(secret), "***") if secret else line


def _list_hosts(url: URL) -> list[str]:
    """Name every host that the driver may try: one before the path, any number behind it."""
    named = url.query.get("host", ())
    listed = (named,) if isinstance(named, str) else named
    return [host for word in (url.host or "", *listed) for host in word.split(",") if host]


def _is_local(host: str) -> bool:
    return host.startswith("/") or host in _LOCAL
