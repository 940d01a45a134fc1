"""Read the lists that an evaluation is given: of pairs, and of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import UsageError
from onlyme.storage.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_lines"]


def read_lines(path: Path, what: str) -> list[str]:
    """Return the lines of a list, without the byte order mark that editors write.

    Args:
        path: the file.
        what: what it lists, for the message.

    Raises:
        UsageError: it is no file, cannot be read, or is not UTF-8.
    """
    try:
        with open_regular(path) as file:
            return file.read().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the list of {what} cannot be read: {error}") from None
