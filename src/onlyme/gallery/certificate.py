"""Certify how often a stranger is taken for a person of a gallery, and on what grounds.

As in `siamese.certificate` two kinds are kept apart: what was counted on real people, and what a
tail model extrapolates. With more people each one's share of the rate is smaller, and sooner lies
below the rates that were counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.charts import (
    capitalize,
    describe_modelled_bound,
    describe_proven_bound,
    describe_set_rate,
)
from onlyme.gallery.identify import LEAD_MARGIN, compute_shared_far
from onlyme.siamese.certificate import (
    CONFIDENCE,
    MAX_MODEL_REACH_FACTOR,
    NOT_COVERED,
    select_counted_rows,
)

if TYPE_CHECKING:
    from onlyme.siamese.head import Base

__all__ = ["GalleryCertificate", "make_gallery_certificate"]

_SEARCHES = "searches of strangers"


@dataclass(frozen=True, slots=True)
class GalleryCertificate:
    """What identification among this many people promises.

    Attributes:
        people: N, owners in the vault and people in the gallery.
        fpir: how often a stranger is taken for one of them, by calibration (an estimate).
        far: each person's share of it: the false accept rate that their alpha stands for.
        counted: the upper bound on FPIR from counted comparisons; None where `far` lies below
            the counted rates.
        modelled: the extrapolated upper bound; None where counts suffice, and where `far` is
            too far from any data.
        comparisons: how many comparisons of real people were counted.
        owners: people who were owners in them, with one photo.
        strangers: people who were strangers in them.
        lead: the margin by which the person named must be ahead of the next.
        confidence: of the bounds.
        not_covered: people and attacks that they say nothing about.
    """

    people: int
    fpir: float
    far: float
    counted: float | None
    modelled: float | None
    comparisons: int
    owners: int
    strangers: int
    lead: float = LEAD_MARGIN
    confidence: float = CONFIDENCE
    not_covered: tuple[str, ...] = NOT_COVERED

    def sentences(self) -> tuple[str, ...]:
        """Return the certificate in words."""
        named = "the one person" if self.people == 1 else f"one of {self.people:,} people"
        share = (
            f"{capitalize(describe_set_rate(self.fpir, _SEARCHES))}: that is how often a stranger "
            f"is taken for {named}. For that, each person's alpha is {describe_set_rate(self.far)}."
        )
        ground = (
            f"{self.comparisons:,} comparisons of {self.owners:,} owners with 1 photo each with "
            f"{self.strangers:,} people, by matching rules trained in the same way without them"
        )
        if self.counted is not None:
            proven = describe_proven_bound(self.counted, _SEARCHES, confidence=self.confidence)
            bound = f"{capitalize(proven)}, from {ground}."
        elif self.modelled is not None:
            modelled = describe_modelled_bound(self.modelled, _SEARCHES)
            bound = f"{capitalize(modelled)}, from {ground}."
        else:
            bound = (
                f"No bound: {self.people:,} people are too many for {ground}; no more is claimed."
            )
        near = (
            f"A person who is less than {self.lead:g} in margin ahead of the next is not named: "
            "the answer is ambiguous."
        )
        excepted = "Not covered: " + "; ".join(self.not_covered) + "."
        return share, bound, near, excepted


def make_gallery_certificate(base: Base, people: int, fpir: float) -> GalleryCertificate:
    """Certify what identification among this many people promises.

    Args:
        base: of the network.
        people: how many people are searched, at least 1.
        fpir: the rate asked for, as in the settings.

    Raises:
        NotCalibrated: the network has no calibration, or it does not reach the rate.
    """
    far = compute_shared_far(base, fpir, people)
    rows = select_counted_rows(base.card["counted"], 1)
    below = [row for row in rows if row["far"] >= far * (1 - 1e-6)]
    last = min(rows, key=lambda row: row["far"])
    beyond = far < last["far"] * (1 - 1e-6)
    best = last if beyond else min(below, key=lambda row: row["far"])
    # The bound on the rate of one comparison, scaled to this rate, for each of the people.
    bound = people * best["upper95"] * far / best["far"]
    reached = beyond and far >= last["far"] / MAX_MODEL_REACH_FACTOR
    return GalleryCertificate(
        people=people,
        fpir=fpir,
        far=far,
        counted=None if beyond else min(bound, 1.0),
        modelled=min(bound, 1.0) if reached else None,
        comparisons=int(best["comparisons"]),
        owners=int(best["owners"]),
        strangers=int(best["strangers"]),
    )
