#!/usr/bin/env python3
"""Measure what recognition and liveness lose on faces without colour, as from infrared cameras.

    benchmarks/infrared.py [--people 400] [--seed 0]

Needs ONLYME_DATA. Photos and webcam frames are converted to grey. That is not infrared: in
light of 850 nm skin, ink and screens look different. So the figures are a lower bound of what
missing colour costs, and say nothing about attacks on an infrared camera.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import cv2
import numpy as np

from onlyme.charts import clopper_pearson
from onlyme.face.models import find_model
from onlyme.face.models.opencv import load_network
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.passive import LivenessNetwork
from onlyme.settings import Settings
from onlyme.types import Frame, Verdict

FAR = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = Path(os.environ["ONLYME_DATA"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, OpenCV {cv2.__version__}")
    pipeline = networks.make_pipeline(Settings.load())
    recognition(pipeline, data, given.people, np.random.default_rng(given.seed))
    liveness(pipeline, data)


def grey(pixels):
    """Return the same picture without colour: three equal channels."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def recognition(pipeline, data: Path, people: int, rng) -> None:
    folders = [f for f in sorted((data / "lfw_dev").iterdir()) if len(list(f.iterdir())) >= 2]
    vectors: dict[str, list] = {"colour": [], "grey": []}
    for at in sorted(rng.choice(len(folders), min(people, len(folders)), replace=False)):
        photos = sorted(folders[at].iterdir())
        both = [embed_both(pipeline, photos[n]) for n in rng.choice(len(photos), 2, replace=False)]
        if all(both):
            for n, kind in enumerate(vectors):
                vectors[kind].append([photo[n] for photo in both])
    count = len(vectors["colour"])
    pairs = count * (count - 1)
    print(f"\n{count} people of lfw_dev, two photos each, plain cosine of the frozen network;")
    print(f"misses at the threshold that {FAR:g} of {pairs:,} pairs of strangers pass")
    colour, none = (np.array(vectors[kind]) for kind in vectors)
    for title, left, right in (
        ("enrolled and seen in colour", colour[:, 0], colour[:, 1]),
        ("enrolled in colour, seen grey", colour[:, 0], none[:, 1]),
        ("enrolled and seen grey", none[:, 0], none[:, 1]),
    ):
        print(f"  {title:<30} {misses(left @ right.T)}")
    same = np.einsum("pnd,pnd->pn", colour, none)
    print(f"  a photo and itself without colour: cosine {np.median(same):.3f} in the median, "
          f"{np.quantile(same, 0.01):.3f} for the worst of a hundred")  # fmt: skip


def embed_both(pipeline, path: Path):
    frame = decode(path)
    pictures = (frame.pixels, grey(frame.pixels))
    observations = [pipeline.look(Frame(pixels, str(path))) for pixels in pictures]
    if any(observation.embedding is None for observation in observations):
        return None
    return [observation.embedding.vector for observation in observations]


def misses(cosines) -> str:
    own = np.diag(cosines)
    strangers = cosines[~np.eye(len(cosines), dtype=bool)]
    threshold = np.quantile(strangers, 1 - FAR)
    missed = int((own < threshold).sum())
    low, high = clopper_pearson(missed, len(own))
    return (f"{missed:>3} of {len(own)} = {missed / len(own):.2%} ({low:.2%} to {high:.2%}), "
            f"cosine {threshold:.3f}")  # fmt: skip


def liveness(pipeline, data: Path) -> None:
    model = find_model("liveness")
    passive, fusion = (
        LivenessNetwork(load_network(model), colourless=True),
        Fusion.load(model.sha256),
    )
    verdicts: dict[tuple[str, str], list[Verdict]] = {}
    for path in sorted((data / "nuaa_dev").glob("*/*/*.jpg")):
        frame = decode(path)
        for kind, pixels in (("colour", frame.pixels), ("grey", grey(frame.pixels))):
            face = pipeline.look(Frame(pixels, str(path))).face
            evidence = [] if face is None else [passive.look(pixels, face)]
            verdicts.setdefault((path.parts[-3], kind), []).append(fusion.fuse(evidence).verdict)
    print("\nnuaa_dev, single frames, the shipped calibration (fitted to these people in colour)")
    for (what, kind), results in sorted(verdicts.items()):
        wrong = sum(v is Verdict.LIVE for v in results)
        name = "APCER"
        if what == "live":
            wrong, name = len(results) - wrong, "BPCER"
        low, high = clopper_pearson(wrong, len(results))
        counts = ", ".join(f"{results.count(v)} {v}" for v in Verdict)
        share = f"{wrong} of {len(results)} = {wrong / len(results):.1%}"
        print(f"  {what:<6} {kind:<7} {name} {share} ({low:.1%} to {high:.1%}); {counts}")


if __name__ == "__main__":
    main()
