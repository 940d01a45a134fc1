"""Encrypt, derive keys and encode contexts: the few cryptographic steps of the vault.

AES-256-GCM encrypts and authenticates (NIST SP 800-38D); "sealed" means that here. HKDF-SHA256
derives one key for each use from the vault's one key (RFC 5869). A nonce is 96 random bits; one
key seals far fewer than the 2³² messages that this allows.
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
    """Encode parts so that two different lists of parts never give the same bytes.

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
    """Encrypt bytes together with a context: they open only with the same key and context.

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
        """Return what was sealed with this context.

        Raises:
            VaultDamaged: these bytes were not sealed with this key and this context.
        """
        if not isinstance(sealed, bytes) or len(sealed) < _NONCE_BYTES + TAG_BYTES:
            raise VaultDamaged(f"{what} is damaged: it is not a sealed record")
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            raise VaultDamaged(
                f"{what} is damaged, or was moved here from another place or time"
            ) from None


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of one vault, one for each use; none can be computed from another.

    Attributes:
        vault: 16 bytes, the vault's identity; not secret.
        root: 32 bytes, what the others are derived from.
    """

    vault: bytes
    root: bytes = field(repr=False)

    @cached_property
    def cipher(self) -> AeadCipher:
        """The cipher of records."""
        return AeadCipher(derive_key(self.root, self.vault, "seal"))

    @cached_property
    def index(self) -> bytes:
        """The key that hides whose a row is."""
        return derive_key(self.root, self.vault, "index")

    @cached_property
    def transform(self) -> bytes:
        """The key that the rotation of templates is drawn from."""
        return derive_key(self.root, self.vault, "transform")
