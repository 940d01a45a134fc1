#!/usr/bin/env python3
"""Time onlyme and its peers in turns in one run; and time whole processes.

    benchmarks/speed.py [--rounds 40]

Ratios repeat from run to run, milliseconds do not. Exit code 1 if a figure misses its mark.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from peers import Worker

from onlyme.face.models import find_model
from onlyme.image.decode import decode

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
ONLYME = [sys.executable, "-m", "onlyme"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="turns, of three verifications each")
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    find_model("embedder").read()
    with tempfile.TemporaryDirectory() as folder:
        # Cold first: a child's peak memory includes its parent's, which is small only now.
        good = [*cold(Path(folder)), *warm(Path(folder), rounds)]
    return 0 if all(good) else 1


def say(what: str, value: float, mark: float, unit: str = "") -> bool:
    """Print one figure with its mark."""
    mark_met = "✓" if value <= mark else "✗"
    print(f"  {mark_met} {what:<58} {value:8.2f}{unit}   (mark: ≤ {mark:g}{unit})")
    return value <= mark


def warm(folder: Path, rounds: int) -> list[bool]:
    """Verify the same frames by each peer in turns."""
    paths = frames(folder)
    workers = {name: Worker(name, paths) for name in ("onlyme", "verifyface", "dlib")}
    times: dict[str, list[float]] = {name: [] for name in workers}
    large: list[list[float]] = [[] for _ in paths[2:]]
    for round_ in range(rounds):
        for name, worker in workers.items():
            if name == "dlib" and round_ % 4:
                continue  # it is ten times slower, so it gets a quarter of the rounds
            worker.verify(1)  # to fill the caches that the others used
            for _ in range(3):
                milliseconds, accepted = worker.verify(1)
                if not accepted:
                    sys.exit(f"{name} does not know the owner")
                times[name].append(milliseconds)
        for number, series in enumerate(large):
            milliseconds, _ = workers["onlyme"].verify(2 + number)
            series.append(milliseconds)
    for worker in workers.values():
        worker.close()
    median = {name: statistics.median(series) for name, series in times.items()}
    print("One verification of a 640×480 frame, models warm, no liveness, medians:")
    for name, milliseconds in median.items():
        print(f"    {name:<12} {milliseconds:8.2f} ms")
    good = [
        say("onlyme / verifyface", median["onlyme"] / median["verifyface"], 0.7),
        say("onlyme / dlib", median["onlyme"] / median["dlib"], 0.1),
    ]
    for series, share in zip(large, (10, 25, 50), strict=True):
        ratio = statistics.median(series[1:]) / median["onlyme"]
        good.append(say(f"12 megapixels, face {share} % of its width / 640×480", ratio, 1.5))
    return good


def frames(folder: Path) -> list[Path]:
    """Write two webcam frames of a person, and 12-megapixel photos of that face in three sizes."""
    session = sorted((DATA / "nuaa_dev/live/0001").glob("0001_00_00_01_*.jpg"))
    first, second = (decode(path).pixels for path in (session[0], session[-1]))
    pictures = [first, second]
    from onlyme.faceid import networks
    from onlyme.settings import Settings

    face = networks.make_pipeline(Settings.load()).detector.detect(second)[0]
    for share in (0.10, 0.25, 0.50):
        scale = share * 4000 / float(face.box[2])
        patch = cv2.resize(second, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        middle = (face.box[:2] + face.box[2:] / 2) * scale
        large = np.full((3000, 4000, 3), 128, np.uint8)
        shift = np.float32([[1, 0, 2000 - middle[0]], [0, 1, 1500 - middle[1]]])
        pictures.append(
            cv2.warpAffine(patch, shift, (4000, 3000), large, borderMode=cv2.BORDER_TRANSPARENT)
        )
    paths = [folder / f"{number}.npy" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        np.save(path, np.ascontiguousarray(picture))
    return paths


def process(command: list[str], times: int = 5) -> tuple[float, float]:
    """Run a command some times; return the median of its seconds and its peak memory in MB."""
    seconds, memory = [], []
    for _ in range(times):
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(child.pid, 0)
        seconds.append(time.perf_counter() - start)
        memory.append(usage.ru_maxrss / 1024)
    return statistics.median(seconds), statistics.median(memory)


def cold(folder: Path) -> list[bool]:
    """Time whole processes from a cold start."""
    print("Whole processes, medians of 5:")
    vault = ["--vault", str(folder / "vault")]
    me = DATA / "article/me"
    enroll = [*ONLYME, "enroll", "owner", str(me), "--replace", *vault]
    seconds, memory = process(enroll)
    good = [say("enroll from the article's 7 photos", seconds, 2.0, " s")]
    print(f"    its peak memory {memory:.0f} MB")
    seconds, _ = process([*enroll, "--not-me", str(DATA / "article/not_me")])
    good.append(say("enroll from the article's 7 + 9 photos", seconds, 3.0, " s"))
    seconds, memory = process([*ONLYME, "verify", "owner", str(me / "ME_1.jpg"), *vault])
    good.append(say("verify one photo", seconds, 0.5, " s"))
    good.append(say("verify one photo, peak memory", memory, 160, " MB"))
    empty, _ = process([sys.executable, "-c", "pass"])
    seconds, _ = process([sys.executable, "-c", "import onlyme"])
    good.append(say(f"import onlyme (Python alone: {empty:.3f} s)", seconds, 0.2, " s"))
    return good


if __name__ == "__main__":
    sys.exit(main())
