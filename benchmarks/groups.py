"""Measure whether the promise holds for people who look alike, and before a poor camera.

    python benchmarks/groups.py [--data DIR] [--second FILE] [--quick] [--cameras] [--unknown]
        [--ways NAME...] [--people N] [--json FILE]

Everybody is judged by a head, a cohort and effects of cameras that were made without them
(five folds by person). Alpha stands for the same false accept rate in every row; what is shown
is how many times that rate was reached. Intervals are 95 %, by bootstrap over owners.

Groups come from the labels of the data set (utk_dev: folders). They serve this measurement
only; nothing of onlyme estimates, stores or shows them. Neighbourhoods need no labels: with
`--second FILE` (an npz of `files` and `vectors` by another network) they are, for each owner, the
twentieth part of all strangers whom that network puts nearest.

Poor cameras are counted twice: for owners of three degraded photos, whatever enrolment says of
them, and for owners as they really enroll: of four degraded photos, up to three of those that
enrolment takes, at the alpha for that number. Strangers are degraded alike, and none is refused.
With `--unknown` the ways are those of tools/unknown_ways.py, which the base does not know.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from degradations import DEGRADATIONS  # noqa: E402 - tools/ is no package
from degraded import degrade_people  # noqa: E402 - tools/ is no package
from people import People, join_people, read_people, read_singles  # noqa: E402 - as above
from train_head import RECIPE  # noqa: E402 - as above
from unknown_ways import UNKNOWN_WAYS  # noqa: E402 - as above

from onlyme.siamese.distance import measure_distances, normalize  # noqa: E402 - needs the path above
from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial, DegradedPhotos, make_trials  # noqa: E402 - as above
from onlyme.siamese.training.curves import make_far_curve, measure_trials  # noqa: E402 - as above
from onlyme.siamese.training.train import train_base_head  # noqa: E402 - as above
from onlyme.siamese.training.whitening import LinearHead, fit_whitening  # noqa: E402 - as above

Array = np.ndarray[Any, np.dtype[Any]]
RATES = (1e-3, 1e-4)
NEIGHBOURS_SHARE = 0.05
MIN_GROUP_PEOPLE = 100
ENROLLED_DEGRADED = 3
GIVEN_DEGRADED = 4


@dataclass(frozen=True)
class Count:
    """Accepts and comparisons of each owner."""

    accepts: Array
    compared: Array

    def ratio(self, promised: float, generator: np.random.Generator) -> dict[str, float]:
        """How many times the promise was reached, with its interval over owners."""
        total, hits = self.compared.sum(), self.accepts.sum()
        picks = generator.integers(len(self.accepts), size=(1000, len(self.accepts)))
        again = self.accepts[picks].sum(axis=1) / np.maximum(self.compared[picks].sum(axis=1), 1)
        low, high = np.quantile(again, [0.025, 0.975])
        if hits == 0:
            high = 3.0 / max(float(total), 1.0)  # the rule of three
        return {
            "owners": len(self.accepts),
            "comparisons": int(total),
            "accepts": int(hits),
            "times": float(hits / max(total, 1) / promised),
            "low": float(low / promised),
            "high": float(high / promised),
        }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2, help="enrolments of each owner")
    parser.add_argument("--quick", action="store_true", help="whitening in place of training")
    parser.add_argument("--people", type=int, default=200, help="people before poor cameras")
    parser.add_argument("--cameras", action="store_true", help="only the tables of poor cameras")
    parser.add_argument("--unknown", action="store_true", help="ways that the base does not know")
    parser.add_argument("--ways", nargs="+", help="only these ways, of both files, by name")
    parser.add_argument("--second", type=Path, help="npz of `files` and `vectors`, see above")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    folder = args.data / "lfw_dev"
    press = read_people(folder, console, ROOT / "tools" / "lfw_labels.txt")
    pairs = ROOT / "tools" / "utk_pairs.txt"
    crops = read_singles(args.data / "utk_dev", console, pairs)
    people, collection = join_people(press, crops)
    training = degrade_people(folder, press, console, seed=args.seed)
    with console.status("training heads, each without some of the people"):
        cross = CrossFit(
            people.embeddings,
            people.labels,
            whiten if args.quick else train,
            folds=args.folds,
            seed=args.seed,
            collection=collection,
            degraded=training,
        )
    found = measure(cross, press, crops, args, console)
    for title, rows in found.items():
        table = Table(title=title)
        for column in rows[0]:
            table.add_column(column)
        for row in rows:
            table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))
        Console(width=140).print(table)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def train(embeddings: Array, labels: Array) -> LinearHead:
    return train_base_head(embeddings, labels, RECIPE)


def whiten(embeddings: Array, labels: Array) -> LinearHead:
    return fit_whitening(embeddings, labels, RECIPE.ridge)


def measure(
    cross: CrossFit,
    press: People,
    crops: People,
    args: argparse.Namespace,
    console: Console,
) -> dict[str, list[dict[str, Any]]]:
    generator = np.random.default_rng(args.seed)
    found: dict[str, list[dict[str, Any]]] = {}
    limits: dict[int, list[float]] = {}
    neighbourhoods: list[dict[str, Any]] = []
    looks = read_looks(args.second, press) if args.second else None
    for photos in (1, 2, 3, 5):
        trials = make_trials(press.labels, photos, args.repeats, args.seed)
        scores = measure_trials(cross, trials, photos)
        curve = make_far_curve(scores, 1e-5)
        limits[photos] = [float(curve[round(-10 * np.log10(rate))]) for rate in RATES]
        if photos == ENROLLED_DEGRADED or args.cameras:
            continue
        for rate, limit in zip(RATES, limits[photos], strict=True):
            count = count_trials(trials, scores.impostor, limit, None)
            missed = np.mean([np.mean(z < limit) for z in scores.genuine])
            row = {"photos": photos, "promised": rate, "against": "all press photos"}
            neighbourhoods.append({**row, **count.ratio(rate, generator), "misses": float(missed)})
            if looks is not None:
                near = [find_neighbours(looks, press, trial) for trial in trials]
                count = count_trials(trials, scores.impostor, limit, near)
                row["against"] = "those who look like the owner"
                neighbourhoods.append(
                    {**row, **count.ratio(rate, generator), "misses": float(missed)}
                )
    if not args.cameras:
        found["press photos: promised and reached"] = neighbourhoods
        found["groups: one photo, strangers of the owner's own group"] = measure_groups(
            cross, press, crops, limits[1], generator
        )
    judged = degrade_people(
        *(args.data / "lfw_dev", press, console),
        count=args.people,
        photos=GIVEN_DEGRADED,
        seed=args.seed + 1,
        judged=True,
        ways=tuple(args.ways or (UNKNOWN_WAYS if args.unknown else DEGRADATIONS)),
    )
    title = "cameras: owners and strangers degraded alike"
    every = {ENROLLED_DEGRADED: limits[ENROLLED_DEGRADED]}
    found[f"{title}, three photos, none refused"] = measure_cameras(cross, judged, every, generator)
    found[f"{title}, photos that enrolment takes"] = measure_cameras(
        cross, [leave_refused(way) for way in judged], limits, generator
    )
    return found


def count_trials(
    trials: list[CrossFitTrial], impostor: list[Array], limit: float, near: list[Array] | None
) -> Count:
    accepts, compared = [], []
    for at in range(len(trials)):
        z = impostor[at] if near is None else impostor[at][near[at]]
        accepts.append(int((z >= limit).sum()))
        compared.append(len(z))
    return sum_by_owner([trial.owner for trial in trials], accepts, compared)


def sum_by_owner(owners: list[int], accepts: list[int], compared: list[int]) -> Count:
    _, place = np.unique(owners, return_inverse=True)
    return Count(np.bincount(place, accepts), np.bincount(place, compared))


def read_looks(path: Path, press: People) -> Array:
    with np.load(path) as parts:
        place = {file: row for row, file in enumerate(parts["files"])}
        return normalize(parts["vectors"][[place[file] for file in press.files]])


def find_neighbours(looks: Array, press: People, trial: CrossFitTrial) -> Array:
    """Which of the strangers' photos look most like the owner by another measure."""
    others = press.labels != trial.owner
    likeness = looks[others] @ looks[trial.me].mean(axis=0)
    return likeness >= np.quantile(likeness, 1 - NEIGHBOURS_SHARE)


