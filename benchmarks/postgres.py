"""Measure a gallery in PostgreSQL: writing, searching, size, and kills of the server.

    python benchmarks/postgres.py               # 10,000 and 100,000 people, 50 kills
    python benchmarks/postgres.py --million     # a million as well: an hour, most of it the index
    python benchmarks/postgres.py --what kills  # one part: rows, clients, renewal or kills

The server is a real one, with 256 MB of buffers, on this machine; the people do not exist. A
person is a direction drawn from a normal distribution with mean and covariance of the head's
cohort; photos of one person have a mean cosine of 0.74, as those of real people have. A probe is
another photo of a person in the gallery. It is a *true match* if an exact search finds that person
first.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - needs the path above

from onlyme.faceid import networks  # noqa: E402 - needs the path above
from onlyme.gallery.gallery import Gallery, GalleryPerson  # noqa: E402 - needs the path above
from onlyme.gallery.rekey import renew  # noqa: E402 - needs the path above
from onlyme.gallery.stores.postgres import PostgresStore  # noqa: E402 - needs the path above
from onlyme.gallery.stores.protocol import Row  # noqa: E402 - needs the path above
from onlyme.settings import Settings  # noqa: E402 - needs the path above
from tests.gallery.postgres.killing import killed_runs  # noqa: E402 - needs the path above
from tests.gallery.postgres.server import Server  # noqa: E402 - needs the path above

BATCH = 1000
SEALED_BYTES = 760  # what one photo's record takes
EXACT, INDEXED = 50, 1000

CLIENT = """
import sys, time
from benchmarks.postgres import Faces, opened, rows_of
address, seed, seconds, what = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
faces, store = Faces(seed), opened(address)
probes = faces.people(2000)
store.find_nearest(probes[:1], 1, generation=1)
print("ready", flush=True)
sys.stdin.readline()
done, until = 0, time.perf_counter() + seconds
while time.perf_counter() < until:
    if what == "search":
        store.find_nearest(probes[done % 2000][None], 10, generation=1)
    else:
        store.replace(rows_of(probes[done % 2000][None], 10**9 * seed + done))
    done += 1
print(done, flush=True)
"""


class Faces:
    """Templates of people who do not exist, in the head's space."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        cohort = networks.load_base(Settings.load()).cohort.astype(np.float64)
        self.mean = cohort.mean(axis=0)
        self.shape = np.linalg.cholesky(np.cov(cohort.T) + 1e-9 * np.eye(cohort.shape[1]))

    def people(self, count):
        """Draw the directions of `count` people."""
        drawn = self.random.standard_normal((count, len(self.mean))) @ self.shape.T
        return unit(self.mean + drawn)

    def photos(self, people):
        """Another photo of each; two photos of one person have a mean cosine of 0.74."""
        return unit(people + 0.6 * unit(self.random.standard_normal(people.shape)))


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def rows_of(vectors, first):
    return [
        Row((first + at).to_bytes(16, "big"), 1, os.urandom(SEALED_BYTES), vector)
        for at, vector in enumerate(vectors)
    ]


def opened(address):
    base = networks.load_base(Settings.load())
    PostgresStore.upgrade(address, base.model, len(base.projection))
    return PostgresStore(address, base.model, len(base.projection))


def timed(call, arguments):
    took = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        took.append(1000 * (time.perf_counter() - start))
    return np.percentile(took, [50, 95])


