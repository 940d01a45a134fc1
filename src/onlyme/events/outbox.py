"""Keep messages on disk until they are sent; they are in the file of the events.

An event and its messages are written in one transaction, so that none is lost, whenever a process
is killed. An address stands in the clear only as a keyed hash.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from onlyme.errors import VaultDamaged
from onlyme.events.event import DoorEvent
from onlyme.storage.crypto import AeadCipher, derive_key, encode_parts
from onlyme.storage.sqlite import SqliteFile
from onlyme.storage.sqlite_errors import translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "MAX_WAITING",
    "MESSAGE",
    "Outbox",
    "OutgoingMessage",
    "encode_context",
    "encode_document",
]

APPLICATION = 0x6F6E6576  # "onev"
LAYOUT = 2
_EVENTS = (
    "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
    "CREATE INDEX event_at ON event (at)",
)
_OUTBOX = (
    (
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY, target BLOB NOT NULL, due INTEGER NOT NULL, "
        "tries INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT"
    ),
    "CREATE INDEX outbox_due ON outbox (target, due)",
)
_UNKNOWN = (
    (
        "CREATE TABLE unknown (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, "
        "sealed BLOB NOT NULL) STRICT"
    ),
    "CREATE INDEX unknown_at ON unknown (at)",
)
SCHEMAS = {
    1: (
        *_EVENTS,
        (
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, "
            "tries INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT"
        ),
        "CREATE INDEX outbox_due ON outbox (due)",
    ),
    LAYOUT: (*_EVENTS, *_OUTBOX, *_UNKNOWN),
}

MAX_WAITING: Final = 10_000
"""Messages that may wait for one address; then the oldest give way to new ones."""

MAX_PAUSE_SECONDS: Final = 2 * 3600.0
"""No message waits longer: one that is due later was written before the clock was set back."""

MESSAGE: Final = "a message that waits to be sent"
"""What a message is called where it cannot be opened."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message that waits to be sent.

    Attributes:
        number: of its row.
        url: where to.
        event: what it tells.
        tries: how many times it was tried.
        lease: until when it is the caller's, in milliseconds since 1970. No other caller has the
            same.
    """

    number: int
    url: str = field(repr=False)
    event: DoorEvent
    tries: int
    lease: int


class Outbox:
    """The file of the events, opened, with the messages that wait in it.

    Args:
        path: the file; made with mode 0600 if it is missing.
        secret: 32 bytes from the vault.

    Raises:
        VaultError: the file cannot be used.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        self.path = path
        self._seal = AeadCipher(derive_key(secret, b"", "events seal"))
        self._index = derive_key(secret, b"", "events index")
        self._file = SqliteFile(path, application=APPLICATION, layout=LAYOUT, schemas=SCHEMAS)
        with translate_sqlite_errors(path):
            if self._file.layout is None:
                self._file.close()
                raise VaultDamaged(f"{path} is not a file of events")
            if self._file.layout != LAYOUT and not self._file.unwritable:
                self._prepare()

    def claim(
        self, now: float, lease_seconds: float, urls: Sequence[str]
    ) -> OutgoingMessage | None:
        """Return the next message that is due, and keep others from it for some seconds.

        Args:
            now: seconds of `time.time`.
            lease_seconds: for how long it is this caller's; if the caller is killed, the message
                is due again afterwards.
            urls: only messages to these addresses.
        """
        with translate_sqlite_errors(self.path), self._file.start_writing(durable=False):
            marks = ", ".join("?" * len(urls))
            row = self._file.fetch_one(
                "SELECT id, tries, sealed FROM outbox WHERE (due <= ? OR due > ?) "  # noqa: S608 - marks alone
                f"AND target IN ({marks}) ORDER BY due, id LIMIT 1",
                int(now * 1000),
                int((now + MAX_PAUSE_SECONDS) * 1000),
                *map(self._hide, urls),
            )
            if row is None:
                return None
            number, tries, sealed = row
            document = json.loads(
                self._seal.unseal(sealed, encode_context("outbox", number, 0), MESSAGE)
            )
            due = int((now + lease_seconds) * 1000)
            self._file.run("UPDATE outbox SET due = ? WHERE id = ?", (due, number))
            event = DoorEvent.from_document(document["event"])
            return OutgoingMessage(number, document["url"], event, tries, due)

    def settle(self, message: OutgoingMessage, due: float | None) -> None:
        """Remove a message that was sent; or with a time try it again then.

        A caller whose lease has ended changes nothing if another one has taken the message: its
        number may already be another message's.
        """
        row = (message.number, message.lease)
        with translate_sqlite_errors(self.path), self._file.start_writing(durable=due is None):
            if due is None:
                self._file.run("DELETE FROM outbox WHERE id = ? AND due = ?", row)
            else:
                values = (int(due * 1000), message.tries + 1, *row)
                self._file.run(
                    "UPDATE outbox SET due = ?, tries = ? WHERE id = ? AND due = ?", values
                )

    def count_waiting(self) -> int:
        """Return how many messages wait."""
        with translate_sqlite_errors(self.path), self._file.start_reading():
            return int(self._file.run("SELECT count(*) FROM outbox").fetchone()[0])

    # ------------------------------------------------------------------- within

    def _queue(self, url: str, event: DoorEvent) -> int:
        """Write a message; return how many old ones gave way."""
        number, target = self._draw_number("outbox"), self._hide(url)
        body = encode_document({"url": url, "event": event.to_document()})
        sealed = self._seal.seal(body, encode_context("outbox", number, 0))
        self._file.run("INSERT INTO outbox VALUES (?, ?, 0, 0, ?)", (number, target, sealed))
        (count,) = self._file.fetch_one("SELECT count(*) FROM outbox WHERE target = ?", target) or (
            0,
        )
        oldest = "SELECT id FROM outbox WHERE target = ? ORDER BY id LIMIT ?"
        values = (target, max(0, count - MAX_WAITING))
        return int(
            self._file.run(f"DELETE FROM outbox WHERE id IN ({oldest})", values).rowcount  # noqa: S608 - own text
        )

    def _hide(self, url: str) -> bytes:
        """Return what stands for an address in the clear."""
        return hmac.digest(self._index, url.encode(), "sha256")[:16]

    def _prepare(self) -> None:
        """Make the tables, or bring those of an earlier version to this one's."""
        with self._file.start_writing():
            before = self._file.layout
            if before == LAYOUT:  # another process was faster
                return
            if before == 0:
                self._file.create_tables()
                return
            waiting = self._file.run("SELECT id, due, tries, sealed FROM outbox").fetchall()
            self._file.run("DROP TABLE outbox")
            for statement in SCHEMAS[LAYOUT][len(_EVENTS) :]:
                self._file.run(statement)
            for number, due, tries, sealed in waiting:
                body = self._seal.unseal(sealed, encode_context("outbox", number, 0), MESSAGE)
                target = self._hide(json.loads(body)["url"])
                values = (number, target, due, tries, sealed)
                self._file.run("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)", values)
            self._file.run(f"PRAGMA user_version = {LAYOUT}")

    def _draw_number(self, table: str) -> int:
        query = f"SELECT coalesce(max(id), 0) + 1 FROM {table}"  # noqa: S608 - one of our own names
        return int(self._file.run(query).fetchone()[0])


def encode_document(document: dict[str, Any]) -> bytes:
    """Return JSON as bytes."""
    # A camera may be a video whose path is no text: \udcff means the same in JSON.
    return json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace")


def encode_context(table: str, number: int, at: int) -> bytes:
    """Return what a row is sealed together with: its place and time."""
    return encode_parts("events", table, number, at)


def to_milliseconds(when: datetime) -> int:
    """Return a moment as the file writes it, since 1970."""
    return max(0, int(when.timestamp() * 1000))