def measure_groups(
    cross: CrossFit, press: People, crops: People, limits: list[float], generator: Any
) -> list[dict[str, Any]]:
    """Every crop is an owner once; strangers of the same group, and all strangers."""
    first = len(press.labels)
    rows = np.arange(first, len(cross.labels))
    group = np.array([Path(file).parts[0] for file in crops.files])
    names, sizes = np.unique(group, return_counts=True)
    pooled = {name: name if size >= MIN_GROUP_PEOPLE else "small groups, pooled"
              for name, size in zip(names, sizes, strict=True)}  # fmt: skip
    trials = [CrossFitTrial(int(cross.labels[row]), np.array([row]), rows[:0]) for row in rows]
    table = np.stack([z[first:] for z in cross.score_trials(trials)])
    apart = crops.labels[:, None] != crops.labels[None]
    alike = (group[:, None] == group[None]) & apart
    result = []
    for rate, limit in zip(RATES, limits, strict=True):
        hits = table >= limit
        within = Count((hits & alike).sum(axis=1), alike.sum(axis=1))
        every = Count((hits & apart).sum(axis=1), apart.sum(axis=1))
        label = np.array([pooled[name] for name in group])
        found = []
        for name in np.unique(label):
            own = label == name
            counted = Count(within.accepts[own], within.compared[own]).ratio(rate, generator)
            found.append({"promised": rate, "group": str(name), **counted})
        found.sort(key=lambda row: -row["times"])
        big = [row["times"] for row in found if "pooled" not in row["group"]]
        spread = max(big) / min(big) if min(big) else float("inf")
        everybody = every.ratio(rate, generator)
        result += [{**row, "spread": ""} for row in found]
        result.append({"promised": rate, "group": "everybody", **everybody, "spread": spread})
    return result


