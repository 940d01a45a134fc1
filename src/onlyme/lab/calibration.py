"""Calibrate a network of one's own: give it head, cohort, false accept curve and card.

The shipped network has a base that was made from many people. This makes one for another
network, from the user's own folder of people, and says what these people cannot show: a
small number of people allows no promise of a small false accept rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError
from onlyme.lab.face_cache import hash_faces
from onlyme.lab.people import People
from onlyme.siamese.distance import EQUAL_PICTURE_DISTANCE, PhotoLimits, measure_distances
from onlyme.siamese.training.base import PHOTOS, BaseData, BasePlan, build_base, write_base
from onlyme.siamese.training.train import Recipe, train_base_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.siamese.training.whitening import LinearHead

__all__ = [
    "FACES_SUFFIX",
    "MIN_OWNERS",
    "Calibration",
    "add_strangers",
    "calibrate",
    "plan_calibration",
]

MIN_OWNERS = 30
"""Smallest number of people who enrol; with fewer, the folds say nothing."""

_EXPECTED_ACCEPTS = 20
"""A rate is counted where this number of accepted pairs of people is expected: the interval
of 20 events is about ±45 %."""

_MOST_COUNTED = 1e-3
"""The tail of the curve is taken from the nearest thousandth of the strangers."""

_MODEL_DECADES = 10.0
"""The curve covers one decade below what was counted, as a model of the tail."""

_RECIPE = Recipe(alpha=0.2, ridge=3.0, pull=30.0)

FACES_SUFFIX = ".faces.npy"
"""Ending of the file, beside an exported network, with hashes of the faces that it learned."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was made, and what it allows.

    Attributes:
        path: the base's file.
        people: number of people.
        owners: number of people who enrolled, with two photos or more.
        plan: how it was measured; `counted_from` is the smallest counted rate, and `lowest`
            the smallest that `tune --far` takes.
        card: the figures.
    """

    path: Path
    people: int
    owners: int
    plan: BasePlan
    card: dict[str, Any]


def add_strangers(people: People, faces: NDArray[np.uint8]) -> People:
    """Add photos of others, one of each person: they do not enroll, and are tried as strangers."""
    names = tuple(f"NOT_ME {number}" for number in range(len(faces)))
    hashes = (*people.hashes, *(hash_faces(face[None]) for face in faces))
    return People(people.names + names, (*people.faces, *faces[:, None]), people.skipped, hashes)


def plan_calibration(labels: NDArray[np.intp], seed: int = 0) -> BasePlan:
    """Decide what these people can show.

    Args:
        labels: int[n], the person of each photo.
        seed: of folds, trials and synthetic strangers.

    Raises:
        UsageError: when there are too few people to promise any rate.
    """
    people, counts = np.unique(np.asarray(labels, np.intp), return_counts=True)
    owners = int((counts > 1).sum())
    photos = tuple(count for count in PHOTOS if (counts > count).sum() >= MIN_OWNERS)
    pairs = owners * (len(people) - 1)
    rate = _EXPECTED_ACCEPTS / max(1, pairs)
    if not photos or rate > _MOST_COUNTED:
        # The smallest n with n · (n − 1) pairs of people.
        needed = int(np.ceil(0.5 + np.sqrt(0.25 + _EXPECTED_ACCEPTS / _MOST_COUNTED)))
        raise UsageError(
            f"{owners} people with two photos or more, among {len(people)} in all, allow no "
            f"promise: no false accept rate could be counted. Give {needed} people with two photos "
            "or more, or fewer of them among many others with one photo"
        )
    # On the grid of the curve, in tenths of a decade, rounded up.
    counted_from = 10.0 ** (-np.floor(-10 * np.log10(rate)) / 10)
    counted_from = max(float(counted_from), 1e-5)
    return BasePlan(
        photos=photos, counted_from=counted_from, lowest=counted_from / _MODEL_DECADES, seed=seed
    )


def calibrate(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.intp],
    model: str,
    models: Path,
    *,
    source: str = "",
    seed: int = 0,
    describe: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Make the base of a network, and write it beside the network.

    Args:
        embeddings: float32[n, d] of unit length, by the network, of people whom it was not
            trained on.
        labels: int[n], the person of each row.
        model: sha256 (hex) of the network's file.
        models: the folder of the network, where the product looks for the base.
        source: name of the folder of people, for the card.
        seed: of folds, trials and synthetic strangers.
        describe: is called with a few words at each stage.

    Raises:
        UsageError: when there are too few people to promise any rate.
    """
    plan = plan_calibration(labels, seed)
    people, counts = np.unique(labels, return_counts=True)

    def fit(vectors: NDArray[np.float32], whose: NDArray[np.intp]) -> LinearHead:
        return train_base_head(vectors, whose, _RECIPE)

    data = BaseData(embeddings, labels, np.zeros_like(labels), source=source)
    arrays, card = build_base(data, _RECIPE, plan, fit, describe)
    card["photo_limits"] = _measure_limits(embeddings, labels)
    path = write_base(models, model, arrays, card)
    return Calibration(path, len(people), int((counts > 1).sum()), plan, card)


def _measure_limits(embeddings: NDArray[np.float32], labels: NDArray[np.intp]) -> PhotoLimits:
    """Return distances that two different photos of one person seldom have, either way.

    Half of the smallest one is one picture, and what 99.5 % of the pairs do not reach is another
    person: a network that tells people apart badly then finds few strays, and refuses no own photo.
    """
    pairs = []
    for person in np.unique(labels):
        mine = embeddings[labels == person]
        pairs.append(measure_distances(mine, mine)[np.triu_indices(len(mine), 1)])
    apart = np.concatenate(pairs)
    same_picture = max(EQUAL_PICTURE_DISTANCE, float(apart.min()) / 2)
    return PhotoLimits(same_picture, float(np.quantile(apart, 0.995)))
