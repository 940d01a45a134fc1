r"""Export one owner's template for another vault, encrypted with a passphrase.

    magic   16 bytes  b"onlyme-export\x00\x00" and the version, 1
    cost    JSON      salt and scrypt's n, r, p, preceded by their length
    sealed  AES-GCM   the template with plain vectors, bound to all bytes before it

A vault's rotation means nothing in another vault, so it is undone; the next vault draws its
own. Only the passphrase protects this file: choose a good one.
"""

from __future__ import annotations

import json
import os
import struct

from onlyme.errors import KeyRefused, VaultDamaged
from onlyme.storage.crypto import AeadCipher
from onlyme.storage.template import Template, from_bytes, to_bytes
from onlyme.vault.key_sources import (
    SCRYPT,
    ScryptCost,
    check_new_passphrase,
    stretch_passphrase,
)

__all__ = ["open_export", "seal_export"]

_MAGIC = b"onlyme-export\x00\x00\x01"


def seal_export(template: Template, passphrase: str, cost: ScryptCost = SCRYPT) -> bytes:
    """Encrypt a template with a passphrase.

    Raises:
        KeyRefused: the passphrase is too short.
    """
    check_new_passphrase(passphrase)
    salt = os.urandom(16)
    params = json.dumps({"salt": salt.hex(), "n": cost.n, "r": cost.r, "p": cost.p}).encode()
    head = _MAGIC + struct.pack("<I", len(params)) + params
    return head + AeadCipher(stretch_passphrase(passphrase, salt, cost)).seal(
        to_bytes(template), head
    )


def open_export(data: bytes, passphrase: str) -> Template:
    """Open what `seal_export` made.

    Raises:
        VaultDamaged: it is something else.
        KeyRefused: the passphrase is wrong, or the file was changed.
    """
    if data[: len(_MAGIC) - 1] != _MAGIC[:-1] or len(data) < len(_MAGIC) + 4:
        raise VaultDamaged("this is not an export of onlyme")
    if data[: len(_MAGIC)] != _MAGIC:
        raise VaultDamaged("this export was made by a newer onlyme; update this one")
    (size,) = struct.unpack_from("<I", data, len(_MAGIC))
    end = len(_MAGIC) + 4 + size
    try:
        params = json.loads(data[len(_MAGIC) + 4 : end])
        salt = bytes.fromhex(params["salt"])
        cost = ScryptCost(*(int(params[name]) for name in ("n", "r", "p")))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VaultDamaged("this export is damaged") from None
    seal = AeadCipher(stretch_passphrase(passphrase, salt, cost))
    try:
        plain = seal.unseal(data[end:], data[:end], "this export")
    except VaultDamaged:
        raise KeyRefused("the passphrase is wrong, or the export was changed") from None
    return from_bytes(plain)
