"""Training of an embedder on many people, in one process and in two that share each batch."""

import csv
import json
import os
import subprocess

import numpy as np
import pytest
import torch

from onlyme.errors import UsageError
from onlyme.lab.identities import IdentitySpec, load_embedder, train_identities
from onlyme.lab.networks import to_tensor

DRIVER = """
import hashlib, json, os, sys
from pathlib import Path
from onlyme.lab.identities import IdentitySpec, train_identities
from onlyme.lab.people import People
from onlyme.lab.synthetic import draw_synthetic_faces
faces = draw_synthetic_faces(16, 7)
people = People(tuple(f"person {i}" for i in range(16)), tuple(faces))
spec = IdentitySpec(**json.loads(sys.argv[2]))
network = train_identities(people, spec, Path(sys.argv[1]))
digest = hashlib.sha256()
for parameter in network.parameters():
    digest.update(parameter.detach().numpy().tobytes())
rank = os.environ.get("LOCAL_RANK", "0")
Path(sys.argv[1], f"weights-{rank}.txt").write_text(digest.hexdigest())
"""

SPEC = {"dimension": 16, "people": 4, "photos": 2, "steps": 6, "precision": "64-true"}


def losses(folder):
    with (folder / "log" / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def run(folder, environment, **spec):
    driver = folder.parent / "driver.py"
    driver.write_text(DRIVER)
    command = [environment["PYTHON"], str(driver), str(folder), json.dumps({**SPEC, **spec})]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_two_processes_do_what_one_does(people, tmp_path, environment):
    """Both have the same weights, and the loss curve of one process on the same batches.

    In double precision, so that the order of a sum does not blur the comparison.
    """
    clean = {k: v for k, v in environment.items() if k not in {"LOCAL_RANK", "NODE_RANK"}}
    two, one = tmp_path / "two", tmp_path / "one"
    run(two, clean, devices=2)
    before = dict(os.environ)
    train_identities(people, IdentitySpec(**SPEC), one)
    assert dict(os.environ) == before
    assert (two / "weights-0.txt").read_text() == (two / "weights-1.txt").read_text()
    assert len(losses(two)) == 6
    assert losses(two) == pytest.approx(losses(one), rel=1e-6)
    mine, theirs = load_embedder(one), load_embedder(two)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


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
