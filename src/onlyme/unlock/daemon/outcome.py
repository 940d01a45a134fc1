"""Why an attempt at the computer's login ended as it did, and the sentence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onlyme.errors import (
    CameraError,
    KeyMissing,
    KeyRefused,
    ModelError,
    NeedsReenroll,
    NotCalibrated,
    OnlymeError,
    UnknownOwner,
    VaultError,
)
from onlyme.types import Reason

__all__ = ["UnlockOutcome", "UnlockReason", "make_outcome"]


class UnlockReason(StrEnum):
    """Beside the reasons of a decision: why there was none, or none that opens."""

    CONFIRM = "confirm"
    ASKED_ALREADY = "asked_already"
    NOT_ENROLLED = "not_enrolled"
    NEEDS_REENROLL = "needs_reenroll"
    NO_PROMISE = "no_promise"
    TOO_LOOSE = "too_loose"
    CAMERA = "camera"
    CAMERA_HANGS = "camera_hangs"
    LID_CLOSED = "lid_closed"
    MODEL = "model"
    VAULT = "vault"
    TIMEOUT = "timeout"
    FAILED = "failed"


_WORDS: dict[str, str] = {
    Reason.MATCH: "",
    Reason.NO_MATCH: "this face does not match; use the password",
    Reason.AMBIGUOUS: "this face does not match; use the password",
    Reason.NO_FACE: "no face was seen; use the password",
    Reason.MANY_FACES: "several faces were seen; use the password",
    Reason.POOR_QUALITY: "the picture is too poor; use the password",
    Reason.NOT_LIVE: "a photo or a screen was seen; use the password",
    Reason.LIVENESS_UNDECIDED: "it was not clear that a person is there; use the password",
    Reason.LOCKED_OUT: "too many attempts failed; the password lets your face try again",
    UnlockReason.CONFIRM: "this needs to be confirmed",
    UnlockReason.ASKED_ALREADY: "this had its turn already; use the password",
    UnlockReason.NOT_ENROLLED: "nobody is enrolled for this user: `onlyme unlock enroll`",
    UnlockReason.NEEDS_REENROLL: "enrolled with another network: `onlyme unlock enroll --replace`",
    UnlockReason.NO_PROMISE: "no false accept rate can be promised for this user; use the password",
    UnlockReason.TOO_LOOSE: "this user's alpha is too loose to open anything; use the password",
    UnlockReason.CAMERA: "the camera cannot be used",
    UnlockReason.CAMERA_HANGS: "the camera hangs; use the password",
    UnlockReason.LID_CLOSED: "the lid is closed; use the password",
    UnlockReason.MODEL: "a network is missing or altered; use the password",
    UnlockReason.VAULT: "the vault cannot be read; use the password",
    UnlockReason.TIMEOUT: "nobody was recognised in time; use the password",
    UnlockReason.FAILED: "something went wrong; use the password",
}


@dataclass(frozen=True, slots=True)
class UnlockOutcome:
    """How an attempt ended.

    Attributes:
        reason: of a decision, or why there was none.
        detail: words that replace the usual sentence.
        camera_ms: milliseconds in which the camera was waited for.
        look_ms: milliseconds of the whole look, the camera's among them.
    """

    reason: Reason | UnlockReason
    detail: str = ""
    camera_ms: float = 0.0
    look_ms: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether it opens: for one reason alone."""
        return self.reason is Reason.MATCH

    def to_json(self) -> dict[str, Any]:
        """Return the answer to whoever asked."""
        return {
            "accepted": self.accepted,
            "reason": str(self.reason),
            "message": self.detail or _WORDS[self.reason],
            "camera_ms": round(self.camera_ms, 3),
            "look_ms": round(self.look_ms, 3),
        }


def make_outcome(error: OnlymeError) -> UnlockOutcome:
    """Say what an exception means for an attempt: never that it opens."""
    match error:
        case UnknownOwner():
            return UnlockOutcome(UnlockReason.NOT_ENROLLED)
        case NeedsReenroll():
            return UnlockOutcome(UnlockReason.NEEDS_REENROLL)
        case CameraError():
            return UnlockOutcome(UnlockReason.CAMERA, f"{error}; use the password")
        case ModelError():
            return UnlockOutcome(UnlockReason.MODEL)
        case NotCalibrated():
            return UnlockOutcome(UnlockReason.NO_PROMISE)
        case KeyMissing() | KeyRefused():
            return UnlockOutcome(
                UnlockReason.VAULT, "the vault's key cannot be used; use the password"
            )
        case VaultError():
            return UnlockOutcome(UnlockReason.VAULT)
        case _:
            return UnlockOutcome(UnlockReason.FAILED)
