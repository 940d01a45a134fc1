"""Read what the kernel says about a process. PAM's helper uses this: standard library only."""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["ProcessStat", "read_file", "read_stat", "read_users"]

_MAX_FILE_BYTES = 2**20
_MAX_STAT_BYTES = 4096


class ProcessStat(NamedTuple):
    """Three fields of `/proc/PID/stat`; see proc_pid_stat(5).

    Attributes:
        parent: number of the process that started it.
        terminal: device number of its terminal; 0 without one.
        started: when it started, in clock ticks since boot. Process numbers are used again;
            the number together with this is not.
    """

    parent: int
    terminal: int
    started: int


def read_stat(pid: int, proc: str = "/proc") -> ProcessStat | None:
    """Return what the kernel says of a process; None where that cannot be read.

    Args:
        pid: number of the process.
        proc: the folder that describes processes.
    """
    # The name in parentheses may hold anything, further parentheses too. The fields come after
    # the last one.
    content = read_file(f"{proc}/{pid}/stat", _MAX_STAT_BYTES)
    fields = content.rpartition(b")")[2].split()
    try:
        return ProcessStat(int(fields[1]), int(fields[4]), int(fields[19]))
    except (ValueError, IndexError):
        return None


def read_users(pid: int, proc: str = "/proc") -> tuple[int, int, int, int] | None:
    """Return a process's users: real, effective, saved, of files; None where they are unknown.

    Args:
        pid: number of the process.
        proc: the folder that describes processes.
    """
    for line in read_file(f"{proc}/{pid}/status", _MAX_STAT_BYTES).split(b"\n"):
        if line.startswith(b"Uid:"):
            try:
                real, effective, saved, files = map(int, line.split()[1:])
            except ValueError:
                return None
            return real, effective, saved, files
    return None


def read_file(path: str, max_bytes: int = _MAX_FILE_BYTES) -> bytes:
    """Return the first bytes of a file; empty where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, max_bytes)
    except OSError:
        return b""
    finally:
        os.close(handle)
