"""Measure the shipped network before and after `onlyme lab distill`, on faces of 14 grey pixels.

    python benchmarks/lab_distill.py FOLDER [--steps N] [--frozen N] [--people N]

FOLDER holds one folder for each person (the layout of LFW). People with two photos or more are
dealt in two halves: one is only tested, the other and all people with one photo are learned
from. Photos shrunk to 14 grey pixels are compared with each other, and clean ones with clean ones.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn.functional import interpolate

from onlyme.cli.lab.parts import count_photos, make_loader
from onlyme.face.models import find_model
from onlyme.lab.finetuning import FineTuneSpec, finetune
from onlyme.lab.networks import to_tensor
from onlyme.lab.networks.sface import measure_smallness, read_sface
from onlyme.lab.people import read_people
from onlyme.lab.validation import measure_verification

PIXELS = 14


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--frozen", type=int, default=0)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--people", type=int, default=0, help="read only the first; 0: all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with count_photos(make_loader()) as load:
        people = read_people(arguments.folder, load)
    count = arguments.people or len(people.names)
    people = people.select(np.arange(len(people.names)) < count)
    several = np.array([len(faces) > 1 for faces in people.faces])
    draw = np.random.default_rng(0).random(len(several)) < 0.5
    tested, learned = people.select(several & draw), people.select(~(several & draw))
    tell_gate(tested)
    teacher = find_model("embedder").read()
    report("shipped", read_sface(teacher), tested)
    spec = FineTuneSpec(
        gated=True, people=16, photos=2, steps=arguments.steps, frozen=arguments.frozen,
        rate=arguments.rate,
    )  # fmt: skip
    start = time.process_time()
    with TemporaryDirectory(prefix="onlyme-lab-") as folder:
        student = finetune(learned, spec, teacher, Path(folder) / "run")
    print(f"{spec}: {(time.process_time() - start) / 60:.1f} minutes of processor time")
    report("distilled", student, tested)


def tell_gate(people):
    """Say whom the distilled network asks, the shipped one or its student."""
    clean = to_tensor(people.take_photos(4)[0])
    for title, images in (("clean", clean), (f"{PIXELS} grey pixels", shrink(clean))):
        share = measure_smallness(images).flatten()
        print(
            f"the gate, {len(share)} photos, {title}: {(share == 0).sum()} are the shipped "
            f"network's, {(share == 1).sum()} the student's, {((share > 0) & (share < 1)).sum()} "
            f"both's; largest share of the student {share.max():.2f}, smallest {share.min():.2f}"
        )


def report(name, network, people):
    faces, labels = people.take_photos(4)
    clean = embed(network, to_tensor(faces))
    small = embed(network, shrink(to_tensor(faces)))
    print(f"{name}, {PIXELS} grey pixels with each other: {measure_verification(small, labels)}")
    print(f"{name}, clean with each other: {measure_verification(clean, labels)}")


@torch.no_grad()
def embed(network, images):
    return torch.cat([network(part) for part in images.split(32)]).double().numpy()


def shrink(images):
    small = interpolate(images, (PIXELS, PIXELS), mode="area").mean(1, keepdim=True)
    return interpolate(small, images.shape[2:], mode="bilinear").expand_as(images)


if __name__ == "__main__":
    main()
