"""Build the network of a way, untrained. Each network has its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from onlyme.errors import UsageError
from onlyme.lab.constants import WAYS
from onlyme.lab.networks._embedding import EmbeddingNetwork
from onlyme.lab.networks._input import to_tensor
from onlyme.lab.networks.article import Article
from onlyme.lab.networks.backbones import BACKBONES, build_backbone
from onlyme.lab.networks.classifier import Classifier
from onlyme.lab.networks.compact import Compact
from onlyme.lab.networks.siamese import Siamese, compute_pair_margins
from onlyme.lab.networks.two_head import TwoHead

if TYPE_CHECKING:
    from onlyme.lab.spec import Spec

__all__ = [
    "BACKBONES",
    "Article",
    "Classifier",
    "Compact",
    "EmbeddingNetwork",
    "Siamese",
    "TwoHead",
    "build_backbone",
    "build_network",
    "compute_pair_margins",
    "to_tensor",
]


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
