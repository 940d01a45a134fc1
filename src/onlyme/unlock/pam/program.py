"""Find the program `onlyme-pam`, and check that root can safely start it.

PAM starts it as root. So only root may be able to change it, the interpreter that runs it, and
the code that it loads. Any other user who can change one of these could become root.
"""

from __future__ import annotations

import shutil
import stat
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import onlyme
from onlyme.errors import PamError

if TYPE_CHECKING:
    from onlyme.unlock.pam.stack import Rule

__all__ = ["NAME", "check_trusted", "find_command", "make_profile", "starts_helper"]

NAME = "onlyme-pam"
"""The command that PAM starts."""

_MAX_FIRST_LINE_BYTES = 512  # of a script: Linux itself reads 256


def find_command(helper: Path | None = None) -> tuple[str, ...]:
    """Return the words that start the helper, with absolute paths.

    Python is started with `-I`, so that no variable of PAM's environment and no user's folder
    can make it load other code.

    Args:
        helper: the program; by default the one of this installation.

    Raises:
        PamError: there is none, or another user than root could change it.
    """
    path = _find_program() if helper is None else helper.absolute()
    if not path.is_file():
        raise PamError(
            f"there is no program {path}; install onlyme as root, or give its path with --helper"
        )
    interpreter = _read_interpreter(path)
    parts = [path]
    if interpreter:  # it loads our own code, and the .pth files of its packages even with `-I`
        packages = sysconfig.get_path("purelib")
        parts += [Path(interpreter[0]), Path(onlyme.__file__).parent, Path(packages)]
    for part in parts:
        check_trusted(part)
    return (*interpreter, str(path))


def make_profile(words: tuple[str, ...]) -> str:
    """Return the profile for Debian's pam-auth-update that starts the helper.

    Args:
        words: the helper's command, as `find_command` returns it.
    """
    text = Path(__file__).with_name("pam-auth-update.profile").read_text("utf-8")
    return text.replace("@COMMAND@", " ".join(words))


def starts_helper(rule: Rule) -> bool:
    """Say whether a rule starts our program."""
    return any(argument.endswith(f"/{NAME}") for argument in rule.arguments)


def check_trusted(path: Path) -> None:
    """Check that only root can change a file or folder, or replace it with another.

    Raises:
        PamError: another user can.
    """
    remaining, checked = [path.absolute()], set[Path]()
    while remaining:
        name = remaining.pop()
        for part in (*reversed(name.parents), name):
            if part in checked:
                continue
            checked.add(part)
            status = part.lstat()
            is_link = stat.S_ISLNK(status.st_mode)
            if is_link:
                remaining.append(part.parent / part.readlink())  # its own folders count as well
            # In a sticky folder such as /tmp only the owner of a file can rename it.
            is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            is_loose = status.st_mode & 0o022 and not is_link and not is_sticky
            if status.st_uid != 0 or is_loose:
                raise PamError(
                    f"{part} can be changed by other users than root, and PAM would run {path} "
                    "as root; install onlyme as root, for example into /opt/onlyme"
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
    """Return the words that start a Python script; empty for any other program."""
    with path.open("rb") as file:
        first = file.readline(_MAX_FIRST_LINE_BYTES).decode("utf-8", "replace").strip()
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    is_python = len(words) == 1 and Path(words[0]).name.startswith("python")
    return (words[0], "-I") if is_python else ()
