r"""Calibrate the second look: what a score of both networks stands for, next to the base alone.

    python tools/train_second.py FOLDER [--labels FILE] [--out src/onlyme/siamese]

FOLDER is the one that the base was made from (tools/train_head.py), with `utk_dev` beside it. The
networks are used as they are; nothing is trained. Each owner and each stranger is scored by a
head, a cohort and draws made without them, as for the base, and by what a second look measures.
The weight and the limits were chosen by benchmarks/second.py.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from held_apart import fit_held_apart
from people import read_people
from rich.console import Console
from train_head import fit_shipped_head

from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.head import Base
from onlyme.siamese.second import measure_to_mean, split_views
from onlyme.siamese.training.base import (
    PHOTOS,
    BasePlan,
    count_rates,
    list_misses,
    write_base,
)
from onlyme.siamese.training.crossfit import make_trials
from onlyme.siamese.training.curves import (
    LOG_FAR,
    MISS_Z,
    TrialScores,
    make_far_curve,
    measure_miss_rates,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from people import People

    from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial

WEIGHT, NEAREST, FARTHEST, MOST = 0.25, 0.7, 1.0, 0.05
"""See `onlyme.siamese.second.SecondRule`; chosen by benchmarks/second.py."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What both looks see of the same photos, in each trial.

    Attributes:
        z: float32[t, n], by the first look.
        distance: float32[t, n], d₂(x, ME).
        nearer: float32[t, n], how much nearer the owner with the mirror images.
    """

    z: NDArray[np.float32]
    distance: NDArray[np.float32]
    nearer: NDArray[np.float32]

    def join(
        self,
        weight: float = WEIGHT,
        nearest: float = NEAREST,
        farthest: float = FARTHEST,
        most: float = MOST,
    ) -> NDArray[np.float32]:
        """Return the joint scores, float32[t, n]."""
        held = np.float32(weight) * np.clip(self.distance, nearest, farthest)
        return self.z + np.clip(self.nearer, -most, most) - held


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="one folder for each person")
    parser.add_argument("--out", type=Path, default=Path("src/onlyme/siamese"))
    parser.add_argument("--labels", type=Path, help="corrections, as in tools/lfw_labels.txt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=4)
    args = parser.parse_args(argv)
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
    arrays, card = calibrate(people, second, cross, args)
    path = write_base(args.out, people.model, arrays, card, "second")
    console.print(f"wrote {path} and its card")
    return 0


def read_both(folder: Path, labels: Path | None, console: Console) -> tuple[People, People]:
    """Embed the same photos by both networks.

    Raises:
        SystemExit: they found different faces.
    """
    people = read_people(folder, console, labels)
    second = read_people(folder, console, labels, "second")
    if not np.array_equal(people.files, second.files):
        raise SystemExit("the two networks did not embed the same photos")
    return people, second


def score_both(
    people: People, second: People, cross: CrossFit, trials: list[CrossFitTrial]
) -> Views:
    """Score all photos in each trial by both looks."""
    photos = len(people.labels)
    size = people.embeddings.shape[1]
    other, mirrored = split_views(second.embeddings, size)
    joined = normalize(people.embeddings + mirrored)
    heads = {
        (home, there): cross.find_model(home, there).base.project(joined)
        for home in range(cross.folds)
        for there in range(home, cross.folds)
    }
    nearer = np.empty((len(trials), photos), np.float32)
    for row, trial in enumerate(trials):
        home = int(cross.fold[trial.me[0]])
        for there in range(cross.folds):
            rows = np.flatnonzero(cross.fold[:photos] == there)
            pair = min(home, there), max(home, there)
            seen = cross.find_model(*pair).heads, heads[pair]
            plain, both = (measure_to_mean(each[rows], each[trial.me]) for each in seen)
            nearer[row, rows] = plain - both
    templates = np.stack([normalize(other[t.me].mean(axis=0)) for t in trials])
    return Views(
        np.stack([row[:photos].astype(np.float32) for row in cross.score_trials(trials)]),
        measure_distances(templates, other).astype(np.float32),
        nearer,
    )


def collect_scores(
    people: People, trials: list[CrossFitTrial], scores: NDArray[Any], photos: int
) -> TrialScores:
    """Sort the scores of each trial into those of the owner and those of strangers."""
    others = [people.labels != trial.owner for trial in trials]
    return TrialScores(
        photos,
        np.array([trial.owner for trial in trials]),
        [row[trial.genuine].astype(np.float64) for row, trial in zip(scores, trials, strict=True)],
        [row[other].astype(np.float32) for row, other in zip(scores, others, strict=True)],
        [people.labels[other] for other in others],
    )


def calibrate(
    people: People, second: People, cross: CrossFit, args: argparse.Namespace
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Measure the curve of the joint score, and count what it accepts and misses."""
    base = Base.load(people.model)
    if base.curve is None:
        raise SystemExit("the base has no curve")
    plan = BasePlan(folds=args.folds, repeats=args.repeats, seed=args.seed)
    curves, misses, owners, rows = [], [], [], []
    for row, photos in enumerate(PHOTOS):
        trials = make_trials(people.labels, photos, args.repeats, args.seed)
        score = score_both(people, second, cross, trials).join()
        curve = make_far_curve(collect_scores(people, trials, score, photos), plan.counted_from)
        # The z that stands for the same rate, as `SecondRule.fuse` computes it.
        fused = np.interp(score, curve, base.curve.z[row])
        measured = collect_scores(people, trials, fused, photos)
        curves.append(curve)
        misses.append(measure_miss_rates(measured, 1000, args.seed))
        owners.append(len(np.unique(measured.owner)))
        rows += count_rates(measured, base.curve.z[row], plan)
    arrays = {
        "photos": np.array(PHOTOS, np.int64),
        "log_far": LOG_FAR,
        "far_s": np.stack(curves),
        "miss_people": np.array(owners, np.int64),
        "miss_z": MISS_Z,
        "miss": np.stack(misses, axis=1),
    }
    card = {
        "model": second.model,
        "base": base.made,
        "weight": WEIGHT,
        "nearest": NEAREST,
        "farthest": FARTHEST,
        "most": MOST,
        "split": f"{args.folds} folds by person; judged by heads trained without either fold",
        "seed": args.seed,
        "folds": args.folds,
        "repeats": args.repeats,
        "counted_from": plan.counted_from,
        "counted": rows,
        "misses": list_misses({**arrays, "far_z": base.curve.z}, plan),
    }
    return arrays, card


if __name__ == "__main__":
    sys.exit(main())
