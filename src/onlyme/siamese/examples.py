"""Hold the embeddings that an owner is learned from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from onlyme.siamese.distance import check_unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXAMPLE_SETS", "Examples", "check_second", "make_no_second"]

EXAMPLE_SETS = ("me", "not_me", "look_alikes", "learned", "lessons")
"""The sets of the first network's vectors, in the order of the fields."""


def make_no_second() -> NDArray[np.float32]:
    """Return no vectors of a second network."""
    return np.empty((0, 0), np.float32)


def check_second(value: object) -> NDArray[np.float32]:
    """Return stored vectors of a second network.

    Raises:
        ValueError, UsageError: they are none.
    """
    rows = np.asarray(value)
    if rows.ndim != 2 or rows.dtype != np.float32:
        raise ValueError("second vectors are no rows of float32")
    return check_unit_rows(rows, rows.shape[1], "second") if len(rows) else make_no_second()


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The embeddings that an owner is learned from.

    Attributes:
        me: float32[m, d], embeddings of the person.
        not_me: float32[n, d], embeddings of others that the person gave.
        look_alikes: float32[l, d], embeddings of others who look like the person.
        learned: float32[a, d], embeddings that adaptation added; see `faceid.adaptation`.
        lessons: float32[w, d], embeddings of others who were accepted by mistake.
        second: float32[k, e], the second network's vectors of the photos in `me` of which there
            is one.
        second_model: sha256 (hex) of the second network; empty without its vectors.
    """

    me: NDArray[np.float32] = field(repr=False)
    not_me: NDArray[np.float32] = field(repr=False)
    look_alikes: NDArray[np.float32] = field(repr=False)
    learned: NDArray[np.float32] = field(repr=False)
    lessons: NDArray[np.float32] = field(repr=False)
    second: NDArray[np.float32] = field(default_factory=make_no_second, repr=False, kw_only=True)
    second_model: str = field(default="", kw_only=True)

    @property
    def all_look_alikes(self) -> NDArray[np.float32]:
        """float32[l + w, d]: look-alikes and lessons together."""
        return np.concatenate([self.look_alikes, self.lessons])

    @property
    def all_me(self) -> NDArray[np.float32]:
        """float32[m + a, d]: all embeddings of the person."""
        return np.concatenate([self.me, self.learned])

    @classmethod
    def make_empty(cls, dimension: int) -> Self:
        """Return no examples, for a network whose vectors have `dimension` numbers."""
        return cls(*(np.empty((0, dimension), np.float32) for _ in EXAMPLE_SETS))

    def __add__(self, other: Examples) -> Examples:
        """Join two sets of examples, these first."""
        joined = Examples(
            *(np.concatenate([getattr(self, one), getattr(other, one)]) for one in EXAMPLE_SETS)
        )
        if not len(self.second) or self.second_model != other.second_model:
            # Vectors of two networks do not compare; then there are fewer of them than photos.
            return replace(joined, second=other.second, second_model=other.second_model)
        second = np.concatenate([self.second, other.second])
        return replace(joined, second=second, second_model=self.second_model)
