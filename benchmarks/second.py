"""Measure what a second look adds, on people whom nothing was trained on.

    python benchmarks/second.py [FOLDER] [--only-poor] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). The same trials are scored by
the first network alone and with the second look, each owner and each stranger by a head, a cohort
and draws that were made without them. Intervals are 95 %, by paired bootstrap over owners;
strangers are not resampled.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

from degraded import degrade_people  # noqa: E402 - tools/ is no package
from heads import RATES, Pooled, calibration, part_of, shown  # noqa: E402 - benchmarks/ is no package
from held_apart import PAIRS, fit_held_apart  # noqa: E402 - tools/ is no package
from people import make_parser, read_people, read_singles  # noqa: E402 - as above
from train_head import fit_shipped_head  # noqa: E402 - as above
from train_second import (  # noqa: E402 - as above
    FARTHEST,
    MOST,
    NEAREST,
    WEIGHT,
    Views,
    collect_scores,
    read_both,
    score_both,
)

from onlyme.siamese.distance import measure_distances, normalize  # noqa: E402 - needs the path above
from onlyme.siamese.head import Base  # noqa: E402 - needs the path above
from onlyme.siamese.second import measure_to_mean, split_views  # noqa: E402 - needs the path above
from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial, DegradedPhotos, make_trials  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    import argparse

    from people import People

Array = np.ndarray[Any, np.dtype[Any]]
WAYS = ("dark", "noise", "blur across 9", "defocus 2", "eyes 16 apart", "eyes 10 apart")
"""Ways of degrading the pictures of owners who enrolled with ordinary photos."""

REPEATS = {1: 4, 2: 4, 5: 8, 7: 8}
"""Enrolments of each owner, by number of photos."""

WEIGHTS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Weights to choose from on one half of the people."""

CANDIDATES = (
    (0.25, 0.7, 1.0, 0.0),
    (0.0, 0.7, 1.0, 0.05),
    (0.2, 0.7, 1.05, 0.0),
    (0.2, 0.7, 1.05, 0.05),
    (0.2, 0.7, 1.3, 0.05),
    (0.25, 0.7, 1.0, 0.03),
    (0.3, 0.7, 1.0, 0.05),
    (0.4, 0.0, 2.0, 0.05),
)
"""Other weights and limits, to be compared with those in use; first each part without the other."""


