"""Collect what a slider for alpha shows: margins, recent attempts and error rates."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.gate.audit import Event
from onlyme.siamese.presets import PRESETS
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.gate.audit import AuditEntry
    from onlyme.siamese.owner import Owner

__all__ = ["MAX_ATTEMPTS", "collect_sensitivity"]

MAX_ATTEMPTS: Final = 50
"""How many of the newest attempts are shown."""

ALPHA_STEP: Final = 0.005
"""Step of alpha from one position of the slider to the next."""

SCALE_STEP: Final = 0.1
"""The ends of the slider are multiples of this alpha."""

_LEARNING_EVENTS: Final = {Event.ENROLL, Event.TEACH, Event.ADAPT, Event.IMPORT, Event.FORGET}
"""After such an event the same face has another margin, so earlier attempts are left out."""

_LIVENESS_REASONS: Final = {
    Reason.NOT_LIVE,
    Reason.LIVENESS_UNDECIDED,
    Reason.NOT_ATTENTIVE,
    Reason.ATTENTION_UNDECIDED,
}
"""An attempt with such a reason is rejected at every alpha."""


def collect_sensitivity(face_id: FaceID, name: str) -> dict[str, Any]:
    """Return what the slider shows for one person, as a JSON document.

    Raises:
        UnknownOwner: no person of that name is enrolled.
        VaultDamaged: the log is damaged, so its attempts cannot be trusted.
    """
    owner = face_id.find_owner(name)
    own = owner.margins(owner.examples.me)
    strangers = owner.learned.stranger_margins()
    attempts = _read_recent(face_id, name)
    margins = [entry.margin for entry in attempts if entry.margin is not None]
    values = np.concatenate([own, strangers, np.array([owner.alpha, *margins])])
    low = np.floor(values.min() / SCALE_STEP) * SCALE_STEP
    high = np.ceil(values.max() / SCALE_STEP) * SCALE_STEP
    return {
        "name": name,
        "alpha": owner.alpha,
        "far": owner.far,
        "own": own.round(4).tolist(),
        "strangers": strangers.round(4).tolist(),
        "scale": _compute_scale(owner, float(low), float(high)),
        "presets": _list_presets(owner),
        "attempts": [_describe_attempt(entry) for entry in attempts],
    }


def _read_recent(face_id: FaceID, name: str) -> list[AuditEntry]:
    """Return the attempts since the person was last learned, the newest first."""
    attempts: deque[AuditEntry] = deque(maxlen=MAX_ATTEMPTS)
    for entry in face_id.admin.gate.audit.entries(owner=name):
        if entry.event in _LEARNING_EVENTS:
            attempts.clear()
        elif entry.event is Event.ATTEMPT and entry.margin is not None:
            attempts.append(entry)
    return list(reversed(attempts))


def _describe_attempt(entry: AuditEntry) -> dict[str, Any]:
    """Return one attempt, and whether alpha alone decides it."""
    return {
        "number": entry.number,
        "at": entry.at,
        "source": entry.source,
        "accepted": entry.verdict == "accepted",
        "reason": entry.reason,
        "margin": entry.margin,
        "by_alpha": entry.reason not in _LIVENESS_REASONS,
    }


def _compute_scale(owner: Owner, low: float, high: float) -> list[dict[str, float | None]]:
    """Return for each alpha how often a stranger passes and how often the owner does not."""
    rates = []
    for alpha in np.arange(round(low / ALPHA_STEP), round(high / ALPHA_STEP) + 1) * ALPHA_STEP:
        miss = owner.learned.miss_at(float(alpha))
        rates.append(
            {
                "alpha": round(float(alpha), 3),
                "far": owner.learned.far_at(float(alpha)),
                "miss": None if miss is None else miss.rate,
            }
        )
    return rates


def _list_presets(owner: Owner) -> list[dict[str, Any]]:
    """Return the presets, with the alpha of each for this person."""
    if not owner.learned.calibrated:
        return []
    return [
        {
            "name": preset.name,
            "far": preset.far,
            "source": preset.source,
            "alpha": owner.learned.alpha_at(preset.far),
        }
        for preset in PRESETS
    ]
