"""Training of an embedder on many people, in one process and in two that share each batch."""

import csv
import itertools
import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

from onlyme.cli.lab.people_commands import describe_measured
from onlyme.errors import UsageError
from onlyme.lab.identities import (
    IdentitySpec,
    load_embedder,
    split_people,
    train_identities,
)
from onlyme.lab.identity_spec import SCHEDULES
from onlyme.lab.identity_training import embed_people
from onlyme.lab.losses import LOSSES, MINERS
from onlyme.lab.networks import BACKBONES, build_backbone, to_tensor
from onlyme.lab.validation import Verification, measure_verification

DRIVER = """
import hashlib, json, os, sys
from pathlib import Path
from onlyme.lab.identities import IdentitySpec, train_identities
from onlyme.lab.people import People
from onlyme.lab.synthetic import draw_synthetic_faces
faces = draw_synthetic_faces(16, 7)
people = People(tuple(f"person {i}" for i in range(16)), tuple(faces))
spec = IdentitySpec(**json.loads(sys.argv[2]))
resume = Path(sys.argv[1], "last.ckpt").exists()
network = train_identities(people, spec, Path(sys.argv[1]), resume=resume)
digest = hashlib.sha256()
for parameter in network.parameters():
    digest.update(parameter.detach().numpy().tobytes())
rank = os.environ.get("LOCAL_RANK", "0")
Path(sys.argv[1], f"weights-{rank}.txt").write_text(digest.hexdigest())
"""

SPEC = {"dimension": 16, "people": 4, "photos": 2, "steps": 10, "precision": "64-true"}


