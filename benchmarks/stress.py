"""Show the living clips again as simulated prints and screens, and count what is live.

    benchmarks/stress.py

Needs ONLYME_DATA. From each living clip four captures of eight frames, 15 a second, are taken, and
shown in each way that `onlyme.evaluate.simulations` knows. This is a stress test: a simulation has
no paper, no hand and no room, so its rates are no APCER and say nothing about attackers.
"""

from __future__ import annotations

import os
from pathlib import Path

from onlyme.charts import format_rate, make_rate
from onlyme.evaluate.simulations import STRESSES, stress_frames
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.settings import Settings
from onlyme.types import Frame, Verdict
from onlyme.verification.attempt import judge_capture

FRAMES, RATE, CAPTURES, STEP = 8, 15.0, 4, 2


def main() -> None:
    settings = Settings.load()
    pipeline = networks.make_pipeline(settings, lasting=True)
    judge = networks.load_judge(networks.choose_runtime(settings, lasting=True))
    clips = sorted((Path(os.environ["ONLYME_DATA"]) / "clips").glob("*_live.mp4"))
    totals = {kind: [0, 0] for kind in ("shown as it is", *STRESSES)}
    for number, clip in enumerate(clips):
        frames = [frame.pixels for frame in read_frames(clip)][:600]
        length = FRAMES * STEP
        for capture in range(CAPTURES):
            start = capture * max(1, len(frames) - length) // CAPTURES
            part = frames[start : start + length : STEP]
            for kind in totals:
                seed = 100 * number + capture
                shown = part if kind == "shown as it is" else stress_frames(part, kind, seed)
                seen = [Frame(one, "stress", n / RATE) for n, one in enumerate(shown)]
                liveness = judge_capture(map(pipeline.look, seen), judge)
                totals[kind][0] += liveness.verdict is Verdict.LIVE
                totals[kind][1] += 1
    print(f"stress, not APCER: {CAPTURES} captures of each of {len(clips)} living clips")
    for kind, (live, total) in totals.items():
        print(f"  {kind:<15} live {format_rate(make_rate(live, total))}")


if __name__ == "__main__":
    main()
