"""Read from the kernel whether the computer's lid is closed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["LID", "is_lid_closed"]

LID = Path("/proc/acpi/button/lid")


def is_lid_closed(folder: Path = LID) -> bool:
    """Say whether a lid is closed. A computer without a lid, or without this file, has it open.

    Args:
        folder: holds one folder for each lid, with a file `state`.
    """
    for state in folder.glob("*/state"):
        try:
            if state.read_text("ascii", errors="replace").rpartition(":")[2].strip() == "closed":
                return True
        except OSError:
            continue
    return False
