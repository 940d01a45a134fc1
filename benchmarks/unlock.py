"""Measure the computer's login: its time, its memory, its gestures and its wrong verdicts.

    benchmarks/unlock.py                 all of it: about three minutes on an idle machine
    benchmarks/unlock.py --attempts 100 --fuzz 500

Needs ONLYME_DATA and root: the real daemon runs on a private copy of /etc, with clips as its
camera. Times are from the start of PAM's helper to its exit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from onlyme import FaceID  # noqa: E402 - the path is set first
from onlyme.faceid import wiring  # noqa: E402 - the path is set first
from onlyme.image.sources import read_frames  # noqa: E402 - the path is set first
from onlyme.settings import Settings  # noqa: E402 - the path is set first
from onlyme.unlock.transport import SOCKET, ask  # noqa: E402 - the path is set first
from tests.unlock import stack as stacks  # noqa: E402 - the same private PAM as the tests use
from tests.unlock.conftest import (  # noqa: E402 - the path is set first
    CLIPS,
    GESTURE_FRAMES,
    camera,
    clip,
    copy_vault,
    film,
    run_drawing,
    set_gesture,
    some_frames,
)

OWNER = stacks.USER


class Daemon:
    """The running daemon: asks it, and reads from the kernel what it uses."""

    def __init__(self, stack, process):
        self.stack, self.pid = stack, process.pid
        self._asked = 0

    def ask(self, user=OWNER):
        """Ask about a user as a display manager's helper does; each name is another login."""
        self._asked += 1
        question = {"user": user, "service": f"login-{self._asked}", "seconds": 10}
        question |= {"asker": "greeter", "seat": "local"}
        return ask(str(self.stack.socket()), "/v1/attempt", question, 10)[1]

    def ask_gesture(self, user=OWNER):
        """Ask as sudo's helper does; return the milliseconds to the gesture, and the outcome."""
        self._asked += 1
        question = {"user": user, "service": f"sudo-{self._asked}", "seconds": 10}
        question |= {"asker": "owner", "seat": "local", "can_show": True}
        began = time.perf_counter()
        asked = ask(str(self.stack.socket()), "/v1/attempt", question, 10)[1]
        took_ms = (time.perf_counter() - began) * 1e3
        shown = {"ticket": asked["ticket"]}
        return took_ms, ask(str(self.stack.socket()), "/v1/attempt", shown, 60)[1]

    def show(self, video):
        """Let the camera see a video: a link, so that nothing is copied."""
        new = camera(self.stack).with_suffix(".new")
        new.symlink_to(video)
        new.replace(camera(self.stack))

    def read_megabytes(self):
        """Return its resident memory."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1000
        raise ValueError

    def count_descriptors(self):
        """Return how many files it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def read_processor_seconds(self):
        """Return the processor time that it has used since it started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_TIMED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[2:], env=json.loads(sys.argv[1]), capture_output=True)
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, took * 1e3, used.ru_utime + used.ru_stime]))
"""


def time_helper(stack, kind):
    """Run PAM's helper once, as a display manager; return its milliseconds and processor time."""
    variables = {"PAM_TYPE": kind, "PAM_USER": OWNER, "PAM_SERVICE": "greetd"}
    words = (json.dumps(variables), stacks.HELPER, "--seconds", "10")
    done = stack.run(sys.executable, "-c", _TIMED, *words)
    code, took_ms, processor_seconds = json.loads(done.stdout)
    if (code == 0) != (kind == "auth"):
        raise SystemExit(f"a wrong verdict: {done}")
    return took_ms, processor_seconds


def measure_logins(daemon, count):
    """Measure the helper's own start, the whole login, and the camera's share of it."""
    start, whole, cameras, looks = [], [], [], []
    spent, spent_here = daemon.read_processor_seconds(), 0.0
    for _ in range(count):
        for kind, times in (("session", start), ("auth", whole)):
            took_ms, processor_seconds = time_helper(daemon.stack, kind)
            times.append(took_ms)
            spent_here += processor_seconds
        answer = daemon.ask()
        cameras.append(answer["camera_ms"])
        looks.append(answer["look_ms"])
    median = statistics.median
    print(f"\n{count} logins of the owner, warm, three frames with passive liveness; medians:")
    print(f"  the helper's own start and end         {median(start):6.1f} ms   (60 ms or less)")
    print(f"  from the helper's start to its exit    {median(whole):6.1f} ms")
    print(f"  of which the camera's frames           {median(cameras):6.1f} ms")
    print(
        f"  without those                          {median(whole) - median(cameras):6.1f} ms"
        "   (150 ms or less)"
    )
    print(f"  of which looking and deciding          {median(looks) - median(cameras):6.1f} ms")
    spent = daemon.read_processor_seconds() - spent
    print(f"  nine of ten take at most               {sorted(whole)[count * 9 // 10]:6.1f} ms")
    print(f"  processor time of the daemon, per look {spent / 2 / count * 1e3:6.1f} ms")
    print(f"  processor time of the helper, per run  {spent_here / 2 / count * 1e3:6.1f} ms")


