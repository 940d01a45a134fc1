"""Enroll a folder of people into the gallery, and report on each photo.

Each subfolder is one person, and its name is the person's name. Worker processes look at the
photos, here or on other computers; this process puts the people together, seals them and writes
them in batches, each person together with the result of each photo. If it is interrupted, running
it again does the rest and reports on everything.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onlyme.errors import (
    EnrollmentError,
    SettingsError,
    UsageError,
    check_callback,
    show_argument,
)
from onlyme.faceid import networks
from onlyme.faceid.people_folder import list_people
from onlyme.faceid.photo_tasks import PhotoTask, collect_examined, hash_file, start_examiner
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

    from onlyme.faceid.people_folder import PersonPhotos
    from onlyme.faceid.photo_tasks import ExaminedPhoto, PhotoEngine
    from onlyme.faceid.wiring import Parts
    from onlyme.gallery.gallery import Gallery

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
        twins: pairs of names that seem to be one person, of the gallery or the vault.
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
    scheduler: str | None = None,
    certificates: Path | None = None,
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
        scheduler: the address of a Dask scheduler, `tls://host:port`, whose computers look at the
            photos in place of this one; see `onlyme.faceid.cluster`.
        certificates: for a scheduler, a folder with `ca.pem`, `caller.pem` and `caller.key`.
        progress: called with a word for the work, how much of it is done, and how much there is.

    Raises:
        UsageError: two options contradict; the folder holds no folders; the scheduler cannot be
            used.
        EnrollmentError: no person in it could be enrolled.
        VaultError: vault or gallery cannot be used.
    """
    if add and replace_photos:
        raise UsageError("give either add or replace, not both")
    if flat and subfolders:
        raise UsageError("give either flat or subfolders: each photo is a person, or each folder")
    if scheduler is not None and workers is not None:
        raise UsageError("give either workers, for this computer, or a scheduler of several")
    check_callback("progress", progress)
    if workers is not None and (type(workers) is not int or workers < 0):
        raise UsageError(f"workers is a number of processes, not {show_argument(workers)}")
    start, report = perf_counter(), progress or (lambda *_: None)
    folders, unusable = list_people(folder, flat=flat, subfolders=subfolders)
    result = BulkEnrollment(refused=[BulkRefusal(*one) for one in unusable])
    all_photos = sum(len(person.paths) for person in folders.values())
    with _start_engine(parts, scheduler, certificates, workers) as engine:
        result.workers = engine.workers
        gallery = parts.enrolled.ensure_gallery()
        writer = _PeopleWriter(parts, gallery, result, again=add or replace_photos, add=add)
        for task, photo in engine.run(writer.list_tasks(folders)):
            writer.add_photo(task, photo)
            report("photos", writer.done_photos, all_photos)
        writer.write()
    report("photos", all_photos, all_photos)
    if writer.seen:
        with parts.admin.store.edit() as edit:
            write_refused(edit, writer.seen)
    if not result.enrolled + result.changed + result.unchanged:
        refusals = _format_refusals(result.refused)
        raise EnrollmentError(f"no person could be enrolled:\n{refusals}")
    _build_indexes(gallery)
    if look_for_duplicates:
        owners = parts.enrolled.load_owners()
        result.twins = list(find_duplicates(gallery, list(folders), report, owners=owners))
    with parts.admin.store.edit() as edit:
        detail = f"gallery: {result.enrolled} new, {result.changed} changed"
        parts.admin.gate.note(edit, Event.ENROLL, None, detail)
    result.refused.sort()
    result.seconds = perf_counter() - start
    return result


def _start_engine(
    parts: Parts, scheduler: str | None, certificates: Path | None, workers: int | None
) -> PhotoEngine:
    if scheduler is None:
        return WorkerPool(partial(start_examiner, parts.settings), workers or count_cores())
    from onlyme.faceid.cluster.engine import ClusterEngine

    return ClusterEngine(scheduler, certificates, parts.settings)


@dataclass(slots=True)
class _OpenPerson:
    """A person whose photos are being examined.

    Attributes:
        known: the person in the gallery; None for a new one.
        key: the hash of all photos of a new person.
        digests: of the photos to examine, in their order.
        photos: what those that were examined show; None where the process crashed.
    """

    known: GalleryPerson | None
    key: str
    digests: dict[str, str]
    photos: dict[str, ExaminedPhoto | None] = field(default_factory=dict)


