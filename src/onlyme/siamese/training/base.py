"""Build a base from embeddings of many people: head, cohort, curves and card.

Used by `tools/train_head.py` and by `onlyme lab calibrate`; verifying never imports it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.siamese.distance import normalize
from onlyme.siamese.head import MAX_NEAREST_STRANGERS
from onlyme.siamese.margin import NotMe
from onlyme.siamese.training.crossfit import (
    COHORT_SIZE,
    DRAWS_SIZE,
    CrossFit,
    DegradedPhotos,
    make_trials,
    measure_effects,
)
from onlyme.siamese.training.curves import (
    LOG_FAR,
    MISS_Z,
    TrialScores,
    count_accepts,
    make_far_curve,
    measure_miss_rates,
    measure_trials,
)
from onlyme.siamese.training.whitening import LinearHead, draw_strangers_evenly
from onlyme.storage.files import replace_public

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.siamese.training.train import Recipe

    Fit = Callable[[NDArray[np.float32], NDArray[np.intp]], LinearHead]

__all__ = [
    "PHOTOS",
    "BaseData",
    "BasePlan",
    "build_base",
    "count_rates",
    "list_misses",
    "write_base",
]

PHOTOS = (1, 2, 3, 5, 8)
"""Numbers of enrolment photos that a base is measured with."""


@dataclass(frozen=True, slots=True, eq=False)
class BaseData:
    """Embeddings of the people that a base is built from.

    Attributes:
        embeddings: float32[n, d] of unit length; the rows of collection 0 come first.
        labels: int[n], the person of each row.
        collection: int[n], the collection of each row; only people of 0 enrol.
        degraded: photos that show what cameras do to faces.
        source: name of the folder, for the card.
    """

    embeddings: NDArray[np.float32]
    labels: NDArray[np.intp]
    collection: NDArray[np.intp]
    degraded: list[DegradedPhotos] = field(default_factory=list)
    source: str = ""


@dataclass(frozen=True, slots=True)
class BasePlan:
    """How a base is measured.

    Attributes:
        photos: numbers of enrolment photos.
        counted_from: the smallest false accept rate to count; below it the curve is a model.
        lowest: the smallest rate that the curve covers.
        folds: number of folds of people.
        repeats: number of enrolments of each person.
        seed: of folds, trials and synthetic strangers.
    """

    photos: tuple[int, ...] = PHOTOS
    counted_from: float = 1e-5
    lowest: float = 1e-10
    folds: int = 5
    repeats: int = 4
    seed: int = 0


def build_base(
    data: BaseData,
    recipe: Recipe,
    plan: BasePlan,
    fit: Fit,
    describe: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Train the head, measure it by cross-fitting, and return the arrays and the card.

    Args:
        data: the people.
        recipe: how heads are trained, for the card.
        plan: how the base is measured.
        fit: trains a head on the people it is given.
        describe: is called with a few words at each stage.
    """
    cross = CrossFit(
        data.embeddings,
        data.labels,
        fit,
        folds=plan.folds,
        seed=plan.seed,
        collection=data.collection,
        degraded=data.degraded,
    )
    first = data.collection == 0
    owner_labels = data.labels[first]  # the rows of the first collection come first
    curves, misses, owners, rows = [], [], [], []
    for photos in plan.photos:
        describe(f"measuring owners of {photos} photos")
        trials = make_trials(owner_labels, photos, plan.repeats, plan.seed)
        measured = measure_trials(cross, trials, photos)
        curves.append(make_far_curve(measured, plan.counted_from))
        misses.append(measure_miss_rates(measured, 1000, plan.seed))
        owners.append(len(np.unique(measured.owner)))
        rows += count_rates(measured, curves[-1], plan)
    describe("training the head that is written")
    covered = plan.lowest * (1 - 1e-9) <= 10.0**LOG_FAR
    arrays: dict[str, NDArray[Any]] = {
        "photos": np.array(plan.photos, np.int64),
        "log_far": LOG_FAR[covered],
        "far_z": np.stack(curves)[:, covered],
        "miss_people": np.array(owners, np.int64),
        "miss_z": MISS_Z,
        "miss": np.stack(misses, axis=1),
    }
    effects_limit = _add_head(arrays, data, plan, fit(data.embeddings[first], owner_labels))
    card: dict[str, Any] = {
        "data": {
            "people": len(np.unique(owner_labels)),
            "photos": len(owner_labels),
            "source": data.source,
        },
        "effects": [way.name for way in data.degraded],
        "effects_limit": effects_limit,
        "head": {"start": "within-class whitening", **asdict(recipe)},
        "loss": "triplets with plain Euclidean norms",
        "split": f"{plan.folds} folds by person; judged by heads trained without either fold",
        "seed": plan.seed,
        "folds": plan.folds,
        "repeats": plan.repeats,
        "counted_from": plan.counted_from,
        "counted": rows,
        "misses": list_misses(arrays, plan),
    }
    return arrays, card


