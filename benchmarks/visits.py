"""Measure visits before a door's camera: promised against realised, and the rate of frames.

    python benchmarks/visits.py [FOLDER] [--visits N] [--seconds S] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). Half of the people with two
photos or more are enrolled with one; a visit of each by another photo is known. The others, and
people with one photo, are unknown. A visit is made of one photo: ten frames a second of 640×480 in
which the face moves, grows and turns a little, under other light and noise. Liveness is off, since
no photo is alive. Photos that show a second face near the person are left out: that face is a
visit of its own, of somebody who may be enrolled (LFW shows Jane Russell beside Bob Hope). People
who are in LFW under two names are one person here, by `tools/lfw_labels.txt`.

FPIR: the share of unknown visits that get a name at any time of the visit; each is counted
once, however long it lasts. FNIR: the share of known visits that end without their own name
(ISO/IEC 19795-1). Intervals are 95 % (Clopper-Pearson). The shipped head was trained on these
people, so that strangers lie further apart than new ones: `benchmarks/identify.py` measures people
held apart, per picture.

Unknown in time: the share of unknown visits, of those with two seconds of good frames, that are
called `unknown` by then. A good frame is one that could be enrolled with.

Then three faces are put into one picture, from living clips in ONLYME_DATA where they are, and
decided with liveness by one process, on a gallery filled up to 3,000 people with invented ones; for
one camera and for four. Wanted: 25 frames a second, and 8 of each of four cameras. What else the
machine does counts: its load is printed, and the ratio to one face.
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

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from people import correct_labels  # noqa: E402 - tools/ is no package

from onlyme import Decision, Frame, LivenessLevel, Reason  # noqa: E402 - needs the path above
from onlyme.charts.rates import make_rate  # noqa: E402 - as above
from onlyme.face.quality import assess  # noqa: E402 - as above
from onlyme.faceid import wiring  # noqa: E402 - as above
from onlyme.gallery.gallery import GalleryPerson  # noqa: E402 - as above
from onlyme.image.sources import list_photos, read_frames  # noqa: E402 - as above
from onlyme.settings import Settings  # noqa: E402 - as above
from onlyme.siamese.distance import normalize  # noqa: E402 - as above
from onlyme.verification.visits import CameraVisits, VisitRules  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.face.pipeline import Observation
    from onlyme.faceid.wiring import Parts

PROMISES = (0.1, 0.03, 0.01)
FRAMES_A_SECOND = 10
UNKNOWN_SECONDS = 2.0
GALLERY_PEOPLE = 3000
CLIPS = ("tranvan_live", "lestari_live", "liveportrait_d18_live")
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--visits", type=int, default=1000, help="unknown visits")
    parser.add_argument("--known", type=int, default=300, help="visits of enrolled people")
    parser.add_argument("--no-rates", action="store_true", help="measure frames a second alone")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a visit lasts")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        settings = Settings.load(vault=Path(made) / "vault", runtime="auto")
        parts = wiring.assemble(settings, lasting=True)
        found: dict[str, Any] = {}
        if not args.no_rates:
            counts = args.visits, args.known
            found["rates"] = measure_rates(parts, args.folder, counts, args.seconds)
        found["speed"] = measure_speed(parts, data / "clips")
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


def measure_rates(
    parts: Parts, folder: Path, counts: tuple[int, int], seconds: float
) -> dict[str, Any]:
    """Film unknown people and known ones, as many as `counts` says, and count wrong decisions."""
    rng = np.random.default_rng(14)
    people = read_people(folder)
    people = [people[n] for n in rng.permutation(len(people))]
    several = [photos for photos in people if len(photos) > 1]
    unknown = [photos for photos in people if len(photos) == 1] + several[1::2]
    rows = []
    for photos in several[::2]:
        seen = parts.pipeline().look(photos[0])
        if seen.embedding is not None:
            rows.append((photos, make_person(photos[0].parent.name, seen)))
    parts.enrolled.ensure_gallery().put([person for _, person in rows])
    strangers = [("", photos[0]) for photos in unknown]
    known = [(person.name, photos[1]) for photos, person in rows]
    wrong = {fpir: Counter[str]() for fpir in PROMISES}
    total = Counter[str]()
    unknown_after: list[float | None] = []
    for kind, visits, wanted in (("FPIR", strangers, counts[0]), ("FNIR", known, counts[1])):
        for name, photo in visits:
            if total[kind] == wanted:
                break
            pixels = cut_subject(parts, photo)
            frames = [] if pixels is None else list(film(pixels, rng, seconds))
            if not frames or len(parts.pipeline().detector.detect(frames[0].pixels)) > 1:
                total["left out"] += 1
                continue
            named, after, good = watch(parts, frames)
            total[kind] += 1
            for fpir, names in named.items():
                wrong[fpir][kind] += name not in names if name else bool(names)
            if not name and good >= UNKNOWN_SECONDS:
                unknown_after.append(after)
    return {
        "people enrolled": len(rows),
        "seconds a visit": seconds,
        "photos left out": total.pop("left out"),
        "rates": {
            str(fpir): {k: make_rate(wrong[fpir][k], total[k]).to_dict() for k in total}
            for fpir in PROMISES
        },
        "unknown": count_in_time(unknown_after),
    }


def read_people(folder: Path) -> list[list[Path]]:
    """Return the photos of each person, also of one who has two names."""
    photos = [
        one for each in sorted(folder.iterdir()) if each.is_dir() for one in list_photos(each)
    ]
    photos.sort()
    files = np.array([f"{photo.parent.name}/{photo.name}" for photo in photos])
    names = np.array([photo.parent.name for photo in photos])
    names, keep = correct_labels(ROOT / "tools" / "lfw_labels.txt", names, files)
    people: dict[str, list[Path]] = {}
    for name, photo, is_kept in zip(names.tolist(), photos, keep, strict=True):
        if is_kept:
            people.setdefault(name, []).append(photo)
    return list(people.values())


def count_in_time(after: list[float | None]) -> dict[str, Any]:
    """Count the visits that were called unknown in time; None never was."""
    times = [one for one in after if one is not None]
    in_time = sum(one <= UNKNOWN_SECONDS + 1e-9 for one in times)
    return {
        "in time": make_rate(in_time, len(after)).to_dict(),
        "never": len(after) - len(times),
        "median": float(np.median(times)),
        "longest": float(np.max(times)),
    }


def cut_subject(parts: Parts, photo: Path) -> Pixels | None:
    """Return the part of a photo around its subject; None unless it shows one face."""
    seen = parts.pipeline().look(photo)
    if seen.face is None:
        return None
    x, y, width, height = (float(value) for value in seen.face.box)
    pixels = seen.frame.pixels
    left, right = max(0, round(x - 0.6 * width)), round(x + 1.6 * width)
    top, bottom = max(0, round(y - 0.6 * height)), round(y + 1.6 * height)
    cut = np.ascontiguousarray(pixels[top:bottom, left:right])
    return cut if len(parts.pipeline().detector.detect(cut)) == 1 else None


def film(photo: Pixels, rng: np.random.Generator, seconds: float) -> Iterator[Frame]:
    """Yield frames of a photo that moves before a camera."""
    height, width = photo.shape[:2]
    phase, light = rng.uniform(0, 6, 4), rng.uniform(0.75, 1.15)
    for number in range(round(FRAMES_A_SECOND * seconds)):
        t = number / FRAMES_A_SECOND
        angle = 5 * np.sin(0.9 * t + phase[0])
        scale = 300 / height * (1 + 0.08 * np.sin(0.7 * t + phase[1]))
        place = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
        place[:, 2] += (320 - width / 2 + 40 * np.sin(0.8 * t + phase[2]), 240 - height / 2)
        frame = cv2.warpAffine(photo, place, (640, 480), borderValue=(96, 96, 96))
        noisy = frame * light + rng.normal(0, 4, frame.shape)
        yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), "film", t)


def watch(
    parts: Parts, frames: Iterable[Frame]
) -> tuple[dict[float, set[str]], float | None, float]:
    """Return the names of a visit at each promise, and seconds of good frames.

    The first number is how many seconds of them had passed when the visit was called unknown; None
    if it never was. The second is how many there were at the end.

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
    unknown_after, good = None, 0
    for frame in frames:
        for one in visits.see(frame):
            good += assess(frame.pixels, one.face.box, one.face.landmarks).ok
            if one.event == "unknown":
                unknown_after = good / FRAMES_A_SECOND
    return named, unknown_after, good / FRAMES_A_SECOND


