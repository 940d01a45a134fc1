"""Measure the shipped network before and after `onlyme lab distill`, on small and clean faces.

    python benchmarks/lab_distill.py FOLDER [--out DIR] [--steps N] [--frozen N] [--judged N]

FOLDER holds one folder for each person (the layout of LFW). People with two photos or more are
dealt in two halves: one is only judged, the other and all people with one photo are learned
from. Photos shrunk to some sides are compared with each other, and clean ones with clean ones.
With --out the network is kept, and a second call judges it again, such as on fewer people.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn.functional import interpolate

from onlyme.cli.lab.parts import read_album
from onlyme.face.models import find_model
from onlyme.lab.finetuning import FineTuneSpec, finetune
from onlyme.lab.networks import to_tensor
from onlyme.lab.networks.sface import measure_smallness, read_sface
from onlyme.lab.validation import measure_verification

GREY_SIDES = (14, 10, 20, 28, 56)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--frozen", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--judged", type=int, default=0, help="judge only the first; 0: all")
    arguments = parser.parse_args()
    people = read_album(arguments.folder, arguments.cache)
    several = people.counts > 1
    draw = np.random.default_rng(0).random(len(several)) < 0.5
    judged, learned = people.select(several & draw), people.select(~(several & draw))
    teacher = find_model("embedder").read()
    # As the command has it.
    spec = FineTuneSpec(
        gated=True, people=8, photos=2, steps=arguments.steps, frozen=arguments.frozen,
        rate=arguments.rate,
    )  # fmt: skip
    start = time.process_time()
    with TemporaryDirectory(prefix="onlyme-lab-") as folder:
        out = arguments.out or Path(folder) / "run"
        distilled = finetune(learned, spec, teacher, out, resume=True)
    print(f"{spec}: {(time.process_time() - start) / 60:.1f} minutes of processor time")
    judged = judged.select(np.arange(len(judged)) < (arguments.judged or len(judged)))
    faces, labels = judged.take_photos(4)
    clean = to_tensor(faces)
    networks = {"shipped": read_sface(teacher), "distilled": distilled}
    share = measure_smallness(clean).flatten()
    print(
        f"Of {len(share)} clean photos the gate takes {(share > 0).sum()} for somewhat small, and "
        f"{(share == 1).sum()} for small."
    )
    report("clean", clean, labels, networks)
    for side in GREY_SIDES:
        report(f"{side} grey pixels", shrink(clean, side), labels, networks)


def report(title, images, labels, networks):
    for name, network in networks.items():
        print(f"{name}, {title}: {measure_verification(embed(network, images), labels)}")


@torch.no_grad()
def embed(network, images):
    return torch.cat([network(part) for part in images.split(32)]).double().numpy()


def shrink(images, side):
    small = interpolate(images, (side, side), mode="area").mean(1, keepdim=True)
    return interpolate(small, images.shape[2:], mode="bilinear").expand_as(images)


if __name__ == "__main__":
    main()
