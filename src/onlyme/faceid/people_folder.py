"""List the people in a folder: one folder, or one photo, for each of them."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from onlyme.errors import ImageError, UsageError, show_argument
from onlyme.image.files import format_path
from onlyme.image.sources import list_photos
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_PHOTOS_PER_PERSON", "PersonPhotos", "Unusable", "list_people"]

MAX_PHOTOS_PER_PERSON: Final = 200
"""The most photos of one person that are looked at."""

_MAX_SUBFOLDERS: Final = 50
"""Folders inside a person's folder that are looked through for the hint to `subfolders`."""

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


class PersonPhotos(NamedTuple):
    """The photos of one person.

    Attributes:
        root: the person's folder, or the folder of people where each photo is a person.
        paths: the photos.
    """

    root: Path
    paths: list[Path]


def list_people(
    folder: str | os.PathLike[str], *, flat: bool = False, subfolders: bool = False
) -> tuple[dict[str, PersonPhotos], list[Unusable]]:
    """Return each person's photos by name, and what cannot be used.

    Args:
        folder: of people; hidden folders and those of thumbnails in it are left out.
        flat: each photo in it is a person, named like the file.
        subfolders: photos in the folders inside a person's folder are the person's as well.

    Raises:
        UsageError: it cannot be read, or holds no people.
    """
    if isinstance(folder, str) and not folder:  # to Python it is the current folder
        raise UsageError("an empty name is not the path of a folder")
    try:
        folder = Path(folder)
    except Exception:  # noqa: BLE001 - a `__fspath__` may raise or return anything
        raise UsageError(f"{show_argument(folder)} is not the path of a folder") from None
    try:
        entries = sorted(folder.iterdir())
    except ValueError:  # a NUL in it
        raise UsageError(f"{format_path(folder)} is not the path of a folder") from None
    except OSError as error:
        raise UsageError(f"{format_path(folder)} cannot be read: {error.strerror}") from None
    people: dict[str, PersonPhotos] = {}
    unusable: list[Unusable] = []
    try:
        loose = list(list_photos(folder))
    except ImageError:
        loose = []
    for entry in loose if flat else entries:
        if _is_left_out(entry.name):
            continue
        if flat or entry.is_dir():
            _add_person(people, unusable, entry, flat=flat, subfolders=subfolders)
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
    people: dict[str, PersonPhotos],
    unusable: list[Unusable],
    entry: Path,
    *,
    flat: bool,
    subfolders: bool,
) -> None:
    why, called = "", entry.stem if flat else entry.name
    photos: list[Path] = []
    try:
        name = checked_name(called)
        photos = _list_photos_below(entry) if subfolders and not flat else list(list_photos(entry))
    except ImageError as error:
        why = error.cause
    except UsageError as error:
        name, why = format_path(called), str(error)
    if name in people:
        why = "another folder or photo has the same name, written with other characters"
    elif not why:
        people[name] = PersonPhotos(entry.parent if flat else entry, photos[:MAX_PHOTOS_PER_PERSON])
        if len(photos) > MAX_PHOTOS_PER_PERSON:
            why = f"only the first {MAX_PHOTOS_PER_PERSON} photos were looked at"
    if not (flat or subfolders) and _holds_photos_below(entry):
        hint = "there are photos in folders inside this folder: --subfolders takes them as well"
        why = f"{why}; {hint}" if why else hint
    if why:
        unusable.append(Unusable(name, "", why))


def _list_photos_below(root: Path) -> list[Path]:
    """Return the photos of a folder, and of the folders in it at any depth.

    Raises:
        ImageError: there is none.
    """
    photos: list[Path] = []
    for folder in _walk(root):
        with suppress(ImageError):  # one folder without a photo
            photos += list_photos(folder)
    return photos or list(list_photos(root))  # which says why there is none


def _holds_photos_below(root: Path) -> bool:
    for folder in islice(_walk(root), 1, _MAX_SUBFOLDERS):
        with suppress(ImageError):
            return any(True for _ in list_photos(folder))
    return False


def _walk(root: Path) -> Iterator[Path]:
    """Yield a folder and those in it, without hidden ones; links are not followed."""
    for folder, inside, _ in os.walk(root):
        inside[:] = sorted(name for name in inside if not _is_left_out(name))
        yield Path(folder)


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _NO_PEOPLE
