"""Measure the heads on people whom they were not trained on, beside raw cosine in the same run.

    python benchmarks/heads.py [FOLDER] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). Every owner and
every stranger is scored by a head, a cohort and draws that were made without them; the
calibration is measured on people who are not in its curve either. Intervals are 95 %, by
bootstrap over owners, paired where two methods are compared.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from held_apart import fit_held_apart  # noqa: E402 - tools/ is no package
from people import People, make_parser, read_people  # noqa: E402 - tools/ is no package
from train_head import RECIPE  # noqa: E402 - needs the path above

from onlyme.siamese.calibrate import TailCurve  # noqa: E402 - needs the path above
from onlyme.siamese.distance import measure_distances, normalize  # noqa: E402 - needs the path above
from onlyme.siamese.learning import learn_owner  # noqa: E402 - needs the path above
from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial, make_trials  # noqa: E402 - needs the path above
from onlyme.siamese.training.curves import LOG_FAR, TrialScores, make_far_curve, measure_trials  # noqa: E402 - needs the path above
from onlyme.siamese.training.train import train_base_head  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    import argparse

    from onlyme.siamese.training.whitening import LinearHead

RATES = (1e-3, 1e-4, 1e-5)
OWNER_HEAD_ALPHA = 0.5
"""The article's training alpha, with which an owner head is tried."""

Array = np.ndarray[Any, np.dtype[Any]]


