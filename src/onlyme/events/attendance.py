"""Sum up who was there on which day, from the events of the doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from onlyme.events.event import DoorEvent

__all__ = ["COLUMNS", "Attendance", "sum_attendance"]

COLUMNS = ("day", "name", "first", "last", "visits", "seconds", "cameras")
"""The fields of one row, in their order."""


@dataclass(slots=True)
class Attendance:
    """One person on one day.

    Attributes:
        day: the date, as `2026-11-30`.
        name: the person's.
        first: when they came first, or midnight if they were there by then.
        last: when they were recognised or left last, or midnight if they were still there.
        visits: how many times they were recognised.
        seconds: for how long they were in view on this day; a visit past midnight counts for both.
        cameras: where.
    """

    day: str
    name: str
    first: datetime
    last: datetime
    visits: int = 0
    seconds: float = 0.0
    cameras: set[str] = field(default_factory=set)

    def to_row(self) -> dict[str, Any]:
        """Return the fields of `COLUMNS`."""
        return {
            "day": self.day,
            "name": self.name,
            "first": self.first.isoformat(timespec="seconds"),
            "last": self.last.isoformat(timespec="seconds"),
            "visits": self.visits,
            "seconds": round(self.seconds, 1),
            "cameras": ", ".join(sorted(self.cameras)),
        }


def sum_attendance(events: Iterable[DoorEvent], zone: tzinfo | None = None) -> list[Attendance]:
    """Return one row for each person and day, by day and name.

    Args:
        events: in the order of their times; only recognised people count.
        zone: the time zone in which days begin; by default that of this computer.

    >>> from datetime import UTC, datetime
    >>> from onlyme.events.event import DoorEvent
    >>> nine, ten = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (9, 10))
    >>> known = DoorEvent("known", "front", nine, name="ada")
    >>> left = DoorEvent("left", "front", ten, name="ada", seconds=3600)
    >>> [(row.name, row.visits, row.seconds) for row in sum_attendance([known, left], UTC)]
    [('ada', 1, 3600.0)]
    """
    rows: dict[tuple[str, str], Attendance] = {}
    for event in events:
        if event.name is None or event.event not in {"known", "left"}:
            continue
        came, is_over = event.at - timedelta(seconds=event.seconds), event.event == "left"
        for day, begin, end in _split_days(came, event.at, zone):
            row = rows.setdefault((day, event.name), Attendance(day, event.name, begin, end))
            row.first, row.last = min(row.first, begin), max(row.last, end)
            row.cameras.add(event.camera)
            row.visits += not is_over and end == event.at
            row.seconds += (end - begin).total_seconds() if is_over else 0.0
    for row in rows.values():
        row.first, row.last = row.first.astimezone(zone), row.last.astimezone(zone)
    return [rows[key] for key in sorted(rows)]


def _split_days(
    begin: datetime, end: datetime, zone: tzinfo | None
) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield the days from one moment to another: the date, and its first and last moment in UTC.

    A day has 23 or 25 hours where clocks are changed, and Python subtracts two times of one zone
    as if it had 24: so all is counted in UTC.
    """
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    while True:
        day = begin.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
        last = min(end, max(begin, midnight))
        yield day.isoformat(), begin, last
        if last in (begin, end):
            return
        begin = last
