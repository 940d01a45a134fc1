"""Describe an evaluation: the plan to follow and the embeddings to judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["EvaluationPlan", "LabelledEmbeddings"]


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """How to evaluate.

    Attributes:
        photos: k, the number of photos that an owner enrolls with.
        repeats: how often each owner enrolls, each time with other photos.
        folds: with cross-fitting, into how many parts to split the people.
        far: the promised false accept rate that the report speaks of.
        fars: the promised rates to check; `far` joins them.
        fmrs: targets for pairs; targets below 1 / (number of different pairs)
            are left out.
        resamples: draws of people for the intervals of pairs.
        seed: the same seed gives the same photos, folds and figures. Two heads
            with the same seed are compared on the same attempts.

    Raises:
        UsageError: when a value makes no sense.

    >>> EvaluationPlan(far=1e-3, fars=(1e-2,)).rates
    (0.01, 0.001)
    """

    photos: int = 5
    repeats: int = 1
    folds: int = 5
    far: float = 1e-4
    fars: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5)
    fmrs: tuple[float, ...] = (1e-1, 1e-2, 1e-3)
    resamples: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.photos, self.repeats, self.folds, self.resamples) < 1:
            raise UsageError("photos, repeats, folds and resamples are whole numbers from 1")
        if not all(0 < rate < 1 for rate in (*self.rates, *self.fmrs)):
            raise UsageError("false accept rates lie between 0 and 1, such as 0.001")

    @property
    def rates(self) -> tuple[float, ...]:
        """All promised false accept rates, the highest first."""
        return tuple(sorted({float(far) for far in (*self.fars, self.far)}, reverse=True))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledEmbeddings:
    """Embeddings of photos, and the person on each photo.

    Attributes:
        vectors: float32[n, d], one row for each photo, finite.
        labels: the person on each photo.
        sources: the name of each photo; pairs and thumbnails refer to it.
        unusable: photos without an embedding, for the report to count.
        title: names the data, for the report.
        model: sha256 of the network, or empty.

    Raises:
        UsageError: when the parts do not fit together, or a vector is not finite.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    labels: Sequence[str] = field(repr=False)
    sources: Sequence[str] = field(repr=False)
    unusable: Sequence[str] = field(default=(), repr=False)
    title: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not (
            len(self.vectors) == len(self.labels) == len(self.sources)
        ):
            raise UsageError(
                "evaluation takes float32[n, d], and a label and a source for each row"
            )
        if not np.isfinite(self.vectors).all():
            raise UsageError("evaluation takes finite embeddings; some are not")

    @property
    def people(self) -> NDArray[np.str_]:
        """The labels as str[n]."""
        return np.asarray(self.labels, dtype=np.str_)
