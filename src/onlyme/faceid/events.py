"""Open the events of a vault, and make an event of what happens in a visit."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from onlyme.errors import VaultDamaged
from onlyme.events.event import DoorEvent
from onlyme.events.store import EVENTS_FILE, SECRET_KEY, SECRET_KIND, EventStore

if TYPE_CHECKING:
    from onlyme.image.feeds import CameraStatus
    from onlyme.settings import Settings
    from onlyme.vault.store import Store
    from onlyme.verification.visits import Presence

__all__ = [
    "convert_presence",
    "convert_status",
    "erase_events",
    "open_events",
    "read_webhook_key",
    "rename_events",
]

_WEBHOOK_KEY = "webhook"


def open_events(settings: Settings, store: Store) -> EventStore:
    """Open the events beside a vault; the file is made if there is none.

    Raises:
        VaultError: they cannot be used.
    """
    path = settings.vault / EVENTS_FILE
    secret = store.read(SECRET_KIND, SECRET_KEY)
    if secret is None and path.exists():
        raise VaultDamaged(
            f"the vault {store.folder} does not hold the secret of the events beside it; restore "
            f"the vault that does, or remove {EVENTS_FILE}"
        )
    return EventStore(path, secret or _draw(store, SECRET_KEY), settings.events_days)


def read_webhook_key(store: Store) -> bytes:
    """Return the key that signs webhooks, 32 bytes; it is drawn when it is first asked for."""
    return store.read(SECRET_KIND, _WEBHOOK_KEY) or _draw(store, _WEBHOOK_KEY)


def erase_events(settings: Settings, store: Store, name: str) -> list[str]:
    """Erase the events that name a person; return notes on what stays."""
    if not (settings.vault / EVENTS_FILE).exists():
        return []
    events = open_events(settings, store)
    try:
        return events.erase(name)
    finally:
        events.close()


def rename_events(settings: Settings, store: Store, old: str, new: str) -> None:
    """Give a person another name in the events."""
    if (settings.vault / EVENTS_FILE).exists():
        events = open_events(settings, store)
        try:
            events.rename_person(old, new)
        finally:
            events.close()


def convert_presence(presence: Presence, *, fpir: float, opens: bool) -> DoorEvent | None:
    """Return the event that a change in a visit is; None where nothing is to be stored.

    That a person came is not stored: it says nothing until they are known or not.
    """
    if presence.event is None or presence.event == "came":
        return None
    decision, is_known = presence.decision, presence.verdict == "known"
    liveness = decision.liveness
    return DoorEvent(
        str(presence.event),
        presence.camera,
        datetime.now(UTC),
        name=decision.name if is_known else None,
        names=() if is_known else presence.names,
        visit=presence.id,
        seconds=round(presence.at - presence.since, 3),
        far=decision.far if is_known else None,
        fpir=fpir,
        margin=None if decision.margin is None or not is_known else round(decision.margin, 3),
        liveness=str(liveness.verdict or liveness.level),
        score=liveness.score,
        opened=opens,
    )


def convert_status(status: CameraStatus) -> DoorEvent:
    """Return the event that a camera gives frames, or ceased to."""
    return DoorEvent("camera_up" if status.is_up else "camera_down", status.camera)


def _draw(store: Store, key: str) -> bytes:
    with store.edit() as edit:
        secret = edit.read(SECRET_KIND, key)
        if secret is None:  # otherwise another process was faster
            secret = os.urandom(32)
            edit.write(SECRET_KIND, key, secret)
    return secret
