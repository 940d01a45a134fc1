"""Measure the SQLite gallery by size: searches, index, writing, files and memory.

    python benchmarks/gallery.py [--sizes 1000,10000,100000] [--full] [--usearch] [--json FILE]

`--full` adds a million people (some minutes). `--usearch` builds a graph of neighbours (HNSW) with
usearch as well, for comparison; with a million people that takes an hour.

The people do not exist. Their templates are drawn from the Gaussian with the mean and covariance
of the shipped head's synthetic strangers, which were made like the photos of LFW (`head.md`).
A true match is a probe that lies around its person's template as other photos of one person do
in LFW: at a cosine of 0.65 on average, with a standard deviation of 0.14, and never under 0.3.

recall@1: of the true matches whose person is the nearest by exact search, the share that the
index finds too. Times are of one query at a time by `SqliteStore.find_nearest`, which includes
reading the rows found, after one pass over the file.

Exact search against NumPy: each query is followed by `M @ q` on the same rows in memory; the ratio
of the times is to be at most 1.2 with a million people. NumPy's product runs on all cores, and
exact search on up to four. NumPy's threads wait busily for some time after each product, on a core
that the next search needs, so each way begins after a pause. Measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np

from onlyme.face.models import SHIPPED, find_model
from onlyme.gallery.stores.protocol import Row
from onlyme.gallery.stores.sqlite import derived
from onlyme.gallery.stores.sqlite.store import SqliteStore
from onlyme.siamese.distance import normalize
from onlyme.siamese.head import Base

Array = np.ndarray[Any, np.dtype[Any]]

SEALED = 900
"""Bytes of the sealed record of a person with one photo."""

WANTED = derived.MIN_CANDIDATES
COSINE, SPREAD, LEAST = 0.65, 0.14, 0.3

PAUSE = 0.2
"""Seconds before a time is taken, in which threads of the product before it stop waiting busily."""


class Crowd:
    """Templates and true matches, drawn with a seed."""

    def __init__(self, base: Base, seed: int) -> None:
        strangers = np.concatenate([base.cohort, base.draws]).astype(np.float64)
        self._mean = strangers.mean(axis=0)
        self._root = np.linalg.cholesky(np.cov(strangers.T)).T
        self._random = np.random.default_rng(seed)

    def templates(self, count: int) -> Array:
        """People, float32[count, r]."""
        drawn = self._random.standard_normal((count, len(self._mean)))
        return normalize(drawn @ self._root + self._mean).astype(np.float32)

    def probes(self, templates: Array) -> Array:
        """One more photo of each."""
        cosine = self._random.normal(COSINE, SPREAD, (len(templates), 1)).clip(LEAST, 0.98)
        away = self._random.standard_normal(templates.shape)
        away -= (away * templates).sum(axis=1, keepdims=True) * templates
        return (cosine * templates + np.sqrt(1 - cosine**2) * normalize(away)).astype(np.float32)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--full", action="store_true", help="also a million")
    parser.add_argument("--usearch", action="store_true")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-index", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the files go; by default a new one")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    sizes = [int(size) for size in args.sizes.split(",")] + [1_000_000] * args.full
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {versions()}")
    base = Base.load(find_model("embedder", SHIPPED).sha256)
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            row = measured(Path(folder), base, size, args)
        found.append(row)
        print("\n".join(f"  {key:<32}{shown(value)}" for key, value in row.items()), flush=True)
        print()
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def versions() -> str:
    import importlib.metadata as metadata

    return ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "faiss-cpu"))


def shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def measured(folder: Path, base: Base, size: int, args: argparse.Namespace) -> dict[str, Any]:
    crowd = Crowd(base, args.seed)
    store = SqliteStore(folder / "gallery.sqlite", base.model, len(base.projection))
    templates = crowd.templates(size)
    row: dict[str, Any] = {"people": size}
    begun = perf_counter()
    written(store, templates)
    row["written, people a second"] = size / (perf_counter() - begun)
    picks = np.random.default_rng(args.seed + 1).choice(size, args.queries, replace=size < 300)
    probes = crowd.probes(templates[picks])
    wanted = [key(int(pick)) for pick in picks]
    begun = perf_counter()
    store.find_nearest(probes[:1], 8, generation=1)
    row["matrix made, s"] = perf_counter() - begun
    exact, times = searched(store, probes, exact=True)
    row["exact p50, ms"], row["exact p95, ms"], row["exact p50 of processor time, ms"] = times
    row |= compare_with_numpy(store, templates, probes)
    row["one more person, ms"] = one_more(store, crowd)
    right = [at for at, hits in enumerate(exact) if hits[0] == wanted[at]]
    row["true matches nearest"] = f"{len(right)} of {len(probes)}"
    if not args.no_index:
        begun = perf_counter()
        store.build_index(1)
        row["index built, s"] = perf_counter() - begun
        for candidates in (24, WANTED, 256):
            derived.MIN_CANDIDATES = candidates
            found, times = searched(store, probes, exact=False)
            hit = sum(found[at][:1] == exact[at][:1] for at in right)
            if candidates == WANTED:
                row["index p50, ms"], row["index p95, ms"] = times[:2]
                row["index p50 of processor time, ms"] = times[2]
                row["index recall@1"] = hit / max(len(right), 1)
            row[f"index, {candidates} candidates"] = format_search(times[:2], hit, len(right))
        derived.MIN_CANDIDATES = WANTED
    if args.usearch:
        row |= of_usearch(templates, probes, exact, right)
    for path in sorted(folder.glob("gallery.*")):
        if path.stat().st_size:
            row[f"{path.name}, MB"] = path.stat().st_size / 1e6
    store.close()
    for exact_ in (True, False):
        row[f"memory, {'exact' if exact_ else 'index'}"] = memory(folder, base, exact_)
    return row


SEARCHER = """
import sys
import numpy as np
from pathlib import Path
from onlyme.gallery.stores.sqlite.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]) / "gallery.sqlite", sys.argv[2], int(sys.argv[3]))
query = np.eye(1, store.dimension, dtype=np.float32)
store.find_nearest(query, 8, generation=1, exact=sys.argv[4] == "True")
status = Path("/proc/self/status").read_text().split("\\n")
print(*(line.split()[1] for line in status if line.startswith(("RssAnon", "RssFile"))))
"""


def memory(folder: Path, base: Base, exact: bool) -> str:  # noqa: FBT001 - a helper of one caller
    """Measure what a separate process holds in memory after one search."""
    words = [folder, base.model, len(base.projection), exact]
    command = [sys.executable, "-c", SEARCHER, *map(str, words)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return f"{int(said[0]) / 1e3:.0f} MB of its own, {int(said[1]) / 1e3:.0f} MB of mapped files"


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def written(store: SqliteStore, templates: Array) -> None:
    sealed = os.urandom(SEALED)
    for start in range(0, len(templates), 2000):
        part = templates[start : start + 2000]
        store.replace(
            [Row(key(start + n), 1, sealed, vector) for n, vector in enumerate(part)],
        )


def searched(
    store: SqliteStore, probes: Array, *, exact: bool
) -> tuple[list[list[bytes]], tuple[float, float, float]]:
    store.find_nearest(probes[:1], 8, generation=1, exact=exact)
    found, times, spent = [], [], []
    for probe in probes:
        begun, used = perf_counter(), process_time()
        [hits] = store.find_nearest(probe[None], 8, generation=1, exact=exact)
        spent.append(1e3 * (process_time() - used))
        times.append(1e3 * (perf_counter() - begun))
        found.append([hit.key for hit in hits])
    middle = float(np.median(times)), float(np.quantile(times, 0.95)), float(np.median(spent))
    return found, middle


def compare_with_numpy(store: SqliteStore, templates: Array, probes: Array) -> dict[str, str]:
    """Time exact search and NumPy's own product in turn, each 100 times."""
    spent = np.empty((min(len(probes), 100), 2, 2))  # by probe; search, NumPy; wall, processor
    for probe, times in zip(probes, spent, strict=False):
        ways = (
            lambda one=probe: store.find_nearest(one[None], 8, generation=1, exact=True),
            lambda one=probe: templates @ one,
        )
        for way, time in zip(ways, times, strict=True):
            sleep(PAUSE)
            begun, used = perf_counter(), process_time()
            way()
            time[:] = 1e3 * (perf_counter() - begun), 1e3 * (process_time() - used)
    told = {"load of the machine": f"{os.getloadavg()[0]:.1f}"}
    for column, name in enumerate(("exact against NumPy", "the same, processor time")):
        search, numpy = np.median(spent[:, :, column], axis=0)
        pairs = spent[:, 0, column] / spent[:, 1, column]
        low, high = np.quantile(bootstrap_medians(pairs), [0.025, 0.975])
        told[name] = (
            f"{search:.1f} against {numpy:.1f} ms for M @ q; {np.median(pairs):.2f} times in the "
            f"median of pairs (95 % interval {low:.2f} to {high:.2f})"
        )
    return told


