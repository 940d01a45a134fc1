"""Open the events of a vault, make an event of what happens in a visit, and group unknown ones."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from onlyme.errors import NoSuchGroup, UsageError, VaultDamaged
from onlyme.events.event import DoorEvent
from onlyme.events.retention import Retention
from onlyme.events.store import EVENTS_FILE, SECRET_KEY, SECRET_KIND, EventStore
from onlyme.events.unknown import UnknownVisit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from onlyme.faceid.wiring import Parts
    from onlyme.image.feeds import CameraStatus
    from onlyme.settings import Settings
    from onlyme.vault.store import Store
    from onlyme.verification.presence import Presence, UnknownFace

__all__ = [
    "UnknownGroup",
    "choose_groups",
    "convert_presence",
    "convert_status",
    "erase_events",
    "erase_unknown",
    "erase_visits",
    "keep_retention",
    "list_unknown",
    "make_unknown_visit",
    "open_events",
    "read_webhook_key",
    "rename_events",
]

_WEBHOOK_KEY = "webhook"

_ID_DIGITS: Final = 12
_PICTURE_SIDE: Final = 320
_JPEG_QUALITY: Final = 85


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
    return EventStore(
        path,
        secret or _draw(store, SECRET_KEY),
        settings.events_days,
        unknown_days=settings.unknown_days,
        unknown_per_day=int(settings.unknown_per_day),
    )


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


def keep_retention(settings: Settings, store: Store, report: Callable[[str], None]) -> Retention:
    """Return what erases old events and unknown visits as long as its `with` block lasts.

    Args:
        settings: of the vault; they say what is too old.
        store: the vault's records, with the secret of the events.
        report: called with a sentence when nothing can be erased.
    """

    def erase() -> None:
        if (settings.vault / EVENTS_FILE).exists():  # to look makes no file
            with open_events(settings, store) as events:
                events.purge()

    return Retention(erase, report)


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


@dataclass(frozen=True, slots=True)
class UnknownGroup:
    """Unknown visits that seem to be those of one person.

    Attributes:
        id: 12 hexadecimal digits, from its first visit.
        visits: the oldest first.
        is_ambiguous: a single visit that resembles two groups about as well, or one that another
            network saw.
    """

    id: str
    visits: tuple[UnknownVisit, ...] = field(repr=False)
    is_ambiguous: bool = False

    def to_document(self) -> dict[str, Any]:
        """Return what may be shown of it: no picture and no embedding."""
        return {
            "group": self.id,
            "visits": len(self.visits),
            "first": self.visits[0].at.isoformat(timespec="seconds"),
            "last": self.visits[-1].at.isoformat(timespec="seconds"),
            "cameras": sorted({visit.camera for visit in self.visits}),
            "ambiguous": self.is_ambiguous,
            "seen": [
                {"visit": one.id, "camera": one.camera, "at": one.at, "seconds": one.seconds}
                for one in self.visits
            ],
        }


def make_unknown_visit(presence: Presence, face: UnknownFace) -> UnknownVisit:
    """Return what is kept of a visit that left unknown."""
    import cv2

    height, width = face.picture.shape[:2]
    scale = min(1.0, _PICTURE_SIDE / max(height, width))
    side = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(face.picture[..., ::-1], side, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return UnknownVisit(
        presence.camera,
        datetime.now(UTC),
        round(presence.at - presence.since, 3),
        face.model,
        face.vectors,
        coded.tobytes(),
    )


def list_unknown(parts: Parts) -> list[UnknownGroup]:
    """Return the unknown visits that are kept, grouped by person, the largest group first.

    Two visits are put together at the rate at which strangers are taken for enrolled people.

    Raises:
        NotCalibrated: among this many people the calibration does not reach that rate.
        VaultError: the events cannot be read.
    """
    parts.admin.store.read(SECRET_KIND, SECRET_KEY)  # a vault that was closed says so
    if not (parts.settings.vault / EVENTS_FILE).exists():
        return []
    with open_events(parts.settings, parts.admin.store) as events:
        events.purge_unknown()
        visits = events.read_unknown()
    usable = [visit for visit in visits if visit.model == parts.base.model]
    found = parts.enrolled.group_visits([visit.vectors for visit in usable])
    groups = [_make_group([usable[n] for n in group]) for group in found.groups]
    apart = [usable[n] for n in found.ambiguous]
    apart += [visit for visit in visits if visit.model != parts.base.model]
    groups.sort(key=lambda group: -len(group.visits))
    return groups + [_make_group([visit], is_ambiguous=True) for visit in apart]


def erase_unknown(parts: Parts, group_ids: Iterable[str] | None = None) -> list[str]:
    """Erase groups, by default all, also in backups; return notes on what stays.

    Raises:
        NoSuchGroup: there is no such group.
    """
    if group_ids is None:
        return erase_visits(parts)
    if isinstance(group_ids, str) or not isinstance(group_ids, Iterable):
        raise UsageError("give the ids of groups in a list")
    groups = choose_groups(list_unknown(parts), list(group_ids))
    return erase_visits(parts, [visit for group in groups for visit in group.visits])


def erase_visits(parts: Parts, visits: Iterable[UnknownVisit] | None = None) -> list[str]:
    """Erase unknown visits, by default all, also in backups; return notes on what stays."""
    ids = None if visits is None else {visit.id for visit in visits}

    def erase(events: EventStore) -> list[str]:
        return events.erase_all_unknown() if ids is None else events.erase_unknown(ids)

    def erase_in_backup(copy: Store, path: Path) -> None:
        secret = copy.read(SECRET_KIND, SECRET_KEY)
        if secret is not None:
            with EventStore(path, secret, parts.settings.events_days) as events:
                erase(events)

    notes = list(parts.admin.change_backups("events", erase_in_backup))
    if (parts.settings.vault / EVENTS_FILE).exists():
        with open_events(parts.settings, parts.admin.store) as events:
            notes += erase(events)
    return notes


def choose_groups(groups: Sequence[UnknownGroup], ids: Sequence[str]) -> list[UnknownGroup]:
    """Return the groups that have these ids.

    Raises:
        NoSuchGroup: there is no such group.
        UsageError: an id is not text.
    """
    given: Sequence[Any] = ids
    if any(not isinstance(one, str) or len(one) > 64 or not one.isprintable() for one in given):
        raise UsageError("the id of a group is text, as `onlyme events unknown` lists it")
    if missing := sorted(set(ids) - {group.id for group in groups}):
        raise NoSuchGroup(
            f"there is no group {', '.join(missing)}; `onlyme events unknown` lists them"
        )
    return [group for group in groups if group.id in ids]


def _make_group(visits: list[UnknownVisit], *, is_ambiguous: bool = False) -> UnknownGroup:
    return UnknownGroup(visits[0].id[:_ID_DIGITS], tuple(visits), is_ambiguous)
