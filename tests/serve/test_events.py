"""What happened at the doors, over REST: by page, filtered, as a table, and for admins alone."""

import csv
import io
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from onlyme import FaceID
from onlyme.events import retention
from onlyme.events.event import DoorEvent

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def door(served):
    """A service over a vault at whose doors something happened: 120 visits of one moment each."""
    with served() as running:
        with FaceID.open(running.settings.vault) as face_id, face_id.open_events() as events:
            for number in range(120):
                at = NOW - timedelta(minutes=number // 3)  # three of each moment
                name = ("obama", "biden", None)[number % 3]
                kind = "known" if name else "unknown"
                events.add(DoorEvent(kind, f"door {number % 2}", at, name=name, visit=number))
            events.add(DoorEvent("ambiguous", "door 0", NOW, names=("obama", "=1+1")))
        yield running


def read_all(running, **query):
    """Follow the pages to the end."""
    found, before = [], None
    while True:
        more = {} if before is None else {"before": before}
        page = running.client().get("/v1/events", params={"limit": 7, **query, **more}).json()
        assert len(page["events"]) <= 7
        found += page["events"]
        before = page["next"]
        if before is None:
            return found


def test_the_pages_hold_each_event_once_the_newest_first(door):
    found = read_all(door)
    assert len(found) == 121
    assert len({event["id"] for event in found}) == 121
    assert [event["at"] for event in found] == sorted((e["at"] for e in found), reverse=True)
    assert set(found[0]) == {
        *("event", "camera", "at", "name", "names", "visit", "seconds", "far", "fpir", "margin"),
        *("liveness", "score", "opened", "id"),
    }


@pytest.mark.parametrize("limit", [1, 120, 121, 122, 1000])
def test_next_is_told_only_where_there_is_more(door, limit):
    page = door.client().get("/v1/events", params={"limit": limit}).json()
    assert len(page["events"]) == min(limit, 121)
    assert (page["next"] is None) is (limit >= 121)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"person": "obama"}, 41),  # also as one of two
        ({"person": "biden"}, 40),
        ({"person": "nobody"}, 0),
        ({"kind": "unknown"}, 40),
        ({"kind": "unknown", "camera": "door 1"}, 20),
        ({"camera": "door 2"}, 0),
        ({"since": (NOW - timedelta(minutes=1)).isoformat()}, 7),
        ({"until": (NOW - timedelta(minutes=39)).isoformat()}, 3),
        ({"since": NOW.isoformat(), "until": NOW.isoformat(), "kind": "known"}, 2),
    ],
)
def test_a_filter_leaves_out_all_others_on_every_page(door, query, count):
    assert len(read_all(door, **query)) == count
    answer = door.client().get("/v1/events/table", params=query)
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == count


def test_the_table_is_that_of_the_command_line_and_runs_no_formula(door):
    answer = door.client().get("/v1/events/table")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert rows[-1]["names"] == "obama or =1+1"
    assert not [row for row in rows for value in row.values() if value[:1] in {"=", "+", "@"}]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=2026-01-01T00:00:00", 400),  # without a zone, nobody knows which moment it is
        ("since=yesterday", 400),
        ("limit=0", 400),
        ("limit=1001", 400),
        ("kind=anything", 400),
        ("before=17", 400),
        ("before=1e9-1", 400),
        ("before=9999999999999999999-1", 400),
        ("person=%E2%80%AE", 400),
        ("persn=obama", 400),
    ],
)
def test_what_cannot_be_meant_is_refused(door, query, status):
    assert door.client().get(f"/v1/events?{query}").status_code == status


def test_other_scopes_see_no_event(door):
    for scope in ("verify", "enroll", "metrics"):
        for path in ("/v1/events", "/v1/events/table"):
            assert door.client(scope).get(path).status_code == 403


def test_a_changed_event_is_told_and_nothing_is_shown(served):
    with served() as running:
        with FaceID.open(running.settings.vault) as face_id, face_id.open_events() as events:
            events.add(DoorEvent("known", "front", name="obama"))
        database = sqlite3.connect(running.settings.vault / "events.sqlite")
        database.execute("UPDATE event SET at = at + 1")
        database.commit()
        database.close()
        for path in ("/v1/events", "/v1/events/table"):
            answer = running.client().get(path)
            assert answer.status_code == 500
            assert answer.json()["type"] == "urn:onlyme:problem:vault-damaged"
            assert "obama" not in answer.text


def test_what_is_old_goes_where_nobody_asks(served, monkeypatch):
    monkeypatch.setattr(retention, "PURGE_SECONDS", 0.2)
    with (
        served() as running,
        FaceID.open(running.settings.vault) as face_id,
        face_id.open_events() as events,
    ):
        events.purge()
        events.add(DoorEvent("known", "front", NOW - timedelta(days=91), name="obama"))
        running.wait(lambda: events._file.fetch_one("SELECT count(*) FROM event") == (0,))
