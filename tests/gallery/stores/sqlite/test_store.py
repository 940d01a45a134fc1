"""The SQLite store keeps the contract, with an index and without."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import NeedsReenroll, VaultDamaged, VaultError
from onlyme.gallery.stores.sqlite.store import SqliteStore
from tests.gallery.contract import DIMENSION, Contract, People, assert_holds
from tests.gallery.plain import Plain

MODEL = "ab" * 32
ROOT = Path(__file__).parents[4]


def opened(folder):
    return SqliteStore(folder / "gallery.sqlite", MODEL, DIMENSION)


class TestEmbedded(Contract):
    @pytest.fixture
    def opens(self, tmp_path):
        return lambda: opened(tmp_path)


@pytest.fixture(scope="module")
def deserted(tmp_path_factory):
    """A store whose index holds none of the remaining rows."""
    folder = tmp_path_factory.mktemp("deserted")
    store = opened(folder)
    gone = People(99).rows(600) + People(98).rows(600, generation=2)
    store.replace(gone)
    store.build_index(1)
    store.build_index(2)
    assert store.list_indexes() == [1, 2]
    store.remove([row.key for row in gone])
    store.close()
    return folder


class TestIndexed(Contract):
    """The same beside an old index: all that is held has changed since."""

    @pytest.fixture
    def opens(self, tmp_path, deserted):
        shutil.copytree(deserted, tmp_path / "store")
        return lambda: opened(tmp_path / "store")


@pytest.fixture
def store(tmp_path):
    opening = opened(tmp_path)
    yield opening
    opening.close()


@pytest.fixture
def people():
    return People()


def keys(found):
    return [[hit.key for hit in hits] for hits in found]


# --------------------------------------------------------------------------- files


def test_its_files_are_private(store, people, tmp_path):
    store.replace(people.rows(600))
    store.find_nearest(people.vectors(1), 1, generation=1)
    store.build_index(1)
    files = {path.name for path in tmp_path.iterdir()}
    assert {"gallery.sqlite", "gallery.1.matrix", "gallery.1.index", "gallery.lock"} <= files
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_another_networks_rows_are_refused(store, tmp_path):
    for model, dimension in (("cd" * 32, DIMENSION), (MODEL, DIMENSION + 1)):
        with pytest.raises(NeedsReenroll):
            SqliteStore(tmp_path / "gallery.sqlite", model, dimension)


def test_somebody_elses_files_are_refused(tmp_path):
    (tmp_path / "noise.sqlite").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(VaultError):
        SqliteStore(tmp_path / "noise.sqlite", MODEL, DIMENSION)
    connection = sqlite3.connect(tmp_path / "other.sqlite")
    connection.execute("CREATE TABLE things (id INTEGER)")
    connection.close()
    with pytest.raises(VaultDamaged):
        SqliteStore(tmp_path / "other.sqlite", MODEL, DIMENSION)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "header", "noise", "old", "other"])
def test_a_matrix_that_is_damaged_comes_back(store, people, tmp_path, damage):
    rows = people.rows(200)
    store.replace(rows[:100])
    store.find_nearest(people.vectors(1), 1, generation=1)
    path = tmp_path / "gallery.1.matrix"
    old = path.read_bytes()
    store.replace(rows[100:])
    store.find_nearest(people.vectors(1), 1, generation=1)
    whole = path.read_bytes()
    store.close()
    match damage:
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(whole[: 4096 + 50 * DIMENSION * 4])
        case "header":
            path.write_bytes(whole[:30] + b"\xff" + whole[31:])
        case "noise":
            path.write_bytes(people.random.bytes(len(whole)))
        case "old":
            path.write_bytes(old)
        case "other":  # of another store
            other = SqliteStore(tmp_path / "other.sqlite", MODEL, DIMENSION)
            other.replace(people.rows(300))
            other.find_nearest(people.vectors(1), 1, generation=1)
            other.close()
            (tmp_path / "other.1.matrix").replace(path)
    again = opened(tmp_path)
    plain = Plain(DIMENSION)
    plain.replace(rows)
    queries = people.vectors(10)
    found = again.find_nearest(queries, 3, generation=1)
    assert keys(found) == keys(plain.find_nearest(queries, 3, generation=1))
    again.close()


def test_a_bent_vector_in_the_matrix_lets_nobody_be_nearer_than_they_are(store, people, tmp_path):
    rows = people.rows(50)
    store.replace(rows)
    query = people.vectors(1)
    store.find_nearest(query, 1, generation=1)
    path = tmp_path / "gallery.1.matrix"
    content = bytearray(path.read_bytes())
    for slot in range(50):  # all rows equal the query now
        content[4096 + slot * DIMENSION * 4 :][: DIMENSION * 4] = b""
        start = 4096 + slot * DIMENSION * 4
        content[start : start + DIMENSION * 4] = query.tobytes()
    path.write_bytes(bytes(content))
    [hits] = store.find_nearest(query, 50, generation=1)
    true = {row.key: float(row.vector.astype(float) @ query[0].astype(float)) for row in rows}
    for hit in hits:
        assert hit.similarity == pytest.approx(true[hit.key], abs=1e-6)


def test_one_more_person_does_not_rewrite_the_matrix(store, people, tmp_path):
    store.replace(people.rows(3000))
    store.find_nearest(people.vectors(1), 1, generation=1)
    path = tmp_path / "gallery.1.matrix"
    before, inode = path.read_bytes(), path.stat().st_ino
    row = people.row()
    store.replace([row])
    [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
    assert hit.key == row.key
    after = path.read_bytes()
    assert path.stat().st_ino == inode
    assert len(after) == len(before)
    changed = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    start = 4096 + 3000 * DIMENSION * 4
    assert all(at < 64 or start <= at < start + DIMENSION * 4 for at in changed.tolist())


def test_free_slots_are_used_again(store, people, tmp_path):
    rows = people.rows(100)
    store.replace(rows)
    store.remove([row.key for row in rows[:60]])
    store.replace(people.rows(60))
    store.find_nearest(people.vectors(1), 1, generation=1)
    slots = store._derived.load_matrix(1).shape[0]
    assert slots == 100


# --------------------------------------------------------------------------- index


@pytest.fixture
def indexed(store, people):
    rows = people.rows(1000)
    store.replace(rows)
    store.build_index(1)
    return rows


def test_an_index_finds_what_is_near(store, indexed, people):
    assert store.list_indexes() == [1]
    queries = np.stack([row.vector for row in indexed[:200]]) + 0.05 * people.vectors(200)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found = store.find_nearest(queries, 3, generation=1)
    exact = store.find_nearest(queries, 3, generation=1, exact=True)
    same = [one[0] == other[0] for one, other in zip(found, exact, strict=True)]
    assert np.mean(same) >= 0.99
    for hits in found:
        assert hits == sorted(hits, key=lambda hit: (-hit.similarity, hit.key))


def test_what_changed_since_an_index_was_built_is_found(store, indexed, people):
    new, gone, changed = people.row(), indexed[5], people.row(indexed[9].key)
    store.replace([new, changed])
    store.remove([gone.key])
    for row in (new, changed):
        [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
        assert (hit.key, round(hit.similarity, 4)) == (row.key, 1.0)
    for row in (gone, indexed[9]):
        [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
        assert hit.similarity < 0.99


def test_scrubbing_reaches_the_index(store, indexed, people, tmp_path):
    import faiss

    def image(row):
        """How near a row is to the coarse vector that the index holds in its slot."""
        index = faiss.read_index(str(tmp_path / "gallery.1.index"))
        return float(index.reconstruct(slots[row.key] - 1) @ row.vector)

    slots = dict(store._file.run("SELECT key, slot FROM person").fetchall())
    touched = indexed[:10]
    assert min(image(row) for row in indexed[:20]) > 0.7
    store.remove([row.key for row in touched[:5]])
    store.replace([people.row(row.key) for row in touched[5:]])
    store.scrub()
    assert max(image(row) for row in touched) < 0.7
    assert min(image(row) for row in indexed[10:20]) > 0.7
    [[hit]] = store.find_nearest(indexed[60].vector[None], 1, generation=1)
    assert hit.key == indexed[60].key


@pytest.mark.parametrize("damage", ["gone", "noise", "cut"])
def test_without_its_index_a_store_looks_at_every_row(store, indexed, tmp_path, damage):
    store.close()
    path = tmp_path / "gallery.1.index"
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(bytes(4000) if damage == "noise" else content[:1000])
    again = opened(tmp_path)
    [[hit]] = again.find_nearest(indexed[7].vector[None], 1, generation=1)
    assert hit.key == indexed[7].key
    again.close()


def test_an_index_can_be_dropped_and_built_again(store, indexed, people, tmp_path):
    store.drop_index(1)
    assert store.list_indexes() == []
    assert not (tmp_path / "gallery.1.index").exists()
    store.replace(people.rows(10))
    store.build_index(1)
    inode = (tmp_path / "gallery.1.index").stat().st_ino
    store.build_index(1)  # it has every row
    assert (tmp_path / "gallery.1.index").stat().st_ino == inode


# ----------------------------------------------------------------------- processes

WRITER = """
import sys
from pathlib import Path
from tests.gallery.contract import People
from tests.gallery.stores.sqlite.test_store import opened
store, people = opened(Path(sys.argv[1])), People(int(sys.argv[2]))
print("ready", flush=True)
while True:
    rows = people.rows(20)
    store.replace(rows)
    print(*(row.key.hex() for row in rows), flush=True)
    store.find_nearest(rows[0].vector[None], 1, generation=1)
