"""Run `unlock setup` and `teardown`: from nothing to a login by face, and back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options
from onlyme.cli.complete import complete_camera, complete_one_of, complete_service
from onlyme.cli.lines import say
from onlyme.cli.passwords import confirm_erasing, require_root
from onlyme.cli.unlock.owner import User

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["register"]

_MARK = "onlyme unlock setup"
"""Ends the lines of the settings file that `setup` wrote; `teardown` removes these."""

_PRINTED_AT_END = """
What now:
  lock the screen or log out, and look at the camera
  the face does not open?   type the password, it always works; `onlyme unlock status` says why
  try it without opening    onlyme unlock test
  what happened             journalctl -u onlyme
  off for a while           sudo onlyme unlock disable --for 2h
  undo all of this          sudo onlyme unlock teardown"""

LoginCamera = Annotated[
    str | None,
    typer.Option(
        "--camera",
        metavar="N",
        help="The camera's number, path or name; by default it shows all, and asks.",
        show_default=False,
        autocompletion=complete_camera,
    ),
]
OwnPhotos = Annotated[
    list[Path] | None,
    typer.Option(
        "--photos",
        metavar="PATH",
        help="Enroll from these photos, or folders of them, instead of before the camera.",
        show_default=False,
    ),
]
Services = Annotated[
    str | None,
    typer.Option(
        "--services",
        metavar="LIST",
        help="Services of PAM, separated by commas; by default sudo, and the logins and "
        "screen lockers that are there.",
        show_default=False,
        autocompletion=complete_service,
    ),
]
Intent = Annotated[
    str | None,
    typer.Option(
        "--intent",
        metavar="KIND",
        help="What shows in sudo that you want it: see the setting unlock_intent.",
        show_default=False,
        autocompletion=complete_one_of("gesture", "enter"),
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: take what the options say.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(setup)
    app.command()(teardown)


def setup(
    *,
    user: User = None,
    camera: LoginCamera = None,
    photos: OwnPhotos = None,
    services: Services = None,
    intent: Intent = None,
    replace: options.Replace = False,
    yes: Yes = False,
) -> None:
    """Let your face open this computer: camera, enrolment, a try, and PAM, step by step.

    Every step can be given as an option instead. It may be repeated; `teardown` undoes it.

    sudo onlyme unlock setup
    sudo onlyme unlock setup --camera 0 --photos photos/ --services login --yes
    """
    from onlyme.cli.unlock import setup_steps as steps
    from onlyme.settings import Settings

    require_root("setup")
    asks = not yes and sys.stdin.isatty()
    _title(1, "You")
    who = steps.choose_user(user, asks=asks)
    if replace:
        confirm_erasing(f"Forget the face of {who}, and start anew?", yes=yes)
    password = steps.ask_password(who)
    if services is not None:
        steps.check_services(services)
    _title(2, "The camera")
    steps.save_settings({"camera": steps.choose_camera(camera, asks=asks)}, _MARK)
    if intent is not None:
        steps.save_settings({"unlock_intent": intent}, _MARK)
    _title(3, "The daemon")
    _start_daemon(who)
    settings = Settings.load_system()
    _title(4, "Your face")
    steps.enroll(settings, who, photos, replace=replace)
    _title(5, "A try, which opens nothing")
    steps.try_face(settings, who)
    _title(6, "The login")
    chosen = steps.choose_services(services, settings, asks=asks)
    _install(chosen, who, password, yes=yes)
    if hidden_by := _find_other_command():
        say(
            f"note: your shell finds {hidden_by} first, which is another installation of onlyme; "
            "remove that file"
        )
    say(_PRINTED_AT_END)


def teardown(
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="Erase the enrolled faces as well.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Undo `setup`: take our lines out of PAM, stop the daemon, and restore the settings.

    Users leave the group onlyme. The enrolled faces stay in the vault unless --forget is given.

    sudo onlyme unlock teardown
    """
    from onlyme.cli.unlock import pam
    from onlyme.cli.unlock import setup_steps as steps
    from onlyme.cli.unlock.keyring import require_no_keyring
    from onlyme.unlock import system

    require_root("teardown")
    if forget:
        confirm_erasing("Erase the faces of all users of this computer as well?", yes=yes)
    require_no_keyring()
    pam.uninstall(None, yes=yes, dry_run=False)
    steps.drop_settings(_MARK)
    if forget:
        steps.forget_faces()
    else:
        say("the enrolled faces stay in /var/lib/onlyme; --forget erases them")
    system.remove_members()
    if system.has_systemd():
        system.stop_daemon()
        say("✓ the daemon is stopped, and does not start with the computer")


def _start_daemon(who: str) -> None:
    from onlyme.unlock import system

    system.make_group()
    if system.add_member(who):
        say(f"✓ {who} is in the group onlyme from the next login on, for screen lockers")
    if other := system.find_other(Path(sys.executable).parent / "onlyme"):
        system.remove_units()
        say(f"✓ the daemon of {other} is stopped; this installation takes its place")
    if not any((Path(folder) / "onlyme.service").is_file() for folder in system.UNITS_FOLDERS):
        from onlyme.cli.unlock.units import write_units

        write_units(Path(system.UNITS_FOLDERS[0]))
    system.restart_daemon()
    system.start_daemon()
    say("✓ it runs, and starts with the computer")


def _find_other_command() -> str:
    """Return the command `onlyme` that a shell finds, if it is not this installation's."""
    found = shutil.which("onlyme")
    own = Path(sys.executable).parent / "onlyme"
    return found if found and own.exists() and Path(found).resolve() != own.resolve() else ""


def _install(services: Sequence[str], who: str, password: str | None, *, yes: bool) -> None:
    from onlyme.cli.unlock.pam import install_lines

    if services:
        install_lines(services, who, password, yes=yes)
    else:
        say("no service was chosen; `sudo onlyme unlock install SERVICE` adds one later")


def _title(number: int, words: str) -> None:
    say(f"\n{number}. {words}", bold=True)
