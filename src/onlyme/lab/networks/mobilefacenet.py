"""Define MobileFaceNet, a small embedder for phones.

Chen, Liu, Gao, Han: MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification
on Mobile Devices (2018), table 1: 1.0 M parameters with vectors of 128 numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import normalize

from onlyme.lab.constants import FACE_SIDE_PIXELS
from onlyme.lab.networks._input import EmbeddingNetwork, InputLayer
from onlyme.lab.networks._normalization import BatchNorm2d

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MobileFaceNet"]

_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Widening, channels, repetitions and the stride of the first, as in the paper's table."""


class MobileFaceNet(EmbeddingNetwork):
    """The published network, with an oval mask before it as for all networks of the lab.

    Args:
        dimension: length of a vector.

    >>> sum(p.numel() for p in MobileFaceNet().parameters()) < 1_100_000
    True
    """

    unit = True

    def __init__(self, dimension: int = 128) -> None:
        super().__init__()
        self.dimension = dimension
        self.input = InputLayer(FACE_SIDE_PIXELS)
        layers: list[nn.Module] = [
            _make_block(3, 64, 3, stride=2, padding=1),
            _make_block(64, 64, 3, padding=1, groups=64),
        ]
        inputs = 64
        for widening, channels, repeats, stride in _BOTTLENECKS:
            for index in range(repeats):
                layers.append(_Bottleneck(inputs, channels, widening, 1 if index else stride))
                inputs = channels
        self.trunk = nn.Sequential(*layers, _make_block(inputs, 512, 1))
        self.pool = _make_block(512, 512, 7, groups=512, active=False)
        self.out = nn.Sequential(nn.Conv2d(512, dimension, 1, bias=False), BatchNorm2d(dimension))

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures."""
        features = self.pool(self.trunk(self.input(images) * 2 - 1))
        return normalize(self.out(features).flatten(1))


class _Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; add the input where the shape stays."""

    def __init__(self, inputs: int, outputs: int, widening: int, stride: int) -> None:
        super().__init__()
        inner = inputs * widening
        self.adds = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            _make_block(inputs, inner, 1),
            _make_block(inner, inner, 3, stride=stride, padding=1, groups=inner),
            _make_block(inner, outputs, 1, active=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


def _make_block(
    inputs: int,
    outputs: int,
    size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    active: bool = True,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False),
        BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.PReLU(outputs)] if active else []))
