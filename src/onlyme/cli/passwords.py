"""Ask for passwords and passphrases, and check who may run a command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from onlyme.cli.lines import wrap_text
from onlyme.errors import KeyMissing, KeyRefused, UsageError
from onlyme.storage.system import is_root

__all__ = [
    "TeachAnyway",
    "confirm_change",
    "confirm_erasing",
    "confirm_not_me",
    "read_login_password",
    "read_new_passphrase",
    "read_passphrase",
    "read_secret",
    "require_owner",
    "require_root",
]


TeachAnyway = Annotated[
    bool, typer.Option("--yes", help="Do not ask if the face may be the person's own.")
]


def read_secret(prompt: str) -> str:
    """Ask for a secret on the terminal; without a terminal, read a line of standard input.

    Raises:
        UsageError: it holds bytes that are no text in this locale's encoding.
        KeyMissing: the terminal was closed (Ctrl-D) instead.
    """
    try:
        if sys.stdin.isatty():
            from getpass import getpass

            secret = getpass(prompt)
        else:
            secret = sys.stdin.readline().rstrip("\n")
        secret.encode()  # Python reads bytes that are no text as surrogates
    except UnicodeError:
        raise UsageError(
            f"what was typed is no text in {sys.stdin.encoding}; set the locale (LANG) of this "
            "terminal, and type it again"
        ) from None
    except EOFError:
        raise KeyMissing("nothing was typed, so nothing was done") from None
    return secret


def read_passphrase(what: str) -> str:
    """Ask for the passphrase of a vault or an export.

    Raises:
        KeyMissing: there is no terminal, and standard input holds no line.
    """
    passphrase = read_secret(f"Passphrase of the {what}: ")
    if not passphrase and not sys.stdin.isatty():
        raise KeyMissing(f"the {what} needs a passphrase: a line on standard input")
    return passphrase


def read_new_passphrase(what: str) -> str:
    """Ask for a passphrase to be set; on a terminal twice, since it is not shown.

    Raises:
        KeyMissing: there is no terminal, and standard input holds no line.
        KeyRefused: the second passphrase differs from the first.
    """
    passphrase = read_passphrase(what)
    if sys.stdin.isatty() and read_secret("Once more: ") != passphrase:
        raise KeyRefused("the two passphrases differ")
    return passphrase


def confirm_erasing(question: str, *, yes: bool) -> None:
    """Ask before something is erased, where a person sits at a terminal.

    Args:
        question: what would be erased.
        yes: whether the command said so already; then nothing is asked.

    Raises:
        UsageError: the answer was no.
    """
    if not yes and _can_ask():
        _require_yes(question)


def confirm_change(question: str, without: str) -> None:
    """Ask for a yes that a script must have given beforehand.

    Args:
        question: what would be changed.
        without: what is said where there is no terminal to ask on.

    Raises:
        UsageError: the answer was no, or there is no terminal.
    """
    if not _can_ask():
        raise UsageError(without)
    _require_yes(question)


def confirm_not_me(doubt: str) -> None:
    """Ask before a face that may be the person's own is taught as that of another person.

    Args:
        doubt: why it may be; empty where there is no doubt, and nothing is asked then.

    Raises:
        UsageError: the answer was no, or there is no terminal to ask on.
    """
    if doubt:
        confirm_change(
            f"{doubt} Is it another person, to be kept apart?",
            f"{doubt} Nothing was changed; to teach it all the same, add --yes",
        )


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _require_yes(question: str) -> None:
    if not typer.confirm(wrap_text(question), err=True):
        raise UsageError("nothing was changed")


def require_owner(key: str) -> None:
    """Ask for the login password, unless root asks or the user typed the vault's passphrase.

    Args:
        key: what holds the vault's key: `file`, `keyring` or `passphrase`.

    Raises:
        KeyRefused: the password is wrong, or there is no terminal to type it on.
    """
    from onlyme.gate.password import is_login_password

    if is_root() or key == "passphrase":
        return
    if not sys.stdin.isatty():  # a password from a pipe does not prove that a person is there
        raise KeyRefused("this needs your password, typed on a terminal, or root")
    if not is_login_password(read_secret("Your login password: ")):
        raise KeyRefused("that is not your login password")


def read_login_password(name: str) -> str:
    """Ask for a user's login password, and check it where this computer keeps it.

    Raises:
        KeyRefused: it is wrong.
    """
    from onlyme.gate.password import is_kept_here, is_login_password

    password = read_secret(f"Login password of {name}: ")
    if is_kept_here(name) and not is_login_password(password, name):
        raise KeyRefused(f"that is not the login password of {name}; nothing was changed")
    return password


def require_root(command: str) -> None:
    """Refuse a command that changes the computer's login unless root runs it.

    Raises:
        UsageError: it names the command to run.
    """
    if not is_root():
        raise UsageError(f"only root may do that; run `sudo onlyme unlock {command}`")
