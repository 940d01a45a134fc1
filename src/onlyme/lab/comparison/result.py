"""One way's scores for one owner come in; error rates with their intervals go out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onlyme.lab.comparison.inspection import Inspection

__all__ = ["PRODUCT", "WayResult"]

PRODUCT = "product"
"""The name under which the product's own decision stands beside the ways."""


@dataclass(frozen=True, slots=True)
class WayResult:
    """One way for one owner with one number of photos.

    Attributes:
        way: which; `PRODUCT` for the product's own decision.
        owner: whose.
        photos: how many photos of the owner it saw.
        threshold: the score from which on it accepts.
        held: scores of the owner's held-out photos; not a number where training diverged.
        trained: of other photos of the strangers that it was trained on.
        unseen: of strangers it never saw.
        reason: why training ended; empty for the product.
        steps: how many steps it took.
        curve: step, clean loss, augmented loss.
        seconds: how long it trained; differs from run to run.
        spent: how long it took with judging; differs from run to run.
        peak_bytes: most memory held meanwhile; differs from run to run.
        look: a closer look, for ways that embed.
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
    look: Inspection | None = field(default=None, compare=False, repr=False)

    def misses(self, threshold: float | None = None) -> tuple[int, int]:
        """Return how many of the owner's held-out photos are refused, and of how many."""
        bound = self.threshold if threshold is None else threshold
        # What is no number is refused.
        return sum(not score >= bound for score in self.held), len(self.held)

    def false_accepts(self, who: str, threshold: float | None = None) -> tuple[int, int]:
        """Return how many strangers (`trained` or `unseen`) are accepted, and of how many."""
        bound = self.threshold if threshold is None else threshold
        scores = self.trained if who == "trained" else self.unseen
        return sum(score >= bound for score in scores), len(scores)

    @property
    def ranking(self) -> float:
        """How often a held-out photo of the owner scores above an unseen stranger's, 0 to 1.

        No threshold is in it (it is the area under the ROC curve), so that a way cannot
        look good or bad by where its threshold happens to lie.
        """
        mine, others = np.array(self.held)[:, None], np.array(self.unseen)[None]
        return float(((mine > others) + 0.5 * (mine == others)).mean())