class _PeopleWriter:
    """Lists the photos to look at, puts people together, and writes them in batches.

    Args:
        parts: the parts of the FaceID.
        gallery: where the people are written.
        result: counts what was done with each person.
        again: whether people who are in the gallery are looked at again.
        add: whether their new photos are added, rather than put in place of the old.

    Attributes:
        done_photos: how many photos were examined, or need not be.
        seen: people who were refused, to be remembered by the hash of their photos.
    """

    def __init__(
        self, parts: Parts, gallery: Gallery, result: BulkEnrollment, *, again: bool, add: bool
    ) -> None:
        self.result, self.done_photos = result, 0
        self.seen: dict[str, RefusedPerson] = {}
        self._gallery, self._again, self._add = gallery, again, add
        self._owners = set(parts.admin.store.names())
        self._remembered = read_refused(parts.admin.store.read(REFUSED_PHOTOS, ""))
        self._fingerprint = networks.make_pipeline(parts.settings).fingerprint()
        self._no_vectors = np.empty((0, gallery.base.dimension), np.float32)
        second = gallery.base.second
        self._second_model = second.model if second is not None else ""
        self._open: dict[str, _OpenPerson] = {}
        self._batch: list[tuple[GalleryPerson, bool]] = []
        self._written_at = monotonic()

    def list_tasks(self, folders: Mapping[str, PersonPhotos]) -> Iterator[PhotoTask]:
        """Yield a task for each photo to examine; people without any are counted at once."""
        names = list(folders)
        for start in range(0, len(names), _BATCH_PEOPLE):
            batch = names[start : start + _BATCH_PEOPLE]
            known = self._gallery.get(batch)
            for name in batch:
                root, paths = folders[name]
                files = {path.relative_to(root).as_posix(): path for path in paths}
                wanted = self._open_person(name, files, known.get(name))
                self.done_photos += len(files) - len(wanted)
                for file in wanted:
                    yield PhotoTask(name, file, files[file])

    def _open_person(
        self, name: str, files: Mapping[str, Path], known: GalleryPerson | None
    ) -> list[str]:
        """Return which photos of a person are to be examined; count a person without any."""
        if name in self._owners:
            self._refuse(name, "is an owner in the vault; forget the owner first")
            return []
        if known is not None and not self._again:
            self._leave(known)
            return []
        digests = {file: hash_file(path) for file, path in files.items()}
        key = ""
        if known is not None:
            old = {file: digest for file, (digest, _) in known.files.items()}
            seen_by_all = self._second_model in {"", known.second_model}
            if not self._add and old == digests and seen_by_all:
                self._leave(known)
                return []
            if self._add:
                skipped = set(old.values()) - {""}  # those that could not be read are tried again
                digests = {file: one for file, one in digests.items() if one not in skipped}
            if not digests:
                self._leave(known)
                return []
        else:
            key = hash_photos(digests.values(), self._fingerprint)
            if (refused := self._remembered.get(key)) and "" not in digests.values():
                self.seen[key] = refused
                self._refuse(name, refused.why)
                self._note(name, {file: refused.notes[one] for file, one in digests.items()})
                return []
        self._open[name] = _OpenPerson(known, key, digests)
        return list(digests)

    def add_photo(self, task: PhotoTask, photo: ExaminedPhoto | None) -> None:
        """Take what a photo shows; after the last one of a person, put the person together."""
        self.done_photos += 1
        person = self._open[task.name]
        person.photos[task.file] = photo
        if len(person.photos) == len(person.digests):
            self._finish(task.name, self._open.pop(task.name))

    def _finish(self, name: str, person: _OpenPerson) -> None:
        """Add a person to the batch, or refuse the person; write the batch if it is time."""
        known, digests = person.known, person.digests
        self.result.looked_at += len(digests)
        known_vectors = known.me if known and self._add else self._no_vectors
        photos = {file: person.photos[file] for file in digests}
        found = collect_examined(photos, known_vectors)
        # A photo that crashed its process is looked at the next time.
        digests = {file: one if photos[file] is not None else "" for file, one in digests.items()}
        files = {file: (one, found.notes[file]) for file, one in digests.items()}
        if found.why:
            self._refuse(name, found.why)
            self._note(name, found.notes)
            # A file that could not be read may be readable the next time.
            if not known and "" not in digests.values():
                self.seen[person.key] = RefusedPerson(found.why, dict(files.values()))
            return
        if known and self._add and not len(found.vectors) and files.items() <= known.files.items():
            self._leave(known)
            return
        made = GalleryPerson(
            *(name, found.vectors, datetime.now(UTC), files),
            second=found.second,
            second_model=self._second_model,
        )
        if known is not None:
            made = known.add_photos(made) if self._add else replace(made, record=known.record)
        self._batch.append((made, known is None))
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
            self._count(person)
        self._batch.clear()
        self._written_at = monotonic()

    def _leave(self, person: GalleryPerson) -> None:
        """Count a person who stays as before."""
        self.result.unchanged += 1
        self._count(person)

    def _count(self, person: GalleryPerson) -> None:
        """Count the photos of a person who is in the gallery now."""
        result, rule = self.result, self._gallery.base.second
        result.photos += len(person.me)
        self._note(person.name, {file: why for file, (_, why) in person.files.items()})
        result.one_network += rule is not None and person.second_model != rule.model

    def _refuse(self, name: str, why: str) -> None:
        self.result.refused.append(BulkRefusal(name, "", why))

    def _note(self, name: str, notes: Mapping[str, str]) -> None:
        """Report the photos that were not taken."""
        self.result.refused += [BulkRefusal(name, file, why) for file, why in notes.items() if why]


def _build_indexes(gallery: Gallery) -> None:
    """Build the index of a large gallery, if the library that does so is installed."""
    store = gallery.store
    if isinstance(store, IndexedStore) and len(gallery) >= store.index_from:
        with suppress(SettingsError):
            for generation in store.count().generations:
                store.build_index(generation)


def _format_refusals(refused: list[BulkRefusal]) -> str:
    lines = [f"  {one.name}{'/' if one.file else ''}{one.file}: {one.why}" for one in refused]
    return "\n".join(lines[:20] + ["  …"] * (len(lines) > 20))