def measure_gestures(daemon, folder, count):
    """Measure the wait for the prompt, and the computing for a gesture, over its film's length."""
    frames = list(read_frames(clip(Path(os.environ["ONLYME_DATA"]), OWNER)))
    before = daemon.read_megabytes()
    prompts, looks, wrong = [], [], 0
    for number in range(count):
        gesture = list(GESTURE_FRAMES)[number % len(GESTURE_FRAMES)]
        start = GESTURE_FRAMES[gesture]
        path = folder / f"{gesture}.avi"
        if not path.exists():
            film(frames[start : start + 60], path)
        daemon.show(path)
        set_gesture(daemon.stack, gesture)
        prompt_ms, answer = daemon.ask_gesture()
        if not answer["accepted"]:
            wrong += 1
            continue
        if number:  # the first one loads the networks
            prompts.append(prompt_ms)
            looks.append(answer["look_ms"] - answer["camera_ms"] - prompt_ms)
    median = statistics.median
    print(f"\n{count} gestures of the owner (nod, left, right), warm; medians:")
    print(f"  refused                                {wrong}")
    print(f"  from the question to the gesture       {median(prompts):6.1f} ms")
    print(f"  computing, in a film of two seconds    {median(looks):6.1f} ms")
    print(f"  memory: {before:.0f} MB before the first one, {daemon.read_megabytes():.0f} after")


def run_attempts(daemon, data, count):
    """Attempt each clip for each user, with an opening attempt in between; check the verdicts."""
    others = [(user, path) for user in CLIPS for path in sorted((data / "clips").glob("*.mp4"))]
    wrong, opened = [], 0
    daemon.show(clip(data, OWNER))
    for _ in range(20):
        daemon.ask()
    before, handles, highest = daemon.read_megabytes(), daemon.count_descriptors(), 0.0
    for number in range(count):
        user, path = others[number // 2 % len(others)]
        if number % 2 == 0:
            path = clip(data, user)  # this opens, so that the gate starts over
        daemon.show(path)
        answer = daemon.ask(user)
        expected = path == clip(data, user)
        opened += answer["accepted"]
        if answer["accepted"] != expected:
            wrong.append((user, path.stem, answer["reason"]))
        if number % 50 == 49:
            highest = max(highest, daemon.read_megabytes())
    print(f"\n{count} attempts in a row, {opened} of them opened:")
    print(f"  wrong verdicts: {len(wrong)} {wrong[:5] if wrong else ''}")
    after = daemon.read_megabytes()
    print(f"  memory: {before:.0f} MB before, {after:.0f} after, {highest:.0f} at most")
    print(f"  descriptors: {handles} before, {daemon.count_descriptors()} after")


def measure_idle(daemon, seconds):
    time.sleep(1)
    before = daemon.read_processor_seconds()
    time.sleep(seconds)
    spent = daemon.read_processor_seconds() - before
    print(f"\nidle for {seconds} s: {daemon.read_megabytes():.0f} MB (200 or less), ", end="")
    print(f"{spent * 1e3:.0f} ms of processor time")


def send_noise(daemon, data, count):
    words = (sys.executable, ROOT / "tests/unlock/daemon/fuzz.py", SOCKET, 1, count)
    done = daemon.stack.run(*words, uid=stacks.UID, seconds=900)
    statuses = json.loads(done.stdout)
    daemon.show(clip(data, stacks.OTHER))
    serving = daemon.ask(stacks.OTHER)["accepted"]
    time.sleep(1)
    print(f"\n{sum(statuses.values())} hostile messages from one user: ", end="")
    print(", ".join(f"{status or 'no answer'}: {n}" for status, n in sorted(statuses.items())))
    print(f"  then the daemon {'serves' if serving else 'DOES NOT SERVE'}", end="")
    print(f" with {daemon.read_megabytes():.0f} MB and {daemon.count_descriptors()} descriptors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=40, help="through the helper")
    parser.add_argument("--gestures", type=int, default=31, help="as sudo asks for them")
    parser.add_argument("--attempts", type=int, default=1000, help="in a row")
    parser.add_argument("--idle", type=int, default=10, help="seconds")
    parser.add_argument("--fuzz", type=int, default=10_000, help="messages")
    chosen = parser.parse_args()
    data = Path(os.environ["ONLYME_DATA"])
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    folder = Path(tempfile.mkdtemp(prefix="onlyme-"))
    try:
        stack = stacks.Stack(folder / "stack")
        settings = Settings.load(vault=folder / "lib", key_file=folder / "vault.key")
        with FaceID(wiring.assemble(settings)) as face_id:
            for user in CLIPS:
                face_id.enroll(user, some_frames(clip(data, user)))
        copy_vault(stack, folder)
        stack.configure(camera=camera(stack), unlock_gesture_seconds=50)
        command = run_drawing(stack, next(iter(GESTURE_FRAMES)))
        with stack.daemon(command=command) as process:
            daemon = Daemon(stack, process)
            daemon.show(clip(data, OWNER))
            measure_idle(daemon, chosen.idle)
            measure_logins(daemon, chosen.logins)
            measure_gestures(daemon, folder, chosen.gestures)
            daemon.show(clip(data, OWNER))
            run_attempts(daemon, data, chosen.attempts)
            measure_idle(daemon, chosen.idle)
            send_noise(daemon, data, chosen.fuzz)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
