"""Talk to GNOME's keyring over a session bus: open it, change its password, compare what it holds.

The interface is that of the Secret Service, and the one that GNOME's own programs use to open a
collection with a password. Passwords are encrypted for the service, so that a program that only
listens on the bus does not see them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlyme.errors import KeyRefused, UsageError, explain_extra
from onlyme.storage.files import create_private

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FILE", "GnomeKeyring", "connect", "start_private"]

FILE = "login.keyring"
"""The file of the keyring that programs use where they name none."""

_LOGIN = "/org/freedesktop/secrets/collection/login"
_SERVICE_PATH = "/org/freedesktop/secrets"
_INTERNAL = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
_NAME = "org.freedesktop.secrets"
_BUS_SECONDS = 10.0
_BUS = ("dbus-daemon", "--session", "--nofork", "--print-address=1")


class GnomeKeyring:
    """The login keyring of the service on one bus.

    Args:
        connection: to the bus, as `connect` opened it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def open(self, password: str) -> None:
        """Open it.

        Raises:
            KeyRefused: it has another password, or there is none.
        """
        self._call("UnlockWithMasterPassword", [password])

    def change_password(self, old: str, new: str) -> None:
        """Give it another password; what it holds stays.

        Raises:
            KeyRefused: it has another password than `old`, or there is no keyring.
        """
        self._call("ChangeWithMasterPassword", [old, new])

    def digest_items(self, key: bytes) -> set[str]:
        """Return a digest of each entry, its secret included; it must be open.

        Args:
            key: random, so that no digest can be compared with another run's.
        """
        from secretstorage import Collection

        found = set[str]()
        for item in Collection(self._connection, _LOGIN).get_all_items():
            attributes = sorted(item.get_attributes().items())
            text = json.dumps([item.get_label(), attributes, item.get_secret().hex()]).encode()
            found.add(hmac.new(key, text, hashlib.sha256).hexdigest())
        return found

    def find_process(self) -> int:
        """Return the number of the process that answers for the keyring; it is started if need be.

        Raises:
            UsageError: no keyring answers on this bus.
        """
        from jeepney import DBusAddress, MessageType, new_method_call

        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        number = 0
        for method, signature, words in (
            ("StartServiceByName", "su", (_NAME, 0)),
            ("GetConnectionUnixProcessID", "s", (_NAME,)),
        ):
            message = new_method_call(bus, method, signature, words)
            answer = self._connection.send_and_get_reply(message, timeout=_BUS_SECONDS)
            if answer.header.message_type is not MessageType.method_return:
                raise UsageError("no keyring answers on the session bus")
            number = int(answer.body[0])
        return number

    def _call(self, method: str, passwords: list[str]) -> None:
        from jeepney import DBusErrorResponse
        from secretstorage import SecretStorageException
        from secretstorage.util import DBusAddressWrapper, format_secret, open_session

        try:
            session = open_session(self._connection)
            secrets = [format_secret(session, word.encode(), "text/plain") for word in passwords]
            service = DBusAddressWrapper(_SERVICE_PATH, _INTERNAL, self._connection)
            service.call(method, "o" + "(oayays)" * len(secrets), _LOGIN, *secrets)
        except (SecretStorageException, DBusErrorResponse, OSError) as error:
            name = getattr(error, "name", "") or type(error).__name__
            raise KeyRefused(f"the keyring did not take the password ({name})") from None


@contextmanager
def connect(address: str) -> Iterator[GnomeKeyring]:
    """Connect to the keyring on a bus.

    Raises:
        UsageError: a package is missing, or nothing answers there.
    """
    try:
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:
        raise UsageError(f"the keyring needs more packages; {explain_extra('unlock')}") from None
    try:
        connection = open_dbus_connection(bus=address)
    except (OSError, ValueError):
        raise UsageError("no session bus answers; log in to the desktop first") from None
    try:
        yield GnomeKeyring(connection)
    finally:
        connection.close()


@contextmanager
def start_private(content: bytes) -> Iterator[GnomeKeyring]:
    """Start a keyring of one's own on a copy of the file, which ends with the block.

    Args:
        content: of the file.

    Raises:
        UsageError: `dbus-daemon` does not start.
    """
    with tempfile.TemporaryDirectory(prefix="onlyme-keyring-") as scratch:
        folder = Path(scratch)
        (folder / "keyrings").mkdir(mode=0o700)
        create_private(folder / "keyrings" / FILE, content)
        try:
            # It starts the keyring when that is first asked for; the keyring ends with it.
            bus = subprocess.Popen(  # noqa: S603 - words of this module
                [*_BUS, f"--address=unix:path={scratch}/bus"],
                env={
                    "PATH": os.defpath,
                    "HOME": scratch,
                    "XDG_DATA_HOME": scratch,
                    "XDG_RUNTIME_DIR": scratch,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise UsageError(f"`{_BUS[0]}` cannot be started: {error.strerror}") from None
        with bus:
            try:
                assert bus.stdout is not None  # noqa: S101 - for the type checker
                with connect(bus.stdout.readline().strip()) as keyring:
                    yield keyring
            finally:
                bus.kill()
