"""Run `unlock config show`, `set` and `edit`: the settings of the computer's login."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_setting
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say
from onlyme.cli.passwords import require_root

__all__ = ["register"]

_SECRETS = frozenset(["passphrase", "store"])  # an address may hold a password


def register(parent: typer.Typer) -> None:
    """Add this family's commands."""
    app = typer.Typer(
        cls=HelpfulGroup,
        name="config",
        no_args_is_help=True,
        help="Show or change the settings of the computer's login.",
    )
    app.command()(show)
    numbers = {"ignore_unknown_options": True}  # a value may begin with a minus
    app.command(name="set", context_settings=numbers)(set_)
    app.command()(edit)
    parent.add_typer(app)


def show(*, json: options.Json = False) -> None:
    """Show the settings of the computer's login that are in force.

    sudo onlyme unlock config show
    """
    from onlyme.settings import Settings
    from onlyme.settings.config_file import read_text
    from onlyme.unlock.config_file import find_config_file

    require_root("config show")
    path = find_config_file()
    settings, default = Settings.load_system(), fields(Settings)
    rows: dict[str, Any] = {
        each.name: _hide_secret(each.name, getattr(settings, each.name)) for each in default
    }
    if json:
        output.print_json({"file": str(path), "settings": rows})
        return
    say(f"{path}{'' if read_text(path) else ' (no file yet)'}")
    for each in default:
        changed = getattr(settings, each.name) != each.default
        mark = "*" if changed else " "
        say(f"{mark} {each.name} = {rows[each.name]}")
    say("* differs from the default")


def set_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The setting, such as camera.",
            show_default=False,
            autocompletion=complete_setting,
        ),
    ],
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="Its new value.", show_default=False)
    ] = None,
    *,
    unset: Annotated[
        bool, typer.Option("--unset", help="Remove the setting, so that its default counts.")
    ] = False,
) -> None:
    """Change one setting of the computer's login; it is checked before it is written.

    sudo onlyme unlock config set unlock_lid ignore
    """
    from onlyme.settings.config_file import (
        change_setting,
        parse_value,
        read_text,
    )
    from onlyme.unlock import system
    from onlyme.unlock.config_file import find_config_file, write_login_settings

    require_root("config set")
    if (value is None) != unset:
        raise typer.BadParameter("give a value, or --unset", param_hint="VALUE")
    path = find_config_file()
    parsed = None if value is None else parse_value(name, value)
    write_login_settings(change_setting(read_text(path), name, parsed))
    _say_written(path, restarted=system.restart_daemon())


def edit() -> None:
    """Edit the settings with your editor; they are checked before they are written.

    sudo onlyme unlock config edit
    """
    from onlyme.errors import SettingsError, UsageError
    from onlyme.settings.config_file import read_text
    from onlyme.storage.files import replace_private
    from onlyme.unlock import system
    from onlyme.unlock.config_file import (
        check_login_settings,
        find_config_file,
        make_config_file,
        write_login_settings,
    )

    require_root("config edit")
    path = find_config_file()
    before = read_text(path) or make_config_file()
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "editor")
    with tempfile.TemporaryDirectory() as folder:  # mode 0700: the text may name a database
        draft = Path(folder) / "config.toml"
        replace_private(draft, before.encode())
        while True:
            try:
                code = subprocess.run([*words, str(draft)], check=False).returncode  # noqa: S603 - root's own editor
            except OSError as error:
                raise UsageError(f"{words[0]}: {error.strerror}; set EDITOR") from None
            text = draft.read_text("utf-8")
            if code or text == before:
                raise UsageError("nothing was changed")
            try:
                check_login_settings(text)
                break
            except SettingsError as error:
                say(f"{error}", err=True)
                if not sys.stdin.isatty() or not typer.confirm("Edit again?", default=True):
                    raise UsageError("nothing was changed") from None
    write_login_settings(text)
    _say_written(path, restarted=system.restart_daemon())


def _hide_secret(name: str, value: object) -> str | None:
    if name in _SECRETS and value not in {None, "vault"}:
        return "…"
    return None if value is None else str(value)


def _say_written(path: Path, *, restarted: bool) -> None:
    after = "the daemon started again with it" if restarted else "it counts from the daemon's start"
    say(f"✓ {path} is written; {after}")
