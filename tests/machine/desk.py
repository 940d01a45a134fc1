"""A booted Debian on which onlyme is set up, with a video as its camera and ada at its console."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import onlyme
from onlyme.unlock import units
from tools.debian.console import VirtualConsole

USER, PASSWORD = "ada", "correct horse"
OTHER, OTHER_PASSWORD = "bob", "battery staple"

HOME = Path("/opt/onlyme")
PYTHON = Path("/opt/python")
SERVICES = ("login", "sudo", "su", "polkit-1", "vlock", "sshd", "cron")
PASSWORD_RULES = "".join(f"@include common-{kind}\n" for kind in ("auth", "account", "session"))
LINE = (
    "auth [success=done default=ignore] pam_exec.so quiet seteuid stdout "
    f"{HOME}/bin/python -I {HOME}/bin/onlyme-pam --seconds 20\n"
)
CAMERA = "/srv/camera.mp4"
LOCKER = "/srv/locker"
"""A program that asks as ada's screen locker does, and has no other answer than her face."""


def find_binds():
    """Return what a machine needs of this computer, so that it has the same Python and packages."""
    binds = {"/opt/packages": Path(sysconfig.get_path("purelib"))}
    if sys.base_prefix != "/usr":
        binds[str(PYTHON)] = Path(sys.base_prefix)
    return binds


