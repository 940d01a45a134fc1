"""Measure what eight bits cost, in accuracy, bytes and time.

    python benchmarks/lab_int8.py FOLDER [--people N] [--seed N]

FOLDER holds one folder for each person (the layout of LFW). The shipped embedder is read as a torch
network, as `onlyme lab finetune` does before its first step, and exported in float32. Half of the
people give the ranges of the numbers, as in `onlyme lab quantize`; the other half is compared by
both files. The time is the processor time of one face in OpenCV, the mean of 50, in one thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from onlyme.cli.lab.parts import count_photos, make_loader
from onlyme.face.models import find_model
from onlyme.lab.networks.sface import read_sface
from onlyme.lab.onnx_file import export, run_file
from onlyme.lab.people import read_people
from onlyme.lab.quantization import quantize


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=0, help="of two photos or more; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with TemporaryDirectory(prefix="onlyme-lab-") as place:
        several = Path(place) / "people"
        several.mkdir()
        for path in sorted(arguments.folder.iterdir()):
            if path.is_dir() and len(list(path.iterdir())) > 1:
                (several / path.name).symlink_to(path.resolve())
            if arguments.people and len(list(several.iterdir())) == arguments.people:
                break
        with count_photos(make_loader()) as load:
            people = read_people(several, load, max_photos=4)
        models = Path(place) / "models"
        export(read_sface(find_model("embedder").read()), "float", models, people.faces[0][:2])
        model = find_model("float", models)
        done = quantize(model, "int8", models, people, seed=arguments.seed)
        print(f"32 bits: {done.sizes[0] / 1e6:.1f} MB, {measure_time(model):.1f} ms; {done.before}")
        small = find_model("int8", models)
        print(f" 8 bits: {done.sizes[1] / 1e6:.1f} MB, {measure_time(small):.1f} ms; {done.after}")


def measure_time(model):
    """Return the mean processor time of one face, in milliseconds."""
    many, times = np.full((51, 112, 112, 3), 128, np.uint8), []
    for count in (1, 51):
        start = time.process_time()
        run_file(model.read(), many[:count])
        times.append(time.process_time() - start)
    return 1e3 * (times[1] - times[0]) / 50


if __name__ == "__main__":
    main()
