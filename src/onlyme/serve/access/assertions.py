"""Sign accepted verifications, so that an app can check one without asking the service again.

An assertion is a JWT (RFC 7519) signed with Ed25519 (RFC 8037), valid for a minute. The app names
an audience and draws a nonce; the assertion repeats both, so that it is of no use to another app
or at another time. It also says how the face was seen: in pictures that were sent, or by a stream
that asked the person to move. Only the latter says more than that the sender has a picture.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from onlyme.types import LivenessLevel
    from onlyme.vault.admin import VaultAdmin

__all__ = ["ASSERTION_SECONDS", "SeenBy", "Signer"]

ASSERTION_SECONDS = 60
"""How long an assertion is valid."""

_KIND = "assertion-key"
_KEY = "ed25519"


class SeenBy(StrEnum):
    """How the service came to see a face: the claim `src`."""

    PICTURE = "picture"
    FRAMES = "frames"
    STREAM = "stream"


class Signer:
    """Signs assertions.

    Args:
        key: the private key.
        issuer: the name that assertions give as their source.
    """

    def __init__(self, key: Ed25519PrivateKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer
        public = key.public_key().public_bytes_raw()
        required = {"crv": "Ed25519", "kty": "OKP", "x": _encode_base64url(public)}
        canonical = json.dumps(required, sort_keys=True, separators=(",", ":"))
        thumbprint = _encode_base64url(sha256(canonical.encode()).digest())  # RFC 7638
        self._public = required | {"kid": thumbprint, "use": "sig", "alg": "EdDSA"}

    @classmethod
    def load(cls, admin: VaultAdmin, issuer: str) -> Self:
        """Return the signer of a vault; the first call makes its key and seals it there.

        Raises:
            VaultError: the vault cannot be read or written.
        """
        body = admin.store.read(_KIND, _KEY)
        if body is None:
            with admin.store.edit() as edit:
                body = edit.read(_KIND, _KEY)  # another process may have made it meanwhile
                if body is None:
                    body = Ed25519PrivateKey.generate().private_bytes_raw()
                    edit.write(_KIND, _KEY, body)
        return cls(Ed25519PrivateKey.from_private_bytes(body), issuer)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key, as a set (RFC 7517)."""
        return {"keys": [self._public]}

    def sign(
        self, name: str, audience: str, nonce: str, src: SeenBy, liveness: LivenessLevel
    ) -> str:
        """Return a signed assertion that this person was just accepted.

        Args:
            name: the person who was accepted.
            audience: the app that asked.
            nonce: the random value that the app drew for this one verification.
            src: how the face was seen.
            liveness: the level at which liveness was judged.
        """
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": name,
            "nonce": nonce,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "amr": ["face"],  # RFC 8176
            "src": src,
            "liveness": liveness,
        }
        return jwt.encode(claims, self._key, "EdDSA", headers={"kid": self._public["kid"]})


def _encode_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
