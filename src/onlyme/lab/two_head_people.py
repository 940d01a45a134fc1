"""Train the article's second way as it means it: on pairs of many people, asked about new ones.

`two-head` in the comparison learns from this owner's pairs. The article's two-head network
is trained once, on many people, and is then asked about a person whom it never saw. Its two
heads share their weights here, as those of `two-head` do; the article does not say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim import AdamW

from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import TwoHead, to_tensor
from onlyme.lab.people import IdentitySampler
from onlyme.lab.trainer import limit_threads

if TYPE_CHECKING:
    from onlyme.lab.people import People

__all__ = ["MIN_PAIR_PEOPLE", "train_two_head"]

MIN_PAIR_PEOPLE = 16
"""Smallest number of people, with two photos or more each, whose pairs are learned from."""

_PHOTOS = 2
_RATE = 1e-3


def train_two_head(people: People, steps: int, seed: int = 0) -> TwoHead:
    """Train on all pairs in batches of 16 people with two photos each.

    *Same* and *not same* weigh alike, although there are thirty times as many of the second.

    Args:
        people: at least 16 with two photos or more; others are left out.
        steps: number of batches.
        seed: of weights, batches and augmentation.

    Returns:
        The network in evaluation mode.

    Raises:
        UsageError: when there are too few people.
    """
    batches = IdentitySampler(people, MIN_PAIR_PEOPLE, _PHOTOS, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = TwoHead()
    optimizer = AdamW(network.parameters(), _RATE, weight_decay=0.01)
    with limit_threads(1):  # as the ways that it is compared with
        for step in range(steps):
            chosen = batches.draw_batch(step)
            faces = augment(to_tensor(batches.read(chosen)), make_generator(seed, step))
            labels = torch.from_numpy(batches.labels[chosen])
            loss = network.pair_loss(network.trunk(faces), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            optimizer.step()
    return network.eval()
