"""Certify what an alpha promises about strangers, and what the promise rests on.

Two kinds of promises are kept apart. *Counted*: real people were compared by heads that were
trained in the same way without them, and the bound allows for chance among owners and among
strangers. *Modelled*: below the rates that were counted, an exponential tail continues the
curve. Synthetic strangers are never counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.charts import (
    capitalize,
    describe_modelled_bound,
    describe_proven_bound,
    describe_set_rate,
)
from onlyme.errors import NotCalibrated, UsageError
from onlyme.siamese.presets import ALIKE_SHARE, estimate_far_alike

if TYPE_CHECKING:
    from onlyme.siamese.calibrate import MissRate
    from onlyme.siamese.learned import LearnedOwner
    from onlyme.siamese.second import SecondRule

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
    "people and cameras unlike those of the data, which are press photos and crops from the web",
)
"""People and attacks that a rate for random strangers says nothing about."""

_MIN_COUNTED_SHARE = 0.01
"""A counted bound of less than this share of the tries that alpha stands for says little."""

_MIN_ACCEPTED_PAIRS = 20
"""A count needs at least this many pairs of people that were mistaken to give a bound: with
fewer, a family or two decides."""

MAX_MODEL_REACH_FACTOR = 100.0
"""The tail model is reported down to the last counted rate divided by this."""


@dataclass(frozen=True, slots=True)
class OwnerCertificate:
    """What an alpha promises.

    Attributes:
        alpha: the margin that a face must reach.
        far: the false accept rate that it stands for.
        photos: enrolment photos of the owner.
        counted_tries: N of "at most once in N tries" from counted comparisons.
        modelled_tries: N from the tail model, where `far` lies below the counted rates;
            None where counts suffice, and where `far` is too far from any data.
        comparisons: how many comparisons of real people were counted.
        counted_photos: enrolment photos of the owners in them.
        enrolments: how often each of these owners enrolled, with different photos.
        owners: people who were owners in them.
        strangers: people who were strangers in them.
        accepted_pairs: pairs of an owner and a stranger accepted at least once
            at the alpha that the counted bound is about.
        miss: expected miss rate of the population.
        confidence: of each bound.
        not_covered: people and attacks that it says nothing about.
        far_alike: how often a person who looks like the owner is accepted, at most; see
            `presets.estimate_far_alike`.
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
    far_alike: float | None = None

    def sentences(self) -> tuple[str, ...]:
        """Return the certificate in words: what was set, what is proven, then what is modelled."""
        rate = capitalize(describe_set_rate(self.far))
        asked = f"{rate}: that is how often a random stranger is accepted."
        proven = describe_proven_bound(1 / self.counted_tries, confidence=self.confidence)
        counted = (
            f"{capitalize(proven)}. {self.comparisons:,} comparisons were made of "
            f"{self.owners:,} owners with {_count(self.counted_photos, 'photo')} and "
            f"{_count(self.enrolments, 'enrolment')} each with {self.strangers:,} people; "
            f"{_count(self.accepted_pairs, 'pair')} of people were mistaken. They were judged by "
            "matching rules trained in the same way without them; the rule in use was then "
            "trained on all of them."
        )
        beyond = ""
        if self.modelled_tries is not None:
            beyond = f"{capitalize(describe_modelled_bound(1 / self.modelled_tries))}."
        elif self.counted_tries * self.far < _MIN_COUNTED_SHARE:
            beyond = "This alpha is too strict for the data to bound; no more is claimed."
        alike = ""
        if self.far_alike is not None:
            alike = (
                "A person who looks like the owner (one of the twentieth of all people who look "
                f"most so) is accepted at most {1 / ALIKE_SHARE:.0f} times as often as a random "
                f"one: at most about once in {max(1, round(1 / self.far_alike)):,} tries. This "
                "bound follows from the promise about random people; relatives are nearer still."
            )
        assumed = (
            "Assumed: this owner is like the owners counted. Alpha is set from the owner's photos: "
            "how near strangers lie, and how much the photos resemble those of a poor camera."
        )
        missed = (
            f"Expected misses (estimate): the owner is refused in {100 * self.miss.rate:.2f} % of "
            f"tries (95 % interval {100 * self.miss.low:.2f} to {100 * self.miss.high:.2f} %), "
            f"measured on {self.miss.people:,} other people with "
            f"{_count(self.miss.photos, 'photo')} each."
        )
        not_covered = "Not covered: " + "; ".join(self.not_covered) + "."
        return tuple(
            text for text in (asked, counted, beyond, alike, assumed, missed, not_covered) if text
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def make_certificate(
    learned: LearnedOwner,
    *,
    alpha: float | None = None,
    far: float | None = None,
    second: SecondRule | None = None,
) -> OwnerCertificate:
    """Certify what an alpha promises.

    Args:
        learned: the owner.
        alpha: the margin to reach.
        far: in its place, a false accept rate that alpha follows. With neither, the owner's
            own alpha.
        second: how a second network helps to decide; None if one network decides.

    Raises:
        NotCalibrated: nothing was counted for this network, or this alpha is so low that
            no count bounds it.
        UsageError: both `alpha` and `far` were given, or the calibration does not cover `far`.
    """
    if alpha is not None and far is not None:
        raise UsageError("give alpha or far, not both")
    if far is not None:
        alpha = learned.alpha_at(far)
    alpha = learned.alpha if alpha is None else alpha
    rate, miss = learned.far_at(alpha), learned.miss_at(alpha, second)
    if rate is None or miss is None:
        raise NotCalibrated(
            f"no certificate is possible: network {learned.model[:12]}… has no calibration"
        )
    card = learned.base.card if second is None else second.card
    rows = select_counted_rows(card["counted"], learned.photos)
    below = [row for row in rows if row["far"] >= rate * (1 - 1e-6)]
    if not below:
        raise NotCalibrated(
            "no certificate is possible: this alpha is too low for any bound; raise it with "
            "`onlyme tune`"
        )
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
        far_alike=estimate_far_alike(rate),
    )


def select_counted_rows(counted: list[dict[str, float]], photos: int) -> list[dict[str, float]]:
    """Return the rows that give a bound, for this many photos or the next more measured."""
    measured = sorted({int(row["photos"]) for row in counted})
    chosen = next((number for number in measured if number >= photos), measured[-1])
    return [
        row
        for row in counted
        if row["photos"] == chosen and row["accepted_pairs"] >= _MIN_ACCEPTED_PAIRS
    ]