def people(server, count):
    """Write and search `count` people."""
    place = f"n{count}"
    address = server.schema(place)
    store, faces = opened(address), Faces(count)
    print(f"\n{count:,} people")
    templates = np.concatenate([faces.photos(faces.people(BATCH)) for _ in range(count // BATCH)])
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        store.replace(rows_of(templates[first : first + BATCH], first))
    seconds = time.perf_counter() - start
    print(f"  written in batches of {BATCH}, no index yet: {count / seconds:,.0f} a second")
    start = time.perf_counter()
    store.build_index(1)
    print(f"  index built in {time.perf_counter() - start:.1f} s")
    store.scrub() if count <= 10_000 else server.query(
        "postgres", f"VACUUM ANALYZE {place}.onlyme_template"
    )
    sizes = server.query(
        "postgres",
        f"SELECT pg_total_relation_size('{place}.onlyme_template'), "
        f"pg_relation_size('{place}.onlyme_template_near_1')",
    )
    total, index = (int(size) / 2**20 for size in sizes.strip().split("|"))
    print(f"  size {total:,.0f} MB, of which {index:,.0f} MB index")
    chosen = faces.random.integers(count, size=INDEXED)
    probes = faces.photos(templates[chosen])
    exact = store_search(store, probes[:EXACT], exact=True)
    middle, high = timed(exact, range(EXACT))
    print(f"  exact search: p50 {middle:.2f} ms, p95 {high:.2f} ms (n = {EXACT})")
    indexed = store_search(store, probes, exact=False)
    for at in range(20):
        indexed(at)
    middle, high = timed(indexed, range(INDEXED))
    print(f"  indexed search: p50 {middle:.2f} ms, p95 {high:.2f} ms (n = {INDEXED})")
    right = nearest_of(templates, probes) == chosen
    hits = store.find_nearest(probes, 1, generation=1)
    same = np.array(
        [
            bool(hit) and int.from_bytes(hit[0].key, "big") == at
            for hit, at in zip(hits, chosen, strict=True)
        ]
    )
    print(
        f"  recall@1 on true matches, ranked again by full vectors: "
        f"{(same & right).sum()} of {right.sum()}"
    )
    start, times = time.perf_counter(), 300
    for at, template in enumerate(faces.people(times)):
        store.replace(rows_of(template[None], 10**12 + at))
    rate = times / (time.perf_counter() - start)
    print(f"  one person at a time, with the index: {rate:,.0f} a second")
    store.close()
    return address


def store_search(store, probes, *, exact):
    return lambda at: store.find_nearest(probes[at][None], 10, generation=1, exact=exact)


def nearest_of(templates, probes):
    """The oracle: one product with every template."""
    best = np.full(len(probes), -2.0, np.float32)
    where = np.zeros(len(probes), np.int64)
    for first in range(0, len(templates), 50_000):
        similar = probes @ templates[first : first + 50_000].T
        at = similar.argmax(axis=1)
        top = similar[np.arange(len(probes)), at]
        where[top > best] = at[top > best] + first
        best = np.maximum(best, top)
    return where


def clients(address):
    """Several processes at once, each with connections of its own."""
    print("\nseveral clients on the largest of these")
    for what in ("search", "write"):
        for number in (1, 2, 4, 8):
            seconds = 3.0
            running = [
                subprocess.Popen(
                    [sys.executable, "-c", CLIENT, address, str(seed + 1), str(seconds), what],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=ROOT,
                    text=True,
                    env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                )
                for seed in range(number)
            ]
            for process in running:
                process.stdout.readline()  # it is ready
            for process in running:
                process.stdin.write("go\n")
                process.stdin.flush()
            done = sum(int(process.communicate(timeout=60)[0]) for process in running)
            words = "indexed searches" if what == "search" else "people enrolled one by one"
            print(f"  {number} processes: {done / seconds:,.0f} {words} a second")


def renewal(server):
    """A new rotation for 10,000 people, with the index of the new generation kept up to date."""
    base = networks.load_base(Settings.load())
    gallery = Gallery(opened(server.schema("renewal")), bytes(32), base)
    gallery.begin()
    count, faces = 10_000, np.random.default_rng(0)
    drawn = unit(faces.standard_normal((count, base.dimension)))
    start = time.perf_counter()
    gallery.put([GalleryPerson(f"person {at}", vector[None]) for at, vector in enumerate(drawn)])
    rate = count / (time.perf_counter() - start)
    print(f"\n{count:,} people enrolled from embeddings: {rate:,.0f} a second")
    gallery.store.build_index(1)
    start = time.perf_counter()
    renew(gallery)
    rate = count / (time.perf_counter() - start)
    print(f"  given a new rotation: {rate:,.0f} a second, index included")
    gallery.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--what", choices=["rows", "clients", "renewal", "kills"])
    chosen = parser.parse_args()
    server = Server(shared_buffers="256MB", maintenance_work_mem="512MB")
    try:
        server.start()
        version = server.query("postgres", "SELECT version()").split(" on ")[0]
        print(f"{platform.machine()}, {os.cpu_count()} cores, {version}, pgvector from the wheel")
        if chosen.what in {None, "rows", "clients"}:
            sizes = [10_000, 100_000] + [1_000_000] * chosen.million
            addresses = [people(server, size) for size in sizes]
            if chosen.what != "rows":
                clients(addresses[-1])
        if chosen.what in {None, "renewal"}:
            renewal(server)
        if chosen.what in {None, "kills"}:
            server.remove()
            server = Server()  # an empty one, since a restart reads the log since the last save
            server.start()
            outcome = killed_runs(server, chosen.kills)
            print(f"\n{outcome.kills} kills of the server during writes")
            print(
                f"  {outcome.acknowledged} changes acknowledged, {outcome.lost} rows lost, "
                f"{outcome.doubled} changes doubled, {outcome.torn} rows of changes half done"
            )
            if outcome.lost or outcome.doubled or outcome.torn:
                sys.exit(1)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
