"""Find out in which pictures owners are missed: by light, size, pose, blur and dark eyes.

Everything is measured from the picture; nothing about a person is estimated. Two measures compare
an attempt with the photos that its owner enrolled: how far the pose and the light are from the
nearest of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.charts import ErrorRate, make_rate
from onlyme.evaluate.intervals import MIN_COUNT, Interval, bootstrap_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from onlyme.evaluate.owners import OwnerStudy

__all__ = ["MEASURES", "StrataStudy", "Stratum", "study_strata"]


@dataclass(frozen=True, slots=True)
class PictureMeasure:
    """One property of a picture, and the bands that attempts are sorted into.

    Attributes:
        name: in words.
        check: the quality check that it is read from.
        unit: of the value.
        edges: between the bands, rising.
        absolute: whether the sign counts for nothing.
        beside: whether it is the distance to the nearest of the enrolled photos.
    """

    name: str
    check: str
    unit: str
    edges: tuple[float, ...]
    absolute: bool = False
    beside: bool = False

    def compute(self, probe: float, enrolled: NDArray[np.float64]) -> float:
        """Return the value of an attempt; NaN where it was not measured."""
        if self.beside:
            known = enrolled[np.isfinite(enrolled)]
            return float(np.abs(known - probe).min()) if known.size else float("nan")
        return abs(probe) if self.absolute else probe

    def name_band(self, band: int) -> str:
        """Return a band in words.

        >>> [MEASURES[1].name_band(band) for band in range(3)]
        ['under 35 %', '35 to 55 %', '55 % and more']
        """
        edges = [f"{edge:g}" for edge in self.edges]
        if band == 0:
            return f"under {edges[0]} {self.unit}"
        if band == len(edges):
            return f"{edges[-1]} {self.unit} and more"
        return f"{edges[band - 1]} to {edges[band]} {self.unit}"


MEASURES = (
    PictureMeasure("size: between the eyes", "size", "pixels", (20, 30, 40, 60)),
    PictureMeasure("light on the face", "exposure", "%", (35, 55)),
    PictureMeasure("black or white parts", "clipping", "%", (1, 5, 15)),
    PictureMeasure("sharpness", "sharpness", "%", (15, 20, 30)),
    PictureMeasure("turned to the side", "yaw", "degrees", (8, 16, 30), absolute=True),
    PictureMeasure("looking up or down", "pitch", "degrees", (5, 10), absolute=True),
    PictureMeasure("tilted", "roll", "degrees", (5, 15), absolute=True),
    PictureMeasure("eyes beside the cheeks", "eyes", "% as bright", (60, 80)),
    PictureMeasure("turned, beside enrolled photos", "yaw", "degrees", (5, 10, 20), beside=True),
    PictureMeasure("light, beside enrolled photos", "exposure", "points", (3, 8, 15), beside=True),
)
"""What is measured. The bands of light are those that enrolment advises by."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """The misses of the attempts in one band of one measure.

    Attributes:
        measure: its name.
        band: in words.
        people: the number of owners with such an attempt.
        rate: counted, with the Clopper-Pearson interval.
        over_people: bootstrap over these owners; None with fewer than two, or without a miss.
        share: of all misses.
        enough: whether there are enough attempts to say anything.
    """

    measure: str
    band: str
    people: int
    rate: ErrorRate
    over_people: Interval | None
    share: float
    enough: bool


@dataclass(frozen=True, slots=True)
class StrataStudy:
    """Misses by what the pictures look like.

    Attributes:
        rate: of all attempts that were measured.
        strata: each measure's bands, in the order of `MEASURES`; empty bands are left out.
        unmeasured: attempts that could not be measured; they are in no figure here.
    """

    rate: ErrorRate
    strata: tuple[Stratum, ...]
    unmeasured: int


def study_strata(
    study: OwnerStudy,
    measures: Sequence[Mapping[str, float]],
    alphas: NDArray[np.float64],
    *,
    seed: int = 0,
) -> StrataStudy:
    """Count the misses of owners by what their pictures look like.

    Args:
        study: of the owner protocol.
        measures: of each photo of the study, the values of the quality checks by name; empty where
            it was not measured.
        alphas: float64[t], the alpha of each trial.
        seed: of the bootstrap.
    """
    values = {
        check: np.array([one.get(check, np.nan) for one in measures], np.float64)
        for check in {measure.check for measure in MEASURES}
    }
    owner = np.concatenate([np.full(len(trial.probes), trial.owner) for trial in study.trials])
    probe = np.concatenate([trial.probes for trial in study.trials])
    missed = np.concatenate(
        [trial.genuine < alpha for trial, alpha in zip(study.trials, alphas, strict=True)]
    )
    measured = np.all([np.isfinite(column[probe]) for column in values.values()], axis=0)
    total = int(missed[measured].sum())
    strata: list[Stratum] = []
    for measure in MEASURES:
        column = values[measure.check]
        found = np.concatenate(
            [
                [
                    measure.compute(float(column[row]), column[trial.enrolled])
                    for row in trial.probes
                ]
                for trial in study.trials
            ]
        )
        bands = np.searchsorted(measure.edges, found, side="right")
        usable = measured & np.isfinite(found)
        for band in range(len(measure.edges) + 1):
            inside = usable & (bands == band)
            if inside.any():
                label = measure.name, measure.name_band(band)
                counts = _count_by_owner(owner[inside], missed[inside])
                strata.append(_make_stratum(label, counts, total, seed))
    counted = make_rate(total, int(measured.sum()))
    return StrataStudy(counted, tuple(strata), int((~measured).sum()))


def _count_by_owner(
    owner: NDArray[Any], missed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return int64[owners] misses and attempts of the owners who occur."""
    _, place = np.unique(owner, return_inverse=True)
    attempts = np.bincount(place).astype(np.int64)
    return np.bincount(place, missed, len(attempts)).astype(np.int64), attempts


def _make_stratum(
    label: tuple[str, str],
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
    total: int,
    seed: int,
) -> Stratum:
    misses, attempts = counts
    rate = make_rate(int(misses.sum()), int(attempts.sum()))
    over = bootstrap_rate(misses, attempts, seed=seed) if len(misses) > 1 and rate.count else None
    share = rate.count / total if total else 0.0
    return Stratum(*label, len(misses), rate, over, share, rate.total >= MIN_COUNT)
