"""List the people in a folder: one folder, or one photo, for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from onlyme.errors import ImageError, UsageError
from onlyme.image.files import format_path
from onlyme.image.sources import list_photos
from onlyme.types import checked_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_PHOTOS_PER_PERSON", "Unusable", "list_people"]

MAX_PHOTOS_PER_PERSON: Final = 200
"""The most photos of one person that are looked at."""

_NO_PEOPLE: Final = frozenset(
    (
        *("@eadir", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found"),
        *("system volume information", "thumbnails", "thumbs", ".thumbnails"),
    )
)
"""Folders that network storage, systems and picture programs make between those of people."""


class Unusable(NamedTuple):
    """What was not used of a folder; see `onlyme.faceid.bulk.BulkRefusal`."""

    name: str
    file: str
    why: str


def list_people(
    folder: Path, *, flat: bool = False
) -> tuple[dict[str, list[Path]], list[Unusable]]:
    """Return each person's photos by name, and what cannot be used.

    Args:
        folder: of people; hidden folders and those of thumbnails in it are left out.
        flat: each photo in it is a person, named like the file.

    Raises:
        UsageError: it cannot be read, or holds no people.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from None
    people: dict[str, list[Path]] = {}
    unusable: list[Unusable] = []
    try:
        loose = list(list_photos(folder))
    except ImageError:
        loose = []
    for entry in loose if flat else entries:
        if entry.name.startswith(".") or entry.name.casefold() in _NO_PEOPLE:
            continue
        if flat or entry.is_dir():
            _add_person(people, unusable, entry, entry.stem if flat else entry.name)
    if loose and not flat:
        count = f"{len(loose):,} photo{'s' * (len(loose) != 1)}"
        why = f"{count} beside the folders, as {format_path(loose[0].name)}: put each into a "
        unusable.append(
            Unusable(format_path(folder.name), "", f"{why}folder named like its person, or --flat")
        )
    if not people and not unusable:
        what = "photos" if flat else "folders of people: give one folder for each person"
        raise UsageError(f"{folder} holds no {what}")
    return people, unusable


def _add_person(
    people: dict[str, list[Path]], unusable: list[Unusable], entry: Path, called: str
) -> None:
    why = ""
    photos: list[Path] = []
    try:
        name = checked_name(called)
        photos = list(list_photos(entry))
    except ImageError as error:
        why = error.cause
    except UsageError as error:
        name, why = format_path(called), str(error)
    if name in people:
        why = "another folder or photo has the same name, written with other characters"
    elif not why:
        people[name] = photos[:MAX_PHOTOS_PER_PERSON]
        if len(photos) > MAX_PHOTOS_PER_PERSON:
            why = f"only the first {MAX_PHOTOS_PER_PERSON} photos were looked at"
    if why:
        unusable.append(Unusable(name, "", why))
