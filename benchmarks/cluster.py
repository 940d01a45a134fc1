"""Compare enroll-folder by our own worker processes with a Dask cluster on this computer.

    python benchmarks/cluster.py [FOLDER] [--photos N] [--workers N] [--rounds N]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA), of whom the first are taken until
there are N photos. Both enroll them into an empty vault, in turns, with the same number of
processes. The scheduler and its workers run on this computer, over TLS with certificates that are
made for it, and are started before the clock; our own workers are started within the time, as the
command does. The time of both is all of the command's, without the search for twins.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from crowd import chosen  # noqa: E402 - needs the path above

from onlyme import FaceID  # noqa: E402 - needs the path above
from onlyme.faceid.workers import count_cores  # noqa: E402 - needs the path above
from tests.faceid.clusters import Cluster  # noqa: E402 - needs the path above

TARGET = 0.85
"""What Dask must keep of our own workers' rate to replace them (docs/decisions/0014)."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--workers", type=int, default=count_cores())
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rates: dict[str, list[float]] = {"our own workers": [], "Dask": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        people = chosen(args.folder, folder / "people", args.photos)
        (folder / "cluster").mkdir()
        cluster = Cluster(folder / "cluster")
        try:
            cluster.start_workers(args.workers)
            by_dask = {"scheduler": cluster.address, "certificates": cluster.certificates}
            for number in range(args.rounds):
                for kind, options in (
                    ("our own workers", {"workers": args.workers}),
                    ("Dask", by_dask),
                ):
                    rates[kind].append(measured(people, folder / f"{kind} {number}", options))
        finally:
            cluster.close()
    for kind, found in rates.items():
        each = ", ".join(f"{rate:.1f}" for rate in found)
        print(f"{kind:<18}{median(found):6.1f} photos a second (rounds: {each})")
    share = median(rates["Dask"]) / median(rates["our own workers"])
    print(f"Dask keeps {share:.0%} of the rate; {TARGET:.0%} would replace our own workers")
    return 0


def measured(people: Path, vault: Path, options: dict[str, Any]) -> float:
    """Return photos a second of one run."""
    with FaceID.open(vault) as face_id:
        begun = perf_counter()
        result = face_id.enroll_folder(people, look_for_duplicates=False, **options)
        return result.looked_at / (perf_counter() - begun)


if __name__ == "__main__":
    sys.exit(main())
