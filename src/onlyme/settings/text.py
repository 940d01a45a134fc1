"""Read the text of a settings file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from onlyme.errors import SettingsError
from onlyme.storage.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_settings_text"]

_MAX_BYTES: Final = 2**20


def read_settings_text(path: Path) -> str:
    """Return the text of a settings file, without the byte order mark that editors write.

    The null device is an empty file: it is how one asks for no settings.

    Raises:
        FileNotFoundError: there is none.
        SettingsError: it is no file, cannot be read, is too large, or is not UTF-8.
    """
    if str(path) == os.devnull:
        return ""
    try:
        with open_regular(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: {cause}") from None
    if len(content) > _MAX_BYTES:
        raise SettingsError(f"{path} has more than 1 MB; a file of settings has some lines")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{path} is not text in UTF-8 (line {line}); save it as UTF-8"
        ) from None
