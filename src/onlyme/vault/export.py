"""Export one owner's template for another vault, encrypted with a passphrase.

A vault's rotation means nothing in another vault, so it is undone; the next vault draws its
own. Only the passphrase protects this file: choose a good one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import VaultError
from onlyme.storage.files import open_regular
from onlyme.storage.template import from_bytes, to_bytes
from onlyme.vault.key_sources import SCRYPT
from onlyme.vault.passphrase_box import open_box, seal_box

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.storage.template import Template
    from onlyme.vault.key_sources import ScryptCost

__all__ = ["open_export", "read_export", "seal_export"]

_MAX_BYTES = 2**26
_MAGIC = b"onlyme-export\x00\x00\x01"


def seal_export(template: Template, passphrase: str, cost: ScryptCost = SCRYPT) -> bytes:
    """Encrypt a template with a passphrase.

    Raises:
        KeyRefused: the passphrase is too short.
    """
    return seal_box(_MAGIC, to_bytes(template), passphrase, cost)


def open_export(data: bytes, passphrase: str) -> Template:
    """Open what `seal_export` made.

    Raises:
        VaultDamaged: it is something else.
        KeyRefused: the passphrase is wrong, or the file was changed.
    """
    return from_bytes(open_box(_MAGIC, data, passphrase, "export"))


def read_export(path: Path) -> bytes:
    """Read an exported file.

    Raises:
        VaultError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror}") from None
