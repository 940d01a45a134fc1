r"""Seal bytes with a passphrase: what exports and the recovery of a key have in common.

magic   bytes     names the kind of file and its version
cost    JSON      salt and scrypt's n, r, p, preceded by their length
sealed  AES-GCM   the content, bound to all bytes before it
"""

from __future__ import annotations

import json
import os
import struct

from onlyme.errors import KeyRefused, VaultDamaged
from onlyme.storage.crypto import AeadCipher
from onlyme.vault.key_sources import (
    SCRYPT,
    ScryptCost,
    check_new_passphrase,
    stretch_passphrase,
)

__all__ = ["open_box", "seal_box"]


def seal_box(magic: bytes, plain: bytes, passphrase: str, cost: ScryptCost = SCRYPT) -> bytes:
    """Encrypt bytes with a passphrase.

    Raises:
        KeyRefused: the passphrase is too short.
    """
    check_new_passphrase(passphrase)
    salt = os.urandom(16)
    params = json.dumps({"salt": salt.hex(), "n": cost.n, "r": cost.r, "p": cost.p}).encode()
    head = magic + struct.pack("<I", len(params)) + params
    return head + AeadCipher(stretch_passphrase(passphrase, salt, cost)).seal(plain, head)


def open_box(magic: bytes, data: bytes, passphrase: str, what: str) -> bytes:
    """Open what `seal_box` made.

    Args:
        magic: as it was sealed; its last byte is the version.
        data: the box.
        passphrase: as it was sealed.
        what: what it is, for messages, such as `export`.

    Raises:
        VaultDamaged: it is something else.
        KeyRefused: the passphrase is wrong, or the file was changed.
    """
    if data[: len(magic) - 1] != magic[:-1] or len(data) < len(magic) + 4:
        raise VaultDamaged(f"this is not an {what} of onlyme")
    if data[: len(magic)] != magic:
        raise VaultDamaged(f"this {what} was made by a newer onlyme; update this one")
    (size,) = struct.unpack_from("<I", data, len(magic))
    end = len(magic) + 4 + size
    try:
        params = json.loads(data[len(magic) + 4 : end])
        salt = bytes.fromhex(params["salt"])
        cost = ScryptCost(*(int(params[name]) for name in ("n", "r", "p")))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VaultDamaged(f"this {what} is damaged") from None
    seal = AeadCipher(stretch_passphrase(passphrase, salt, cost))
    try:
        return seal.unseal(data[end:], data[:end], f"this {what}")
    except VaultDamaged:
        raise KeyRefused(f"the passphrase is wrong, or the {what} was changed") from None
