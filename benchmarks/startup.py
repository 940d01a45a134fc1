#!/usr/bin/env python3
"""Time whole processes of the command line, relative to `python -c 'import cv2, numpy'`.

    benchmarks/startup.py [--rounds 15]

Each round starts every command once, so that all meet the same load of the machine; the figure is
the median of the rounds' ratios. The ratio of the minima is the same on a quiet machine, and shows
otherwise that it is not one. Exit code 1 when a median misses its mark.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed import DATA, say

PHOTOS = DATA / "article/me"
ONLYME = ["-m", "onlyme"]
BASE = ["-c", "import cv2, numpy"]
COMMANDS = {
    "verify": ([*ONLYME, "verify", "owner", str(PHOTOS / "ME_1.jpg")], 2.8),
    "list": ([*ONLYME, "list"], 2.0),
    "status": ([*ONLYME, "status"], 2.0),
    "audit": ([*ONLYME, "audit"], 2.0),
    "--help": ([*ONLYME, "--help"], None),
    "--version": ([*ONLYME, "--version"], None),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        environment = make_environment(Path(folder))
        run([*ONLYME, "enroll", "owner", str(PHOTOS)], environment)
        commands = {"base": BASE} | {name: command for name, (command, _) in COMMANDS.items()}
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for round_ in range(rounds + 1):
            for name, command in commands.items():
                spent = run(command, environment)
                if round_:  # the first one writes the bytecode and fills the caches
                    seconds[name].append(spent)
    base = seconds["base"]
    least, usual = min(base) * 1e3, statistics.median(base) * 1e3
    print(f"import cv2, numpy: {usual:.0f} ms, at least {least:.0f}; {rounds} rounds; ratios:")
    good = []
    for name, (_, mark) in COMMANDS.items():
        ratio = statistics.median(
            mine / other for mine, other in zip(seconds[name], base, strict=True)
        )
        words = f"{name} (ratio of the minima {min(seconds[name]) / min(base):.2f})"
        if mark is None:
            print(f"    {words:<58} {ratio:8.2f}")
        else:
            good.append(say(words, ratio, mark))
    return 0 if all(good) else 1


def make_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a user with a new vault, who may write bytecode."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ONLYME_")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    return own | {"HOME": str(folder), "ONLYME_VAULT": str(folder / "vault")}


def run(command: list[str], environment: dict[str, str]) -> float:
    """Run Python with these arguments; return its seconds."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
