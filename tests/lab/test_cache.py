"""Finished cells: a comparison survives `kill -9`, and takes nothing that is not its own."""

import os
import signal
import subprocess
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from onlyme.lab.comparison.cache import ResultCache, make_key
from onlyme.lab.comparison.compare import Plan, compare
from onlyme.lab.comparison.result import WayResult
from onlyme.lab.comparison.split import make_splits

PLAN = Plan(owners=1, photos=(2, 3), ways=("classifier", "compact"), strangers=4, unseen=8, limit=8)

DRIVER = """
import sys, time
from pathlib import Path
from onlyme.lab.comparison.compare import Plan, compare
from onlyme.lab.comparison.cache import Kept
from onlyme.lab.people import People
from onlyme.lab.synthetic import drawn
people = People(tuple(f"person {{index}}" for index in range(16)), tuple(drawn(16, 7)))
def tell(line):  # the last cell waits to be killed, so that slow machines kill in time
    time.sleep(600 if line.startswith("4 of 4") else 0)
compare(people, Plan(**{plan!r}), kept=Kept(Path(sys.argv[1])), tell=tell)
"""


def told(people, plan, folder):
    """Compare, and return the comparison, and which cells were finished before."""
    lines = []
    done = compare(people, plan, cache=ResultCache(folder), on_step=lines.append)
    return done, [line.endswith("finished before") for line in lines]


@pytest.fixture(scope="module")
def whole(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    return folder, told(people, PLAN, folder)[0]


def copied(whole, folder):
    for path in whole[0].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return sorted(folder.iterdir())


def test_a_killed_comparison_goes_on_and_comes_to_the_same(people, whole, tmp_path, environment):
    command = [environment["PYTHON"], "-c", DRIVER.format(plan=asdict(PLAN)), str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("*.npz")) and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    finished = len(list(tmp_path.glob("*.npz")))
    done, before = told(people, PLAN, tmp_path)
    assert 1 <= sum(before) == finished < 4
    assert done.to_json()["figures"] == whole[1].to_json()["figures"]


def test_what_is_kept_is_what_was_found(people, whole, tmp_path):
    copied(whole, tmp_path)
    done, before = told(people, PLAN, tmp_path)
    assert before == [True] * 4
    assert done.to_json() == whole[1].to_json()
    for one, other in zip(done.select("compact"), whole[1].of("compact"), strict=True):
        for points, expected in zip(one.look.map, other.look.map, strict=True):
            np.testing.assert_array_equal(points, expected)
        for (excess, faces), (number, pictures) in zip(
            one.look.hardest, other.look.hardest, strict=True
        ):
            assert excess == number
            np.testing.assert_array_equal(faces, pictures)


def test_cells_are_for_their_user_alone(whole):
    for path in whole[0].iterdir():
        assert (path.stat().st_mode & 0o777) == 0o600


def test_other_options_take_no_cell_and_fewer_photos_their_own(people, whole, tmp_path):
    copied(whole, tmp_path)
    assert told(people, replace(PLAN, alpha=0.4, photos=(3,)), tmp_path)[1] == [False, False]
    assert told(people, replace(PLAN, photos=(3,)), tmp_path)[1] == [True, True]


@pytest.mark.parametrize("harm", ["cut", "emptied", "flipped"])
def test_a_damaged_cell_is_trained_once_more(people, whole, tmp_path, harm):
    path = copied(whole, tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[: len(content) // 2], "emptied": b""}.get(harm, content))
    done, before = told(people, PLAN, tmp_path)
    assert sum(before) == 3
    assert done.to_json()["figures"] == whole[1].to_json()["figures"]


def test_an_owner_more_trains_the_new_one_only(people, whole, tmp_path):
    copied(whole, tmp_path)
    parts = []
    done = compare(
        people, replace(PLAN, owners=2), cache=ResultCache(tmp_path), on_partial=parts.append
    )
    assert [part.plan for part in parts] == [PLAN]
    assert parts[0].to_json()["figures"] == whole[1].to_json()["figures"]
    assert done.cells[:4] == whole[1].cells
    assert len(list(tmp_path.glob("*.npz"))) == 8


def test_a_higher_limit_trains_only_what_the_lower_one_cut_short(people, whole, tmp_path):
    copied(whole, tmp_path)
    ended = [cell.reason != "limit" for cell in whole[1].cells]
    assert False in ended
    done, before = told(people, replace(PLAN, limit=9), tmp_path)
    assert before == ended
    assert [cell.steps for cell in done.cells if cell.reason == "limit"] == [9] * ended.count(False)
    assert told(people, replace(PLAN, limit=2), tmp_path)[1] == [False] * 4


@pytest.mark.parametrize(
    ("reason", "limits"),
    [("zero loss", {60, 61, 900}), ("plateau", {60, 61, 900}), ("limit", {60})],
)
def test_a_cell_stands_for_every_limit_that_comes_to_it(tmp_path, reason, limits):
    kept = ResultCache(tmp_path)
    cell = WayResult("compact", "ada", 5, 0.5, (1.0,), (0.0,), (0.0,), reason, steps=60)
    kept.keep("name", cell)
    for limit in (50, 60, 61, 900):
        assert (kept.find("name", limit) == cell) == (limit in limits)


def test_a_name_stands_for_the_photos_too(people):
    one, other = make_splits(people, 1, (2, 3), 4, 8, 0)
    assert make_key(one, PLAN.make_spec("compact")) != make_key(other, PLAN.make_spec("compact"))
    assert make_key(one, PLAN.make_spec("compact")) != make_key(one, PLAN.make_spec("classifier"))
