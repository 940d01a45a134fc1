"""Measure waits with a clock that cannot be set.

It is the kernel's clock since boot, suspend included. It starts at zero with each boot, so the
time that passed is added up from reading to reading; time switched off does not count. So
neither setting the system's clock nor a reboot ends a wait early, and no wait lasts for ever.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from onlyme.storage.system import name_platform

__all__ = ["Moment", "measure_elapsed", "read_clock"]


class Moment(NamedTuple):
    """A reading of the clock.

    Attributes:
        boot: identifier of the boot of the machine; empty where the system gives none.
        seconds: since that boot.
    """

    boot: str
    seconds: float


def read_clock() -> Moment:
    """Read the clock."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    if name_platform() == "linux":
        return Moment(boot, time.clock_gettime(time.CLOCK_BOOTTIME))
    return Moment(boot, time.monotonic())  # begins with the boot as well, at least there


def measure_elapsed(since: Moment, until: Moment) -> float:
    """Return the seconds that certainly passed between two readings: never more, sometimes less.

    >>> measure_elapsed(Moment("a", 100.0), Moment("a", 130.0))
    30.0
    >>> measure_elapsed(Moment("a", 100.0), Moment("b", 7.0))
    7.0
    >>> measure_elapsed(Moment("a", 100.0), Moment("a", 60.0))
    0.0
    """
    if since.boot == until.boot:
        return max(0.0, until.seconds - since.seconds)
    return max(0.0, until.seconds)
