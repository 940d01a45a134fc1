"""Measure the most memory that this process held since a moment."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from onlyme.storage.system import name_platform

__all__ = ["forget_peak", "read_peak_bytes"]

_PROCESS = Path("/proc/self")


def forget_peak() -> None:
    """Reset the peak, where the system allows it (Linux, proc(5): clear_refs)."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")


def read_peak_bytes() -> int:
    """Return the most memory held since `forget_peak`, or else since the process began.

    0 where the system does not tell.
    """
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
        if found:
            return int(found[1]) * 1024
    with suppress(ImportError):
        import resource

        unit = 1 if name_platform() == "darwin" else 1024  # getrusage(2) of macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return 0
