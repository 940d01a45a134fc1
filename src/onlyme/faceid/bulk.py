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

from onlyme.enrollment.photos import Collector
from onlyme.errors import EnrollmentError, ImageError, SettingsError, UsageError
from onlyme.faceid import wiring
from onlyme.faceid.workers import Crew, cores
from onlyme.gallery.duplicates import Twins, twins
from onlyme.gallery.gallery import Person
from onlyme.gallery.stores.protocol import IndexedStore
from onlyme.gate.audit import Event
from onlyme.image.sources import photos
from onlyme.types import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.face_id import FaceID
    from onlyme.gallery.gallery import Gallery
    from onlyme.settings import Settings

__all__ = ["MOST_PHOTOS", "Census", "Refused", "enrolled_folder"]

MOST_PHOTOS = 200
"""Of one person no more photos are looked at."""

_BATCH = 32
_SECONDS = 2.0
"""So many people, or what was done in so much time, are written as one."""

Progress = Callable[[str, int, int], None]


class Refused(NamedTuple):
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
class Census:
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
    refused: list[Refused] = field(default_factory=list)
    twins: list[Twins] = field(default_factory=list)
    looked_at: int = 0
    workers: int = 0
    seconds: float = 0.0


class _Task(NamedTuple):
    name: str
    paths: list[Path]
    add: bool
    known: Person | None


class _Done(NamedTuple):
    me: NDArray[np.float32]  # of the photos taken now
    files: dict[str, tuple[str, str]]  # as in Person, of the files looked at now
    why: str  # the whole person is refused


def enrolled_folder(
    face_id: FaceID,
    settings: Settings,
    folder: Path,
    *,
    add: bool = False,
    replaced: bool = False,
    workers: int | None = None,
    look_for_twins: bool = True,
    progress: Progress | None = None,
) -> Census:
    """Enroll everybody in a folder of folders into the gallery.

    People who are in the gallery already stay as they are, unless `add` or `replaced` is said;
    even then photos that were looked at before are not looked at again.

    Args:
        face_id: whose gallery; it is made where there is none.
        settings: what the worker processes see with.
        folder: one folder a person, named as the person is to be called.
        add: add new photos to people who are in the gallery.
        replaced: learn people anew whose photos are others now.
        workers: processes that look at photos; by default one a core.
        look_for_twins: compare everybody with everybody at the end.
        progress: told what is done, and how much of how much.

    Raises:
        UsageError: `add` and `replaced` contradict; the folder holds no folders.
        EnrollmentError: nobody in it could be enrolled.
        VaultError: vault or gallery cannot be used.
    """
    if add and replaced:
        raise UsageError("say add or replace, not both")
    start, told = perf_counter(), progress or (lambda *_: None)
    census = Census(workers=workers or cores())
    folders = _people_in(folder, census)
    gallery = face_id.everybody.made()
    desk = _Desk(gallery, census, set(face_id.store.names()), again=add or replaced, add=add)
    looked, everything = 0, sum(map(len, folders.values()))
    with Crew(partial(_beginning, settings), census.workers) as crew:
        for task, done in crew.do(desk.tasks(folders)):
            looked += len(task.paths)
            person = _person(task, done, census)
            if person is not None:
                desk.take(person, new=task.known is None)
            told("photos", looked, everything)
        desk.write()
    told("photos", everything, everything)
    if not census.enrolled + census.changed + census.unchanged:
        raise EnrollmentError("nobody could be enrolled:\n" + _first(census.refused))
    _index(gallery)
    if look_for_twins:
        census.twins = list(twins(gallery, list(folders), told))
    with face_id.store.edit() as edit:
        detail = f"gallery: {census.enrolled} new, {census.changed} changed"
        face_id.gate.note(edit, Event.ENROLL, None, detail)
    census.refused.sort()
    census.seconds = perf_counter() - start
    return census


