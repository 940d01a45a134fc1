"""Run hostile and mutated pictures through onlyme and print the outcomes.

    python benchmarks/hostile.py [--count 5000] [--seed 0] [--what decode|embed] [--data DIR]

Every file of `nasty` and `hard` in the folder of real data, if it is there, and
COUNT mutations of real and of synthetic pictures are given to
`onlyme.image.decode.decode` or `onlyme.embed` (from the file to the embedding) in
worker processes. If a worker dies or does not answer within ten seconds, the
program counts it, replaces it and names the picture.

The exit code is 1 if there was any outcome other than a result or an OnlymeError,
if decoding took over 1 s, or if a worker needed over 500 MB of memory. Runs are
repeatable: picture n of seed s is always the same.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import queue
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_SECONDS = 1.0
LIMIT_MEGABYTES = 500
PATIENCE_SECONDS = 10.0
WORKERS = 2


@dataclass(frozen=True)
class Outcome:
    """The outcome of one picture; `megabytes` is the worker's peak so far."""

    name: str
    kind: str
    seconds: float
    megabytes: float
    bad: bool = False


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=5000, help="mutated pictures (5000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--what", choices=("decode", "embed"), default="decode")
    parser.add_argument("--data", type=Path, default=default_data())
    arguments = parser.parse_args()

    began = time.perf_counter()
    outcomes = list(
        supervise(pictures(arguments.data, arguments.count, arguments.seed), arguments.what)
    )
    failed = report(outcomes, arguments.what)
    print(f"{len(outcomes)} pictures in {time.perf_counter() - began:.0f} s")
    return 1 if failed else 0


def default_data() -> Path:
    beside = Path(__file__).parents[1] / ".." / "shared" / "data"
    return Path(os.environ.get("ONLYME_DATA") or beside)


# --- pictures -------------------------------------------------------------------------------


