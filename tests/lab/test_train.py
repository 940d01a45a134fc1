"""Training learns, repeats, stops, and survives `kill -9`."""

import csv
import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from onlyme.errors import UsageError
from onlyme.lab.networks import build_network
from onlyme.lab.run import Run
from onlyme.lab.spec import Spec
from onlyme.lab.train import train

DRIVER = """
import sys, time
from pathlib import Path
from onlyme.lab.module import Training
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.lab.train import train
step = Training.training_step
def step_or_wait(self, *arguments):  # so that a slow machine kills before the end of the run
    time.sleep(600 if self.global_step == 30 else 0)
    return step(self, *arguments)
Training.training_step = step_or_wait
faces = draw_synthetic_faces(8, 5)
train(Photos(faces[0], faces[1:, 0]), Spec(**{spec!r}), Path(sys.argv[1]))
"""

LONG = {"way": "compact", "limit": 40, "every": 4, "patience": 1000}


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.network.parameters()])


@pytest.mark.parametrize(
    "spec",
    [
        *(Spec(way, limit=300, patience=2) for way in ("classifier", "two-head", "compact")),
        Spec("article", alpha=0.0, side=24, limit=1500, patience=2),
    ],
    ids=lambda spec: spec.way,
)
def test_a_way_learns_its_owner(spec, photos):
    trained = train(photos, spec)
    assert trained.result.reason == "zero loss"
    assert (trained.scores(photos.me) >= trained.threshold).all()
    assert (trained.scores(photos.not_me) < trained.threshold).all()
    assert trained.result.steps < spec.limit
    assert trained.result.peak_bytes > 50e6


def test_the_articles_step_repeats_its_dropout(photos):
    """With the pools that shrink, so that the test is quick; the step is the same."""
    spec = Spec("article", faithful=False, rate=0.01, limit=4, every=2)
    once, again = train(photos, spec), train(photos, spec)
    assert torch.equal(weights(once), weights(again))
    assert not torch.equal(weights(once), weights(train(photos, replace(spec, limit=2))))


def test_a_long_gradient_of_the_articles_network_is_shortened(photos):
    """Otherwise its unbounded vectors may become infinite or NaN."""
    spec = Spec("article", side=24, limit=1)
    before = torch.cat([p.detach().flatten() for p in build_network(spec).parameters()])
    after = weights(train(photos, spec))
    assert float((after - before).norm()) == pytest.approx(spec.learning_rate * spec.clip, rel=1e-3)


def test_the_articles_rate_fits_the_side_of_its_pictures():
    """Half the side, a quarter of the features: each may move four times as far."""
    whole, half = Spec("article"), Spec("article", side=122)
    assert half.learning_rate == pytest.approx(4 * whole.learning_rate)
    assert half.clip == pytest.approx(whole.clip / 2)
    assert Spec("article", side=56).threads == 1
    assert whole.threads is None


def test_a_rate_that_is_too_high_is_reported(photos):
    trained = train(photos, Spec("article", faithful=False, rate=1e30, limit=40, every=2))
    assert trained.result.reason == "diverged"
    assert trained.result.steps < 40


def test_the_same_seed_gives_the_same_bits(photos):
    spec = Spec("compact", limit=6, every=3)
    assert torch.equal(weights(train(photos, spec)), weights(train(photos, spec)))


def test_a_run_stores_its_network_and_result(photos, tmp_path):
    trained = train(photos, Spec("compact", limit=15), tmp_path / "run")
    again = Run(tmp_path / "run").load()
    assert torch.equal(weights(trained), weights(again))
    assert again.result == trained.result
    np.testing.assert_array_equal(again.scores(photos.me), trained.scores(photos.me))
    with (tmp_path / "run" / "log" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    assert len(rows) == trained.result.steps
    assert ((tmp_path / "run" / "photos.npz").stat().st_mode & 0o777) == 0o600


def test_a_folder_in_use_is_refused_and_another_run_is_not_resumed(photos, tmp_path):
    spec = Spec("compact", limit=5)
    done = train(photos, spec, tmp_path)
    with pytest.raises(UsageError, match="--resume, or choose another"):
        train(photos, spec, tmp_path)
    with pytest.raises(UsageError, match="other options or photos"):
        train(photos, Spec("compact", alpha=0.1, limit=5), tmp_path, resume=True)
    assert torch.equal(weights(train(photos, spec, tmp_path, resume=True)), weights(done))


def test_a_killed_run_continues_to_the_same_bits(photos, tmp_path, environment):
    run = Run(tmp_path / "run")
    driver = DRIVER.format(spec=LONG)
    command = [environment["PYTHON"], "-c", driver, str(run.folder)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 240
        while not run.checkpoint.exists() and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.01)
        time.sleep(0.2)  # some steps beyond a checkpoint, or half of the next one
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert run.checkpoint.exists()
    assert not run.is_done
    with pytest.raises(UsageError, match="unfinished"):
        run.load()
    resumed = train(photos, Spec(**LONG), run.folder, resume=True)
    uninterrupted = train(photos, Spec(**LONG))
    assert resumed.result.steps == uninterrupted.result.steps == 40
    assert resumed.result.curve == uninterrupted.result.curve
    assert torch.equal(weights(resumed), weights(uninterrupted))


def test_training_ends_at_a_plateau_and_at_its_limit(photos):
    stuck = train(photos, Spec("compact", rate=1e-12, limit=60, every=2, plateau=3))
    assert stuck.result.reason == "plateau"
    assert stuck.result.steps == 8
    cut = train(photos, Spec("compact", limit=3, every=2))
    assert (cut.result.reason, cut.result.steps) == ("limit", 3)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"way": "fourth-way"}, {"alpha": 1.5}, {"limit": 0}, {"every": 0}, {"rate": -1.0}),
        *({"side": 56}, {"way": "article", "side": 245}, {"way": "article", "side": 15}),
    ],
)
def test_a_spec_with_a_wrong_value_is_refused(wrong):
    with pytest.raises(UsageError):
        Spec(**{"way": "compact", **wrong})


def test_a_fingerprint_tells_specs_and_photos_apart(photos):
    one = Spec("compact").fingerprint(photos)
    assert one == Spec("compact", limit=7).fingerprint(photos)
    assert one != Spec("compact", seed=1).fingerprint(photos)
    assert json.loads(json.dumps(Spec("compact").to_json()))["alpha"] == 0.5
