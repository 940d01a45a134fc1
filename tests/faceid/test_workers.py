"""Worker processes run every task once, also when one of them crashes."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from math import inf
from pathlib import Path

import pytest

from onlyme.errors import ImageError, OnlymeError
from onlyme.faceid.workers import WorkerPool, count_cores, read_core_quota

ROOT = Path(__file__).parents[2]


def squaring():
    return square


def square(number):
    return number * number, os.getpid()


def deadly(deaths):
    return partial(die, deaths)


def die(deaths, number):
    if number in deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refusing():
    return refuse


def refuse(number):
    if number == 3:
        raise ImageError("three.jpg", "is no picture")
    return number


def sleeping():
    return time.sleep


def test_every_task_is_done_once():
    with WorkerPool(squaring, 2) as pool:
        done = dict(pool.run(range(50)))
        assert {task: result[0] for task, result in done.items()} == {n: n * n for n in range(50)}
        assert len({result[1] for result in done.values()}) == 2
        assert list(pool.run([])) == []
        assert dict(pool.run([7]))[7][0] == 49  # the same workers, once more


def test_a_task_that_crashes_its_worker_yields_none_and_the_others_are_done():
    with WorkerPool(partial(deadly, {4, 9, 10}), 2) as pool:
        done = dict(pool.run(range(20)))
    assert {task for task, result in done.items() if result is None} == {4, 9, 10}
    assert all(result == task for task, result in done.items() if result is not None)
    assert set(done) == set(range(20))


def test_when_every_worker_crashes_the_pool_gives_up():
    with (
        WorkerPool(partial(deadly, set(range(100))), 2) as pool,
        pytest.raises(OnlymeError, match="crashed in a row"),
    ):
        list(pool.run(range(100)))


def test_what_a_worker_raises_is_raised():
    with WorkerPool(refusing, 1) as pool, pytest.raises(ImageError, match=r"three\.jpg"):
        list(pool.run(range(5)))


def test_workers_go_when_their_parent_is_killed():
    code = (
        "from onlyme.faceid.workers import WorkerPool\n"
        "from tests.faceid.test_workers import sleeping\n"
        "if __name__ == '__main__':\n"
        "    pool = WorkerPool(sleeping, 2)\n"
        "    print(*(worker._process.pid for worker in pool._workers), flush=True)\n"
        "    list(pool.run([0.1] * 1000))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        assert all(Path(f"/proc/{worker}").exists() for worker in workers)
        parent.kill()
    deadline = time.monotonic() + 20
    while any(running(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


# ------------------------------------------------------------------- how many cores


@pytest.mark.parametrize(
    ("listing", "files", "cores"),
    [
        ("0::/\n", {}, inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"}, 0.5),
        ("0::/a/b\n", {"cpu.max": "200000 100000"}, 2.0),  # a container's own tree
        ("4:cpu,cpuacct:/x\n0::/\n", {
            "cpu,cpuacct/x/cpu.cfs_quota_us": "300000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
        }, 3.0),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, inf),
        ("4:cpuset:/\n", {"cpu.max": "100000 100000"}, inf),
        ("0::/\n", {"cpu.max": "nonsense"}, inf),
        ("0::/\n", {"cpu.max": "1 0"}, inf),
        ("nonsense\n", {}, inf),
    ],
)  # fmt: skip
def test_a_containers_share_of_the_cores(tmp_path, listing, files, cores):
    (tmp_path / "listing").write_text(listing)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert read_core_quota(tmp_path / "groups", tmp_path / "listing") == cores


def test_one_core_at_least(monkeypatch):
    monkeypatch.setattr("onlyme.faceid.workers.read_core_quota", lambda: 0.1)
    assert count_cores() == 1
    monkeypatch.undo()
    assert 1 <= count_cores() <= (os.cpu_count() or 1)
