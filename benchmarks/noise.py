"""Measure what the liveness network says of pictures with noise, by noise and by light.

    python benchmarks/noise.py [--step 12]

Needs ONLYME_DATA. Frames of prints, of replays and of living people are dimmed, noise is added as
independent values or as a sensor makes it (grey, with colour at half the size), and the network
judges each by itself. Noise is the standard deviation that the face would have when it is
brightened to the median at which the network works, in steps of 1/255: where it exceeds
`passive.MAX_NOISE_LEVELS`, a frame is no evidence, and here it is shown what the network would say.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import islice, pairwise, product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from onlyme.charts import format_rate, make_rate
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness import passive
from onlyme.liveness.grain import measure_grain
from onlyme.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # where `tests` is found
from tests.liveness.noise import add_noise

LIGHT = (1.0, 0.5, 0.3, 0.15)
NOISE = (0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
EDGES = (0.0, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, np.inf)


def read_sights(pipeline, data, kinds, step):
    """Yield the frame and the face of photos of NUAA, and of one frame a second of the clips."""
    of_nuaa, of_clips = kinds
    paths = sorted((data / "nuaa_dev" / of_nuaa).glob("*/*.jpg"))[::step]
    clips = (islice(read_frames(one), 0, 300, 30) for one in (data / "clips").glob(of_clips))
    for source in (*paths, *(frame for clip in clips for frame in clip)):
        sight = pipeline.find(source)
        if sight.face is not None:
            yield sight.frame.pixels, sight.face


def judge_noisy(network, pixels, face, rng):
    """Return noise and log-odds of one face in all lights and with all kinds of noise."""
    found = []
    for share, noise, of_sensor in product(LIGHT, NOISE, (False, True)):
        gain = passive.measure_darkness((pixels * share).astype(np.uint8), face)
        seen = add_noise(pixels, share, noise / gain, of_sensor=of_sensor, rng=rng)
        sigma = measure_grain(face.crop(seen)).sigma * passive.measure_darkness(seen, face)
        found.append((sigma, network.compute_odds(seen, face)))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=12, help="take each such photo of NUAA")
    step = parser.parse_args().step
    data, settings, rng = Path(os.environ["ONLYME_DATA"]), Settings.load(), np.random.default_rng(0)
    pipeline = networks.make_pipeline(settings)
    judge = networks.load_judge()
    table = Table("noise", "prints and replays taken for living", "living ones, too")
    found = []
    for kinds in (("print", "*_replay.mp4"), ("live", "*_live.mp4")):
        sights = read_sights(pipeline, data, kinds, step)
        found.append(np.concatenate([judge_noisy(judge.passive, *one, rng) for one in sights]))
    for low, high in pairwise(EDGES):
        rates = []
        for noise, odds in (kind.T for kind in found):
            inside = odds[(noise >= low) & (noise < high)]
            live = sum(judge.fusion.score(one) >= judge.fusion.live for one in inside)
            rates.append(format_rate(make_rate(live, len(inside))) if len(inside) else "-")
        table.add_row(f"{low:g} to {high:g}", *rates)
    Console().print(table)
    print(f"no evidence above {passive.MAX_NOISE_LEVELS:g}")


if __name__ == "__main__":
    main()
