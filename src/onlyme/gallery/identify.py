"""Find which of many people a face shows, if it shows just one of them.

A stranger who is compared with N people has N chances to be taken for one of them. So the
false accept rate of each person is FPIR / N (FPIR: the false positive identification rate,
ISO/IEC 19795-1). The sum of N such rates is FPIR, and the chance of any false match is at most
that sum, even if the matches depend on each other.

Owners in the vault are decided by their own heads, people in the gallery by the base head, and
both by the article's rule. Only the nearest few people of the gallery are compared in full; where
one network leaves the decision about them open, the second one looks too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.errors import NotCalibrated
from onlyme.gallery.candidates import MAX_CANDIDATES, SecondLook, look_again, rank_candidates
from onlyme.types import Decision, IdentityCandidate, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery
    from onlyme.siamese.head import Base
    from onlyme.siamese.owner import Owner

__all__ = [
    "LEAD_MARGIN",
    "compute_shared_far",
    "find_matches",
    "identify_capture",
    "identify_vector",
]

LEAD_MARGIN = 0.05
"""The person named must be ahead of the next by this margin. On LFW that turns one right answer
in 500 into `ambiguous`, and five wrong names of seven (benchmarks/identify.py)."""


def identify_vector(
    owners: list[Owner],
    gallery: Gallery | None,
    vector: NDArray[np.float32],
    fpir: float,
    *,
    candidates: int = 0,
    look: SecondLook | None = None,
) -> Decision:
    """Find the one person whom an embedding shows, if it shows just one.

    Args:
        owners: people with heads of their own. The rate that each alpha stands for is shared
            among all people who are searched.
        gallery: the other people; None where there is no gallery.
        vector: float32[d], the face.
        fpir: how often a stranger may be taken for a person of the gallery.
        candidates: how many of the likeliest people the decision lists; 0 lists none.
        look: what a second network sees in the face; None: one network decides.

    Returns:
        `match` with a name; `no_match`; or `ambiguous` where the next person is less than
        `LEAD_MARGIN` behind, or where an owner and another person both reach their alphas.

    Raises:
        NotCalibrated: the calibration does not reach this rate among this many people.
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    nearest = max(candidates, MAX_CANDIDATES)
    decisions = _decide_each(owners, gallery, vector[None], fpir, nearest=nearest, look=look)
    decision, _ = _choose(decisions, len(owners))
    return replace(decision, candidates=_rank(decisions)[:candidates]) if candidates else decision


def identify_capture(
    owners: list[Owner],
    gallery: Gallery | None,
    vectors: NDArray[np.float32],
    fpir: float,
    chances: int = 1,
    look: SecondLook | None = None,
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
        look: as for `identify_vector`, for each frame.

    Returns:
        The decision; and, where it is `ambiguous`, the names of the two nearest people.

    Raises:
        NotCalibrated: the calibration does not reach this rate among this many people.
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    decisions = _decide_each(owners, gallery, vectors, fpir, chances, look=look)
    return _choose(decisions, len(owners))


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
    look: SecondLook | None = None,
) -> list[Decision]:
    """Decide for each owner, and for the likeliest people of the gallery: the owners first."""
    find = look.find if look else None
    if look is not None and look.steady:
        for row in range(len(vectors)):  # also where no person is near, so that time tells nothing
            look.find(row)
    gallery_people = len(gallery) if gallery else 0
    people = len(owners) + gallery_people
    decisions = [owner.share_among(people * chances).decide(vectors, find) for owner in owners]
    if gallery is not None and gallery_people:
        base = gallery.base
        far = compute_shared_far(base, fpir, people, chances)
        candidates = rank_candidates(gallery, base.project(vectors), nearest)
        if look is not None:
            candidates = look_again(candidates, base, far, vectors, look)
        # An owner goes before a person of the gallery who has the same name.
        names = {owner.name for owner in owners}
        decisions += [one.decide(base, far) for one in candidates if one.name not in names]
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


def _measure_lead(decision: Decision) -> float:
    """By how much the face exceeds this person's alpha."""
    assert decision.margin is not None  # noqa: S101 - for the type checker; each has a margin
    assert decision.alpha is not None  # noqa: S101 - and an alpha
    return decision.margin - decision.alpha
