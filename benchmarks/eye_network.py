#!/usr/bin/env python3
"""Count how well a small network for open and closed eyes does, beside the mesh.

    benchmarks/eye_network.py FOLDER

FOLDER holds `fr_eye.onnx` of the npm package faceplugin-face-recognition-js 0.0.1 (`npm pack`). It
looks at a grey square about each of the detector's two eye landmarks. The labels are `eyes.toml`,
and limits are fitted with each person left out. Needs ONLYME_DATA.
"""

from __future__ import annotations

import os
import sys
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np

from onlyme.charts import format_rate, make_rate
from onlyme.face.subject import choose_subject
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.settings import Settings
from onlyme.types import Face

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
LABELS = tomllib.loads(Path(__file__).with_name("eyes.toml").read_text("utf-8"))
SIDE_EYE_DISTANCES = 0.72  # of the square; the package takes 1.6 times the width of the eye
OPEN_EVERY = 3


def main() -> int:
    network = cv2.dnn.readNetFromONNX(str(Path(sys.argv[1]) / "fr_eye.onnx"))
    detector = networks.make_pipeline(Settings.load()).detector
    scores: dict[str, dict[str, list[float]]] = {}
    spent: list[float] = []
    for name, marks in LABELS.items():
        mine = scores[name] = {"open": [], "closed": []}
        for number, frame in enumerate(read_frames(DATA / "clips" / f"{name}.mp4")):
            closed, unsure = (
                any(a <= number <= b for a, b in marks[kind]) for kind in ("closed", "unsure")
            )
            if unsure or (not closed and number % OPEN_EVERY):
                continue
            face = choose_subject(detector.detect(frame.pixels), frame.pixels.shape)
            if isinstance(face, Face):
                began = time.perf_counter()
                mine["closed" if closed else "open"].append(measure(network, frame.pixels, face))
                spent.append(time.perf_counter() - began)
    print(f"least time a frame {1e3 * min(spent):.2f} ms, both eyes, without landmarks of its own")
    missed = false = closed = open_ = 0
    for name, mine in scores.items():
        others = [one for other, one in scores.items() if other != name]
        shut, wide = (np.array([s for o in others for s in o[k]]) for k in ("closed", "open"))
        limit = min(np.linspace(0, 1, 401), key=lambda t: np.mean(wide >= t) + np.mean(shut < t))
        missed += sum(s < limit for s in mine["closed"])
        false += sum(s >= limit for s in mine["open"])
        closed, open_ = closed + len(mine["closed"]), open_ + len(mine["open"])
        wrong = sum(s >= limit for s in mine["open"]), sum(s < limit for s in mine["closed"])
        print(f"  {name}: limit {limit:.3f}, open called closed {wrong[0]} of {len(mine['open'])}, "
              f"closed missed {wrong[1]} of {len(mine['closed'])}")  # fmt: skip
    print(f"closed frames not called closed: {format_rate(make_rate(missed, closed))}")
    print(f"open frames called closed: {format_rate(make_rate(false, open_))}")
    return 0


def measure(network, pixels, face) -> float:
    """Return how far the eyes are closed, the mean of both, 0 to 1."""
    side = SIDE_EYE_DISTANCES * float(np.hypot(*(face.landmarks[1] - face.landmarks[0])))
    odds = []
    for middle in face.landmarks[:2]:
        turn = np.array([(24 / side, 0, 12 - middle[0] * 24 / side),
                         (0, 24 / side, 12 - middle[1] * 24 / side)])  # fmt: skip
        eye = cv2.cvtColor(cv2.warpAffine(pixels, turn, (24, 24)), cv2.COLOR_RGB2GRAY)
        network.setInput(eye.astype(np.float32)[None, None] / 255)
        closed, wide = network.forward().ravel()[:2]
        odds.append(1 / (1 + np.exp(wide - closed)))
    return float(np.mean(odds))


if __name__ == "__main__":
    sys.exit(main())
