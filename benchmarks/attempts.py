"""Measure how attempts on the clips end, and how long they take, in the clips' own time.

    benchmarks/attempts.py [--every 0.25]

Needs ONLYME_DATA. From each of many moments of a clip one attempt begins, with a new session, as
for a login. Its frames come at the clip's rate, at 15 and at 8 a second, by their own times, so
that the machine's speed does not matter. An attempt ends by itself or after three seconds; those
that the clip's end cuts short are left out. Each is judged with the motion rule and without it.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.settings import Settings
from onlyme.types import LivenessLevel, Verdict
from onlyme.verification.attempt import ATTEMPT_SECONDS, CaptureSession

RATES = (None, 15.0, 8.0)


def thin(frames, rate):
    """Return the frames at most so many a second; None: all."""
    if rate is None:
        return frames
    kept, due = [], frames[0].at
    for frame in frames:
        if frame.at + 1e-3 >= due:
            kept.append(frame)
            due = max(due + 1 / rate, frame.at + 1 / rate - 1 / 30)
    return kept


def run_attempt(pipeline, judges, frames):
    """Judge one attempt by several judges; return for each its verdict and its seconds."""
    follow, results = pipeline.follow(), {}
    sessions = {
        name: CaptureSession(judge, LivenessLevel.PASSIVE) for name, judge in judges.items()
    }
    for frame in frames:
        observation = follow.look(frame)
        for name in [name for name in sessions if name not in results]:
            session = sessions[name]
            if session.is_late(frame.at):
                results[name] = (session.judge_liveness(), ATTEMPT_SECONDS)
                continue
            session.add(observation)
            if session.is_full:
                results[name] = (session.judge_liveness(), frame.at - frames[0].at)
        if len(results) == len(sessions):
            return results
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=float, default=0.25, help="seconds between the starts")
    parser.add_argument("--clips", default="*.mp4")
    arguments = parser.parse_args()
    settings = Settings.load()
    pipeline = networks.make_pipeline(settings, lasting=True)
    judge = networks.load_judge(networks.choose_runtime(settings, lasting=True))
    judges = {"with": judge, "without": replace(judge, network_alone=True)}
    for clip in sorted((Path(os.environ["ONLYME_DATA"]) / "clips").glob(arguments.clips)):
        every = list(read_frames(clip))
        for rate in RATES:
            frames, got, start = thin(every, rate), defaultdict(list), 0.0
            for number, frame in enumerate(frames):
                if frame.at + 1e-6 < start:
                    continue
                start += arguments.every
                window = [one for one in frames[number:] if one.at <= frame.at + 3.3]
                for name, result in (run_attempt(pipeline, judges, window) or {}).items():
                    got[name].append(result)
            for name, results in got.items():
                verdicts = [liveness.verdict for liveness, _ in results]
                seconds = [taken for _, taken in results]
                shares = ", ".join(
                    f"{kind.value} {100 * verdicts.count(kind) / len(verdicts):.1f} %"
                    for kind in Verdict
                )
                low, high = np.percentile(seconds, [50, 95])
                print(
                    f"{clip.stem:<22} {rate or 30:>3.0f}/s {name:<8} n={len(results):<4} {shares}; "
                    f"seconds median {low:.2f}, mean {np.mean(seconds):.2f}, 95 % {high:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
