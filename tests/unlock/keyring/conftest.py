"""Provide a user with a real session bus and a real GNOME keyring, in a private PAM."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onlyme.liveness.gestures import Gesture
from tests.unlock import stack as stacks
from tests.unlock.conftest import furnish, run_drawing, show
from tests.unlock.stack import LINES, PASSWORD, UID, USER, Stack

SESSION = Path(__file__).with_name("session.py")
HOME = "/mnt"
ENTRIES = ["mail", "ssh", "wifi ÄÖ"]
SESSION_RULE = "session required pam_permit.so\n"
BUS = f"unix:path=/run/user/{UID}/bus"


class Desktop:
    """The desktop of ada, and what the tests do with it."""

    def __init__(self, stack):
        self.stack = stack
        self.home = stack.folder / "home"
        self.keyrings = self.home / ".local/share/keyrings"
        self.runtime = stack.folder / f"run/user/{UID}"
        for folder in (self.home, self.runtime):
            folder.mkdir(parents=True)
            os.chown(folder, UID, UID)
            folder.chmod(0o700)
        stack.over[HOME] = self.home
        self._edit("passwd", f":{UID}:{UID}::/tmp:", f":{UID}:{UID}::{HOME}:")
        helper = f"{sys.executable} -I {stacks.HELPER}"  # as `unlock install` writes it
        stack.service("greetd", LINES + SESSION_RULE, helper=helper)
        self.plain = self.rules()
        self._bus = None
        self._daemon = contextlib.ExitStack()

    def rules(self):
        """Return the PAM file of the greeter."""
        return (self.stack.folder / "etc/pam.d/greetd").read_bytes()

    def set_password(self, password):
        """Change her login password, as `passwd` does."""
        words = ("openssl", "passwd", "-6", password)
        made = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
        shadow = (self.stack.folder / "etc/shadow").read_text().splitlines()
        old = next(line for line in shadow if line.startswith(f"{USER}:"))
        self._edit("shadow", old, f"{USER}:{made}:19000:0:99999:7:::")

    def _edit(self, name, old, new):
        path = self.stack.folder / "etc" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    # ------------------------------------------------------------------- her session

    def restart(self):
        """End her session, and begin another: its keyring is closed."""
        self.stop()
        self.start()
        assert self.ask("look")["locked"]

    def start(self):
        """Start the bus, which starts the keyring when that is first asked for."""
        self._bus = self._start("dbus-daemon", "--session", "--nofork", f"--address={BUS}")
        stacks.wait_until((self.runtime / "bus").exists)

    def stop(self):
        """End the bus; the keyring ends with it."""
        if self._bus is not None:
            end_all(self._bus)
            self._bus = None
        (self.runtime / "bus").unlink(missing_ok=True)

    def make_keyring(self):
        """Log in with the password for the first time, as pam_gnome_keyring does."""
        words = ("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
        first = self._start(*words, stdin=subprocess.PIPE)
        with first.stdin as stream:
            stream.write(PASSWORD.encode())
        stacks.wait_until((self.keyrings / "login.keyring").exists)
        assert self.ask("store", *ENTRIES) == {"locked": False, "items": ENTRIES}
        end_all(first)

    def ask(self, *words):
        """Use the keyring in her session, and return what can be seen of it."""
        done = self.stack.run(*self._session(*words), uid=UID, environment=self._environment())
        return json.loads(done.stdout.splitlines()[-1])

    @contextlib.contextmanager
    def impostor(self):
        """Let a program of hers take the keyring's place; yields what reads what it was sent."""
        self.stop()
        self.start()
        path = self.home / "caught"
        with path.open("wb") as file:
            program = self._start(*self._session("impostor"), stdout=file)
        try:
            stacks.wait_until(lambda: b"ready" in path.read_bytes())
            yield lambda: path.read_bytes().partition(b"ready\n")[2]
        finally:
            end_all(program)
            self.restart()

    def _session(self, *words):
        return (sys.executable, "-I", SESSION, *words)

    def _start(self, *words, **options):
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        return self.stack.start(*words, uid=UID, environment=self._environment(), **options)

    def _environment(self):
        folder = f"/run/user/{UID}"
        return {"HOME": HOME, "XDG_RUNTIME_DIR": folder, "DBUS_SESSION_BUS_ADDRESS": BUS}

    # ----------------------------------------------------------- the computer's login

    def onlyme(self, what, text_in=f"{PASSWORD}\n", uid=None):
        """Run `onlyme unlock keyring`, by default with sudo."""
        environment = self._environment() | ({"SUDO_USER": USER} if uid is None else {})
        words = (sys.executable, "-I", "-m", "onlyme", "unlock", "keyring", what)
        done = self.stack.run(*words, uid=uid, text_in=text_in, environment=environment)
        done.words = " ".join(done.stdout.split())
        return done

    def log_in(self, *what, password=stacks.WRONG, user=USER):
        """Authenticate and begin a session in one process, as a greeter does."""
        words = ("pamtester", "greetd", user, *(what or ("authenticate", "open_session")))
        return self.stack.run(*words, text_in=f"{password}\n").stdout

    def start_daemon(self):
        """Start the daemon, which always asks for a nod."""
        command = run_drawing(self.stack, Gesture.NOD)
        self._daemon.enter_context(self.stack.daemon(command=command))

    def stop_daemon(self):
        """End the daemon."""
        self._daemon.close()


def end_all(process):
    """End a program that `Stack.start` started, with the shells around it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


@pytest.fixture(scope="module")
def desktop(tmp_path_factory, enrolled, data, films):
    """Her password opens ada's keyring, and she nods before the camera."""
    stacks.require_usable()
    missing = [name for name in ("dbus-daemon", "gnome-keyring-daemon") if not shutil.which(name)]
    if missing:
        message = f"{' and '.join(missing)} missing; `python tools/system_packages.py` installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    desktop = Desktop(furnish(Stack(tmp_path_factory.mktemp("keyring") / "s"), enrolled, data))
    show(desktop.stack, films[Gesture.NOD])
    desktop.start_daemon()
    desktop.start()
    try:
        desktop.make_keyring()
        desktop.restart()
        yield desktop
    finally:
        desktop.stop()
        desktop.stop_daemon()
