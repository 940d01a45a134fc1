#!/usr/bin/env python3
"""Measure how well the frozen network alone tells pairs of photos apart.

    benchmarks/accuracy.py [--folder DIR] [--pairs FILE] [--cache DIR]

Ten folds disjoint by identity, 3,000 same and 3,000 different pairs drawn once by a
fixed seed, plain cosine: what every head has to beat. `--pairs` takes LFW's own
pairs.txt as well, for the figure that others publish.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

import onlyme
from onlyme.evaluate import (
    EvaluationPlan,
    LabelledEmbeddings,
    Photo,
    embed_files,
    list_people,
    make_pairs,
    read_pairs,
    verify_pairs,
)
from onlyme.faceid import networks
from onlyme.settings import Settings

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=DATA / "lfw_dev", help="Person/photo.jpg")
    parser.add_argument("--pairs", type=Path, help="a fixed list; by default one is drawn")
    parser.add_argument(
        "--cache",
        type=Path,
        help="store the embeddings (biometric data!) there; by default nowhere",
    )
    given = parser.parse_args()
    photos = list_people(given.folder)
    pairs = read_pairs(given.pairs) if given.pairs else make_pairs(photos)
    wanted = {source for pair in pairs for source in (pair.left, pair.right)}
    photos = tuple(photo for photo in photos if photo.source in wanted)
    measure(photos, pairs, given.folder, given.cache)
    return 0


def measure(photos: tuple[Photo, ...], pairs: tuple, folder: Path, cache: Path | None) -> None:
    """Embed the photos, judge the pairs and print the results."""
    start = time.perf_counter()
    found = embed_files(
        [folder / photo.source for photo in photos],
        lambda path: onlyme.embed(path).vector,
        model=networks.make_pipeline(Settings.load()).fingerprint(),
        folder=cache,
        progress=bar if sys.stderr.isatty() else None,
    )
    taken = time.perf_counter() - start
    used = [photos[row] for row in found.rows]
    study = verify_pairs(
        pairs,
        LabelledEmbeddings(
            found.vectors, [photo.person for photo in used], [photo.source for photo in used]
        ),
        EvaluationPlan(fmrs=(1e-1, 1e-2, 1e-3), resamples=1000),
    )
    people = len({photo.person for photo in photos})
    print(
        f"{len(photos):,} photos of {people:,} people, {len(found.unusable)} without a usable face"
        f" ({found.computed:,} embedded in {taken:.0f} s)"
    )
    same = int(np.sum(study.same))
    print(
        f"{same:,} same and {len(study.pairs) - same:,} different pairs, "
        f"{len(study.missing)} not judged, {len(study.accuracy.folds)} folds"
    )
    span = study.equal_error_interval
    print(
        f"  accuracy {100 * study.accuracy.mean:.2f} ± "
        f"{100 * study.accuracy.standard_error:.2f} % (standard error over folds)\n"
        f"  EER      {100 * span.value:.2f} % (95 % over people: "
        f"{100 * span.low:.2f} to {100 * span.high:.2f} %)"
    )
    print("  target FMR   cosine   FMR counted      FNMR counted     95 % (Clopper-Pearson)")
    for target, point in study.points:
        print(
            f"  {target:<10g}   {point.threshold:.3f}    "
            f"{point.fmr.count:>4} of {point.fmr.total:,}    "
            f"{point.fnmr.count:>4} of {point.fnmr.total:,}    "
            f"{100 * point.fnmr.value:.2f} % ({100 * point.fnmr.low:.2f} to "
            f"{100 * point.fnmr.high:.2f} %)"
        )


def bar(what: str, done: int, total: int) -> None:
    """Draw progress on the terminal."""
    end = "\n" if done == total else ""
    print(f"\r  {what} {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
