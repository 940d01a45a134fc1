"""Get a vault's key from a passphrase, the desktop's keyring, or a file.

All of them have one small interface, `KeySource`; `credential` has one more class. A source never
sees what the vault holds, and the vault sees nothing of a source but the key.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from onlyme.errors import KeyMissing, KeyRefused, VaultDamaged, VaultError, explain_extra
from onlyme.storage.crypto import KEY_BYTES
from onlyme.storage.files import (
    hold_folder_lock,
    make_private_folder,
    move_over,
    read_private,
    replace_private,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from onlyme.vault.key_slot import KeySlot

__all__ = [
    "MIN_PASSPHRASE_CHARACTERS",
    "SCRYPT",
    "KeyFile",
    "KeySource",
    "Keyring",
    "Passphrase",
    "ScryptCost",
    "check_new_passphrase",
    "format_key",
    "parse_key",
    "stretch_passphrase",
]


class KeySource(Protocol):
    """Holds one key of 32 bytes for a vault."""

    @property
    def kind(self) -> str:
        """The name of the kind in the key slot."""

    def candidates(self, slot: KeySlot) -> Iterator[bytes]:
        """Yield the keys that may be the slot's, the most likely first.

        Raises:
            KeyMissing: there is no key.
            KeyRefused: there is a key that must not be used.
        """

    def make(self, *, replace: bool) -> tuple[dict[str, Any], bytes]:
        """Make and store a key; return what is needed to find it again, and the key.

        Args:
            replace: make a new key although there is one, which works until `settle`.

        Raises:
            VaultDamaged: there is a key, hence there was a vault, and `replace` is false.
            VaultError: the key cannot be stored.
        """

    def settle(self, key: bytes) -> None:
        """Keep this key for good: the vault is sealed with it now."""

    def is_outdated(self, params: Mapping[str, Any]) -> bool:
        """Whether a new key would be better protected than this one."""

    def discard(self, params: Mapping[str, Any]) -> None:
        """Erase a key that is no longer used."""


class KeyFile(NamedTuple):
    """A random key in a file that only its user may read: works without a desktop.

    It protects the vault from other users, and where only the vault's file is read (in a
    backup, in a synchronised folder); not where the key file is read as well.

    Attributes:
        path: the file, one for each vault; it is made together with the vault.
    """

    path: Path

    @property
    def kind(self) -> str:
        """The name of the kind in the key slot."""
        return "file"

    def candidates(self, slot: KeySlot) -> Iterator[bytes]:
        """Yield the file's key, then one that an interrupted `rekey` left beside it."""
        del slot
        found = [path for path in (self.path, self._next_path) if path.exists()]
        if not found:
            raise KeyMissing(
                f"the key file {self.path} is missing, and the vault does not open without it; "
                "put the file back, or restore it from your copy"
            )
        for path in found:
            yield _read_key(path)

    def make(self, *, replace: bool) -> tuple[dict[str, Any], bytes]:
        """Write a random key beside the file's place; `settle` moves it there.

        So a file in its place always belongs to a vault that was written, and a vault that was
        written always finds its key in one of the two places.
        """
        if self.path.exists() and not replace:
            raise VaultDamaged(
                f"{self.path} is the key of a vault that is gone; restore the vault from a "
                "backup (`onlyme restore`), or move the key away to start a new vault"
            )
        key = os.urandom(KEY_BYTES)
        try:
            with self._hold_lock():
                replace_private(self._next_path, format_key(key))
        except OSError as error:
            raise VaultError(
                f"the key file {self.path} cannot be written: {error.strerror}"
            ) from None
        return {}, key

    def settle(self, key: bytes) -> None:
        """Move the new key to the file's place, unless another process did so already."""
        if not self._next_path.exists():
            return
        with self._hold_lock():
            # Only the newest key can be here, and it is the vault's: no older key comes back.
            if self._next_path.exists() and _read_key(self._next_path) == key:
                move_over(self._next_path, self.path)

    def is_outdated(self, params: Mapping[str, Any]) -> bool:
        """Return False: a random key does not become weaker."""
        del params
        return False

    def discard(self, params: Mapping[str, Any]) -> None:
        """Erase the file."""
        del params
        for path in (self.path, self._next_path):
            path.unlink(missing_ok=True)

    @property
    def _next_path(self) -> Path:
        return self.path.with_name(self.path.name + ".new")

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        if not self.path.parent.exists():
            make_private_folder(self.path.parent)
        with hold_folder_lock(self.path.parent):
            yield


class ScryptCost(NamedTuple):
    """The cost of one guess at a passphrase: 128 · n · r bytes of memory, p times (RFC 7914)."""

    n: int
    r: int
    p: int


SCRYPT = ScryptCost(n=2**17, r=8, p=1)
"""OWASP Password Storage Cheat Sheet (2024): the first of its scrypt settings; 128 MiB."""

MIN_PASSPHRASE_CHARACTERS = 8
"""Of a new passphrase (NIST SP 800-63B, section 5.1.1.1). At 0.3 s a guess, three random letters
are found within one and a half hours, and eight within 2,000 years."""

_MAX_SCRYPT_BYTES = 2**30  # a vault that asks for more is an attack


