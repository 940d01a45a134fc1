"""Build the embedders that are trained on many people, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import UsageError
from onlyme.lab.networks.compact import Compact
from onlyme.lab.networks.iresnet import IResNet
from onlyme.lab.networks.mobilefacenet import MobileFaceNet

if TYPE_CHECKING:
    from onlyme.lab.networks._embedding import EmbeddingNetwork

__all__ = ["BACKBONES", "build_backbone"]

BACKBONES = ("compact", "thin", "mobilefacenet", "iresnet18", "iresnet50")
"""From `compact` and `thin`, for a CPU and few people, to `iresnet50`, for graphics cards."""

_THIN_CHANNELS = (16, 32, 64, 128)


def build_backbone(name: str, dimension: int) -> EmbeddingNetwork:
    """Build an embedder, untrained; its vectors have unit length.

    Raises:
        UsageError: when there is none of that name.

    >>> build_backbone("thin", 64).dimension
    64
    """
    match name:
        case "compact":
            return Compact(dimension)
        case "thin":
            return Compact(dimension, channels=_THIN_CHANNELS)
        case "mobilefacenet":
            return MobileFaceNet(dimension)
        case "iresnet18":
            return IResNet((2, 2, 2, 2), dimension)
        case "iresnet50":
            return IResNet((3, 4, 14, 3), dimension)
    raise UsageError(f"no network is called {name!r}; known: {', '.join(BACKBONES)}")
