#!/usr/bin/env python3
"""A small app that lets people in whom onlyme recognised, and checks that by itself.

    app.py --folder DIR begin     draws a nonce and says what to ask onlyme for
    app.py --folder DIR finish    reads the assertion on standard input; 0: let in, 1: not

It needs PyJWT and the service's public key in DIR/keys.json, fetched once; no network, no
token, no picture, and nothing else of onlyme.
"""

from __future__ import annotations

import argparse
import hmac
import json
import secrets
import sys
from pathlib import Path
from typing import Any

import jwt

AUDIENCE = "example-app"
"""The name of this app: an assertion for another is none for it."""

ISSUER = "onlyme"

SEEN = {"src": "stream", "liveness": "challenge"}
"""How the face must have been seen: live, and by a person who moved as they were asked. A picture
that was sent is not enough: any program with a token can send one."""


class NotLetInError(Exception):
    """The assertion is not good, or nobody waits for it."""


def begin(folder: Path) -> dict[str, str]:
    """Draw a nonce for one time, and remember it."""
    nonce = secrets.token_urlsafe(24)
    (folder / "nonce").write_text(nonce)
    return {"audience": AUDIENCE, "nonce": nonce}


def finish(folder: Path, assertion: str) -> str:
    """Return who was recognised.

    Raises:
        NotLetInError: the assertion is not from the service, not for this app, not of this time,
            too old, or about a face that was not seen as `SEEN` demands.
    """
    waiting = folder / "nonce"
    if not waiting.exists():
        raise NotLetInError("nobody is waiting for this")
    nonce = waiting.read_text()
    waiting.unlink()  # one try a nonce, whatever comes of it
    claims = checked(assertion, json.loads((folder / "keys.json").read_text()))
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise NotLetInError("this was made for another time")
    if any(claims[claim] != value for claim, value in SEEN.items()):
        raise NotLetInError("this was not seen by a camera stream with a challenge")
    return str(claims["sub"])


def checked(assertion: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Return what an assertion says, once signature, app, service and time are right."""
    try:
        kid = jwt.get_unverified_header(assertion)["kid"]
        key = jwt.PyJWKSet.from_dict(keys)[kid]
        return jwt.decode(
            assertion,
            key,
            algorithms=["EdDSA"],  # never what the assertion itself asks for
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "iat", "aud", "iss", "sub", "nonce", "jti", *SEEN]},
        )
    except (jwt.InvalidTokenError, jwt.PyJWKSetError, KeyError) as error:
        raise NotLetInError(f"the assertion is not good: {error}") from None


def main() -> int:
    """Run one of the two steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("step", choices=["begin", "finish"])
    asked = parser.parse_args()
    if asked.step == "begin":
        print(json.dumps(begin(asked.folder)))
        return 0
    try:
        print(f"welcome, {finish(asked.folder, sys.stdin.read().strip())}")
    except NotLetInError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
