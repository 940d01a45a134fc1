"""Read where an MQTT broker is; a password comes from a private file alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from onlyme.errors import UsageError
from onlyme.storage.files import read_private_line

__all__ = ["MqttBroker"]

MAX_ADDRESS_CHARACTERS: Final = 2048
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_BASE = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}")
_MESSAGE: Final = (
    "--mqtt needs an address such as mqtts://broker.example:8883/onlyme, or @FILE with one"
)


@dataclass(frozen=True, slots=True)
class MqttBroker:
    """Where a broker is, and what it may learn.

    Attributes:
        host: its name or address.
        port: by default 8883 with TLS and 1883 without.
        base: the topic under which everything is written.
        is_tls: whether the connection is encrypted.
        user: the user name; None for none.
        password: never shown.
        names: whether the broker learns who was recognised.
        ca: a file with the certificates that may sign the broker's; None for the system's.

    >>> MqttBroker.parse("mqtts://ada@broker.example/home/doors").target
    'mqtts://ada@broker.example:8883/home/doors'
    """

    host: str
    port: int
    base: str = "onlyme"
    is_tls: bool = True
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    names: bool = False
    ca: Path | None = None

    @classmethod
    def parse(cls, text: str, *, names: bool = False, ca: Path | None = None) -> MqttBroker:
        """Read an address.

        Args:
            text: `mqtts://[user@]host[:port][/topic]`, `mqtt://…` without TLS, or `@FILE` for the
                first line of a file that others may not read; only there may it hold a password.
            names: whether the broker learns who was recognised.
            ca: a file with the certificates that may sign the broker's.

        Raises:
            UsageError: it cannot be used, holds a password, or the file cannot be read.
        """
        is_private = text.startswith("@")
        if is_private:
            text = read_private_line(Path(text[1:]), "the file of --mqtt", MAX_ADDRESS_CHARACTERS)
        if not re.fullmatch(r"[!-~]{1,2048}", text) or set("?#") & set(text):
            raise UsageError(f"{_MESSAGE}; write ?, # and what is not ASCII as %XX")
        try:
            parts = urlsplit(text)
            port = parts.port
            (parts.hostname or "").encode("idna")  # as the resolver does: `a..b` is no name
        except ValueError:
            raise UsageError(_MESSAGE) from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(_MESSAGE)
        if parts.password is not None and not is_private:
            raise UsageError(
                "a password on the command line is seen by other users; write the address into a "
                "file, run chmod 600 on it, and give --mqtt @FILE"
            )
        base = parts.path.strip("/") or "onlyme"
        if not _BASE.fullmatch(base):
            raise UsageError(
                "the topic in the address of --mqtt may hold letters, digits, - and _, in at most "
                "four parts"
            )
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            base,
            parts.scheme == "mqtts",
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            names,
            ca,
        )

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return f"MQTT broker {self.host}"

    @property
    def target(self) -> str:
        """The name of its messages in the outbox, without the password."""
        user = "" if self.user is None else f"{self.user}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{user}{host}:{self.port}/{self.base}"
