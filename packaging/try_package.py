"""Try the Debian package on a booted Debian, from nothing to a login by face, and back.

    packaging/try.sh [--clip CLIP] [--old OLD.deb --new NEW.deb] [--suite bookworm]

CLIP is a video of a living person, which takes the place of the camera; by default one of the
folder that ONLYME_DATA names. Some of its frames are the photos to enroll from. OLD and NEW are two
builds of the package, of which NEW has the higher version; by default they are built here. It
prints what was seen at each step, and ends with exit code 1 if a step went wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from onlyme.image.sources import read_frames
from tools.debian.machine import Machine, find_problem
from tools.debian.tree import SUITE, build_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "ada", "correct horse"
PROMPT = f"password for {USER}:"
CAMERA = "/srv/camera.mp4"
ROOT = Path(__file__).resolve().parent.parent
CLIP = "clips/tranvan_live.mp4"
PHOTO_FRAMES = range(40, 115, 15)
EMPTY_FRAMES = 3000
TRIES = 4  # a computer that is busy with other work may miss the deadline of a login


class Trial:
    """The steps, and what they showed."""

    def __init__(self, machine: Machine, old: Path, new: Path) -> None:
        self.machine, self.console = machine, machine.console
        self._old, self._new = (
            f"/mnt/{kind}/{path.name}" for kind, path in (("old", old), ("new", new))
        )
        self._plain = self._installed = self._key = ""
        """Hashes: of PAM's files before and after the set-up, and of the vault's key."""
        self.failures = 0
        self._began = time.monotonic()

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Print a step, how it ended, and how long it took."""
        began = time.monotonic()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - each step is tried, and the last words are shown
            self.failures += 1
            self._print("✗", words, began)
            print("    " + str(error)[-1500:].replace("\n", "\n    "), flush=True)
        else:
            self._print("✓", words, began)

    def say(self, text: str) -> None:
        """Print what a command showed, indented."""
        for line in text.strip().splitlines():
            print(f"    {line}", flush=True)

    def _print(self, mark: str, words: str, began: float) -> None:
        print(f"{mark} {time.monotonic() - began:6.1f} s  {words}", flush=True)

    # ------------------------------------------------------------------------- the steps

    def run(self) -> int:
        """Go through all steps; return the number that failed."""
        self._plain = self.hash_pam()
        self.install_and_set_up()
        self.look_at_what_it_says()
        self.open_without_a_face()
        self.move_the_key()
        self._installed, self._key = self.hash_pam(), self.hash_key()
        self.upgrade()
        self.undo_and_repeat()
        self.purge_and_install()
        return self.failures

    def install_and_set_up(self) -> None:
        """From the fresh Debian to sudo by face, with three commands."""
        with self.step("1st command: apt-get install ./onlyme.deb (dpkg, without network)"):
            self.say(self.machine.check("dpkg", "--install", self._old, seconds=600))
            expect(self.hash_pam() == self._plain, "installing changed a PAM file")
        with self.step("2nd command: onlyme unlock setup, with a video as the camera"):
            self.say(self.set_up())
        with self.step("3rd command: sudo, by face, at a console with a session of logind"):
            self.log_in_by_face()
            words = "loginctl --no-pager show-session $XDG_SESSION_ID -p Seat -p State"
            self.say(self.console.run(words).stdout)
            expect_root(self.sudo_by_face())
        print(f"  {time.monotonic() - self._began:6.1f} s from the fresh Debian to sudo by face")

    def look_at_what_it_says(self) -> None:
        """One attempt that opens nothing, and the journal."""
        with self.step("onlyme unlock test: one attempt that opens nothing"):
            self.say(self.machine.run("onlyme", "unlock", "test", "--user", USER).stdout)
        with self.step("the journal says how attempts ended"):
            said = self.machine.check("journalctl", "-u", "onlyme", "--no-pager", "-o", "cat")
            lines = [line for line in said.splitlines() if f"user={USER}" in line]
            expect(any("service=sudo verdict=accepted" in line for line in lines), said)
            self.say("\n".join(lines[-3:]))

    def open_without_a_face(self) -> None:
        """The password opens: after a key, while the face is off, and without the daemon."""
        with self.step(
            "no one before the camera: a key at the console's login asks for the password"
        ):
            self.log_in_by_key()
        with self.step("disabled for an hour: the password is asked for; enabled again"):
            self.machine.check("onlyme", "unlock", "disable", "--for", "1h")
            expect_root(self.sudo_by_password())
            self.machine.check("onlyme", "unlock", "enable")
        with self.step("the daemon is killed: the password opens"):
            self.machine.check("systemctl", "stop", "onlyme.socket", "onlyme.service")
            began = time.monotonic()
            expect_root(self.sudo_by_password())
            self.say(f"{time.monotonic() - began:.1f} s from sudo to root")
            self.machine.check("systemctl", "start", "onlyme.socket", "onlyme.service")

    def move_the_key(self) -> None:
        """Move the vault's key to a file and back to systemd's credentials."""
        with self.step("the vault's key: what it is bound to, moved away and back"):
            self.say(self.machine.check("onlyme", "unlock", "key"))
            self.say(self.machine.check("onlyme", "unlock", "key", "--to", "file"))
            words = ["onlyme", "unlock", "key", "--to", "credential"]
            self.say(self.machine.check(*words, text_in="a recovery passphrase\n"))
            expect_root(self.sudo_by_face())

    def upgrade(self) -> None:
        """Install the newer package over the older."""
        with self.step("upgrade: the vault and PAM's files are as before, the face opens"):
            self.say(self.machine.check("dpkg", "--install", self._new, seconds=600))
            expect(self.hash_pam() == self._installed, "the upgrade changed a PAM file")
            expect(self.hash_key() == self._key, "the upgrade changed the vault's key")
            expect_root(self.sudo_by_face())

    def undo_and_repeat(self) -> None:
        """Undo the set-up and do it again; switch PAM's profile on and off."""
        with self.step("teardown, and setup once more: settings and PAM's files as before"):
            settings = self.machine.root / "etc/onlyme/config.toml"
            shipped = settings.read_text().replace("  # onlyme unlock setup", "")
            self.machine.check("onlyme", "unlock", "teardown", "--yes")
            expect(self.hash_pam() == self._plain, "teardown left other PAM files than there were")
            kept = [line for line in shipped.splitlines() if line.startswith("#") or not line]
            expect(settings.read_text().splitlines() == kept, "teardown left other settings")
            self.set_up()
            expect(self.hash_pam() == self._installed, "setup wrote other PAM files than before")
            expect_root(self.sudo_by_face())
        with self.step("pam-auth-update's profile: off until asked, on, and off again"):
            self.check_profile()

    def purge_and_install(self) -> None:
        """Purge the package; install it again."""
        with self.step("purge: PAM's files byte for byte as at first, the vault stays"):
            said = self.machine.check("dpkg", "--purge", "onlyme", seconds=300)
            self.say(said)
            expect(self.hash_pam() == self._plain, "purge left other PAM files than there were")
            expect(self.hash_key() == self._key, "purge changed the vault's key")
            self.machine.check("test", "-s", "/var/lib/onlyme/vault.sqlite")
            expect("/var/lib/onlyme" in said, "purge did not say where the faces are")
            expect_root(self.sudo_by_password())
        with self.step("installed again after purge: the faces are there"):
            self.machine.check("dpkg", "--install", self._new, seconds=600)
            words = ["onlyme", "unlock", "status", "login", "--user", USER, "--json"]
            (row,) = json.loads(self.machine.check(*words))["services"]
            expect(row["daemon"]["reason"] != "not_enrolled", str(row))
            self.say(f"the daemon's answer for {USER}: {row['daemon']['reason']}")

    # ------------------------------------------------------------- what the steps consist of

    def set_up(self) -> str:
        """Run setup with every step given as an option."""
        words = ["--user", USER, "--camera", CAMERA, "--photos", "/mnt/photos", "--yes"]
        words += ["--services", "login,sudo", "--intent", "enter"]
        return self.machine.check(
            "onlyme", "unlock", "setup", *words, text_in=f"{PASSWORD}\n", seconds=300
        )

    def log_in_by_face(self) -> None:
        """Log in at the console; the face alone opens."""
        for _ in range(TRIES):
            self.console.read_until("login:")
            self.console.clear()
            self.console.type(f"{USER}\n")
            if "assword:" not in self._wait_for("$", "assword:"):
                return
            self.console.type("\n")
        raise RuntimeError("the face did not open the console's login")

    def log_in_by_key(self) -> None:
        """Log out, and in again with a key that ends the search for a face, and the password."""
        camera = self.machine.root / CAMERA.lstrip("/")
        person = camera.read_bytes()
        try:
            film_empty_room(camera)
            self.console.type("exit\n")
            self.console.read_until("login:")
            self.console.clear()
            self.console.type(f"{USER}\n")
            self.console.read_until("any key: password")
            self.console.type("x")
            self.console.read_until("A key was pressed")
            self.console.answer("assword:", PASSWORD, "$")
        finally:
            camera.write_bytes(person)

    def sudo_by_face(self) -> str:
        """Run `sudo id` with Enter and the face; return what is seen."""
        for _ in range(TRIES):
            self.console.clear()
            self.console.type("clear; sudo -k; sudo id\n")
            seen = self._wait_for("Enter allows", PROMPT)
            if "Enter allows" in seen:
                self.console.type("\n")
                seen = self._wait_for("uid=0", PROMPT)
            if "uid=0" in seen:
                return seen
            self.say(seen)
            self.console.type("\x03")
            time.sleep(0.5)
        raise RuntimeError("the face did not open sudo")

    def sudo_by_password(self) -> str:
        """Run `sudo id` with the password; return what is seen."""
        self.console.clear()
        self.console.type("clear; sudo -k; sudo id\n")
        seen = self._wait_for("Enter allows", PROMPT)
        if "Enter allows" in seen:
            self.console.type("n")
            self.console.read_until(PROMPT)
        self.console.type(f"{PASSWORD}\n")
        return self._wait_for("uid=0", "try again")

    def check_profile(self) -> None:
        """Switch the profile for pam-auth-update on and off."""
        before = self.hash_pam()
        common = self.machine.root / "etc/pam.d/common-auth"
        expect("onlyme" not in common.read_text(), "the profile was on without being asked for")
        self.machine.check("pam-auth-update", "--package", "--enable", "onlyme")
        expect("onlyme-pam" in common.read_text(), "the profile is not in common-auth")
        self.machine.check("pam-auth-update", "--package", "--disable", "onlyme")
        expect(self.hash_pam() == before, "common-auth is not as it was")

    def _wait_for(self, *words: str, seconds: float = 60) -> str:
        """Wait until one of some words is seen; return all that is seen then."""
        end = time.monotonic() + seconds
        while not any(word in (seen := self.console.read()) for word in words):
            if time.monotonic() > end:
                raise RuntimeError(f"none of {words} was seen in {seen!r}")
            time.sleep(0.05)
        return seen

    def hash_pam(self) -> str:
        """Hash PAM's files."""
        return hash_files(self.machine.root / "etc/pam.d")

    def hash_key(self) -> str:
        """Hash the vault's key. The vault itself gets a line in its log at each attempt."""
        return self.machine.check("sh", "-c", "sha256sum /etc/onlyme/vault.*")


