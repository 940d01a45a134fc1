"""Describe signed assertions and the keys that check them, for OpenAPI."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from onlyme.serve.access.assertions import SeenBy
from onlyme.serve.schemas import make_config
from onlyme.types import LivenessLevel

__all__ = ["DOCUMENTS", "AssertionClaims", "Jwks"]


class AssertionClaims(BaseModel):
    """What a signed assertion says; `src` and `liveness` tell how the face was seen.

    The holder of a token is trusted to be the camera: a program can send any picture. An app that
    opens something asks for `src` = `stream` and `liveness` = `challenge`.
    """

    model_config = make_config(
        iss="onlyme",
        aud="example-app",
        sub="ada",
        nonce="0123456789abcdef",
        iat=1795000000,
        exp=1795000060,
        jti="wJ4uV8e1VQm3nLr0Zb6xTg",
        amr=["face"],
        src="stream",
        liveness="challenge",
    )
    iss: str
    aud: str
    sub: str
    nonce: str
    iat: int
    exp: int
    jti: str
    amr: list[str]
    src: SeenBy
    liveness: LivenessLevel


class Jwk(BaseModel):
    """One public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class Jwks(BaseModel):
    """The public keys that check assertions (RFC 7517)."""

    keys: list[Jwk]


DOCUMENTS: list[type[BaseModel]] = [Jwks, AssertionClaims]
"""The documents of assertions."""
