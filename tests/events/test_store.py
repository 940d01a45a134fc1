"""What happened at the doors: sealed, complete after a kill, and gone when it is erased."""

import json
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from onlyme import FaceID
from onlyme.errors import VaultDamaged
from onlyme.events.event import DoorEvent
from onlyme.events.store import EVENTS_FILE, EventStore
from tests.events.conftest import SECRET

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def known(name, hours=0, **more):
    return DoorEvent("known", "front", NOW - timedelta(hours=hours), name=name, **more)


def names(events, **how):
    return [event.name for event in events.read(**how)]


def test_events_come_back_as_they_were(events):
    event = known("Zoë", far=1e-7, fpir=1e-3, margin=0.31, liveness="live", score=0.9, visit=3)
    unclear = DoorEvent("ambiguous", "front", NOW, names=("ada", "bob"))
    events.add(event)
    events.add(unclear)
    assert list(events.read()) == [event, unclear]


def test_reading_by_time_and_person(events):
    for hours in (30, 20, 10, 0):
        events.add(known("ada" if hours % 20 else "bob", hours))
    assert names(events) == ["ada", "bob", "ada", "bob"]
    assert names(events, since=NOW - timedelta(hours=20)) == ["bob", "ada", "bob"]
    assert names(events, since=NOW - timedelta(hours=25), until=NOW - timedelta(hours=5)) == [
        "bob",
        "ada",
    ]
    assert names(events, name="bob") == ["bob", "bob"]


def test_many_events_of_one_moment_are_read_once_each(events):
    with events._file.start_writing():
        for number in range(1200):
            events._insert(known(f"p{number}"))
    assert names(events) == [f"p{number}" for number in range(1200)]


def test_the_newest_are_read_page_by_page(events):
    """As a loop over all of them would."""
    with events._file.start_writing():
        for number in range(1200):  # more than one block, many of one moment
            events._insert(known(f"p{number}", hours=number // 400))
    wanted = [event for event in events.read() if event.name.endswith("3")][::-1]
    found, place = [], None
    while True:
        page, place = events.read_newest(7, lambda e: e.name.endswith("3"), before=place)
        found += page
        if place is None:
            break
    assert found == sorted(wanted, key=lambda event: event.at, reverse=True)
    assert events.read_newest(5000, lambda _: True)[1] is None


def test_without_the_secret_nothing_is_read_and_no_name_is_in_the_file(events, tmp_path):
    events.add(known("Marguerite"))
    events.close()
    for path in tmp_path.iterdir():
        assert b"Marguerite" not in path.read_bytes()
        assert b"front" not in path.read_bytes()
    with EventStore(tmp_path / EVENTS_FILE, bytes(32), 90) as other, pytest.raises(VaultDamaged):
        list(other.read())


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE event SET at = at + 1",
        "UPDATE event SET sealed = (SELECT sealed FROM event WHERE id = 2) WHERE id = 1",
        "UPDATE event SET id = id + 10",
        "UPDATE event SET sealed = zeroblob(60)",
        "CREATE TRIGGER t AFTER DELETE ON event BEGIN SELECT 1; END",
    ],
)
def test_a_row_that_was_changed_or_moved_does_not_open(events, tmp_path, harm):
    for name in ("ada", "bob"):
        events.add(known(name))
    events.close()
    line = sqlite3.connect(tmp_path / EVENTS_FILE)
    line.execute(harm)
    line.commit()
    line.close()
    with pytest.raises(VaultDamaged), EventStore(tmp_path / EVENTS_FILE, SECRET, 90) as other:
        list(other.read())


def test_old_events_go(events):
    for days in (100, 91, 89, 0):
        events.add(known(f"{days}", 24 * days))
    assert events.purge(NOW) + 2 >= 2
    assert names(events) == ["89", "0"]


@pytest.mark.parametrize("what", ["event", "message"])
def test_what_is_old_or_sent_is_in_no_byte_of_the_files(events, tmp_path, what):
    """Nor in the file's log, whose end may be older than its beginning."""
    events.purge(NOW)  # otherwise `add` does
    events.add(known("old", 24 * 100), ["https://example.org/"])
    table = "event" if what == "event" else "outbox"
    (sealed,) = events._file.fetch_one(f"SELECT sealed FROM {table}")  # noqa: S608 - our own names
    events.settle(events.claim(NOW.timestamp(), 60, ["https://example.org/"]), None)
    events.purge(NOW)
    # By another process: SQLite has the files open in this one.
    found = subprocess.run(["cat", *tmp_path.iterdir()], capture_output=True, check=True).stdout
    assert not any(sealed[n : n + 64] in found for n in range(0, len(sealed) - 64, 64))


