"""What the vault and the gate cost, and what they withstand.

    python benchmarks/vault.py           # the figures, in a minute
    python benchmarks/vault.py --soak    # 10,000 hostile changes, 500 kills, 16 × 200 attempts

Every vector in here is drawn; nobody is in the vaults.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - needs the path above

from onlyme.gate.admission import Gate  # noqa: E402 - needs the path above
from onlyme.types import Decision, Reason  # noqa: E402 - needs the path above
from onlyme.vault.store import Store  # noqa: E402 - needs the path above
from tests.gate.racing import race  # noqa: E402 - needs the path above
from tests.vault.hostility import hostile_runs, template  # noqa: E402 - needs the path above
from tests.vault.killing import killed_runs  # noqa: E402 - needs the path above

MATCH = Decision(accepted=True, name="ada", reason=Reason.MATCH, margin=0.5, alpha=0.3)

COLD = """
import sys, time
import numpy, sqlite3, json, hashlib, os, pathlib, datetime  # what a verification loads anyway
import onlyme.types, onlyme.errors
start, cpu = time.perf_counter(), time.process_time()
from onlyme.gate.admission import Gate
from onlyme.vault.store import Store
imported = time.perf_counter()
store = Store(pathlib.Path(sys.argv[1]))
gate = Gate(store)
opened = time.perf_counter()
store.version("ada")
store.get("ada")
end = time.perf_counter()
for seconds in (imported - start, opened - imported, end - opened, time.process_time() - cpu):
    print(1000 * seconds)
"""


def timed(call, times):
    """Milliseconds of each of `times` calls."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - start))
    return took


def spread(took):
    ordered = sorted(took)
    return (
        f"median {statistics.median(ordered):.3f} ms, "
        f"95 % under {ordered[int(0.95 * len(ordered))]:.3f} ms (n = {len(ordered)})"
    )


def costs(folder):
    rng = np.random.default_rng(0)
    store = Store(folder)
    with store.edit() as edit:
        for name in ("ada", "grace", "edith"):
            edit.put(template(name, 0.3, rng))
    gate = Gate(store)
    print("warm, ungated: asking whether what was read is still so")
    print("   ", spread(timed(lambda: store.version("ada"), 2000)))
    print("gated: reservation, settlement and log, each durable")
    print("   ", spread(timed(lambda: gate.decide("ada", "camera 0", lambda: MATCH), 300)))
    print("read and unseal one template")
    print("   ", spread(timed(lambda: store.get("ada"), 300)))

    def change():
        with store.edit() as edit:
            edit.put(template("ada", 0.3, rng))

    print("rotate, seal and write one template")
    print("   ", spread(timed(change, 100)))
    store.close()
    parts = []
    for _ in range(15):
        ran = subprocess.run(
            [sys.executable, "-c", COLD, str(folder)], capture_output=True, text=True, check=True
        )
        parts.append([float(line) for line in ran.stdout.split()])
    imports, opening, reading, cpu = np.median(parts, axis=0)
    total = float(np.median(np.sum(np.array(parts)[:, :3], axis=1)))
    print("cold start, all of vault and gate, of 15 processes")
    print(
        f"    median {total:.1f} ms (imports {imports:.1f}, open {opening:.1f}, "
        f"first template {reading:.1f}); processor time {cpu:.1f} ms"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soak", action="store_true", help="the full counts")
    parser.add_argument("--only", choices=["costs", "race", "hostile", "kill"])
    asked = parser.parse_args()
    changes, kills, attempts = (10_000, 500, 200) if asked.soak else (500, 20, 12)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if asked.only in {None, "costs"}:
            costs(folder / "costs")
        if asked.only in {None, "race"}:
            start = time.perf_counter()
            evaluated, lines = race(folder / "race", processes=16, attempts=attempts)
            print(
                f"16 processes × {attempts} attempts: {evaluated} evaluated, {lines} lines written"
            )
            print(f"    in {time.perf_counter() - start:.0f} s")
        if asked.only in {None, "hostile"}:
            start = time.perf_counter()
            outcomes = hostile_runs(folder / "hostile", changes)
            print(f"{changes} hostile changes, none unnoticed with an effect")
            for (kind, outcome), count in sorted(outcomes.items()):
                print(f"    {kind:<18} {outcome:<34} {count:>6}")
            print(f"    in {time.perf_counter() - start:.0f} s")
        if asked.only in {None, "kill"}:
            start = time.perf_counter()
            doing = killed_runs(folder / "kill", kills)
            print(f"{kills} × kill -9; the vault opened every time, the log was whole")
            print("    during", ", ".join(f"{what}: {n}" for what, n in doing.most_common()))
            print(f"    in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
