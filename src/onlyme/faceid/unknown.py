"""Answer "who is this?": group the unknown visits that are kept, name a group, and erase it.

A group becomes a person of the gallery only when an operator names it. Its visits are erased then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import NeedsReenroll, UsageError, VaultBusy, refuse_taken
from onlyme.events.store import EVENTS_FILE, SECRET_KEY, SECRET_KIND, EventStore
from onlyme.events.unknown import UnknownVisit
from onlyme.faceid.events import open_events
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.grouping import MAX_EXAMPLES, group_faces
from onlyme.gate.audit import Event
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.faceid.wiring import Parts
    from onlyme.vault.store import Store
    from onlyme.verification.presence import Presence, UnknownFace

__all__ = ["UnknownGroup", "erase_unknown", "list_unknown", "make_unknown_visit", "name_unknown"]

_ID_DIGITS: Final = 12
_PICTURE_SIDE: Final = 320
_JPEG_QUALITY: Final = 85


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
    if not (parts.settings.vault / EVENTS_FILE).exists():
        return []
    with open_events(parts.settings, parts.admin.store) as events:
        events.purge_unknown()
        visits = events.read_unknown()
    usable = [visit for visit in visits if visit.model == parts.base.model]
    found = group_faces(parts.base, [visit.vectors for visit in usable], parts.settings.fpir)
    groups = [_make_group([usable[n] for n in group]) for group in found.groups]
    apart = [usable[n] for n in found.ambiguous]
    apart += [visit for visit in visits if visit.model != parts.base.model]
    groups.sort(key=lambda group: -len(group.visits))
    return groups + [_make_group([visit], is_ambiguous=True) for visit in apart]


def name_unknown(
    parts: Parts, group_id: str, name: str, *, add: bool = False, anyway: bool = False
) -> int:
    """Enroll the person of a group in the gallery, and erase the group; see `FaceID`.

    Returns:
        How many embeddings were enrolled.
    """
    from onlyme.faceid.identity import refuse_same_person

    name = checked_name(name)
    group = _find_group(parts, group_id)
    if any(visit.model != parts.base.model for visit in group.visits):
        raise NeedsReenroll(f"another network saw group {group.id}; it can only be erased")
    vectors = _choose_vectors(group.visits)
    refuse_taken(name, taken=parts.admin.store.version(name) is not None)
    gallery = parts.enrolled.ensure_gallery()
    known = gallery.get([name]).get(name)
    refuse_taken(name, taken=known is not None and not add)
    if not anyway:
        refuse_same_person(parts, name, vectors)
    person = GalleryPerson(name, vectors)
    if known is not None:
        new = [one for one in vectors if not (known.me == one).all(axis=1).any()]
        me = np.concatenate([known.me, np.array(new, np.float32).reshape(-1, vectors.shape[1])])
        person = replace(known, me=me, created=datetime.now(UTC))
    if gallery.put([person]):
        raise VaultBusy(f"another process changed {name} at the same time; run this again")
    with parts.admin.store.edit() as edit:
        visits = f"{len(group.visits)} visit{'s' * (len(group.visits) > 1)}"
        parts.admin.gate.note(edit, Event.ENROLL, name, f"gallery: named, from {visits}")
    erase_unknown(parts, [group.id])
    return len(vectors)


def erase_unknown(parts: Parts, group_ids: Sequence[str] | None = None) -> list[str]:
    """Erase groups, by default all, also in backups; return notes on what stays.

    Raises:
        UsageError: there is no such group.
    """
    groups = None if group_ids is None else [_find_group(parts, one) for one in group_ids]
    ids = None if groups is None else [visit.id for group in groups for visit in group.visits]

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


def _find_group(parts: Parts, group_id: str) -> UnknownGroup:
    groups = [group for group in list_unknown(parts) if group.id == group_id]
    if not groups:
        raise UsageError(f"there is no group {group_id}; `onlyme events unknown` lists them")
    return groups[0]


def _make_group(visits: list[UnknownVisit], *, is_ambiguous: bool = False) -> UnknownGroup:
    return UnknownGroup(visits[0].id[:_ID_DIGITS], tuple(visits), is_ambiguous)


def _choose_vectors(visits: Sequence[UnknownVisit]) -> NDArray[np.float32]:
    """Return the embeddings to enroll: of each visit in turn, until they are enough."""
    most = max(len(visit.vectors) for visit in visits)
    chosen = [
        visit.vectors[turn] for turn in range(most) for visit in visits if turn < len(visit.vectors)
    ]
    return np.array(chosen[:MAX_EXAMPLES], np.float32)