class Desk:
    """What the tests do with the machine."""

    def __init__(self, machine, enrolled):
        self.machine = machine
        self.console = machine.console
        self.has_screen = isinstance(machine.console, VirtualConsole)
        self.uid = machine.add_user(USER, PASSWORD, "sudo")
        self.other_uid = machine.add_user(OTHER, OTHER_PASSWORD)
        machine.check("groupadd", "--system", "onlyme")
        machine.check("gpasswd", "--members", f"{USER},{OTHER}", "onlyme")
        folder = self.path("/etc/systemd/logind.conf.d")
        folder.mkdir()
        (folder / "tests.conf").write_text("[Login]\nUserStopDelaySec=0\n")
        machine.check("systemctl", "restart", "systemd-logind")
        self._install()
        self._enroll(enrolled)
        self._let_in_from_afar()
        self.path(LOCKER).write_text(
            f"#!/bin/sh\npamtester vlock {USER} authenticate < /dev/null 2>&1\n"
        )
        self.path(LOCKER).chmod(0o755)
        for service in SERVICES:
            self._let_open(service)

    def path(self, name):
        """Return a file of the machine as this computer sees it."""
        return self.machine.root / name.lstrip("/")

    def _install(self):
        """Install this checkout as `pip install` does: in a folder of root's."""
        python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        base = PYTHON if sys.base_prefix != "/usr" else Path("/usr")
        home, packages = self.path(str(HOME)), f"lib/{python}/site-packages"
        (home / "bin").mkdir(parents=True)
        (home / packages).mkdir(parents=True)
        (home / "pyvenv.cfg").write_text(f"home = {base}/bin\n")
        (home / "bin/python").symlink_to(base / "bin" / python)
        (home / packages / "onlyme.pth").write_text(f"{HOME}/source\n/opt/packages\n")
        shutil.copytree(Path(onlyme.__file__).parent, home / "source/onlyme")
        self.machine.check("chown", "-R", "root:root", str(HOME))
        self.machine.check("chmod", "-R", "go-w", str(HOME))
        for name, module in (("onlyme", "cli.main"), ("onlyme-pam", "unlock.client.helper")):
            script = home / "bin" / name
            script.write_text(f"#!{HOME}/bin/python\nfrom onlyme.{module} import main\nmain()\n")
            script.chmod(0o755)
        self.path("/etc/ld.so.conf.d/python.conf").write_text(f"{PYTHON}/lib\n")
        self.machine.check("ldconfig")
        for name in units.NAMES:
            text = units.make_unit(name, HOME / "bin/onlyme")
            self.path(f"/etc/systemd/system/{name}").write_text(text)

    def _enroll(self, enrolled):
        for name in ("/var/lib/onlyme", "/etc/onlyme"):
            self.path(name).mkdir(mode=0o700)
        shutil.copytree(enrolled / "lib", self.path("/var/lib/onlyme"), dirs_exist_ok=True)
        shutil.copy2(enrolled / "vault.key", self.path("/etc/onlyme/vault.key"))
        self.path("/var/lib/onlyme").chmod(0o700)

    def _let_open(self, service):
        """Put our line before the rules that ask for the password."""
        file = self.path(f"/etc/pam.d/{service}")
        rules = file.read_text() if file.exists() else PASSWORD_RULES
        file.write_text(rules.replace("@include common-auth", LINE + "@include common-auth", 1))

    def _let_in_from_afar(self):
        """Let ada's key in by SSH, as from another computer."""
        run = ("runuser", "-u", USER, "--", "env", f"HOME=/home/{USER}")
        self.machine.check(*run, "mkdir", "-m", "700", "-p", f"/home/{USER}/.ssh")
        key = f"/home/{USER}/.ssh/id_ed25519"
        self.machine.check(*run, "ssh-keygen", "-q", "-N", "", "-f", key)
        self.machine.check(*run, "cp", f"{key}.pub", f"/home/{USER}/.ssh/authorized_keys")
        self.machine.check(*run, "sh", "-c", "ssh-keyscan localhost > ~/.ssh/known_hosts")

    def log_in(self):
        """Log ada in: by her face, but on a pseudo-terminal by her password."""
        self.console.log_in(USER, None if self.has_screen else PASSWORD)

    def end_sessions(self):
        """End all sessions, programs and managers of both users."""
        for name in (USER, OTHER):
            self.machine.run("loginctl", "terminate-user", name)
        end = time.monotonic() + 30
        # The list fails, and says so, where a user goes while it is made.
        while self.machine.run("loginctl", "--no-legend", "list-users").stdout.strip():
            assert time.monotonic() < end, self.machine.run("loginctl", "list-sessions").stdout
            time.sleep(0.1)
        self.console.clear()
        self._restart(self.console.unit)

    def run_from_afar(self, command):
        """Run a command of ada's on a terminal by SSH, with a wrong password; return its words."""
        said = b""
        with self._connect(command) as process:
            output = process.stdout.fileno()
            while True:
                if not select.select([output], [], [], 1)[0]:
                    if b"assword" in said:  # what is typed as a prompt appears may be lost
                        process.stdin.write(b"wrong\n")
                        process.stdin.flush()
                    continue
                content = os.read(output, 4096)
                if not content:
                    break
                said += content
        return said.decode(errors="replace")

    @contextlib.contextmanager
    def remote_session(self):
        """Hold a session of ada's from afar open until the end of the block."""
        with self._connect("echo here; cat") as process:
            try:
                assert b"here" in process.stdout.readline()
                yield
            finally:
                process.stdin.write(b"\x04")  # the end of what `cat` reads

    def _connect(self, command):
        words = ("runuser", "-u", USER, "--", "ssh", "-tt", "localhost", command)
        return subprocess.Popen(
            self.machine.command(*words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def configure(self, **settings):
        """Write the settings of the system, and start the daemon with them."""
        values = {"camera": CAMERA, "runtime": "opencv", "unlock_after_lock_seconds": 0} | settings
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        self.path("/etc/onlyme/config.toml").write_text("".join(lines))
        self.machine.check("systemctl", "daemon-reload")
        self._restart("onlyme.socket", "onlyme.service")

    def _restart(self, *units):
        self.machine.run("systemctl", "reset-failed", *units)  # systemd limits how often it may be
        self.machine.check("systemctl", "restart", *units)

    def show(self, video):
        """Let the camera show a video from now on."""
        new = self.path(CAMERA).with_suffix(".new")
        shutil.copy2(video, new)
        new.replace(self.path(CAMERA))
