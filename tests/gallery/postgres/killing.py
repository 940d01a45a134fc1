"""Kill a server during writes, and compare what it acknowledged with what it holds.

The writer is a process of its own. It writes batch after batch, and prints each batch that was
acknowledged. Every batch is one change, and the store counts its changes: so a lost batch shows as
a missing row, and one that was written twice as a change too many.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from onlyme.gallery.stores.protocol import Row

ROOT = Path(__file__).parents[3]
DIMENSION = 16
MODEL = "cd" * 32
BATCH = 5


class Outcome(NamedTuple):
    """What became of the writer's batches."""

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    torn: int


def batch(number):
    """The rows of a batch, always the same for one number. Every second batch replaces others."""
    drawn = np.random.default_rng(number)
    vectors = drawn.standard_normal((BATCH, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first = (number // 2 if number % 2 else number) * BATCH
    return [
        Row((first + at).to_bytes(16, "big"), 1, bytes(f"batch {number}", "ascii"), vectors[at])
        for at in range(BATCH)
    ]


def write(address):
    """Write until standard input ends; print each batch that was acknowledged."""
    from onlyme.gallery.stores.postgres import PostgresStore, pool

    pool.POSTGRES_WAIT_SECONDS = 60.0  # a busy machine takes its time to recover
    store = PostgresStore(address, MODEL, DIMENSION)
    os.set_blocking(0, False)
    number = 0
    while not _ended():
        store.replace(batch(number))
        print(number, flush=True)  # noqa: T201 - this is how it tells
        number += 1
    store.close()


def _ended():
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


def killed_runs(server, kills, seed=0):
    """Kill the server again and again during writes; return the outcome."""
    from onlyme.gallery.stores.postgres import PostgresStore

    chance = random.Random(seed)  # noqa: S311 - no secret
    address = server.schema("killed")
    PostgresStore.upgrade(address, MODEL, DIMENSION)
    command = [
        sys.executable,
        "-c",
        f"from tests.gallery.postgres.killing import write; write({address!r})",
    ]
    writer = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    acknowledged = []

    def listen():
        for line in writer.stdout:
            acknowledged.append(int(line))  # noqa: PERF401 - others look while it grows

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        for kill in range(kills):
            _wait_for_more(acknowledged, writer)  # so that it writes when the server dies
            time.sleep(chance.uniform(0.0, 0.05))
            _end(server, kill)
            time.sleep(chance.uniform(0.0, 0.05))
            server.start()
        _wait_for_more(acknowledged, writer)
        writer.stdin.close()
        writer.wait(120)
        listening.join(60)
    finally:
        writer.kill()
        writer.wait()
        listening.join(60)
        writer.stdout.close()
    assert writer.returncode == 0
    return _judged(PostgresStore(address, MODEL, DIMENSION), kills, acknowledged)


def _wait_for_more(acknowledged, writer):
    before, deadline = len(acknowledged), time.monotonic() + 120
    while len(acknowledged) == before:
        assert writer.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _end(server, kill):
    """End the server in one of three ways that give it no time to prepare."""
    if kill % 3 == 2:
        pids = server.query(
            "postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'onlyme'"
        )
        for pid in map(int, pids.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # the server ends all others, and recovers by itself
        server.stop(signal.SIGQUIT)
    elif kill % 3 == 1:
        server.stop(signal.SIGQUIT)
    else:
        server.kill()


def _judged(store, kills, acknowledged):
    wanted = {}
    for number in acknowledged:
        wanted |= {row.key: row for row in batch(number)}
    held = {row.key: row for block in store.blocks() for row in block}
    same = [
        key in held
        and held[key].sealed == row.sealed
        and np.array_equal(held[key].vector, row.vector)
        for key, row in wanted.items()
    ]
    outcome = Outcome(
        kills,
        len(acknowledged),
        lost=same.count(False),
        doubled=store.version - len(acknowledged),
        torn=len(set(held) - set(wanted)),
    )
    store.close()
    return outcome
