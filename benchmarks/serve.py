"""Measure the service: verifications a second, waiting times, memory, wrong answers.

    python benchmarks/serve.py                     # about two minutes
    python benchmarks/serve.py --requests 20000    # memory over 20,000 requests, all checked

`onlyme serve` runs as a user runs it, with gate, log and liveness. The load comes from this
process over raw sockets with requests made beforehand, which costs a few percent of what the
service does; a client such as locust would take milliseconds a request from the same cores. Each
answer is compared with the decision of the library on that picture.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import platformdirs

from onlyme import FaceID
from onlyme.faceid import networks, wiring
from onlyme.serve.access.tokens import Scope, Tokens
from onlyme.settings import Settings

PHOTOS = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"
ENROLLED = {"obama": ("obama_1", "obama_2", "obama_4"), "biden": ("biden_1",)}
ASKED = (
    *(("obama", "obama_2"), ("obama", "obama_4"), ("biden", "biden_1"), ("obama", "obama_1")),
    *(("obama", "obama_2"), ("biden", "biden_1"), ("obama", "obama_4"), ("obama", "sunak_1")),
)
CALLERS = 8
WARM = 32


class Question(NamedTuple):
    """One request, and the answer that it must get."""

    name: str
    picture: bytes
    request: bytes
    accepted: bool
    margin: float


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, question: Question) -> str:
        """Send a question; return what is wrong with the answer, or an empty text."""
        self._line.sendall(question.request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        while len(body) < length:
            body += self._receive()
        if not head.startswith(b"HTTP/1.1 200 "):
            return f"{head.split(b' ', 2)[1].decode()}: {body.decode()}"
        document = json.loads(body)
        same = (
            document["name"] == question.name
            and document["accepted"] is question.accepted
            and document["margin"] is not None
            and abs(document["margin"] - question.margin) < 1e-3
        )
        return "" if same else f"expected {question[0]} {question[3:]}, got {body.decode()}"

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _receive(self) -> bytes:
        piece = self._line.recv(65536)
        if not piece:
            raise ConnectionError("the service hung up")
        return piece


class Load(NamedTuple):
    """The result of a run."""

    seconds: float
    latencies_ms: list[float]
    wrong: list[str]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds


def run_closed_loop(port: int, questions: list[Question], total: int) -> Load:
    """Ask with eight callers; each asks again as soon as it has its answer."""
    took: list[float] = []
    wrong: list[str] = []
    remaining = iter(range(total))
    lock = threading.Lock()

    def caller(offset: int) -> None:
        client, number = Client(port), offset
        while True:
            with lock:
                if next(remaining, None) is None:
                    break
            start = time.perf_counter()
            fault = client.ask(questions[number % len(questions)])
            number += 1
            with lock:
                took.append(1e3 * (time.perf_counter() - start))
                if fault:
                    wrong.append(fault)
        client.close()

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(CALLERS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(time.perf_counter() - start, took, wrong)


def run_open_loop(port: int, questions: list[Question], rate: float, total: int) -> Load:
    """Ask at random times (Poisson), whether or not the earlier requests are done."""
    draw = random.Random(0)  # noqa: S311 - a load, no secret
    due_at: queue.Queue[tuple[float, Question] | None] = queue.Queue()
    took: list[float] = []
    wrong: list[str] = []

    def caller() -> None:
        while (next_ := due_at.get()) is not None:
            due, question = next_
            client = Client(port)  # the service closes connections that are idle for long
            fault = client.ask(question)
            took.append(1e3 * (time.perf_counter() - due))  # from when it should have begun
            client.close()
            if fault:
                wrong.append(fault)

    threads = [threading.Thread(target=caller) for _ in range(4 * CALLERS)]
    for thread in threads:
        thread.start()
    start = due = time.perf_counter()
    for number in range(total):
        due += draw.expovariate(rate)
        time.sleep(max(0.0, due - time.perf_counter()))
        due_at.put((due, questions[number % len(questions)]))
    for _ in threads:
        due_at.put(None)
    for thread in threads:
        thread.join()
    return Load(time.perf_counter() - start, took, wrong)


def time_library(settings: Settings, questions: list[Question], times: int) -> tuple[float, float]:
    """Return wall and processor seconds of one verification, one after the other, with the gate."""
    with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
        for question in questions:
            face_id.verify(question.name, question.picture, "passive", gate=True, source="alone")
        start, used = time.perf_counter(), time.process_time()
        for number in range(times):
            question = questions[number % len(questions)]
            face_id.verify(question.name, question.picture, "passive", gate=True, source="alone")
        wall, used = time.perf_counter() - start, time.process_time() - used
    return wall / times, used / times


def enroll_people(folder: Path) -> tuple[Settings, str, list[Question]]:
    """Make a vault with two people; return settings, a token, and questions with their answers."""
    settings = Settings.load(vault=folder)
    pictures = {path.stem: path.read_bytes() for path in PHOTOS.glob("*.jpg")}
    with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
        for name, photos in ENROLLED.items():
            face_id.enroll(name, [pictures[photo] for photo in photos])
        token = Tokens(face_id.admin).create("load", Scope.ADMIN, None, 10_000)
        questions = []
        for name, picture in ASKED:
            decision = face_id.verify(name, pictures[picture], "passive")
            if decision.margin is None:
                raise SystemExit(f"{picture}: {decision.reason}")
            request = (
                f"POST /v1/names/{name}/verify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(pictures[picture])}\r\n\r\n"
            ).encode() + pictures[picture]
            questions.append(
                Question(name, pictures[picture], request, decision.accepted, decision.margin)
            )
    return settings, token, questions


@contextmanager
def run_service(folder: Path):
    """Run `onlyme serve`; yield its process id and port."""
    command = [sys.executable, "-m", "onlyme", "serve", "--port", "0", "--vault", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                break
        else:
            raise SystemExit("the service did not start")
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait(60)


def read_resident_mb(pid: int) -> float:
    """Return the megabytes that a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def read_processor_seconds(pid: int) -> float:
    """Return the seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compute_percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000, help="of the memory run")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of library and service")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder) / "vault", asked.rounds, asked.requests)


def run(folder: Path, rounds: int, requests: int) -> int:
    """Print all figures; return 1 if an answer was wrong."""
    settings, _, questions = enroll_people(folder)
    runtime = networks.choose_runtime(settings, lasting=True)
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, networks on {runtime}; {CALLERS} callers, pictures of "
          f"{min(len(q.picture) for q in questions) // 1000} to "
          f"{max(len(q.picture) for q in questions) // 1000} kB")  # fmt: skip
    wrong: list[str] = []
    checked = 0
    with run_service(folder) as (pid, port):
        wrong += run_closed_loop(port, questions, WARM).wrong
        print("\nverifications a second, against the time of one (paired, one after the other):")
        ratios, rates = [], []
        for _ in range(rounds):
            wall, used = time_library(settings, questions, 64)
            before = resource.getrusage(resource.RUSAGE_SELF)
            busy = read_processor_seconds(pid)
            load = run_closed_loop(port, questions, 200)
            busy = (read_processor_seconds(pid) - busy) / len(load.latencies_ms)
            after = resource.getrusage(resource.RUSAGE_SELF)
            own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            ratios.append(load.rate * wall)
            rates.append(load.rate)
            wrong += load.wrong
            checked += len(load.latencies_ms)
            print(
                f"  one takes {1e3 * wall:.1f} ms ({1e3 * used:.1f} ms of processor): "
                f"ideal {1 / wall:.1f}/s; service {load.rate:.1f}/s = {ratios[-1]:.0%}, "
                f"{1e3 * busy:.1f} ms of processor each; "
                f"the load itself took {own / load.seconds / cores:.1%} of the cores"
            )
        print(f"  median of {rounds}: {statistics.median(ratios):.0%} of the ideal")

        rate = statistics.median(rates) / 2
        load = run_open_loop(port, questions, rate, max(200, int(20 * rate)))
        wrong += load.wrong
        checked += len(load.latencies_ms)
        print(
            f"\nat half load ({rate:.1f}/s, Poisson, n = {len(load.latencies_ms)}): "
            f"median {compute_percentile(load.latencies_ms, 0.5):.1f} ms, "
            f"95 % within {compute_percentile(load.latencies_ms, 0.95):.1f} ms, "
            f"99 % within {compute_percentile(load.latencies_ms, 0.99):.1f} ms"
        )

        print("\nmemory of the service:")
        start = read_resident_mb(pid)
        for part in range(4):
            load = run_closed_loop(port, questions, requests // 4)
            wrong += load.wrong
            checked += len(load.latencies_ms)
            print(f"  after {(part + 1) * (requests // 4):>6} more: {read_resident_mb(pid):.1f} MB "
                  f"({read_resident_mb(pid) - start:+.1f})")  # fmt: skip
    print(f"\nwrong or mixed-up answers: {len(wrong)} of {checked}")
    for each in wrong[:5]:
        print(f"  {each[:300]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
