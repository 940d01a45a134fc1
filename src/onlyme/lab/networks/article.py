"""Define the article's third way: the embedder of its published notebook.

Three 3×3 convolutions (16, 32, 64 channels, padding 1), each followed by a 3×3 max-pool
of stride 1 and a 2-D dropout of one half, then two linear layers, 3,625,216 → 32 → 16:
116.0 million parameters for a 244×244 picture in [0, 1] (Păpăluță, "Implementing FaceID
Technology with a Siamese Neural Network", Towards AI, 2020).

Defects of the published code, and what this project does about each:

====================================  ===================================================
gradients are never zeroed            zeroed before each step; the old gradients acted as
                                      a momentum of 1 and raised the printed losses
the data set's length is a list       there is no data set of triplets, only photos
a batch is one triplet; its loader    one step uses all triplets
is never used
three embeddings for each triplet     m + n embeddings for m·(m−1)·n triplets
no activation functions               kept, it is the architecture (only max-pooling is
                                      not linear, and the two linear layers equal one);
                                      `faithful=False` puts a ReLU after each layer
pooling with stride 1                 kept: it never shrinks the picture, so that 99.98 %
                                      of all parameters are in one linear layer;
                                      `faithful=False` pools with stride 3
vectors of any length                 kept: such vectors can reach zero loss by growing;
                                      `unit=True` divides each by its length
the norm has no gradient at zero      taken as zero (`onlyme.lab.triplets`)
learning rate 1e-6, ten epochs        a rate that fits the mean over all triplets, long
                                      gradients shortened, and a stop at zero loss
no seed, no held-out photo            seeded; `onlyme lab compare` tests on held-out photos
the whole model is pickled            checkpoints hold numbers only
the demo feeds BGR frames and draws   RGB everywhere; the demo is `onlyme lab watch`, which
a function in place of its result     asks one drawn pair, as the article, or all
a dropout mask for each embedding     one mask for each photo in a step
photos as they are                    varied at each step; `augment=False` leaves them
====================================  ===================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from onlyme.lab.constants import PUBLISHED_SIDE_PIXELS
from onlyme.lab.networks._input import EmbeddingNetwork, InputLayer
from onlyme.lab.networks.dropout import compute_kept_channels, draw_dropout_factors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Article"]

_CHANNELS = (16, 32, 64)

_CHUNK_PICTURES = 4
"""Number of pictures that pass whole stages at a time (each takes 150 MB at 244×244)."""


class Article(EmbeddingNetwork):
    """The published embedder: float[n, 3, S, S] in [0, 1] → float[n, 16].

    Args:
        faithful: as published; False adds activations, and pools that shrink the picture.
        unit: divide each vector by its length.
        whole: takes whole photos, as the article uses them, and not aligned faces.
        size: side of its input in pixels; 244 in the article.

    Attributes:
        dimension: 16.

    >>> sum(p.numel() for p in Article().parameters())
    116031056
    """

    dimension = 16

    def __init__(
        self,
        *,
        faithful: bool = True,
        unit: bool = False,
        whole: bool = False,
        size: int = PUBLISHED_SIDE_PIXELS,
    ) -> None:
        super().__init__()
        self.unit = unit
        self.input = InputLayer(size, whole=whole)
        self.features = nn.Sequential(
            *(
                _make_stage(i, o, faithful=faithful)
                for i, o in zip((3, *_CHANNELS), _CHANNELS, strict=False)
            )
        )
        self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as nn.Module documents
        side = size
        for _ in _CHANNELS:
            side = (side - 3) // (1 if faithful else 3) + 1
        self.hidden = nn.Linear(_CHANNELS[-1] * side**2, 32)
        self.activation = nn.Identity() if faithful else nn.ReLU()
        self.out = nn.Linear(32, self.dimension)

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures; training skips channels, see `onlyme.lab.networks.dropout`."""
        images = self.input(images)
        if self.training:
            flat = compute_kept_channels(
                self.features, images, draw_dropout_factors(self.features, len(images))
            )
        else:
            # An exported file takes any number of pictures, and must not learn one number of parts.
            whole = torch.onnx.is_in_onnx_export()
            parts = [images] if whole else torch.split(images, _CHUNK_PICTURES)
            flat = torch.cat([self._compute_features(part) for part in parts])
        vectors: Tensor = self.out(self.activation(self.hidden(flat)))
        return normalize(vectors) if self.unit else vectors

    def _compute_features(self, images: Tensor) -> Tensor:
        """Compute all channels of a few pictures; a gradient computes them again to save memory."""
        if torch.is_grad_enabled():
            return checkpoint(self._flatten_features, images, use_reentrant=False)  # type: ignore[no-any-return]  # torch has no type for `checkpoint`
        return self._flatten_features(images)

    def _flatten_features(self, images: Tensor) -> Tensor:
        # With colours as the innermost dimension, pooling with stride 1 is three times as
        # fast. The order of the features after `flatten` stays the same.
        colours_last = images.contiguous(memory_format=torch.channels_last)
        features: Tensor = self.features(colours_last)
        return features.flatten(1)


def _make_stage(inputs: int, outputs: int, *, faithful: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.MaxPool2d(3, stride=1) if faithful else nn.Sequential(nn.ReLU(), nn.MaxPool2d(3)),
        nn.Dropout2d(0.5),
    )
