"""Define IResNet-18 and IResNet-50, the usual large embedders for faces.

Residual networks whose blocks begin with a normalisation and keep the picture's side at the
first layer (Deng, Guo, Xue, Zafeiriou: ArcFace, CVPR 2019, section 3.1; Duta et al.: Improved
Residual Networks, ICPR 2020). They are for graphics cards: a step takes seconds on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import normalize

from onlyme.lab.constants import FACE_SIDE_PIXELS
from onlyme.lab.networks._input import EmbeddingNetwork, InputLayer
from onlyme.lab.networks._normalization import BatchNorm1d, BatchNorm2d

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IResNet"]

_CHANNELS = (64, 128, 256, 512)
_LAST_SIDE = 7


class IResNet(EmbeddingNetwork):
    """An improved residual network.

    Args:
        blocks: number of blocks in each of the four stages.
        dimension: length of a vector.

    >>> round(sum(p.numel() for p in IResNet((2, 2, 2, 2), 512).parameters()) / 1e6)
    24
    """

    unit = True

    def __init__(self, blocks: tuple[int, ...] = (2, 2, 2, 2), dimension: int = 128) -> None:
        super().__init__()
        self.dimension = dimension
        self.input = InputLayer(FACE_SIDE_PIXELS)
        layers: list[nn.Module] = [
            nn.Conv2d(3, 64, 3, padding=1, bias=False), BatchNorm2d(64), nn.PReLU(64),
        ]  # fmt: skip
        inputs = 64
        for channels, count in zip(_CHANNELS, blocks, strict=True):
            for index in range(count):
                layers.append(_Block(inputs, channels, 1 if index else 2))
                inputs = channels
        self.trunk = nn.Sequential(*layers, BatchNorm2d(inputs))
        self.out = nn.Sequential(
            nn.Dropout(0.4), nn.Linear(inputs * _LAST_SIDE**2, dimension), BatchNorm1d(dimension)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures."""
        features = self.trunk(self.input(images) * 2 - 1).flatten(1)
        return normalize(self.out(features))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), BatchNorm2d(outputs))
            if stride > 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + self.shortcut(x)  # type: ignore[no-any-return]  # calling an nn.Module gives Any
