"""Run `unlock install`, `uninstall`, `status` and `profile`: change and check the rules of PAM.

The rules belong to root, and a mistake in them locks all users out: see `onlyme.unlock.pam`.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_service
from onlyme.cli.lines import say
from onlyme.cli.passwords import read_secret, require_root
from onlyme.cli.unlock.key import print_key
from onlyme.cli.unlock.owner import User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.install import FileChange

__all__ = ["install_lines", "register", "uninstall"]

Service = Annotated[
    list[str],
    typer.Argument(
        metavar="SERVICE…",
        help="Services of PAM, such as login.",
        show_default=False,
        autocompletion=complete_service,
    ),
]
Helper = Annotated[
    Path | None,
    typer.Option(
        "--helper",
        metavar="PATH",
        help="The program `onlyme-pam`; by default the one of this installation.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Write without asking.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    for command in (install, uninstall, status, profile):
        app.command()(command)


def install(
    services: Service,
    *,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show and test everything, but write nothing.")
    ] = False,
    user: User = None,
    ask_password: Annotated[
        bool,
        typer.Option("--try-password", help="Ask for that user's password, and test it as well."),
    ] = False,
    helper: Helper = None,
) -> None:
    """Let a face open services: add our lines to their PAM files.

    Shows the change, tests it with the real PAM on a copy, asks, makes a backup, and writes.
    The password works as before.

    sudo onlyme unlock install login
    """
    require_root("install")
    who = user or _choose_user()
    typed = read_secret(f"Password of {who}, to test it: ") if ask_password else None
    install_lines(services, who, typed, helper=helper, yes=yes, dry_run=dry_run)


def install_lines(
    services: Sequence[str],
    who: str,
    typed: str | None,
    *,
    helper: Path | None = None,
    yes: bool = False,
    dry_run: bool = False,
) -> None:
    """Show the change of each service, test it with the real PAM, ask, and write.

    Args:
        services: of PAM.
        who: the user whose login is tested.
        typed: the user's password, which must open; None only checks that PAM asks for it.
        helper: the program that PAM starts.
        yes: write without asking.
        dry_run: write nothing.

    Raises:
        PamError: a service may not be changed; nothing was changed.
        UsageError: the answer was no.
    """
    from onlyme.unlock.pam import install as work
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.program import find_command
    from onlyme.unlock.pam.rules import PamLines

    _require_intent(services, who)
    places, lines = PamFolders(), PamLines(find_command(helper))
    changes: list[FileChange] = []
    for service in dict.fromkeys(services):
        others = {change.service: change.new for change in changes}
        changes.append(work.plan(places, service, lines, others))
    for change in changes:
        _show_change(change)
        _show_intent(change, who)
        work.try_out(places, changes, change, who, typed)
        without = _describe_without(change.service, who, typed)
        say(f"✓ {change.service}: tested with PAM: a face opens; without one {without}")
    if _write_changes(places, changes, yes=yes, dry_run=dry_run):
        _say_next(places, [change.service for change in changes], who)


def uninstall(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE…]",
            help="Services of PAM; by default all that have our lines.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    *,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show everything, but write nothing.")
    ] = False,
) -> None:
    """Remove our lines from PAM files.

    A file is restored byte for byte. Where an upgrade changed it around our lines, only our
    lines are removed.
    """
    from onlyme.unlock.pam import install as work
    from onlyme.unlock.pam.folders import PamFolders

    require_root("uninstall")
    places = PamFolders()
    changes = []
    for service in dict.fromkeys(services or work.list_installed(places)):
        change = work.plan_removal(places, service)
        if change is None:
            say(f"✓ {service}: it has none of our lines")
        else:
            changes.append(change)
            _show_change(change)
    _write_changes(places, changes, yes=yes, dry_run=dry_run)


def status(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE…]",
            help="Services of PAM; by default those that have or had our lines.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    *,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Say for each service what will happen at the next login, and why."""
    import pwd

    from onlyme.settings import Settings
    from onlyme.unlock.client.remote import is_remote
    from onlyme.unlock.pam import status
    from onlyme.unlock.pam.folders import PamFolders

    places, settings = PamFolders(), Settings.load()
    who = user or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    remote = is_remote(os.environ, os.getppid())
    found = [status.read_status(places, name) for name in services or status.list_known(places)]
    rows: list[dict[str, Any]] = []
    for service in found:
        would, daemon = status.predict_login(settings, service, who, is_remote=remote)
        row = {"service": service.name, "state": service.state, "detail": service.detail}
        rows.append(row | {"next_login": would, "daemon": daemon})
    if json:
        output.print_json({"user": who, "remote": remote, "services": rows})
        return
    print_key()
    if not rows:
        say("no service has our lines; `sudo onlyme unlock install login` adds them to login")
    marks = {"installed": ("✓", "green"), "absent": ("–", "yellow"), "altered": ("✗", "red")}
    for row in rows:
        mark, colour = marks[row["state"]]
        detail = f" ({row['detail']})" if row["detail"] else ""
        say(
            f"{typer.style(mark, fg=colour, bold=True)} {row['service']:<16} {row['state']}{detail}"
        )
        say(f"  {'':<16} → {who}: {row['next_login']}")


