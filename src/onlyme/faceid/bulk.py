"""A folder of people comes in; a gallery of them, and a report, go out.

Each folder in it is a person, named after it. Worker processes look at the photos; this one
writes, some people at a time, and each person with what became of each photo. So whatever ends
this process, running it again does the rest, and reports the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import file_digest
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError, ImageError, SettingsError, UsageError
from onlyme.faceid import wiring
from onlyme.faceid.workers import WorkerPool, count_cores
from onlyme.gallery.duplicates import DuplicatePair, find_duplicates
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.stores.protocol import IndexedStore
from onlyme.gate.audit import Event
from onlyme.image.sources import list_photos
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.wiring import Parts
    from onlyme.gallery.gallery import Gallery
    from onlyme.settings import Settings

__all__ = ["MAX_PHOTOS_PER_PERSON", "BulkEnrollment", "BulkRefusal", "enroll_people"]

MAX_PHOTOS_PER_PERSON = 200
"""Of one person no more photos are looked at."""

_BATCH_PEOPLE = 32
_BATCH_SECONDS = 2.0
"""So many people, or what was done in so much time, are written as one."""

Progress = Callable[[str, int, int], None]


class BulkRefusal(NamedTuple):
    """What did not become part of the gallery.

    Attributes:
        name: the person.
        file: the photo in the person's folder; empty for the whole person.
        why: in words.
    """

    name: str
    file: str
    why: str


@dataclass(slots=True)
class BulkEnrollment:
    """What enrolling a folder of people came to.

    Attributes:
        enrolled: people who are new in the gallery.
        changed: people whose template was added to or replaced.
        unchanged: people who were in the gallery already, and stay as they are.
        photos: photos taken, of all people in the folder who are in the gallery now.
        refused: photos, and whole people, that were not taken.
        twins: people who look enrolled twice, under two names.
        looked_at: photos that were looked at in this run.
        workers: processes that looked.
        seconds: how long it took.
    """

    enrolled: int = 0
    changed: int = 0
    unchanged: int = 0
    photos: int = 0
    refused: list[BulkRefusal] = field(default_factory=list)
    twins: list[DuplicatePair] = field(default_factory=list)
    looked_at: int = 0
    workers: int = 0
    seconds: float = 0.0


class _Task(NamedTuple):
    name: str
    paths: list[Path]
    add: bool
    known: GalleryPerson | None


class _PhotosResult(NamedTuple):
    me: NDArray[np.float32]  # of the photos taken now
    files: dict[str, tuple[str, str]]  # as in Person, of the files looked at now
    why: str  # the whole person is refused


def enroll_people(
    parts: Parts,
    folder: Path,
    *,
    add: bool = False,
    replace_photos: bool = False,
    workers: int | None = None,
    look_for_duplicates: bool = True,
    progress: Progress | None = None,
) -> BulkEnrollment:
    """Enroll everybody in a folder of folders into the gallery.

    People who are in the gallery already stay as they are, unless `add` or `replace_photos` is
    said;
    even then photos that were looked at before are not looked at again.

    Args:
        parts: of the FaceID whose gallery it is; the gallery is made where there is none.
        folder: one folder a person, named as the person is to be called.
        add: add new photos to people who are in the gallery.
        replace_photos: learn people anew whose photos are others now.
        workers: processes that look at photos; by default one a core.
        look_for_duplicates: compare everybody with everybody at the end.
        progress: told what is done, and how much of how much.

    Raises:
        UsageError: `add` and `replace_photos` contradict; the folder holds no folders.
        EnrollmentError: nobody in it could be enrolled.
        VaultError: vault or gallery cannot be used.
    """
    if add and replace_photos:
        raise UsageError("say add or replace, not both")
    start, told = perf_counter(), progress or (lambda *_: None)
    result = BulkEnrollment(workers=workers or count_cores())
    folders = _list_people(folder, result)
    gallery = parts.enrolled.ensure_gallery()
    desk = _BatchWriter(
        gallery, result, set(parts.admin.store.names()), again=add or replace_photos, add=add
    )
    looked, everything = 0, sum(map(len, folders.values()))
    with WorkerPool(partial(_start_worker, parts.settings), result.workers) as crew:
        for task, done in crew.do(desk.tasks(folders)):
            looked += len(task.paths)
            person = _make_person(task, done, result)
            if person is not None:
                desk.take(person, new=task.known is None)
            told("photos", looked, everything)
        desk.write()
    told("photos", everything, everything)
    if not result.enrolled + result.changed + result.unchanged:
        raise EnrollmentError("nobody could be enrolled:\n" + _format_refusals(result.refused))
    _build_indexes(gallery)
    if look_for_duplicates:
        result.twins = list(find_duplicates(gallery, list(folders), told))
    with parts.admin.store.edit() as edit:
        detail = f"gallery: {result.enrolled} new, {result.changed} changed"
        parts.admin.gate.note(edit, Event.ENROLL, None, detail)
    result.refused.sort()
    result.seconds = perf_counter() - start
    return result


class _BatchWriter:
    """Says who is to be looked at, and writes those who were, a batch at a time.

    Args:
        gallery: where they go.
        census: where it is counted what became of each.
        owners: names that are taken in the vault.
        again: whether people who are in the gallery are looked at again.
        add: whether their new photos are added, rather than put in place of the old.
    """

    def __init__(
        self, gallery: Gallery, census: BulkEnrollment, owners: set[str], *, again: bool, add: bool
    ) -> None:
        self._gallery, self._census, self._owners = gallery, census, owners
        self._again, self._add = again, add
        self._batch: list[tuple[GalleryPerson, bool]] = []
        self._written = monotonic()

    def tasks(self, folders: Mapping[str, list[Path]]) -> Iterator[_Task]:
        """Yield who is to be looked at; the others are counted at once."""
        names = list(folders)
        for at in range(0, len(names), _BATCH_PEOPLE):
            known = self._gallery.get(names[at : at + _BATCH_PEOPLE])
            for name in names[at : at + _BATCH_PEOPLE]:
                if name in self._owners:
                    self._refuse(name, "is an owner in the vault; forget the owner first")
                elif name in known and not self._again:
                    self._census.unchanged += 1
                    _count_photos(self._census, known[name])
                else:
                    yield _Task(name, folders[name], self._add, known.get(name))

    def take(self, person: GalleryPerson, *, new: bool) -> None:
        """Take somebody who was looked at; write the batch if it is full, or waits for long."""
        self._batch.append((person, new))
        if len(self._batch) >= _BATCH_PEOPLE or monotonic() - self._written > _BATCH_SECONDS:
            self.write()

    def write(self) -> None:
        """Write the batch: what is killed from now on does not look at these again."""
        late = set(self._gallery.put([person for person, _ in self._batch]))
        for person, new in self._batch:
            if person.name in late:
                why = "another process changed this person meanwhile; run this again"
                self._refuse(person.name, why)
                continue
            self._census.enrolled += new
            self._census.changed += not new
            _count_photos(self._census, person)
        self._batch.clear()
        self._written = monotonic()

    def _refuse(self, name: str, why: str) -> None:
        self._census.refused.append(BulkRefusal(name, "", why))


def _build_indexes(gallery: Gallery) -> None:
    """Give a large gallery an index, where what builds it is installed."""
    store = gallery.store
    if isinstance(store, IndexedStore) and len(gallery) >= store.index_from:
        with suppress(SettingsError):
            for generation in store.count().generations:
                store.build_index(generation)


def _list_people(folder: Path, result: BulkEnrollment) -> dict[str, list[Path]]:
    """Return each person's photos by name, and note whom cannot be one."""
    try:
        inside = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from None
    found: dict[str, list[Path]] = {}
    for entry in inside:
        if entry.name.startswith("."):
            continue
        why = ""
        kept: list[Path] = []
        try:
            name = checked_name(entry.name)
            kept = list(list_photos(entry))
        except ImageError as error:
            why = error.cause
        except UsageError as error:
            name, why = ascii(entry.name), str(error)
        if name in found:
            why = "another folder has the same name, written in other signs"
        elif not why:
            found[name] = kept[:MAX_PHOTOS_PER_PERSON]
            if len(kept) > MAX_PHOTOS_PER_PERSON:
                why = f"only the first {MAX_PHOTOS_PER_PERSON} photos were looked at"
        if why:
            result.refused.append(BulkRefusal(name, "", why))
    if not found and not result.refused:
        raise UsageError(f"{folder} holds no folders of people: one folder a person is wanted")
    return found


