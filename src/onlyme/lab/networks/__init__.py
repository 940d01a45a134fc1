"""Build networks by name, untrained. Each network has its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from onlyme.errors import UsageError
from onlyme.lab.constants import WAYS
from onlyme.lab.networks._input import EmbeddingNetwork, to_tensor
from onlyme.lab.networks.article import Article
from onlyme.lab.networks.classifier import Classifier
from onlyme.lab.networks.compact import Compact
from onlyme.lab.networks.iresnet import IResNet
from onlyme.lab.networks.mobilefacenet import MobileFaceNet
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


BACKBONES = ("compact", "thin", "mobilefacenet", "iresnet18", "iresnet50")
"""Embedders for many people: from `compact` and `thin`, for a CPU, to `iresnet50`, for graphics
cards."""


def build_backbone(name: str, dimension: int) -> EmbeddingNetwork:
    """Build an embedder for many people; its vectors have unit length.

    Raises:
        UsageError: when there is none of that name.

    >>> build_backbone("thin", 64).dimension
    64
    """
    match name:
        case "compact":
            return Compact(dimension)
        case "thin":
            return Compact(dimension, channels=(16, 32, 64, 128))
        case "mobilefacenet":
            return MobileFaceNet(dimension)
        case "iresnet18":
            return IResNet((2, 2, 2, 2), dimension)
        case "iresnet50":
            return IResNet((3, 4, 14, 3), dimension)
    raise UsageError(f"no network is called {name!r}; known: {', '.join(BACKBONES)}")


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
