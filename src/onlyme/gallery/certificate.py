"""What a gallery promises: how often a stranger is taken for somebody in it, and on what ground.

As in `siamese.certificate` two grounds are kept apart: what was counted on real people, and what
the tail model continues. The more people, the smaller is each one's share of the promise, and
the sooner it lies beyond what was counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.gallery.identify import LEAD_MARGIN, compute_shared_far
from onlyme.siamese.certificate import (
    CONFIDENCE,
    MAX_MODEL_REACH_FACTOR,
    NOT_COVERED,
    select_counted_rows,
)

if TYPE_CHECKING:
    from onlyme.siamese import Base

__all__ = ["GalleryCertificate", "make_gallery_certificate"]


@dataclass(frozen=True, slots=True)
class GalleryCertificate:
    """What identification among so many people promises.

    Attributes:
        people: N, owners in the vault and people in the gallery.
        fpir: a stranger is taken for somebody at most this often, by calibration.
        far: each one's share: the false accept rate that their alpha stands for.
        counted: the upper bound on FPIR from counted comparisons; None where `far` lies below
            what was counted.
        modelled: the upper bound if the tail goes on as it begins; None where counts suffice,
            and where even the model is too far from any data.
        comparisons: how many comparisons of real people were counted.
        owners: people who were owners in them, with one photo.
        strangers: people who were strangers in them.
        lead: by so much must whoever is found be ahead of the next.
        confidence: of the bounds.
        not_covered: whom they say nothing about.
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
        """The certificate in words."""
        share = (
            f"Among {self.people:,} people each must reach the alpha that a stranger passes once "
            f"in {1 / self.far:,.0f} tries, so that one is taken for somebody at most once in "
            f"{1 / self.fpir:,.0f} searches, however the chances depend on each other."
        )
        ground = (
            f"{self.comparisons:,} comparisons of {self.owners:,} owners of one photo with "
            f"{self.strangers:,} people, by heads trained in the same way without them"
        )
        if self.counted is not None:
            bound = (
                f"Counted: at most once in {1 / self.counted:,.0f} searches, with "
                f"{self.confidence:.0%} confidence: {ground}."
            )
        elif self.modelled is not None:
            bound = (
                f"Modelled, not counted: at most once in {1 / self.modelled:,.0f} searches, if the "
                f"tail goes on as it begins in {ground}."
            )
        else:
            bound = f"This many people lie beyond what {ground} can carry; no more is claimed."
        near = (
            f"Whoever is less than {self.lead:g} in margin ahead of the next is not named: the "
            "answer is ambiguous."
        )
        excepted = "Not covered: " + "; ".join(self.not_covered) + "."
        return share, bound, near, excepted


def make_gallery_certificate(base: Base, people: int, fpir: float) -> GalleryCertificate:
    """Say what identification among so many people promises.

    Args:
        base: of the network.
        people: how many are searched among, at least 1.
        fpir: what is asked for, as in the settings.

    Raises:
        NotCalibrated: nothing was counted for this network, or no calibration reaches so far.
    """
    far = compute_shared_far(base, fpir, people)
    rows = select_counted_rows(base.card["counted"], 1)
    below = [row for row in rows if row["far"] >= far * (1 - 1e-6)]
    last = min(rows, key=lambda row: row["far"])
    beyond = far < last["far"] * (1 - 1e-6)
    best = last if beyond else min(below, key=lambda row: row["far"])
    # The bound on one comparison's rate, carried to this rate, for each of so many people.
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
