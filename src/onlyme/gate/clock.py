"""Time that nobody can turn back.

Waits are measured by the kernel's clock since boot, suspend included, which no
setting moves. It starts at zero with each boot, so what passed is carried on
from reading to reading; time spent switched off does not count. A wait thus
neither ends early by setting the clock or by a reboot, nor lasts for ever.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Moment", "measure_elapsed", "read_clock"]


class Moment(NamedTuple):
    """A reading of the clock.

    Attributes:
        boot: which boot of the machine; empty where the system does not tell.
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
    return Moment(boot, time.clock_gettime(time.CLOCK_BOOTTIME))


def measure_elapsed(since: Moment, until: Moment) -> float:
    """Seconds that surely passed between two readings: never more, at times less.

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
