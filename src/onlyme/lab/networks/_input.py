"""Prepare pictures for a network (tensor, size and oval), and say what all embedders share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["EmbeddingNetwork", "InputLayer", "to_tensor"]


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Turn uint8[n, S, S, 3] into float32[n, 3, S, S] in [0, 1].

    >>> to_tensor(np.full((1, 2, 2, 3), 255, np.uint8)).shape
    torch.Size([1, 3, 2, 2])
    """
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255


class EmbeddingNetwork(nn.Module):
    """A network that maps float[n, 3, S, S] in [0, 1] to float[n, d].

    Attributes:
        dimension: d, the length of a vector.
        unit: whether each vector is divided by its length.
    """

    dimension: int
    unit: bool


class InputLayer(nn.Module):
    """Resize pictures to a network's input, and hide all but the face.

    All ways get the same aligned faces, cut out by an oval. Without it, a network that is
    trained on a dozen photos learns the wall behind the owner, the cap and the collar, and
    accepts a stranger in front of a similar wall. A network that was designed for a larger
    input gets the same faces enlarged.

    Args:
        size: side of the network's input in pixels.
        whole: the pictures are whole photos, as the article uses them: nothing is hidden.
    """

    oval: Tensor

    def __init__(self, size: int, *, whole: bool = False) -> None:
        super().__init__()
        self.size, self.whole = size, whole
        self.register_buffer("oval", _make_oval_mask(size), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Turn float[n, 3, S, S] into float[n, 3, size, size]; what is hidden becomes grey."""
        if images.shape[-1] != self.size or images.shape[-2] != self.size:
            side = (self.size, self.size)
            images = interpolate(images, side, mode="bilinear", align_corners=False)
        return images if self.whole else (images - 0.5) * self.oval + 0.5


def _make_oval_mask(size: int) -> Tensor:
    """Return float[size, size]: 1 inside the face, 0 outside, with a soft edge.

    Centre and half axes are those of a face under the five-point alignment, in 112ths
    of the side: from mid-forehead to chin, from cheek to cheek.
    """
    place = (torch.arange(size) + 0.5) * (112 / size) - 0.5
    down, across = (place - 60.0) / 56.0, (place - 56.0) / 46.0
    radius = (down[:, None].square() + across[None].square()).sqrt()
    return torch.sigmoid((1 - radius) * 12)
