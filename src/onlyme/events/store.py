"""Store what happened at the doors, sealed, beside the vault.

Each event is one row: its time in the clear, so that old rows can be found and erased, and all the
rest sealed and bound to that time and the row's number. A row that was changed or moved does not
open. The secret is in the vault: without the vault's key no event can be read. No picture and no
embedding is stored.

The outbox of webhooks is in the same file, so that an event and its messages are written in one
transaction: none is lost, whenever a process is killed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from onlyme.errors import VaultDamaged
from onlyme.events.door_event import DoorEvent
from onlyme.storage.crypto import AeadCipher, derive_key, encode_parts
from onlyme.storage.sqlite import SqliteFile, translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["EVENTS_FILE", "SECRET_KEY", "SECRET_KIND", "EventStore", "OutgoingMessage"]

EVENTS_FILE: Final = "events.sqlite"
"""The file of the events in the vault's folder."""

SECRET_KIND, SECRET_KEY = "events", "secret"
"""Kind and key of the vault's record that holds the secret, 32 bytes."""

_APPLICATION = 0x6F6E6576  # "onev"
_LAYOUT = 1
_SCHEMA = (
    "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
    "CREATE INDEX event_at ON event (at)",
    (
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, "
        "tries INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT"
    ),
    "CREATE INDEX outbox_due ON outbox (due)",
)
_PURGE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message that waits to be sent.

    Attributes:
        number: of its row.
        url: where to.
        event: what it tells.
        tries: how many times it was tried.
    """

    number: int
    url: str = field(repr=False)
    event: DoorEvent
    tries: int


class EventStore:
    """The events of one vault; several processes and threads may use the file.

    Args:
        path: the file; made with mode 0600 if it is missing.
        secret: 32 bytes from the vault.
        days: events that are older are erased.

    Raises:
        VaultError: the file cannot be used.
    """

    def __init__(self, path: Path, secret: bytes, days: float) -> None:
        self.path, self.days = path, days
        self._seal = AeadCipher(derive_key(secret, b"", "events seal"))
        self._purged_at = -_PURGE_SECONDS
        self._file = SqliteFile(
            path, application=_APPLICATION, layout=_LAYOUT, schemas={_LAYOUT: _SCHEMA}
        )
        with translate_sqlite_errors(path):
            if self._file.layout is None:
                self._file.close()
                raise VaultDamaged(f"{path} is not a file of events")
            if self._file.layout == 0:
                with self._file.start_writing():
                    if self._file.layout == 0:  # otherwise another process was faster
                        self._file.create_tables()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return itself; the end of the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------- events

    def add(self, event: DoorEvent, urls: Sequence[str] = ()) -> None:
        """Write an event, and a message for each address, as one.

        With `days` = 0 the event itself is not stored.
        """
        with translate_sqlite_errors(self.path), self._file.start_writing():
            if self.days > 0:
                self._insert(event)
            for url in urls:
                self._queue(url, event)
        if time.monotonic() - self._purged_at > _PURGE_SECONDS:
            self.purge()

    def read(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        name: str | None = None,
    ) -> Iterator[DoorEvent]:
        """Yield the events of a time, the oldest first.

        Args:
            since: the first moment.
            until: the last moment.
            name: only of this person.

        Raises:
            VaultDamaged: an event was changed. Those yielded before are good.
        """
        low = 0 if since is None else _to_milliseconds(since)
        high = 2**62 if until is None else _to_milliseconds(until)
        last = (low - 1, 0)
        while True:  # in blocks, so that no transaction stays open while the caller thinks
            with translate_sqlite_errors(self.path), self._file.start_reading():
                rows = self._file.run(
                    "SELECT id, at, sealed FROM event WHERE (at, id) > (?, ?) AND at <= ? "
                    "ORDER BY at, id LIMIT 500",
                    (*last, high),
                ).fetchall()
            if not rows:
                return
            for number, at, sealed in rows:
                event = self._open(number, at, sealed)
                if name is None or name in (event.name, *event.names):
                    yield event
            last = (rows[-1][1], rows[-1][0])

    def read_newest(
        self,
        limit: int,
        keep: Callable[[DoorEvent], bool],
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[int, int] | None = None,
    ) -> tuple[list[DoorEvent], tuple[int, int] | None]:
        """Return a page of events, the newest first, and where the next page begins.

        Args:
            limit: the number of events in the page.
            keep: says whether an event is wanted.
            since: the first moment.
            until: the last moment.
            before: where the page begins, as the page before told it.

        Returns:
            The events, and the place of the last one if there are more; else None.

        Raises:
            VaultDamaged: an event was changed.
        """
        low = 0 if since is None else _to_milliseconds(since)
        last = before or (2**62, 0)
        if until is not None:
            last = min(last, (_to_milliseconds(until) + 1, 0))
        found: list[DoorEvent] = []
        place = last
        while True:
            with translate_sqlite_errors(self.path), self._file.start_reading():
                rows = self._file.run(
                    "SELECT id, at, sealed FROM event WHERE (at, id) < (?, ?) AND at >= ? "
                    "ORDER BY at DESC, id DESC LIMIT 500",
                    (*last, low),
                ).fetchall()
            if not rows:
                return found, None
            for number, at, sealed in rows:
                event = self._open(number, at, sealed)
                if not keep(event):
                    continue
                if len(found) == limit:
                    return found, place
                found.append(event)
                place = (at, number)
            last = (rows[-1][1], rows[-1][0])

    def erase(self, name: str) -> list[str]:
        """Erase the events that name a person, also those that wait to be sent.

        Returns:
            A sentence if remnants stay, since another program uses the file.
        """
        with translate_sqlite_errors(self.path), self._file.start_writing():
            count = self._rewrite(lambda event: None if _names(event, name) else event)
        return self.scrub() if count else []

    def rename_person(self, old: str, new: str) -> None:
        """Give a person another name in all events."""

        def change(event: DoorEvent) -> DoorEvent:
            names = tuple(new if each == old else each for each in event.names)
            return replace(event, name=new if event.name == old else event.name, names=names)

        with translate_sqlite_errors(self.path), self._file.start_writing():
            self._rewrite(change)

    def purge(self, now: datetime | None = None) -> int:
        """Erase the events that are older than `days`; return how many."""
        oldest = _to_milliseconds((now or datetime.now(UTC)) - timedelta(days=self.days))
        with translate_sqlite_errors(self.path), self._file.start_writing():
            count = self._file.run("DELETE FROM event WHERE at < ?", (oldest,)).rowcount
        self._purged_at = time.monotonic()
        return int(count)

    def scrub(self) -> list[str]:
        """Remove what was erased from the file's free pages, or return a note."""
        with translate_sqlite_errors(self.path):
            return self._file.scrub()

    # ------------------------------------------------------------------- outbox

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
            rows = self._file.run(
                "SELECT id, due, tries, sealed FROM outbox WHERE due <= ? ORDER BY due, id",
                (int(now * 1000),),
            ).fetchall()
            for number, _, tries, sealed in rows:
                document = json.loads(
                    self._seal.unseal(sealed, _context("outbox", number, 0), _MESSAGE)
                )
                if document["url"] in urls:
                    due = int((now + lease_seconds) * 1000)
                    self._file.run("UPDATE outbox SET due = ? WHERE id = ?", (due, number))
                    event = DoorEvent.from_document(document["event"])
                    return OutgoingMessage(number, document["url"], event, tries)
        return None

    def settle(self, message: OutgoingMessage, due: float | None) -> None:
        """Remove a message that was sent; or with a time try it again then."""
        with translate_sqlite_errors(self.path), self._file.start_writing(durable=due is None):
            if due is None:
                self._file.run("DELETE FROM outbox WHERE id = ?", (message.number,))
            else:
                values = (int(due * 1000), message.tries + 1, message.number)
                self._file.run("UPDATE outbox SET due = ?, tries = ? WHERE id = ?", values)

    def count_waiting(self) -> int:
        """Return how many messages wait."""
        with translate_sqlite_errors(self.path), self._file.start_reading():
            return int(self._file.run("SELECT count(*) FROM outbox").fetchone()[0])

    # ------------------------------------------------------------------- within

    def _insert(self, event: DoorEvent) -> None:
        at = _to_milliseconds(event.at)
        number = self._draw_number("event")
        sealed = self._seal.seal(_encode(event.to_document()), _context("event", number, at))
        self._file.run("INSERT INTO event VALUES (?, ?, ?)", (number, at, sealed))

    def _queue(self, url: str, event: DoorEvent) -> None:
        number = self._draw_number("outbox")
        body = _encode({"url": url, "event": event.to_document()})
        sealed = self._seal.seal(body, _context("outbox", number, 0))
        self._file.run("INSERT INTO outbox VALUES (?, 0, 0, ?)", (number, sealed))

    def _draw_number(self, table: str) -> int:
        query = f"SELECT coalesce(max(id), 0) + 1 FROM {table}"  # noqa: S608 - one of two own names
        return int(self._file.run(query).fetchone()[0])

    def _open(self, number: int, at: int, sealed: bytes) -> DoorEvent:
        body = self._seal.unseal(sealed, _context("event", number, at), f"event {number}")
        return DoorEvent.from_document(json.loads(body))

    def _rewrite(self, change: Any) -> int:
        """Replace or remove events and messages, within a transaction; return how many."""
        count = 0
        for number, at, sealed in self._file.run("SELECT id, at, sealed FROM event").fetchall():
            before = self._open(number, at, sealed)
            after = change(before)
            if after == before:
                continue
            count += 1
            self._file.run("DELETE FROM event WHERE id = ?", (number,))
            if after is not None:
                body = self._seal.seal(_encode(after.to_document()), _context("event", number, at))
                self._file.run("INSERT INTO event VALUES (?, ?, ?)", (number, at, body))
        for number, sealed in self._file.run("SELECT id, sealed FROM outbox").fetchall():
            context = _context("outbox", number, 0)
            document = json.loads(self._seal.unseal(sealed, context, _MESSAGE))
            before = DoorEvent.from_document(document["event"])
            after = change(before)
            if after is None:
                count += 1
                self._file.run("DELETE FROM outbox WHERE id = ?", (number,))
            elif after != before:
                document["event"] = after.to_document()
                body = self._seal.seal(_encode(document), context)
                self._file.run("UPDATE outbox SET sealed = ? WHERE id = ?", (body, number))
        return count


_MESSAGE = "a message that waits to be sent"


def _names(event: DoorEvent, name: str) -> bool:
    return name in (event.name, *event.names)


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _context(table: str, number: int, at: int) -> bytes:
    return encode_parts("events", table, number, at)


def _to_milliseconds(when: datetime) -> int:
    return max(0, int(when.timestamp() * 1000))
