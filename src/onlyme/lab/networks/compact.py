"""Define the article's third way as one would build it today: small, on aligned faces.

It is a residual network with strided convolutions (He et al., CVPR 2016). Group
normalisation makes the result for one photo independent of the others in the batch (Wu
and He, ECCV 2018). A global depthwise convolution replaces a large linear layer
(MobileFaceNets, Chen et al., 2018): in aligned faces each feature has its own place, so
each place gets its own weight. Vectors have unit length.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import normalize

from onlyme.lab.constants import FACE_SIDE_PIXELS
from onlyme.lab.networks._input import EmbeddingNetwork, InputLayer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Compact", "Trunk"]

_GROUPS = 8


class Trunk(nn.Module):
    """Four halvings and a global depthwise convolution: float[n, 3, 112, 112] → float[n, c].

    `compact`, `classifier` and `two-head` share it, so that a comparison is about the way
    and not about the size of the network.

    Args:
        whole: takes whole photos and not aligned faces.
        channels: number of channels after each halving; the last is c.

    Attributes:
        features: c, the length of the result.
    """

    def __init__(
        self, *, whole: bool = False, channels: tuple[int, ...] = (32, 64, 96, 128)
    ) -> None:
        super().__init__()
        self.input = InputLayer(FACE_SIDE_PIXELS, whole=whole)
        self.features = channels[-1]
        self.stages = nn.Sequential(
            _make_convolution(3, channels[0], stride=2),
            *(_Residual(i, o) for i, o in itertools.pairwise(channels)),
        )
        side = FACE_SIDE_PIXELS >> len(channels)
        self.pool = nn.Conv2d(self.features, self.features, side, groups=self.features)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the features of pictures in [0, 1]."""
        features: Tensor = self.pool(self.stages(self.input(images) * 2 - 1))
        return features.flatten(1)


class Compact(EmbeddingNetwork):
    """The small embedder: float[n, 3, S, S] in [0, 1] → float[n, d].

    Args:
        dimension: d, the length of a vector.
        unit: divide each vector by its length.
        whole: takes whole photos and not aligned faces.
        channels: see `Trunk`.

    >>> sum(p.numel() for p in Compact().parameters()) < 1_000_000
    True
    """

    def __init__(
        self,
        dimension: int = 64,
        *,
        unit: bool = True,
        whole: bool = False,
        channels: tuple[int, ...] = (32, 64, 96, 128),
    ) -> None:
        super().__init__()
        self.dimension, self.unit = dimension, unit
        self.trunk = Trunk(whole=whole, channels=channels)
        self.out = nn.Linear(self.trunk.features, dimension, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures."""
        vectors: Tensor = self.out(self.trunk(images))
        return normalize(vectors) if self.unit else vectors


class _Residual(nn.Module):
    """Halve the picture, then add the result of one more convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shrink = _make_convolution(inputs, outputs, stride=2)
        self.more = _make_convolution(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shrink(x)
        return x + self.more(x)  # type: ignore[no-any-return]  # calling an nn.Module gives Any


def _make_convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, outputs),
        nn.ReLU(inplace=True),
    )
