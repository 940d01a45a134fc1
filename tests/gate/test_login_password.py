"""`onlyme reset` and the login password, through the system's real unix_chkpwd.

In a mount namespace of its own, /etc/passwd and /etc/shadow are a scratch user's; the command
runs as that user, on a terminal of its own.
"""

import os
import pty
import select
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from onlyme.gate.admission import Gate
from onlyme.vault.store import Store
from tests.gate.conftest import NO_MATCH

UID = 48_611
SECONDS = 120
WORDS = "correct horse"
HASH = (  # of WORDS, by `openssl passwd -6 -salt onlyme`
    "$6$onlyme$llD.6mOEL37djjhnOCX5I7xBER6b17n4fYt9Z699QfuRzRap0ueN61WyXajRCP/"
    "iApUjnNVfIYAkMVDpueKbP/"
)

INSIDE = f"""
set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount --bind "$2" "$1/python"
mount --bind "$3" "$1/packages"
mount --bind "$4" "$1/source"
export PYTHONPATH="$1/source:$1/packages" HOME="$1/home" PATH="$1/python/bin:$PATH"
shift 4
exec setpriv --reuid={UID} --regid={UID} --clear-groups "$@"
"""


class Machine:
    """A machine with one user, who has a vault in which no try is left."""

    def __init__(self, root, hashed):
        self._root = root
        self.vault = root / "home" / "vault"
        for name in ("python", "packages", "source", "home"):
            (root / name).mkdir()
        (root / "passwd").write_text(
            f"root:x:0:0:root:/root:/bin/sh\nada:x:{UID}:{UID}::{root}/home:/bin/sh\n"
        )
        (root / "shadow").write_text(f"root:*:20000::::::\nada:{hashed}:20000:0:99999:7:::\n")
        shadow = root / "shadow"
        shadow.chmod(0o640)
        shutil.copystat("/etc/shadow", shadow)
        os.chown(shadow, 0, Path("/etc/shadow").stat().st_gid)
        store = Store(self.vault)
        gate = Gate(store)
        for _ in range(5):
            gate.decide("ada", "camera 0", lambda: NO_MATCH)
        store.close()
        self._own(UID)

    def _own(self, uid):
        for path in (self._root / "home", self.vault, *self.vault.iterdir()):
            os.chown(path, uid, uid)

    def _command(self, *before):
        """Run `onlyme reset ada` as the user, after a command that gives it a terminal."""
        source = Path(__file__).parents[2] / "src"
        places = (self._root, sys.base_prefix, sysconfig.get_path("purelib"), source)
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        words = (*before, python, "-m", "onlyme", "reset", "ada", "--vault", self.vault)
        return ["unshare", "--mount", "sh", "-c", INSIDE, "sh", *map(str, (*places, *words))]

    def reset(self, typed):
        """Type a password on a terminal; return the exit code and what was on the screen."""
        screen, keyboard = pty.openpty()
        command = self._command("setsid", "--ctty", "--wait")
        with subprocess.Popen(command, stdin=keyboard, stdout=keyboard, stderr=keyboard) as process:
            os.close(keyboard)
            try:
                seen = b""
                while b"password: " not in seen and (more := _read(screen)):
                    seen += more
                os.write(screen, typed.encode() + b"\n")
                while more := _read(screen):
                    seen += more
                return process.wait(SECONDS), seen.decode()
            finally:
                process.kill()
                os.close(screen)

    def reset_in_a_pipe(self, typed):
        done = subprocess.run(
            self._command(), input=typed, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stderr

    def tries(self):
        """How many tries are left; 5 where none has failed."""
        self._own(0)
        store = Store(self.vault)
        allowances = Gate(store).allowances()
        store.close()
        self._own(UID)
        return min((allowance.tries for allowance in allowances.values()), default=5)


def _read(screen):
    if not select.select([screen], [], [], SECONDS)[0]:
        return b""
    try:
        return os.read(screen, 4096)
    except OSError:  # the last process on the terminal has ended
        return b""


@pytest.fixture
def machine():
    if os.geteuid() != 0 or not shutil.which("unshare") or not Path("/sbin/unix_chkpwd").exists():
        message = "needs root, unshare and pam_unix's unix_chkpwd"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    root = Path(tempfile.mkdtemp(prefix="onlyme-login-"))
    root.chmod(0o755)  # pytest's own folders are closed to other users
    try:
        yield lambda hashed=HASH: Machine(root, hashed)
    finally:
        shutil.rmtree(root)


def test_the_right_login_password_ends_the_waiting(machine):
    here = machine()
    assert here.tries() == 0
    code, seen = here.reset(WORDS)
    assert (code, here.tries()) == (0, 5), seen
    assert "ada may try again" in seen
    assert WORDS not in seen


@pytest.mark.parametrize("typed", ["wrong horse", "", WORDS + " "])
def test_a_wrong_login_password_ends_nothing(machine, typed):
    here = machine()
    code, seen = here.reset(typed)
    assert (code, here.tries()) == (2, 0), seen
    assert "not your login password" in seen


@pytest.mark.parametrize("hashed", ["", "!", "*"])
def test_an_account_without_a_password_ends_nothing(machine, hashed):
    """An account that anybody may log into says nothing about who asks."""
    here = machine(hashed)
    code, seen = here.reset("")
    assert (code, here.tries()) == (2, 0), seen


def test_a_password_in_a_pipe_is_not_asked_for(machine):
    here = machine()
    code, said = here.reset_in_a_pipe(WORDS + "\n")
    assert (code, here.tries()) == (2, 0)
    assert "terminal" in said
