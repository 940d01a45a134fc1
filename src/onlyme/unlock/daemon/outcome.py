"""Say why an attempt at the computer's login ended as it did, in a reason and a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INFRARED_DETAIL", "UnlockOutcome", "UnlockReason", "make_outcome"]


class UnlockReason(StrEnum):
    """Why there was no decision. Where there was one, its own reason is used."""

    CONFIRM = "confirm"
    ASKED_ALREADY = "asked_already"
    NOT_THE_ASKER = "not_the_asker"
    GESTURE = "gesture"
    RIVAL = "rival"
    ANOTHER_ASKS = "another_asks"
    GESTURES_MISSED = "gestures_missed"
    NOT_SHOWN = "not_shown"
    NO_PROMPT = "no_prompt"
    NOT_AT_SEAT = "not_at_seat"
    NOT_ENROLLED = "not_enrolled"
    NEEDS_REENROLL = "needs_reenroll"
    NO_PROMISE = "no_promise"
    TOO_LOOSE = "too_loose"
    SWITCHED_OFF = "switched_off"
    JUST_LOCKED = "just_locked"
    CAMERA = "camera"
    CAMERA_HANGS = "camera_hangs"
    LID_CLOSED = "lid_closed"
    MODEL = "model"
    VAULT = "vault"
    TIMEOUT = "timeout"
    FAILED = "failed"


_MESSAGES: dict[str, str] = {
    Reason.MATCH: "",
    Reason.NO_MATCH: "this face does not match; use the password",
    Reason.AMBIGUOUS: "this face does not match; use the password",
    Reason.NO_FACE: "no face was seen; use the password",
    Reason.MANY_FACES: "several faces were seen; use the password",
    Reason.POOR_QUALITY: "the picture is not good enough; use the password",
    Reason.NOT_LIVE: "a photo or a screen was seen; use the password",
    Reason.LIVENESS_UNDECIDED: "it is not clear whether a real person is there; use the password",
    Reason.NOT_ATTENTIVE: (
        "your eyes are closed, or you do not face the camera: open your eyes and look at the "
        "camera, or use the password"
    ),
    Reason.ATTENTION_UNDECIDED: (
        "your eyes cannot be seen: take off dark glasses, avoid glare or come closer, or use the "
        "password"
    ),
    Reason.NO_GESTURE: "the gesture that was asked for was not seen; use the password",
    Reason.LOCKED_OUT: (
        "too many attempts failed; use the password: `onlyme unlock retry` lets your face try again"
    ),
    UnlockReason.CONFIRM: "confirm this on the terminal",
    UnlockReason.ASKED_ALREADY: "your face has only one try; use the password",
    UnlockReason.NOT_THE_ASKER: "a face opens only for the user who asks; use the password",
    UnlockReason.GESTURE: "make the gesture that is shown",
    UnlockReason.RIVAL: "another program asked for your face at the same time, and was refused",
    UnlockReason.ANOTHER_ASKS: (
        "another program asks for your face at this moment; do not move for it; use the password"
    ),
    UnlockReason.GESTURES_MISSED: (
        "two gestures were asked for and not made, so your face opens nothing that needs one; "
        "use the password: `onlyme unlock retry` lets your face try again"
    ),
    UnlockReason.NOT_SHOWN: "the gesture was not shown in time; use the password",
    UnlockReason.NO_PROMPT: (
        "there is neither a terminal nor a notification to show a gesture on; use the password"
    ),
    UnlockReason.NOT_AT_SEAT: (
        "you have a remote session, and nothing proves that it is you who asks here; "
        "use the password"
    ),
    UnlockReason.NOT_ENROLLED: "no face is enrolled for this user: `onlyme unlock enroll`",
    UnlockReason.NEEDS_REENROLL: (
        "this user's face was enrolled with another network: `onlyme unlock enroll --replace`"
    ),
    UnlockReason.NO_PROMISE: "this user's false accept rate is not known; use the password",
    UnlockReason.TOO_LOOSE: (
        "this user's alpha is too loose to open anything: `onlyme unlock tune`"
    ),
    UnlockReason.SWITCHED_OFF: "the face is switched off; use the password",
    UnlockReason.JUST_LOCKED: (
        "the screen was locked a moment ago; press Enter again to use your face, or type the "
        "password"
    ),
    UnlockReason.CAMERA: "the camera cannot be used",
    UnlockReason.CAMERA_HANGS: "the camera does not respond; use the password",
    UnlockReason.LID_CLOSED: "the lid is closed; use the password",
    UnlockReason.MODEL: "a network is missing or was changed: `onlyme doctor`; use the password",
    UnlockReason.VAULT: (
        "the vault cannot be read or written, see `journalctl -u onlyme`; use the password"
    ),
    UnlockReason.TIMEOUT: "no face was recognised in time; use the password",
    UnlockReason.FAILED: "internal error, see `journalctl -u onlyme`; use the password",
}


INFRARED_DETAIL = (
    "an infrared camera shows no colour, so only a movement shows that a person is there, and none "
    "was asked for; use the password"
)
"""Why passive liveness is undecided before an infrared camera."""


@dataclass(frozen=True, slots=True)
class UnlockOutcome:
    """How an attempt ended.

    Attributes:
        reason: of a decision, or why there was none.
        detail: a sentence that replaces the usual one.
        camera_ms: milliseconds of waiting for the camera.
        look_ms: milliseconds of the whole attempt, the camera's included.
        parts_ms: milliseconds of each part of the decision.
        frames: frames that the camera gave.
    """

    reason: Reason | UnlockReason
    detail: str = ""
    camera_ms: float = 0.0
    look_ms: float = 0.0
    parts_ms: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0

    @property
    def accepted(self) -> bool:
        """Whether it opens: only one reason does."""
        return self.reason is Reason.MATCH

    def to_json(self) -> dict[str, Any]:
        """Return the answer that the client receives."""
        return {
            "accepted": self.accepted,
            "reason": str(self.reason),
            "message": self.detail or _MESSAGES[self.reason],
            "camera_ms": round(self.camera_ms, 3),
            "look_ms": round(self.look_ms, 3),
        }

    def describe_times(self) -> dict[str, Any]:
        """Return what `onlyme unlock test` shows beside the answer."""
        seconds = self.look_ms / 1e3
        return {
            "frames": self.frames,
            "frames_per_second": round(self.frames / seconds, 1) if seconds else None,
            "parts_ms": {name: round(ms, 3) for name, ms in self.parts_ms.items()},
        }


def make_outcome(error: OnlymeError) -> UnlockOutcome:
    """Say what an exception means for an attempt: it never opens."""
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