def main() -> int:
    parser = make_parser(__doc__, rounds=1000, seed=0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--degraded", type=int, default=200, help="people with poor pictures")
    parser.add_argument("--only-poor", action="store_true", help="only the tables of poor pictures")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    people, second = read_both(args.folder, args.labels, console)
    cross = fit_held_apart(
        people,
        args.folder,
        console,
        fit_shipped_head,
        folds=args.folds,
        seed=args.seed,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for photos, repeats in () if args.only_poor else REPEATS.items():
        trials = make_trials(people.labels, photos, repeats, args.seed)
        found |= measure(people, second, cross, trials, photos, args)
    other = args.folder.parent / "utk_dev"
    if other.is_dir() and not args.only_poor:
        found["crops, within groups, 1 photo"] = measure_groups(other, people, cross, console, args)
    poor = [
        degrade_people(
            args.folder, people, console, count=args.degraded, photos=4, ways=WAYS, embedder=name
        )
        for name in (None, "second")
    ]
    for photos in (1, 5):
        found[f"poor pictures, {photos} enrolled"] = [
            measure_poor(people, second, cross, one, two, photos, args)
            for one, two in zip(*poor, strict=True)
        ]
    for title, rows in found.items():
        print(f"\n{title}")
        for row in rows:
            print("  " + "  ".join(f"{key} {shown(value)}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def measure(
    people: People,
    second: People,
    cross: CrossFit,
    trials: list[CrossFitTrial],
    photos: int,
    args: argparse.Namespace,
) -> dict[str, list[dict[str, Any]]]:
    """Measure owners of one number of photos."""
    views = score_both(people, second, cross, trials)
    alone, fused = (
        collect_scores(people, trials, scores, photos) for scores in (views.z, views.join())
    )
    first, joint = Pooled(alone), Pooled(fused)
    what = f"{photos} photo" if photos == 1 else f"{photos} photos"
    others = [
        {
            **dict(zip(("weight", "from", "to", "mirror at most"), one, strict=True)),
            **list_misses(Pooled(collect_scores(people, trials, views.join(*one), photos))),
        }
        for one in CANDIDATES
    ]
    return {
        f"misses, {what}": compare(first, joint, args),
        f"other weights, {what}": others,
        f"weight chosen on other people, {what}": choose_weights(people, trials, views, photos),
        f"faces looked at twice, {what}": count_open(first, joint),
        f"promised and realised, {what}": calibration(fused, people, args.seed),
    }


def choose_weights(
    people: People, trials: list[CrossFitTrial], views: Views, photos: int
) -> list[dict[str, Any]]:
    """Choose the weight with the fewest misses on one half of the people; judge on the other.

    Owners and strangers both belong to one half, so that no one is in both.
    """
    half = np.random.default_rng(7).permutation(int(people.labels.max()) + 1) % 2
    missed: dict[float, Array] = {}
    for weight in WEIGHTS:
        scores = views.join(weight) if weight else views.z
        measured = collect_scores(people, trials, scores, photos)
        found = []
        for side in (0, 1):
            pooled = Pooled(part_of(measured, half, side))
            found.append(pooled.misses(np.ones(pooled.owners)) * len(pooled.genuine))
        missed[weight] = np.array(found)
    rows = []
    for at, rate in enumerate(RATES):
        best = [min(WEIGHTS, key=lambda weight: missed[weight][side, at]) for side in (0, 1)]
        there = sum(missed[best[side]][1 - side, at] for side in (0, 1))
        rows.append(
            {
                "FAR": rate,
                "weights": best,
                "missed alone": float(missed[0.0][:, at].sum()),
                "missed with them": float(there),
                "ratio": float(there / missed[0.0][:, at].sum()),
                "missed with the weight in use": float(missed[WEIGHT][:, at].sum()),
            }
        )
    return rows


def list_misses(pooled: Pooled) -> dict[str, float]:
    misses = pooled.misses(np.ones(pooled.owners))
    return {f"% at {rate:g}": 100 * float(miss) for rate, miss in zip(RATES, misses, strict=True)}


def compare(first: Pooled, joint: Pooled, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Compare the misses of both at each rate; the owners are drawn again together."""
    once = np.ones(first.owners)
    alone, both = first.misses(once), joint.misses(once)
    generator = np.random.default_rng(args.seed)
    ratios = []
    for _ in range(args.rounds):
        picks = generator.integers(first.owners, size=first.owners)
        times = np.bincount(picks, minlength=first.owners).astype(float)
        here, there = joint.misses(times), first.misses(times)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append(np.where(here == there, 1.0, here / there))
    low, high = np.quantile(ratios, [0.025, 0.975], axis=0)
    tries = len(first.genuine)
    return [
        {
            "FAR": rate,
            "owners": first.owners,
            "genuine": tries,
            "impostor": int(first.tries.sum()),
            "first alone %": 100 * float(alone[at]),
            "missed": round(float(alone[at]) * tries),
            "with second %": 100 * float(both[at]),
            "missed with it": round(float(both[at]) * tries),
            "ratio": float(both[at] / alone[at]),
            "interval": [float(low[at]), float(high[at])],
        }
        for at, rate in enumerate(RATES)
    ]


def measure_groups(
    folder: Path, people: People, cross: CrossFit, console: Console, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Judge crops of people against strangers of their own group, by the shipped curves."""
    singles = read_singles(folder, console, PAIRS)
    twice = read_people(folder, console, embedder="second")
    assert np.array_equal(singles.files, twice.files)  # noqa: S101 - both networks see the same faces
    rule = Base.load(people.model).second
    assert rule is not None  # noqa: S101 - it is shipped
    start, count = len(people.labels), len(singles.labels)
    other, mirrored = split_views(twice.embeddings, singles.embeddings.shape[1])
    joined = normalize(singles.embeddings + mirrored)
    fold, z, nearer = cross.fold[start:], np.empty((count, count)), np.empty((count, count))
    for home in range(cross.folds):
        for there in range(cross.folds):
            model = cross.find_model(home, there)
            own, rest = np.flatnonzero(fold == home), np.flatnonzero(fold == there)
            heads, both = model.heads[start:], model.base.project(joined)
            away = measure_distances(heads[rest], heads[own])
            margins = model.not_me[start:][rest][:, None] - away
            z[np.ix_(rest, own)] = margins - model.base.measure_centres(heads[own])
            nearer[np.ix_(rest, own)] = away - measure_distances(both[rest], both[own])
    gains = rule.hold(measure_distances(other, other), nearer)
    fused = np.interp(z + gains, rule.curve.z[0], rule.first.z[0])
    group = np.array([str(file).split("/", maxsplit=1)[0] for file in singles.files])
    apart = singles.labels[:, None] != singles.labels[None]
    rows = []
    for rate in RATES[:2]:
        alpha = rule.first.z_at(rate, 1)
        for name in ("everybody", *sorted(set(group))):
            inside = (group == name) | (name == "everybody")
            compared = apart & inside[:, None] & inside[None]
            counts = np.stack([(compared & (s >= alpha)).sum(axis=0) for s in (z, fused)])
            rows.append(describe_group(name, rate, counts, compared.sum(axis=0), args))
    return rows


def describe_group(
    name: str, rate: float, counts: Array, compared: Array, args: argparse.Namespace
) -> dict[str, Any]:
    """Return how often strangers of a group are accepted, with intervals over owners."""
    chosen = compared > 0
    table = np.vstack([counts, compared])[:, chosen]
    generator = np.random.default_rng(args.seed)
    again = generator.integers(table.shape[1], size=(args.rounds, table.shape[1]))
    drawn, total = table[:, again].sum(axis=2), table.sum(axis=1)
    ends = np.quantile(drawn[:2] / drawn[2] / rate, [0.025, 0.975], axis=1)
    return {
        "group": name,
        "FAR": rate,
        "owners": int(chosen.sum()),
        "accepted": total[:2].tolist(),
        "of": int(total[2]),
        "alone, times the promise": float(total[0] / total[2] / rate),
        "its interval": ends[:, 0].tolist(),
        "with second": float(total[1] / total[2] / rate),
        "interval": ends[:, 1].tolist(),
    }


def measure_poor(
    people: People,
    second: People,
    cross: CrossFit,
    one: DegradedPhotos,
    two: DegradedPhotos,
    photos: int,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Judge poor pictures of owners with ordinary photos, at the limits of ordinary pictures."""
    assert one.rows is not None  # noqa: S101 - `degrade_people` gives them
    chosen = np.isin(people.labels, one.labels)
    rows = np.flatnonzero(chosen)
    made = make_trials(people.labels[chosen], photos, 2, args.seed)
    trials = [CrossFitTrial(t.owner, rows[t.me], rows[t.genuine]) for t in made]
    views = score_both(people, second, cross, trials)
    clean = [Pooled(collect_scores(people, trials, s, photos)) for s in (views.z, views.join())]
    limits = [pooled.limits(np.ones(pooled.owners))[1] for pooled in clean]
    tries: dict[int, list[float]] = {}  # of each owner: tries, missed alone, missed with the second
    accepted, compared = np.zeros(2), 0
    for trial in trials:
        poor = score_poor(people, second, cross, one, two, trial.me)
        scores = [poor.z, poor.join()]
        own = (one.labels == trial.owner) & ~np.isin(one.rows, trial.me)
        others = one.labels != trial.owner
        compared += int(others.sum())
        count = tries.setdefault(trial.owner, [0.0, 0.0, 0.0])
        count[0] += int(own.sum())
        for at, (score, limit) in enumerate(zip(scores, limits, strict=True)):
            count[1 + at] += int((score[own] < limit).sum())
            accepted[at] += int((score[others] >= limit).sum())
    table = np.array(list(tries.values()))
    generator = np.random.default_rng(args.seed)
    again = generator.integers(len(table), size=(args.rounds, len(table)))
    drawn = table[again].sum(axis=1)
    total = table.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(drawn[:, 1] == drawn[:, 2], 1.0, drawn[:, 2] / drawn[:, 1])
    return {
        "way": one.name,
        "FAR": RATES[1],
        "owners": len(table),
        "genuine": int(total[0]),
        "missed alone": int(total[1]),
        "missed with second": int(total[2]),
        "alone %": 100 * float(total[1] / total[0]),
        "with second %": 100 * float(total[2] / total[0]),
        "ratio": float(total[2] / total[1]),
        "interval": np.quantile(ratios, [0.025, 0.975], method="nearest").tolist(),
        "strangers, times the promise": (accepted / compared / RATES[1]).tolist(),
    }


def score_poor(
    people: People,
    second: People,
    cross: CrossFit,
    one: DegradedPhotos,
    two: DegradedPhotos,
    me: Array,
) -> Views:
    """Score poor pictures against one owner by both looks: float64[n] each."""
    size = one.embeddings.shape[1]
    other, mirrored = split_views(two.embeddings, size)
    own, own_mirrored = split_views(second.embeddings[me], size)
    joined = normalize(one.embeddings + mirrored)
    own_joined = normalize(people.embeddings[me] + own_mirrored)
    home, z = int(cross.fold[me[0]]), np.empty(len(one.labels))
    nearer = np.empty_like(z)
    for there in range(cross.folds):
        model = cross.find_model(home, there)
        here = cross.fold[one.rows] == there
        heads = model.base.project(one.embeddings[here])
        template = normalize(model.heads[me].mean(axis=0))[None]
        away = measure_distances(heads, template)[:, 0]
        margins = model.base.stranger_rule.measure_distance(heads) - away
        z[here] = margins - model.base.measure_centres(template)
        both = model.base.project(joined[here]), model.base.project(own_joined)
        nearer[here] = away - measure_to_mean(*both)
    return Views(z, measure_to_mean(other, own), nearer)


def count_open(first: Pooled, joint: Pooled) -> list[dict[str, Any]]:
    """Count the faces that the first network leaves open at each rate."""
    once = np.ones(first.owners)
    rows = []
    for rate, z, score in zip(RATES, first.limits(once), joint.limits(once), strict=True):
        low = min(score + WEIGHT * NEAREST - MOST, z)
        high = max(score + WEIGHT * FARTHEST + MOST, z)
        owners = (first.genuine >= low) & (first.genuine < high)
        # `top` holds the highest hundredth of the strangers' scores, where all open ones are.
        strangers = int(((first.top >= low) & (first.top < high)).sum())
        rows.append(
            {
                "FAR": rate,
                "% of owners": 100 * float(owners.mean()),
                "% of strangers": 100 * strangers / int(first.tries.sum()),
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
