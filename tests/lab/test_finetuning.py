"""The shipped network in torch: the same vectors, trained further without forgetting."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from onlyme.errors import ModelError, UsageError
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model
from onlyme.lab.finetuning import (
    FineTuneSpec,
    degrade_faces,
    finetune,
    load_finetuned,
)
from onlyme.lab.identities import load_embedder
from onlyme.lab.networks import to_tensor
from onlyme.lab.networks.sface import measure_smallness, read_sface
from onlyme.lab.onnx_file import export

SPEC = FineTuneSpec(people=4, photos=2, steps=4, frozen=20)


@pytest.fixture(scope="module")
def teacher():
    return find_model("embedder").read()


def vectors(network, faces):
    with torch.no_grad():
        return network.eval()(to_tensor(faces)).numpy()


def test_the_torch_network_makes_the_shipped_networks_vectors(teacher, people):
    faces = np.concatenate([mine[:1] for mine in people.faces[:6]])
    embedder = Embedder(find_model("embedder"))
    product = np.stack([embedder.embed(face).vector for face in faces])
    assert np.abs(vectors(read_sface(teacher), faces) - product).max() <= 1e-5


def test_another_file_is_refused():
    with pytest.raises(ModelError, match="not the shipped embedder"):
        read_sface(find_model("liveness").read())


def test_frozen_blocks_stay_and_the_others_learn(teacher, people, tmp_path):
    before, after = read_sface(teacher), finetune(people, SPEC, teacher, tmp_path)
    changed = [
        any(not torch.equal(a, b) for a, b in zip(x.parameters(), y.parameters(), strict=True))
        for x, y in zip(before.blocks, after.blocks, strict=True)
    ]
    assert changed == [False] * 20 + [True] * 7
    faces = people.faces[0][:3]
    np.testing.assert_array_equal(
        vectors(load_finetuned(tmp_path, teacher), faces), vectors(after, faces)
    )
    with pytest.raises(UsageError, match="--resume"):
        finetune(people, SPEC, teacher, tmp_path)
    with pytest.raises(UsageError, match=r"rate was .* and is"):
        finetune(people, replace(SPEC, rate=1e-5), teacher, tmp_path, resume=True)


def test_distillation_brings_degraded_faces_nearer_to_the_clean_ones(teacher, people, tmp_path):
    spec = FineTuneSpec(people=8, photos=2, steps=12, frozen=14, rate=1e-3)
    faces = np.concatenate([mine[:2] for mine in people.faces])
    bad = degrade_faces(to_tensor(faces), torch.Generator().manual_seed(9))
    target = vectors(read_sface(teacher), faces)
    student = finetune(people, spec, teacher, tmp_path)
    with torch.no_grad():
        before = (read_sface(teacher)(bad).numpy() * target).sum(1).mean()
        after = (student(bad).numpy() * target).sum(1).mean()
    assert after > before + 0.02
    assert (vectors(student, faces) * target).sum(1).mean() > 0.8, "clean faces are not forgotten"


def shrink(faces, side):
    small = torch.nn.functional.interpolate(to_tensor(faces), (side, side), mode="area")
    large = torch.nn.functional.interpolate(small, faces.shape[1:3], mode="bilinear")
    return (large.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)


def test_behind_the_gate_sharp_faces_stay_and_small_ones_learn(teacher, people, tmp_path):
    """Whatever the student learned: also the exported file gives sharp faces the same vectors."""
    spec = FineTuneSpec(people=4, photos=2, steps=6, frozen=20, rate=1e-2, gated=True)
    network = finetune(people, spec, teacher, tmp_path / "run")
    sharp = np.concatenate([mine[:1] for mine in people.faces[:4]])
    small = shrink(sharp, 12)
    before = read_sface(teacher)
    np.testing.assert_allclose(vectors(network, sharp), vectors(before, sharp), atol=1e-6)
    np.testing.assert_allclose(vectors(network, small), vectors(network.small, small), atol=1e-6)
    assert np.abs(vectors(network, small) - vectors(before, small)).max() > 0.01
    np.testing.assert_array_equal(
        vectors(load_embedder(tmp_path / "run"), small), vectors(network, small)
    )
    export(network, "gated", tmp_path / "models", np.concatenate([sharp, small, shrink(sharp, 24)]))
    embedder = Embedder(find_model("gated", tmp_path / "models"))
    shipped = Embedder(find_model("embedder"))
    for face, small_face in zip(sharp, small, strict=True):
        difference = embedder.embed(face).vector - shipped.embed(face).vector
        assert np.abs(difference).max() < 1e-5
        assert (
            np.abs(embedder.embed(small_face).vector - vectors(network, small_face[None])).max()
            < 1e-4
        )


def test_the_gate_opens_for_small_blurred_and_empty_pictures(people):
    faces = np.concatenate([mine[:2] for mine in people.faces])
    shares = [measure_smallness(to_tensor(shrink(faces, side))).mean() for side in (12, 20, 112)]
    assert shares[0] > 0.99
    assert shares[0] > shares[1] > shares[2] == 0
    for level in (0, 128, 255):
        assert measure_smallness(to_tensor(np.full((1, 112, 112, 3), level, np.uint8))) == 1
    noise = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    assert (measure_smallness(to_tensor(noise)) == 0).all()


def test_a_loss_on_names_needs_people_with_two_photos(teacher, people, tmp_path):
    alone = type(people)(people.names, tuple(mine[:1] for mine in people.faces))
    with pytest.raises(UsageError, match="have two usable"):
        finetune(alone, replace(SPEC, loss="supcon"), teacher, tmp_path / "a")
    finetune(alone, replace(SPEC, steps=1), teacher, tmp_path / "b")
    finetune(people, replace(SPEC, steps=1, loss="supcon"), teacher, tmp_path / "c")


def test_the_product_runs_what_was_trained_further(teacher, people, tmp_path):
    finetune(people, replace(SPEC, steps=2), teacher, tmp_path / "run")
    network = load_embedder(tmp_path / "run")
    faces = np.concatenate([mine[:1] for mine in people.faces[:4]])
    export(network, "better", tmp_path / "models", faces)
    embedder = Embedder(find_model("better", tmp_path / "models"))
    product = np.stack([embedder.embed(face).vector for face in faces])
    assert np.abs(product - vectors(network, faces)).max() < 1e-4


@pytest.mark.parametrize(
    "wrong",
    [
        *({"loss": "x"}, {"rate": 0.0}, {"rate": float("nan")}, {"frozen": 28}, {"steps": 0}),
        *({"pull": 0.0}, {"pull": float("nan")}, {"alpha": 2.0}),
    ],
)
def test_wrong_options_of_further_training_are_refused(wrong):
    with pytest.raises(UsageError):
        FineTuneSpec(**wrong)
