"""Compute convolutions with 2-D dropout, without the channels that dropout removes.

Two-dimensional dropout removes whole channels (Tompson et al., Efficient Object
Localization Using Convolutional Networks, CVPR 2015). With a rate of one half, half of a
convolution's output is thrown away, and half of the next one's input is zero. This module
draws first which channels stay, and does not compute the others. On average a quarter of a
convolution's multiplications remain, and half of a pool's work. The numbers, the gradients
and the draws from the random generator are the same as those of the plain layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import conv2d

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["compute_kept_channels", "draw_dropout_factors"]

_REGISTER_CHANNELS = 8
"""Number of channels that fit a vector register. Numbers of channels are rounded up to it, also
because a convolution makes a new kernel for each number that it meets for the first time."""


def draw_dropout_factors(stages: nn.Sequential, pictures: int) -> list[Tensor]:
    """Draw, for each stage, the factors by which dropout multiplies the channels of a batch.

    Args:
        stages: each a convolution, a pool, and a `Dropout2d`, as in `Article`.
        pictures: n, the number of pictures in the batch.

    Returns:
        For each stage float[n, c]: 0 for a removed channel, 1 / (1 − p) for one that stays.
        `Dropout2d` would draw the same numbers from torch's generator.
    """
    factors = []
    for convolution, _, dropout in _unpack_stages(stages):
        stays = 1 - dropout.p
        noise = convolution.weight.new_empty(pictures, convolution.out_channels, 1, 1)
        factors.append(noise.bernoulli_(stays).div_(stays).flatten(1))
    return factors


def compute_kept_channels(stages: nn.Sequential, images: Tensor, factors: list[Tensor]) -> Tensor:
    """Compute, picture by picture, the channels that stay.

    Args:
        stages: each a convolution with padding 1, a pool (a factor ≥ 0 before it must have
            the same effect as after it, as for a maximum and a ReLU), and a `Dropout2d`.
        images: float[n, i, S, S].
        factors: the result of `draw_dropout_factors`.

    Returns:
        float[n, c·s·s], the features in the order of `flatten`; removed ones are zero.
    """
    channels, features = [], []
    for index, image in enumerate(images):
        picture_channels, picture_features = _compute_picture(
            stages, image[None], [factor[index] for factor in factors]
        )
        channels.append(picture_channels)
        features.append(picture_features)
    scattered: Tensor = _ChannelScatter.apply(factors[-1].shape[1], channels, *features)  # type: ignore[no-untyped-call]  # torch has no type for `apply`
    return scattered.flatten(1)


def _compute_picture(
    stages: nn.Sequential, image: Tensor, factors: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the numbers of the last stage's computed channels, and their float[1, k, s, s]."""
    # With colours as the innermost dimension, pooling with stride 1 is many times as fast.
    features = image.contiguous(memory_format=torch.channels_last)
    inputs = torch.arange(image.shape[1], device=image.device)
    for (convolution, pool, _), factor in zip(_unpack_stages(stages), factors, strict=True):
        computed = _select_channels(factor)
        # Multiplying a few weights by the factor is cheaper than multiplying the features.
        scale = factor[computed]
        weight = convolution.weight[computed][:, inputs] * scale[:, None, None, None]
        bias = None if convolution.bias is None else convolution.bias[computed] * scale
        features = pool(conv2d(features, weight, bias, padding=1))
        inputs = computed
    return inputs, features


def _unpack_stages(stages: nn.Sequential) -> list[tuple[nn.Conv2d, nn.Module, nn.Dropout2d]]:
    """Return the convolution, the pool and the dropout of each stage."""
    return [tuple(stage) for stage in stages]  # type: ignore[arg-type,misc]  # the caller ensures it


def _select_channels(factor: Tensor) -> Tensor:
    """Return the channels to compute: those that stay, filled up to whole registers.

    The channels that fill up are multiplied by their zero. So there is always something to
    compute, even where dropout removes every channel.
    """
    remaining = int((factor != 0).sum())
    count = min(-(-max(remaining, 1) // _REGISTER_CHANNELS) * _REGISTER_CHANNELS, len(factor))
    return (factor == 0).to(torch.uint8).argsort(stable=True)[:count]


class _ChannelScatter(torch.autograd.Function):
    """Put each picture's channels in their places among zeros, without a second copy of them."""

    @staticmethod
    def forward(ctx: Any, count: int, channels: list[Tensor], *features: Tensor) -> Tensor:
        """Return float[n, count, s, s]."""
        ctx.channels = channels
        result = features[0].new_zeros(len(features), count, *features[0].shape[2:])
        for index, (computed, part) in enumerate(zip(channels, features, strict=True)):
            result[index, computed] = part[0]
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the part of the gradient that belongs to each picture."""
        (gradient,) = gradients
        parts = (gradient[i, computed][None] for i, computed in enumerate(ctx.channels))
        return None, None, *parts
