"""Describe what happened at a door."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

__all__ = ["EVENT_KINDS", "DoorEvent", "EventKind"]

EventKind = Literal[
    "known",
    "unknown",
    "ambiguous",
    "not_live",
    "locked_out",
    "left",
    "camera_up",
    "camera_down",
]
"""What can happen at a door."""

EVENT_KINDS: Final[tuple[str, ...]] = get_args(EventKind)


def _draw_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class DoorEvent:
    """What happened at a door.

    Attributes:
        event: `known`, `unknown`, `ambiguous`, `not_live`, `locked_out`, `left`, `camera_up` or
            `camera_down`.
        camera: the name of the camera; never an address with a password.
        at: when, in UTC.
        name: who was recognised.
        names: of an ambiguous visit, the two nearest people.
        visit: the number of the visit; it counts from 1 for each camera and program.
        seconds: how long the visit had lasted.
        far: the false accept rate that this person's alpha stood for in the decision.
        fpir: the rate at which a stranger is taken for any enrolled person in a visit.
        margin: of a recognised person.
        liveness: `off`, `live`, `attack` or `undecided`.
        score: of liveness, 0 to 1.
        opened: whether it was an attempt that could open something, counted by the gate.
        id: the same wherever the event is sent, also when it is sent twice.
    """

    event: str
    camera: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    name: str | None = None
    names: tuple[str, ...] = ()
    visit: int = 0
    seconds: float = 0.0
    far: float | None = None
    fpir: float | None = None
    margin: float | None = None
    liveness: str = "off"
    score: float | None = None
    opened: bool = False
    id: str = field(default_factory=_draw_id)

    def to_document(self) -> dict[str, Any]:
        """Return the event as a JSON document."""
        at = self.at.isoformat(timespec="milliseconds")
        return asdict(self) | {"at": at, "names": list(self.names)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> DoorEvent:
        """Read what `to_document` returned; fields of later versions are left out.

        >>> event = DoorEvent("known", "front", name="ada")
        >>> DoorEvent.from_document(event.to_document()).name
        'ada'
        """
        known = {one.name for one in fields(cls)} & set(document)
        values = {key: document[key] for key in known}
        values["at"] = datetime.fromisoformat(values["at"])
        values["names"] = tuple(values.get("names", ()))
        return cls(**values)