def _add_head(
    arrays: dict[str, NDArray[Any]], data: BaseData, plan: BasePlan, head: LinearHead
) -> float:
    """Add the head, synthetic strangers and the effects of cameras; return the effects' limit."""
    heads, first = head.project(data.embeddings), data.collection == 0
    cohort, draws = (
        draw_strangers_evenly(heads, data.labels, data.collection, size, seed)
        for size, seed in ((COHORT_SIZE, plan.seed), (DRAWS_SIZE, plan.seed + 1))
    )
    rule = NotMe.from_cohort(normalize(cohort.astype(np.float32)), MAX_NEAREST_STRANGERS)
    effects = measure_effects(head, rule, data.degraded, data.embeddings[first], data.labels[first])
    arrays |= {
        "projection": head.projection.astype(np.float32),
        "mean": head.mean.astype(np.float32),
        "cohort": cohort,
        "draws": draws,
        "draws_not_me": rule.measure_distance(normalize(draws.astype(np.float32))),
        "effects": effects.directions,
        "effects_not_me": effects.distances,
    }
    return effects.limit


def list_misses(arrays: dict[str, NDArray[Any]], plan: BasePlan) -> list[dict[str, float | int]]:
    """List the expected miss rates at round false accept rates, with their intervals."""
    rows = []
    for row, photos in enumerate(plan.photos):
        for tenths in (tenths for tenths in (30, 40, 50) if tenths < len(arrays["log_far"])):
            z = arrays["far_z"][row, tenths]
            rate, low, high = (np.interp(z, MISS_Z, table[row]) for table in arrays["miss"])
            rows.append(
                {
                    "photos": photos,
                    "far": 10.0 ** (-tenths / 10),
                    "people": int(arrays["miss_people"][row]),
                    "rate": round(float(rate), 6),
                    "low": round(float(low), 6),
                    "high": round(float(high), 6),
                }
            )
    return rows


def count_rates(
    measured: TrialScores, curve: NDArray[np.float64], plan: BasePlan
) -> list[dict[str, float | int]]:
    """Count the accepts at round false accept rates, with a bound on each."""
    rows = []
    for tenths in range(20, 51, 5):
        far = 10.0 ** (-tenths / 10)
        if far < plan.lowest * (1 - 1e-9):
            break
        z = float(curve[tenths])
        row = count_accepts(measured, z, 1000, plan.seed)
        rows.append({"photos": measured.photos, "far": far, "z": z, **row})
    return rows


def write_base(
    out: Path,
    model: str,
    arrays: dict[str, NDArray[Any]],
    card: dict[str, Any],
    kind: str = "base",
) -> Path:
    """Write the base, the same bytes for the same content, and its card beside it.

    `kind` begins the file's name; tools/train_second.py writes another kind.
    """
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(key.encode() + np.ascontiguousarray(arrays[key]).tobytes())
    card = {"model": model, "made": digest.hexdigest()[:16], **card}
    arrays = {**arrays, "model": np.array(model), "card": np.array(json.dumps(card))}
    path = out / f"{kind}-{model[:12]}.npz"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for key in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(arrays[key]), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, buffer.getvalue())
    replace_public(path, content.getvalue())
    replace_public(path.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())
    return path
