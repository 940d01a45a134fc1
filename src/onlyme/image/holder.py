"""Say why a camera cannot be used: which program has it open, or that there is none."""

from __future__ import annotations

import os
from pathlib import Path

from onlyme.storage.system import name_platform

__all__ = ["describe_holder", "explain_missing"]


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


def explain_missing() -> str:
    """Say why a camera is not there, and what to do."""
    if name_platform() == "linux":
        return "there is no such camera; see `onlyme cameras`"
    return (
        f"cameras are read on Linux only so far, and this is {name_platform()}; give a video, or "
        "frames that your own program reads from the camera"
    )
