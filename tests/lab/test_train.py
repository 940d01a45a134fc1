"""Training learns, repeats, stops, and survives `kill -9`."""

import csv
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from onlyme.cli.lab.results import describe_verdicts
from onlyme.errors import UsageError
from onlyme.lab.networks import build_network, to_tensor
from onlyme.lab.photos import Photos
from onlyme.lab.rules import check_rule
from onlyme.lab.run import Run
from onlyme.lab.spec import Spec
from onlyme.lab.trainer import fit_way, train

DRIVER = """
import sys, time
from pathlib import Path
from onlyme.lab import checkpoints
from onlyme.lab.module import Training
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.lab.trainer import train
step = Training.training_step
def step_or_wait(self, *arguments):  # so that a slow machine kills before the end of the run
    time.sleep(600 if self.global_step == 30 else 0)
    return step(self, *arguments)
Training.training_step = step_or_wait
checkpoints.CHECKPOINT_SECONDS = 0
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
    assert (trained.scores(photos.not_me, "all") < trained.threshold).all()
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


def test_without_augmentation_a_step_uses_the_photos_as_they_are(photos):
    """So the augmented loss is the clean loss of a network without dropout."""
    spec = Spec("compact", limit=2, every=1, rate=1e-12, augment=False)
    for _, clean, augmented in train(photos, spec).result.curve:
        assert augmented == pytest.approx(clean, rel=1e-4)


def test_the_articles_rate_fits_the_side_of_its_pictures():
    """Half the side, a quarter of the features: each may move four times as far."""
    whole, half = Spec("article"), Spec("article", side=122)
    assert half.learning_rate == pytest.approx(4 * whole.learning_rate)
    assert half.clip == pytest.approx(whole.clip / 2)
    assert Spec("article", side=56).threads == 1
    assert whole.threads is None


def test_a_rate_that_is_too_high_is_reported(photos):
    spec = Spec("article", faithful=False, rate=1e30, limit=40, every=2)
    trained = fit_way(photos, spec)
    assert trained.result.reason == "diverged"
    assert trained.result.steps < 40
    with pytest.raises(UsageError, match="diverged after"):
        train(photos, spec)


@pytest.mark.parametrize("way", ["compact", "article"])
def test_zero_loss_at_the_start_is_no_training(photos, tmp_path, way):
    """The article's own advice for two photos: an untrained network meets this alpha."""
    few = Photos(photos.me[:2], photos.not_me[:5])
    spec = Spec(way, alpha=-0.6, side=24 if way == "article" else 244)
    with pytest.raises(UsageError, match=r"nothing was learned.*higher alpha"):
        train(few, spec, tmp_path / "run")
    with pytest.raises(UsageError, match="unfinished"):
        Run(tmp_path / "run").load()
    with pytest.raises(UsageError, match="nothing was learned"):
        train(few, spec, tmp_path / "run", resume=True)


def test_a_loss_that_selects_nothing_is_no_training(photos, monkeypatch):
    """Selected triplets can be none although others have a loss: then no step teaches."""

    def find_nothing(me, not_me, *, mined=True):
        return (me.sum() + not_me.sum()) * 0 + (0.0 if mined else 1.0)

    monkeypatch.setattr("onlyme.lab.networks.siamese.make_triplet_loss", lambda *_: find_nothing)
    with pytest.raises(UsageError, match="no triplet to learn from"):
        train(photos, Spec("compact", kind="semi-hard", limit=6, every=2))


def test_each_rule_scores_the_same_network(photos):
    """The article's rule asks the drawn pair; ours the worst of all pairs."""
    trained = train(photos, Spec("compact", limit=10))
    table = trained.pair_scores(photos.not_me)
    assert table.shape == (7, 5 * 7)
    p, n = divmod(trained.drawn_pair, 7)
    with torch.no_grad():
        embed = trained.network.embedder
        x, me, others = (embed(to_tensor(f)) for f in (photos.not_me, photos.me, photos.not_me))
    plain = (x - others[n]).norm(dim=1) - (x - me[p]).norm(dim=1)
    pair = trained.scores(photos.not_me, "pair")
    np.testing.assert_allclose(pair, plain.numpy(), atol=1e-6)
    np.testing.assert_array_equal(trained.scores(photos.not_me, "all"), table.min(1))
    np.testing.assert_array_equal(trained.scores(photos.not_me), table.min(1))
    lines = describe_verdicts(trained)
    assert "the article's rule, one stored pair" in lines[0]
    assert "mean over all 35 pairs" in lines[0]
    assert "our rule" in lines[1]
    two = train(photos, Spec("two-head", limit=4))
    assert two.pair_scores(photos.me).shape == (5, 5)
    np.testing.assert_array_equal(two.scores(photos.me), two.scores(photos.me, "pair"))
    assert check_rule("pair") == "pair"
    with pytest.raises(UsageError, match="known: pair, all"):
        check_rule("one")


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
        *({"rate": float("nan")}, {"rate": float("inf")}, {"alpha": float("nan")}),
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
    assert json.loads(json.dumps(asdict(Spec("compact"))))["alpha"] == 0.5