def main() -> int:
    parser = make_parser(__doc__, rounds=1000, seed=0)
    parser.add_argument("--as-labelled", action="store_true", help="do not correct labels")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    people = read_people(args.folder, console, None if args.as_labelled else args.labels)
    print(f"{people.count} people, {len(people.labels)} photos; recipe {RECIPE}")
    with console.status("training heads, each without some of the people"):
        cross = fit_held_apart(people, args.folder, console, fit, folds=args.folds, seed=args.seed)
    found: dict[str, Any] = {}
    measured = {}
    for photos in (2, 5):
        made = make_trials(people.labels, photos, args.repeats, args.seed)
        measured[photos] = measure_trials(cross, made, photos)
        raw = measure_raw(people, made, photos)
        found[f"miss rates, {photos} photos"] = beside_raw(measured[photos], raw, args)
        found[f"calibration, {photos} photos"] = calibration(measured[photos], people, args.seed)
    curve = np.stack([make_far_curve(measured[photos], 1e-5) for photos in (2, 5)])
    calibrated = TailCurve(np.array([2, 5]), LOG_FAR, curve, 1e-5)
    found["not me"] = not_me(cross, people, calibrated)
    found["owner head"] = owner_head(cross, people, calibrated, args.seed)
    found["milliseconds"] = timings(cross, people, calibrated)
    for title, rows in found.items():
        print(f"\n{title}")
        for row in rows if isinstance(rows, list) else [rows]:
            print("  " + "  ".join(f"{key} {shown(value)}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def fit(embeddings: Array, labels: Array) -> LinearHead:
    return train_base_head(embeddings, labels, RECIPE)


def shown(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def measure_raw(people: People, made: list[CrossFitTrial], photos: int) -> TrialScores:
    """Cosine of the network's own vectors to the mean of the enrolment photos."""
    genuine, impostor, stranger = [], [], []
    for trial in made:
        cosine = people.embeddings @ normalize(people.embeddings[trial.me].mean(axis=0))
        others = people.labels != trial.owner
        genuine.append(cosine[trial.genuine].astype(np.float64))
        impostor.append(cosine[others])
        stranger.append(people.labels[others])
    owner = np.array([trial.owner for trial in made])
    return TrialScores(photos, owner, genuine, impostor, stranger)


class Pooled:
    """Scores of one way, ready to be judged with owners counted any number of times."""

    def __init__(self, measured: TrialScores) -> None:
        _, owner = np.unique(measured.owner, return_inverse=True)
        self.owners = int(owner.max()) + 1
        self.tries = np.bincount(owner, [len(part) for part in measured.impostor])
        every = np.concatenate(measured.impostor)
        host = np.repeat(owner, [len(part) for part in measured.impostor])
        top = np.argpartition(every, -len(every) // 100)[-len(every) // 100 :]
        top = top[np.argsort(-every[top], kind="stable")]
        self.top, self.top_owner = every[top].astype(np.float64), host[top]
        self.genuine = np.concatenate(measured.genuine)
        self.genuine_owner = np.repeat(owner, [len(part) for part in measured.genuine])

    def limits(self, times: Array) -> list[float]:
        """The score that strangers reach at each of `RATES`."""
        reached = np.cumsum(times[self.top_owner]) / float(times @ self.tries)
        return [float(self.top[min(np.searchsorted(reached, r), len(reached) - 1)]) for r in RATES]

    def misses(self, times: Array) -> Array:
        """The share of genuine scores under each of `limits`."""
        weight = times[self.genuine_owner]
        return np.array(
            [float(weight @ (self.genuine < at)) / float(weight.sum()) for at in self.limits(times)]
        )


def beside_raw(
    ours: TrialScores, raw: TrialScores, args: argparse.Namespace
) -> list[dict[str, Any]]:
    one, other = Pooled(ours), Pooled(raw)
    once = np.ones(one.owners)
    miss, raw_miss = one.misses(once), other.misses(once)
    generator = np.random.default_rng(args.seed)
    ratios = []
    for _ in range(args.rounds):
        times = np.bincount(generator.integers(one.owners, size=one.owners), minlength=one.owners)
        here, there = one.misses(times.astype(float)), other.misses(times.astype(float))
        # No miss on either side is no gain; misses on ours alone are a loss without measure.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append(np.where(here == there, 1.0, here / there))
    low, high = np.quantile(ratios, [0.025, 0.975], axis=0)
    return [
        {
            "FAR": rate,
            "owners": one.owners,
            "genuine": len(one.genuine),
            "impostor": int(one.tries.sum()),
            "FNMR %": 100 * float(miss[at]),
            "missed": round(float(miss[at]) * len(one.genuine)),
            "raw FNMR %": 100 * float(raw_miss[at]),
            "raw missed": round(float(raw_miss[at]) * len(one.genuine)),
            "ratio": float(miss[at] / raw_miss[at]),
            "interval": [float(low[at]), float(high[at])],
        }
        for at, rate in enumerate(RATES)
    ]


def calibration(measured: TrialScores, people: People, seed: int) -> list[dict[str, Any]]:
    """Promised against realised, on owners and strangers whom the curve did not see."""
    half = np.random.default_rng(seed + 7).permutation(int(people.labels.max()) + 1) % 2
    realised: dict[float, dict[int, list[float]]] = {rate: {} for rate in RATES}
    counts = dict.fromkeys(RATES, 0)
    for side in (0, 1):
        curve = make_far_curve(part_of(measured, half, side), 1e-5)
        judged = part_of(measured, half, 1 - side)
        for rate in RATES:
            z = float(np.interp(-np.log10(rate), -LOG_FAR, curve))
            for owner, scores in zip(judged.owner.tolist(), judged.impostor, strict=True):
                realised[rate].setdefault(owner, []).append(float((scores >= z).mean()))
                counts[rate] += int((scores >= z).sum())
    rows = []
    generator = np.random.default_rng(seed)
    for rate in RATES:
        owners = np.array([np.mean(values) for values in realised[rate].values()])
        again = owners[generator.integers(len(owners), size=(2000, len(owners)))].mean(axis=1)
        rows.append(
            {
                "promised": rate,
                "realised": float(owners.mean()),
                "interval": np.quantile(again, [0.025, 0.975]).tolist(),
                "accepts": counts[rate],
                "owners": len(owners),
                "owners above 1e-3 %": 100 * float((owners > 1e-3).mean()),
                "worst owner": float(owners.max()),
            }
        )
    return rows


def part_of(measured: TrialScores, half: Array, side: int) -> TrialScores:
    chosen = [at for at, owner in enumerate(measured.owner) if half[owner] == side]
    kept = [half[measured.stranger[at]] == side for at in chosen]
    return TrialScores(
        measured.photos,
        measured.owner[chosen],
        [measured.genuine[at] for at in chosen],
        [measured.impostor[at][keep] for at, keep in zip(chosen, kept, strict=True)],
        [measured.stranger[at][keep] for at, keep in zip(chosen, kept, strict=True)],
    )


def closest_pairs(people: People, count: int) -> list[tuple[int, int]]:
    """Owners of four photos and more, and the strangers of two and more that lie nearest."""
    photos = np.bincount(people.labels)
    means = np.zeros((len(photos), people.embeddings.shape[1]))
    np.add.at(means, people.labels, people.embeddings)
    table = measure_distances(normalize(means), normalize(means))
    table[photos < 4], table[:, photos < 2] = 9.0, 9.0
    np.fill_diagonal(table, 9.0)
    order = np.argsort(table, axis=None)[:count]
    return [divmod(int(place), len(photos)) for place in order]


def not_me(cross: CrossFit, people: People, curve: TailCurve) -> list[dict[str, Any]]:
    """Teach one photo of a look-alike; judge the look-alike's and the owner's other photos."""
    totals = {far: np.zeros(6, int) for far in RATES[:2]}
    for owner, alike in closest_pairs(people, 40):
        rows, theirs = (np.flatnonzero(people.labels == who) for who in (owner, alike))
        model = cross.find_model(int(cross.fold[rows[0]]), int(cross.fold[theirs[0]]))
        base = replace(model.base, curve=curve)
        me = people.embeddings[rows[: min(5, len(rows) // 2)]]
        own = people.embeddings[rows[len(me) :]]
        before = learn_owner(base, me)
        faces = people.embeddings[theirs[np.argsort(-before.margins(people.embeddings[theirs]))]]
        after = learn_owner(base, me, look_alikes=faces[:1])
        for far, total in totals.items():
            was, now = before.alpha_at(far), after.alpha_at(far)
            total += [
                len(faces) - 1,
                int((before.margins(faces[1:]) >= was).sum()),
                int((after.margins(faces[1:]) >= now).sum()),
                len(own),
                int((before.margins(own) >= was).sum()),
                int((after.margins(own) >= now).sum()),
            ]
    names = ("alike", "accepted before", "accepted after", "own", "own before", "own after")
    return [
        {"FAR": far, **dict(zip(names, total.tolist(), strict=True))}
        for far, total in totals.items()
    ]


def owner_head(
    cross: CrossFit, people: People, curve: TailCurve, seed: int
) -> list[dict[str, Any]]:
    """How often the owner head is kept, with seven photos and ten NOT_ME, and what it does."""
    kept, better, changes = 0, 0, []
    generator = np.random.default_rng(seed)
    made = make_trials(people.labels, 7, 1, seed)
    for trial in made:
        home = int(cross.fold[trial.me[0]])
        base = replace(cross.find_model(home, home).base, curve=curve)
        strangers = np.flatnonzero(
            (cross.fold[: len(people.labels)] == home) & (people.labels != trial.owner)
        )
        others = generator.choice(strangers, 10, replace=False)
        learned = learn_owner(
            base,
            people.embeddings[trial.me],
            people.embeddings[others],
            training_alpha=OWNER_HEAD_ALPHA,
        )
        kept += learned.has_owner_head
        if learned.has_owner_head:
            plain = learn_owner(base, people.embeddings[trial.me])
            genuine = people.embeddings[trial.genuine]
            gain = (learned.margins(genuine) - learned.alpha_at(1e-5)).mean() - (
                plain.margins(genuine) - plain.alpha_at(1e-5)
            ).mean()
            changes.append(float(gain))
            better += gain > 0
    mean = float(np.mean(changes)) if changes else float("nan")
    return [{"owners": len(made), "kept": kept, "better": int(better), "mean gain": mean}]


def timings(cross: CrossFit, people: People, curve: TailCurve) -> list[dict[str, Any]]:
    base = replace(cross.find_model(0, 0).base, curve=curve)
    made = make_trials(people.labels, 7, 1, 0)[0]
    me = people.embeddings[made.me]
    others = people.embeddings[np.flatnonzero(people.labels != made.owner)[:10]]
    learned, probe = learn_owner(base, me, others), people.embeddings[made.genuine[:1]]
    return [
        {
            "learn 7 × 10": middle(lambda: learn_owner(base, me, others), 15),
            "decide": middle(lambda: learned.margins(probe), 200),
        }
    ]


def middle(work: Any, times: int) -> float:
    taken = []
    for _ in range(times):
        begun = perf_counter()
        work()
        taken.append(1e3 * (perf_counter() - begun))
    return float(np.median(taken))


if __name__ == "__main__":
    sys.exit(main())
