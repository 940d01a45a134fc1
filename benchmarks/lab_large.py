"""Measure training on a million faces: memory, the time of the index, and the input pipeline.

    python benchmarks/lab_large.py [--people 100000] [--photos 10] [--steps 30] [--network thin]

The faces are files of holes, so that a million take no space on the disk: they read as black,
and no figure about accuracy follows. All else is as with `--cache`: shards that are mapped, an
index of names and hashes, and batches that threads read and vary. Prints the most memory that
this process held, which includes the pages of mapped files that it touched.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from onlyme.lab.batch_reader import BatchReader
from onlyme.lab.face_cache import FaceCache
from onlyme.lab.identities import IdentitySpec, train_identities
from onlyme.lab.people import IdentitySampler, People
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.storage.peak_memory import read_peak_bytes

SHARD_PEOPLE = 256


def make_shards(folder, people, photos):
    """Write shards as the cache does, with holes in place of faces."""
    source = np.random.default_rng(0)
    for first in range(0, people, SHARD_PEOPLE):
        names = [
            f"person-{number:07d}" for number in range(first, min(people, first + SHARD_PEOPLE))
        ]
        stem = folder / f"{first:08d}"
        shape = (len(names) * photos, 112, 112, 3)
        np.lib.format.open_memmap(stem.with_suffix(".npy"), mode="w+", dtype=np.uint8, shape=shape)
        np.savez(
            stem.with_suffix(".npz"),
            names=np.array(names),
            counts=np.full(len(names), photos),
            hashes=source.integers(0, 2**64, shape[0], np.uint64),
            skipped=np.array([], np.str_),
        )


def read_shards(folder):
    cache = FaceCache(folder, "")
    names, faces, hashes = [], [], []
    for index in sorted(folder.glob("*.npz")):
        shard = cache.find(index.with_suffix(""))
        names += shard[0]
        faces += shard[1]
        hashes += shard[3]
    return People(tuple(names), tuple(faces), (), tuple(hashes))


def measure_pipeline(steps):
    """Time the input pipeline alone, with faces in memory that it has to read and to vary."""
    faces = draw_synthetic_faces(64, 4)
    batches = IdentitySampler(People(tuple(map(str, range(64))), tuple(faces)), 48, 4)
    reader = BatchReader(batches, 0, steps + 2)
    reader.get(0)
    start, spent = time.perf_counter(), time.process_time()
    for step in range(1, steps + 1):
        reader.get(step)
    reader.close()
    photos = steps * batches.size
    return photos / (time.perf_counter() - start), photos / (time.process_time() - spent)


def measure_network(name, steps):
    """Time forward and backward of the network alone."""
    from onlyme.lab.networks import build_backbone

    network, faces = build_backbone(name, 128), torch.rand(192, 3, 112, 112)
    network(faces).sum().backward()
    start, spent = time.perf_counter(), time.process_time()
    for _ in range(steps):
        network(faces).square().sum().backward()
    photos = steps * len(faces)
    return photos / (time.perf_counter() - start), photos / (time.process_time() - spent)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--network", default="thin")
    parser.add_argument("--folder", type=Path, help="for the shards; by default a temporary one")
    arguments = parser.parse_args()
    for what, (wall, processor) in (
        ("input pipeline", measure_pipeline(20)),
        (arguments.network, measure_network(arguments.network, 5)),
    ):
        print(f"{what} alone: {wall:.0f} photos a second, {processor:.0f} a processor second")
    with TemporaryDirectory(prefix="onlyme-lab-", dir=arguments.folder) as name:
        folder = Path(name) / "aligned"
        folder.mkdir()
        make_shards(folder, arguments.people, arguments.photos)
        start = time.perf_counter()
        people = read_shards(folder)
        fingerprint = people.fingerprint
        print(
            f"{len(people):,} people, {int(people.counts.sum()):,} faces, index read in "
            f"{time.perf_counter() - start:.1f} s ({fingerprint[:8]}), "
            f"{read_peak_bytes() / 1e9:.2f} GB at most"
        )
        spec = IdentitySpec(people=48, photos=4, steps=arguments.steps, network=arguments.network)
        start = time.perf_counter()
        train_identities(people, spec, Path(name) / "run")
        print(
            f"{arguments.steps} steps of {48 * 4} photos and one validation in "
            f"{time.perf_counter() - start:.0f} s; {read_peak_bytes() / 1e9:.2f} GB at most"
        )


if __name__ == "__main__":
    main()
