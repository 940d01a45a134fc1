"""Start the sealed machine, and furnish it with photos, a clip and drawn people."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faceid.clusters import make_certificates

ROOT = Path(__file__).parents[3]
MACHINE = Path(__file__).with_name("machine.py")
PEOPLE = ("biden", "macron", "ardern", "sunak")


class Sealed:
    """The machine: what runs in it cannot change the real one, and is noticed when it tries to.

    Attributes:
        work: the folder with the photos.
    """

    def __init__(self, work, process):
        self.work = work
        self._process = process

    def ask(self, **asked):
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the sealed machine ended"
        return json.loads(answer)

    def run(self, *command, home="/home/fresh", stdin="", seconds=240, **variables):
        """Run a program to its end."""
        return self.ask(
            run=list(map(str, command)),
            stdin=stdin,
            seconds=seconds,
            **self._surroundings(home, variables),
        )

    def start(self, name, *command, home="/home/fresh", **variables):
        """Start a program in the background; `stop(name)` ends it."""
        words = list(map(str, command))
        return self.ask(start=words, name=name, **self._surroundings(home, variables))

    def stop(self, name):
        return self.ask(stop=name)

    def _surroundings(self, home, variables):
        """The environment of a user who has set nothing."""
        own = {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {"env": own | variables, "cwd": str(self.work / "here")}


@pytest.fixture(scope="session")
def sealed(tmp_path_factory, photos):
    """The machine. Where it cannot be made, CI fails: then nothing proves that nothing leaves."""
    work, place = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("machine")
    furnish(work, photos)
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    options = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    process = subprocess.Popen(
        ["unshare", *own, *options, sys.executable, str(MACHINE), str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        if process.stdout.readline() != '"ready"\n':
            why = f"this machine cannot be sealed: {process.communicate()[1]}"
            if os.environ.get("CI") or os.geteuid() == 0:
                pytest.fail(why)
            pytest.skip(why)
        yield Sealed(work, process)
        process.stdin.close()


def furnish(work, photos):
    """Put the inputs of all commands into a folder."""
    for name in ("here", "out", "presentations/live", "presentations/print"):
        (work / name).mkdir(parents=True)
    for photo in photos.glob("*_*.jpg"):
        shutil.copy2(photo, work)
        person = photo.stem.rpartition("_")[0]
        if person in PEOPLE:
            (work / "people" / person).mkdir(parents=True, exist_ok=True)
            shutil.copy2(photo, work / "people" / person)
    shutil.copy2(photos / "obama_1.jpg", work / "presentations/live")
    shutil.copy2(photos / "biden_1.jpg", work / "presentations/print")
    _film(work / "clip.avi", photos / "obama_2.jpg")
    _draw_album(work / "album")
    make_certificates(work / "certificates")


def _film(path, photo):
    """Make a clip of a photo that moves a little."""
    picture = cv2.resize(cv2.imread(str(photo)), (480, 480))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (480, 480))
    for number in range(30):
        noise = np.random.default_rng(number).integers(0, 9, picture.shape, np.uint8)
        writer.write(cv2.add(np.roll(picture, number % 7, axis=1), noise))
    writer.release()


def _draw_album(folder):
    """Draw the photos of eight people."""
    from onlyme.lab.synthetic import draw_synthetic_faces

    for person, faces in enumerate(draw_synthetic_faces(8, 7, seed=1)):
        (folder / f"p{person:02d}").mkdir(parents=True)
        for index, face in enumerate(faces):
            picture = np.full((240, 240, 3), 200, np.uint8)
            picture[40:200, 40:200] = cv2.resize(face, (160, 160))
            cv2.imwrite(str(folder / f"p{person:02d}" / f"{index}.png"), picture[..., ::-1])
