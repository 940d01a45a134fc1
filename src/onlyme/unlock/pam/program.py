"""Find the program `onlyme-pam`, and check that root can safely start it.

PAM starts it as root. So only root may be able to change it, the interpreter that runs it, and
the code that it loads. Any other user who can change one of these could become root. A program
of which this cannot be checked is refused.
"""

from __future__ import annotations

import re
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

_MAX_LINE_BYTES = 4096  # the longest path that Linux takes
_PYTHON = r"(?P<python>/[^\s\"'$`\\]*/python[0-9.]*)"
_PYTHON_LINE = re.compile(rf"#! ?{_PYTHON}(?: -[EIPs]+)?\n")
_PIP_LINE = re.compile(rf"""'''exec' {_PYTHON} "\$0" "\$@"\n""")
_PACKAGE_FOLDERS = ("stdlib", "platstdlib", "purelib", "platlib")


def find_command(helper: Path | None = None) -> tuple[str, ...]:
    """Return the words that start the helper, with absolute paths.

    Python is started with `-I`, so that no variable of PAM's environment and no user's folder
    can make it load other code.

    Args:
        helper: the program; by default the one of this installation.

    Raises:
        PamError: there is none, another user than root could change it, or it starts in a way
            that is not understood.
    """
    path = _find_program() if helper is None else helper.absolute()
    if not path.is_file():
        raise PamError(
            f"there is no program {path}; install onlyme as root, or give its path with --helper"
        )
    interpreter = _read_interpreter(path)
    # It loads our own code, and the .pth files of its packages even with `-I`.
    folders = {sysconfig.get_path(name) for name in _PACKAGE_FOLDERS}
    parts = [path, interpreter, Path(onlyme.__file__).parent, *map(Path, sorted(folders))]
    for part in parts:
        check_trusted(part)
    return (str(interpreter), "-I", str(path))


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
        raise PamError(
            f"{NAME} is not installed for root; install the Debian package, or the wheel into "
            "/opt/onlyme (documentation: Install)"
        )
    return Path(found).absolute()


def _read_interpreter(path: Path) -> Path:
    """Return the Python that runs a script, if it is the one of this installation.

    Two forms are understood: a first line that names Python, and the one that pip writes where
    that line would be too long, in which `sh` starts Python. Any other form may load code that
    is not checked here.
    """
    with path.open("rb") as file:
        first, second = (file.readline(_MAX_LINE_BYTES).decode("utf-8", "replace") for _ in "12")
    found = _PYTHON_LINE.fullmatch(first)
    if first == "#!/bin/sh\n":
        found = _PIP_LINE.fullmatch(second)
    if found is None:
        raise PamError(
            f"{path} does not start with the path of Python, so that it cannot be checked what "
            "root would run; give a script that pip installed, for example in /opt/onlyme"
        )
    interpreter = Path(found["python"])
    if not interpreter.is_file():
        raise PamError(f"{path} starts {interpreter}, which does not exist")
    if interpreter.parent.resolve() != Path(sys.executable).parent.resolve():
        raise PamError(
            f"{path} belongs to another installation; run the command `onlyme` of that one, "
            f"from {interpreter.parent}"
        )
    return interpreter
