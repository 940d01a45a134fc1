"""Write and change the settings of the computer's login: `/etc/onlyme/config.toml`.

A change keeps every other line as it is, comments included. Nothing is written that the daemon
could not read.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from onlyme.errors import SettingsError
from onlyme.settings import SYSTEM_CONFIG, Settings, check_values
from onlyme.storage.files import replace_private

__all__ = [
    "change_setting",
    "check_text",
    "describe_settings",
    "find_config_file",
    "list_marked",
    "make_config_file",
    "parse_value",
    "read_text",
    "write_config_file",
]

_WIDTH = 96
_HEAD = """\
# The settings of the computer's login, for onlyme's daemon. Only root reads and writes this file.
#
# Every line below is a comment that shows a default. `onlyme unlock config set NAME VALUE` changes
# one setting, and checks it first; `onlyme unlock config show` prints those in force. A change
# takes effect when the daemon starts again: systemctl restart onlyme
"""
_LEFT_OUT = frozenset(
    ["vault", "models", "passphrase", "store", "fpir", "key_file", "embedder", "liveness_extra"]
)
"""Settings that the login does not need, or that are tables; they work in this file, too."""


def make_config_file() -> str:
    """Return the file with every setting of the login as a comment that shows its default.

    >>> text = make_config_file()
    >>> '# unlock_lid = "refuse"' in text
    True
    >>> tomllib.loads(text)
    {}
    """
    meanings = describe_settings()
    parts = [_HEAD]
    for setting in fields(Settings):
        if setting.name in _LEFT_OUT or setting.name not in meanings:
            continue
        words = textwrap.wrap(meanings[setting.name], _WIDTH, break_long_words=False)
        default = setting.default
        shown = "…" if default is None else _format_value(default)
        parts.append("\n".join([*(f"# {line}" for line in words), f"# {setting.name} = {shown}\n"]))
    return "\n".join(parts)


def describe_settings() -> dict[str, str]:
    """Return the meaning of each setting, as the documentation of `Settings` says it."""
    _, _, listed = (Settings.__doc__ or "").partition("Attributes:\n")
    text = textwrap.dedent(listed)
    found = re.findall(r"^(\w+): (.*(?:\n[ ]+.*)*)", text, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def parse_value(name: str, text: str) -> Any:
    """Return a setting's value from what was typed on the command line.

    Raises:
        SettingsError: there is no such setting, or it does not take this value.
    """
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
    new = "" if value is None else f"{name} = {_format_value(value)}{comment}\n"
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


def _find_line(lines: list[str], pattern: str) -> int | None:
    return next((n for n, line in enumerate(lines) if re.match(pattern, line)), None)


def check_text(text: str) -> None:
    """Check that the daemon can read these settings.

    Raises:
        SettingsError: it is not TOML, or names an unknown setting or a value that is none.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"this is not TOML: {error}") from None
    check_values(values)


def find_config_file() -> Path:
    """Return the file with the settings of the computer's login."""
    named = os.environ.get("ONLYME_CONFIG")
    return Path(named) if named else SYSTEM_CONFIG


def read_text(path: Path) -> str:
    """Return the text of a settings file; empty if there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from None


def write_config_file(path: Path, text: str) -> None:
    """Write the settings, in one step, readable by root alone.

    Raises:
        SettingsError: the daemon could not read them; nothing is written.
        OSError: the file cannot be written.
    """
    check_text(text)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_private(path, text.encode())


def _format_value(value: Any) -> str:
    """Write a value as TOML; its strings are those of JSON where no surrogate is in them."""
    if isinstance(value, float):
        return f"{value:g}" if "e" in f"{value:g}" or not value.is_integer() else f"{value:.0f}"
    return json.dumps(str(value), ensure_ascii=False)
