"""The desktop's own keyring: a real Secret Service (gnome-keyring) on a bus and in a home of
its own. Each step is a process of its own, as on a desktop."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from onlyme.vault.store import Store

SECONDS = 120
SOURCE = str(Path(__file__).parents[2] / "src")

MADE = """
import sys
from pathlib import Path
from onlyme.vault.key_sources import Keyring
from onlyme.vault.store import Store
with_key = Store(Path(sys.argv[1]), Keyring())
with with_key.edit() as edit:
    edit.write("thing", "a", b"kept")
with_key.close()
"""

READ = (
    MADE.partition("with_key")[0]
    + """
print(Store(Path(sys.argv[1]), Keyring()).read("thing", "a").decode())
"""
)

ENTRIES = """
import secretstorage
bus = secretstorage.dbus_init()
found = secretstorage.search_items(bus, {"service": "onlyme"})
print(sorted(item.get_attributes()["username"] for item in found))
"""

LOCK = """
import secretstorage
secretstorage.get_default_collection(secretstorage.dbus_init()).lock()
"""


class Desktop:
    """A session without a screen: a bus, and a keyring that a password opens."""

    def __init__(self, home, bus):
        self._home = home
        self.environment = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "ONLYME_CONFIG": str(home / "config.toml"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": SOURCE,
            "DBUS_SESSION_BUS_ADDRESS": bus,
            # The desktop on which the tests run must not ask for a password.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
        }

    def run(self, code, *arguments, expect=0):
        """Run a program; return what it printed, or its last line on stderr."""
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return self._ran(command, expect)

    def onlyme(self, *words, expect=0):
        return self._ran([sys.executable, "-m", "onlyme", *map(str, words)], expect)

    def _ran(self, command, expect):
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stderr
        return (done.stderr if expect else done.stdout).strip().split("\n")[-1]

    @contextmanager
    def keyring(self, password):
        """Let the keyring run, and be opened with a password if that is the right one."""
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            daemon.stdin.write(password.encode())
            daemon.stdin.close()
            control = self._home / "run" / "keyring" / "control"
            deadline = time.monotonic() + SECONDS
            while not control.exists() and time.monotonic() < deadline:
                assert daemon.poll() is None
                time.sleep(0.02)
            yield
        finally:
            daemon.terminate()
            daemon.wait(SECONDS)
            (self._home / "run" / "keyring" / "control").unlink(missing_ok=True)


@pytest.fixture
def desktop(tmp_path):
    missing = [name for name in ("dbus-daemon", "gnome-keyring-daemon") if not shutil.which(name)]
    if missing:
        message = f"{' and '.join(missing)} missing; `python tools/system_packages.py` installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    home = tmp_path / "home"
    for folder in (home, home / "run"):
        folder.mkdir(mode=0o700)
    (home / "config.toml").touch()
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as bus:  # fmt: skip
        try:
            yield Desktop(home, bus.stdout.readline().strip())
        finally:
            bus.terminate()


def test_a_vault_opens_with_the_session_and_with_nothing_else(desktop, folder):
    with desktop.keyring("the session's password"):
        desktop.run(MADE, folder)
        assert desktop.run(READ, folder) == "kept"
        assert not list(folder.glob("*.key*"))
        assert json.loads(desktop.run(ENTRIES).replace("'", '"'))[0].startswith("vault ")
        desktop.run(LOCK)
        assert "KeyMissing" in desktop.run(READ, folder, expect=1)
        assert "keyring does not answer" in desktop.onlyme("status", "--vault", folder, expect=2)
    with desktop.keyring("another password"):
        assert "KeyMissing" in desktop.run(READ, folder, expect=1)
    with desktop.keyring("the session's password"):
        assert desktop.run(READ, folder) == "kept"


def test_the_key_moves_to_the_keyring_and_back(desktop, folder):
    store = Store(folder)
    with store.edit() as edit:
        edit.write("thing", "a", b"kept")
    store.close()
    with desktop.keyring("words"):
        desktop.onlyme("rekey", "--to", "keyring", "--vault", folder)
        assert not list(folder.glob("*.key*"))
        assert desktop.run(READ, folder) == "kept"
        first = desktop.run(ENTRIES)
        desktop.onlyme("rekey", "--vault", folder)  # another key, in the keyring again
        assert desktop.run(READ, folder) == "kept"
        assert desktop.run(ENTRIES) != first
        assert desktop.run(ENTRIES).count("vault ") == 1  # the old one is erased
        desktop.run(LOCK)
        assert "does not answer" in desktop.onlyme("rekey", "--vault", folder, expect=2)
    with desktop.keyring("words"):
        desktop.onlyme("rekey", "--to", "file", "--vault", folder)
        assert desktop.run(ENTRIES) == "[]"
        desktop.run(LOCK)
        assert "key: file" in desktop.onlyme("status", "--vault", folder)
    again = Store(folder)
    assert again.read("thing", "a") == b"kept"
    again.close()


def test_without_a_session_nothing_opens(desktop, folder):
    with desktop.keyring("words"):
        desktop.run(MADE, folder)
    desktop.environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={folder}/no-bus"
    assert "KeyMissing" in desktop.run(READ, folder, expect=1)
    assert "keyring" in desktop.onlyme("status", "--vault", folder, expect=2)