"""


def writer(folder, seed):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_kill_9_leaves_whole_changes_and_a_matrix_that_finds_them(tmp_path):
    random, written = np.random.default_rng(1), set()
    for run in range(8):
        with writer(tmp_path, 100 + run) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(float(random.uniform(0.02, 0.25)))
            os.kill(process.pid, signal.SIGKILL)
            said = [line.split() for line in process.stdout.read().split("\n")]
        written |= {bytes.fromhex(key) for line in said if len(line) == 20 for key in line}
        store = opened(tmp_path)
        rows = [row for block in store.blocks() for row in block]
        held = {row.key for row in rows}
        assert written <= held
        assert len(held) % 20 == 0  # no change by half
        for row in rows[:: max(1, len(rows) // 25)]:
            [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
            assert (hit.key, round(hit.similarity, 4)) == (row.key, 1.0)
        store.close()
    assert written


def test_processes_that_write_and_search_at_once_lose_nothing(tmp_path):
    workers = [writer(tmp_path, seed) for seed in range(3)]
    store, deadline = opened(tmp_path), time.monotonic() + 60
    try:
        while store.count().rows < 600:
            assert time.monotonic() < deadline
            for block in list(store.blocks(size=50))[:1]:
                for row in block[::10]:
                    [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
                    assert hit.key == row.key
    finally:
        said = []
        for worker in workers:
            worker.kill()
            said += worker.stdout.read().split("\n")
            worker.stdout.close()
            worker.wait()
    written = {key for line in said if len(line.split()) == 20 for key in line.split()}
    assert len(written) >= 500
    assert written <= {row.key.hex() for block in store.blocks() for row in block}
    store.close()


def test_what_a_search_finds_is_what_is_written(store, people):
    """The matrix keeps up with any course of changes; at the end it equals the rows."""
    plain = Plain(DIMENSION)
    for _ in range(30):
        rows = people.rows(int(people.random.integers(1, 40)))
        gone = [key for key in plain.held if people.random.random() < 0.2]
        for one in (store, plain):
            one.replace(rows)
            one.remove(gone)
        query = people.vectors(1)
        found = store.find_nearest(query, 4, generation=1)
        assert keys(found) == keys(plain.find_nearest(query, 4, generation=1))
    assert_holds(store, list(plain.held.values()))
    matrix = store._derived.load_matrix(1)
    live = matrix[np.linalg.norm(matrix, axis=1) > 0.5]
    assert len(live) == len(plain.held)
    wanted = np.stack([row.vector for row in plain.held.values()])
    assert np.array_equal(np.sort(live, axis=0), np.sort(wanted, axis=0))