def _make_person(
    task: _Task, done: _PhotosResult | None, result: BulkEnrollment
) -> GalleryPerson | None:
    """Return the person to be written; note what was refused for good."""
    if done is None:
        why = "looking at these photos ended the process that did"
        result.refused.append(BulkRefusal(task.name, "", why))
        return None
    result.looked_at += len(done.files)
    if done.why:
        result.refused.append(BulkRefusal(task.name, "", done.why))
        result.refused += [
            BulkRefusal(task.name, f, why) for f, (_, why) in done.files.items() if why
        ]
        return None
    known = task.known
    if known is not None and not done.files:
        result.unchanged += 1
        _count_photos(result, known)
        return None
    person = GalleryPerson(task.name, done.me, datetime.now(UTC), done.files)
    if known is not None:
        person = replace(person, record=known.record)
        if task.add:
            me, files = np.concatenate([known.me, done.me]), known.files | done.files
            person = replace(person, me=me, files=files)
    return person


def _count_photos(result: BulkEnrollment, person: GalleryPerson) -> None:
    result.photos += len(person.me)
    result.refused += [
        BulkRefusal(person.name, f, why) for f, (_, why) in person.files.items() if why
    ]


def _format_refusals(refused: list[BulkRefusal]) -> str:
    lines = [f"  {one.name}{'/' if one.file else ''}{one.file}: {one.why}" for one in refused]
    return "\n".join(lines[:20] + ["  …"] * (len(lines) > 20))


