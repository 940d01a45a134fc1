"""Keep the vault's key in an encrypted credential of systemd, which only this machine opens.

`systemd-creds` seals the key with the machine's TPM 2 where there is one, else with a key of the
host, which is on the same disk. So a copy of the disk opens nothing where there is a TPM; where
there is none, it protects only backups that leave out `/var/lib/systemd`. Only root can unseal it.

If the TPM or the boot's state that it was bound to changes, the key is lost to this machine. So a
key that is moved here is sealed with a recovery passphrase as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import KeyMissing, KeyRefused, VaultDamaged, VaultError
from onlyme.storage.crypto import KEY_BYTES
from onlyme.storage.files import (
    hold_folder_lock,
    make_private_folder,
    move_over,
    read_private,
    replace_private,
)
from onlyme.storage.system import is_root
from onlyme.vault.key_sources import SCRYPT, ScryptCost, format_key, parse_key
from onlyme.vault.passphrase_box import open_box, seal_box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from onlyme.vault.key_slot import KeySlot

__all__ = ["BINDINGS", "Credential", "is_offered"]

BINDINGS = {
    "tpm2": "this machine's TPM 2",
    "host": "host key: on this disk, in /var/lib/systemd",
}
"""What a credential may be bound to, in words."""

_PROGRAM = "systemd-creds"
_NAME = "onlyme-vault"  # sealed into the credential: another one does not take its place
_SECONDS = 60  # a TPM is slow
_MAX_BYTES = 65536
_RECOVERY_MAGIC = b"onlyme-recover\x00\x01"


class Credential(NamedTuple):
    """A random key that systemd seals for this machine.

    Attributes:
        path: the sealed key; beside it is the one for recovery, `path` with `.recovery`.
        device: the TPM, as `--tpm2-device` of systemd-creds takes it; by default the machine's.
        recovery: returns the recovery passphrase. With it `make` seals the key for recovery as
            well, and `candidates` opens that where the machine does not unseal the key.
        cost: of stretching the recovery passphrase.
    """

    path: Path
    device: str = ""
    recovery: Callable[[], str] | None = None
    cost: ScryptCost = SCRYPT

    @property
    def kind(self) -> str:
        """The name of the kind in the key slot."""
        return "credential"

    def candidates(self, slot: KeySlot) -> Iterator[bytes]:
        """Yield the key, then one that an interrupted `rekey` left beside it."""
        del slot
        found = [path for path in (self.path, _next(self.path)) if path.exists()]
        problem: KeyMissing | KeyRefused = KeyMissing(
            f"the vault's key {self.path} is missing, and the vault does not open without it; "
            f"{self._describe_recovery()}"
        )
        for path in found:
            try:
                yield self._unseal(path)
            except KeyRefused as error:
                problem = error
        if self.recovery is None:
            raise problem
        if not (paths := self._list_recovery_paths()):
            raise problem
        passphrase = self.recovery()
        for path in paths:
            sealed = read_private(path, max_bytes=_MAX_BYTES)
            plain = open_box(_RECOVERY_MAGIC, sealed, passphrase, "recovery key")
            yield parse_key(plain, str(path))

    def make(self, *, replace: bool) -> tuple[dict[str, Any], bytes]:
        """Seal a random key beside its place; `settle` moves it there.

        Before it returns, it unseals what it sealed, the recovery's included.
        """
        if self.path.exists() and not replace:
            raise VaultDamaged(
                f"{self.path} is the key of a vault that is gone; restore the vault from a "
                "backup, or move the key away to start a new vault"
            )
        key = os.urandom(KEY_BYTES)
        bound = "tpm2" if self.device or _has_tpm() else "host"
        sealed = self._seal(format_key(key), bound)
        if not self.path.parent.exists():
            make_private_folder(self.path.parent)
        try:
            with hold_folder_lock(self.path.parent):
                replace_private(_next(self.path), sealed)
                _next(self._recovery_path).unlink(missing_ok=True)
                if self.recovery is not None:
                    self._write_recovery(key, self.recovery())
        except OSError as error:
            raise VaultError(f"{self.path} cannot be written: {error.strerror}") from None
        if self._unseal(_next(self.path)) != key:
            raise VaultError("systemd-creds does not give back what it sealed; nothing was changed")
        return {"bound": bound}, key

    def settle(self, key: bytes) -> None:
        """Move the new key to its place, unless another process did so already."""
        new = _next(self.path)
        if not new.exists():
            return
        with hold_folder_lock(self.path.parent):
            if not new.exists() or self._unseal(new) != key:
                return
            new_recovery = _next(self._recovery_path)
            if new_recovery.exists():
                move_over(new_recovery, self._recovery_path)
            else:  # the present one opens a key that no longer counts
                self._recovery_path.unlink(missing_ok=True)
            move_over(new, self.path)

    def is_outdated(self, params: Mapping[str, Any]) -> bool:
        """Whether the machine has a TPM now, and the key is bound to the disk."""
        return params.get("bound") == "host" and _has_tpm()

    def discard(self, params: Mapping[str, Any]) -> None:
        """Erase the sealed key, and the one for recovery."""
        del params
        for path in (self.path, self._recovery_path):
            path.unlink(missing_ok=True)
            _next(path).unlink(missing_ok=True)

    # ------------------------------------------------------------------ within

    @property
    def _recovery_path(self) -> Path:
        return self.path.with_name(self.path.name + ".recovery")

    def _list_recovery_paths(self) -> list[Path]:
        return [path for path in (self._recovery_path, _next(self._recovery_path)) if path.exists()]

    def _describe_recovery(self) -> str:
        if self._list_recovery_paths():
            return "`sudo onlyme unlock key --recover` opens it with the recovery passphrase"
        return (
            "there is no recovery passphrase, so that only the machine as it was opens it; to "
            f"start anew move {self.path} and the vault's vault.sqlite away, and enroll again"
        )

    def _write_recovery(self, key: bytes, passphrase: str) -> None:
        box = seal_box(_RECOVERY_MAGIC, format_key(key), passphrase, self.cost)
        replace_private(_next(self._recovery_path), box)
        written = read_private(_next(self._recovery_path), max_bytes=_MAX_BYTES)
        if open_box(_RECOVERY_MAGIC, written, passphrase, "recovery key") != format_key(key):
            raise VaultError("the recovery key does not open; nothing was changed")

    def _seal(self, plain: bytes, bound: str) -> bytes:
        words = ["encrypt", f"--name={_NAME}", f"--with-key={bound}", "-", "-"]
        done = _run([*self._choose_device(), *words], plain)
        if done.returncode:
            raise VaultError(f"systemd cannot seal the vault's key: {_shorten(done.stderr)}")
        return done.stdout

    def _unseal(self, path: Path) -> bytes:
        try:
            sealed = read_private(path, max_bytes=_MAX_BYTES)
        except OSError as error:
            raise KeyRefused(f"{path} cannot be read: {error.strerror}") from None
        done = _run([*self._choose_device(), "decrypt", f"--name={_NAME}", "-", "-"], sealed)
        if done.returncode:
            raise KeyRefused(
                f"this machine does not unseal the vault's key {path} "
                f"({_shorten(done.stderr)}); the disk, the TPM or how it boots has changed: "
                f"{self._describe_recovery()}"
            )
        return parse_key(done.stdout, str(path))

    def _choose_device(self) -> list[str]:
        return [f"--tpm2-device={self.device}"] if self.device else []


def is_offered() -> bool:
    """Say whether systemd seals credentials on this machine, by trying it. Only root can."""
    if not is_root() or not Path("/run/systemd/system").is_dir():
        return False
    if shutil.which(_PROGRAM) is None:
        return False
    bound = "tpm2" if _has_tpm() else "host"
    words = ["encrypt", "--name=trial", f"--with-key={bound}", "-", "-"]
    try:
        return _run(words, b"trial").returncode == 0
    except VaultError:
        return False


def _has_tpm() -> bool:
    return Path("/dev/tpmrm0").exists()


def _next(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _run(words: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run systemd-creds; the key goes through pipes only."""
    try:
        return subprocess.run(  # noqa: S603 - words of this module
            [_PROGRAM, *words], input=given, capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VaultError(f"systemd-creds does not answer: {type(error).__name__}") from None


def _shorten(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    return lines[-1][:200]
