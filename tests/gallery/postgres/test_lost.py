"""When connections break and servers die, nothing is lost and nothing is written twice."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from onlyme.errors import VaultBusy, VaultError
from onlyme.gallery.stores.postgres import PostgresStore, pool
from tests.gallery.contract import DIMENSION, People, assert_holds
from tests.gallery.postgres.killing import ROOT, killed_runs
from tests.gallery.postgres.wire import Wire

MODEL = "ab" * 32


@pytest.fixture
def people():
    return People()


@pytest.fixture
def store(database):
    PostgresStore.upgrade(database, MODEL, DIMENSION)
    opened = PostgresStore(database, MODEL, DIMENSION)
    yield opened
    opened.close()


def test_a_server_that_is_killed_while_somebody_writes_loses_and_doubles_nothing(mortal):
    outcome = killed_runs(mortal, kills=6)
    assert outcome.acknowledged > 6
    assert (outcome.lost, outcome.doubled, outcome.torn) == (0, 0, 0), outcome


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_change_whose_end_nobody_heard_is_done_once(
    server, database, store, people, tmp_path, moment
):
    with Wire(tmp_path, server.socket) as wire:
        address = database.replace(f"host={server.socket}", f"host={tmp_path}")
        wired = PostgresStore(address, MODEL, DIMENSION)
        rows = people.rows(3)
        for number, change in enumerate(
            (
                lambda: wired.replace(rows, dict.fromkeys((row.key for row in rows), None)),
                lambda: wired.note("salt", b"one", None),
                lambda: wired.remove([rows[0].key]),
            )
        ):
            wire.breaking = moment
            # A change done twice would find its own first try, and say it came too late.
            assert change() == (frozenset(), True, 1)[number]
            assert wire.broken == number + 1
            assert store.version == number + 1
        wired.close()
    assert_holds(store, rows[1:])
    assert store.notes() == {"salt": b"one"}


def test_a_store_goes_on_after_the_server_was_restarted(mortal, people, monkeypatch):
    monkeypatch.setattr(pool, "POSTGRES_WAIT_SECONDS", 60.0)  # a busy machine takes its time
    address = mortal.schema("restarted")
    PostgresStore.upgrade(address, MODEL, DIMENSION)
    store = PostgresStore(address, MODEL, DIMENSION)
    row = people.row()
    store.replace([row])
    with ThreadPoolExecutor(1) as asking:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            mortal.stop(how)
            # Asked while it is away: the answer comes when it is back.
            asked = asking.submit(store.find_nearest, row.vector[None], 1, generation=1)
            time.sleep(0.3)
            mortal.start()
            [[hit]] = asked.result(60)
            assert hit.key == row.key
            assert store.replace([people.row()]) == frozenset()
    assert store.count().rows == 4
    store.close()


def test_a_server_that_stays_away_is_named_within_the_time(mortal, people, monkeypatch):
    monkeypatch.setattr(pool, "POSTGRES_WAIT_SECONDS", 0.5)
    address = mortal.schema("away")
    PostgresStore.upgrade(address, MODEL, DIMENSION)
    store = PostgresStore(address, MODEL, DIMENSION)
    mortal.stop()
    for call in (store.count, lambda: store.replace(people.rows(1))):
        start = time.monotonic()
        with pytest.raises(VaultError, match=r"does not answer: .* is the server running"):
            call()
        assert time.monotonic() - start < 20
    with pytest.raises(VaultError, match="does not answer"):
        PostgresStore(address, MODEL, DIMENSION)
    mortal.start()
    assert store.count().rows == 0
    store.close()


def test_who_waits_too_long_for_another_is_told(database, store, people):
    hurried = PostgresStore(database, MODEL, DIMENSION)
    # A limit of its own, so that the test need not wait for ten seconds.
    hurried._pool.read(lambda link: link.exec_driver_sql("SET lock_timeout = '200ms'"))
    with psycopg.connect(database.replace("+psycopg", "")) as holding:
        holding.execute("SELECT version FROM onlyme_gallery FOR UPDATE")
        assert store.count().rows == 0  # readers do not wait
        with pytest.raises(VaultBusy, match=r"is busy: .* try again"):
            hurried.replace(people.rows(1))
        holding.rollback()
    assert hurried.replace(people.rows(1)) == frozenset()
    hurried.close()


MANY = """
import sys
import numpy as np
from onlyme.gallery.stores.postgres import PostgresStore
from tests.gallery.contract import DIMENSION, People
address, seed = sys.argv[1], int(sys.argv[2])
store = PostgresStore(address, "ab" * 32, DIMENSION)
people, counted = People(seed), 0
for turn in range(25):
    rows = people.rows(4)
    assert store.replace(rows, {row.key: None for row in rows}) == frozenset()
    [[hit]] = store.find_nearest(rows[0].vector[None], 1, generation=1, exact=turn % 2 == 0)
    assert hit.key == rows[0].key, turn
    assert store.remove([rows[3].key]) == 1
    while True:  # a counter that all of them share
        before = store.notes().get("counter")
        after = str(int(before or b"0") + 1).encode()
        if store.note("counter", after, before):
            break
"""


def test_several_processes_write_and_search_at_once(database, store):
    store.build_index(1)
    running = [
        subprocess.Popen([sys.executable, "-c", MANY, database, str(seed)], cwd=ROOT)
        for seed in range(4)
    ]
    try:
        assert [process.wait(120) for process in running] == [0] * 4
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert store.count() == (4 * 25 * 3, {1: 4 * 25 * 3})
    assert store.notes() == {"counter": b"100"}
    assert store.version == 4 * 25 * 3  # every change was counted, and none twice


def test_threads_share_connections_and_the_last_one_ends_them(server, database, store, people):
    rows = people.rows(8)
    store.replace(rows)
    stores = [PostgresStore(database, MODEL, DIMENSION) for _ in range(12)]
    wrong = []

    def search(one, row):
        for _ in range(20):
            [[hit]] = one.find_nearest(row.vector[None], 1, generation=1)
            if hit.key != row.key:
                wrong.append(hit)

    threads = [
        threading.Thread(target=search, args=(one, rows[at % 8])) for at, one in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'onlyme'"
    assert 1 <= int(server.query("postgres", mine)) <= 10
    for one in stores:
        one.close()
    assert store.count().rows == 8
    store.close()
    deadline = time.monotonic() + 20
    while server.query("postgres", mine) != "0\n" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.query("postgres", mine) == "0\n"


def test_a_forked_process_makes_connections_of_its_own(store, people):
    import os

    row = people.row()
    store.replace([row])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if store.count().rows == 1 and not store.replace([people.row()]) else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert store.count().rows == 2
