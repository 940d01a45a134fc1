"""Try the upgrade from version 0.1, which was installed from a wheel, to the Debian package.

    PYTHONPATH=.:packaging packaging/try_upgrade.py --wheels FOLDER --new NEW.deb [--suite bookworm]

FOLDER holds the wheels of version 0.1, of all that it needs with the extra `unlock`, and of pip.
In a Debian that boots, 0.1 is set up as its documentation says: in /opt/onlyme, with its own units,
with lines in PAM and a face in the vault. Then the package is installed, and `setup` takes over.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from try_package import (
    CAMERA,
    PASSWORD,
    USER,
    Trial,
    choose_clip,
    expect,
    expect_root,
    save_photos,
)

from tools.debian.machine import Machine, find_problem
from tools.debian.tree import SUITE, build_tree

_SET_UP = """\
set -e
python3 -m venv --without-pip /opt/onlyme
python3 "$(ls /mnt/wheels/pip-*.whl)/pip" --python /opt/onlyme/bin/python install --quiet \
    --no-index --find-links /mnt/wheels 'onlyme[unlock]'
ln -s /opt/onlyme/bin/onlyme /usr/local/bin/onlyme
groupadd --system onlyme
install -d -m 0700 /etc/onlyme
echo 'camera = "{camera}"' > /etc/onlyme/config.toml
onlyme unlock units
systemctl daemon-reload
systemctl enable --now onlyme.socket onlyme.service
onlyme unlock enroll --user {user} /mnt/photos
onlyme unlock install login sudo --yes --user {user}
"""
"""What the documentation of 0.1 says."""

_WORDS = ("--user", USER, "--camera", CAMERA, "--yes", "--services", "login,sudo")
_INTENT = ("--intent", "enter")


class UpgradeTrial(Trial):
    """The steps from 0.1 to the package."""

    def run(self) -> int:
        """Go through all steps; return the number that failed."""
        pam = self.hash_pam()
        with self.step("version 0.1 is set up as its documentation says"):
            self.machine.check("sh", "-c", _SET_UP.format(camera=CAMERA, user=USER), seconds=300)
        with self.step("login and sudo by face, with version 0.1"):
            self.log_in_by_face()
            expect_root(self.sudo_by_face())
        old, key = self.hash_pam(), self.hash_key()
        with self.step("the package is installed: 0.1 still opens, nothing at the login changed"):
            said = self.machine.check("dpkg", "--install", self._new, seconds=600)
            self.say(said)
            expect("sudo /usr/bin/onlyme unlock setup" in said, "it does not say what comes next")
            expect(self.hash_pam() == old, "installing changed a PAM file")
            expect_root(self.sudo_by_face())
        with self.step("onlyme unlock setup: the daemon, PAM and the face are taken over"):
            words = ["/usr/bin/onlyme", "unlock", "setup", *_WORDS, *_INTENT]
            said = self.machine.check(*words, text_in=f"{PASSWORD}\n", seconds=300)
            self.say(said)
            expect(f"{USER} is enrolled already" in said, "the face of 0.1 was not kept")
            expect(self.hash_key() == key, "the vault's key changed")
            expect("/opt/" not in self.machine.check("cat", "/etc/pam.d/sudo"), "PAM starts 0.1")
            unit = self.machine.check("systemctl", "cat", "onlyme.service")
            expect("/opt/" not in unit, "the unit starts 0.1")
        with self.step("0.1 is removed; sudo by face, with the package"):
            self.machine.check("rm", "-r", "/opt/onlyme", "/usr/local/bin/onlyme")
            expect_root(self.sudo_by_face())
            self.say(self.machine.check("onlyme", "unlock", "status", "--user", USER))
        with self.step("purge: PAM's files byte for byte as before 0.1, the vault stays"):
            self.machine.check("dpkg", "--purge", "onlyme", seconds=300)
            expect(self.hash_pam() == pam, "purge left other PAM files than there were")
            expect(self.hash_key() == key, "purge changed the vault's key")
            self.machine.check("test", "-s", "/var/lib/onlyme/vault.sqlite")
        return self.failures


def main() -> int:
    """Boot, try, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clip", type=Path, default=choose_clip(), help="of a living person")
    parser.add_argument("--wheels", type=Path, required=True, help="of version 0.1, with pip's")
    parser.add_argument("--new", type=Path, required=True, help="a build of the package")
    parser.add_argument("--suite", default=SUITE, help="of Debian")
    arguments = parser.parse_args()
    if problem := find_problem():
        print(f"this cannot be tried here: {problem}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="onlyme-try-") as scratch:
        save_photos(arguments.clip, Path(scratch))
        binds = {
            "/mnt/new": arguments.new.resolve().parent,
            "/mnt/wheels": arguments.wheels.resolve(),
            "/mnt/photos": Path(scratch),
        }
        with Machine(build_tree(arguments.suite), binds) as machine:
            (machine.root / CAMERA.lstrip("/")).write_bytes(arguments.clip.read_bytes())
            machine.add_user(USER, PASSWORD, "sudo")
            failures = UpgradeTrial(machine, arguments.new, arguments.new).run()
    print("all steps went well" if not failures else f"{failures} steps went wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
