"""Store what happened at the doors, sealed, beside the vault.

Each event is one row: its time in the clear, so that old rows can be found and erased, and all the
rest sealed and bound to that time and the row's number. A row that was changed or moved does not
open. The secret is in the vault: without the vault's key no event can be read. An event holds no
picture and no embedding; see `onlyme.events.unknown` for what may be kept besides.

The outbox of webhooks is in the same file, so that an event and its messages are written in one
transaction: none is lost, whenever a process is killed.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from onlyme.events.event import DoorEvent
from onlyme.events.outbox import (
    MESSAGE,
    OutgoingMessage,
    encode_context,
    encode_document,
    to_milliseconds,
)
from onlyme.events.unknown import UnknownVisits
from onlyme.storage.sqlite_errors import translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "EVENTS_FILE",
    "PURGE_SECONDS",
    "SECRET_KEY",
    "SECRET_KIND",
    "DoorEvent",
    "EventStore",
    "OutgoingMessage",
]

EVENTS_FILE: Final = "events.sqlite"
"""The file of the events in the vault's folder."""

SECRET_KIND, SECRET_KEY = "events", "secret"
"""Kind and key of the vault's record that holds the secret, 32 bytes."""

PURGE_SECONDS: Final = 3600.0
"""How often what is too old is erased."""


class EventStore(UnknownVisits):
    """The events of one vault; several processes and threads may use the file.

    Args:
        path: the file; made with mode 0600 if it is missing.
        secret: 32 bytes from the vault.
        days: events that are older are erased.
        unknown_days: for how long unknown visits are kept; 0 keeps none.
        unknown_per_day: how many of them at most.

    Raises:
        VaultError: the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        secret: bytes,
        days: float,
        *,
        unknown_days: float = 0.0,
        unknown_per_day: int = 0,
    ) -> None:
        super().__init__(path, secret)
        self.days = days
        self.unknown_days, self.unknown_per_day = unknown_days, unknown_per_day
        self._purged_at = -PURGE_SECONDS

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

    def add(self, event: DoorEvent, urls: Sequence[str] = ()) -> int:
        """Write an event, and a message for each address, as one.

        With `days` = 0 the event itself is not stored.

        Returns:
            How many old messages were dropped, since `MAX_WAITING` wait already.
        """
        with translate_sqlite_errors(self.path), self._file.start_writing():
            if self.days > 0:
                self._insert(event)
            dropped = sum(self._queue(url, event) for url in urls)
        if time.monotonic() - self._purged_at > PURGE_SECONDS:
            self.purge()
        return dropped

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
        low = 0 if since is None else to_milliseconds(since)
        if self._file.unwritable:
            low = max(low, to_milliseconds(datetime.now(UTC) - timedelta(days=self.days)))
        high = 2**62 if until is None else to_milliseconds(until)
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
        low = 0 if since is None else to_milliseconds(since)
        last = before or (2**62, 0)
        if until is not None:
            last = min(last, (to_milliseconds(until) + 1, 0))
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
        """Erase the events that are older than `days`, and the unknown visits that are too old.

        The file's log is emptied each time: of what was erased or sent before, it may hold copies.

        Returns:
            How many events were erased; none where the file cannot be changed, and `read` leaves
            them out there.
        """
        oldest = to_milliseconds((now or datetime.now(UTC)) - timedelta(days=self.days))
        if self._file.unwritable:
            return 0
        with translate_sqlite_errors(self.path), self._file.start_writing():
            count = self._file.run("DELETE FROM event WHERE at < ?", (oldest,)).rowcount
        self.purge_unknown(now)
        self.wipe()  # while another program reads, remnants stay until the next time
        self._purged_at = time.monotonic()
        return int(count)

    def scrub(self) -> list[str]:
        """Remove what was erased from the file's free pages, or return a note."""
        with translate_sqlite_errors(self.path):
            return self._file.scrub()

    # ------------------------------------------------------------------- within

    def _insert(self, event: DoorEvent) -> None:
        at = to_milliseconds(event.at)
        number = self._draw_number("event")
        sealed = self._seal.seal(
            encode_document(event.to_document()), encode_context("event", number, at)
        )
        self._file.run("INSERT INTO event VALUES (?, ?, ?)", (number, at, sealed))

    def _open(self, number: int, at: int, sealed: bytes) -> DoorEvent:
        body = self._seal.unseal(sealed, encode_context("event", number, at), f"event {number}")
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
                body = self._seal.seal(
                    encode_document(after.to_document()), encode_context("event", number, at)
                )
                self._file.run("INSERT INTO event VALUES (?, ?, ?)", (number, at, body))
        for number, sealed in self._file.run("SELECT id, sealed FROM outbox").fetchall():
            context = encode_context("outbox", number, 0)
            document = json.loads(self._seal.unseal(sealed, context, MESSAGE))
            before = DoorEvent.from_document(document["event"])
            after = change(before)
            if after is None:
                count += 1
                self._file.run("DELETE FROM outbox WHERE id = ?", (number,))
            elif after != before:
                document["event"] = after.to_document()
                body = self._seal.seal(encode_document(document), context)
                self._file.run("UPDATE outbox SET sealed = ? WHERE id = ?", (body, number))
        return count


def _names(event: DoorEvent, name: str) -> bool:
    return name in (event.name, *event.names)
