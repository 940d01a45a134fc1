r"""Train the base of onlyme for one network, from a folder of people.

    python tools/train_head.py FOLDER [--also FOLDER] [--out src/onlyme/siamese] [--labels FILE]

FOLDER holds one folder for each person (the layout of LFW). The second folder holds photos of
another kind, one of each person: strangers are drawn like both. The settings of the shipped base,
which its card records and `tests/siamese/test_saying.py` compares with this command, are those of

    python tools/train_head.py lfw_dev --labels tools/lfw_labels.txt \\
        --also utk_dev --pairs tools/utk_pairs.txt --repeats 2 --without "blur down 9" \\
        --keep-earlier --compare src/onlyme/siamese/base-487a139eb85c.npz

and then tools/train_second.py, since the second network is calibrated with this base. The shipped
file was computed on embeddings of OpenVINO in bfloat16, and from up to 2,488 degraded photos of
each way. On other embeddings, or with another `--degraded`, the command gives a file that is near
and not equal; `--compare` prints how near.

Everything is seeded: the same folder, seed and libraries give the same file, byte for
byte. All figures are measured on people whom the measuring head was not trained on: heads
are trained again without them. The head that is written was trained on all people.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from degradations import DEGRADATIONS
from degraded import PEOPLE, degrade_people
from people import join_people, read_people, read_singles
from rich.console import Console
from rich.progress import Progress

from onlyme.siamese.training.base import BaseData, BasePlan, build_base, write_base
from onlyme.siamese.training.train import Recipe, train_base_head

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.progress import TaskID

    from onlyme.siamese.training.whitening import LinearHead

RECIPE = Recipe(alpha=0.2, ridge=3.0, pull=30.0)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
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
    parser.add_argument(
        "--without", action="append", default=[], choices=tuple(DEGRADATIONS), metavar="WAY",
        help="a way of tools/degradations.py that is left out; may be given again",
    )  # fmt: skip
    parser.add_argument("--degraded", type=int, default=PEOPLE, help="people in each of these ways")
    parser.add_argument("--compare", type=Path, metavar="BASE", help="print how near it is to it")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    recipe, plan, ways = choose_recipe(args), choose_plan(args), choose_ways(args)
    console = Console(stderr=True)
    people = read_people(args.folder, console, args.labels, args.embedder)
    collection, singles = np.zeros_like(people.labels), 0
    degraded = degrade_people(
        args.folder, people, console, count=args.degraded, seed=args.seed, ways=ways
    )
    if args.also is not None:
        others = read_singles(args.also, console, args.pairs)
        people, collection = join_people(people, others)
        singles = others.count
    console.print(f"{people.count} people, {len(people.labels)} photos")
    heads = args.folds * (args.folds + 1) // 2 + 1
    data = BaseData(people.embeddings, people.labels, collection, degraded, people.source)
    with Progress(console=console) as progress:
        task = progress.add_task("training heads", total=heads * recipe.steps)
        steps = Steps(progress, task, recipe.steps)

        def fit(embeddings: NDArray[np.float32], labels: NDArray[np.intp]) -> LinearHead:
            return steps.fit(embeddings, labels, recipe)

        arrays, card = build_base(data, recipe, plan, fit, steps.describe)
    card["data"]["also"] = {"people": singles, "source": args.also.name if args.also else None}
    card["data"]["degraded"] = {way.name: len(way.labels) for way in degraded}
    if args.compare:
        console.print("\n".join(compare_bases(arrays, args.compare)))
    if args.keep_earlier:
        arrays |= read_earlier(args.out / f"base-{people.model[:12]}.npz")
    path = write_base(args.out, people.model, arrays, card)
    console.print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB) and its card")
    return 0


def fit_shipped_head(embeddings: NDArray[np.float32], labels: NDArray[np.intp]) -> LinearHead:
    """Train a head as the shipped one was, on other people."""
    return train_base_head(embeddings, labels, RECIPE)


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


def choose_plan(args: argparse.Namespace) -> BasePlan:
    """Return how the command line wants the base to be measured."""
    return BasePlan(folds=args.folds, repeats=args.repeats, seed=args.seed)


def choose_ways(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the degradations that the command line does not leave out."""
    return tuple(way for way in DEGRADATIONS if way not in args.without)


def compare_bases(arrays: dict[str, NDArray[Any]], path: Path) -> list[str]:
    """Return one line for each array of a base: its largest difference from that of a file."""
    lines = []
    with np.load(path, allow_pickle=False) as parts:
        for name, ours in sorted(arrays.items()):
            theirs = parts[name] if name in parts.files else np.empty(0)
            if theirs.shape != ours.shape:
                lines.append(f"{name}: shape {ours.shape}, in the file {theirs.shape}")
                continue
            most = np.abs(ours.astype(float) - theirs.astype(float)).max(initial=0.0)
            lines.append(f"{name}: differs by {most:.3g} at most, its largest number is "
                         f"{np.abs(theirs.astype(float)).max(initial=0.0):.3g}")  # fmt: skip
    return lines


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


if __name__ == "__main__":
    sys.exit(main())
