"""Write a line for each attempt into the journal: who, service, verdict, reason, milliseconds.

No pixels, margins or embeddings are in it: a margin would tell how to come closer.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["log_attempt", "log_release"]

_log = logging.getLogger("onlyme.attempts")
_UNSAFE = re.compile(r"[^\w@.+-]")  # a client chooses the words: a new line would forge an entry


def log_attempt(user: str, service: str, answer: Mapping[str, Any], milliseconds: float) -> None:
    """Log how an attempt ended.

    Args:
        user: whose face was asked for.
        service: of PAM; empty where none asked.
        answer: as the client gets it.
        milliseconds: from the request to the answer; the camera's part is taken from the answer.
    """
    verdict = "accepted" if answer["accepted"] else "rejected"
    _log.info(
        "user=%s service=%s verdict=%s reason=%s ms=%.0f camera_ms=%.0f",
        _UNSAFE.sub("?", user),
        _UNSAFE.sub("?", service) or "-",
        verdict,
        answer["reason"],
        milliseconds,
        answer["camera_ms"],
    )


def log_release(user: str, service: str, *, released: bool) -> None:
    """Log whether a session got the password of its user's keyring."""
    _log.info(
        "user=%s service=%s keyring=%s",
        _UNSAFE.sub("?", user),
        _UNSAFE.sub("?", service),
        "released" if released else "kept",
    )
