"""Do the work on a user's keyring as that user: with their rights alone, in their home.

A child of root's program becomes the user, completely. The user's files and bus may be hostile, so
root reads only the child's answer, up to a limit and until a deadline. The user's other programs
cannot look into the child: the kernel protects a process that has changed its user (prctl(2)).
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import select
import signal
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from onlyme.errors import KeyRefused, OnlymeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BUS_FOLDER", "find_bus", "run_as"]

BUS_FOLDER = "/run/user"
"""Holds the folders of users with their buses."""

_MAX_FILE_BYTES = 16 * 2**20
_MAX_ANSWER_BYTES = 32 * 2**20  # a file of the user's, in base64
_MAX_MESSAGE_CHARACTERS = 500


def run_as(uid: int, job: str, seconds: float, **details: Any) -> Any:
    """Do a job as a user; return its result.

    Args:
        uid: the user; root may name anybody, others only themselves.
        job: one of `JOBS`.
        seconds: after which it is ended.
        details: of the job.

    Raises:
        KeyRefused, UsageError: the job's own error.
        UsageError: it may not be done, or took too long.
    """
    from onlyme.unlock.client.notification import find_rights

    rights = find_rights(uid)
    if rights is None:
        raise UsageError("only root can do that for another user")
    _load_all()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _serve(rights, writer, seconds, job, details)
    os.close(writer)
    try:
        answer = json.loads(_read_all(reader, seconds))
    except (OSError, ValueError):
        raise UsageError("the keyring does not answer") from None
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if "error" not in answer:
        return answer["result"]
    kind = KeyRefused if answer["error"] == KeyRefused.__name__ else UsageError
    raise kind(str(answer["message"])[:_MAX_MESSAGE_CHARACTERS])


def _load_all() -> None:
    """Load what the jobs need: the user may have no right to read the installation."""
    for name in ("jeepney.io.blocking", "secretstorage", "onlyme.storage.files"):
        with contextlib.suppress(ImportError):  # the job says which extra is missing
            import_module(name)
    import_module("onlyme.unlock.keyring.gnome")


def _serve(
    rights: dict[str, Any], writer: int, seconds: float, job: str, details: dict[str, Any]
) -> NoReturn:
    """Become the user, do the job, write its answer and end; called in the child."""
    answer: dict[str, Any] = {"error": "UsageError", "message": "it was ended"}
    try:
        signal.alarm(math.ceil(seconds))
        os.setsid()
        if rights:
            os.setgroups(rights["extra_groups"])
            os.setresgid(*[rights["group"]] * 3)
            os.setresuid(*[rights["user"]] * 3)
        os.chdir("/")
        os.environ.clear()
        answer = {"result": JOBS[job](**details)}
    except OnlymeError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    except BaseException as error:  # noqa: BLE001 - the parent hears of it, but never a secret
        answer = {"error": "UsageError", "message": f"{job} failed: {type(error).__name__}"}
    finally:
        with contextlib.suppress(OSError), os.fdopen(writer, "wb") as file:
            file.write(json.dumps(answer).encode())
        os._exit(0)


def _read_all(reader: int, seconds: float) -> bytes:
    said, end = b"", time.monotonic() + seconds
    while len(said) <= _MAX_ANSWER_BYTES:
        if not select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
            break
        chunk = os.read(reader, 65536)
        if not chunk:
            return said
        said += chunk
    raise OSError


def find_bus(uid: int) -> str:
    """Return the address of a user's session bus.

    Raises:
        UsageError: the user has none: no session is open.
    """
    from onlyme.unlock.client.notification import belongs_to

    folder = f"{BUS_FOLDER}/{uid}"
    if not belongs_to(folder, f"{folder}/bus", uid):
        raise UsageError("no session bus answers; log in to the desktop first")
    return f"unix:path={folder}/bus"


# ------------------------------------------------------------------------------ the jobs


def _find_folder() -> Path:
    import pwd

    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local/share/keyrings"


def _read_file(name: str) -> bytes:
    from onlyme.storage.files import read_private

    path = _find_folder() / name
    try:
        content = read_private(path, max_bytes=_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise UsageError(f"{path} is too large to be a keyring")
    return content


def _look_into(content: bytes, password: str, key: str) -> list[str]:
    from onlyme.unlock.keyring.gnome import start_private

    with start_private(content) as keyring:
        keyring.open(password)
        return sorted(keyring.digest_items(bytes.fromhex(key)))


def copy(password: str, name: str, key: str) -> list[str]:
    """Copy the keyring's file, open the copy, and return a digest of each entry."""
    from onlyme.storage.files import replace_private
    from onlyme.unlock.keyring.gnome import FILE

    replace_private(_find_folder() / name, _read_file(FILE))
    return _look_into(_read_file(name), password, key)


def check(password: str) -> None:
    """Open the keyring's file, in a keyring of one's own."""
    from onlyme.unlock.keyring.gnome import FILE

    _look_into(_read_file(FILE), password, os.urandom(16).hex())


def change(address: str, old: str, new: str, items: list[str], key: str) -> None:
    """Change the password, and open the new file once; on any doubt change it back."""
    from onlyme.unlock.keyring.gnome import FILE, connect

    with connect(address) as keyring:
        keyring.change_password(old, new)
        try:
            _require_all(items, _look_into(_read_file(FILE), new, key))
        except BaseException:
            keyring.change_password(new, old)
            raise


def _require_all(items: list[str], found: list[str]) -> None:
    if missing := {*items} - {*found}:
        raise KeyRefused(f"{len(missing)} entries are not in the new file")


def open_(address: str, password: str) -> None:
    """Open the keyring of the session."""
    from onlyme.unlock.keyring.gnome import connect

    with connect(address) as keyring:
        keyring.open(password)


def find_service(address: str) -> int:
    """Return the number of the process that answers for the keyring on a bus."""
    from onlyme.unlock.keyring.gnome import connect

    with connect(address) as keyring:
        return keyring.find_process()


def write(name: str, content: str) -> None:
    """Write a file beside the keyring."""
    from onlyme.storage.files import replace_private

    replace_private(_find_folder() / name, base64.b64decode(content))


def read(name: str) -> str:
    """Return a file beside the keyring, in base64."""
    return base64.b64encode(_read_file(name)).decode()


def remove(names: list[str]) -> None:
    """Remove files beside the keyring."""
    for name in names:
        (_find_folder() / name).unlink(missing_ok=True)


JOBS: dict[str, Callable[..., Any]] = {
    "copy": copy,
    "check": check,
    "change": change,
    "open": open_,
    "find_service": find_service,
    "write": write,
    "read": read,
    "remove": remove,
}
"""What may be done, by its name."""
