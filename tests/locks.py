"""What SQLite holds open in this process is read by another one, and a guard sees to it.

Whoever closes any descriptor of a file takes away every lock that the process has on it
(fcntl(2)), SQLite's too. Other processes then shrink or remove what is still in use here: "disk
image is malformed", or a bus error that ends the whole run. SQLite locks its file and, with a
write-ahead log, the file `-shm`; the log itself and a journal bear no lock.
"""

import os
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import unquote, urlsplit

caught = []
"""Where a file was opened that must not be; a fixture in conftest.py fails the test for it."""

_names = set()
"""Of all files that this process ever connected to: few, so that other openings cost nothing."""


def contents(path):
    """The bytes of a file that SQLite may hold open."""
    return subprocess.run(["cat", "--", path], stdout=subprocess.PIPE, check=True).stdout


def copied(source, target):
    """Copy a file or a folder that SQLite may hold open."""
    subprocess.run(["cp", "-r", "--", source, target], check=True)


def watch():
    """Refuse from now on, in this process, to open what would cost SQLite its locks."""
    sys.addaudithook(_heard)


def _heard(event, arguments):
    if event == "sqlite3.connect":
        path = os.fsdecode(arguments[0])
        _names.add(Path(unquote(urlsplit(path).path) if path.startswith("file:") else path).name)
    elif event == "open" and not isinstance(arguments[0], int):
        path, _, flags = arguments
        if flags & os.O_CREAT and flags & os.O_EXCL:  # it makes a file, or opens none
            return
        path = Path(os.fsdecode(path))
        if path.name.removesuffix("-shm") in _names and _held(path.resolve()):
            told = f"SQLite holds {path} open, and would lose its locks; see tests/locks.py"
            caught.append(f"{told}\n{''.join(traceback.format_stack(limit=12)[:-1])}")
            raise AssertionError(told)


def _held(path):
    """Whether a descriptor of this process leads there; one of Python's own is opened once."""
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if descriptor.readlink() == path:
                return True
        except FileNotFoundError:  # that of the listing itself, or another thread's
            continue
    return False
