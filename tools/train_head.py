r"""Train the base of onlyme for one network, from a folder of people.

    python tools/train_head.py FOLDER [--also FOLDER] [--out src/onlyme/siamese] [--labels FILE]

FOLDER holds one folder for each person (the layout of LFW). The second folder holds photos of
another kind, one of each person: strangers are drawn like both. The shipped base is made with

    python tools/train_head.py lfw_dev --labels tools/lfw_labels.txt \\
        --also utk_dev --pairs tools/utk_pairs.txt --keep-earlier

and then tools/train_second.py, since the second network is calibrated with this base.

Everything is seeded: the same folder, seed and libraries give the same file, byte for
byte. All figures are measured on people whom the measuring head was not trained on: heads
are trained again without them. The head that is written was trained on all people.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from degraded import degrade_people
from people import People, join_people, read_people, read_singles
from rich.console import Console
from rich.progress import Progress

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
from onlyme.siamese.training.train import Recipe, train_base_head
from onlyme.siamese.training.whitening import LinearHead, draw_strangers_evenly

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.progress import TaskID

PHOTOS = (1, 2, 3, 5, 8)
RECIPE = Recipe(alpha=0.2, ridge=3.0, pull=30.0)
COUNTED_FROM = 1e-5


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="one folder for each person")
    parser.add_argument("--out", type=Path, default=Path("src/onlyme/siamese"))
    parser.add_argument("--labels", type=Path, help="corrections, as in tools/lfw_labels.txt")
    parser.add_argument("--also", type=Path, help="a folder of other photos, one a person")
    parser.add_argument("--pairs", type=Path, help="its exceptions, as in tools/utk_pairs.txt")
    parser.add_argument(
        "--keep-earlier",
        action="store_true",
        help="keep the curve of the base that is replaced, for alphas that were set by hand",
    )
    parser.add_argument("--embedder", help="manifest entry of the network")
    parser.add_argument("--mining", choices=("hard", "semi"), default=RECIPE.mining)
    parser.add_argument("--alpha", type=float, default=RECIPE.alpha, help="training alpha")
    parser.add_argument("--soft", action="store_true", help="soft margin in place of alpha")
    parser.add_argument("--rank", type=int, help="rows of the head; all by default")
    parser.add_argument(
        "--ridge", type=float, default=RECIPE.ridge, help="of the whitening at the start"
    )
    parser.add_argument("--pull", type=float, default=RECIPE.pull, help="towards the whitening")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="at most as many")
    args = parser.parse_args(argv)
    recipe = choose_recipe(args)
    console = Console(stderr=True)
    people = read_people(args.folder, console, args.labels, args.embedder)
    collection, singles = np.zeros_like(people.labels), 0
    degraded = degrade_people(args.folder, people, console, seed=args.seed)
    if args.also is not None:
        others = read_singles(args.also, console, args.pairs)
        people, collection = join_people(people, others)
        singles = others.count
    console.print(f"{people.count} people, {len(people.labels)} photos")
    heads = args.folds * (args.folds + 1) // 2 + 1
    with Progress(console=console) as progress:
        task = progress.add_task("training heads", total=heads * recipe.steps)
        steps = Steps(progress, task, recipe.steps)
        arrays, card = build_base(people, collection, degraded, recipe, args, steps)
    card["data"]["also"] = {"people": singles, "source": args.also.name if args.also else None}
    if args.keep_earlier:
        arrays |= read_earlier(args.out / f"base-{people.model[:12]}.npz")
    path = write_base(args.out, people.model, arrays, card)
    console.print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB) and its card")
    return 0


def choose_recipe(args: argparse.Namespace) -> Recipe:
    """Return `RECIPE` with the options of the command line; without options `RECIPE` itself."""
    return replace(
        RECIPE,
        mining=args.mining,
        alpha=None if args.soft else args.alpha,
        ridge=args.ridge,
        rank=args.rank,
        pull=args.pull,
        steps=args.steps,
        seed=args.seed,
    )


class Steps:
    """Moves the progress bar: a head that stops early jumps to the end of its part."""

    def __init__(self, progress: Progress, task: TaskID, steps: int) -> None:
        self._progress, self._task, self._steps, self._heads = progress, task, steps, 0

    def fit(
        self, embeddings: NDArray[np.float32], labels: NDArray[np.intp], recipe: Recipe
    ) -> LinearHead:
        def move_bar(step: int, _: float) -> None:
            self._progress.update(self._task, completed=self._heads * self._steps + step)

        head = train_base_head(embeddings, labels, recipe, move_bar)
        self._heads += 1
        move_bar(0, 0.0)
        return head

    def describe(self, description: str) -> None:
        self._progress.update(self._task, description=description)


def read_earlier(path: Path) -> dict[str, NDArray[Any]]:
    """Return the curve of the base in a file, and those of bases before it."""
    with np.load(path, allow_pickle=False) as parts:
        earlier = {key: parts[key] for key in parts.files if key.startswith("earlier_")}
        made = json.loads(str(parts["card"]))["made"]
        return {**earlier, f"earlier_{made}": parts["far_z"]}


def build_base(
    people: People,
    collection: NDArray[np.intp],
    degraded: list[DegradedPhotos],
    recipe: Recipe,
    args: argparse.Namespace,
    steps: Steps,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Train the head, measure it by cross-fitting, and return the arrays and the card."""

    def fit(embeddings: NDArray[np.float32], labels: NDArray[np.intp]) -> LinearHead:
        return steps.fit(embeddings, labels, recipe)

    seed = args.seed
    cross = CrossFit(
        people.embeddings,
        people.labels,
        fit,
        folds=args.folds,
        seed=seed,
        collection=collection,
        degraded=degraded,
    )
    first = collection == 0
    owner_labels = people.labels[first]  # the rows of the first collection come first
    curves, misses, owners, rows = [], [], [], []
    for photos in PHOTOS:
        steps.describe(f"measuring owners of {photos} photos")
        measured = measure_trials(
            cross, make_trials(owner_labels, photos, args.repeats, seed), photos
        )
        curves.append(make_far_curve(measured, COUNTED_FROM))
        misses.append(measure_miss_rates(measured, 1000, seed))
        owners.append(len(np.unique(measured.owner)))
        rows += count_rates(measured, curves[-1], seed)
    steps.describe("training the head that is written")
    head = fit(people.embeddings[first], owner_labels)
    heads = head.project(people.embeddings)
    cohort = draw_strangers_evenly(heads, people.labels, collection, COHORT_SIZE, seed)
    draws = draw_strangers_evenly(heads, people.labels, collection, DRAWS_SIZE, seed + 1)
    rule = NotMe.from_cohort(normalize(cohort.astype(np.float32)), MAX_NEAREST_STRANGERS)
    effects = measure_effects(head, rule, degraded, people.embeddings[first], owner_labels)
    arrays = {
        "projection": head.projection.astype(np.float32),
        "mean": head.mean.astype(np.float32),
        "cohort": cohort,
        "draws": draws,
        "draws_not_me": rule.measure_distance(normalize(draws.astype(np.float32))),
        "effects": effects.directions,
        "effects_not_me": effects.distances,
        "photos": np.array(PHOTOS, np.int64),
        "log_far": LOG_FAR,
        "far_z": np.stack(curves),
        "miss_people": np.array(owners, np.int64),
        "miss_z": MISS_Z,
        "miss": np.stack(misses, axis=1),
    }
    card = {
        "data": {
            "people": len(np.unique(owner_labels)),
            "photos": len(owner_labels),
            "source": people.source,
        },
        "effects": [way.name for way in degraded],
        "effects_limit": effects.limit,
        "head": {"start": "within-class whitening", **asdict(recipe)},
        "loss": "triplets with plain Euclidean norms",
        "split": f"{args.folds} folds by person; judged by heads trained without either fold",
        "seed": seed,
        "folds": args.folds,
        "repeats": args.repeats,
        "counted_from": COUNTED_FROM,
        "counted": rows,
        "misses": list_misses(arrays),
    }
    return arrays, card


def list_misses(arrays: dict[str, NDArray[Any]]) -> list[dict[str, float | int]]:
    """List the expected miss rates at round false accept rates, with their intervals."""
    rows = []
    for row, photos in enumerate(PHOTOS):
        for tenths in (30, 40, 50):
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
    measured: TrialScores, curve: NDArray[np.float64], seed: int
) -> list[dict[str, float | int]]:
    """Count the accepts at round false accept rates, with a bound on each."""
    rows = []
    for tenths in range(20, 51, 5):
        z = float(curve[tenths])
        row = count_accepts(measured, z, 1000, seed)
        rows.append({"photos": measured.photos, "far": 10.0 ** (-tenths / 10), "z": z, **row})
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
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for key in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(arrays[key]), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, buffer.getvalue())
    path.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
