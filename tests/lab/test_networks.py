"""The networks: shapes, sizes, seeds, memory, and unbounded vectors."""

import pytest
import torch

from onlyme.lab import WAYS
from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import Article, Compact, Siamese, build_network, to_tensor
from onlyme.lab.networks._input import InputLayer
from onlyme.lab.networks.siamese import compute_pair_margins
from onlyme.lab.spec import Spec

SMALL = ("classifier", "two-head", "compact")


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_the_articles_network_is_the_published_one():
    network = Article()
    assert network.hidden.in_features == 3_625_216
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 116.0
    kinds = [type(layer).__name__ for stage in network.features for layer in stage]
    assert kinds == ["Conv2d", "MaxPool2d", "Dropout2d"] * 3


def test_the_articles_network_on_a_smaller_picture_is_its_plain_formula():
    """Chunks, memory format and checkpoints change neither result nor gradient."""
    torch.manual_seed(0)
    network = Article(size=30, whole=True).eval().double()
    images = torch.rand(9, 3, 30, 30).double()
    network(images).square().sum().backward()
    ours = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    x = images
    for convolution, pool, _ in network.features:
        x = pool(convolution(x))
    plain = network.out(network.hidden(x.flatten(1)))
    plain.square().sum().backward()
    torch.testing.assert_close(network(images), plain)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad)


def test_the_repaired_network_is_smaller():
    assert sum(p.numel() for p in Article(faithful=False).parameters()) < 1_000_000


def test_compact_is_small_and_of_unit_length():
    network = Compact(64).eval()
    assert sum(p.numel() for p in network.parameters()) < 1_000_000
    lengths = network(torch.rand(3, 3, 112, 112)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3))


@pytest.mark.parametrize("way", SMALL)
def test_a_seed_fixes_the_weights(way):
    first, again, other = (weights(build_network(Spec(way, seed=seed))) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("way", SMALL)
def test_one_photos_score_does_not_depend_on_the_others(way):
    network = build_network(Spec(way)).eval()
    faces = torch.rand(6, 3, 112, 112)
    stored = network.store(faces[:2], faces[2:4])
    with torch.no_grad():
        together = network.pair_scores(stored, faces)
        alone = torch.cat([network.pair_scores(stored, face[None]) for face in faces])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_two_heads_give_the_same_in_both_orders():
    network = build_network(Spec("two-head")).eval()
    a, b = network.trunk(torch.rand(2, 3, 112, 112))
    with torch.no_grad():
        one, other = (
            network._compare_pairs(a[None], b[None]),
            network._compare_pairs(b[None], a[None]),
        )
    torch.testing.assert_close(one, other)


def test_a_face_is_accepted_when_its_loss_with_every_stored_photo_is_zero():
    torch.manual_seed(6)
    me, not_me, probes = torch.randn(4, 3), torch.randn(5, 3), torch.randn(50, 3)
    siamese = Siamese(Compact(3), "article", alpha := -0.6)
    scores = siamese.join_pairs(compute_pair_margins(me, not_me, probes))
    accepted = scores >= alpha
    for x, yes in zip(probes, accepted, strict=True):
        losses = [(x - p).norm() - (x - n).norm() + alpha for p in me for n in not_me]
        assert bool(yes) == (max(losses) <= 0)
    assert 0 < accepted.sum() < 50


def test_pixels_beside_the_face_are_hidden(photos):
    """Another wall behind the same face changes nothing."""
    face = to_tensor(photos.me[:1])
    other = face.clone()
    other[..., :10, :10] = torch.rand(3, 10, 10)
    other[..., 106:, 106:] = 0.9
    assert float((face - other).abs().max()) > 0.3
    torch.testing.assert_close(InputLayer(112)(face), InputLayer(112)(other), rtol=0, atol=0.01)
    assert torch.equal(InputLayer(112, whole=True)(other), other)


def test_augmentation_repeats_and_stays_in_range(photos):
    images = to_tensor(photos.me)
    once, again = augment(images, make_generator(0, 7)), augment(images, make_generator(0, 7))
    assert torch.equal(once, again)
    assert not torch.equal(once, augment(images, make_generator(0, 8)))
    assert once.shape == images.shape
    assert once.min() >= 0
    assert once.max() <= 1


def test_unbounded_vectors_reach_zero_loss_by_growing():
    """The same directions, made longer, and nothing is left of the loss."""
    me = torch.tensor([[1.0, 0.0], [0.96, 0.28]])
    not_me = torch.tensor([[0.8, 0.6]])
    loss = build_network(Spec("compact", alpha=0.5)).criterion
    assert float(loss(me, not_me)) > 0.25
    assert float(loss(10 * me, 10 * not_me)) == 0


@pytest.mark.parametrize("way", WAYS)
def test_every_way_can_be_built(way):
    network = build_network(Spec(way, faithful=False))
    assert network.threshold == (0.5 if isinstance(network, Siamese) else 0.0)
