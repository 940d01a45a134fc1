"""Skipping the channels that dropout removes changes no number and no gradient."""

import pytest
import torch
from torch import nn

from onlyme.lab.networks import Article
from onlyme.lab.networks.dropout import compute_kept_channels, draw_dropout_factors


def run_seeded(seed, work):
    torch.manual_seed(seed)
    return work(), torch.get_rng_state()


@pytest.mark.parametrize("faithful", [True, False])
def test_removed_channels_need_not_be_computed(faithful):
    """Numbers, gradients and random draws are those of the layers one after the other."""
    torch.manual_seed(0)
    network = Article(faithful=faithful, size=40, whole=True).double().train()
    images = torch.rand(5, 3, 40, 40).double().requires_grad_()
    plain, state = run_seeded(7, lambda: network.features(images).flatten(1))
    push = torch.randn_like(plain)
    parts = [images, *network.features.parameters()]
    expected = torch.autograd.grad(plain, parts, push)
    ours, after = run_seeded(
        7,
        lambda: compute_kept_channels(
            network.features, images, draw_dropout_factors(network.features, 5)
        ),
    )
    torch.testing.assert_close(ours, plain)
    assert torch.equal(state, after)
    assert 0.3 < float((plain == 0).double().mean()) < 0.8
    for one, other in zip(torch.autograd.grad(ours, parts, push), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_training_step_is_the_layers_one_after_the_other():
    torch.manual_seed(1)
    network = Article(size=30, whole=True).double().train()
    images = torch.rand(6, 3, 30, 30).double()

    def plain():
        return network.out(network.hidden(network.features(images).flatten(1)))

    expected, _ = run_seeded(3, plain)
    ours, _ = run_seeded(3, lambda: network(images))
    torch.testing.assert_close(ours, expected)
    weights = list(network.parameters())
    wanted = torch.autograd.grad(expected.square().sum(), weights)
    for one, other in zip(torch.autograd.grad(ours.square().sum(), weights), wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_all_channels_may_stay_and_all_may_be_removed(p):
    torch.manual_seed(2)
    stages = nn.Sequential(
        *(
            nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.MaxPool2d(3, stride=1), nn.Dropout2d(p))
            for i, o in ((3, 4), (4, 12))
        )
    )
    images = torch.rand(2, 3, 12, 12)
    factors = [torch.full((2, 4), 1.0 - p), torch.full((2, 12), 1.0 - p)]
    ours = compute_kept_channels(stages, images, factors)
    torch.testing.assert_close(ours, stages(images).flatten(1))
    assert bool((ours == 0).all()) == (p == 1.0)
    ours.sum().backward()
    assert all(weight.grad is not None for weight in stages.parameters())
