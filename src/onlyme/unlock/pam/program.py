"""Where `onlyme-pam` lies, and whether root may start it.

PAM starts it as root. So nobody but root may be able to change it, what runs it, or the code
that it loads; otherwise whoever can would be root, and open every door besides.
"""

from __future__ import annotations

import shutil
import stat
import sys
import sysconfig
from pathlib import Path

import onlyme
from onlyme.errors import PamError

__all__ = ["NAME", "check_trusted", "find_command", "make_profile"]

NAME = "onlyme-pam"
"""The command that PAM starts."""


def find_command(helper: Path | None = None) -> tuple[str, ...]:
    """Return the words that start the helper, all paths absolute.

    A Python script is started with `-I`, so that no variable of the PAM environment and no
    folder of a user's can bring other code in.

    Args:
        helper: the program; by default the one of this installation.

    Raises:
        PamError: there is none, or others than root could change it.
    """
    path = _find_program() if helper is None else helper.absolute()
    if not path.is_file():
        raise PamError(f"{path} is no program; install onlyme as root, or name it with --helper")
    interpreter = _read_interpreter(path)
    parts = [path]
    if interpreter:  # then our own code runs with it
        loaded = sysconfig.get_path("purelib")  # whose .pth files `-I` reads as well
        parts += [Path(interpreter[0]), Path(onlyme.__file__).parent, Path(loaded)]
    for part in parts:
        check_trusted(part)
    return (*interpreter, str(path))


def make_profile(words: tuple[str, ...]) -> str:
    """Return the profile for Debian's pam-auth-update that starts the helper with these words."""
    text = Path(__file__).with_name("pam-auth-update.profile").read_text("utf-8")
    return text.replace("@COMMAND@", " ".join(words))


def check_trusted(path: Path) -> None:
    """Hold that nobody but root can change a file or folder, or put another in its place.

    Raises:
        PamError: somebody can.
    """
    left, seen = [path.absolute()], set[Path]()
    while left:
        name = left.pop()
        for part in (*reversed(name.parents), name):
            if part in seen:
                continue
            seen.add(part)
            status = part.lstat()
            link = stat.S_ISLNK(status.st_mode)
            if link:
                left.append(part.parent / part.readlink())  # each one on the way counts
            # In a folder such as /tmp only its owner can rename what lies there.
            sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            loose = status.st_mode & 0o022 and not link and not sticky
            if status.st_uid != 0 or loose:
                raise PamError(
                    f"{part} can be changed by others than root, and PAM would run {path} as "
                    "root; install onlyme as root, for example into /opt/onlyme"
                )


def _find_program() -> Path:
    beside = Path(sys.executable).parent / NAME
    if beside.is_file():
        return beside
    found = shutil.which(NAME)
    if found is None:
        raise PamError(f"{NAME} is not installed; run `pip install 'onlyme[unlock]'` as root")
    return Path(found).absolute()


def _read_interpreter(path: Path) -> tuple[str, ...]:
    """Read the first line of a script; empty where it is none of Python's."""
    with path.open("rb") as file:
        first = file.readline(512).decode("utf-8", "replace").strip()
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    python = bool(words) and Path(words[0]).name.startswith("python")
    return (words[0], "-I") if python and len(words) == 1 else ()
