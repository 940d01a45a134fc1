"""Measure what liveness says of portraits that fill the frame, still and moved.

    benchmarks/portraits.py [--people 728] [--streams 6] [--kinds shake video]

Needs ONLYME_DATA. Each person of lfw_dev gives one photo, a full frame of 250x250 pixels. As a
single picture it is judged as `check_liveness` does; as a stream it is moved in all ways that
`onlyme.evaluate.simulations` knows, 46 frames (3 seconds) at 15 a second, and also enlarged to
twice its size, and coded as a video. The person in the photo is enrolled with it, and so are a
cartoon and two paintings of data/hard.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import suppress
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from onlyme import EnrollmentError, FaceID
from onlyme.charts import format_rate, make_rate
from onlyme.evaluate.simulations import MOVES, move_picture
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness.grain import measure_grain
from onlyme.settings import Settings
from onlyme.types import Frame, LivenessLevel, Verdict
from onlyme.verification.decisions import judge_photo

RATE = 15.0
SECONDS = 3.0


def watch(face_id, name, frames) -> tuple[int, int, int]:
    """Return how many attempts there were, how many of them live, and how many accepted."""
    decisions = list(face_id.watch(name, frames, liveness=LivenessLevel.PASSIVE))
    live = sum(one.liveness.verdict is Verdict.LIVE for one in decisions)
    return len(decisions), live, sum(one.accepted for one in decisions)


def to_frames(pictures):
    return [Frame(p, "simulated", n / RATE) for n, p in enumerate(pictures)]


def code_video(pictures):
    """Code pictures as an MPEG-4 video and read it again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.mp4"
        height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
        code = cv2.VideoWriter_fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), code, RATE, (width, height))
        for picture in pictures:
            writer.write(np.ascontiguousarray(picture[:height, :width, ::-1]))
        writer.release()
        return list(read_frames(path))


def print_singles(pipeline, judge, photos) -> None:
    """Print how many portraits are live as single pictures, and by the network alone."""
    verdicts, alone = [], 0
    for photo in photos:
        observation = pipeline.look(photo)
        if observation.face is None:
            continue
        verdicts.append(judge_photo(observation, judge, LivenessLevel.PASSIVE)[0].verdict)
        evidence = judge.look(observation.frame.pixels, observation.face)
        alone += judge.fusion.fuse([evidence]).verdict is Verdict.LIVE
    for title, live in (("live", verdicts.count(Verdict.LIVE)), ("by the network alone", alone)):
        rate = format_rate(make_rate(live, len(verdicts)))
        print(f"single portraits that fill the frame, {title}: {rate}", flush=True)


def print_people(pipeline, judge, photos) -> None:
    """Print how many living webcam frames are live as single pictures, and their grain."""
    verdicts, grains = [], []
    for photo in photos:
        observation = pipeline.look(photo)
        if observation.face is None:
            continue
        verdicts.append(judge_photo(observation, judge, LivenessLevel.PASSIVE)[0].verdict)
        grains.append(measure_grain(observation.face.crop(observation.frame.pixels)))
    refused = make_rate(len(verdicts) - verdicts.count(Verdict.LIVE), len(verdicts))
    print(f"single living webcam frames that are not live: {format_rate(refused)}")
    for title in ("noise", "detail"):
        values = [getattr(grain, title) for grain in grains]
        print(f"  {title}: {min(values):.2f} to {max(values):.2f}", flush=True)


def print_streams(face_id, pictures: dict[str, np.ndarray], kinds: list[str]) -> None:
    """Print how many moved portraits are live, and accepted as the person that they show."""
    count = round(RATE * SECONDS) + 1
    opened = streams = 0
    for kind, size in product(kinds, (1, 2)):
        tried = live = accepted = 0
        for seed, (name, picture) in enumerate(pictures.items()):
            larger = cv2.resize(picture, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
            moved = move_picture(larger, "shake" if kind == "video" else kind, seed, count)
            frames = code_video(moved) if kind == "video" else to_frames(moved)
            result = watch(face_id, name, frames)
            tried, live, accepted = tried + result[0], live + result[1], accepted + result[2]
            opened, streams = opened + (result[2] > 0), streams + 1
        print(
            f"  {kind:<13} {size}x: of {tried} attempts {live} live, {accepted} accepted",
            flush=True,
        )
    print(f"streams of moved portraits that opened: {format_rate(make_rate(opened, streams))}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=728, help="single pictures")
    parser.add_argument("--streams", type=int, default=6, help="people whose photo is moved")
    parser.add_argument("--kinds", nargs="+", default=[*MOVES, "video"], help="ways to move")
    arguments = parser.parse_args()
    settings = Settings.load()
    pipeline = networks.make_pipeline(settings, lasting=True)
    judge = networks.load_judge(networks.choose_runtime(settings, lasting=True))
    data = Path(os.environ["ONLYME_DATA"])
    photos = [min(person.glob("*")) for person in sorted((data / "lfw_dev").iterdir())]
    if arguments.people:
        print_singles(pipeline, judge, photos[:: max(1, len(photos) // arguments.people)])
        print_people(pipeline, judge, sorted((data / "nuaa_dev/live").glob("*/*.jpg")))

    with tempfile.TemporaryDirectory() as folder, FaceID.open(Path(folder) / "vault") as face_id:
        pictures = {}
        for photo in photos[3 :: max(1, len(photos) // arguments.streams)][: arguments.streams]:
            with suppress(EnrollmentError):
                face_id.enroll(photo.parent.name, [photo])
                pictures[photo.parent.name] = pipeline.look(photo).frame.pixels
        for path in sorted((data / "hard").glob("liveportrait_[cp]*_s[378].jpg")):  # no person
            face_id.enroll(path.stem, [path])
            picture = pipeline.look(path).frame.pixels
            pictures[path.stem] = cv2.resize(
                picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA
            )
        print_streams(face_id, pictures, arguments.kinds)


if __name__ == "__main__":
    main()
