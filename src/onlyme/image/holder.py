"""Say which program has a camera open."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["describe_holder"]


def describe_holder(path: str) -> str:
    """Return `; it is in use by NAME (process N)` when another program has the device open."""
    path = os.path.realpath(path)  # a name that does not change is a link
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            held = any(str(link.readlink()) == path for link in (process / "fd").iterdir())
            if held:
                program = (process / "comm").read_text().strip()
                return f"; it is in use by {program} (process {process.name})"
        except OSError:  # another user's process, or one that has ended
            continue
    return ""
