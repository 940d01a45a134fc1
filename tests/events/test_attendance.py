"""Attendance: days begin at midnight of a time zone, also where clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.events.attendance import sum_attendance
from onlyme.events.event import DoorEvent

BERLIN = "Europe/Berlin"


def visit(came, seconds, name="ada", camera="front"):
    """The two events of a visit: recognised after a second, and gone."""
    known = DoorEvent("known", camera, came + timedelta(seconds=1), name=name, seconds=1.0)
    left = came + timedelta(seconds=seconds)
    return [known, DoorEvent("left", camera, left, name=name, seconds=seconds)]


def table(events, zone):
    return [
        (
            row.day,
            row.first.isoformat()[11:19],
            row.last.isoformat()[11:19],
            row.visits,
            row.seconds,
        )
        for row in sum_attendance(events, ZoneInfo(zone))
    ]


def test_a_visit_past_midnight_counts_for_both_days():
    came = datetime(2026, 11, 29, 23, 50, tzinfo=UTC)
    assert table(visit(came, 1200.0), "UTC") == [
        ("2026-11-29", "23:50:00", "00:00:00", 1, 600.0),
        ("2026-11-30", "00:00:00", "00:10:00", 0, 600.0),
    ]


def test_days_are_those_of_the_zone():
    came = datetime(2026, 11, 29, 20, 0, tzinfo=UTC)
    assert [row[0] for row in table(visit(came, 60.0), "Asia/Tokyo")] == ["2026-11-30"]
    assert [row[0] for row in table(visit(came, 60.0), "America/New_York")] == ["2026-11-29"]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-30", 24)]
)
def test_a_day_on_which_clocks_are_changed(day, hours):
    zone = ZoneInfo(BERLIN)
    came = datetime.fromisoformat(day).replace(tzinfo=zone) - timedelta(minutes=5)
    rows = table(visit(came.astimezone(UTC), 3 * 86400.0), BERLIN)
    assert {row[0]: row[4] for row in rows}[day] == hours * 3600


@given(
    came=st.integers(631_238_400, 2_114_380_800),  # 1990 to 2037
    seconds=st.integers(2, 400_000),
    zone=st.sampled_from(
        [BERLIN, "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo", "Asia/Kathmandu", "UTC"]
    ),
)
def test_no_second_is_lost_or_counted_twice(came, seconds, zone):
    came = datetime.fromtimestamp(came, UTC)
    rows = sum_attendance(visit(came, float(seconds)), ZoneInfo(zone))
    assert sum(row.seconds for row in rows) == seconds
    assert sum(row.visits for row in rows) == 1
    assert rows[0].first == came
    assert rows[-1].last == came + timedelta(seconds=seconds)
    assert all(before.last == after.first for before, after in pairwise(rows))
    assert all(row.first.date().isoformat() == row.day for row in rows)
