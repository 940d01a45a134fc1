#!/usr/bin/env python3
"""Measure a batch against single pictures: throughput for the cores, and memory as it grows.

benchmarks/batch.py FOLDER [--count 300] [--repeats 3] [--memory 10000]

Decides with `verify_all` about pictures of FOLDER (searched with its folders), and with one
`verify` after the other about the same pictures. Both run in this process and take turns.
*What the cores allow* is the processor time of one picture (user and system, all threads, counted
by the kernel), divided among the cores that this process may use: no arrangement of the same work
is faster. `--memory` goes on to so many pictures, the same ones again, and prints the peak memory
after each tenth of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from onlyme import FaceID
from onlyme.faceid.workers import count_cores
from onlyme.image.sources import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0)
    chosen = parser.parse_args()
    found = (path for path in sorted(chosen.folder.rglob("*")) if path.suffix in PHOTO_SUFFIXES)
    pictures = list(itertools.islice(found, chosen.count))
    if len(pictures) < 2:
        parser.error(f"{chosen.folder} holds no pictures")
    with tempfile.TemporaryDirectory() as folder, FaceID.open(Path(folder) / "v") as face_id:
        enroll_first(face_id, pictures)
        answer = measure(face_id, pictures, chosen.repeats)
        if chosen.memory:
            answer["memory_mb"] = watch_memory(face_id, pictures, chosen.memory)
    sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")
    return 0


def enroll_first(face_id: FaceID, pictures: list[Path]) -> None:
    """Enroll the person of the first picture that can be learned from."""
    for picture in pictures:
        try:
            face_id.enroll("ada", picture)
        except Exception as error:  # noqa: BLE001 - the next picture may be better
            sys.stderr.write(f"{picture}: {error}\n")
        else:
            return
    raise SystemExit("no picture can be enrolled")


def measure(face_id: FaceID, pictures: list[Path], repeats: int) -> dict[str, object]:
    """Take turns, and compare the pictures a second with what the cores allow."""

    def verify_each() -> None:
        for picture in pictures:
            face_id.verify("ada", picture)

    def verify_batch() -> None:
        for _ in face_id.verify_all("ada", pictures):
            pass

    verify_batch()  # the networks are loaded, and the files are in memory
    cores = count_cores()
    rows = []
    for _ in range(repeats):
        single_seconds, single_cpu = clock(verify_each)
        batch_seconds, batch_cpu = clock(verify_batch)
        rows.append(
            {
                "single_ms": 1e3 * single_seconds / len(pictures),
                "single_cpu_ms": 1e3 * single_cpu / len(pictures),
                "batch_ms": 1e3 * batch_seconds / len(pictures),
                "batch_cpu_ms": 1e3 * batch_cpu / len(pictures),
                "of_what_cores_allow": single_cpu / cores / batch_seconds,
            }
        )
    return {
        "pictures": len(pictures),
        "cores": cores,
        "load_before": os.getloadavg()[0],
        "runtime": face_id.pipeline.runtime,
        "runs": [{key: round(value, 3) for key, value in row.items()} for row in rows],
        "median": {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]},
    }


def clock(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that pass, and those of the processor in all threads."""
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def watch_memory(face_id: FaceID, pictures: list[Path], count: int) -> list[float]:
    """Return the most memory that the process held so far, after each tenth of the pictures."""
    import resource

    endless = itertools.islice(itertools.cycle(pictures), count)
    peaks = []
    for number, _ in enumerate(face_id.verify_all("ada", endless), 1):
        if number % max(1, count // 10) == 0:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return [round(peak, 1) for peak in peaks]


if __name__ == "__main__":
    raise SystemExit(main())
