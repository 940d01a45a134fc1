"""Pictures come in; what stages of convolution, pooling and 2-D dropout make of them goes out.

Two-dimensional dropout strikes whole channels out (Tompson et al., Efficient Object
Localization Using Convolutional Networks, CVPR 2015): with one half, half of what a
convolution computed is thrown away, and half of what the next one reads is zero. Whoever
draws first which channels stay need not compute the others. On average a quarter of a
convolution's multiplications remain, and half of a pool's work; the numbers and the
gradients are the same, and so is what is drawn from the generator.
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
"""So many channels fit a vector register; and each number of channels that a convolution is
first called with costs it the making of a kernel."""


def draw_dropout_factors(stages: nn.Sequential, pictures: int) -> list[Tensor]:
    """Draw what a whole batch's dropout multiplies each channel by, stage by stage.

    Args:
        stages: each a convolution, what pools, and a `Dropout2d`, as in `Article`.
        pictures: n.

    Returns:
        For each stage float[n, c]: 0 for what is struck out, 1 / (1 − p) for what stays.
        They are the numbers that `Dropout2d` would have drawn from torch's generator.
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
        stages: each a convolution with padding 1, what pools (all that it does must let a
            factor ≥ 0 through, as a maximum and a ReLU do), and a `Dropout2d`.
        images: float[n, i, S, S].
        factors: of `draw_dropout_factors`.

    Returns:
        float[n, c·s·s], the features in the order of `flatten`; those struck out are zero.
    """
    channels, features = [], []
    for index, image in enumerate(images):
        computed, some = _compute_picture(
            stages, image[None], [factor[index] for factor in factors]
        )
        channels.append(computed)
        features.append(some)
    placed: Tensor = _ChannelScatter.apply(factors[-1].shape[1], channels, *features)  # type: ignore[no-untyped-call]
    return placed.flatten(1)


def _compute_picture(
    stages: nn.Sequential, image: Tensor, factors: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return which channels of the last stage were computed, and those: float[1, k, s, s]."""
    # Colours innermost: pooling with stride 1 is then many times as fast.
    features = image.contiguous(memory_format=torch.channels_last)
    read = torch.arange(image.shape[1], device=image.device)
    for (convolution, pool, _), factor in zip(_unpack_stages(stages), factors, strict=True):
        computed = _select_channels(factor)
        # A few weights are multiplied by the factor, in place of a picture's features.
        by = factor[computed]
        weight = convolution.weight[computed][:, read] * by[:, None, None, None]
        bias = None if convolution.bias is None else convolution.bias[computed] * by
        features = pool(conv2d(features, weight, bias, padding=1))
        read = computed
    return read, features


def _unpack_stages(stages: nn.Sequential) -> list[tuple[nn.Conv2d, nn.Module, nn.Dropout2d]]:
    """Return each stage's convolution, what pools, and its dropout."""
    return [tuple(stage) for stage in stages]  # type: ignore[arg-type,misc]  # as the caller promises


def _select_channels(factor: Tensor) -> Tensor:
    """Return the channels to compute: those that stay, filled up to whole registers.

    What fills is multiplied by its zero. So there is always something to compute, even
    where dropout strikes every channel out.
    """
    stays = int((factor != 0).sum())
    count = min(-(-max(stays, 1) // _REGISTER_CHANNELS) * _REGISTER_CHANNELS, len(factor))
    return (factor == 0).to(torch.uint8).argsort(stable=True)[:count]


class _ChannelScatter(torch.autograd.Function):
    """Put each picture's channels in their places among zeros, without a second copy of all."""

    @staticmethod
    def forward(ctx: Any, count: int, channels: list[Tensor], *features: Tensor) -> Tensor:
        """Return float[n, count, s, s]."""
        ctx.channels = channels
        whole = features[0].new_zeros(len(features), count, *features[0].shape[2:])
        for index, (computed, some) in enumerate(zip(channels, features, strict=True)):
            whole[index, computed] = some[0]
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return each picture's own part of the gradient."""
        (whole,) = gradients
        parts = (whole[i, computed][None] for i, computed in enumerate(ctx.channels))
        return None, None, *parts
