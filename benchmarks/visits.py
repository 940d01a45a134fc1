"""Measure visits before a door's camera: promised against realised, and the rate of frames.

    python benchmarks/visits.py [FOLDER] [--visits N] [--seconds S] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). Half of the people with two
photos or more are enrolled with one; a visit of each by another photo is known. The others, and
people with one photo, are unknown. A visit is made of one photo: ten frames a second of 640×480 in
which the face moves, grows and turns a little, under other light and noise. Liveness is off, since
no photo is alive. Of several faces in a photo the largest one counts.

FPIR: the share of unknown visits that get a name at any time of the visit; each is counted
once, however long it lasts. FNIR: the share of known visits that end without their own name
(ISO/IEC 19795-1). Intervals are 95 % (Clopper-Pearson). The shipped head was trained on these
people, so that strangers lie further apart than new ones: `benchmarks/identify.py` measures people
held apart, per picture.

Then three faces are put into one picture, from living clips in ONLYME_DATA where they are, and
decided with liveness by one process, on a gallery of all these people; for one camera and for four.
Frames a second depend on what else the machine does: compare them as ratios to one face.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from onlyme import Decision, Frame, LivenessLevel, Reason
from onlyme.charts.rates import make_rate
from onlyme.face.quality import assess
from onlyme.faceid import wiring
from onlyme.gallery.gallery import GalleryPerson
from onlyme.image.sources import list_photos, read_frames
from onlyme.settings import Settings
from onlyme.verification.visits import CameraVisits, VisitRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.face.pipeline import Observation
    from onlyme.faceid.wiring import Parts

ROOT = Path(__file__).parents[1]
PROMISES = (0.1, 0.03, 0.01)
UNKNOWN_AFTER = "called unknown after, seconds since the first good frame (median, longest)"
CLIPS = ("tranvan_live", "lestari_live", "liveportrait_d18_live")
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--visits", type=int, default=1000, help="unknown visits, and known ones")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a visit lasts")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        settings = Settings.load(vault=Path(made) / "vault", runtime="auto")
        parts = wiring.assemble(settings, lasting=True)
        found = {
            "rates": measure_rates(parts, args.folder, args.visits, args.seconds),
            "speed": measure_speed(parts, data / "clips"),
        }
        parts.enrolled.close()
        parts.admin.close()
    print_found(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def make_person(name: str, seen: Observation) -> GalleryPerson:
    """Return a person with one photo that both networks saw."""
    one = seen.complete_embedding()
    assert one is not None  # noqa: S101 - for the type checker; the caller looked
    person = GalleryPerson(name, one.vector[None], second_model=one.second_model)
    return person if one.second is None else replace(person, second=one.second[None])


def measure_rates(parts: Parts, folder: Path, count: int, seconds: float) -> dict[str, Any]:
    people = [sorted(list_photos(each)) for each in sorted(folder.iterdir()) if each.is_dir()]
    rng = np.random.default_rng(14)
    people = [people[n] for n in rng.permutation(len(people))]
    several = [photos for photos in people if len(photos) > 1]
    unknown = [photos for photos in people if len(photos) == 1] + several[1::2]
    rows = []
    for photos in several[::2]:
        seen = parts.pipeline().look(photos[0])
        if seen.embedding is not None:
            rows.append((photos, make_person(photos[0].parent.name, seen)))
    parts.enrolled.ensure_gallery().put([person for _, person in rows])
    visits = [("", photos[0]) for photos in unknown[:count]]
    visits += [(person.name, photos[1]) for photos, person in rows[:count]]
    wrong = {fpir: Counter[str]() for fpir in PROMISES}
    total = Counter[str]()
    seconds_to_unknown = []
    for name, photo in visits:
        seen = parts.pipeline().look(photo)
        if seen.face is None:
            continue
        pixels = cut_subject(seen)
        named, unknown_at = watch(parts, film(pixels, rng, seconds))
        kind = "FNIR" if name else "FPIR"
        total[kind] += 1
        for fpir, names in named.items():
            wrong[fpir][kind] += name not in names if name else bool(names)
        if unknown_at is not None and not name:
            seconds_to_unknown.append(unknown_at)
    return {
        "people enrolled": len(rows),
        "seconds a visit": seconds,
        "rates": {
            str(fpir): {k: make_rate(wrong[fpir][k], total[k]).to_dict() for k in total}
            for fpir in PROMISES
        },
        UNKNOWN_AFTER: (float(np.median(seconds_to_unknown)), float(np.max(seconds_to_unknown))),
    }


def cut_subject(seen: Observation) -> Pixels:
    """Return the part of a photo around its subject, without other faces as far as possible."""
    assert seen.face is not None  # noqa: S101 - for the type checker; the caller checked
    x, y, width, height = (float(value) for value in seen.face.box)
    pixels = seen.frame.pixels
    left, right = max(0, round(x - 0.6 * width)), round(x + 1.6 * width)
    top, bottom = max(0, round(y - 0.6 * height)), round(y + 1.6 * height)
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def film(photo: Pixels, rng: np.random.Generator, seconds: float) -> Iterator[Frame]:
    """Yield frames of a photo that moves before a camera, ten a second."""
    height, width = photo.shape[:2]
    phase, light = rng.uniform(0, 6, 4), rng.uniform(0.75, 1.15)
    for number in range(round(10 * seconds)):
        t = number / 10
        angle = 5 * np.sin(0.9 * t + phase[0])
        scale = 300 / height * (1 + 0.08 * np.sin(0.7 * t + phase[1]))
        place = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
        place[:, 2] += (320 - width / 2 + 40 * np.sin(0.8 * t + phase[2]), 240 - height / 2)
        frame = cv2.warpAffine(photo, place, (640, 480), borderValue=(96, 96, 96))
        noisy = frame * light + rng.normal(0, 4, frame.shape)
        yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), "film", t)


def watch(parts: Parts, frames: Iterable[Frame]) -> tuple[dict[float, set[str]], float | None]:
    """Return the names of a visit at each promise, and when it was called unknown.

    Each look is decided at every promise. The visit itself hears of no match, so that it takes all
    of its looks: a look after a name would only find one more.
    """
    named: dict[float, set[str]] = {fpir: set() for fpir in PROMISES}

    def identify(vectors: Any, chances: int, seconds: Any) -> tuple[Decision, tuple[str, ...]]:
        for fpir, names in named.items():
            parts.enrolled.fpir = fpir
            decision, _ = parts.enrolled.identify_capture(vectors, chances, seconds)
            if decision.accepted and decision.name is not None:
                names.add(decision.name)
        return Decision(accepted=False, name=None, reason=Reason.NO_MATCH), ()

    visits = CameraVisits(VisitRules("film", parts.pipeline(), identify))
    unknown_at = good_since = None
    for frame in frames:
        for one in visits.see(frame):
            is_good = assess(frame.pixels, one.face.box, one.face.landmarks).ok
            if good_since is None and is_good:
                good_since = frame.at
            if one.event == "unknown" and good_since is not None:
                unknown_at = frame.at - good_since
    return named, unknown_at


def measure_speed(parts: Parts, clips: Path) -> dict[str, float]:
    """Frames a second with one face and with three, of one camera and of four."""
    if not clips.is_dir():
        return {}
    faces = [list(islice(read_frames(clips / f"{clip}.mp4"), 60)) for clip in CLIPS]
    one = [Frame(frame, "one", n / 30) for n, frame in enumerate(join_faces(faces[:1]))]
    three = [Frame(frame, "three", n / 30) for n, frame in enumerate(join_faces(faces))]
    return {
        "one camera, one face": time_cameras(parts, [one]),
        "one camera, three faces": time_cameras(parts, [three]),
        "four cameras, three faces each, each camera": time_cameras(parts, [three] * 4),
    }


def join_faces(clips: list[list[Frame]]) -> list[Pixels]:
    """Put the middle of each clip into a third of a 640×480 frame."""
    frames = []
    for parts in zip(*clips, strict=False):
        canvas = np.full((480, 640, 3), 96, np.uint8)
        for n, part in enumerate(parts):
            height, width = part.pixels.shape[:2]
            scale = 213 / min(width, height)
            small = cv2.resize(part.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left = (small.shape[1] - 213) // 2
            cut = small[:480, left : left + 213]
            canvas[100 : 100 + min(len(cut), 380), 213 * n : 213 * n + cut.shape[1]] = cut[:380]
        frames.append(canvas)
    return frames


def time_cameras(parts: Parts, cameras: list[list[Frame]]) -> float:
    """Return the frames a second of each camera, where one process looks at all in turn."""
    identify, judge = parts.enrolled.identify_capture, parts.judge()
    visits = [
        CameraVisits(VisitRules(f"{n}", parts.pipeline(), identify, judge, LivenessLevel.PASSIVE))
        for n in range(len(cameras))
    ]
    for watched, frames in zip(visits, cameras, strict=True):
        watched.see(frames[0])  # loads the networks
    begun = perf_counter()
    for group in zip(*(frames[1:] for frames in cameras), strict=True):
        for watched, frame in zip(visits, group, strict=True):
            watched.see(frame)
    return (len(cameras[0]) - 1) / (perf_counter() - begun)


def print_found(found: dict[str, Any]) -> None:
    console = Console()
    rates = found["rates"]
    table = Table(title=f"{rates['people enrolled']} people enrolled, one photo each")
    for column in ("promised FPIR", "realised FPIR", "95 %", "FNIR", "95 %"):
        table.add_column(column, justify="right")
    for promise, rate in rates["rates"].items():
        cells = [promise]
        for kind in ("FPIR", "FNIR"):
            one = rate[kind]
            cells.append(f"{one['count']} of {one['total']} ({one['value']:.4f})")
            cells.append(f"{one['low']:.4f} to {one['high']:.4f}")
        table.add_row(*cells)
    console.print(table)
    console.print(f"{UNKNOWN_AFTER}: {rates[UNKNOWN_AFTER]}")
    alone = found["speed"].get("one camera, one face", 0.0)
    for name, rate in found["speed"].items():
        console.print(f"{name}: {rate:.1f} frames a second, {rate / alone:.2f} of one face")


if __name__ == "__main__":
    sys.exit(main())
