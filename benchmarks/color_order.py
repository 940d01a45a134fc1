"""Count the photos whose colours are taken for OpenCV's order, and the exchanged ones noticed.

ONLYME_DATA=../shared/data python benchmarks/color_order.py [--photos 700]
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

from onlyme.charts.rates import clopper_pearson
from onlyme.face.color_order import looks_like_bgr
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.settings import Settings


def main() -> None:
    """Print both counts with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=700)
    count = parser.parse_args().photos
    data = Path(os.environ.get("ONLYME_DATA", "../shared/data"))
    draw = random.Random(0)  # noqa: S311 - the same photos at each run
    paths = draw.sample(sorted(data.glob("lfw_dev/*/*.jpg")), count)
    paths += sorted(data.glob("nuaa_dev/live/*/*.jpg"))[:60]
    paths += draw.sample(sorted(data.glob("utk_dev/*/*.jpg")), min(300, count))
    pipeline = networks.make_pipeline(Settings.load())
    plain = exchanged = faces = 0
    for path in paths:
        pixels = decode(path).pixels
        found = pipeline.detector.detect(pixels)
        if not found:
            continue
        faces += 1
        plain += looks_like_bgr(pixels, found[0])
        exchanged += looks_like_bgr(pixels[..., ::-1], found[0])
    for what, number in (("photos refused", plain), ("exchanged ones noticed", exchanged)):
        low, high = clopper_pearson(number, faces)
        print(f"{what}: {number} of {faces} ({low:.2%} to {high:.2%})")


if __name__ == "__main__":
    main()
