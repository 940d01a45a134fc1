import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from onlyme.errors import VaultDamaged
from onlyme.gate import audit
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.vault.store import Store
from tests.gate.conftest import MATCH, NO_FACE, NO_MATCH


def rows(folder, query, *arguments):
    database = sqlite3.connect(folder / "vault.sqlite")
    found = database.execute(query, arguments).fetchall()
    database.commit()
    database.close()
    return found


@pytest.fixture
def written(gate, store):
    """Six lines."""
    with store.edit() as edit:
        gate.note(edit, Event.ENROLL, "ada", "5 photos")
    for decision in (NO_MATCH, NO_MATCH, MATCH):
        gate.decide("ada", "camera 0", lambda d=decision: d)
    gate.decide("grace", "service", lambda: NO_MATCH)
    gate.reset("ada")
    return gate


def test_every_event_is_one_line(written):
    lines = list(written.audit.entries())
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line.event for line in lines] == ["enroll", *["attempt"] * 4, "reset"]
    line = lines[3]
    assert (line.owner, line.source, line.verdict) == ("ada", "camera 0", "accepted")
    assert (line.reason, line.margin, line.liveness) == ("match", 0.5, "off")
    assert abs(line.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert written.audit.verify() == 6


def test_it_is_read_by_owner_and_time(written):
    assert [line.number for line in written.audit.entries(owner="grace")] == [5]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert list(written.audit.entries(since=later)) == []
    assert len(list(written.audit.entries(until=later))) == 6


def test_an_empty_room_is_told_once(gate):
    for _ in range(20):
        gate.decide("ada", "camera 0", lambda: NO_FACE)
    assert gate.audit.verify() == 1
    gate.decide("ada", "camera 0", lambda: NO_MATCH)
    gate.decide("ada", "camera 0", lambda: NO_FACE)
    assert gate.audit.verify() == 3


def verified(folder):
    store = Store(folder)
    try:
        return Gate(store).audit.verify()
    finally:
        store.close()


CHANGES = {
    "changed": ("UPDATE log SET body = zeroblob(60) WHERE seq = 3",),
    "swapped": (
        "UPDATE log SET seq = -1 WHERE seq = 2",
        "UPDATE log SET seq = 2 WHERE seq = 3",
        "UPDATE log SET seq = 3 WHERE seq = -1",
    ),
    "removed": ("DELETE FROM log WHERE seq = 3",),
    "removed and closed up": (
        "DELETE FROM log WHERE seq = 3",
        "UPDATE log SET seq = -seq WHERE seq > 3",
        "UPDATE log SET seq = -seq - 1 WHERE seq < 0",
    ),
    "cut off": ("DELETE FROM log WHERE seq > 4",),
    "beheaded": ("DELETE FROM log WHERE seq < 3",),
    "emptied": ("DELETE FROM log",),
    "copied": ("INSERT INTO log SELECT 7, body FROM log WHERE seq = 3",),
    "put in another's place": (
        "UPDATE log SET body = (SELECT body FROM log WHERE seq = 2) WHERE seq = 4",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_done_to_the_lines_is_noticed(written, store, folder, change):
    for statement in CHANGES[change]:
        rows(folder, statement)
    with pytest.raises(VaultDamaged):
        written.audit.verify()
    store.close()
    with pytest.raises(VaultDamaged):
        verified(folder)


def test_the_lines_before_a_break_can_be_read(written, folder):
    rows(folder, "UPDATE log SET body = zeroblob(60) WHERE seq = 3")
    read = []
    with pytest.raises(VaultDamaged, match="entry 3"):
        read.extend(line.number for line in written.audit.entries())
    reading = written.audit.entries()
    assert [next(reading).number, next(reading).number] == [1, 2]
    reading.close()


@pytest.fixture
def rotated(gate, store, folder, monkeypatch):
    monkeypatch.setattr(audit, "MAX_ENTRIES", 120)
    monkeypatch.setattr(audit, "KEPT_ENTRIES", 50)
    for ten in range(33):
        with store.edit() as edit:
            for number in range(10 * ten, 10 * ten + 10):
                gate.note(edit, Event.TUNE, "ada", f"number {number}")
    return gate


def test_rotation_keeps_the_chain(rotated, store, folder):
    archives = sorted(folder.glob("audit-*.sealed"))
    assert len(archives) == 2
    assert rows(folder, "SELECT count(*) FROM log")[0][0] < 200
    assert [line.number for line in rotated.audit.entries()] == list(range(1, 331))
    assert [line.detail for line in rotated.audit.entries()][-1] == "number 329"
    store.rekey()
    assert rotated.audit.verify() == 330


@pytest.mark.parametrize("change", ["removed", "changed", "swapped"])
def test_whatever_is_done_to_an_archive_is_noticed(rotated, folder, change):
    first, second = sorted(folder.glob("audit-*.sealed"))
    if change == "removed":
        first.unlink()
    elif change == "changed":
        content = bytearray(first.read_bytes())
        content[100] ^= 1
        first.write_bytes(content)
    else:
        a, b = first.read_bytes(), second.read_bytes()
        first.write_bytes(b)
        second.write_bytes(a)
    with pytest.raises(VaultDamaged):
        rotated.audit.verify()


FULL = """
import resource, signal, sys
from pathlib import Path
from onlyme.errors import VaultError
from onlyme.gate.admission import Gate
from onlyme.types import Decision, Reason
from onlyme.vault.store import Store
yes = Decision(accepted=True, name="ada", reason=Reason.MATCH, margin=0.5, alpha=0.3)
gate = Gate(Store(Path(sys.argv[1])))
gate.decide("ada", "camera 0", lambda: yes)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def judge():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    return yes
try:
    gate.decide("ada", "camera 0", judge)
except VaultError:
    print("denied")
else:
    print("opened unlogged")
"""


def test_a_full_disk_denies(store, folder):
    store.close()
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "denied\n"
    again = Store(folder)
    gate = Gate(again)
    assert [line.reason for line in gate.audit.entries()] == ["match"]
    # The try that could not be written down counts as failed.
    assert gate.allowances().popitem()[1].tries == 4
    again.close()