class Passphrase(NamedTuple):
    """A key stretched from a passphrase that a person knows; it is stored nowhere.

    Attributes:
        ask: returns the passphrase; called when it is needed.
        cost: of a new key; a stored key has its own.
    """

    ask: Callable[[], str]
    cost: ScryptCost = SCRYPT

    @property
    def kind(self) -> str:
        """The name of the kind in the key slot."""
        return "passphrase"

    def candidates(self, slot: KeySlot) -> Iterator[bytes]:
        """Yield the one key that the passphrase gives."""
        try:
            salt = bytes.fromhex(slot.params["salt"])
            cost = ScryptCost(*(int(slot.params[key]) for key in ("n", "r", "p")))
        except (KeyError, TypeError, ValueError):
            raise VaultDamaged("the key slot is damaged") from None
        yield stretch_passphrase(self.ask(), salt, cost)

    def make(self, *, replace: bool) -> tuple[dict[str, Any], bytes]:
        """Stretch a passphrase with a new salt."""
        del replace
        salt, cost = os.urandom(16), self.cost
        passphrase = self.ask()
        check_new_passphrase(passphrase)
        params = {"salt": salt.hex(), "n": cost.n, "r": cost.r, "p": cost.p}
        return params, stretch_passphrase(passphrase, salt, cost)

    def settle(self, key: bytes) -> None:
        """Do nothing: no key is stored."""

    def is_outdated(self, params: Mapping[str, Any]) -> bool:
        """Whether a guess would cost more with the present settings."""
        return any(int(params[name]) < getattr(self.cost, name) for name in ("n", "r", "p"))

    def discard(self, params: Mapping[str, Any]) -> None:
        """Do nothing: no key is stored."""


class Keyring:
    """A random key in the desktop's keyring, which is opened at login.

    Needs the extra `keyring`.
    """

    kind = "keyring"
    _SERVICE = "onlyme"

    def candidates(self, slot: KeySlot) -> Iterator[bytes]:
        """Yield the key of the entry that the slot names."""
        text = self._call("get_password", str(slot.params.get("entry", "")))
        if not text:
            raise KeyMissing(
                "the desktop's keyring does not hold this vault's key; open the session in which "
                "the vault was made"
            )
        yield parse_key(text.encode(), "the keyring's entry")

    def make(self, *, replace: bool) -> tuple[dict[str, Any], bytes]:
        """Put a random key into the keyring, under a new name."""
        del replace
        key, entry = os.urandom(KEY_BYTES), f"vault {os.urandom(8).hex()}"
        self._call("set_password", entry, f"onlyme-key-1 {key.hex()}")
        return {"entry": entry}, key

    def settle(self, key: bytes) -> None:
        """Do nothing: `make` stored the key already."""

    def is_outdated(self, params: Mapping[str, Any]) -> bool:
        """Return False: a random key does not become weaker."""
        del params
        return False

    def discard(self, params: Mapping[str, Any]) -> None:
        """Erase the entry."""
        with suppress(KeyMissing):
            self._call("delete_password", str(params.get("entry", "")))

    def _call(self, name: str, *arguments: str) -> Any:
        try:
            keyring = import_module("keyring")
        except ImportError:
            raise KeyMissing(
                f"the desktop's keyring needs more packages; {explain_extra('keyring')}"
            ) from None
        try:
            if keyring.get_keyring().priority > 0:
                return getattr(keyring, name)(self._SERVICE, *arguments)
        except Exception as error:  # noqa: BLE001 - each desktop's backend raises its own
            # The backend's own message; it never holds an entry.
            message = str(error) or type(error).__name__
            raise KeyMissing(f"the desktop's keyring does not answer: {message}") from None
        raise KeyMissing(
            "this machine has no keyring that stores secrets; use a key file or a passphrase"
        )


def check_new_passphrase(passphrase: str) -> None:
    """Refuse a short passphrase before something is encrypted with it.

    A vault or export that has a short one from earlier still opens.

    Raises:
        KeyRefused: it has fewer than `MIN_PASSPHRASE_CHARACTERS`.
    """
    if not passphrase:
        raise KeyRefused("an empty passphrase protects nothing")
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise KeyRefused(
            f"a new passphrase needs at least {MIN_PASSPHRASE_CHARACTERS} characters, since "
            "short ones are guessed; four or five random words are best"
        )


def stretch_passphrase(passphrase: str, salt: bytes, cost: ScryptCost) -> bytes:
    """Derive a key from a passphrase; slow on purpose, so that guesses cost much.

    Raises:
        VaultDamaged: the cost makes no sense, or needs more than 1 GiB.
    """
    memory = 128 * cost.n * cost.r * cost.p
    if not 0 < memory <= _MAX_SCRYPT_BYTES:
        raise VaultDamaged("the key slot is damaged: it asks for too much memory")
    try:
        return hashlib.scrypt(
            passphrase.encode(),
            salt=salt,
            n=cost.n,
            r=cost.r,
            p=cost.p,
            maxmem=memory + 2**20,
            dklen=KEY_BYTES,
        )
    except ValueError:
        raise VaultDamaged("the key slot is damaged: its costs make no sense") from None


def _read_key(path: Path) -> bytes:
    try:
        return parse_key(read_private(path, max_bytes=200), str(path))
    except OSError as error:
        raise KeyMissing(f"the key file {path} cannot be read: {error.strerror}") from None


def format_key(key: bytes) -> bytes:
    """Write a key as it stands in files."""
    return f"onlyme-key-1 {key.hex()}\n".encode()


def parse_key(text: bytes, what: str) -> bytes:
    """Read a key that `format_key` wrote.

    Raises:
        KeyRefused: it is something else.
    """
    head, _, digits = text.strip().partition(b" ")
    with suppress(ValueError):
        key = bytes.fromhex(digits.decode("ascii"))
        if head == b"onlyme-key-1" and len(key) == KEY_BYTES:
            return key
    raise KeyRefused(f"{what} does not hold a key of onlyme")
