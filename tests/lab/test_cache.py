"""Stored results: a comparison survives `kill -9`, and uses only results that fit it."""

import os
import signal
import subprocess
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from onlyme.lab.comparison.cache import ResultCache, make_key
from onlyme.lab.comparison.compare import compare
from onlyme.lab.comparison.plan import Plan
from onlyme.lab.comparison.result import WayResult
from onlyme.lab.comparison.split import make_splits

PLAN = Plan(
    owners=1,
    photos=(2, 3),
    ways=("classifier", "compact"),
    strangers=4,
    unseen=8,
    limit=8,
    advice=0,
)

DRIVER = """
import sys, time
from pathlib import Path
from onlyme.lab.comparison.cache import ResultCache
from onlyme.lab.comparison.compare import compare
from onlyme.lab.comparison.plan import Plan
from onlyme.lab.people import People
from onlyme.lab.synthetic import draw_synthetic_faces
faces = tuple(draw_synthetic_faces(16, 7))
people = People(tuple(f"person {{index}}" for index in range(16)), faces)
def wait_to_be_killed(line):  # before the last training, so that a slow machine kills in time
    time.sleep(600 if line.startswith("4 of 4") else 0)
cache = ResultCache(Path(sys.argv[1]))
compare(people, Plan(**{plan!r}), cache=cache, on_step=wait_to_be_killed)
"""


def run(people, plan, folder):
    """Return the comparison, and for each result whether it was stored before."""
    lines = []
    done = compare(people, plan, cache=ResultCache(folder), on_step=lines.append)
    return done, [line.endswith("finished before") for line in lines]


@pytest.fixture(scope="module")
def finished(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    return folder, run(people, PLAN, folder)[0]


def copy_results(finished, folder):
    for path in finished[0].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return sorted(folder.iterdir())


def test_a_killed_comparison_continues_to_the_same_result(people, finished, tmp_path, environment):
    command = [environment["PYTHON"], "-c", DRIVER.format(plan=asdict(PLAN)), str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("*.npz")) and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    stored = len(list(tmp_path.glob("*.npz")))
    done, before = run(people, PLAN, tmp_path)
    assert 1 <= sum(before) == stored < 4
    assert done.to_json()["figures"] == finished[1].to_json()["figures"]


def test_a_stored_result_is_the_result_that_was_found(people, finished, tmp_path):
    copy_results(finished, tmp_path)
    done, before = run(people, PLAN, tmp_path)
    assert before == [True] * 4
    assert done.to_json() == finished[1].to_json()
    for one, other in zip(done.select("compact"), finished[1].select("compact"), strict=True):
        np.testing.assert_array_equal(one.pairs.unseen, other.pairs.unseen)
        assert one.pairs.drawn == other.pairs.drawn
        for points, expected in zip(one.look.maps["t-SNE"], other.look.maps["t-SNE"], strict=True):
            np.testing.assert_array_equal(points, expected)
        for (excess, faces), (number, pictures) in zip(
            one.look.hardest, other.look.hardest, strict=True
        ):
            assert excess == number
            np.testing.assert_array_equal(faces, pictures)


def test_only_their_user_can_read_stored_results(finished):
    for path in finished[0].iterdir():
        assert (path.stat().st_mode & 0o777) == 0o600


def test_other_options_use_no_stored_result_and_fewer_photos_use_theirs(people, finished, tmp_path):
    copy_results(finished, tmp_path)
    assert run(people, replace(PLAN, alpha=0.4, photos=(3,)), tmp_path)[1] == [False, False]
    assert run(people, replace(PLAN, photos=(3,)), tmp_path)[1] == [True, True]


@pytest.mark.parametrize("harm", ["cut", "emptied", "flipped"])
def test_a_damaged_result_is_trained_once_more(people, finished, tmp_path, harm):
    path = copy_results(finished, tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[: len(content) // 2], "emptied": b""}.get(harm, content))
    done, before = run(people, PLAN, tmp_path)
    assert sum(before) == 3
    assert done.to_json()["figures"] == finished[1].to_json()["figures"]


def test_one_more_owner_trains_only_the_new_one(people, finished, tmp_path):
    copy_results(finished, tmp_path)
    parts = []
    done = compare(
        people, replace(PLAN, owners=2), cache=ResultCache(tmp_path), on_partial=parts.append
    )
    assert [part.plan for part in parts] == [PLAN]
    assert parts[0].to_json()["figures"] == finished[1].to_json()["figures"]
    assert done.cells[:4] == finished[1].cells
    assert len(list(tmp_path.glob("*.npz"))) == 8


def test_a_higher_limit_trains_only_what_the_lower_one_cut_short(people, finished, tmp_path):
    copy_results(finished, tmp_path)
    ended = [cell.reason != "limit" for cell in finished[1].cells]
    assert False in ended
    done, before = run(people, replace(PLAN, limit=9), tmp_path)
    assert before == ended
    assert [cell.steps for cell in done.cells if cell.reason == "limit"] == [9] * ended.count(False)
    assert run(people, replace(PLAN, limit=2), tmp_path)[1] == [False] * 4


@pytest.mark.parametrize(
    ("reason", "limits"),
    [("zero loss", {60, 61, 900}), ("plateau", {60, 61, 900}), ("limit", {60})],
)
def test_a_result_serves_every_limit_that_leads_to_it(tmp_path, reason, limits):
    cache = ResultCache(tmp_path)
    result = WayResult("compact", "ada", 5, 0.5, (1.0,), (0.0,), (0.0,), reason, steps=60)
    cache.store("name", result)
    for limit in (50, 60, 61, 900):
        assert (cache.find("name", limit) == result) == (limit in limits)


def test_the_key_depends_on_the_photos_too(people):
    one, other = make_splits(people, PLAN)
    assert make_key(one, PLAN.make_spec("compact")) != make_key(other, PLAN.make_spec("compact"))
    assert make_key(one, PLAN.make_spec("compact")) != make_key(one, PLAN.make_spec("classifier"))