def leave_refused(way: DegradedPhotos) -> DegradedPhotos:
    """Mark photos that enrolment refuses as no owner's: they remain strangers' pictures."""
    return replace(way, rows=np.where(np.asarray(way.taken), np.asarray(way.rows), -1))


def measure_cameras(
    cross: CrossFit, judged: list[DegradedPhotos], limits: dict[int, list[float]], generator: Any
) -> list[dict[str, Any]]:
    """Owners of degraded photos, strangers degraded alike; heads without both.

    Args:
        cross: made without the people of each comparison.
        judged: the ways; a photo whose row is -1 is not enrolled.
        limits: by the number of photos of an owner, alpha for each of `RATES`; owners of any
            other number of photos are left out.
        generator: of the intervals.
    """
    result = []
    for way in judged:
        given = len(np.unique(way.labels))
        photos, taken = len(way.labels), int((way.rows >= 0).sum())
        for at, rate in enumerate(RATES):
            alphas = {count: limit[at] for count, limit in limits.items()}
            counted = count_degraded(cross, way, alphas)
            row: dict[str, Any] = {"way": way.name, "promised": rate}
            row |= {"photos taken": f"{taken} of {photos}", "people": given}
            row |= counted.ratio(rate, generator) if len(counted.accepts) else {"owners": 0}
            result.append(row)
    return result


def count_degraded(cross: CrossFit, way: DegradedPhotos, alphas: dict[int, float]) -> Count:
    """Count strangers whom owners accept; see `measure_cameras`."""
    fold_of = dict(zip(cross.labels.tolist(), cross.fold.tolist(), strict=True))
    fold = np.array([fold_of[label] for label in way.labels.tolist()])
    enrolled = {}
    for owner in np.unique(way.labels).tolist():
        rows = np.flatnonzero((way.labels == owner) & (way.rows >= 0))[:ENROLLED_DEGRADED]
        if len(rows) in alphas:
            enrolled[owner] = rows
    owners = list(enrolled)
    accepts, compared = np.zeros(len(owners)), np.zeros(len(owners))
    for home in range(cross.folds):
        mine = [at for at, owner in enumerate(owners) if fold_of[owner] == home]
        for other in range(cross.folds):
            base = cross.find_model(home, other).base
            theirs = np.flatnonzero(fold == other)
            strangers = base.project(way.embeddings[theirs])
            not_me = base.stranger_rule.measure_distance(strangers)
            for at in mine:
                rows = enrolled[owners[at]]
                template = normalize(base.project(way.embeddings[rows]).mean(axis=0))[None]
                z = not_me - measure_distances(strangers, template)[:, 0]
                z -= base.measure_centres(template)
                apart = way.labels[theirs] != owners[at]
                accepts[at] += (z[apart] >= alphas[len(rows)]).sum()
                compared[at] += apart.sum()
    return Count(accepts, compared)


if __name__ == "__main__":
    sys.exit(main())
