"""Measure templates made of many views of the enrolment photos, on people held apart.

    python benchmarks/views.py [FOLDER] [--people 200]

Each photo is changed at the image level in 14 ways and embedded again. Owners are enrolled with
1, 2 and 5 photos in several ways; their other photos and all strangers are as they are. Each
owner and each stranger is scored by a head, a cohort and draws that were made without them.
Intervals are 95 %, by paired bootstrap over owners. Nothing of this is used by onlyme; see
docs/explanation/head.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.console import Console

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

from heads import Pooled  # noqa: E402 - benchmarks/ is no package
from held_apart import fit_held_apart  # noqa: E402 - tools/ is no package
from people import People, choose_labelled_face, make_parser, read_people  # noqa: E402 - as above
from train_head import fit_shipped_head  # noqa: E402 - as above

from onlyme.face.align import align  # noqa: E402 - needs the path above
from onlyme.faceid import networks  # noqa: E402 - needs the path above
from onlyme.settings import Settings  # noqa: E402 - needs the path above
from onlyme.siamese.distance import measure_distances, normalize  # noqa: E402 - needs the path above
from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial  # noqa: E402 - needs the path above
from onlyme.siamese.training.curves import TrialScores  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

Array = np.ndarray[Any, np.dtype[Any]]
RATE_ROWS = ((1, "1e-4"), (2, "1e-5"))
"""Places in `heads.RATES`, and their names."""

REPEATS = {1: 2, 2: 2, 5: 1}
MANY_PHOTOS, MANY_SHARE = 6, 0.4
"""Of the people, this share has so many photos, of which five are seen in views; the others two."""

MIRROR, TURNS_AND_SCALES = 0, (0, 6, 7, 8, 9)
NEAREST_DRAWS = 200


def main() -> int:
    parser = make_parser(__doc__, rounds=100, seed=5)
    parser.add_argument("--people", type=int, default=200)
    args = parser.parse_args()
    console = Console(stderr=True)
    people = read_people(args.folder, console, args.labels)
    cross = fit_held_apart(
        people,
        args.folder,
        console,
        fit_shipped_head,
        folds=5,
        seed=0,
    )
    rows = choose_photos(people, args.people, np.random.default_rng(args.seed))
    with console.status("embedding views"):
        views = embed_views(args.folder, people, rows)
    heads = {
        pair: cross.find_model(*pair).base.project(views.reshape(-1, views.shape[-1]))
        for pair in ((home, other) for home in range(5) for other in range(home, 5))
    }
    shaped = {pair: found.reshape(*views.shape[:2], -1) for pair, found in heads.items()}
    for photos, repeats in REPEATS.items():
        compare_ways(people, cross, rows, shaped, photos, repeats, args)
    return 0


def choose_photos(people: People, count: int, generator: np.random.Generator) -> Array:
    photos = np.bincount(people.labels)
    many = generator.permutation(np.flatnonzero(photos >= MANY_PHOTOS))[: int(MANY_SHARE * count)]
    rest = np.setdiff1d(np.flatnonzero(photos >= 3), many)
    few = generator.permutation(rest)[: count - len(many)]
    return np.concatenate(
        [
            np.flatnonzero(people.labels == who)[: 5 if photos[who] >= MANY_PHOTOS else 2]
            for who in (*many, *few)
        ]
    )


def embed_views(folder: Path, people: People, rows: Array) -> Array:
    """Embed 14 views of each photo: float32[n, 14, d]."""
    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    found = []
    for row in rows:
        frame = pipeline.decode(folder / people.files[row])
        face = choose_labelled_face(pipeline.detector.detect(frame.pixels), frame)
        assert face is not None  # noqa: S101 - `read_people` left out the others
        aligned = align(frame.pixels, face, pipeline.embedder.size)
        generator = np.random.default_rng(int(row))
        found.append(
            [pipeline.embedder.embed(view).vector for view in make_views(aligned, generator)]
        )
    return np.array(found, np.float32)


def make_views(face: Array, generator: np.random.Generator) -> Iterator[Array]:
    """Change an aligned face in 14 ways: uint8[112, 112, 3] each."""
    side = face.shape[0]
    shade = np.linspace(0.45, 1.15, side)[None, :, None]

    def clip(values: Array) -> Array:
        return np.asarray(np.clip(values, 0, 255), np.uint8)

    def turn(degrees: float, scale: float) -> Array:
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
        return np.asarray(
            cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        )

    yield np.ascontiguousarray(face[:, ::-1])
    yield clip(255 * (face / 255) ** 0.6)
    yield clip(255 * (face / 255) ** 1.7)
    yield np.asarray(cv2.GaussianBlur(face, (0, 0), 1.3))
    yield clip(face + generator.normal(0, 14, face.shape))
    yield np.asarray(cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 22])[1], 1))
    yield turn(6, 1.0)
    yield turn(-6, 1.0)
    yield turn(0, 0.93)
    yield turn(0, 1.07)
    yield np.asarray(cv2.resize(cv2.resize(face, (44, 44), interpolation=3), (side, side)))
    yield clip(face * 0.28 + generator.normal(0, 6, face.shape))
    yield clip(face * shade)
    yield clip(face * shade[:, ::-1])


def make_templates(own: Array, seen: Array) -> dict[str, Array]:
    """The template of each way, from heads of the photos and of their views."""
    mean, views = own.mean(axis=0), seen.reshape(-1, seen.shape[-1]).mean(axis=0)
    likeness = (own @ mean) ** 4
    return {
        "plain": mean,
        "all views": mean + seen.shape[1] * views,
        "views, 0.3": 0.7 * mean + 0.3 * views,
        "views, 0.15": 0.85 * mean + 0.15 * views,
        "mirror": mean + seen[:, MIRROR].mean(axis=0),
        "mirror, turns, scales": mean + seen[:, TURNS_AND_SCALES].mean(axis=(0, 1)),
        "agreement": (own * likeness[:, None]).sum(axis=0),
    }


def whiten(deviations: Array, ridge: float) -> Array:
    """A map that weakens the directions in which views differ."""
    values, axes = np.linalg.eigh(deviations.T @ deviations / len(deviations))
    return np.asarray((axes / np.sqrt(values + ridge * values.mean())) @ axes.T)


def compare_ways(
    people: People,
    cross: CrossFit,
    rows: Array,
    views: dict[tuple[int, int], Array],
    photos: int,
    repeats: int,
    args: argparse.Namespace,
) -> None:
    """Print the misses of each way beside those of the plain mean."""
    generator = np.random.default_rng(args.seed)
    place = {int(row): at for at, row in enumerate(rows)}
    shared = {
        (pair, ridge): whiten(spread_of(cross, rows, views[pair], pair), ridge)
        for pair in views
        for ridge in (3.0, 10.0)
    }
    scores: dict[str, list[Array]] = {}
    trials = []
    for who in np.unique(people.labels[rows]):
        known, everything = rows[people.labels[rows] == who], np.flatnonzero(people.labels == who)
        if len(known) < photos or len(everything) <= photos:
            continue
        for _ in range(repeats):
            me = generator.permutation(known)[:photos]
            trials.append(CrossFitTrial(int(who), me, np.setdiff1d(everything, me)))
            at = [place[int(row)] for row in me]
            for way, found in score_ways(people, cross, views, shared, me, at).items():
                scores.setdefault(way, []).append(found)
    pooled = {way: pool(people, trials, found, photos) for way, found in scores.items()}
    plain = pooled["plain"]
    once, draws = np.ones(plain.owners), np.random.default_rng(0)
    times = [
        np.bincount(draws.integers(plain.owners, size=plain.owners), minlength=plain.owners)
        for _ in range(args.rounds)
    ]
    print(f"\n{photos} photos, {plain.owners} owners, {len(plain.genuine)} tries")
    base = plain.misses(once)
    again = np.array([plain.misses(row.astype(float)) for row in times])
    for way, one in pooled.items():
        here = one.misses(once)
        ours = np.array([one.misses(row.astype(float)) for row in times])
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = np.nanquantile(
                np.where(ours == again, 1.0, ours / again), [0.025, 0.975], axis=0
            )
        cells = [
            f"{name}: {100 * here[at]:.2f} % × {here[at] / base[at]:.2f} "
            f"({low[at]:.2f} to {high[at]:.2f})"
            for at, name in RATE_ROWS
        ]
        print(f"  {way:24}", "   ".join(cells))


def spread_of(cross: CrossFit, rows: Array, views: Array, pair: tuple[int, int]) -> Array:
    """How views of other people's photos differ from the photos, in head space."""
    other = ~np.isin(cross.fold[rows], pair)
    photos = cross.find_model(*pair).heads[rows[other]]
    return np.asarray((views[other] - photos[:, None]).reshape(-1, photos.shape[1]))