def bootstrap_medians(values: Array) -> Array:
    """Return the medians of 1,000 samples of the values."""
    drawn = np.random.default_rng(0).choice(values, (1000, len(values)))
    medians: Array = np.median(drawn, axis=1)
    return medians


def one_more(store: SqliteStore, crowd: Crowd) -> float:
    """Write one person and find them: the cost of enrolling without the photos."""
    times = []
    for number in range(5):
        [vector] = crowd.templates(1)
        begun = perf_counter()
        store.replace([Row(key(2**64 + number), 1, os.urandom(SEALED), vector)])
        store.find_nearest(vector[None], 1, generation=1)
        times.append(1e3 * (perf_counter() - begun))
    return float(np.median(times))


def format_search(times: tuple[float, float], hit: int, of: int) -> str:
    recall = f"recall@1 {hit / max(of, 1):.4f} ({hit} of {of})"
    return f"p50 {times[0]:.2f} ms, p95 {times[1]:.2f} ms, {recall}"


def of_usearch(
    templates: Array, probes: Array, exact: list[list[bytes]], right: list[int]
) -> dict[str, Any]:
    """Measure the same with a graph in half precision, one thread, without reading rows."""
    from usearch.index import Index

    graph = Index(ndim=templates.shape[1], metric="ip", dtype="f16", connectivity=16)
    begun = perf_counter()
    graph.add(np.arange(len(templates)), templates)
    row: dict[str, Any] = {"usearch built, s": perf_counter() - begun}
    for effort in (64, 256, 1024):
        graph.expansion_search = effort
        found, times = [], []
        for probe in probes:
            begun = perf_counter()
            near = graph.search(probe, 8, threads=1)
            times.append(1e3 * (perf_counter() - begun))
            found.append(key(int(near.keys[0])))
        hit = sum(found[at] == exact[at][0] for at in right)
        both = float(np.median(times)), float(np.quantile(times, 0.95))
        row[f"usearch, effort {effort}"] = format_search(both, hit, len(right))
    with tempfile.NamedTemporaryFile() as file:
        graph.save(file.name)
        row["usearch file, MB"] = Path(file.name).stat().st_size / 1e6
    return row


if __name__ == "__main__":
    sys.exit(main())
