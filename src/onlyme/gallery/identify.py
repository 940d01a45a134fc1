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
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import NotCalibrated
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.types import Decision, IdentityCandidate, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery, GalleryPerson
    from onlyme.siamese.head import Base
    from onlyme.siamese.owner import Owner

__all__ = [
    "LEAD_MARGIN",
    "Candidate",
    "find_matches",
    "identify_capture",
    "identify_vector",
    "rank_candidates",
]

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
    decisions = _decide_each(owners, gallery, vector[None], fpir, nearest=nearest)
    decision, _ = _choose(decisions, len(owners))
    return replace(decision, candidates=_rank(decisions)[:candidates]) if candidates else decision


def identify_capture(
    owners: list[Owner],
    gallery: Gallery | None,
    vectors: NDArray[np.float32],
    fpir: float,
    chances: int = 1,
) -> tuple[Decision, tuple[str, ...]]:
    """Find the one person whom the frames of one capture show, if they show just one.

    The margin of each person is the median of the frames' margins, the lower one of an even
    number, as in `Owner.decide`.

    Args:
        owners: as for `identify_vector`.
        gallery: as for `identify_vector`.
        vectors: float32[n, d], n ≥ 1, the embeddings of the frames.
        fpir: as for `identify_vector`.
        chances: the rate is divided by this number: a caller who decides about one visit several
            times gives each time a share of the rate.

    Returns:
        The decision; and, where it is `ambiguous`, the names of the two nearest people.

    Raises:
        NotCalibrated: the calibration does not reach this rate among this many people.
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    return _choose(_decide_each(owners, gallery, vectors, fpir, chances), len(owners))


def _choose(decisions: list[Decision], owners: int) -> tuple[Decision, tuple[str, ...]]:
    """Return the one match, and of an ambiguous face the names of the two nearest people.

    Args:
        decisions: what `_decide_each` returned.
        owners: how many of them are owners.
    """
    matches = [decision for decision in decisions if decision.accepted]
    if not matches:
        return Decision(accepted=False, name=None, reason=Reason.NO_MATCH), ()
    first = max(matches, key=_measure_lead)
    contested = len(matches) > 1 and any(decision.accepted for decision in decisions[:owners])
    rivals = [other for other in decisions if other is not first]
    if contested or any(
        _measure_lead(other) > _measure_lead(first) - LEAD_MARGIN for other in rivals
    ):
        second = max(rivals, key=_measure_lead)
        names = tuple(one.name for one in (first, second) if one.name is not None)
        return Decision(accepted=False, name=None, reason=Reason.AMBIGUOUS), names
    return first, ()


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
    decisions = _decide_each(owners, gallery, vector[None], fpir)
    return [decision.name for decision in decisions if decision.accepted and decision.name]


def _decide_each(
    owners: list[Owner],
    gallery: Gallery | None,
    vectors: NDArray[np.float32],
    fpir: float,
    chances: int = 1,
    nearest: int = MAX_CANDIDATES,
) -> list[Decision]:
    """Decide for each owner, and for the likeliest people of the gallery: the owners first."""
    gallery_people = len(gallery) if gallery else 0
    people = len(owners) + gallery_people
    decisions = [owner.share_among(people * chances).decide(vectors) for owner in owners]
    if gallery is not None and gallery_people:
        far = compute_shared_far(gallery.base, fpir, people, chances)
        candidates = _rank_for_capture(gallery, gallery.base.project(vectors), nearest)
        decisions += [candidate.decide(gallery.base, far) for candidate in candidates]
    return decisions


def compute_shared_far(base: Base, fpir: float, people: int, chances: int = 1) -> float:
    """Return the false accept rate that each of `people` may have to keep an FPIR.

    Args:
        base: of the network.
        fpir: the rate for all people together.
        people: who are searched.
        chances: how many times the rate is divided besides; see `identify_capture`.

    Raises:
        NotCalibrated: the network has no calibration, or the calibration does not reach the rate.
    """
    if base.curve is None:
        raise NotCalibrated("a gallery needs a calibrated network; onlyme lab calibrate makes one")
    lowest = 10.0 ** float(base.curve.log_far[-1])
    if fpir / people / chances < lowest * (1 - 1e-9):
        raise NotCalibrated(
            f"the calibration cannot promise a false positive rate of {fpir:g} among {people:,} "
            f"people; set fpir to {lowest * people * chances:g} or more in the settings"
        )
    return fpir / people / chances


def _rank_for_capture(gallery: Gallery, heads: NDArray[np.float32], count: int) -> list[Candidate]:
    """Return the likeliest people for the frames of one capture, float32[n, r], likeliest first.

    Each person is compared with every frame, also with those to which others are nearer.
    """
    if len(heads) == 1:
        return rank_candidates(gallery, heads, count)[0]
    base = gallery.base
    not_me = base.stranger_rule.measure_distance(heads)
    near = gallery.find_nearest(heads, count)
    people = {person.name: person for each in near for person in each}
    candidates = [_make_candidate(base, person, heads, not_me) for person in people.values()]
    return sorted(candidates, key=lambda candidate: candidate.centre - candidate.margin)


def rank_candidates(
    gallery: Gallery, heads: NDArray[np.float32], count: int = MAX_CANDIDATES
) -> list[list[Candidate]]:
    """Return for each face, float32[n, r] in head space, the likeliest people, likeliest first."""
    base = gallery.base
    not_me_distances = base.stranger_rule.measure_distance(heads)
    nearest = gallery.find_nearest(heads, count)
    return [
        sorted(
            (
                _make_candidate(base, person, heads[n : n + 1], not_me_distances[n : n + 1])
                for person in people
            ),
            key=lambda candidate: candidate.centre - candidate.margin,
        )
        for n, people in enumerate(nearest)
    ]


def _make_candidate(
    base: Base,
    person: GalleryPerson,
    heads: NDArray[np.float32],
    not_me: NDArray[np.floating[Any]],
) -> Candidate:
    me = base.project(person.me)
    template = normalize(me.mean(axis=0))[None]
    margins = np.sort(not_me - measure_distances(heads, template)[:, 0])
    margin = float(margins[(len(margins) - 1) // 2])
    centre = float(base.measure_centres(template)[0])
    return Candidate(person.name, margin, centre, len(me))


def _measure_lead(decision: Decision) -> float:
    """By how much the face exceeds this person's alpha."""
    assert decision.margin is not None  # noqa: S101 - for the type checker; each has a margin
    assert decision.alpha is not None  # noqa: S101 - and an alpha
    return decision.margin - decision.alpha
