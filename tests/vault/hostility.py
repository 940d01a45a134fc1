# ruff: noqa: S311, S608 - chance, not secrets; table names of ours
"""What an attacker with the vault's files, but without its key, can do to them; used by tests and
benchmarks alike."""

import random
import shutil
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import OnlymeError, VaultDamaged
from onlyme.gate import audit
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.gate.clock import Moment
from onlyme.storage.template import Template
from onlyme.types import Decision, Reason
from onlyme.vault.store import Store

NO_MATCH = Decision(accepted=False, name="ada", reason=Reason.NO_MATCH, margin=0.1, alpha=0.3)
KINDS = ("flip", "truncate", "swap", "roll back rows", "roll back pages")


def frozen():
    """Time stands still, or else tries come back while this runs."""
    return Moment("one boot", 1000.0)


def template(name, alpha, rng, rows=5):
    drawn = rng.standard_normal((rows, 128))
    me = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    values = {"me": me, "alpha": alpha}
    return Template(name, "ab" * 32, datetime(2026, 1, 1, tzinfo=UTC), values, {"me": "me"})


def furnish(folder):
    """Make a vault with some history; return snapshots of it, oldest first."""
    rng = np.random.default_rng(1)
    store = Store(folder / "now")
    gate = Gate(store, now=frozen)
    snapshots = []
    most, keep = audit.MAX_ENTRIES, audit.KEPT_ENTRIES
    audit.MAX_ENTRIES, audit.KEPT_ENTRIES = 50, 20
    try:
        for step in range(4):
            with store.edit() as edit:
                for name in ("ada", "grace", "edith"):
                    edit.put(template(name, 0.1 * step, rng))
                for number in range(40):
                    gate.note(edit, Event.TUNE, "ada", f"{step} {number}")
            gate.decide("ada", "camera 0", lambda: NO_MATCH)
            store.copy_to(folder / f"snapshot-{step}")
            snapshots.append(folder / f"snapshot-{step}")
    finally:
        audit.MAX_ENTRIES, audit.KEPT_ENTRIES = most, keep
    store.close()
    Store(folder / "now", anchor=folder / "anchor").close()
    return snapshots


def content(folder, anchor=None):
    """Everything that can be read: templates, records, standings and the log."""
    store = Store(folder, anchor=anchor)
    try:
        gate = Gate(store, now=frozen)
        read = [
            (name, store.get(name).values["alpha"], store.get(name).values["me"].round(5).tobytes())
            for name in store.names()
        ]
        read += [(place, standing.tries) for place, standing in gate.allowances().items()]
        read += [(line.number, line.detail) for line in gate.audit.entries()]
        with store.edit() as edit:
            gate.note(edit, Event.TUNE, "ada", "one more")
        again = [store.get(name).values["alpha"] for name in store.names()]
        read += [*again, gate.audit.verify()]
    finally:
        store.close()
    return read


def mutate(folder, kind, rng, snapshots):
    """Do one hostile thing to the vault; return whether it did anything."""
    path = folder / "vault.sqlite"
    before = path.read_bytes()
    if kind in {"flip", "truncate"}:
        target = rng.choice([path, path, path, *folder.glob("audit-*")])
        body = bytearray(target.read_bytes())
        if kind == "truncate":
            target.write_bytes(body[: rng.randrange(len(body))])
            return True
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] ^= rng.randint(1, 255)
        target.write_bytes(body)
        return True
    if kind == "roll back pages":
        old = rng.choice(snapshots).read_bytes()
        pages = range(0, min(len(old), len(before)), 4096)
        body = bytearray(before)
        for at in rng.sample(pages, rng.randint(1, len(pages))):
            body[at : at + 4096] = old[at : at + 4096]
        path.write_bytes(body)
        return bytes(body) != before and bytes(body[: len(old)]) != old
    database = sqlite3.connect(path)
    try:
        if kind == "swap":
            _swap(database, rng)
        else:
            _put_back(database, rng, rng.choice(snapshots[:-1]))
        database.commit()
    finally:
        database.close()
    return True


def _swap(database, rng):
    table, key = rng.choice([("record", "id"), ("log", "seq")])
    rows = database.execute(f"SELECT {key}, body FROM {table}").fetchall()
    (a, body_a), (b, body_b) = rng.sample(rows, 2)
    database.execute(f"UPDATE {table} SET body = ? WHERE {key} = ?", (body_b, a))
    database.execute(f"UPDATE {table} SET body = ? WHERE {key} = ?", (body_a, b))


def _put_back(database, rng, snapshot):
    """Put back some of the rows that changed since, but not all."""
    old = sqlite3.connect(snapshot)
    changed = []
    for table, key in (("record", "id"), ("log", "seq"), ("manifest", "id")):
        now = dict(database.execute(f"SELECT {key}, body FROM {table}").fetchall())
        was = dict(old.execute(f"SELECT {key}, body FROM {table}").fetchall())
        changed += [(table, key, row, body) for row, body in was.items() if now.get(row) != body]
    old.close()
    for table, key, row, body in rng.sample(changed, rng.randint(1, len(changed) - 1)):
        database.execute(f"INSERT OR REPLACE INTO {table} ({key}, body) VALUES (?, ?)", (row, body))


def hostile_runs(folder: Path, count, seed=0):
    """Do `count` hostile things, each to a fresh copy; return how many of each came out how.

    Raises:
        AssertionError: something was neither noticed nor without effect.
    """
    folder.mkdir()
    snapshots = furnish(folder)
    rng, outcomes = random.Random(seed), Counter()
    work = folder / "work"
    shutil.copytree(folder / "now", work)
    truth = content(work)
    earlier = []
    for snapshot in snapshots[:-1]:
        shutil.copy(snapshot, work / "vault.sqlite")
        earlier.append(content(work))
    for number in range(count):
        shutil.rmtree(work)
        shutil.copytree(folder / "now", work)
        kind = KINDS[number % len(KINDS)]
        if not mutate(work, kind, rng, snapshots):
            outcomes[kind, "nothing done"] += 1
            continue
        try:
            read = content(work)
        except OnlymeError:
            outcomes[kind, "noticed"] += 1
            continue
        if read in earlier:  # every page that matters: that is all of it, for an anchor to notice
            assert kind == "roll back pages"
            with pytest.raises(VaultDamaged, match="rolled back"):
                content(work, folder / "anchor")
            outcomes[kind, "all of it; noticed by the anchor"] += 1
            continue
        assert read == truth, f"run {number} ({kind}, seed {seed}) went unnoticed"
        outcomes[kind, "without effect"] += 1
    return outcomes
