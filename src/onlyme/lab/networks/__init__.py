"""Build the network of a way, untrained. Each network has its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from onlyme.errors import UsageError
from onlyme.lab.constants import WAYS
from onlyme.lab.networks._embedding import EmbeddingNetwork
from onlyme.lab.networks._input import to_tensor
from onlyme.lab.networks.article import Article
from onlyme.lab.networks.backbones import BACKBONES, build_backbone
from onlyme.lab.networks.classifier import Classifier
from onlyme.lab.networks.compact import Compact
from onlyme.lab.networks.siamese import Siamese, compute_margins, compute_pair_margins
from onlyme.lab.networks.two_head import TwoHead

if TYPE_CHECKING:
    from torch import Tensor

    from onlyme.lab.spec import Spec

__all__ = [
    "BACKBONES",
    "Article",
    "Classifier",
    "Compact",
    "EmbeddingNetwork",
    "Siamese",
    "TwoHead",
    "WayNetwork",
    "build_backbone",
    "build_network",
    "compute_margins",
    "compute_pair_margins",
    "to_tensor",
]


class WayNetwork(Protocol):
    """Interface of the networks of all ways.

    Attributes:
        threshold: a photo with this score or a higher one is accepted.
        settled_loss: the loss at which there is nothing left to learn.
    """

    threshold: float
    settled_loss: float

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Return the loss, one number ≥ 0, of float[m, 3, S, S] and float[n, 3, S, S]."""

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:
        """Compute once, from the stored photos, what `pair_scores` compares probes with."""

    def pair_scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:
        """Return float[k, p]: how much each probe looks like ME, by each stored pair alone."""

    def join_pairs(self, scores: Tensor) -> Tensor:
        """Return float[k]: how much each probe looks like ME, by all stored pairs together."""


def build_network(spec: Spec) -> Classifier | TwoHead | Siamese:
    """Build the network of a spec, untrained; the same seed gives the same weights.

    Raises:
        UsageError: when there is no such way.
    """
    with torch.random.fork_rng():
        torch.manual_seed(spec.seed)
        match spec.way:
            case "classifier":
                return Classifier(whole=spec.whole)
            case "two-head":
                return TwoHead(whole=spec.whole)
            case "article":
                article = Article(
                    faithful=spec.faithful, unit=bool(spec.unit), whole=spec.whole, size=spec.side
                )
                return Siamese(article, spec.kind, spec.alpha)
            case "compact":
                compact = Compact(unit=spec.unit is not False, whole=spec.whole)
                return Siamese(compact, spec.kind, spec.alpha)
    raise UsageError(f"no way is called {spec.way!r}; known: {', '.join(WAYS)}")
