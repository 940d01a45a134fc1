"""Change a file of settings line by line: the user's own, or that of the computer's login.

A change keeps every other line as it is, comments included. Nothing is written that could not be
read again.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from onlyme.errors import SettingsError
from onlyme.settings import Settings, check_values, flatten_liveness
from onlyme.settings.text import read_settings_text
from onlyme.storage.files import make_folder, replace_private

__all__ = [
    "change_setting",
    "check_text",
    "find_user_config",
    "format_value",
    "list_marked",
    "parse_value",
    "read_text",
    "write_config_file",
]


def find_user_config() -> Path:
    """Return the file with the user's settings, whether it exists or not."""
    import platformdirs

    named = os.environ.get("ONLYME_CONFIG")
    folder = platformdirs.user_config_path("onlyme", appauthor=False)
    return Path(named) if named else folder / "config.toml"


def parse_value(name: str, text: str) -> Any:
    """Return a setting's value from what was typed on the command line.

    Raises:
        SettingsError: there is no such setting, or it does not take this value.
    """
    known = [setting.name for setting in fields(Settings)]
    if name not in known and (near := get_close_matches(name.lower(), known, 1)):
        raise SettingsError(f"unknown setting {name}; did you mean {near[0]}?")
    value = check_values({name: text})[name]
    return value if isinstance(value, float | str) else str(value)


def change_setting(text: str, name: str, value: Any, mark: str = "") -> str:
    r"""Return the text of a settings file in which one setting has another value.

    A new line stands below the comment that shows the default, else before the first table. So
    removing the setting again gives the text as it was before.

    Args:
        text: the file as it is.
        name: of the setting.
        value: as `parse_value` returned it; None removes the setting.
        mark: a comment for the end of the line.

    >>> changed = change_setting('# unlock_lid = "refuse"\n', "unlock_lid", "ignore")
    >>> changed
    '# unlock_lid = "refuse"\nunlock_lid = "ignore"\n'
    >>> change_setting(changed, "unlock_lid", None)
    '# unlock_lid = "refuse"\n'
    """
    lines = text.splitlines(keepends=True)
    comment = f"  # {mark}" if mark else ""
    new = "" if value is None else f"{name} = {format_value(value)}{comment}\n"
    own = _find_line(lines, rf"\s*{re.escape(name)}\s*=")
    if own is not None:
        lines[own] = new
        return "".join(lines)
    if not new:
        return text
    shown = _find_line(lines, rf"#\s*{re.escape(name)}\s*=")
    table = _find_line(lines, r"\s*\[")
    at = shown + 1 if shown is not None else len(lines) if table is None else table
    before = "".join(lines[:at])
    gap = "" if not before or before.endswith("\n") else "\n"
    return before + gap + new + "".join(lines[at:])


def list_marked(text: str, mark: str) -> list[str]:
    """List the settings whose line ends with a mark of `change_setting`."""
    return re.findall(rf"^\s*(\w+)\s*=.*  # {re.escape(mark)}$", text, re.MULTILINE)


def read_text(path: Path) -> str:
    """Return the text of a settings file; empty if there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return read_settings_text(path)
    except FileNotFoundError:
        return ""


def check_text(text: str) -> dict[str, Any]:
    """Check that these settings can be read; return them.

    Raises:
        SettingsError: it is not TOML, or names an unknown setting or a value that is none.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"this is not TOML: {error}") from None
    return check_values(flatten_liveness(values))


def write_config_file(path: Path, text: str) -> None:
    """Write the settings, in one step, readable by their owner alone.

    Raises:
        SettingsError: they could not be read again; nothing is written.
        OSError: the file cannot be written.
    """
    check_text(text)
    make_folder(path.parent)
    replace_private(path, text.encode())


def format_value(value: Any) -> str:
    """Write a value as TOML; its strings are those of JSON where no surrogate is in them."""
    if isinstance(value, float):
        return f"{value:g}" if "e" in f"{value:g}" or not value.is_integer() else f"{value:.0f}"
    return json.dumps(str(value), ensure_ascii=False)


def _find_line(lines: list[str], pattern: str) -> int | None:
    return next((n for n, line in enumerate(lines) if re.match(pattern, line)), None)
