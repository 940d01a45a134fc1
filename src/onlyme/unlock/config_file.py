"""Find and begin the file with the settings of the computer's login: `/etc/onlyme/config.toml`."""

from __future__ import annotations

import os
import re
import textwrap
from dataclasses import fields
from pathlib import Path

from onlyme.errors import SettingsError
from onlyme.settings import SYSTEM_CONFIG, Settings
from onlyme.settings.config_file import check_text, format_value, write_config_file

__all__ = [
    "check_login_settings",
    "describe_settings",
    "find_config_file",
    "make_config_file",
    "write_login_settings",
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
    >>> import tomllib
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
        shown = "…" if default is None else format_value(default)
        parts.append("\n".join([*(f"# {line}" for line in words), f"# {setting.name} = {shown}\n"]))
    return "\n".join(parts)


def describe_settings() -> dict[str, str]:
    """Return the meaning of each setting, as the documentation of `Settings` says it."""
    _, _, listed = (Settings.__doc__ or "").partition("Attributes:\n")
    text = textwrap.dedent(listed)
    found = re.findall(r"^(\w+): (.*(?:\n[ ]+.*)*)", text, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def find_config_file() -> Path:
    """Return the file with the settings of the computer's login."""
    named = os.environ.get("ONLYME_CONFIG")
    return Path(named) if named else SYSTEM_CONFIG


def write_login_settings(text: str) -> None:
    """Write the settings of the computer's login.

    Raises:
        SettingsError: the daemon could not use them; nothing is written.
        OSError: the file cannot be written.
    """
    check_login_settings(text)
    write_config_file(find_config_file(), text)


def check_login_settings(text: str) -> None:
    """Check that the daemon can use these settings; its paths depend on no folder it starts in.

    Raises:
        SettingsError: it cannot; the message names the setting.
    """
    values = check_text(text)
    for name, value in values.items():
        if isinstance(value, Path) and not value.is_absolute():
            raise SettingsError(
                f"{name} = {str(value)!r} must be a whole path, which begins with /"
            )
    if values.get("camera") == "":
        raise SettingsError("camera is empty; give its number, path or name: see `onlyme cameras`")
