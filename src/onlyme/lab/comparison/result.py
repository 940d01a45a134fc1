"""Hold the scores of one way for one owner, and compute its error rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from onlyme.lab.rules import get_default_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from onlyme.lab.comparison.inspection import Inspection
    from onlyme.lab.rules import Rule

__all__ = [
    "GROUPS",
    "PEOPLE_TWO_HEAD",
    "PRODUCT",
    "Group",
    "PairScores",
    "WayResult",
    "average_ranking",
    "sum_errors",
    "sum_mean_errors",
]

PRODUCT = "product"
"""The name of the product's own decision beside the ways."""

PEOPLE_TWO_HEAD = "two-head, many people"
"""The name of the two-head network that learned from many people."""

Group = Literal["held", "trained", "unseen"]

GROUPS: tuple[Group, ...] = get_args(Group)
"""The tested photos: the owner's, the known strangers' and the other strangers'."""


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """The scores of the same faces by each stored pair alone.

    Attributes:
        held: float64[h, p], of the owner's held-out photos.
        trained: float64[n, p], of other photos of the strangers that it was trained on.
        unseen: float64[u, p], of strangers that it was never trained on.
        drawn: the pair that the article's rule asks, from 0.
    """

    held: NDArray[np.float64]
    trained: NDArray[np.float64]
    unseen: NDArray[np.float64]
    drawn: int


@dataclass(frozen=True, slots=True)
class WayResult:
    """The result of one way for one owner with one number of photos.

    Attributes:
        way: name of the way; `PRODUCT` for the product's own decision.
        owner: name of the owner.
        photos: number of the owner's training photos.
        threshold: a photo with this score or a higher one is accepted.
        held: scores of the owner's held-out photos by the rule of all triplets; not a number
            where training diverged.
        trained: scores of other photos of the strangers that it was trained on.
        unseen: scores of strangers that it was never trained on.
        reason: why training ended; empty for the product.
        steps: number of training steps.
        curve: step, clean loss, augmented loss.
        seconds: duration of the training; differs from run to run.
        spent: duration of training and scoring; differs from run to run.
        peak_bytes: most memory held meanwhile; differs from run to run.
        strangers: number of NOT_ME photos that it was trained on.
        pairs: the scores by each stored pair; None where a decision asks no single pair.
        look: the inspection of its vectors, for ways that embed.
    """

    way: str
    owner: str
    photos: int
    threshold: float
    held: tuple[float, ...]
    trained: tuple[float, ...]
    unseen: tuple[float, ...]
    reason: str = ""
    steps: int = 0
    curve: tuple[tuple[int, float, float], ...] = ()
    seconds: float = 0.0
    spent: float = 0.0
    peak_bytes: int = 0
    strangers: int = 0
    pairs: PairScores | None = field(default=None, compare=False, repr=False)
    look: Inspection | None = field(default=None, compare=False, repr=False)

    @property
    def rule(self) -> Rule:
        """The rule by which errors are counted when none is named."""
        return "all" if self.way == PRODUCT else get_default_rule(self.way)

    def scores(self, group: Group, rule: Rule | None = None) -> tuple[float, ...]:
        """Return the scores of a group of faces by a rule."""
        if self.pairs is not None and (rule or self.rule) == "pair":
            table: NDArray[np.float64] = getattr(self.pairs, group)
            return tuple(table[:, self.pairs.drawn].tolist())
        return tuple(getattr(self, group))

    def count_errors(
        self, group: Group, threshold: float | None = None, rule: Rule | None = None
    ) -> tuple[int, int]:
        """Return the number of errors, and of photos: refused owners (`held`), accepted strangers.

        A score that is not a number is refused.
        """
        bound = self.threshold if threshold is None else threshold
        accepted = [score >= bound for score in self.scores(group, rule)]
        return accepted.count(group != "held"), len(accepted)

    def mean_errors(self, group: Group, threshold: float | None = None) -> tuple[float, int]:
        """Return the errors by one pair, as the mean over all pairs, and the number of photos."""
        if self.pairs is None:
            return self.count_errors(group, threshold)
        bound = self.threshold if threshold is None else threshold
        accepted = (getattr(self.pairs, group) >= bound).mean(1)
        wrong = 1 - accepted if group == "held" else accepted
        return float(wrong.sum()), len(wrong)

    def measure_ranking(self, rule: Rule | None = None) -> float:
        """Share of pairs in which the owner's held-out photo scores above an unseen stranger's.

        It is the area under the ROC curve, 0 to 1, and needs no threshold, so that the choice
        of a threshold cannot make a way look good or bad.
        """
        mine = np.array(self.scores("held", rule))[:, None]
        others = np.array(self.scores("unseen", rule))[None]
        return float(((mine > others) + 0.5 * (mine == others)).mean())


def sum_errors(
    cells: Iterable[WayResult],
    group: Group,
    threshold: float | None = None,
    rule: Rule | None = None,
) -> tuple[int, int]:
    """Add up the errors and the photos of several results; see `WayResult.count_errors`."""
    counts = [cell.count_errors(group, threshold, rule) for cell in cells]
    return sum(errors for errors, _ in counts), sum(photos for _, photos in counts)


def sum_mean_errors(
    cells: Iterable[WayResult], group: Group, threshold: float | None = None
) -> tuple[float, int]:
    """Add up the errors and the photos of several results; see `WayResult.mean_errors`."""
    means = [cell.mean_errors(group, threshold) for cell in cells]
    return sum(errors for errors, _ in means), sum(photos for _, photos in means)


def average_ranking(cells: Sequence[WayResult], rule: Rule | None = None) -> float:
    """Return the mean of `WayResult.measure_ranking`."""
    return sum(cell.measure_ranking(rule) for cell in cells) / len(cells)
