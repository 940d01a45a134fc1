#!/usr/bin/env python3
"""Time attempts with attention and without, in turns.

    benchmarks/attention_cost.py [--rounds 40]

*Camera* is the time from the first frame to the decision where frames arrive 30 times a second, as
a login waits for it; *work* is the processor's time of the same attempt, with frames given as fast
as they are taken. Attempts take three frames, as at the login. Exit code 1 if the time before a
camera grows by more than 10 %. Needs ONLYME_DATA.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from onlyme import FaceID
from onlyme.image.sources import read_frames
from onlyme.types import Frame

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
NAME = "liveportrait_d9_live"
FIRST, LAST = 50, 130  # frames in which the eyes are open
RATE = 30.0
MARK = 1.10


def arrive(frames):
    """Yield frames when a camera would."""
    began = time.perf_counter()
    for number, frame in enumerate(frames):
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        yield Frame(frame.pixels, frame.source, number / RATE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="attempts of each kind")
    rounds = parser.parse_args().rounds
    every = list(read_frames(DATA / "clips" / f"{NAME}.mp4"))[FIRST:LAST]
    taken = {(kind, how): [] for kind in ("off", "eyes") for how in ("camera", "work")}
    with tempfile.TemporaryDirectory() as folder, FaceID.open(f"{folder}/vault") as face_id:
        face_id.enroll("ada", every[::12])
        face_id.warm_up("eyes")
        for turn in range(rounds + 1):
            start = turn * 5 % (len(every) - 30)
            some = every[start : start + 30]
            for kind in ("off", "eyes") if turn % 2 else ("eyes", "off"):
                for how, clock in (("camera", time.perf_counter), ("work", time.process_time)):
                    frames = arrive(some) if how == "camera" else iter(some)
                    began = clock()
                    attempts = face_id.watch("ada", frames, attention=kind, frames_per_attempt=3)
                    decision = next(attempts)
                    spent = clock() - began
                    attempts.close()
                    if not decision.accepted:
                        sys.exit(f"an attempt was refused: {decision.reason}")
                    if turn:  # the first one warms up
                        taken[kind, how].append(1e3 * spent)
    ratios = {}
    for how in ("camera", "work"):
        off, eyes = taken["off", how], taken["eyes", how]
        pairs = [b / a for a, b in zip(off, eyes, strict=True)]
        ratios[how] = statistics.median(pairs)
        print(
            f"{how}: off {statistics.median(off):.1f} ms (least {min(off):.1f}), eyes "
            f"{statistics.median(eyes):.1f} ms (least {min(eyes):.1f}), "
            f"median ratio of pairs {ratios[how]:.3f}"
        )
    return 0 if ratios["camera"] <= MARK else 1


if __name__ == "__main__":
    sys.exit(main())
