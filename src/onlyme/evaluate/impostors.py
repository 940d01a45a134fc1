"""Collect millions of impostor margins in bounded memory, exactly at the top.

A few thousand owners against as many strangers are more comparisons than
memory holds. The tail decides: the highest margins are stored one by one, with
the owner and the stranger. Below them, two neighbours at a time are merged
into one entry with the higher margin of the two, so that the total stays
right and a count can only be too high.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts import ErrorRate, make_rate
from onlyme.errors import UsageError
from onlyme.evaluate.metrics import threshold_at_fmr

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImpostorAccumulator", "Impostors"]


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """Impostor margins; the highest are stored one by one.

    Attributes:
        margins: float64[n], falling.
        weights: int64[n], the number of comparisons that each entry stands for; 1 in the tail.
        owners: int32[n], index of the trial's owner; −1 below the tail.
        probes: int32[n], index of the stranger's photo; −1 below the tail.
        exact: the number of entries in the tail, which come first.
    """

    margins: NDArray[np.float64] = field(repr=False)
    weights: NDArray[np.int64] = field(repr=False)
    owners: NDArray[np.int32] = field(repr=False)
    probes: NDArray[np.int32] = field(repr=False)
    exact: int

    @property
    def total(self) -> int:
        """The number of comparisons in all."""
        return int(self.weights.sum())

    def count_at(self, threshold: float) -> int:
        """Return the number of comparisons that match; below the tail an upper bound."""
        return int(self.weights[self.margins >= threshold].sum())

    def rate_at(self, threshold: float) -> ErrorRate:
        """Return the FMR at a threshold, with its Clopper-Pearson interval."""
        return make_rate(self.count_at(threshold), self.total)

    def threshold_at(self, fmr: float) -> float:
        """Return the lowest threshold whose FMR does not exceed a target.

        Raises:
            UsageError: without comparisons, or on a target out of range.
        """
        return threshold_at_fmr(self.margins, fmr, weights=self.weights)

    def is_exact_at(self, threshold: float) -> bool:
        """Whether every match at this threshold is stored one by one."""
        return self.exact == self.margins.size or bool(threshold > self.margins[self.exact])


class ImpostorAccumulator:
    """Collects impostor margins in bounded memory.

    Args:
        tail: how many of the highest margins to store one by one.
        body: how many entries may stand for all other margins.

    >>> tally = ImpostorAccumulator(tail=2, body=2)
    >>> tally.add(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), owner=0, probes=np.arange(6))
    >>> result = tally.result()
    >>> result.margins.tolist(), result.weights.tolist()
    ([0.6, 0.5, 0.4, 0.2], [1, 1, 2, 2])
    """

    def __init__(self, *, tail: int = 250_000, body: int = 250_000) -> None:
        if tail < 1 or body < 2:
            raise UsageError("a tally stores at least one margin, and two entries for the others")
        self._tail = tail
        self._body = body
        self._summary = Impostors(
            np.empty(0), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), 0
        )
        self._waiting: list[Impostors] = []
        self._waiting_size = 0

    def add(self, margins: NDArray[np.float64], *, owner: int, probes: NDArray[np.intp]) -> None:
        """Add the margins of one owner against strangers.

        Args:
            margins: float64[n], finite.
            owner: index of the owner.
            probes: int[n], index of each stranger's photo.

        Raises:
            UsageError: when a margin is not finite.
        """
        if not np.isfinite(margins).all():
            raise UsageError("impostor margins must be finite; some are not")
        size = margins.size
        self._waiting.append(
            Impostors(
                margins.astype(np.float64),
                np.ones(size, np.int64),
                np.full(size, owner, np.int32),
                probes.astype(np.int32),
                size,
            )
        )
        self._waiting_size += size
        if self._waiting_size > self._tail + self._body:
            self._merge_waiting()

    def result(self) -> Impostors:
        """Return the summary of everything added so far."""
        self._merge_waiting()
        return self._summary

    def _merge_waiting(self) -> None:
        parts = [self._summary, *self._waiting]
        self._waiting, self._waiting_size = [], 0
        margins = np.concatenate([part.margins for part in parts])
        order = np.argsort(-margins, kind="stable")
        margins = margins[order]
        weights = np.concatenate([part.weights for part in parts])[order]
        owners = np.concatenate([part.owners for part in parts])[order]
        probes = np.concatenate([part.probes for part in parts])[order]
        # Entries once merged rank below `tail` and can never rise into it again.
        tail = slice(0, self._tail)
        body, heavy = margins[self._tail :], weights[self._tail :]
        if body.size <= self._body:
            exact = min(self._tail, margins.size) if (heavy > 1).any() else margins.size
            self._summary = Impostors(margins, weights, owners, probes, exact)
            return
        while body.size > self._body:
            body, heavy = body[::2], np.add.reduceat(heavy, np.arange(0, heavy.size, 2))
        unknown = np.full(body.size, -1, np.int32)
        self._summary = Impostors(
            np.concatenate([margins[tail], body]),
            np.concatenate([weights[tail], heavy]),
            np.concatenate([owners[tail], unknown]),
            np.concatenate([probes[tail], unknown]),
            self._tail,
        )
