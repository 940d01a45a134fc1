"""A face comes in; which one of many it is, nobody, or too near to call, goes out.

A stranger who is searched for among N people has N chances to be taken for one of them. So
each must reach the alpha at which a single one is passed by a stranger once in N / FPIR
tries (FPIR: the false positive identification rate, ISO/IEC 19795-1). The sum of N such
chances is at most FPIR, however they depend on each other.

The owners in the vault are judged by their own heads, the people in the gallery by the base
head: by the article's rule both. d(x, NOT_ME) is the same for everybody in the gallery, so the
nearest template has the largest margin, and few people need to be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import NotCalibrated
from onlyme.siamese.calibrate import compute_centre
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.margin import NotMe
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery, GalleryPerson
    from onlyme.siamese import Base
    from onlyme.siamese.owner import Owner

__all__ = ["DEFAULT_FPIR", "LEAD_MARGIN", "Candidate", "identify_vector", "rank_candidates"]

DEFAULT_FPIR = 1e-3
"""A stranger is taken for somebody in the gallery at most this often."""

MAX_CANDIDATES = 8
"""So many of the nearest are judged: the right one is the nearest but for a hair."""

LEAD_MARGIN = 0.05
"""By so much in margin must whoever is found be ahead of the next. On LFW that turns one right
answer in 500 into `ambiguous`, and five wrong names of seven (benchmarks/identify.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Somebody whom a face may be.

    Attributes:
        name: who.
        margin: d(x, NOT_ME) − d(x, ME) of the face.
        centre: where this person's margins are counted from; see `siamese.calibrate`.
        photos: enrolment photos.
    """

    name: str
    margin: float
    centre: float
    photos: int

    def decide(self, base: Base, far: float) -> Decision:
        """Decide whether the margin reaches the alpha of a false accept rate."""
        assert base.curve is not None  # noqa: S101 - for the type checker; `identify_vector` asked
        alpha = self.centre + base.curve.z_at(far, self.photos)
        stands_for = base.curve.far_at(alpha - self.centre, self.photos)
        accepted = self.margin >= alpha
        reason = Reason.MATCH if accepted else Reason.NO_MATCH
        return Decision(accepted, self.name, reason, self.margin, alpha, stands_for)


def identify_vector(
    owners: list[Owner], gallery: Gallery | None, vector: NDArray[np.float32], fpir: float
) -> Decision:
    """Find the one person whom an embedding, float32[d], shows, if there is just one.

    Args:
        owners: those with heads of their own. Each keeps the rate that their alpha stands for,
            shared among everybody.
        gallery: the others; None where there is none.
        vector: the face.
        fpir: how often a stranger may be taken for somebody in the gallery.

    Returns:
        `match` with a name; `no_match`; or `ambiguous` where the next is less than `LEAD_MARGIN`
        behind,
        or where an owner and somebody else both reach their alphas.

    Raises:
        NotCalibrated: a gallery this large cannot keep such a rate by what was measured.
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    crowd = len(gallery) if gallery else 0
    people = len(owners) + crowd
    decisions = [owner.share_among(people).decide(vector[None]) for owner in owners]
    if gallery is not None and crowd:
        far = compute_shared_far(gallery.base, fpir, people)
        found = rank_candidates(gallery, gallery.base.project(vector[None]))[0]
        decisions += [candidate.decide(gallery.base, far) for candidate in found]
    matches = [decision for decision in decisions if decision.accepted]
    if not matches:
        return Decision(accepted=False, name=None, reason=Reason.NO_MATCH)
    first = max(matches, key=_measure_lead)
    contested = len(matches) > 1 and any(decision.accepted for decision in decisions[: len(owners)])
    rivals = (other for other in decisions if other is not first)
    if contested or any(
        _measure_lead(other) > _measure_lead(first) - LEAD_MARGIN for other in rivals
    ):
        return Decision(accepted=False, name=None, reason=Reason.AMBIGUOUS)
    return first


def compute_shared_far(base: Base, fpir: float, people: int) -> float:
    """Return the false accept rate of each of so many people that keeps an FPIR.

    Raises:
        NotCalibrated: the network has no calibration, or the rate lies beyond it.
    """
    if base.curve is None:
        raise NotCalibrated(
            "a gallery needs a calibrated network; tools/train_head.py calibrates one"
        )
    lowest = 10.0 ** float(base.curve.log_far[-1])
    if fpir / people < lowest * (1 - 1e-9):
        raise NotCalibrated(
            f"among {people:,} people no measurement carries a false positive rate of {fpir:g}; "
            f"the lowest is {lowest * people:g} (fpir in the settings)"
        )
    return fpir / people


def rank_candidates(gallery: Gallery, heads: NDArray[np.float32]) -> list[list[Candidate]]:
    """For each face, float32[n, r] in head space, the likeliest people, the likeliest first."""
    base = gallery.base
    rule = NotMe(base.cohort, base.cohort[:0], np.empty(0, np.float32), base.nearest)
    away = rule.measure_distance(heads).tolist()
    found = gallery.find_nearest(heads, MAX_CANDIDATES)
    return [
        sorted(
            (_make_candidate(base, person, head, not_me) for person in people),
            key=lambda candidate: candidate.centre - candidate.margin,
        )
        for head, not_me, people in zip(heads, away, found, strict=True)
    ]


def _make_candidate(
    base: Base, person: GalleryPerson, head: NDArray[np.float32], not_me: float
) -> Candidate:
    me = base.project(person.me)
    template = normalize(me.mean(axis=0))[None]
    margin = not_me - float(measure_distances(head[None], template)[0, 0])
    drawn = base.draws_not_me - measure_distances(template, base.draws)[0]
    return Candidate(person.name, margin, compute_centre(drawn, me), len(me))


def _measure_lead(decision: Decision) -> float:
    """How far beyond their own alpha the face comes."""
    assert decision.margin is not None  # noqa: S101 - for the type checker; each was judged
    assert decision.alpha is not None  # noqa: S101
    return decision.margin - decision.alpha
