"""Note in the vault's folder which services run on it, and at which address.

A service holds a lock on its note as long as it runs. So a note that a killed service left behind
is recognised, and no address is printed where nothing answers.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from onlyme.storage.system import CLOSE_ON_EXEC, NO_FOLLOW, has_fcntl, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RunningService", "find_services", "note_service"]

_PATTERN = "serve-*.lock"


class RunningService(NamedTuple):
    """A service that runs.

    Attributes:
        host: the address that it listens on.
        port: its port.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where a browser on this machine opens it.

        >>> RunningService("0.0.0.0", 8123).url, RunningService("::1", 8000).url
        ('http://127.0.0.1:8123', 'http://[::1]:8000')
        """
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not bound to
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{everywhere.get(self.host, host)}:{self.port}"


@contextmanager
def note_service(folder: Path, service: RunningService) -> Iterator[None]:
    """Note a service in the vault's folder for the duration of the block.

    Raises:
        OSError: the note cannot be written.
    """
    if not has_fcntl():  # then no note could be told from one that was left behind
        yield
        return
    path = folder / _PATTERN.replace("*", str(service.port))
    handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW | CLOSE_ON_EXEC, 0o600)
    try:
        # The port is ours, so a lock that is held belongs to a reader, for a moment.
        take_lock(handle, wait=True)
        os.truncate(handle, 0)
        os.write(handle, json.dumps(service._asdict()).encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def find_services(folder: Path) -> list[RunningService]:
    """Return the services that run on a vault now, the one that began last first."""
    notes = []
    for path in folder.glob(_PATTERN):
        with suppress(OSError, ValueError, TypeError, KeyError):
            began = path.stat().st_mtime_ns
            service = _read_note(path)
            if service is not None:
                notes.append((began, service))
    return [service for _, service in sorted(notes, reverse=True)]


def _read_note(path: Path) -> RunningService | None:
    """Return the service of a note; None where it does not run any more."""
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW | CLOSE_ON_EXEC)
    try:
        try:
            take_lock(handle, wait=False, shared=True)
        except BlockingIOError:  # its service holds it
            document = json.loads(os.read(handle, 4096))
            return RunningService(str(document["host"]), int(document["port"]))
        return None
    finally:
        os.close(handle)