# ---------------------------------------------------------------------- in a worker


def _start_worker(settings: Settings) -> Callable[[_Task], _PhotosResult]:
    """Load the networks; each worker keeps to one core, which together is fastest."""
    import cv2

    cv2.setNumThreads(1)
    return partial(_look_at_photos, wiring.make_pipeline(settings))


def _look_at_photos(pipeline: Pipeline, task: _Task) -> _PhotosResult:
    """Look at a person's photos, those excepted that were looked at before."""
    known = task.known
    digests = {path.name: _hash_file(path) for path in task.paths}
    before = {name: digest for name, (digest, _) in known.files.items()} if known else {}
    if known and not task.add and before == digests:
        return _PhotosResult(known.me[:0], {}, "")
    seen_before = set(before.values()) if task.add else set()
    none = np.empty((0, pipeline.embedder.dimension), np.float32)
    kept = known.me if known and task.add else none
    collector = PhotoCollector(pipeline, judge_quality=True, known=kept)
    files: dict[str, tuple[str, str]] = {}
    names = []
    for path in task.paths:
        if digests[path.name] not in seen_before:
            collector.add(path)
            names.append(path.name)
    why = ""
    try:
        collector.refuse_strays()
    except EnrollmentError:
        why = "these photos show different people; give photos of one person only"
    for name, report in zip(names, collector.reports, strict=True):
        files[name] = (digests[name], "" if report.taken else report.note)
    if not len(kept) + len(collector.vectors):
        why = "no photo can be used"
    return _PhotosResult(collector.vectors, files, why)


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:  # looking at it will say what is wrong
        return ""
