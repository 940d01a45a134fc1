"""Measure how often one visit of a person who moves is told as several, and two people as one.

    python benchmarks/moving.py [FOLDER] [--visits N] [--people N] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). As in `benchmarks/visits.py`, half
of the people with two photos or more are enrolled with one, and a film of another photo is a visit.
Here the person moves: after a second and a half before the camera they are out of view, come back
blurred by motion (by 8 to 20 % of the face's width, in another direction in each frame), are out of
view again, come back blurred, and stand still at last. No time out of view is longer than five
seconds, so it is one visit. Liveness is off, since no photo is alive.

Split: a visit that is told as more than one (`came` more than once). Called unknown: a visit of an
enrolled person in which `unknown` was told. FNIR: the share of visits of enrolled people without
their name; FPIR: of the others, with a name (ISO/IEC 19795-1).

Joined: films in which the face that comes back is that of another person, and of which fewer than
two visits are told. Nobody gets a name from that: each name is decided by the visit's own frames.
The films of three kinds are made alike by each run, so that two versions see the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.console import Console
from visits import FRAMES_A_SECOND, ROOT, Pixels, cut_subject, make_person, read_people

from onlyme import Frame
from onlyme.charts.rates import make_rate
from onlyme.faceid import wiring
from onlyme.settings import Settings
from onlyme.verification.visits import CameraVisits, VisitRules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from onlyme.faceid.wiring import Parts

PARTS = ((1.5, "still"), (1.2, "away"), (1.0, "moving"), (0.8, "away"), (1.0, "moving"))
LAST_SECONDS = 2.0
EMPTY = np.full((480, 640, 3), 96, np.uint8)
BLUR = 0.08, 0.20
FACE_PIXELS = 150


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--visits", type=int, default=200, help="of each kind")
    parser.add_argument("--people", type=int, help="enrolled, at most; by default all")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        settings = Settings.load(vault=Path(made) / "vault", runtime="auto")
        parts = wiring.assemble(settings, lasting=True)
        found = measure(parts, args.folder, args.visits, args.people)
        parts.enrolled.close()
        parts.admin.close()
    print_found(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def measure(parts: Parts, folder: Path, wanted: int, enrolled: int | None) -> dict[str, Any]:
    """Film people who move, and count how their visits are told."""
    order = np.random.default_rng(14)
    people = read_people(folder)
    people = [people[n] for n in order.permutation(len(people))]
    several = [photos for photos in people if len(photos) > 1]
    rows = []
    for photos in several[::2][:enrolled]:
        seen = parts.pipeline().look(photos[0])
        if seen.embedding is not None:
            rows.append((photos, make_person(photos[0].parent.name, seen)))
    parts.enrolled.ensure_gallery().put([person for _, person in rows])
    known = [(person.name, photos[1], photos[1]) for photos, person in rows]
    alone = [photos[0] for photos in several[1::2]] + [p[0] for p in people if len(p) == 1]
    strangers = [("", photo, photo) for photo in alone]
    pairs = [(name, photo, other) for (name, photo, _), other in zip(known, alone, strict=False)]
    pairs += [("", *two) for two in zip(alone[1::2], alone[::2], strict=False)]
    pairs = [pairs[n] for n in order.permutation(len(pairs))]
    counts, total = Counter[str](), Counter[str]()
    for kind, films in (("known", known), ("unknown", strangers), ("exchanged", pairs)):
        for number, (name, first, second) in enumerate(films, 1):
            if total[kind] == wanted:
                break
            cuts = [cut_subject(parts, photo) for photo in dict.fromkeys((first, second))]
            if all(cut is not None for cut in cuts):
                total[kind] += 1
                cv2.setRNGSeed(number)
                rng = np.random.default_rng(number)
                for what in watch(parts, name, list(move(cuts[0], cuts[-1], rng))):
                    counts[f"{kind}: {what}"] += 1
    return {
        "people enrolled": len(rows),
        "rates": {
            what: make_rate(counts[what], total[what.split(":")[0]]).to_dict()
            for what in (
                *("known: split", "known: called unknown", "known: FNIR"),
                *("unknown: split", "unknown: FPIR", "exchanged: joined", "exchanged: FPIR"),
            )
        },
    }


def watch(parts: Parts, name: str, frames: list[Frame]) -> set[str]:
    """Return what is counted of one film."""
    identify = parts.enrolled.identify_capture
    visits = CameraVisits(VisitRules("film", parts.pipeline(), identify))
    told = [one for frame in frames for one in visits.see(frame)] + visits.end()
    events = Counter(str(one.event) for one in told if one.event)
    names = {one.decision.name for one in told if one.decision.accepted}
    return {
        what
        for what, is_so in (
            ("split", events["came"] > 1),
            ("joined", events["came"] < 2),
            ("called unknown", events["unknown"] > 0),
            ("FNIR", bool(name) and name not in names),
            ("FPIR", bool(names - {name})),
        )
        if is_so
    }


def move(first: Pixels, second: Pixels, rng: np.random.Generator) -> Iterator[Frame]:
    """Yield a film in which a face comes, leaves, and a face comes back in motion, twice."""
    phase, light = rng.uniform(0, 6, 3), rng.uniform(0.75, 1.15)
    at = 0
    for number, (seconds, what) in enumerate((*PARTS, (LAST_SECONDS, "still"))):
        for _ in range(round(seconds * FRAMES_A_SECOND)):
            t = at / FRAMES_A_SECOND
            pixels = EMPTY
            if what != "away":
                pixels = draw(second if number else first, t, phase, light)
            yield Frame(blur(pixels, rng) if what == "moving" else pixels, "film", t)
            at += 1


def draw(photo: Pixels, t: float, phase: NDArray[np.float64], light: float) -> Pixels:
    """Return a photo as a camera sees it at a moment, a little turned and in noise."""
    height, width = photo.shape[:2]
    angle, scale = 5 * np.sin(0.9 * t + phase[0]), 1 + 0.08 * np.sin(0.7 * t + phase[1])
    place = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 300 / height * scale)
    place[:, 2] += (320 - width / 2 + 40 * np.sin(0.8 * t + phase[2]), 240 - height / 2)
    frame = cv2.warpAffine(photo, place, (640, 480), borderValue=(96, 96, 96))
    noise = cv2.randn(np.empty(frame.shape, np.int16), 0, 4)
    return cv2.add(cv2.convertScaleAbs(frame, alpha=light), noise, dtype=cv2.CV_8U)


def blur(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur a frame as motion does, in any direction."""
    size = max(3, int(FACE_PIXELS * rng.uniform(*BLUR)) | 1)
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1
    turn = cv2.getRotationMatrix2D((size // 2, size // 2), rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, turn, (size, size))
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)


def print_found(found: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{found['people enrolled']} people enrolled, one photo each")
    for what, rate in found["rates"].items():
        console.print(
            f"{what}: {rate['count']} of {rate['total']} "
            f"(95 %: {rate['low']:.4f} to {rate['high']:.4f})"
        )


if __name__ == "__main__":
    sys.exit(main())
