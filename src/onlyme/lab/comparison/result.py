"""Hold the scores of one way for one owner, and compute its error rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onlyme.lab.comparison.inspection import Inspection

__all__ = ["PRODUCT", "WayResult"]

PRODUCT = "product"
"""The name of the product's own decision beside the ways."""


@dataclass(frozen=True, slots=True)
class WayResult:
    """The result of one way for one owner with one number of photos.

    Attributes:
        way: name of the way; `PRODUCT` for the product's own decision.
        owner: name of the owner.
        photos: number of the owner's training photos.
        threshold: a photo with this score or a higher one is accepted.
        held: scores of the owner's held-out photos; not a number where training diverged.
        trained: scores of other photos of the strangers that it was trained on.
        unseen: scores of strangers that it was never trained on.
        reason: why training ended; empty for the product.
        steps: number of training steps.
        curve: step, clean loss, augmented loss.
        seconds: duration of the training; differs from run to run.
        spent: duration of training and scoring; differs from run to run.
        peak_bytes: most memory held meanwhile; differs from run to run.
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
    look: Inspection | None = field(default=None, compare=False, repr=False)

    def misses(self, threshold: float | None = None) -> tuple[int, int]:
        """Return the number of the owner's held-out photos that are refused, and the total."""
        bound = self.threshold if threshold is None else threshold
        # `not >=` and not `<`: a score that is not a number is refused.
        return sum(not score >= bound for score in self.held), len(self.held)

    def false_accepts(self, who: str, threshold: float | None = None) -> tuple[int, int]:
        """Return the number of accepted strangers (`trained` or `unseen`), and the total."""
        bound = self.threshold if threshold is None else threshold
        scores = self.trained if who == "trained" else self.unseen
        return sum(score >= bound for score in scores), len(scores)

    @property
    def ranking(self) -> float:
        """Share of pairs in which the owner's held-out photo scores above an unseen stranger's.

        It is the area under the ROC curve, 0 to 1, and needs no threshold, so that the choice
        of a threshold cannot make a way look good or bad.
        """
        mine, others = np.array(self.held)[:, None], np.array(self.unseen)[None]
        return float(((mine > others) + 0.5 * (mine == others)).mean())