def test_a_run_that_differs_says_what_differs(photos, tmp_path):
    spec = Spec("compact", limit=5)
    train(photos, spec, tmp_path)
    for name, value in (("alpha", 0.1), ("seed", 1), ("rate", 0.01), ("kind", "cosine")):
        with pytest.raises(UsageError, match=f"{name} was .* and is"):
            train(photos, replace(spec, **{name: value}), tmp_path, resume=True)
    fewer = Photos(photos.me[:4], photos.not_me)
    with pytest.raises(UsageError, match="photos are not the same"):
        train(fewer, spec, tmp_path, resume=True)


def test_a_run_goes_on_to_a_higher_limit(photos, tmp_path):
    """As if it had had that limit from the beginning."""
    short, long = Spec("compact", limit=5, every=2), Spec("compact", limit=9, every=2)
    assert train(photos, short, tmp_path).result.steps == 5
    on = train(photos, long, tmp_path, resume=True)
    assert on.result.steps == 9
    assert torch.equal(weights(on), weights(train(photos, long)))
    assert Run(tmp_path).load().spec.limit == 9
    with (tmp_path / "log" / "metrics.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == list(range(9))
    assert torch.equal(weights(train(photos, short, tmp_path, resume=True)), weights(on))


def test_a_finished_run_keeps_no_checkpoint_and_a_limited_one_keeps_one(photos, tmp_path):
    train(photos, Spec("compact", limit=300, patience=1), tmp_path / "done")
    train(photos, Spec("compact", limit=3), tmp_path / "cut")
    kept = [sorted(path.name for path in (tmp_path / n).glob("*.ckpt")) for n in ("done", "cut")]
    assert kept == [[], ["last.ckpt"]]


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from onlyme.lab.module import Training
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.lab.trainer import train
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
step = Training.training_step
def step_and_interrupt(self, *arguments):
    if self.global_step == 6:  # in the middle of a step
        os.kill(os.getpid(), signal.SIGINT)
    return step(self, *arguments)
Training.training_step = step_and_interrupt
faces = draw_synthetic_faces(8, 5)
try:
    train(Photos(faces[0], faces[1:, 0]), Spec(**{spec!r}), Path(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_ctrl_c_keeps_the_step_that_it_interrupts(photos, tmp_path, environment):
    spec = {**LONG, "limit": 12}
    command = [environment["PYTHON"], "-c", INTERRUPTED.format(spec=spec), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=240, check=False)
    assert done.returncode == 7, done.stderr.decode()
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["global_step"] == 7
    resumed = train(photos, Spec(**spec), tmp_path, resume=True)
    assert torch.equal(weights(resumed), weights(train(photos, Spec(**spec))))


def test_out_of_memory_says_what_fits(photos, monkeypatch):
    from onlyme.lab.module import Training

    def fail(self, *_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    try_step = Training.try_step

    def try_small(self, count):
        return try_step(self, count) if count <= 3 else fail(self)

    monkeypatch.setattr(Training, "training_step", fail)
    monkeypatch.setattr(Training, "try_step", try_small)
    with pytest.raises(UsageError, match=r"all 12 photos.*3 photos fit"):
        train(photos, Spec("compact", limit=3))


def test_memory_that_is_really_too_small_ends_with_a_message(tmp_path, environment):
    """The process may take 1.6 GB of addresses more than it holds after its imports."""
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from onlyme.errors import UsageError
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.trainer import train
source = np.random.default_rng(0)
photos = Photos(*(source.integers(0, 256, (n, 112, 112, 3), np.uint8) for n in (40, 40)))
held = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (held + 700_000_000, held + 700_000_000))
try:
    train(photos, Spec("article", limit=2))
except UsageError as error:
    print(error)
"""
    done = subprocess.run(
        [environment["PYTHON"], "-c", code],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert "needs more memory than there is" in done.stdout, done.stderr


def test_one_bar_on_stderr_shows_the_whole_run(photos, tmp_path, capfd):
    """Also where it continues; results alone belong on stdout."""
    train(photos, Spec("compact", limit=4, every=2), tmp_path, progress=True)
    out, told = capfd.readouterr()
    assert out == ""
    assert "4/4" in told
    train(photos, Spec("compact", limit=6, every=2), tmp_path, resume=True, progress=True)
    told = capfd.readouterr().err
    assert "6/6" in told
    assert "training" in told