class _Desk:
    """Says who is to be looked at, and writes those who were, a batch at a time.

    Args:
        gallery: where they go.
        census: where it is counted what became of each.
        owners: names that are taken in the vault.
        again: whether people who are in the gallery are looked at again.
        add: whether their new photos are added, rather than put in place of the old.
    """

    def __init__(
        self, gallery: Gallery, census: Census, owners: set[str], *, again: bool, add: bool
    ) -> None:
        self._gallery, self._census, self._owners = gallery, census, owners
        self._again, self._add = again, add
        self._batch: list[tuple[Person, bool]] = []
        self._written = monotonic()

    def tasks(self, folders: Mapping[str, list[Path]]) -> Iterator[_Task]:
        """Yield who is to be looked at; the others are counted at once."""
        names = list(folders)
        for at in range(0, len(names), _BATCH):
            known = self._gallery.get(names[at : at + _BATCH])
            for name in names[at : at + _BATCH]:
                if name in self._owners:
                    self._refuse(name, "is an owner in the vault; forget the owner first")
                elif name in known and not self._again:
                    self._census.unchanged += 1
                    _count(self._census, known[name])
                else:
                    yield _Task(name, folders[name], self._add, known.get(name))

    def take(self, person: Person, *, new: bool) -> None:
        """Take somebody who was looked at; write the batch if it is full, or waits for long."""
        self._batch.append((person, new))
        if len(self._batch) >= _BATCH or monotonic() - self._written > _SECONDS:
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
            _count(self._census, person)
        self._batch.clear()
        self._written = monotonic()

    def _refuse(self, name: str, why: str) -> None:
        self._census.refused.append(Refused(name, "", why))


def _index(gallery: Gallery) -> None:
    """Give a large gallery an index, where what builds it is installed."""
    store = gallery.store
    if isinstance(store, IndexedStore) and len(gallery) >= store.index_from:
        with suppress(SettingsError):
            for generation in store.count().generations:
                store.build_index(generation)


def _people_in(folder: Path, census: Census) -> dict[str, list[Path]]:
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
            name = check_name(entry.name)
            kept = list(photos(entry))
        except ImageError as error:
            why = error.cause
        except UsageError as error:
            name, why = ascii(entry.name), str(error)
        if name in found:
            why = "another folder has the same name, written in other signs"
        elif not why:
            found[name] = kept[:MOST_PHOTOS]
            if len(kept) > MOST_PHOTOS:
                why = f"only the first {MOST_PHOTOS} photos were looked at"
        if why:
            census.refused.append(Refused(name, "", why))
    if not found and not census.refused:
        raise UsageError(f"{folder} holds no folders of people: one folder a person is wanted")
    return found


def _person(task: _Task, done: _Done | None, census: Census) -> Person | None:
    """Return the person to be written; note what was refused for good."""
    if done is None:
        why = "looking at these photos ended the process that did"
        census.refused.append(Refused(task.name, "", why))
        return None
    census.looked_at += len(done.files)
    if done.why:
        census.refused.append(Refused(task.name, "", done.why))
        census.refused += [Refused(task.name, f, why) for f, (_, why) in done.files.items() if why]
        return None
    known = task.known
    if known is not None and not done.files:
        census.unchanged += 1
        _count(census, known)
        return None
    person = Person(task.name, done.me, datetime.now(UTC), done.files)
    if known is not None:
        person = replace(person, record=known.record)
        if task.add:
            me, files = np.concatenate([known.me, done.me]), known.files | done.files
            person = replace(person, me=me, files=files)
    return person


def _count(census: Census, person: Person) -> None:
    census.photos += len(person.me)
    census.refused += [Refused(person.name, f, why) for f, (_, why) in person.files.items() if why]


def _first(refused: list[Refused]) -> str:
    lines = [f"  {one.name}{'/' if one.file else ''}{one.file}: {one.why}" for one in refused]
    return "\n".join(lines[:20] + ["  …"] * (len(lines) > 20))


# ---------------------------------------------------------------------- in a worker


def _beginning(settings: Settings) -> Callable[[_Task], _Done]:
    """Load the networks; each worker keeps to one core, which together is fastest."""
    import cv2

    cv2.setNumThreads(1)
    return partial(_looked, wiring.pipeline(settings))


def _looked(pipeline: Pipeline, task: _Task) -> _Done:
    """Look at a person's photos, those excepted that were looked at before."""
    known = task.known
    digests = {path.name: _digest(path) for path in task.paths}
    before = {name: digest for name, (digest, _) in known.files.items()} if known else {}
    if known and not task.add and before == digests:
        return _Done(known.me[:0], {}, "")
    seen_before = set(before.values()) if task.add else set()
    none = np.empty((0, pipeline.embedder.dimension), np.float32)
    kept = known.me if known and task.add else none
    collector = Collector(pipeline, judge_quality=True, known=kept)
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
    return _Done(collector.vectors, files, why)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:  # looking at it will say what is wrong
        return ""
