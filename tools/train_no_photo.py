r"""Train the rule that says whether a face resembles no photo of a person, and judge it.

    python tools/train_no_photo.py PEOPLE CROPS --pictures FOLDER... [--judge FOLDER...]
        [--vectors FILE] [--out src/onlyme/face/no_photo.npz]

PEOPLE holds one folder for each person (the layout of LFW), CROPS photos of one person each. Each
FOLDER of `--pictures` holds pictures that are no photos of people, and is one source. The shipped
file was made from lfw_dev and utk_dev, from the portraits of the Debian package wesnoth-1.16-data,
the people of openclipart-png and the pictures of gcompris-qt-data, and from photos turned into
drawings, paintings and reliefs by `stylize`. Only faces that enrolment takes count.

One photo of every third person and every second crop are learned from. Each of them is judged by
a rule that never saw that person (five folds); above the limit lies one in a hundred of the press
photos or of the crops, whichever have more. Each source of other pictures is judged by rules that
never saw one of it. `--vectors` keeps what was computed; `--judge` takes folders of photos of
people or of other pictures that are only judged.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from scipy.optimize import minimize
from stylize import STYLES

from onlyme.charts import clopper_pearson
from onlyme.errors import ImageError
from onlyme.face.enrollment_quality import assess_for_enrollment
from onlyme.faceid import networks
from onlyme.settings import Settings

Array = np.ndarray[Any, np.dtype[Any]]
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
PHOTOS = ("press photos", "crops")
STYLIZED = "stylised"
PULL = 2.0
FALSE_REMARKS = 0.01
FOLDS = 5
EVERY = 36
"""Of so many people one is stylised."""


def list_photos(people: Path, crops: Path) -> dict[str, list[Path]]:
    """Return the photos of each kind."""
    first = [sorted(one.iterdir())[0] for one in sorted(people.iterdir()) if one.is_dir()]
    single = sorted(path for path in crops.rglob("*") if path.suffix in SUFFIXES)
    return {"press photos": first[::3], "crops": single[::2], STYLIZED: first[5::EVERY]}


class Reader:
    """Reads the second look's vectors of faces that enrolment takes."""

    def __init__(self) -> None:
        self._pipeline = networks.make_pipeline(Settings.load())
        self.model = ""

    def read(self, picture: Path | Array) -> Array | None:
        """Return one vector; None where there is no face that is taken."""
        try:
            image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
            sight = self._pipeline.look(image)
        except ImageError:
            return None
        if sight.face is None or sight.reason is not None:
            return None
        face = sight.face
        if not assess_for_enrollment(sight.frame.pixels, face.box, face.landmarks).ok:
            return None
        seen = sight.look_again()
        if seen is None:
            return None
        self.model = seen.model
        return seen.vector

    def stylize(self, photo: Path) -> list[Array | None]:
        """Return the vectors of one photo in each style."""
        with Image.open(photo) as opened:
            picture = np.asarray(opened.convert("RGB"))[..., ::-1].copy()
        return [self.read(np.ascontiguousarray(s(picture)[..., ::-1])) for s in STYLES.values()]


def compute_vectors(args: argparse.Namespace, console: Console) -> dict[str, Array]:
    reader, found = Reader(), defaultdict[str, list[Array | None]](list)
    for kind, photos in list_photos(args.people, args.crops).items():
        for photo in track(photos, kind, console=console):
            found[kind] += reader.stylize(photo) if kind == STYLIZED else [reader.read(photo)]
    for folder in [*args.pictures, *args.judge]:
        pictures = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
        for picture in track(pictures, folder.name, console=console):
            found[folder.name].append(reader.read(picture))
    taken = {name: [one for one in many if one is not None] for name, many in found.items()}
    return {name: np.array(many, np.float32) for name, many in taken.items() if many} | {
        "model": np.array(reader.model)
    }


def fit(people: Array, pictures: Array) -> Array:
    """Fit a logistic regression in which both kinds count alike; return its weights and bias."""
    x = np.concatenate([people, pictures]).astype(np.float64)
    y = np.repeat([0.0, 1.0], [len(people), len(pictures)])
    share = np.where(y == 1, 1 / len(pictures), 1 / len(people)) * 500

    def measure(weights: Array) -> tuple[float, Array]:
        z = x @ weights[:-1] + weights[-1]
        wrong = share * (1 / (1 + np.exp(-z)) - y)
        loss = float(share @ (np.logaddexp(0, z) - y * z)) + PULL * float(
            weights[:-1] @ weights[:-1]
        )
        return loss, np.r_[x.T @ wrong + 2 * PULL * weights[:-1], wrong.sum()]

    start = np.zeros(x.shape[1] + 1)
    found = minimize(measure, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(found.x)


def cross_fit(vectors: dict[str, Array], pictures: Array) -> dict[str, Array]:
    """Return for the photos of each kind what a rule says that never saw the person."""
    fold = {kind: np.arange(len(vectors[kind])) % FOLDS for kind in PHOTOS}
    said = {kind: np.empty(len(vectors[kind])) for kind in PHOTOS}
    for number in range(FOLDS):
        seen = np.concatenate([vectors[kind][fold[kind] != number] for kind in PHOTOS])
        weights = fit(seen, pictures)
        for kind in PHOTOS:
            here = fold[kind] == number
            said[kind][here] = vectors[kind][here] @ weights[:-1] + weights[-1]
    return said


def learn(vectors: dict[str, Array], sources: list[str]) -> tuple[Array, float, dict[str, Array]]:
    """Return weights with a bias, the limit, and what rules say of photos that they never saw."""
    pictures = np.concatenate([vectors[one] for one in sources])
    said = cross_fit(vectors, pictures)
    limit = max(float(np.quantile(said[kind], 1 - FALSE_REMARKS)) for kind in PHOTOS)
    return fit(np.concatenate([vectors[kind] for kind in PHOTOS]), pictures), limit, said


def say(what: str, values: Array, limit: float, console: Console) -> None:
    hits = int((values > limit).sum())
    low, high = clopper_pearson(hits, len(values))
    console.print(
        f"{what}: {hits} of {len(values)} ({hits / len(values):.1%}, 95 %: {low:.1%} to {high:.1%})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("people", type=Path)
    parser.add_argument("crops", type=Path)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    parser.add_argument("--judge", type=Path, nargs="+", default=[])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    cv2.setNumThreads(1)
    if args.vectors and args.vectors.exists():
        with np.load(args.vectors, allow_pickle=False) as parts:
            vectors = {name: parts[name] for name in parts.files}
    else:
        vectors = compute_vectors(args, console)
        if args.vectors:
            np.savez(args.vectors, **vectors)  # type: ignore[arg-type]  # names of its own
    sources = [STYLIZED, *(folder.name for folder in args.pictures)]
    for left in sources:
        weights, limit, _ = learn(vectors, [one for one in sources if one != left])
        say(
            f"{left}, never learned from",
            vectors[left] @ weights[:-1] + weights[-1],
            limit,
            console,
        )
    weights, limit, said = learn(vectors, sources)
    for kind in PHOTOS:
        say(f"{kind}, other people", said[kind], limit, console)
    for folder in args.judge:
        say(folder.name, vectors[folder.name] @ weights[:-1] + weights[-1], limit, console)
    if args.out:
        rule = {"weights": weights[:-1].astype(np.float32), "limit": limit - weights[-1]}
        np.savez_compressed(args.out, **rule, model=vectors["model"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
