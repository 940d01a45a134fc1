"""Make the unit files with which systemd starts the daemon."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NAMES", "make_unit"]

NAMES = ("onlyme.service", "onlyme.socket")


def make_unit(name: str, command: Path) -> str:
    """Return the text of a unit.

    Args:
        name: one of `NAMES`.
        command: the full path of the command `onlyme`.

    >>> unit = make_unit(NAMES[0], Path("/opt/onlyme/bin/onlyme"))
    >>> "ExecStart=/opt/onlyme/bin/onlyme daemon" in unit
    True
    """
    text = (Path(__file__).parent / name).read_text("utf-8")
    return text.replace("@COMMAND@", str(command))
