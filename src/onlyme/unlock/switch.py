"""Switch the face off for a while, or until it is switched on again.

The switch is a file beside the settings, which only root can write. It holds the time until which
the face is off, or `forever`. A file that cannot be read means off: the password still works.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from onlyme.errors import UsageError
from onlyme.settings import SYSTEM_CONFIG
from onlyme.storage.files import replace_private

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SWITCH", "parse_duration", "read_switch", "switch_off", "switch_on"]

SWITCH = SYSTEM_CONFIG.with_name("disabled")
"""The file of the switch; the face is on where it does not exist."""

_FOREVER = "forever"
_MAX_BYTES = 100
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MAX_SECONDS = 366 * 86400


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `2h`, `90m` or `1d12h`.

    Raises:
        UsageError: it is none, or longer than a year.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    parts = re.findall(r"([0-9]{1,9})([dhms])", text)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < seconds <= _MAX_SECONDS:
        raise UsageError(f"{text!r:.40} is no duration up to a year; say for example 30m, 2h or 1d")
    return timedelta(seconds=seconds)


def switch_off(duration: timedelta | None = None, path: Path = SWITCH) -> datetime | None:
    """Switch the face off, for a while or until `switch_on`; return the end, if there is one.

    Raises:
        OSError: the file cannot be written.
    """
    end = None if duration is None else datetime.now(UTC).replace(microsecond=0) + duration
    replace_private(path, f"{end.isoformat() if end else _FOREVER}\n".encode())
    return end


def switch_on(path: Path = SWITCH) -> bool:
    """Switch the face on; return whether it was off.

    Raises:
        OSError: the file cannot be removed.
    """
    was_off = bool(read_switch(path))
    path.unlink(missing_ok=True)
    return was_off


def read_switch(path: Path = SWITCH) -> str:
    """Say in words why the face is off; empty if it is on."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode().strip()
        end = None if text == _FOREVER else datetime.fromisoformat(text)
        if end is None:
            return "the face is switched off: `sudo onlyme unlock enable`"
        if datetime.now(UTC) >= end:
            return ""
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, TypeError):  # damaged, or a time without a zone
        return f"the face is switched off, as {path} cannot be read: `sudo onlyme unlock enable`"
    return f"the face is switched off until {end.astimezone():%Y-%m-%d %H:%M}"