def losses(folder):
    with (folder / "log" / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def run(folder, environment, **spec):
    driver = folder.parent / "driver.py"
    driver.write_text(DRIVER)
    command = [environment["PYTHON"], str(driver), str(folder), json.dumps({**SPEC, **spec})]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
def alone(environment):
    """The environment of a process that was not started by another one of a training."""
    return {k: v for k, v in environment.items() if k not in {"LOCAL_RANK", "NODE_RANK"}}


def assert_same_network(one, two):
    mine, theirs = (load_embedder(folder).state_dict() for folder in (one, two))
    for name, part in mine.items():
        torch.testing.assert_close(part, theirs[name], rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize(
    ("devices", "network", "steps"), [(3, "compact", 10), (2, "mobilefacenet", 3)]
)
def test_several_processes_do_what_one_does(people, tmp_path, alone, devices, network, steps):
    """All have the same weights, and the loss curve of one process on the same batches.

    In double precision, so that the order of a sum does not blur the comparison: one process in
    single precision differs more from itself in double precision than from two processes.
    """
    many, one = tmp_path / "many", tmp_path / "one"
    spec = {"photos": 3, "network": network, "steps": steps}
    run(many, alone, devices=devices, **spec)
    before = dict(os.environ)
    train_identities(people, IdentitySpec(**{**SPEC, **spec}), one)
    assert dict(os.environ) == before
    weights = {(many / f"weights-{rank}.txt").read_text() for rank in range(devices)}
    assert len(weights) == 1
    assert len(losses(many)) == steps
    assert losses(many) == pytest.approx(losses(one), rel=1e-9)
    assert_same_network(one, many)


def test_a_run_is_continued_by_another_number_of_processes(people, tmp_path, alone):
    spec = {"photos": 3, "network": "thin"}
    run(tmp_path / "many", alone, devices=2, **{**spec, "steps": 4})
    run(tmp_path / "many", alone, devices=3, **spec)
    for steps in (4, 10):
        options = IdentitySpec(**{**SPEC, **spec, "steps": steps})
        train_identities(people, options, tmp_path / "one", resume=steps > 4)
    assert len(losses(tmp_path / "many")) == 10
    assert_same_network(tmp_path / "one", tmp_path / "many")


def test_a_training_ends_when_one_of_its_processes_dies_at_its_start(tmp_path, alone):
    """It ends with an error after some 20 s, and does not wait half an hour for the missing one."""
    driver = tmp_path / "driver.py"
    driver.write_text("import os\nif os.environ.get('LOCAL_RANK') == '1': os._exit(3)\n" + DRIVER)
    options = json.dumps({**SPEC, "devices": 2})
    command = [alone["PYTHON"], str(driver), str(tmp_path / "out"), options]
    done = subprocess.run(command, env=alone, capture_output=True, timeout=240, check=False)
    assert done.returncode != 0
    assert not (tmp_path / "out" / "embedder.pt").exists()


def test_an_embedder_learns_people_and_is_resumed(people, tmp_path):
    """After a few batches photos of one person lie nearer than photos of two."""
    spec = IdentitySpec(dimension=16, people=8, photos=2, steps=40)
    network = train_identities(people, spec, tmp_path)
    with torch.no_grad():
        vectors = torch.stack([network(to_tensor(faces)) for faces in people.faces]).numpy()
    same = np.linalg.norm(vectors[:, 0] - vectors[:, 1], axis=1)
    others = np.linalg.norm(vectors[:, 0] - np.roll(vectors[:, 1], 1, axis=0), axis=1)
    assert same.mean() < 0.6 * others.mean()
    with pytest.raises(UsageError, match="--resume"):
        train_identities(people, spec, tmp_path)
    again = train_identities(people, spec, tmp_path, resume=True)
    for a, b in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_batch_that_cannot_be_shared_is_refused(people, tmp_path):
    spec = IdentitySpec(people=3, photos=3, devices=2)
    with pytest.raises(UsageError, match="evenly"):
        train_identities(people, spec, tmp_path)


def test_a_folder_without_an_embedder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no trained embedder"):
        load_embedder(tmp_path)


def test_a_run_is_continued_only_with_the_same_options_and_people(people, tmp_path):
    spec = IdentitySpec(dimension=8, people=4, photos=2, steps=3, network="thin")
    train_identities(people, spec, tmp_path)
    for name, value in (
        ("seed", 1), ("rate", 0.01), ("alpha", 0.3), ("dimension", 16), ("network", "compact"),
        ("loss", "triplet"), ("miner", "semi-hard"), ("sampler", "uniform"), ("ema", 0.0),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=f"{name} was .* and is"):
            train_identities(people, replace(spec, **{name: value}), tmp_path, resume=True)
    fewer = people.select(np.arange(16) < 15)
    with pytest.raises(UsageError, match="photos are not the same"):
        train_identities(fewer, spec, tmp_path, resume=True)
    more = train_identities(people, replace(spec, steps=5), tmp_path, resume=True)
    assert len(losses(tmp_path)) == 5
    again = train_identities(people, replace(spec, steps=5), tmp_path, resume=True)
    for a, b in zip(more.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_teaches(people, tmp_path, loss):
    spec = IdentitySpec(dimension=16, people=8, photos=3, steps=6, loss=loss, network="thin")
    network = train_identities(people, spec, tmp_path)
    assert all(bool(part.isfinite().all()) for part in network.parameters())
    start = build_backbone("thin", 16)
    assert not torch.equal(next(network.parameters()), next(start.parameters()))


@pytest.mark.parametrize("miner", MINERS)
def test_each_miner_works_with_triplets(people, tmp_path, miner):
    spec = IdentitySpec(
        dimension=8, people=4, photos=2, steps=2, loss="triplet", miner=miner, network="thin"
    )
    train_identities(people, spec, tmp_path)
    assert len(losses(tmp_path)) == 2


@pytest.mark.parametrize("name", BACKBONES)
def test_each_network_makes_vectors_of_unit_length(name, people):
    network = build_backbone(name, 24).eval()
    with torch.no_grad():
        vectors = network(to_tensor(people.faces[0][:2]))
    assert vectors.shape == (2, 24)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_added_up_gradients_are_those_of_a_larger_batch(people, tmp_path):
    """Every step takes two batches, and one row stands in the table for each step."""
    spec = IdentitySpec(
        dimension=8, people=4, photos=2, steps=3, accumulate=2, network="thin", ema=0.0
    )
    train_identities(people, spec, tmp_path)
    with (tmp_path / "log" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 1, 2]


def test_people_who_validate_are_never_trained_on(people, tmp_path):
    spec = IdentitySpec(
        dimension=16, people=4, photos=2, steps=12, check_every=4, folds=3, network="thin"
    )
    learners, judges = split_people(people, spec)
    assert set(learners.names).isdisjoint(judges.names)
    assert len(learners.names) + len(judges.names) == 16
    folds = [split_people(people, replace(spec, fold=fold))[1].names for fold in range(3)]
    assert sorted(sum(folds, ())) == sorted(people.names)
    train_identities(people, spec, tmp_path)
    with (tmp_path / "log" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    checked = [row for row in rows if row["eer"]]
    assert len(checked) == 3
    assert all(0 <= float(row["eer"]) <= 1 for row in checked)
    assert all(float(row["images_per_second"]) > 0 for row in rows)
    assert all(0 <= float(row["active"]) <= 1 for row in rows)
    assert float(rows[-1]["learning_rate"]) < float(rows[1]["learning_rate"])
    measured = json.loads((tmp_path / "embedder.json").read_text())["measured"]
    assert measured["eer"] == min(float(row["eer"]) for row in checked)
    assert measured["people"] == len(judges.names)
    vectors, labels = embed_people(load_embedder(tmp_path), judges)
    assert measure_verification(vectors, labels).eer == pytest.approx(measured["eer"])
    assert "was not trained on" in describe_measured(tmp_path)


def test_the_figures_of_verification_are_those_of_plain_loops():
    source = np.random.default_rng(0)
    vectors = source.normal(size=(24, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.repeat(np.arange(8), 3)
    same, other = [], []
    for a, b in itertools.combinations(range(24), 2):
        (same if labels[a] == labels[b] else other).append(float(vectors[a] @ vectors[b]))
    found = measure_verification(vectors, labels)
    assert (found.genuine, found.impostor) == (len(same), len(other))
    best, eer = 0.0, (2.0, 0.0)
    for bound in sorted({*same, *other}):
        miss = sum(s < bound for s in same) / len(same)
        accept = sum(s >= bound for s in other) / len(other)
        best = max(best, 1 - (miss + accept) / 2)
        eer = min(eer, (abs(miss - accept), (miss + accept) / 2))
    assert found.accuracy == pytest.approx(best)
    assert found.eer == pytest.approx(eer[1])


@pytest.mark.parametrize(
    "wrong",
    [
        *({"rate": float("nan")}, {"rate": float("inf")}, {"rate": 0.0}, {"alpha": 2.0}),
        *({"network": "x"}, {"loss": "x"}, {"miner": "x"}, {"sampler": "x"}, {"schedule": "x"}),
        *({"steps": 0}, {"ema": 1.0}, {"folds": 1}, {"folds": 3, "fold": 3}, {"accumulate": 0}),
        *({"alpha": float("nan")}, {"ema": float("nan")}, {"warm_up": float("nan")}),
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(UsageError):
        IdentitySpec(**wrong)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_rises_and_then_never_rises_again(schedule):
    spec = IdentitySpec(steps=50, schedule=schedule)
    shares = [spec.scale_rate(step) for step in range(51)]
    assert shares[0] < shares[4] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(shares[4:]))


def test_a_training_that_diverges_leaves_no_embedder(people, tmp_path):
    spec = IdentitySpec(dimension=8, people=4, photos=2, steps=20, rate=1e30, network="thin")
    with pytest.raises(UsageError, match="diverged"):
        train_identities(people, spec, tmp_path)
    with pytest.raises(UsageError, match="no trained embedder"):
        load_embedder(tmp_path)


def test_each_figure_is_told_with_its_interval():
    """Over the pairs of one person, by Clopper and Pearson; 0 of 10 is not nothing."""
    told = str(Verification(0.0, (0.5, 1.0), 0.9, genuine=10, impostor=45, people=5))
    assert "EER 0.0 % [0.0, 30.8]" in told
    assert "TAR at FAR 0.01 50.0 % [18.7, 81.3]" in told
    assert "TAR at FAR 0.001 100.0 % [69.2, 100.0]" in told
    assert told.count(" % [") == 4


@pytest.fixture(scope="module")
def short_run(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("short") / "run"
    spec = IdentitySpec(network="thin", people=4, photos=2, steps=2, dimension=8, folds=3)
    train_identities(people, spec, folder)
    return folder, spec


@pytest.mark.parametrize("file", ["last.ckpt", "embedder.pt", "embedder.json", "options.json"])
@pytest.mark.parametrize("harm", ["cut", "empty", "other"])
def test_a_damaged_file_of_a_run_is_told_in_plain_words(short_run, people, tmp_path, file, harm):
    folder, spec = short_run
    run = shutil.copytree(folder, tmp_path / "run")
    content = (run / file).read_bytes()
    cut = {"cut": content[: len(content) // 2], "empty": b"", "other": b"[1]"}[harm]
    (run / file).write_bytes(cut)
    with pytest.raises(UsageError, match="damaged"):
        train_identities(people, replace(spec, steps=3), run, resume=True)
    if file.startswith("embedder"):
        with pytest.raises(UsageError, match="damaged"):
            load_embedder(run)
    if file == "embedder.json":
        with pytest.raises(UsageError, match="damaged"):
            describe_measured(run)
