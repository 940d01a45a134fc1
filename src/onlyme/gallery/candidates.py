"""Compare a face in full with the few people of a gallery who are nearest to it.

d(x, NOT_ME) is the same for all people in the gallery, so the nearest template has the largest
margin. Where that leaves a decision open, the second network looks at the face: one look serves
all candidates. It costs as much for one person as for a million.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.siamese.distance import measure_distances, normalize
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery, GalleryPerson
    from onlyme.siamese.head import Base
    from onlyme.siamese.second import SecondRule
    from onlyme.types import Embedding

__all__ = ["MAX_CANDIDATES", "Candidate", "SecondLook", "look_again", "rank_candidates"]

MAX_CANDIDATES = 8
"""The nearest people that are compared in full. The right one is nearly always the nearest."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What the second network sees in the frames of one capture.

    Attributes:
        find: returns its embedding of a frame by its row; None where there is none.
        steady: look at every frame, so that the time taken tells nothing.
    """

    find: Callable[[int], Embedding | None] = field(repr=False)
    steady: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One person of the gallery whom a face may show.

    Attributes:
        person: who that is.
        margins: float64[n], d(x, NOT_ME) − d(x, ME) of each frame.
        centre: the margin that this person's z is counted from; see `siamese.calibrate`.
    """

    person: GalleryPerson
    margins: NDArray[np.float64]
    centre: float

    @property
    def name(self) -> str:
        """The person's name."""
        return self.person.name

    @property
    def photos(self) -> int:
        """How many photos the person was enrolled with."""
        return len(self.person.me)

    @property
    def margin(self) -> float:
        """The median of the frames' margins, the lower one of an even number."""
        return float(np.sort(self.margins)[(len(self.margins) - 1) // 2])

    def decide(self, base: Base, far: float) -> Decision:
        """Decide whether the margin reaches the alpha of a false accept rate."""
        assert base.curve is not None  # noqa: S101 - for the type checker; `identify_vector` checked
        alpha = self.centre + base.curve.z_at(far, self.photos)
        far_of_alpha = base.curve.far_at(alpha - self.centre, self.photos)
        margin = self.margin
        reason = Reason.MATCH if margin >= alpha else Reason.NO_MATCH
        return Decision(margin >= alpha, self.name, reason, margin, alpha, far_of_alpha)


def rank_candidates(
    gallery: Gallery, heads: NDArray[np.float32], count: int = MAX_CANDIDATES
) -> list[Candidate]:
    """Return the likeliest people for the frames of one capture, the likeliest first.

    Each person is compared with every frame, also with those to which others are nearer.

    Args:
        gallery: whom to compare with.
        heads: float32[n, r], the frames in head space, n ≥ 1.
        count: the nearest people of each frame.

    Raises:
        VaultDamaged: a row of the gallery is not the one that was written.
    """
    base = gallery.base
    not_me = base.stranger_rule.measure_distance(heads)
    near = gallery.find_nearest(heads, count)
    people = {person.name: person for each in near for person in each}
    candidates = [_make_candidate(base, person, heads, not_me) for person in people.values()]
    return sorted(candidates, key=lambda candidate: candidate.centre - candidate.margin)


def look_again(
    candidates: list[Candidate],
    base: Base,
    far: float,
    vectors: NDArray[np.float32],
    look: SecondLook,
) -> list[Candidate]:
    """Return the candidates with the margins that a second look gives them.

    A frame is looked at again if that can still change the decision about one of the candidates.
    Then it counts for all of them, so that they stay comparable. People who were enrolled without
    a second look keep their margins, and all do where the base has no rule for it.

    Args:
        candidates: of one capture.
        base: of the gallery.
        far: the false accept rate that each person's alpha stands for.
        vectors: float32[n, d], the first network's of the frames.
        look: what the second look sees.
    """
    rule = base.second
    if rule is None:
        return candidates
    known = [n for n, one in enumerate(candidates) if one.person.has_second(rule.model)]
    again = list(candidates)
    frames = len(candidates[0].margins) if candidates else 0
    for row in range(frames):
        if not any(_is_open(candidates[n], rule, far, row) for n in known):
            continue
        seen = look.find(row)
        for n in known:
            gain = _measure_gain(base, rule, again[n].person, vectors[row], seen)
            again[n] = again[n] if gain is None else _fuse(again[n], rule, row, gain)
    return again


def _is_open(candidate: Candidate, rule: SecondRule, far: float, row: int) -> bool:
    z = float(candidate.margins[row]) - candidate.centre
    return rule.is_open(z, rule.first.z_at(far, candidate.photos), candidate.photos)


def _measure_gain(
    base: Base,
    rule: SecondRule,
    person: GalleryPerson,
    face: NDArray[np.float32],
    seen: Embedding | None,
) -> float | None:
    vector = rule.choose_vector(seen, person.second.shape[1])
    if vector is None:
        return None
    return rule.measure_gain(base.project, face, vector, person.me, person.second)


def _fuse(candidate: Candidate, rule: SecondRule, row: int, gain: float) -> Candidate:
    z = float(candidate.margins[row]) - candidate.centre
    margins = candidate.margins.copy()
    margins[row] = candidate.centre + rule.fuse(z, gain, candidate.photos)
    return replace(candidate, margins=margins)


def _make_candidate(
    base: Base,
    person: GalleryPerson,
    heads: NDArray[np.float32],
    not_me: NDArray[np.floating[Any]],
) -> Candidate:
    template = normalize(base.project(person.me).mean(axis=0))[None]
    margins = not_me - measure_distances(heads, template)[:, 0]
    centre = float(base.measure_centres(template)[0])
    return Candidate(person, margins.astype(np.float64), centre)
