"""A way's name comes in; its network, untrained, goes out. One file a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from onlyme.errors import UsageError
from onlyme.lab import WAYS
from onlyme.lab.networks._input import to_tensor
from onlyme.lab.networks.article import Article
from onlyme.lab.networks.classifier import Classifier
from onlyme.lab.networks.compact import Compact
from onlyme.lab.networks.siamese import Siamese, compute_margins
from onlyme.lab.networks.two_head import TwoHead
from onlyme.lab.spec import PUBLISHED_SIDE_PIXELS

if TYPE_CHECKING:
    from torch import Tensor

    from onlyme.lab.triplets import Kind

__all__ = [
    "Article",
    "Classifier",
    "Compact",
    "Siamese",
    "TwoHead",
    "WayNetwork",
    "build_network",
    "compute_margins",
    "to_tensor",
]


class WayNetwork(Protocol):
    """What all three ways have in common.

    Attributes:
        threshold: the score from which on a photo is accepted.
        settled: the loss at which there is nothing left to learn.
    """

    threshold: float
    settled: float

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Return the loss, one number ≥ 0, of float[m, 3, S, S] and float[n, 3, S, S]."""

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:
        """Return what is kept of the photos, once, for judging many faces."""

    def scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:
        """Return float[k]: how much each of float[k, 3, S, S] looks like ME."""


def build_network(
    way: str,
    *,
    alpha: float = 0.5,
    kind: Kind = "article",
    faithful: bool = True,
    unit: bool | None = None,
    whole: bool = False,
    side: int = PUBLISHED_SIDE_PIXELS,
    seed: int = 0,
) -> Classifier | TwoHead | Siamese:
    """Build one of the ways; the same seed gives the same weights.

    Args:
        way: one of `onlyme.lab.WAYS`.
        alpha: margin of the triplet loss, −1 to 1.
        kind: which triplet loss.
        faithful: `article` as published; see its docstring.
        unit: vectors of unit length; by default as the network was designed:
            `compact` yes, `article` no.
        whole: the pictures are whole photos, as the article has them.
        side: of the pictures that `article` sees, in pixels.
        seed: of the weights.

    Raises:
        UsageError: when there is no such way.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        match way:
            case "classifier":
                return Classifier(whole=whole)
            case "two-head":
                return TwoHead(whole=whole)
            case "article":
                return Siamese(
                    Article(faithful=faithful, unit=bool(unit), whole=whole, size=side),
                    kind,
                    alpha,
                )
            case "compact":
                return Siamese(Compact(unit=unit is not False, whole=whole), kind, alpha)
    raise UsageError(f"no way is called {way!r}; known: {', '.join(WAYS)}")
