"""Face ID, the whole way on one page: enroll, verify, identify, watch.

Everything here is put together from ready-made parts; `onlyme.faceid.wiring` makes them.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from onlyme.enrollment.advice import advise_owner
from onlyme.enrollment.not_me import add_lesson, collect_lesson, remove_last_lesson
from onlyme.enrollment.photos import collect_photos
from onlyme.errors import (
    UsageError,
    refuse_taken,
    refuse_twice,
    unknown_owner,
)
from onlyme.gallery.presence import watch_presence
from onlyme.gate.audit import Event
from onlyme.image.sources import CameraCapture
from onlyme.siamese.owner import Examples, Owner, make_lesson
from onlyme.types import Decision, Enrollment, Lesson, LivenessLevel, checked_name
from onlyme.vault.admin import QUARANTINE
from onlyme.verification.attempt import check_level, decide_capture, decide_photo, reject_unseen
from onlyme.verification.challenge import decide_stream

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.enrolled import Enrolled
    from onlyme.gallery.presence import Presence
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.head import Base
    from onlyme.types import Face, PhotoReport, Tuning
    from onlyme.vault.admin import VaultAdmin
    from onlyme.vault.store import VaultTransaction

__all__ = ["FaceID"]


class FaceID:
    """Learns people from photos and tells them from everybody else.

    Use it in one thread. Any number of processes may share a vault.

    >>> with FaceID.open("~/vault") as face_id:                     # doctest: +SKIP
    ...     face_id.enroll("ada", ["ada1.jpg", "ada2.jpg"])
    ...     face_id.verify("ada", "somebody.jpg").accepted
    False

    Args:
        pipeline: makes what sees faces; called when the first picture comes, since the
            networks take a while to load and nothing else needs them.
        base: the network's head, cohort and calibration.
        admin: the vault, and the gate in front of it.
        enrolled: the gallery beside the vault.
        far: the false accept rate that a new owner's alpha stands for.
        judge: looks for photos and screens; made when first asked for. None denies.
    """

    def __init__(
        self,
        pipeline: Callable[[], Pipeline],
        base: Base,
        admin: VaultAdmin,
        enrolled: Enrolled,
        far: float,
        judge: Callable[[], Judge | None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self.base = base
        self.keeping = admin
        self.everybody = enrolled
        self.store = admin.store
        self.gate = admin.gate
        self._far = far
        self._judge = judge

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        embedder: str | None = None,
        lasting: bool = False,
    ) -> Self:
        """Open the vault in a folder, by default the user's own, with the settings in force.

        Args:
            path: the vault's folder.
            embedder: a network of the user's own, by its name in the manifest.
            lasting: it will look at many pictures; with the extra `fast` they then run faster.

        Raises:
            OnlymeError: settings, models or vault cannot be used.
        """
        # The front door knows the house; nothing else in here does (docs/decisions/0001).
        from onlyme.faceid import wiring
        from onlyme.settings import Settings

        return wiring.make_face_id(
            Settings.load(vault=path, embedder=embedder), cls, lasting=lasting
        )

    @property
    def pipeline(self) -> Pipeline:
        """What sees faces.

        Raises:
            ModelMissing, ModelRefused: a network cannot be used.
        """
        return self._pipeline()

    def close(self) -> None:
        """Let go of the vault and forget what was read from it."""
        self.everybody.close()
        self.store.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------ people

    def names(self) -> list[str]:
        """Return the owners in the vault, in order; `everybody.names()` are the gallery's."""
        return self.store.names()

    def owner(self, name: str) -> Owner:
        """Return what is known of an owner in the vault.

        Raises:
            UnknownOwner: nobody of that name is in the vault.
            NeedsReenroll: another network made the template.
            VaultDamaged: it cannot be read.
        """
        return self.everybody.owner(checked_name(name))

    def enroll(
        self,
        name: str,
        me: Photo | Iterable[Photo],
        not_me: Photo | Iterable[Photo] = (),
        *,
        look_alikes: Photo | Iterable[Photo] = (),
        add: bool = False,
        replace: bool = False,
        on_photo: Callable[[PhotoReport], None] | None = None,
    ) -> Enrollment:
        """Learn a person from photos.

        Args:
            name: what to call the person; 1 to 64 printable characters.
            me: photos of the person; a folder stands for the pictures in it. One is
                enough, five are advised.
            not_me: photos of others, if there are any.
            look_alikes: photos of others who look like the person, such as siblings.
            add: add to what is enrolled under this name.
            replace: forget what is enrolled under this name.
            on_photo: called with the report on each photo as soon as it was looked at.

        Returns:
            What became of each photo, and of the whole.

        Raises:
            OwnerExists: the name is taken, and neither `add` nor `replace` was said.
            EnrollmentError: no photo can be used, or they show different people.
            UsageError: the name cannot be one, or `add` and `replace` contradict.
        """
        start = perf_counter()
        name = checked_name(name)
        if add and replace:
            raise UsageError("say add or replace, not both")
        taken = name in self.store.names()
        refuse_taken(name, taken=taken and not (add or replace))
        refuse_twice(name, in_gallery=self.everybody.get(name) is not None)
        none = Examples.make_empty(self.base.dimension)
        known = self.owner(name).examples if taken and add else none
        seen = collect_photos(
            self.pipeline, known, me, not_me, look_alikes, on_photo, measured=self.base.calibrated
        )

        with self.store.edit() as edit:
            # Looking took seconds. Whatever another process enrolled meanwhile is kept.
            # What is replaced is not read: it may be another network's, or damaged.
            earlier = None if replace else self._read_owner(edit, name)
            refuse_taken(name, taken=earlier is not None and not add)
            if earlier is not None:
                owner = earlier.relearn(self.base, earlier.examples + seen.examples)
            else:
                owner = Owner.learn(self.base, name, seen.examples, far=self._far)
                edit.remove(QUARANTINE, name)  # it waits to teach whoever had the name
            edit.put(owner.to_template())
            self.gate.note(edit, Event.ENROLL, name, f"{len(owner.examples.me)} photos")

        return Enrollment(
            name=name,
            me=seen.me,
            not_me=seen.others,
            alpha=owner.alpha,
            far=owner.far,
            notes=owner.learned.report.notes,
            advice=advise_owner(self.base, owner, seen.me, added=earlier is not None),
            created=owner.created,
            seconds=perf_counter() - start,
        )

    def not_me(self, name: str, image: Photo) -> Lesson:
        """Teach that a face, accepted by mistake or feared to be, is not this person.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            EnrollmentError: the photo shows no face that can be learned, or one taught before.
            ImageError: the picture cannot be used.
        """
        examples = self.owner(name).examples
        face = collect_lesson(self.pipeline, examples, image, measured=self.base.calibrated)
        return self._change(name, lambda old: add_lesson(old, face))

    def undo_not_me(self, name: str) -> Lesson:
        """Take the last lesson of `not_me` back.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            UsageError: there is none to take back.
        """
        return self._change(name, remove_last_lesson)

    def tune(self, name: str, *, far: float | None = None, alpha: float | None = None) -> Tuning:
        """Set how sure a person must be recognised, by false accept rate or by margin.

        Args:
            name: the owner.
            far: accept a random stranger at most this often; above 0, below 1.
            alpha: the margin that a face must reach, −2 to 2.

        Raises:
            UsageError: not exactly one of them was said, or it is out of range.
            NotCalibrated: no alpha of this network stands for a false accept rate.
            UnknownOwner: nobody of that name is enrolled.
        """
        with self.store.edit() as edit:
            before = self._require_owner(edit, name)
            after = before.tune(far=far, alpha=alpha)
            edit.put(after.to_template())
            self.gate.note(edit, Event.TUNE, name, f"alpha {after.alpha:.3f}")
        return after.tuning(before.alpha)

    def forget(self, name: str) -> None:
        """Erase everything that is kept of a person.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        name = checked_name(name)
        if self.store.version(name) is not None or not self.everybody.forget([name]):
            self.keeping.forget(name)

    # --------------------------------------------------------------- decisions

    def margins(self, name: str, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return d(x, NOT_ME) − d(x, ME) of each row of float32[n, d]: float64[n].

        The rule alone, for evaluation: no quality, no liveness, no gate.
        """
        return self.everybody.find_owner(checked_name(name)).margins(embeddings)

    def verify(
        self,
        name: str,
        image: Photo | list[Any] | tuple[Picture, ...],
        liveness: LivenessLevel | str | None = None,
        *,
        gate: bool = False,
        source: str = "file",
    ) -> Decision:
        """Decide whether a picture, or one capture of several frames, shows this person.

        Args:
            name: the owner.
            image: a picture or embedding; or frames in a list, which make one attempt.
            liveness: how hard to look for a photo in place of the person. Files and arrays
                open nothing, so the default is `off`, and the decision says so.
            gate: count this as an attempt, and refuse it where too many failed.
            source: what the count and the log call where the picture comes from.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            ImageError: a picture cannot be used.
            UsageError: an embedding was made by another network; there is no such level.
        """
        level = check_level(liveness or LivenessLevel.OFF)
        owner = self.everybody.find_owner(checked_name(name))
        if gate:
            return self.gate.decide(owner.name, source, lambda: self.verify(name, image, level))
        judge = self._load_judge(level)
        if isinstance(image, (list, tuple)):
            return decide_capture(owner, (self.pipeline.look(one) for one in image), judge, level)
        return decide_photo(owner, self.pipeline.look(image), judge, level)

    def identify(self, image: Photo) -> Decision:
        """Find out which of the enrolled people a picture shows, if any; see `identification`.

        Raises:
            ImageError: the picture cannot be used.
            UsageError: an embedding was made by another network.
            NotCalibrated: so many people cannot be searched at the rate asked for.
        """
        sight = self.pipeline.look(image)
        return (
            reject_unseen(sight) if sight.embedding is None else self.everybody.identify([sight])[0]
        )

    def identify_all(self, image: Picture) -> list[tuple[Face, Decision]]:
        """Find out who is in a picture: every face in it, the largest first, and who it is.

        Raises:
            ImageError, NotCalibrated: as for `identify`.
        """
        sights = self.pipeline.look_at_all(image)
        decisions = self.everybody.identify(sights)
        return [(s.face, d) for s, d in zip(sights, decisions, strict=True) if s.face is not None]

    def watch(
        self,
        name: str,
        source: str | int | os.PathLike[str],
        liveness: LivenessLevel | str = LivenessLevel.PASSIVE,
        ask: Callable[[str, str], None] | None = None,
        *,
        gate: bool | None = None,
    ) -> Iterator[Decision]:
        """Decide attempt after attempt on a camera or video, until it ends.

        Each attempt fuses several frames of at most three seconds into one decision.

        Args:
            name: the owner.
            source: a camera's number or path, or a video file.
            liveness: how hard to look for a photo in place of the person.
            ask: called with an arrow and words when the person should do something; without
                it nobody can meet a `challenge`.
            gate: count attempts, and refuse them where too many failed; by default all but
                those on a video file, which opens nothing.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            CameraError: the camera cannot be used.
            UsageError: there is no such level of liveness.
        """
        level = check_level(liveness)
        owner, judge = self.owner(name), self._load_judge(level)
        with CameraCapture(source) as frames:
            sights = map(self.pipeline.follow().look, frames)
            decisions = decide_stream(owner, sights, judge, level, ask)
            if gate is False or (gate is None and not frames.is_camera):
                yield from decisions
            else:
                yield from self.gate.attempt_each(owner.name, f"camera {source}", decisions)

    def watch_everybody(self, source: str | int | os.PathLike[str]) -> Iterator[list[Presence]]:
        """Say of each frame of a camera or video who is in view; see `onlyme.gallery.presence`."""
        with CameraCapture(source) as frames:
            yield from watch_presence(self.pipeline, self.everybody, frames)

    # ------------------------------------------------------------------ within

    def _load_judge(self, level: LivenessLevel) -> Judge | None:
        return self._judge() if self._judge and level is not LivenessLevel.OFF else None

    def _read_owner(self, edit: VaultTransaction, name: str) -> Owner | None:
        template = edit.get(name)
        return None if template is None else Owner.from_template(self.base, template)

    def _require_owner(self, edit: VaultTransaction, name: str) -> Owner:
        owner = self._read_owner(edit, checked_name(name))
        if owner is None:
            raise unknown_owner(name, self.store.names())
        return owner

    def _change(
        self, name: str, change: Callable[[Examples], tuple[Examples, NDArray[np.float32]]]
    ) -> Lesson:
        """Learn an owner anew from changed examples, and tell what that did to a face."""
        with self.store.edit() as edit:
            before = self._require_owner(edit, name)
            examples, about = change(before.examples)
            after = before.relearn(self.base, examples)
            edit.put(after.to_template())
            self.gate.note(edit, Event.TEACH, before.name)
        return make_lesson(before, after, about)
