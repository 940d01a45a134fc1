"""Give a user's keyring a random password of its own, and give it the login password back.

The random password is kept twice: in the vault, for the daemon, and in a box beside the keyring.
The login password opens the box, so that no keyring is lost with a vault or a computer.
"""

from __future__ import annotations

import base64
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from onlyme.errors import KeyRefused, OnlymeError, UsageError
from onlyme.unlock.keyring.worker import find_bus, run_as
from onlyme.vault.backup import KEYRING
from onlyme.vault.passphrase_box import open_box, seal_box

if TYPE_CHECKING:
    from collections.abc import Callable
    from pwd import struct_passwd

    from onlyme.vault.store import Store

__all__ = [
    "BOX",
    "COPY",
    "find_account",
    "has_box",
    "list_users",
    "open_by_password",
    "read_password",
    "switch_off",
    "switch_on",
]

BOX = "login.onlyme"
"""The random password, sealed with the login password; beside the keyring's file."""

COPY = "login.keyring.before-onlyme"
"""The keyring's file as it was before it was switched on."""

_LAST_COPY = "login.keyring.before-off"
_MAGIC = b"onlyme-keyring\x00\x01"
_PROGRAM = "gnome-keyring-daemon"
_SECONDS = 60.0
_PASSWORD_BYTES = 32


def find_account(name: str) -> struct_passwd:
    """Return the account of a user.

    Raises:
        UsageError: the system knows none, or it is root's.
    """
    import pwd

    with suppress(KeyError):
        account = pwd.getpwnam(name)
        if account.pw_uid > 0:
            return account
    raise UsageError(f"{name!r} is not a user of this computer who has a keyring; see --user")


def switch_on(store: Store, account: struct_passwd, password: str) -> int:
    """Change the password of a user's keyring to a random one; return how many entries it holds.

    The file is copied first, and the copy and the new file are opened once. On any error before
    the end the keyring has the login password, as before.

    Args:
        store: the vault of the login.
        account: the user.
        password: the login password, which is the keyring's.

    Raises:
        OnlymeError: it was not changed; the message says why.
    """
    name, uid = account.pw_name, account.pw_uid
    if read_password(store, name) is not None:
        raise UsageError(f"it is on for {name}; `onlyme unlock keyring off` switches it off first")
    address, key = _find_keyring(uid), os.urandom(16).hex()
    items = run_as(uid, "copy", _SECONDS, password=password, name=COPY, key=key)
    new = os.urandom(_PASSWORD_BYTES).hex()
    box = base64.b64encode(seal_box(_MAGIC, new.encode(), password)).decode()
    # Both are on the disk before the keyring knows it: after a crash `off` finds it.
    run_as(uid, "write", _SECONDS, name=BOX, content=box)
    with store.edit() as edit:
        edit.write(KEYRING, name, new.encode())
    change = {"address": address, "old": password, "new": new, "items": items, "key": key}
    try:
        run_as(uid, "change", _SECONDS, **change)
    except OnlymeError as error:
        if not _opens(uid, password):  # it was ended in the middle
            raise UsageError(
                f"{error}; `onlyme unlock keyring off` gives the login password back"
            ) from None
        _clean_up(store, account)
        raise
    return len(items)


def switch_off(
    store: Store | None,
    account: struct_passwd,
    password: str,
    ask_former: Callable[[], str],
) -> int:
    """Make the login password the keyring's again; return how many entries it holds.

    Args:
        store: the vault of the login; None if it cannot be opened.
        account: the user.
        password: the login password of now.
        ask_former: returns the login password of the time of `switch_on`; asked only if neither
            the vault nor `password` gives the keyring's.

    Raises:
        OnlymeError: it was not changed; the message says why.
    """
    uid, key = account.pw_uid, os.urandom(16).hex()
    if _opens(uid, password):  # it has been changed back already, by hand or before a crash
        _clean_up(store, account)
        return -1
    address = _find_keyring(uid)
    own = _find_own_password(store, account, password, ask_former)
    items = run_as(uid, "copy", _SECONDS, password=own, name=_LAST_COPY, key=key)
    change = {"address": address, "old": own, "new": password, "items": items, "key": key}
    run_as(uid, "change", _SECONDS, **change)
    _clean_up(store, account)
    return len(items)


def open_by_password(account: struct_passwd, password: str) -> None:
    """Open the keyring of a user's session with the login password, by way of the box.

    Raises:
        OnlymeError: it stays closed; the message says why.
    """
    own = _open_box(account.pw_uid, password)
    run_as(account.pw_uid, "open", _SECONDS, address=find_bus(account.pw_uid), password=own)


def read_password(store: Store, name: str) -> str | None:
    """Return the password of a user's keyring; None if the vault holds none."""
    kept = store.read(KEYRING, name)
    return None if kept is None else kept.decode()


def list_users(store: Store) -> list[str]:
    """Return the users whose keyrings have a password that the vault holds."""
    return store.keys(KEYRING)


def has_box(account: struct_passwd) -> bool:
    """Say whether a user's keyring has a password of its own, as far as its folder tells."""
    with suppress(OnlymeError):
        return bool(run_as(account.pw_uid, "read", _SECONDS, name=BOX))
    return False


# ----------------------------------------------------------------------------- within


def _find_keyring(uid: int) -> str:
    """Return the address of the bus on which GNOME's own program answers for the keyring.

    The login password goes to that program, so a script of the user in its place is refused.
    """
    address = find_bus(uid)
    number = run_as(uid, "find_service", _SECONDS, address=address)
    program = shutil.which(_PROGRAM, path=os.defpath)
    with suppress(OSError, TypeError):
        if program and Path(f"/proc/{int(number)}/exe").resolve() == Path(program).resolve():
            return address
    raise UsageError(
        f"another program than {_PROGRAM} answers for the keyring on the session bus, and gets no "
        "password; only GNOME's keyring is supported"
    )


def _find_own_password(
    store: Store | None, account: struct_passwd, password: str, ask_former: Callable[[], str]
) -> str:
    kept = read_password(store, account.pw_name) if store is not None else None
    if kept is not None:
        return kept
    try:
        return _open_box(account.pw_uid, password)
    except KeyRefused:
        return _open_box(account.pw_uid, ask_former())


def _open_box(uid: int, password: str) -> str:
    content = base64.b64decode(run_as(uid, "read", _SECONDS, name=BOX))
    return open_box(_MAGIC, content, password, "box of the keyring").decode()


def _opens(uid: int, password: str) -> bool:
    """Say whether the keyring's file opens with a password."""
    with suppress(KeyRefused):
        run_as(uid, "check", _SECONDS, password=password)
        return True
    return False


def _clean_up(store: Store | None, account: struct_passwd) -> None:
    if store is not None:
        with store.edit() as edit:
            edit.remove(KEYRING, account.pw_name)
    run_as(account.pw_uid, "remove", _SECONDS, names=[BOX, COPY, _LAST_COPY])
