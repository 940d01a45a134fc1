"""A person comes in; what a slider for alpha needs goes out: margins, recent attempts, odds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.gate.audit import Event
from onlyme.siamese.presets import PRESETS
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID
    from onlyme.gate.audit import AuditEntry
    from onlyme.siamese.owner import Owner

__all__ = ["MAX_ATTEMPTS", "collect_sensitivity"]

MAX_ATTEMPTS: Final = 50
"""So many of the newest attempts are shown."""

ALPHA_STEP: Final = 0.005
"""Of alpha, from one place of the slider to the next."""

_LEARNING_EVENTS: Final = {Event.ENROLL, Event.TEACH, Event.ADAPT, Event.IMPORT, Event.FORGET}
"""Margins from before are not those that the same face would have now."""

_LIVENESS_REASONS: Final = {Reason.NOT_LIVE, Reason.LIVENESS_UNDECIDED}
"""An attempt that ended so is not let in by any alpha."""


def collect_sensitivity(face_id: FaceID, name: str) -> dict[str, Any]:
    """Collect it.

    Raises:
        UnknownOwner: nobody of that name is enrolled.
        VaultDamaged: the log is not whole; what it says of attempts is worth nothing then.
    """
    owner = face_id.owner(name)
    own = owner.margins(owner.examples.me)
    strangers = owner.learned.stranger_margins()
    attempts = _read_recent(face_id, name)
    margins = [entry.margin for entry in attempts if entry.margin is not None]
    everything = np.concatenate([own, strangers, np.array([owner.alpha, *margins])])
    low = np.floor(everything.min() / 0.1) * 0.1
    high = np.ceil(everything.max() / 0.1) * 0.1
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
    """Return the newest attempts first that were judged as the person is known now."""
    attempts: deque[AuditEntry] = deque(maxlen=MAX_ATTEMPTS)
    for entry in face_id.admin.gate.audit.entries(owner=name):
        if entry.event in _LEARNING_EVENTS:
            attempts.clear()
        elif entry.event is Event.ATTEMPT and entry.margin is not None:
            attempts.append(entry)
    return list(reversed(attempts))


def _describe_attempt(entry: AuditEntry) -> dict[str, Any]:
    """Return one attempt, and whether alpha alone decides about it."""
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
    """Say at each place of the slider how often a stranger passes, and the owner does not."""
    places = []
    for alpha in np.arange(round(low / ALPHA_STEP), round(high / ALPHA_STEP) + 1) * ALPHA_STEP:
        miss = owner.learned.miss_at(float(alpha))
        places.append(
            {
                "alpha": round(float(alpha), 3),
                "far": owner.learned.far_at(float(alpha)),
                "miss": None if miss is None else miss.rate,
            }
        )
    return places


def _list_presets(owner: Owner) -> list[dict[str, Any]]:
    """Return the rates that others ask for, with the alpha of each."""
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
