"""Build the files of a Debian with debootstrap, once, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PACKAGES", "SUITE", "build_tree"]

SUITE = "bookworm"

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd"),
    *("login", "passwd", "procps", "util-linux", "kbd", "sudo", "polkitd", "pkexec"),
    *("python3", "pamtester", "openssh-server", "openssh-client", "cron", "vlock"),
    *("gnome-keyring", "lightdm", "xvfb", "gir1.2-lightdm-1", "python3-gi"),
)
"""What it holds beside Debian's smallest set."""

_BUILD_SECONDS = 1800

# Units that wait for what a container does not have, or that work in the background.
_MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service"),
)


def build_tree(suite: str = SUITE, packages: Iterable[str] = PACKAGES) -> Path:
    """Return the folder of a Debian with some packages; build it where it is missing.

    It is built beside its place and renamed when it is whole, so that a half-built one is never
    used. Nothing may write into it afterwards; see `Machine`.

    Raises:
        RuntimeError: debootstrap failed; the message holds the end of its output.
    """
    wanted = sorted(set(packages))
    mark = hashlib.sha256(" ".join([*wanted, *_MASKED]).encode()).hexdigest()[:8]
    cache = platformdirs.user_cache_path("onlyme", appauthor=False)
    cache.mkdir(parents=True, exist_ok=True)
    tree = cache / f"debian-{suite}-{mark}"
    with (cache / f"debian-{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.is_dir():
            print(f"Building {tree}, which takes some minutes …", file=sys.stderr)
            for rest in cache.glob(f"{tree.name}.*"):
                shutil.rmtree(rest)
            new = Path(tempfile.mkdtemp(prefix=f"{tree.name}.", dir=cache))
            try:
                _fill(new, suite, wanted)
                new.rename(tree)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    return tree


def _fill(folder: Path, suite: str, packages: list[str]) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite]
    done = subprocess.run(
        # What debootstrap mounts in the tree ends with its namespace, even if it is killed.
        ["unshare", "--mount", *command, str(folder), *_find_mirror()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{done.stdout[-2000:]}")
    for package in (folder / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    units = folder / "etc/systemd/system"
    if units.is_dir():  # a tree that is only built in has no systemd
        for unit in _MASKED:
            (units / unit).symlink_to("/dev/null")
        for started in ("getty.target.wants/getty@tty1.service", "display-manager.service"):
            (units / started).unlink(missing_ok=True)
    folder.chmod(0o755)


def _find_mirror() -> list[str]:
    """Return where this computer's apt finds Debian; empty for debootstrap's own default."""
    if not shutil.which("apt-get"):
        return []
    form = "$(ORIGIN) $(LABEL) $(REPO_URI)"
    words = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        origin, _, address = line.rpartition(" ")
        if origin == "Debian Debian":
            return [address]
    return []
