"""Encrypt the vault's key with the key that the user holds: the key slot.

The slot is stored in plain form in the vault's file. It says where the user's key comes from and
how a passphrase is stretched; without that key it opens nothing.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from onlyme.errors import VaultDamaged
from onlyme.storage.crypto import KEY_BYTES, AeadCipher, Keys, derive_key, encode_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeySlot"]


class KeySlot(NamedTuple):
    """Where the key comes from, and the vault's key sealed with it.

    Attributes:
        vault: 16 bytes, the vault's identity.
        kind: `passphrase`, `keyring`, `file` or `credential`.
        params: what the source needs to find the key again; not secret.
        mark: 16 bytes that show whether a key is the right one.
        sealed: the vault's key.
    """

    vault: bytes
    kind: str
    params: Mapping[str, Any]
    mark: bytes
    sealed: bytes

    @classmethod
    def make(cls, keys: Keys, kind: str, params: Mapping[str, Any], key: bytes) -> Self:
        """Seal a vault's key with a user's key."""
        mark = _make_mark(key, keys.vault)
        context = _make_context(keys.vault, kind, params)
        sealed = AeadCipher(derive_key(key, keys.vault, "slot")).seal(keys.root, context)
        return cls(keys.vault, kind, params, mark, sealed)

    @staticmethod
    def draw_keys(vault: bytes | None = None) -> Keys:
        """Draw a vault's key, and its identity if it has none yet."""
        return Keys(vault or os.urandom(16), os.urandom(KEY_BYTES))

    def fits(self, key: bytes) -> bool:
        """Whether this is the key that the slot was sealed with."""
        return _make_mark(key, self.vault) == self.mark

    def open_keys(self, key: bytes) -> Keys:
        """Return the vault's keys.

        Raises:
            VaultDamaged: the slot was changed.
        """
        context = _make_context(self.vault, self.kind, self.params)
        root = AeadCipher(derive_key(key, self.vault, "slot")).unseal(
            self.sealed, context, "the key slot"
        )
        return Keys(self.vault, root)

    def to_bytes(self) -> bytes:
        """Return the slot as bytes."""
        return json.dumps(
            {
                "vault": self.vault.hex(),
                "kind": self.kind,
                "params": dict(self.params),
                "mark": self.mark.hex(),
                "sealed": self.sealed.hex(),
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: object) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            VaultDamaged: it is something else.
        """
        if not isinstance(data, bytes):
            raise VaultDamaged("the key slot is damaged")
        try:
            read = json.loads(data)
            slot = cls(
                vault=bytes.fromhex(read["vault"]),
                kind=str(read["kind"]),
                params=dict(read["params"]),
                mark=bytes.fromhex(read["mark"]),
                sealed=bytes.fromhex(read["sealed"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise VaultDamaged("the key slot is damaged") from None
        if len(slot.vault) != 16:
            raise VaultDamaged("the key slot is damaged")
        return slot


def _make_mark(key: bytes, vault: bytes) -> bytes:
    return derive_key(key, vault, "mark")[:16]


def _make_context(vault: bytes, kind: str, params: Mapping[str, Any]) -> bytes:
    return encode_parts("slot", vault, kind, json.dumps(dict(params), sort_keys=True))
