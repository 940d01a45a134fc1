"""Build the Debian package for a release of Debian that this computer does not run.

    PYTHONPATH=. packaging/build_in.py WHEEL --suite trixie [--out dist] [--revision 1] [--unpacked]

pip here downloads the wheels for that release's Python. `build_deb.py` then runs in a folder of
that release's files, without network. Needs root, debootstrap and a network.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from build_deb import EXTRAS, ROOT, read_commit_date

from tools.debian.tree import build_tree

PACKAGES = ("python3", "python3-venv", "python3-pip", "binutils", "xz-utils")
GLIBC = (28, 17)
"""Wheels may need GNU libc 2.28, or less; every Debian since 10 has that."""

_SCRIPT = """\
set -e
scratch=$1 tree=$2 source=$3 wheels=$4 out=$5
shift 5
mount -t tmpfs none "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
root=$scratch/root
mount -t overlay overlay "$root" -o "lowerdir=$tree,upperdir=$scratch/upper,workdir=$scratch/work"
mkdir "$root/mnt/source" "$root/mnt/wheels" "$root/mnt/out"
mount --bind -o ro "$source" "$root/mnt/source"
mount --bind -o ro "$wheels" "$root/mnt/wheels"
mount --bind "$out" "$root/mnt/out"
mount -t proc proc "$root/proc"
exec chroot "$root" env -i "$@"
"""


def main() -> int:
    """Download the wheels, and build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--suite", required=True, help="of Debian, such as trixie")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--revision", default="1", help="of the Debian package")
    parser.add_argument("--unpacked", action="store_true", help="do not compress: for trials")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("only root can build in another release's files")
    arguments.out.mkdir(parents=True, exist_ok=True)
    options = ["--revision", arguments.revision, *["--unpacked"] * arguments.unpacked]
    print(build(arguments.wheel, arguments.suite, arguments.out, options))
    return 0


def build(wheel: Path, suite: str, out: Path, options: list[str]) -> Path:
    """Build the package for a release; return its path.

    Args:
        wheel: onlyme's own.
        suite: name of the release.
        out: where the package is written.
        options: more options of `build_deb.py`.
    """
    tree = build_tree(suite, PACKAGES)
    with tempfile.TemporaryDirectory(prefix="onlyme-build-") as folder:
        wheels, scratch = Path(folder) / "wheels", Path(folder) / "scratch"
        scratch.mkdir()
        download_wheels(wheel, find_python(tree), wheels)
        shutil.copy(wheel, wheels)
        program = ("python3", "/mnt/source/packaging/build_deb.py", f"/mnt/wheels/{wheel.name}")
        variables = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": "/mnt/wheels",
            "SOURCE_DATE_EPOCH": read_commit_date(),
        }
        given = [f"{name}={value}" for name, value in variables.items()]
        folders = (scratch, tree, ROOT, wheels, out.resolve())
        # In namespaces of its own: what it mounts ends with it, and it has no network.
        enter = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c")
        done = subprocess.run(
            [*enter, _SCRIPT, "sh", *folders, *given, *program, "--out", "/mnt/out", *options],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"building for {suite} failed")
    return out / Path(done.stdout.split()[-1]).name


def find_python(tree: Path) -> str:
    """Return the version of a release's Python, such as 3.13."""
    for path in (tree / "usr/bin").glob("python3.*"):
        if found := re.fullmatch(r"python(3\.\d+)", path.name):
            return found[1]
    raise SystemExit(f"{tree} has no Python")


def download_wheels(wheel: Path, python: str, folder: Path) -> None:
    """Download what onlyme needs, as wheels for another version of Python."""
    systems = [f"manylinux_2_{minor}_{platform.machine()}" for minor in GLIBC]
    systems.append(f"manylinux2014_{platform.machine()}")
    tags = [word for name in systems for word in ("--platform", name)]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        tags += ["--abi", abi]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--implementation", "cp", "--python-version", python, *tags),
            *("-c", ROOT / "constraints.txt", "-d", folder),
            f"onlyme[{EXTRAS}] @ {wheel.resolve().as_uri()}",
        ],
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
