r"""Train the small network that says whether eyes or mouth of an aligned face are covered.

    python tools/train_covers.py FOLDER [--also FOLDER] [--out src/onlyme/face/covers.npz]

FOLDER holds one folder for each person (the layout of LFW), the other folder one photo of each
person; the shipped file was made from lfw_dev and utk_dev. Covers are drawn on these faces by
`covers`, and on faces that are drawings themselves: users' tests and the demo enrol those. People
with four photos and more, and every second photo of the other folder, are left out: benchmarks
and tests judge with them. Needs torch (the extra `lab`); the product computes with NumPy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from covers import cover_eyes, cover_mouth, degrade, jitter
from people import SUFFIXES, choose_labelled_face
from rich.console import Console
from rich.progress import track
from torch import nn

from onlyme import testing
from onlyme.face.align import align
from onlyme.face.covers import normalize_face
from onlyme.faceid import networks
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.settings import Settings

JUDGED_PHOTOS = 4
"""People with as many photos and more are not learned from."""

ROUNDS = 8
"""How often each face is drawn on."""

DRAWINGS = 200
"""Drawn faces of each of the two kinds."""

BATCH = 128


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--also", type=Path, help="a folder of photos, one of each person")
    parser.add_argument("--out", type=Path, default=Path("src/onlyme/face/covers.npz"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    console = Console(stderr=True)
    files = [
        file
        for person in sorted(args.folder.iterdir())
        for photos in [sorted(p for p in person.glob("*") if p.suffix.lower() in SUFFIXES)]
        if len(photos) < JUDGED_PHOTOS
        for file in photos
    ]
    if args.also is not None:
        files += list_singles(args.also)[::2]
    faces = list(read_faces(files, console)) + draw_faces(args.seed)
    pictures, labels = draw_examples(faces, np.random.default_rng(args.seed), console)
    network = train(pictures, labels, args, console)
    arrays = {f"p{at}": p.detach().numpy() for at, p in enumerate(network.parameters())}
    np.savez_compressed(
        args.out, **{key: value.astype(np.float16) for key, value in arrays.items()}
    )
    console.print(f"wrote {args.out} ({args.out.stat().st_size / 1000:.0f} kB)")
    return 0


def read_faces(files: list[Path], console: Console) -> Any:
    """Yield each aligned face: float32[112, 112], grey."""
    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    for file in track(files, "aligning", console=console):
        frame = pipeline.decode(file)
        face = choose_labelled_face(pipeline.detector.detect(frame.pixels), frame)
        if face is not None:
            upright = align(frame.pixels, face, pipeline.embedder.size)
            yield cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY).astype(np.float32)


def list_singles(folder: Path) -> list[Path]:
    """Return the photos of a folder of groups; those at odd places are for judging."""
    return sorted(p for p in folder.glob("*/*") if p.suffix.lower() in SUFFIXES)


def draw_faces(seed: int) -> list[Any]:
    """Return aligned drawings without covers, of `onlyme.testing` and of the lab."""
    pictures = [*draw_synthetic_faces(DRAWINGS, 1, seed=seed)[:, 0]]
    with tempfile.TemporaryDirectory() as folder, testing.open_face_id(folder) as face_id:
        for number in range(DRAWINGS):
            pixels = testing.draw_face(f"person {seed} {number}", number)
            (face,) = face_id.pipeline.detector.detect(pixels)
            pictures.append(align(pixels, face, face_id.pipeline.embedder.size))
    return [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in pictures]


def draw_examples(
    faces: list[Any], random: np.random.Generator, console: Console
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32[n, 1, 56, 56], faces, and float32[n, 2], whether eyes, mouth are covered."""
    pictures, labels = [], []
    for turn in track(range(ROUNDS), "drawing", console=console):
        for face in faces:
            kind = random.random()
            eyes, mouth = kind < 0.3 or 0.52 <= kind < 0.55, 0.3 <= kind < 0.55
            shown = cover_eyes(face, random) if eyes else face
            shown = cover_mouth(shown, random) if mouth else shown
            if random.random() < 0.45:
                shown = degrade(shown, random)
            if turn or eyes or mouth:
                shown = jitter(shown, random)
            pictures.append(normalize_face(np.clip(shown, 0, 255).astype(np.float32)))
            labels.append((eyes, mouth))
    return torch.tensor(np.array(pictures))[:, None], torch.tensor(labels, dtype=torch.float32)


def make_network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 12, 5, 2, 2), nn.ReLU()),
        *(nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU()),
        *(nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 49, 24), nn.ReLU(), nn.Linear(24, 2)),
    )


def train(
    pictures: torch.Tensor, labels: torch.Tensor, args: argparse.Namespace, console: Console
) -> nn.Sequential:
    torch.manual_seed(args.seed)
    network = make_network()
    steps = args.epochs * -(-len(labels) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(args.epochs):
        total = 0.0
        for rows in torch.randperm(len(labels)).split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(
                network(pictures[rows]), labels[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        console.print(f"epoch {epoch}: {total / len(labels):.4f}")
    return network.eval()


if __name__ == "__main__":
    sys.exit(main())
