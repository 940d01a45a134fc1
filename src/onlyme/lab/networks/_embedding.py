"""Define what all embedders of the lab have in common."""

from __future__ import annotations

from torch import nn

__all__ = ["EmbeddingNetwork"]


class EmbeddingNetwork(nn.Module):
    """A network that maps float[n, 3, S, S] in [0, 1] to float[n, d].

    Attributes:
        dimension: d, the length of a vector.
        unit: whether each vector is divided by its length.
    """

    dimension: int
    unit: bool
