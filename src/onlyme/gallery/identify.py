"""Find which of many people a face shows, if it shows just one of them.

A stranger who is compared with N people has N chances to be taken for one of them. So the
false accept rate of each person is FPIR / N (FPIR: the false positive identification rate,
ISO/IEC 19795-1). The sum of N such rates is FPIR, and the chance of any false match is at most
that sum, even if the matches depend on each other.

Owners in the vault are decided by their own heads, people in the gallery by the base head, and
both by the article's rule. d(x, NOT_ME) is the same for all people in the gallery, so the
nearest template has the largest margin, and only the nearest few people are compared in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from onlyme.errors import NotCalibrated
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.types import Decision, IdentityCandidate, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery, GalleryPerson
    from onlyme.siamese.head import Base
    from onlyme.siamese.owner import Owner

__all__ = ["LEAD_MARGIN", "Candidate", "find_matches", "identify_vector", "rank_candidates"]

MAX_CANDIDATES = 8
"""The nearest people that are compared in full. The right one is nearly always the nearest."""

LEAD_MARGIN = 0.05
"""The person named must be ahead of the next by this margin. On LFW that turns one right answer
in 500 into `ambiguous`, and five wrong names of seven (benchmarks/identify.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One person of the gallery whom a face may show.

    Attributes:
        name: the person's.
        margin: d(x, NOT_ME) − d(x, ME) of the face.
        centre: the margin that this person's z is counted from; see `siamese.calibrate`.
        photos: enrolment photos.
    """

    name: str
    margin: float
    centre: float
    photos: int

    def decide(self, base: Base, far: float) -> Decision:
        """Decide whether the margin reaches the alpha of a false accept rate."""
        assert base.curve is not None  # noqa: S101 - for the type checker; `identify_vector` checked
        alpha = self.centre + base.curve.z_at(far, self.photos)
        far_of_alpha = base.curve.far_at(alpha - self.centre, self.photos)
        accepted = self.margin >= alpha
        reason = Reason.MATCH if accepted else Reason.NO_MATCH
        return Decision(accepted, self.name, reason, self.margin, alpha, far_of_alpha)


def identify_vector(
    owners: list[Owner],
    gallery: Gallery | None,
    vector: NDArray[np.float32],
    fpir: float,
    *,
    candidates: int = 0,
) -> Decision:
    """Find the one person whom an embedding shows, if it shows just one.

    Args:
        owners: people with heads of their own. The rate that each alpha stands for is shared
            among all people who are searched.
        gallery: the other people; None where there is no gallery.
        vector: float32[d], the face.
        fpir: how often a stranger may be taken for a person of the gallery.
        candidates: how many of the likeliest people the decision lists; 0 lists none.

    Returns:
        `match` with a name; `no_match`; or `ambiguous` where the next person is less than
        `LEAD_MARGIN` behind, or where an owner and another person both reach their alphas.

    Raises:
        NotCalibrated: the calibration does not reach this rate among this many people.
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    nearest = max(candidates, MAX_CANDIDATES)
    decisions = _decide_each(owners, gallery, vector, fpir, nearest)
    decision = _choose(decisions, len(owners))
    return replace(decision, candidates=_rank(decisions)[:candidates]) if candidates else decision


def _choose(decisions: list[Decision], owners: int) -> Decision:
    """Return the one match; arguments are what `_decide_each` returned, and how many are owners."""
    matches = [decision for decision in decisions if decision.accepted]
    if not matches:
        return Decision(accepted=False, name=None, reason=Reason.NO_MATCH)
    first = max(matches, key=_measure_lead)
    contested = len(matches) > 1 and any(decision.accepted for decision in decisions[:owners])
    rivals = (other for other in decisions if other is not first)
    if contested or any(
        _measure_lead(other) > _measure_lead(first) - LEAD_MARGIN for other in rivals
    ):
        return Decision(accepted=False, name=None, reason=Reason.AMBIGUOUS)
    return first


def _rank(decisions: list[Decision]) -> tuple[IdentityCandidate, ...]:
    return tuple(
        IdentityCandidate(one.name, one.margin, one.alpha, one.accepted)
        for one in sorted(decisions, key=_measure_lead, reverse=True)
        if one.name is not None and one.margin is not None and one.alpha is not None
    )


def find_matches(
    owners: list[Owner], gallery: Gallery | None, vector: NDArray[np.float32], fpir: float
) -> list[str]:
    """Return the names of all people whom a face may show; arguments as for `identify_vector`."""
    decisions = _decide_each(owners, gallery, vector, fpir)
    return [decision.name for decision in decisions if decision.accepted and decision.name]


def _decide_each(
    owners: list[Owner],
    gallery: Gallery | None,
    vector: NDArray[np.float32],
    fpir: float,
    nearest: int = MAX_CANDIDATES,
) -> list[Decision]:
    """Decide for each owner, and for the likeliest people of the gallery: the owners first."""
    gallery_people = len(gallery) if gallery else 0
    people = len(owners) + gallery_people
    decisions = [owner.share_among(people).decide(vector[None]) for owner in owners]
    if gallery is not None and gallery_people:
        far = compute_shared_far(gallery.base, fpir, people)
        candidates = rank_candidates(gallery, gallery.base.project(vector[None]), nearest)[0]
        decisions += [candidate.decide(gallery.base, far) for candidate in candidates]
    return decisions


def compute_shared_far(base: Base, fpir: float, people: int) -> float:
    """Return the false accept rate that each of `people` may have to keep an FPIR.

    Raises:
        NotCalibrated: the network has no calibration, or the calibration does not reach the rate.
    """
    if base.curve is None:
        raise NotCalibrated("a gallery needs a calibrated network; onlyme lab calibrate makes one")
    lowest = 10.0 ** float(base.curve.log_far[-1])
    if fpir / people < lowest * (1 - 1e-9):
        raise NotCalibrated(
            f"the calibration cannot promise a false positive rate of {fpir:g} among {people:,} "
            f"people; set fpir to {lowest * people:g} or more in the settings"
        )
    return fpir / people


def rank_candidates(
    gallery: Gallery, heads: NDArray[np.float32], count: int = MAX_CANDIDATES
) -> list[list[Candidate]]:
    """Return for each face, float32[n, r] in head space, the likeliest people, likeliest first."""
    base = gallery.base
    not_me_distances = base.stranger_rule.measure_distance(heads).tolist()
    nearest = gallery.find_nearest(heads, count)
    return [
        sorted(
            (_make_candidate(base, person, head, not_me) for person in people),
            key=lambda candidate: candidate.centre - candidate.margin,
        )
        for head, not_me, people in zip(heads, not_me_distances, nearest, strict=True)
    ]


def _make_candidate(
    base: Base, person: GalleryPerson, head: NDArray[np.float32], not_me: float
) -> Candidate:
    me = base.project(person.me)
    template = normalize(me.mean(axis=0))[None]
    margin = not_me - float(measure_distances(head[None], template)[0, 0])
    centre = float(base.measure_centres(template)[0])
    return Candidate(person.name, margin, centre, len(me))


def _measure_lead(decision: Decision) -> float:
    """By how much the face exceeds this person's alpha."""
    assert decision.margin is not None  # noqa: S101 - for the type checker; each has a margin
    assert decision.alpha is not None  # noqa: S101 - and an alpha
    return decision.margin - decision.alpha
