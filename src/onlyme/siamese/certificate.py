"""What can be promised about strangers, and on what ground.

Two grounds are kept apart. *Counted*: real people were compared, by heads trained in the
same way without them, and a bound was taken over owners and strangers alike. *Modelled*:
beyond what was counted, an exponential tail continues. Synthetic strangers are never counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.errors import NotCalibrated, UsageError

if TYPE_CHECKING:
    from onlyme.siamese.calibrate import MissRate
    from onlyme.siamese.learned import LearnedOwner

__all__ = [
    "CONFIDENCE",
    "MAX_MODEL_REACH_FACTOR",
    "NOT_COVERED",
    "OwnerCertificate",
    "make_certificate",
    "select_counted_rows",
]

CONFIDENCE = 0.95
"""Of each bound."""

NOT_COVERED = (
    "identical twins",
    "siblings and parents",
    "children, whose faces are nearer to each other",
    "photos, screens and masks of the owner, which liveness is for",
    "people unlike those of the data, which is public figures in press photos",
)
"""Whom a random stranger does not stand for."""

_MIN_COUNTED_SHARE = 0.01
"""Below this share of what alpha asks for, a count says little about it."""

_MIN_ACCEPTED_PAIRS = 20
"""Pairs of people that must have been mistaken for a count to carry a bound: with fewer, a
family or two decides."""

MAX_MODEL_REACH_FACTOR = 100.0
"""How far below the last counted rate the tail model is still said aloud."""


@dataclass(frozen=True, slots=True)
class OwnerCertificate:
    """What an alpha promises.

    Attributes:
        alpha: the margin that a face must reach.
        far: the false accept rate that it stands for.
        photos: enrolment photos of the owner.
        counted_tries: N of "at most once in N tries" from counted comparisons.
        modelled_tries: N from the tail model, where `far` lies below what was
            counted; None where counts suffice, or where even the model is too
            far from any data.
        comparisons: how many comparisons of real people were counted.
        counted_photos: enrolment photos of the owners in them.
        enrolments: how often each of these owners enrolled, with other photos.
        owners: people who were owners in them.
        strangers: people who were strangers in them.
        accepted_pairs: pairs of an owner and a stranger accepted at least once
            at the alpha that the counted bound is about.
        miss: expected miss rate of the population.
        confidence: of each bound.
        not_covered: whom it says nothing about.
    """

    alpha: float
    far: float
    photos: int
    counted_tries: int
    modelled_tries: int | None
    comparisons: int
    counted_photos: int
    enrolments: int
    owners: int
    strangers: int
    accepted_pairs: int
    miss: MissRate
    confidence: float = CONFIDENCE
    not_covered: tuple[str, ...] = NOT_COVERED

    def sentences(self) -> tuple[str, ...]:
        """The certificate in words, the counted before the modelled."""
        counted = (
            f"Counted: a random stranger is accepted at most once in {self.counted_tries:,} tries, "
            f"with {self.confidence:.0%} confidence: {self.comparisons:,} comparisons of "
            f"{self.owners:,} owners of {self.counted_photos} photos, {self.enrolments} "
            f"enrolments each, with {self.strangers:,} people, by heads trained in the same way "
            f"without them; {self.accepted_pairs:,} pairs of people were mistaken. The head in "
            "use was then trained on all of them."
        )
        beyond = ""
        if self.modelled_tries is not None:
            beyond = (
                f"Modelled, not counted: at most once in {self.modelled_tries:,} tries, if "
                "the tail goes on as it begins."
            )
        elif self.counted_tries * self.far < _MIN_COUNTED_SHARE:
            beyond = "This alpha lies beyond what the data can carry; no more is claimed."
        carried = (
            "That this owner is like the others is a model too: alpha is set from the owner's "
            "photos and margins against synthetic strangers."
        )
        missed = (
            f"Expected misses: {self.miss.rate:.2%} ({self.miss.low:.2%} to {self.miss.high:.2%}), "
            f"of {self.miss.people:,} other people with {self.miss.photos} photos each."
        )
        excepted = "Not covered: " + "; ".join(self.not_covered) + "."
        return tuple(text for text in (counted, beyond, carried, missed, excepted) if text)


def make_certificate(
    learned: LearnedOwner, *, alpha: float | None = None, far: float | None = None
) -> OwnerCertificate:
    """Say what an alpha promises.

    Args:
        learned: the owner.
        alpha: the margin to reach; or
        far: a false accept rate that alpha follows. Without both: the owner's alpha.

    Raises:
        NotCalibrated: nothing was counted for this network, or this alpha is
            so low that no count bounds it.
        UsageError: both `alpha` and `far`, or a rate that the calibration does not cover.
    """
    if alpha is not None and far is not None:
        raise UsageError("give alpha or far, not both")
    if far is not None:
        alpha = learned.alpha_at(far)
    alpha = learned.alpha if alpha is None else alpha
    rate, miss = learned.far_at(alpha), learned.miss_at(alpha)
    if rate is None or miss is None:
        raise NotCalibrated(f"nothing can be promised for network {learned.model[:12]}…")
    card = learned.base.card
    rows = select_counted_rows(card["counted"], learned.photos)
    below = [row for row in rows if row["far"] >= rate * (1 - 1e-6)]
    if not below:
        raise NotCalibrated("this alpha is too low for any promise")
    best = min(below, key=lambda row: row["upper95"])
    last = min(rows, key=lambda row: row["far"])
    modelled = None
    if last["far"] / MAX_MODEL_REACH_FACTOR <= rate < last["far"] * (1 - 1e-6):
        modelled = math.floor(1.0 / (rate * last["upper95"] / last["far"]))
    return OwnerCertificate(
        alpha=alpha,
        far=rate,
        photos=learned.photos,
        counted_tries=math.floor(1.0 / best["upper95"]),
        modelled_tries=modelled,
        comparisons=int(best["comparisons"]),
        counted_photos=int(best["photos"]),
        enrolments=int(card["repeats"]),
        owners=int(best["owners"]),
        strangers=int(best["strangers"]),
        accepted_pairs=int(best["accepted_pairs"]),
        miss=miss,
    )


def select_counted_rows(counted: list[dict[str, float]], photos: int) -> list[dict[str, float]]:
    """Return the rows that carry a bound, for as many photos or the next more measured."""
    measured = sorted({int(row["photos"]) for row in counted})
    chosen = next((number for number in measured if number >= photos), measured[-1])
    return [
        row
        for row in counted
        if row["photos"] == chosen and row["accepted_pairs"] >= _MIN_ACCEPTED_PAIRS
    ]