def test_what_another_reader_kept_in_the_log_goes_the_next_time(events, tmp_path):
    events.purge(NOW)  # otherwise `add` does
    events.add(known("old", 24 * 100))
    (sealed,) = events._file.fetch_one("SELECT sealed FROM event")
    events._file.run("PRAGMA busy_timeout = 0")
    reader = sqlite3.connect(events.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM event").fetchall()
    assert events.purge(NOW) == 1
    reader.close()
    assert events.purge(NOW) == 0
    found = subprocess.run(["cat", *tmp_path.iterdir()], capture_output=True, check=True).stdout
    assert sealed[:64] not in found


def test_none_are_stored_where_none_are_wanted_but_messages_are(tmp_path):
    with EventStore(tmp_path / EVENTS_FILE, SECRET, days=0) as events:
        events.add(known("ada"), ["https://example.org/"])
        assert names(events) == []
        assert events.count_waiting() == 1


def test_who_is_erased_is_in_no_byte_of_the_file(events, tmp_path):
    events.add(known("ada"), ["https://example.org/"])
    events.add(known("bob"), ["https://example.org/"])
    events.add(DoorEvent("ambiguous", "front", NOW, names=("bob", "ada")))
    sealed = [row[0] for row in events._file.run("SELECT sealed FROM event")]
    assert events.erase("ada") == []
    assert names(events) == ["bob"]
    assert events.count_waiting() == 1
    events.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert sealed[0] not in content
    assert sealed[2] not in content


def test_a_new_name_is_in_all_events(events):
    events.add(known("ada"))
    events.add(DoorEvent("ambiguous", "front", NOW, names=("bob", "ada")))
    events.rename_person("ada", "eve")
    assert [(event.name, event.names) for event in events.read()] == [
        ("eve", ()),
        (None, ("bob", "eve")),
    ]


WRITE = """
import sys
from onlyme.events.event import DoorEvent
from onlyme.events.store import EventStore
with EventStore(sys.argv[1], bytes(range(32)), 90) as events:
    number = 0
    while True:
        events.add(DoorEvent("known", "front", name=f"{number}"), ["https://example.org/"])
        print(number, flush=True)
        number += 1
"""


def test_kill_9_loses_no_event_that_was_written_and_no_message(tmp_path):
    path = tmp_path / EVENTS_FILE
    told = 0
    for _ in range(3):
        script = WRITE.replace("sys.argv[1]", "Path(sys.argv[1])")
        process = subprocess.Popen(
            [sys.executable, "-c", f"from pathlib import Path\n{script}", path],
            stdout=subprocess.PIPE,
        )
        for _ in range(7):
            assert process.stdout.readline()
            told += 1
        process.send_signal(signal.SIGKILL)
        told += len(process.stdout.read().splitlines())
        process.wait()
        process.stdout.close()
    with EventStore(path, SECRET, 90) as events:
        stored = sum(1 for _ in events.read())
        assert told <= stored <= told + 3
        assert events.count_waiting() == stored


# ------------------------------------------------------------------- with the vault


def test_the_vault_forgets_and_renames_there_too(obama):
    with obama.open_events() as events:
        for name in ("obama", "biden"):
            events.add(DoorEvent("known", "front", name=name))
    obama.rename("obama", "barack")
    with obama.open_events() as events:
        assert names(events) == ["barack", "biden"]
    obama.forget("barack")
    with obama.open_events() as events:
        assert names(events) == ["biden"]


def test_events_beside_another_vault_are_not_taken(tmp_path, obama):
    with obama.open_events() as events:
        events.add(DoorEvent("known", "front", name="obama"))
    other = tmp_path / "other"
    with FaceID.open(other):
        pass
    source = obama.admin.store.folder / EVENTS_FILE
    (other / EVENTS_FILE).write_bytes(source.read_bytes())
    (other / EVENTS_FILE).chmod(0o600)
    with FaceID.open(other) as face_id, pytest.raises(VaultDamaged, match="secret of the events"):
        face_id.open_events()


def test_a_document_of_a_later_version_is_read():
    document = known("ada").to_document() | {"new": 1}
    assert DoorEvent.from_document(json.loads(json.dumps(document))) == DoorEvent.from_document(
        known("ada", id=document["id"]).to_document()
    )
