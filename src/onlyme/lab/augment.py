"""Vary photos slightly, as if the camera had taken them at another moment.

Every way gets the same changes. They are drawn from a seeded generator, so that a step can
be repeated.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["Changes", "apply_changes", "augment", "draw_changes", "make_generator"]

MAX_TURN_RADIANS = 0.2
"""Largest rotation of a face, in radians: the error of a landmark, enlarged."""

MAX_ZOOM_SHARE = 0.12
MAX_SHIFT_HALF_SIDES = 0.08
"""Largest shift, in halves of the picture's side."""

MAX_CONTRAST_SHARE = 0.5
MAX_BRIGHTNESS_SHIFT = 0.25
MAX_COLOUR_SHIFT = 0.15
NOISE_DEVIATION = 0.02


def make_generator(seed: int, step: int) -> Generator:
    """Return the random generator of one step, which depends only on seed and step.

    A resumed run therefore draws the same numbers as an uninterrupted run.
    """
    return Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


class Changes(NamedTuple):
    """The changes of n photos, all on the CPU in float32.

    Attributes:
        matrices: float[n, 2, 3], where each place of a photo comes from.
        gain: float[n, 1, 1, 1], the contrast.
        offset: float[n, 3, 1, 1], light and colour.
        noise: float[n, 3, S, S].
    """

    matrices: Tensor
    gain: Tensor
    offset: Tensor
    noise: Tensor

    def select(self, chosen: slice) -> Changes:
        """Return the changes of some of the photos."""
        return Changes(*(part[chosen] for part in self))


def draw_changes(n: int, side: int, source: Generator) -> Changes:
    """Draw the changes of n photos with sides of `side` pixels."""

    def draw_uniform(*shape: int) -> Tensor:
        """Uniform in [−1, 1)."""
        return torch.rand(shape, generator=source) * 2 - 1

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
    gain = 1 + draw_uniform(n, 1, 1, 1) * MAX_CONTRAST_SHARE
    light, colour = draw_uniform(n, 1, 1, 1), draw_uniform(n, 3, 1, 1)
    offset = light * MAX_BRIGHTNESS_SHIFT + colour * MAX_COLOUR_SHIFT
    noise = torch.randn((n, 3, side, side), generator=source) * NOISE_DEVIATION
    return Changes(matrices, gain, offset, noise)


def apply_changes(images: Tensor, changes: Changes) -> Tensor:
    """Return changed pictures, computed where the pictures are.

    Args:
        images: float[n, 3, S, S] in [0, 1].
        changes: of as many photos.

    Returns:
        The same shape and range.
    """
    matrices, gain, offset, noise = (part.to(images) for part in changes)
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, padding_mode="border", align_corners=False)
    return ((moved - 0.5) * gain + 0.5 + offset + noise).clamp(0, 1)


def augment(images: Tensor, source: Generator) -> Tensor:
    """Mirror, rotate, zoom and shift each photo, and change its light, colour and noise.

    Args:
        images: float[n, 3, S, S] in [0, 1].
        source: the random generator.

    Returns:
        The same shape and range.
    """
    return apply_changes(images, draw_changes(len(images), images.shape[-1], source))
