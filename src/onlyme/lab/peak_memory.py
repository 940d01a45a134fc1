"""Measure the most memory that this process held since a moment."""

from __future__ import annotations

import re
import resource
from contextlib import suppress
from pathlib import Path

__all__ = ["forget_peak", "read_peak_bytes"]

_PROCESS = Path("/proc/self")


def forget_peak() -> None:
    """Reset the peak, where the system allows it (Linux, proc(5): clear_refs)."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")


def read_peak_bytes() -> int:
    """Return the most memory held since `forget_peak`, or else since the process began."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