def hash_files(folder: Path) -> str:
    """Hash the names, modes and bytes of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        status = path.stat()
        digest.update(f"{path.name} {status.st_mode:o} {status.st_uid} ".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def film_empty_room(path: Path) -> None:
    """Write a video without a person, too long for any attempt to reach its end."""
    video = cv2.VideoWriter(f"{path}", cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (640, 480))
    for _ in range(EMPTY_FRAMES):
        video.write(np.full((480, 640, 3), 60, np.uint8))
    video.release()


def expect(truth: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Fail a step unless something is so."""
    if not truth:
        raise RuntimeError(otherwise)


def expect_root(seen: str) -> None:
    """Fail a step unless `sudo id` ran as root."""
    expect("uid=0(root)" in seen, "sudo did not open")


def build_packages(folder: Path, suite: str) -> tuple[Path, Path]:
    """Build the wheel, and two revisions of the Debian package from it, without compression.

    The package is built here for the release of this computer, and in a folder of its files
    for another one.
    """
    release = platform.freedesktop_os_release().get("VERSION_CODENAME")
    script = ["build_deb.py"] if suite == release else ["build_in.py", "--suite", suite]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder]
    subprocess.run([*pip, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    found = []
    for revision in ("1", "2"):
        words = [sys.executable, ROOT / "packaging" / script[0], *script[1:], wheel, "--unpacked"]
        out = folder / revision
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run([*words, "--out", out, "--revision", revision], env=environment, check=True)
        found.append(next(out.glob("*.deb")))
    return found[0], found[1]


def choose_clip() -> Path:
    """Return the clip of a living person that is tried where no other is named."""
    return Path(os.environ.get("ONLYME_DATA", ROOT / "../shared/data")) / CLIP


def save_photos(clip: Path, folder: Path) -> None:
    """Save some frames of the clip as photos."""
    for number, frame in enumerate(read_frames(clip)):
        if number in PHOTO_FRAMES:
            Image.fromarray(frame.pixels).save(folder / f"{number}.png")


def main() -> int:
    """Boot, try, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clip", type=Path, default=choose_clip(), help="of a living person")
    parser.add_argument("--old", type=Path, help="a build of the package")
    parser.add_argument("--new", type=Path, help="another with a higher version")
    parser.add_argument("--suite", default=SUITE, help="of Debian")
    arguments = parser.parse_args()
    problem = find_problem()
    if not problem and not arguments.clip.is_file():
        problem = f"there is no video {arguments.clip}; name one of a living person with --clip"
    if problem:
        print(f"this cannot be tried here: {problem}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="onlyme-try-") as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        save_photos(arguments.clip, photos)
        old, new = arguments.old, arguments.new
        if old is None or new is None:
            old, new = build_packages(Path(scratch), arguments.suite)
        binds = {
            "/mnt/old": old.resolve().parent,
            "/mnt/new": new.resolve().parent,
            "/mnt/photos": photos,
        }
        with Machine(build_tree(arguments.suite), binds) as machine:
            (machine.root / CAMERA.lstrip("/")).write_bytes(arguments.clip.read_bytes())
            machine.add_user(USER, PASSWORD, "sudo")
            release = machine.check("cat", "/etc/debian_version").strip()
            print(f"Debian {release}, {os.cpu_count()} cores, {new.stat().st_size / 1e6:.0f} MB")
            failures = Trial(machine, old, new).run()
    print("all steps went well" if not failures else f"{failures} steps went wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