def pictures(data: Path, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield named pictures: the hostile files unchanged, then mutations."""
    files = [file for folder in ("nasty", "hard") for file in sorted((data / folder).glob("*"))]
    if not files:
        print(f"no {data}/nasty and hard: mutations of synthetic pictures only", file=sys.stderr)
    for file in files:
        yield f"{file.parent.name}/{file.name}", file.read_bytes()
    real = [*files, *sorted((data / "article").glob("*/*"))]
    real += sorted((data / "lfw_dev").glob("*/*.jpg"))[::600]
    originals = [(file.name, file.read_bytes()) for file in real if file.stat().st_size < 600_000]
    originals += list(synthetic())
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        name, original = originals[int(rng.integers(len(originals)))]
        yield f"mutation {number} of {name}", mutate(original, rng)


def synthetic() -> Iterator[tuple[str, bytes]]:
    """Yield one small picture in each usual format and mode."""
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((160, 120))
    for kind, mode, options in [
        ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("GIF", "P", {"save_all": True, "append_images": [picture.convert("P")] * 2}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "I;16", {}),
        ("BMP", "RGB", {}),
        ("PPM", "RGB", {}),
        ("AVIF", "RGB", {}),
        ("JPEG2000", "RGB", {}),
        ("ICO", "RGBA", {}),
        ("TGA", "RGB", {"compression": "tga_rle"}),
        ("PCX", "RGB", {}),
        ("SGI", "RGB", {}),
        ("QOI", "RGB", {}),
    ]:
        source = picture.convert("L").convert("I") if mode == "I;16" else picture
        file = io.BytesIO()
        converted: Any = source.convert(mode)
        converted.save(file, kind, **options)
        yield f"synthetic {kind} {mode}", file.getvalue()


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Change, cut, double, drop or overwrite bytes, half of the time in the header."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        reach = len(out) if rng.random() < 0.5 else min(len(out), 200)
        if reach < 2:
            break
        at = int(rng.integers(reach))
        length = int(rng.integers(1, 64))
        match int(rng.integers(7)):
            case 0:
                out[at] = int(rng.integers(256))
            case 1:
                out[at] ^= 1 << int(rng.integers(8))
            case 2:
                out[at : at + length] = rng.bytes(length)
            case 3:
                out[at : at + 4] = bytes([(0x00, 0x7F, 0x80, 0xFF)[int(rng.integers(4))]]) * 4
            case 4:
                del out[at : at + length]
            case 5:
                out[at:at] = out[at : at + length] * int(rng.integers(1, 20))
            case 6 if rng.random() < 0.3:
                del out[at:]
            case _:
                other = int(rng.integers(len(out)))
                out[at : at + length] = out[other : other + length]
    return bytes(out)


# --- running and watching -------------------------------------------------------------------


def judge(what: str) -> Callable[[bytes], str]:
    """Return the function under test, from bytes to the kind of outcome."""
    if what == "embed":
        import onlyme

        def embed(data: bytes) -> str:
            onlyme.embed(data)
            return "embedding"

        return embed
    from onlyme.image.decode import decode

    def frame(data: bytes) -> str:
        decode(data)
        return "frame"

    return frame


def work(what: str, pipe: Any) -> None:
    """Worker process: answer picture by picture until the pipe closes."""
    from onlyme.errors import OnlymeError

    # Otherwise the libraries' warnings about broken files would hide the report.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    run = judge(what)
    while (item := pipe.recv()) is not None:
        name, data = item
        began = time.perf_counter()
        bad = False
        try:
            kind = run(data)
        except OnlymeError as error:
            kind = type(error).__name__
        except Exception as error:  # noqa: BLE001 - to find these is what this program is for
            kind, bad = f"{type(error).__name__}: {error}"[:100], True
        seconds = time.perf_counter() - began
        pipe.send(Outcome(name, kind, seconds, peak_megabytes(), bad))


def peak_megabytes() -> float:
    """Return this process's own peak; ru_maxrss would begin at that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Worker:
    """A process with its pipe, replaced when it hangs or dies."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.start()

    def start(self) -> None:
        """Start a process with a pipe."""
        context = multiprocessing.get_context("spawn")
        self.pipe, other_end = context.Pipe()
        self.process = context.Process(target=work, args=(self.what, other_end), daemon=True)
        self.process.start()
        other_end.close()
        self.fresh = True

    def ask(self, name: str, data: bytes) -> Outcome:
        """Try one picture; a process that hangs or dies is replaced."""
        # The first picture also waits for the process to start and load its networks.
        patience = PATIENCE_SECONDS * (6 if self.fresh else 1)
        self.fresh = False
        try:
            self.pipe.send((name, data))
            if self.pipe.poll(patience):
                outcome: Outcome = self.pipe.recv()
                return outcome
            kind = f"hang: no answer within {patience:.0f} s"
        except (EOFError, OSError):
            kind = "crash: the process died"
        self.process.kill()
        self.process.join()
        self.start()
        return Outcome(name, kind, patience, 0, bad=True)

    def stop(self) -> None:
        """Let the process end."""
        self.pipe.send(None)
        self.process.join(5)


def supervise(items: Iterator[tuple[str, bytes]], what: str) -> Iterator[Outcome]:
    """Give the pictures to the workers; yield the outcomes as they arrive."""
    import threading

    todo: queue.Queue[tuple[str, bytes] | None] = queue.Queue(maxsize=WORKERS * 2)
    done: queue.Queue[Outcome | None] = queue.Queue()

    def serve() -> None:
        worker = Worker(what)
        try:
            while (item := todo.get()) is not None:
                done.put(worker.ask(*item))
            worker.stop()
        finally:
            done.put(None)

    def feed() -> None:
        for item in items:
            todo.put(item)
        for _ in range(WORKERS):
            todo.put(None)

    for target in [feed, *[serve] * WORKERS]:
        threading.Thread(target=target, daemon=True).start()
    finished = 0
    while finished < WORKERS:
        outcome = done.get()
        if outcome is None:
            finished += 1
        else:
            yield outcome


def report(outcomes: list[Outcome], what: str) -> bool:
    """Print the counts, the slowest and the largest; return whether a limit was broken."""
    for kind, count in Counter(outcome.kind for outcome in outcomes).most_common():
        print(f"{count:7d}  {kind}")
    seconds = sorted(outcome.seconds for outcome in outcomes)
    print(f"median {seconds[len(seconds) // 2] * 1e3:.1f} ms; the slowest:")
    for outcome in sorted(outcomes, key=lambda outcome: -outcome.seconds)[:5]:
        print(f"{outcome.seconds:9.3f} s  {outcome.name}: {outcome.kind}")
    peak = max(outcome.megabytes for outcome in outcomes)
    print(f"peak memory of a worker: {peak:.0f} MB")
    bad = [outcome for outcome in outcomes if outcome.bad]
    for outcome in bad[:20]:
        print(f"BAD   {outcome.name}: {outcome.kind}")
    slow = what == "decode" and seconds[-1] > LIMIT_SECONDS
    if slow:
        print(f"SLOW  over {LIMIT_SECONDS:g} s")
    if peak > LIMIT_MEGABYTES:
        print(f"LARGE over {LIMIT_MEGABYTES} MB")
    return bool(bad) or slow or peak > LIMIT_MEGABYTES


if __name__ == "__main__":
    sys.exit(main())