def score_ways(
    people: People,
    cross: CrossFit,
    views: dict[tuple[int, int], Array],
    shared: dict[tuple[tuple[int, int], float], Array],
    me: Array,
    at: list[int],
) -> dict[str, Array]:
    """Score all photos against one owner in each way."""
    home, found = int(cross.fold[me[0]]), {}
    for other in range(cross.folds):
        pair = (min(home, other), max(home, other))
        model, seen = cross.find_model(*pair), views[pair][at]
        here = np.flatnonzero(cross.fold[: len(people.labels)] == other)
        heads, own, not_me = model.heads[here], model.heads[me], model.not_me[here]

        def put(way: str, values: Array, here: Array = here) -> None:
            found.setdefault(way, np.empty(len(people.labels), np.float32))[here] = values

        for way, template in make_templates(own, seen).items():
            unit = normalize(template)[None]
            centre = model.base.measure_centres(unit)
            put(way, not_me - measure_distances(heads, unit)[:, 0] - centre)
        mean = normalize(own.mean(axis=0))[None]
        centre = model.base.measure_centres(mean)
        deviations = (seen - own[:, None]).reshape(-1, own.shape[1])
        maps = {f"whitened, ridge {ridge:g}": shared[pair, ridge] for ridge in (3.0, 10.0)}
        for way, change in {**maps, "own whitening": whiten(deviations, 20.0)}.items():
            template = normalize(normalize(own @ change).mean(axis=0))[None]
            away = measure_distances(normalize(heads @ change), template)[:, 0]
            put(way, not_me - away - centre)
        draws = model.base.draws_not_me - measure_distances(model.base.draws, mean)[:, 0]
        nearest = np.sort(draws)[-NEAREST_DRAWS:].mean()
        margins = not_me - measure_distances(heads, mean)[:, 0]
        put("adaptive s-norm", (margins - nearest) / draws.std())
    return found


def pool(people: People, trials: list[CrossFitTrial], scores: list[Array], photos: int) -> Pooled:
    others = [people.labels != trial.owner for trial in trials]
    return Pooled(
        TrialScores(
            photos,
            np.array([trial.owner for trial in trials]),
            [row[trial.genuine] for row, trial in zip(scores, trials, strict=True)],
            [row[other] for row, other in zip(scores, others, strict=True)],
            [people.labels[other] for other in others],
        )
    )


if __name__ == "__main__":
    sys.exit(main())