def measure_speed(parts: Parts, clips: Path) -> dict[str, float]:
    """Frames a second with one face and with three, of one camera and of four."""
    if not clips.is_dir():
        return {}
    gallery = parts.enrolled.ensure_gallery()
    drawn = np.random.default_rng(3).standard_normal((GALLERY_PEOPLE - len(gallery), 128))
    vectors = normalize(drawn).astype(np.float32)
    gallery.put([GalleryPerson(f"drawn {n}", one[None]) for n, one in enumerate(vectors)])
    faces = [list(islice(read_frames(clips / f"{clip}.mp4"), 60)) for clip in CLIPS]
    one = [Frame(frame, "one", n / 30) for n, frame in enumerate(join_faces(faces[:1]))]
    three = [Frame(frame, "three", n / 30) for n, frame in enumerate(join_faces(faces))]
    return {
        "load before": os.getloadavg()[0],
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
    if "rates" in found:
        print_rates(console, found["rates"])
    alone = found["speed"].get("one camera, one face", 0.0)
    for name, rate in found["speed"].items():
        if name == "load before":
            console.print(f"load of {os.cpu_count()} cores before: {rate:.1f}")
            continue
        console.print(f"{name}: {rate:.1f} frames a second, {rate / alone:.2f} of one face")


def print_rates(console: Console, rates: dict[str, Any]) -> None:
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
    unknown = rates["unknown"]
    told = unknown["in time"]
    console.print(
        f"called unknown within {UNKNOWN_SECONDS:g} s of good frames: {told['count']} of "
        f"{told['total']} (95 %: {told['low']:.4f} to {told['high']:.4f}); median "
        f"{unknown['median']:.1f} s, longest {unknown['longest']:.1f} s, never {unknown['never']}"
    )
    console.print(f"{rates['photos left out']} photos left out")


if __name__ == "__main__":
    sys.exit(main())
