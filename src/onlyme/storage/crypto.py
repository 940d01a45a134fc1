"""The few cryptographic steps that the vault is built of, each in one place.

AES-256-GCM seals (NIST SP 800-38D), HKDF-SHA256 derives one key for each use
from the vault's one key (RFC 5869). A nonce is 96 random bits; one key seals
far fewer than the 2³² messages that this allows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onlyme.errors import VaultDamaged

__all__ = ["KEY_BYTES", "TAG_BYTES", "AeadCipher", "Keys", "derive_key", "encode_parts"]

KEY_BYTES = 32
TAG_BYTES = 16
_NONCE_BYTES = 12


def encode_parts(*parts: str | bytes | int) -> bytes:
    """Write parts down so that no two different lists of parts look the same.

    >>> encode_parts("ab", "c") == encode_parts("a", "bc")
    False
    """
    written = []
    for part in parts:
        if isinstance(part, int):
            part = part.to_bytes(8, "big")
        elif isinstance(part, str):
            part = part.encode()
        written.append(len(part).to_bytes(4, "big") + part)
    return b"".join(written)


def derive_key(key: bytes, salt: bytes, purpose: str) -> bytes:
    """Derive the key for one purpose from another key."""
    return HKDF(SHA256(), KEY_BYTES, salt, b"onlyme " + purpose.encode()).derive(key)


class AeadCipher:
    """Seals bytes to a context, so that they open under the same key and context only.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return nonce, ciphertext and tag as one."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context)

    def unseal(self, sealed: object, context: bytes, what: str) -> bytes:
        """Return what was sealed to this context.

        Raises:
            VaultDamaged: these bytes were not sealed with this key to this context.
        """
        if not isinstance(sealed, bytes) or len(sealed) < _NONCE_BYTES + TAG_BYTES:
            raise VaultDamaged(f"{what} is damaged: it is no sealed record")
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            raise VaultDamaged(
                f"{what} is damaged, or was moved here from another place or time"
            ) from None


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of one vault, one for each use; none of them tells another.

    Attributes:
        vault: 16 bytes, the vault's identity; no secret.
        root: 32 bytes, what the others are derived from.
    """

    vault: bytes
    root: bytes = field(repr=False)

    @cached_property
    def cipher(self) -> AeadCipher:
        """Seals records."""
        return AeadCipher(derive_key(self.root, self.vault, "seal"))

    @cached_property
    def index(self) -> bytes:
        """Hides who a row belongs to."""
        return derive_key(self.root, self.vault, "index")

    @cached_property
    def transform(self) -> bytes:
        """Seeds the rotation of templates."""
        return derive_key(self.root, self.vault, "transform")
