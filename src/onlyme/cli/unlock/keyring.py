"""Run `unlock keyring`: let a login by face open the desktop's keyring as well."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_one_of
from onlyme.cli.lines import say
from onlyme.cli.passwords import read_login_password, read_secret, require_root
from onlyme.cli.unlock.key import open_login_vault
from onlyme.cli.unlock.owner import User, choose_user

if TYPE_CHECKING:
    from pwd import struct_passwd

__all__ = ["register", "require_no_keyring"]

_ACTIONS = ("on", "off", "open", "status")
_MIN_CHARACTERS = 8


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(keyring)


def keyring(
    action: Annotated[
        str,
        typer.Argument(
            metavar="on|off|open|status",
            help="Switch it on or off, open the keyring now, or say how it is.",
            autocompletion=complete_one_of(*_ACTIONS),
        ),
    ],
    *,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Let a login by face open the desktop's keyring too (GNOME's); it is off by default.

    The keyring gets a random password, which the login opens after your face and a gesture. After a
    login by password it stays closed until `open`, which asks for your login password.

    sudo onlyme unlock keyring on
    onlyme unlock keyring open
    sudo onlyme unlock keyring off
    """
    from onlyme.unlock.keyring.change import find_account

    if action not in _ACTIONS:
        raise typer.BadParameter(f"{action!r} is not one of {', '.join(_ACTIONS)}")
    if action in {"on", "off"}:
        require_root(f"keyring {action}")
    account = find_account(choose_user(user))
    if action == "status":
        _print_status(account, json=json)
    else:
        {"on": _switch_on, "off": _switch_off, "open": _open}[action](account)


def require_no_keyring() -> None:
    """Refuse to take the login's parts away while a user's keyring depends on them.

    Raises:
        UsageError: it names the user, and the command to run.
    """
    import pwd

    from onlyme.errors import UsageError, VaultError

    try:
        names = {*_list_keyrings()} & {user.pw_name for user in pwd.getpwall()}
    except VaultError:  # then `off` works by the box beside the keyring
        return
    for name in sorted(names):
        raise UsageError(
            f"the keyring of {name} has a password of its own; give it the login password back "
            f"first, in a session of {name}: `sudo onlyme unlock keyring off --user {name}`"
        )


def _list_keyrings() -> list[str]:
    """Return the users whose keyrings have a password that the vault holds."""
    from onlyme.settings import Settings
    from onlyme.unlock.keyring.change import list_users

    if not options.has_vault(Settings.load_system().vault):
        return []
    with open_login_vault() as admin:
        return list_users(admin.store)


def _switch_on(account: struct_passwd) -> None:
    from onlyme.errors import KeyRefused, UsageError
    from onlyme.unlock.keyring.change import switch_on
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.install import apply
    from onlyme.unlock.pam.program import find_command
    from onlyme.unlock.pam.session import SHOWING, plan_all

    folders = PamFolders()
    changes = plan_all(folders, find_command(None))
    if not changes:
        raise UsageError(
            f"no login that can show the gesture ({', '.join(sorted(SHOWING))}) looks for a face; "
            "`sudo onlyme unlock install login` lets your face open the console's login"
        )
    password = read_login_password(account.pw_name)
    if len(password) < _MIN_CHARACTERS:
        raise KeyRefused(f"this needs a login password of at least {_MIN_CHARACTERS} characters")
    with open_login_vault() as admin:
        if account.pw_name not in admin.store.names():
            raise UsageError(f"no face of {account.pw_name} is enrolled: `onlyme unlock enroll`")
        count = switch_on(admin.store, account, password)
    name = account.pw_name
    say(f"✓ the keyring of {name} has a password of its own; all {count} entries are there")
    for change in changes:
        apply(folders, change)
        say(f"✓ {change.service}: a login by face and gesture opens it")
    say("after a login by password, open it with: onlyme unlock keyring open")


def _switch_off(account: struct_passwd) -> None:
    from onlyme.errors import VaultError
    from onlyme.unlock.keyring.change import list_users, switch_off

    name, store = account.pw_name, None
    password = read_login_password(name)
    with ExitStack() as stack:
        try:
            store = stack.enter_context(open_login_vault()).store
        except VaultError as error:  # the box beside the keyring is enough
            say(f"note: {error}", err=True)
        former = "Login password at the time of `keyring on`: "
        count = switch_off(store, account, password, partial(read_secret, former))
        left = list_users(store) if store is not None else []
    what = "had it already" if count < 0 else f"all {count} entries are there"
    say(f"✓ the login password of {name} opens the keyring again; {what}")
    if not left:
        _remove_lines()


def _remove_lines() -> None:
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.install import apply
    from onlyme.unlock.pam.session import plan_all

    folders = PamFolders()
    for change in plan_all(folders, None):
        apply(folders, change)
        say(f"✓ {change.service}: its line is gone")


def _open(account: struct_passwd) -> None:
    from onlyme.unlock.keyring.change import open_by_password

    open_by_password(account, read_secret(f"Login password of {account.pw_name}: "))
    say("✓ the keyring is open")


def _print_status(account: struct_passwd, *, json: bool) -> None:
    from onlyme.unlock.keyring.change import has_box
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.session import list_services

    name = account.pw_name
    services = list_services(PamFolders())
    has_own = has_box(account)
    # Only root may look into the vault; a box without its record opens by password alone.
    opens = name in _list_keyrings() if os.geteuid() == 0 else None
    if json:
        output.print_json(
            {"user": name, "own_password": has_own, "face_opens": opens, "services": services}
        )
        return
    if not has_own and not opens:
        say(f"off: the login password of {name} opens the keyring")
        return
    by_face = "; the vault does not hold it, so that no face opens it" if opens is False else ""
    say(f"on: the keyring of {name} has a password of its own{by_face}")
    say(f"opened by face and gesture at: {', '.join(services) or 'no login'}")