def profile(*, helper: Helper = None) -> None:
    """Print a profile for Debian's pam-auth-update, which sets up all services at once.

    sudo sh -c 'onlyme unlock profile > /usr/share/pam-configs/onlyme'

    sudo pam-auth-update --enable onlyme
    """
    from onlyme.unlock.pam.intent import GESTURE_COST
    from onlyme.unlock.pam.program import find_command, make_profile

    say(f"note: outside of logins and screen lockers {GESTURE_COST}", err=True)
    say(
        "note: a service that can show the gesture neither on a terminal nor as a notification "
        "asks for the password",
        err=True,
    )
    typer.echo(make_profile(find_command(helper)), nl=False)


def _show_change(change: FileChange) -> None:
    if change.old == change.new:
        say(f"✓ {change.service}: our lines are already in {change.path}")
        return
    for row in change.diff.split("\n"):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
        typer.secho(row, fg=colour)
    for note in change.notes:
        say(f"note: {note}")


def _describe_without(service: str, user: str, typed: str | None) -> str:
    """Say what the trial showed of a login without a face."""
    from onlyme.unlock.services import BESIDE

    if service in BESIDE:
        return f"it answers as before; the password of {BESIDE[service]} does not wait"
    return "the password opens" if typed is not None else f"{user} is asked for the password"


def _require_intent(services: Sequence[str], user: str) -> None:
    """Refuse services in which a face would open nothing."""
    from onlyme.errors import PamError
    from onlyme.settings import Settings
    from onlyme.unlock.pam.intent import find_intent_problem

    settings = Settings.load_system()
    for service in services:
        if problem := find_intent_problem(service, settings, partial(_try_notification, user)):
            raise PamError(f"{problem}; nothing was changed")


def _try_notification(user: str) -> bool:
    """Show a notification on a user's desktop; return whether that worked."""
    import pwd

    from onlyme.unlock.client.notification import Notification

    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    return Notification().show(uid, "onlyme", "Gestures will be shown like this.", 5.0)


def _show_intent(change: FileChange, user: str) -> None:
    """Say what the intent costs, and which of the services that share a file have none."""
    from onlyme.settings import Settings
    from onlyme.unlock.pam.intent import ENTER_COST, GESTURE_COST, find_intent_problem
    from onlyme.unlock.services import needs_intent

    settings = Settings.load_system()
    for service in change.services:
        if problem := find_intent_problem(service, settings, partial(_try_notification, user)):
            say(f"note: a face does not open {problem}")
    if any(map(needs_intent, change.services)):
        cost = ENTER_COST if settings.unlock_intent == "enter" else GESTURE_COST
        say(f"note: {cost}")


def _say_next(places: PamFolders, services: Sequence[str], user: str) -> None:
    from onlyme.settings import Settings
    from onlyme.unlock.pam import status

    for service in services:
        found = status.read_status(places, service)
        would, _ = status.predict_login(Settings.load(), found, user, is_remote=False)
        say(f"  at the next login of {user} {service} {would}")


def _write_changes(
    places: PamFolders, changes: Sequence[FileChange], *, yes: bool, dry_run: bool
) -> bool:
    from onlyme.errors import UsageError
    from onlyme.unlock.pam.install import apply

    changes = [change for change in changes if change.old != change.new]
    if not changes or dry_run:
        say("nothing was written")
        return False
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("no terminal to ask on; check with --dry-run, then use --yes")
        if not typer.confirm("Write this?"):
            raise UsageError("nothing was written")
    for change in changes:
        apply(places, change)
        say(f"✓ {change.service}: {change.path} is written")
    return True


def _choose_user() -> str:
    """Return a user to test the login with: the one who called sudo, or else the first user."""
    import pwd

    caller = os.environ.get("SUDO_USER", "")
    if caller and caller != "root":
        return caller
    people = [user for user in pwd.getpwall() if 1000 <= user.pw_uid < 60000]
    return min(people, key=lambda user: user.pw_uid).pw_name if people else "root"
