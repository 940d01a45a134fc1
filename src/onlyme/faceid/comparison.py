"""Compare two embeddings: their distance, and whether they show one person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner

if TYPE_CHECKING:
    from onlyme.siamese.head import Base
    from onlyme.types import Embedding

__all__ = ["FaceComparison", "compare_embeddings"]


class FaceComparison(float):
    """The distance of two faces, 0 (the same) to 2 (opposite), and what it means.

    Attributes:
        same: whether they are taken for one person; None for a network without calibration.
        margin: the smaller of the two margins, d(x, NOT_ME) − d(x, ME), −2 to 2, when each picture
            is the only ME for the other.
        alpha: the margin that must be reached; None without calibration.
        far: the false accept rate that this alpha stands for; None without calibration.

    Example:
        >>> answer = onlyme.compare("ada-1.jpg", "ada-2.jpg")  # doctest: +SKIP
        >>> answer < 0.9, answer.same  # doctest: +SKIP
        (True, True)
    """

    __slots__ = ("alpha", "far", "margin", "same")

    same: bool | None
    margin: float
    alpha: float | None
    far: float | None

    def __new__(
        cls, distance: float, margin: float, alpha: float | None, far: float | None
    ) -> Self:
        """Make the answer on two faces."""
        made = super().__new__(cls, distance)
        made.margin, made.alpha, made.far = margin, alpha, far
        made.same = None if alpha is None else margin >= alpha
        return made

    @property
    def distance(self) -> float:
        """The Euclidean distance of the network's own vectors, 0 to 2."""
        return float(self)

    def __repr__(self) -> str:
        """Say the numbers by name."""
        parts = (f"{name}={getattr(self, name)!r}" for name in ("same", "margin", "alpha", "far"))
        return f"FaceComparison({float(self):.4f}, {', '.join(parts)})"


def compare_embeddings(base: Base, a: Embedding, b: Embedding, far: float) -> FaceComparison:
    """Compare two embeddings of one network by the article's rule, each once as the only ME.

    Args:
        base: the network's head, cohort and calibration.
        a: of one face.
        b: of another.
        far: the false accept rate that alpha stands for.
    """
    distance = float(np.linalg.norm(a.vector.astype(np.float64) - b.vector))
    margins, alphas = [], []
    for me, x in ((a, b), (b, a)):
        examples = replace(Examples.make_empty(base.dimension), me=me.vector[None])
        owner = Owner.learn(base, "ME", examples, far=far)
        margins.append(float(owner.margins(x.vector[None])[0]))
        alphas.append(owner.alpha)
    # The side that is further below its own alpha decides.
    worst = int(np.argmin(np.subtract(margins, alphas)))
    if not base.calibrated:
        return FaceComparison(distance, margins[worst], None, None)
    return FaceComparison(distance, margins[worst], alphas[worst], far)


for _class in (FaceComparison,):
    _class.__module__ = "onlyme"  # where users find it
