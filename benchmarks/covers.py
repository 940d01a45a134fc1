"""Measure how many covered faces enrolment notices, and how many others it calls covered.

    python benchmarks/covers.py [--data DIR] [--people N] [--json FILE]

Nobody who is judged here was learned from: of press photos those of people with four and more,
of crops every second one, see tools/train_covers.py; webcams and clips were never learned from.
Covers are drawn on photos by tools/degradations.py and tools/unknown_ways.py, whose shapes are
not those of tools/covers.py, and the face is found anew. tools/cover_labels.txt names the photos
on which something really covers the face, and people with beards or glasses: as somebody saw it.

Intervals are by people, 95 %: one photo of each, or people drawn again; where nothing was
counted, that of 0 among so many people.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from people import SUFFIXES, choose_labelled_face  # noqa: E402 - tools/ is no package
from unknown_ways import degrade_any  # noqa: E402 - as above

from onlyme.charts import clopper_pearson  # noqa: E402 - needs the path above
from onlyme.evaluate.intervals import bootstrap_rate  # noqa: E402 - as above
from onlyme.face.enrollment_quality import assess_for_enrollment  # noqa: E402 - as above
from onlyme.face.pose import estimate_pose  # noqa: E402 - as above
from onlyme.faceid import networks  # noqa: E402 - as above
from onlyme.settings import Settings  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.face.pipeline import Pipeline

JUDGED_PHOTOS = 4
"""People with as many photos and more were not learned from."""

COVERS = (
    *("sunglasses", "round glasses", "aviator glasses", "narrow glasses", "brown glasses"),
    *("mirror glasses", "band over the eyes", "cap's shadow", "hand over the eyes"),
    *("mouth mask", "black mask", "pleated mask", "dark scarf", "striped scarf"),
    *("mouth and chin", "hand over the mouth"),
)
CLEAN_WAYS = ("headscarf", "half in shadow", "dark", "eyes 16 apart", "no colours")
"""Ways that cover neither eyes nor mouth."""

PROFILE_DEGREES, WIDE_OPEN = 25.0, 0.35
WEBCAM_FRAMES, CLIP_STEP = 600, 10
GROUPS = {
    **{f"{race}{sex}": f"{name}, {who}" for race, name in enumerate(
        ("white", "black", "Asian", "Indian", "other")
    ) for sex, who in enumerate(("men", "women"))}
}  # fmt: skip


class Photo:
    """A face that was found: who it is, what it shows, and what enrolment says."""

    def __init__(self, pipeline: Pipeline, pixels: Any, who: str, name: str) -> None:
        self.who, self.name = who, name
        frame = pipeline.decode(pixels)
        faces = pipeline.detector.detect(frame.pixels)
        self.face = choose_labelled_face(faces, frame) or max(
            faces, key=lambda face: face.area, default=None
        )
        self.pixels = frame.pixels
        self.covered = self.refused = False
        if self.face is not None:
            quality = assess_for_enrollment(frame.pixels, self.face.box, self.face.landmarks)
            failed = {check.name for check in quality.checks if not check.ok}
            self.covered = bool(failed & {"eyes", "mouth", "covered eyes", "covered mouth"})
            self.refused = bool(failed)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--people", type=int, default=100, help="people with drawn covers")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    labels = read_labels(ROOT / "tools" / "cover_labels.txt")
    found: dict[str, list[dict[str, Any]]] = {"clean photos": [], "drawn": [], "really covered": []}
    clean, first, really = [], {}, []
    for photo in track(list(list_photos(args.data)), "photos", console=console):
        seen = Photo(pipeline, args.data / photo, find_person(photo), photo)
        if seen.face is None:
            continue
        if "covered" in labels[photo]:
            really.append(seen)
            continue
        clean.append((seen, find_groups(seen, labels)))
        first.setdefault(seen.who, seen)
    clean += [(one, [kind]) for one, kind in read_frames(args.data, pipeline)]
    for group in dict.fromkeys(g for _, groups in clean for g in groups):
        found["clean photos"].append(count(group, [s for s, groups in clean if group in groups]))
    if really:
        found["really covered"].append(count("on the photo", really))
    chosen = [one for one in first.values() if one.name.startswith("lfw")]
    order = np.random.default_rng(0).permutation(len(chosen))[: args.people]
    for way in track((*COVERS, *CLEAN_WAYS), "drawing", console=console):
        judged = [
            Photo(
                pipeline,
                degrade_any(way, one.pixels, one.face.landmarks, zlib.crc32(one.name.encode())),
                one.who,
                one.name,
            )
            for one in (chosen[at] for at in order)
        ]
        found["drawn"].append(count(way, [one for one in judged if one.face is not None]))
    for title, rows in found.items():
        if rows:
            tell(title, rows)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def read_labels(file: Path) -> dict[str, set[str]]:
    """Return what is seen on a photo, or on all photos of a folder, by path."""
    labels: dict[str, set[str]] = defaultdict(set)
    for line in file.read_text("utf-8").splitlines():
        kind, _, path = line.partition(" ")
        if path and not line.startswith("#"):
            labels[path].add(kind)
    return labels


def list_photos(data: Path) -> Iterator[str]:
    """Yield the photos of people who were not learned from, relative to the folder."""
    for person in sorted((data / "lfw_dev").iterdir()):
        photos = sorted(p for p in person.glob("*") if p.suffix.lower() in SUFFIXES)
        if len(photos) >= JUDGED_PHOTOS:
            yield from (str(photo.relative_to(data)) for photo in photos)
    crops = sorted(p for p in (data / "utk_dev").glob("*/*") if p.suffix.lower() in SUFFIXES)
    yield from (str(photo.relative_to(data)) for photo in crops[1::2])


def find_person(photo: str) -> str:
    return str(Path(photo).parent) if photo.startswith("lfw") else photo


def find_groups(seen: Photo, labels: dict[str, set[str]]) -> list[str]:
    """Return the groups that a photo belongs to."""
    press = seen.name.startswith("lfw")
    groups = ["press photos" if press else f"crops: {GROUPS[Path(seen.name).parent.name]}"]
    groups += ["crops: all"] * (not press)
    groups += sorted(labels[seen.name] | labels[str(Path(seen.name).parent)])
    if abs(estimate_pose(seen.face.landmarks)[0]) > PROFILE_DEGREES:
        groups.append(f"head turned by more than {PROFILE_DEGREES:.0f}°")
    if not press and int(Path(seen.name).name.partition("_")[0]) < 20:
        groups.append("crops: younger than 20")
    if not press and int(Path(seen.name).name.partition("_")[0]) >= 60:
        groups.append("crops: 60 and older")
    head = networks.load_mesh().read(seen.pixels, seen.face)
    if head is not None and head.expression["jawOpen"] > WIDE_OPEN:
        groups.append("mouth wide open")
    return groups


def read_frames(data: Path, pipeline: Pipeline) -> Iterable[tuple[Photo, str]]:
    """Yield frames of webcams and clips, with their group."""
    frames = sorted((data / "nuaa_dev" / "live").rglob("*.jpg"))
    for at in np.random.default_rng(0).permutation(len(frames))[:WEBCAM_FRAMES]:
        seen = Photo(pipeline, frames[at], frames[at].name.partition("_")[0], frames[at].name)
        if seen.face is not None:
            yield seen, "webcam frames"
    for clip in sorted((data / "clips").glob("*_live.mp4")):
        capture, number = cv2.VideoCapture(str(clip)), 0
        while (read := capture.read())[0]:
            if number % CLIP_STEP == 0:
                seen = Photo(pipeline, np.ascontiguousarray(read[1][..., ::-1]), clip.name, "")
                if seen.face is not None:
                    yield seen, "frames of clips"
            number += 1


def count(group: str, photos: list[Photo]) -> dict[str, Any]:
    """Count the photos called covered, and those that enrolment refuses for any reason."""
    row: dict[str, Any] = {"group": group, "photos": len(photos)}
    row["people"] = len({one.who for one in photos})
    for what in ("covered", "refused"):
        by_person: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for one in photos:
            by_person[one.who][0] += getattr(one, what)
            by_person[one.who][1] += 1
        errors, tried = np.array(list(by_person.values())).T
        low, high = clopper_pearson(int(errors.sum()), len(tried))
        if errors.sum() and tried.max() > 1 and len(tried) > 1:
            interval = bootstrap_rate(errors, tried)
            low, high = interval.low, interval.high
        row |= {what: int(errors.sum()), f"{what}, %": [100 * x for x in (low, high)]}
    return row


def tell(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title)
    for column in ("group", "photos", "people", "called covered", "refused for any reason"):
        table.add_column(column)
    for row in rows:
        shares = [
            f"{row[what]}: {100 * row[what] / row['photos']:.2f} % "
            f"({row[f'{what}, %'][0]:.2f} to {row[f'{what}, %'][1]:.2f})"
            for what in ("covered", "refused")
        ]
        table.add_row(row["group"], f"{row['photos']:,}", f"{row['people']:,}", *shares)
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
