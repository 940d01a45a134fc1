"""Photos come in; the same photos, a little different, go out.

Every way gets the same changes: what a camera at another moment would have seen of the
same aligned face. They are drawn from a generator, so that a step can be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import affine_grid, grid_sample

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["augment", "make_generator"]

MAX_TURN_RADIANS = 0.2
"""Most that a face is turned, in radians: a landmark's error, enlarged."""

MAX_ZOOM_SHARE = 0.12
MAX_SHIFT_HALF_SIDES = 0.08
"""Most that it is shifted, in halves of the picture's side."""

MAX_CONTRAST_SHARE = 0.5
MAX_BRIGHTNESS_SHIFT = 0.25
MAX_COLOUR_SHIFT = 0.15
NOISE_DEVIATION = 0.02


def make_generator(seed: int, step: int) -> Generator:
    """Return the generator of one step: a function of seed and step alone.

    A run that is resumed at a step therefore draws what the uninterrupted one drew.
    """
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


def augment(images: Tensor, source: Generator) -> Tensor:
    """Mirror, turn, zoom, shift, and change light, colour and noise, each photo its own way.

    Args:
        images: float[n, 3, S, S] in [0, 1].
        source: where chance comes from.

    Returns:
        The same shape and range.
    """
    n = len(images)

    def draw_uniform(*shape: int) -> Tensor:
        """Uniform in [−1, 1); drawn alike whatever the precision."""
        return torch.rand(shape, generator=source, dtype=torch.float32).to(images) * 2 - 1

    turn, zoom = draw_uniform(n) * MAX_TURN_RADIANS, 1 + draw_uniform(n) * MAX_ZOOM_SHARE
    mirror = draw_uniform(n).sign()
    cos, sin = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    shift = draw_uniform(2, n) * MAX_SHIFT_HALF_SIDES
    matrices = torch.stack(
        [
            torch.stack([cos * mirror, -sin, shift[0]], 1),
            torch.stack([sin * mirror, cos, shift[1]], 1),
        ],
        1,
    )
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, padding_mode="border", align_corners=False)
    gain = 1 + draw_uniform(n, 1, 1, 1) * MAX_CONTRAST_SHARE
    offset = (
        draw_uniform(n, 1, 1, 1) * MAX_BRIGHTNESS_SHIFT
        + draw_uniform(n, 3, 1, 1) * MAX_COLOUR_SHIFT
    )
    noise = (
        torch.randn(images.shape, generator=source, dtype=torch.float32).to(images)
        * NOISE_DEVIATION
    )
    return ((moved - 0.5) * gain + 0.5 + offset + noise).clamp(0, 1)
