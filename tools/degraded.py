"""Embed photos that were degraded in each way of `degradations`, and cache the embeddings.

As in `people`, the cache is biometric data, and its name depends on all that determines it.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from degradations import DEGRADATIONS
from people import choose_labelled_face, hash_file, load_pipeline, write_cache
from platformdirs import user_cache_path
from rich.progress import Progress
from unknown_ways import UNKNOWN_WAYS, degrade_any

from onlyme.face import enrollment_quality
from onlyme.face.align import align
from onlyme.siamese.training.crossfit import DegradedPhotos

if TYPE_CHECKING:
    from people import People
    from rich.console import Console

    from onlyme.face.pipeline import Pipeline

PEOPLE = 200
"""People whose photo is degraded, drawn by the seed."""


def degrade_people(
    folder: Path,
    people: People,
    console: Console,
    *,
    count: int = PEOPLE,
    photos: int = 1,
    seed: int = 0,
    ways: tuple[str, ...] = tuple(DEGRADATIONS),
    embedder: str | None = None,
    judged: bool = False,
) -> list[DegradedPhotos]:
    """Degrade photos of some people in each way, and embed them.

    Args:
        folder: of the photos.
        people: what `read_people` returned for it.
        console: shows the progress.
        count: how many people, at most.
        photos: how many photos of each; people with fewer are left out.
        seed: which people, and which of their photos.
        ways: names of degradations.
        embedder: as in `people.read_people`.
        judged: say of each photo whether enrolment takes it.
    """
    generator = np.random.default_rng(seed)
    names, have = np.unique(people.labels, return_counts=True)
    chosen = generator.permutation(names[have >= photos])[:count]
    rows = np.concatenate(
        [generator.permutation(np.flatnonzero(people.labels == who))[:photos] for who in chosen]
    )
    pipeline = load_pipeline(embedder)
    result = []
    with Progress(console=console) as progress:
        task = progress.add_task("degrading photos", total=len(ways))
        source = Path(__file__).with_name("degradations.py")
        for way in ways:
            text = f"{pipeline.fingerprint()} {hash_file(source)} {way} {seed}\n"
            key = hashlib.sha256(text.encode())
            if way in UNKNOWN_WAYS:
                key.update(hash_file(source.with_name("unknown_ways.py")).encode())
            if judged:
                measures = Path(enrollment_quality.__file__)
                for part in (measures, *measures.parent.glob("covers.*")):
                    key.update(hash_file(part).encode())
            for row in rows:
                key.update(
                    f"{people.files[row]} {hash_file(folder / people.files[row])}\n".encode()
                )
            cache = user_cache_path("onlyme") / "people" / f"{key.hexdigest()[:16]}.npz"
            if not cache.exists():
                vectors, files, taken = _embed(pipeline, folder, people, rows, way, judged=judged)
                write_cache(cache, vectors, files, taken)
            with np.load(cache, allow_pickle=False) as parts:
                place = {file: row for row, file in enumerate(people.files)}
                at = np.array([place[file] for file in parts["files"]], np.intp)
                result.append(
                    DegradedPhotos(
                        *(way, parts["embeddings"], people.labels[at], at),
                        parts["taken"] if judged else None,
                    )
                )
            progress.advance(task)
    return result


def _embed(
    pipeline: Pipeline, folder: Path, people: People, rows: np.ndarray, way: str, *, judged: bool
) -> tuple[list[np.ndarray], list[str], list[bool]]:
    vectors, files, taken = [], [], []
    for row in rows:
        file = str(people.files[row])
        frame = pipeline.decode(folder / file)
        face = choose_labelled_face(pipeline.detector.detect(frame.pixels), frame)
        if face is None:
            continue
        pixels = degrade_any(way, frame.pixels, face.landmarks, zlib.crc32(file.encode()))
        changed = pipeline.decode(pixels)
        face = choose_labelled_face(pipeline.detector.detect(changed.pixels), changed)
        if face is not None:
            aligned = align(changed.pixels, face, pipeline.embedder.size)
            vectors.append(pipeline.embedder.embed(aligned).vector)
            files.append(file)
            if judged:
                quality = enrollment_quality.assess_for_enrollment(
                    changed.pixels, face.box, face.landmarks
                )
                taken.append(quality.ok)
    return vectors, files, taken
