"""Measure enroll-folder against the ideal that the cores give for one face's cost.

    python benchmarks/crowd.py [FOLDER] [--photos N] [--workers N] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA), of whom the first are taken
until there are N photos. One face's cost: this process, on one core, does with the photos what a
worker does; measured on a tenth of them, before and after. Ideal: as many times that rate as there
are workers, or cores if these are fewer. The command's time is all of it, from an empty folder:
starting the workers, loading the networks, writing, searching for twins.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from onlyme import FaceID
from onlyme.faceid.photo_tasks import PhotoTask, start_examiner
from onlyme.faceid.workers import count_cores
from onlyme.image.sources import list_photos
from onlyme.settings import Settings

ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=count_cores())
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        people = chosen(args.folder, Path(made) / "people", args.photos)
        found = measured(people, Path(made) / "vault", args.workers)
    for key, value in found.items():
        print(f"{key:<32}{value:.4g}" if isinstance(value, float) else f"{key:<32}{value}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def chosen(folder: Path, target: Path, count: int) -> Path:
    """Link the first people into a folder of their own."""
    target.mkdir()
    for person in sorted(folder.iterdir()):
        if count <= 0:
            break
        if person.is_dir():
            (target / person.name).symlink_to(person.resolve(), target_is_directory=True)
            count -= sum(1 for _ in list_photos(person))
    return target


def measured(people: Path, vault: Path, workers: int) -> dict[str, Any]:
    settings = Settings.load(vault=vault)
    before = one_face(settings, people)
    with FaceID.open(vault) as face_id:
        begun = perf_counter()
        census = face_id.enroll_folder(people, workers=workers)
        seconds = perf_counter() - begun
    cost = (before + one_face(settings, people)) / 2
    ideal = min(workers, count_cores()) / cost
    rate = census.looked_at / seconds
    return {
        "people": census.enrolled,
        "photos": census.looked_at,
        "refused": len(census.refused),
        "look enrolled twice": len(census.twins),
        "workers": workers,
        "one face on one core, ms": 1e3 * cost,
        "ideal, photos a second": ideal,
        "enroll-folder, photos a second": rate,
        "share of the ideal": rate / ideal,
        "seconds": seconds,
    }


def one_face(settings: Settings, people: Path) -> float:
    """Seconds for one photo on one core, as a worker spends them."""
    examine = start_examiner(settings)
    photos = [photo for folder in sorted(people.iterdir())[::10] for photo in list_photos(folder)]
    tasks = [PhotoTask(photo.parent.name, photo.name, photo) for photo in photos]
    examine(tasks[0])
    begun = perf_counter()
    for task in tasks:
        examine(task)
    return (perf_counter() - begun) / len(tasks)


if __name__ == "__main__":
    sys.exit(main())
