"""Measure embedders trained from scratch on 300 people, on people that they never saw.

    python benchmarks/lab_people.py FOLDER [--steps N] [--network NAME] [--loss NAME] …

FOLDER holds one folder for each person (the layout of LFW). Of the people with two photos or
more the seed draws 300 who are trained on; all others are only tested, with at most eight
photos each. Prints the processor time of the training and the error on unseen people.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from onlyme.cli.lab.parts import count_photos, make_loader
from onlyme.lab.identities import IdentitySpec, train_identities
from onlyme.lab.identity_training import embed_people
from onlyme.lab.people import read_people
from onlyme.lab.validation import measure_verification

PEOPLE = 300


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--network", default="thin")
    parser.add_argument("--loss", default="supcon")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--ema", type=float, default=0.995)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with count_photos(make_loader()) as load:
        people = read_people(arguments.folder, load).select_by_photos(2)
    order = np.random.default_rng(arguments.seed).permutation(len(people.names))
    learns = np.isin(np.arange(len(order)), order[:PEOPLE])
    spec = IdentitySpec(
        people=48, photos=4, steps=arguments.steps, network=arguments.network,
        loss=arguments.loss, rate=arguments.rate, ema=arguments.ema, seed=arguments.seed, folds=0,
    )  # fmt: skip
    start = time.process_time()
    with TemporaryDirectory(prefix="onlyme-lab-") as folder:
        network = train_identities(people.select(learns), spec, Path(folder) / "run")
    spent = time.process_time() - start
    found = measure_verification(*embed_people(network, people.select(~learns)))
    print(f"{spec}\ntrained on {PEOPLE} people in {spent / 60:.1f} minutes of processor time")
    print(f"unseen people: {found}")


if __name__ == "__main__":
    main()
