"""Enroll a folder of people into the gallery, and report on each photo.

Each subfolder is one person, and its name is the person's name. Worker processes look at the
photos; this process writes the people in batches, each person together with the result of each
photo. If it is interrupted, running it again does the rest and reports on everything.
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
from onlyme.errors import EnrollmentError, SettingsError, UsageError, show_argument
from onlyme.faceid import networks
from onlyme.faceid.people_folder import list_people
from onlyme.faceid.refused_photos import (
    REFUSED_PHOTOS,
    RefusedPerson,
    hash_photos,
    read_refused,
    write_refused,
)
from onlyme.faceid.workers import WorkerPool, count_cores
from onlyme.gallery.duplicates import DuplicatePair, find_duplicates
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.stores.protocol import IndexedStore
from onlyme.gate.audit import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike
    from pathlib import Path

    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.people_folder import PersonPhotos
    from onlyme.faceid.wiring import Parts
    from onlyme.gallery.gallery import Gallery
    from onlyme.settings import Settings

__all__ = ["BulkEnrollment", "BulkRefusal", "enroll_people"]

_BATCH_PEOPLE = 32
_BATCH_SECONDS = 2.0
"""A batch is written when it holds this many people, or after this time."""

Progress = Callable[[str, int, int], None]


class BulkRefusal(NamedTuple):
    """A photo or person that did not become part of the gallery.

    Attributes:
        name: the person.
        file: the photo in the person's folder; empty for the whole person.
        why: the reason, in words.
    """

    name: str
    file: str
    why: str


@dataclass(slots=True)
class BulkEnrollment:
    """The result of enrolling a folder of people.

    Attributes:
        enrolled: the number of people who are new in the gallery.
        changed: the number of people whose template was added to or replaced.
        unchanged: the number of people who were in the gallery already and stay as they are.
        photos: the number of photos used, of all people in the folder who are in the gallery now.
        one_network: the number of these people whom only the first of two networks decides, since
            they were enrolled without the second; learning them again (`replace_photos`) helps.
        refused: photos and people that were not used.
        twins: pairs of names that seem to be one person.
        looked_at: the number of photos that were looked at in this run.
        workers: the number of processes that looked at photos.
        seconds: the time it took.
    """

    enrolled: int = 0
    changed: int = 0
    unchanged: int = 0
    photos: int = 0
    one_network: int = 0
    refused: list[BulkRefusal] = field(default_factory=list)
    twins: list[DuplicatePair] = field(default_factory=list)
    looked_at: int = 0
    workers: int = 0
    seconds: float = 0.0


class _Task(NamedTuple):
    name: str
    root: Path
    paths: list[Path]
    add: bool
    known: GalleryPerson | None


class _PhotosResult(NamedTuple):
    person: GalleryPerson  # the photos used and the files looked at in this run
    why: str  # why the whole person is refused; empty if not
    key: str = ""  # hash of all photos, where the whole person is refused
    remembered: bool = False  # the photos were refused in an earlier run, and not looked at now


def enroll_people(
    parts: Parts,
    folder: str | PathLike[str],
    *,
    add: bool = False,
    replace_photos: bool = False,
    workers: int | None = None,
    look_for_duplicates: bool = True,
    flat: bool = False,
    subfolders: bool = False,
    progress: Progress | None = None,
) -> BulkEnrollment:
    """Enroll every person in a folder of folders into the gallery.

    People who are in the gallery already stay as they are, unless `add` or `replace_photos` is
    given; even then photos that were looked at before are not looked at again.

    Args:
        parts: the parts of the FaceID whose gallery it is; the gallery is made if there is none.
        folder: holds one folder for each person, with the person's name.
        add: add new photos to people who are in the gallery.
        replace_photos: learn people again whose photos have changed.
        workers: the number of processes that look at photos; by default one for each core.
        look_for_duplicates: compare all people with each other at the end.
        flat: the folder holds one photo for each person, named like the person.
        subfolders: photos in the folders inside a person's folder are the person's as well.
        progress: called with a word for the work, how much of it is done, and how much there is.

    Raises:
        UsageError: `add` and `replace_photos` contradict; the folder holds no folders.
        EnrollmentError: no person in it could be enrolled.
        VaultError: vault or gallery cannot be used.
    """
    if add and replace_photos:
        raise UsageError("give either add or replace, not both")
    if flat and subfolders:
        raise UsageError("give either flat or subfolders: each photo is a person, or each folder")
    if workers is not None and (type(workers) is not int or workers < 0):
        raise UsageError(f"workers is a number of processes, not {show_argument(workers)}")
    start, report = perf_counter(), progress or (lambda *_: None)
    result = BulkEnrollment(workers=workers or count_cores())
    folders, unusable = list_people(folder, flat=flat, subfolders=subfolders)
    result.refused += [BulkRefusal(*one) for one in unusable]
    gallery = parts.enrolled.ensure_gallery()
    owners = set(parts.admin.store.names())
    writer = _BatchWriter(gallery, result, owners, again=add or replace_photos, add=add)
    done_photos, all_photos = 0, sum(len(person.paths) for person in folders.values())
    remembered = read_refused(parts.admin.store.read(REFUSED_PHOTOS, ""))
    seen: dict[str, RefusedPerson] = {}
    load = partial(_start_worker, parts.settings, remembered)
    with WorkerPool(load, result.workers) as pool:
        for task, photos in pool.run(writer.list_tasks(folders)):
            done_photos += len(task.paths)
            if photos is not None and photos.key:
                notes = dict(photos.person.files.values())
                seen[photos.key] = RefusedPerson(photos.why, notes)
            person = _make_person(task, photos, writer)
            if person is not None:
                writer.add(person, new=task.known is None)
            report("photos", done_photos, all_photos)
        writer.write()
    report("photos", all_photos, all_photos)
    if seen:
        with parts.admin.store.edit() as edit:
            write_refused(edit, seen)
    if not result.enrolled + result.changed + result.unchanged:
        refusals = _format_refusals(result.refused)
        raise EnrollmentError(f"no person could be enrolled:\n{refusals}")
    _build_indexes(gallery)
    if look_for_duplicates:
        result.twins = list(find_duplicates(gallery, list(folders), report))
    with parts.admin.store.edit() as edit:
        detail = f"gallery: {result.enrolled} new, {result.changed} changed"
        parts.admin.gate.note(edit, Event.ENROLL, None, detail)
    result.refused.sort()
    result.seconds = perf_counter() - start
    return result


class _BatchWriter:
    """Lists the people whose photos must be looked at, and writes the results in batches.

    Args:
        gallery: where the people are written.
        result: counts what was done with each person.
        owners: names that are taken in the vault.
        again: whether people who are in the gallery are looked at again.
        add: whether their new photos are added, rather than put in place of the old.
    """

    def __init__(
        self, gallery: Gallery, result: BulkEnrollment, owners: set[str], *, again: bool, add: bool
    ) -> None:
        self.result = result
        self._gallery, self._owners = gallery, owners
        self._again, self._add = again, add
        self._batch: list[tuple[GalleryPerson, bool]] = []
        self._written_at = monotonic()

    def count(self, person: GalleryPerson) -> None:
        """Count the photos of a person who is in the gallery now."""
        result, rule = self.result, self._gallery.base.second
        result.photos += len(person.me)
        result.refused += _list_refused_photos(person.name, person.files)
        result.one_network += rule is not None and person.second_model != rule.model

    def list_tasks(self, folders: Mapping[str, PersonPhotos]) -> Iterator[_Task]:
        """Yield a task for each person to look at; the others are counted at once."""
        names = list(folders)
        for start in range(0, len(names), _BATCH_PEOPLE):
            batch = names[start : start + _BATCH_PEOPLE]
            known = self._gallery.get(batch)
            for name in batch:
                if name in self._owners:
                    self._refuse(name, "is an owner in the vault; forget the owner first")
                elif name in known and not self._again:
                    self.result.unchanged += 1
                    self.count(known[name])
                else:
                    yield _Task(name, *folders[name], self._add, known.get(name))

    def add(self, person: GalleryPerson, *, new: bool) -> None:
        """Add a person to the batch; write the batch if it is full or has waited long enough."""
        self._batch.append((person, new))
        if len(self._batch) >= _BATCH_PEOPLE or monotonic() - self._written_at > _BATCH_SECONDS:
            self.write()

    def write(self) -> None:
        """Write the batch: a run after an interruption does not look at these people again."""
        not_written = set(self._gallery.put([person for person, _ in self._batch]))
        for person, new in self._batch:
            if person.name in not_written:
                why = "another process changed this person at the same time; run this again"
                self._refuse(person.name, why)
                continue
            self.result.enrolled += new
            self.result.changed += not new
            self.count(person)
        self._batch.clear()
        self._written_at = monotonic()

    def _refuse(self, name: str, why: str) -> None:
        self.result.refused.append(BulkRefusal(name, "", why))


def _build_indexes(gallery: Gallery) -> None:
    """Build the index of a large gallery, if the library that does so is installed."""
    store = gallery.store
    if isinstance(store, IndexedStore) and len(gallery) >= store.index_from:
        with suppress(SettingsError):
            for generation in store.count().generations:
                store.build_index(generation)


def _make_person(
    task: _Task, photos: _PhotosResult | None, writer: _BatchWriter
) -> GalleryPerson | None:
    """Return the person to write; count people and photos that are not to be written."""
    result = writer.result
    if photos is None:
        why = "the process that looked at these photos crashed"
        result.refused.append(BulkRefusal(task.name, "", why))
        return None
    person, known = photos.person, task.known
    result.looked_at += 0 if photos.remembered else len(person.files)
    if photos.why:
        result.refused.append(BulkRefusal(task.name, "", photos.why))
        result.refused += _list_refused_photos(task.name, person.files)
        return None
    if known is not None and not person.files:
        result.unchanged += 1
        writer.count(known)
        return None
    if known is None:
        return person
    return known.add_photos(person) if task.add else replace(person, record=known.record)


def _list_refused_photos(name: str, files: Mapping[str, tuple[str, str]]) -> list[BulkRefusal]:
    return [BulkRefusal(name, file, why) for file, (_, why) in files.items() if why]


def _format_refusals(refused: list[BulkRefusal]) -> str:
    lines = [f"  {one.name}{'/' if one.file else ''}{one.file}: {one.why}" for one in refused]
    return "\n".join(lines[:20] + ["  …"] * (len(lines) > 20))


# ---------------------------------------------------------------------- in a worker process


def _start_worker(
    settings: Settings, remembered: dict[str, RefusedPerson]
) -> Callable[[_Task], _PhotosResult]:
    """Load the networks. Each worker uses one core: that is fastest for all of them together."""
    import cv2

    cv2.setNumThreads(1)
    return partial(_look_at_photos, networks.make_pipeline(settings), remembered)


def _look_at_photos(
    pipeline: Pipeline, remembered: Mapping[str, RefusedPerson], task: _Task
) -> _PhotosResult:
    """Look at a person's photos, except those that were looked at before."""
    known = task.known
    names = [path.relative_to(task.root).as_posix() for path in task.paths]
    digests = dict(zip(names, map(_hash_file, task.paths), strict=True))
    known_digests = {name: digest for name, (digest, _) in known.files.items()} if known else {}
    no_vectors = np.empty((0, pipeline.embedder.dimension), np.float32)
    second_model = pipeline.second().model if pipeline.second is not None else ""
    seen_by_all = known is not None and second_model in {"", known.second_model}
    if known and not task.add and known_digests == digests and seen_by_all:
        return _PhotosResult(GalleryPerson(task.name, no_vectors), "")
    key = "" if known else hash_photos(digests.values(), pipeline.fingerprint())
    if (refused := remembered.get(key)) and "" not in digests.values():
        notes = {name: (digest, refused.notes[digest]) for name, digest in digests.items()}
        person = GalleryPerson(task.name, no_vectors, files=notes)
        return _PhotosResult(person, refused.why, key, remembered=True)
    skipped_digests = set(known_digests.values()) if task.add else set()
    known_vectors = known.me if known and task.add else no_vectors
    collector = PhotoCollector(pipeline, judge_quality=True, known=known_vectors)
    files: dict[str, tuple[str, str]] = {}
    looked_at = []
    for name, path in zip(names, task.paths, strict=True):
        if digests[name] not in skipped_digests:
            collector.add(path)
            looked_at.append(name)
    why = ""
    try:
        collector.refuse_strays()
    except EnrollmentError:
        why = "these photos show different people; give photos of one person only"
    for name, report in zip(looked_at, collector.reports, strict=True):
        files[name] = (digests[name], "" if report.taken else report.note)
    if not len(known_vectors) + len(collector.vectors):
        why = "no photo can be used"
    # A file that could not be read may be readable the next time.
    is_final = why and not known and "" not in digests.values()
    second, _ = collector.second_vectors
    return _PhotosResult(
        GalleryPerson(
            *(task.name, collector.vectors, datetime.now(UTC), files),
            second=second,
            second_model=second_model,
        ),
        why,
        key if is_final else "",
    )


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:  # the collector reports what is wrong with the file
        return ""
