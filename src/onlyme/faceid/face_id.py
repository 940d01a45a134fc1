"""Enroll, verify, identify and watch people: the class `FaceID`.

`onlyme.faceid.wiring` assembles its parts. Modules that only some methods need are imported in
these methods: listing people must not load the networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from onlyme.types import Decision, Enrollment, Lesson, LivenessLevel, checked_name

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.faceid.adaptation import Adaptation
    from onlyme.faceid.bulk import BulkEnrollment
    from onlyme.faceid.wiring import Parts
    from onlyme.gallery.certificate import GalleryCertificate
    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.gallery.presence import Presence
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.owner import Owner
    from onlyme.types import Face, Frame, PhotoReport, Tuning
    from onlyme.vault.admin import VaultAdmin

    Source = str | int | os.PathLike[str]

__all__ = ["ANY_OWNER", "FaceID"]

ANY_OWNER = ""
"""The gate counts attempts to be any enrolled person under this name, which no person can have."""


class FaceID:
    """Learns people from photos and tells them from all others.

    Use each FaceID in one thread only. Any number of processes may share a vault.

    >>> with FaceID.open("~/vault") as face_id:                     # doctest: +SKIP
    ...     face_id.enroll("ada", ["ada1.jpg", "ada2.jpg"])
    ...     face_id.verify("ada", "another-person.jpg").accepted
    False

    Args:
        parts: its parts; `FaceID.open` assembles them.

    Attributes:
        admin: manages the vault: log and attempts, keys, backups, revocation.
    """

    def __init__(self, parts: Parts) -> None:
        self.admin: VaultAdmin = parts.admin
        self._parts = parts
        self._base = parts.base
        self._enrolled = parts.enrolled
        self._store = parts.admin.store
        self._gate = parts.admin.gate

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
            lasting: it will look at many pictures; the extra `fast` then makes them faster.

        Raises:
            OnlymeError: settings, models or vault cannot be used.
        """
        from onlyme.faceid.wiring import assemble
        from onlyme.settings import Settings

        return cls(assemble(Settings.load(vault=path, embedder=embedder), lasting=lasting))

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that finds and embeds faces.

        Raises:
            ModelMissing, ModelRefused: a network cannot be used.
        """
        return self._parts.pipeline()

    def warm_up(self) -> None:
        """Load the networks now, so that the first picture takes no longer than later ones."""
        self.pipeline.warm_up()
        self._parts.judge()

    def can_judge_liveness(self) -> bool:
        """Return whether the network for liveness is there; without it no picture is live."""
        return self._parts.judge() is not None

    def close(self) -> None:
        """Close the vault and the gallery."""
        self._enrolled.close()
        self._store.close()

    def __enter__(self) -> Self:
        """Return this FaceID, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------ people

    def names(self) -> list[str]:
        """Return the names of the owners in the vault, in order; see also `gallery_people`."""
        return self._store.names()

    def owner(self, name: str) -> Owner:
        """Return what is known of an owner in the vault.

        Raises:
            UnknownOwner: no person of that name is in the vault.
            NeedsReenroll: another network made the template.
            VaultDamaged: it cannot be read.
        """
        return self._enrolled.owner(checked_name(name))

    def find_owner(self, name: str) -> Owner:
        """Return what is known of an owner, or of a person in the gallery as if an owner.

        Raises:
            UnknownOwner, NeedsReenroll, VaultDamaged: as for `owner`.
        """
        return self._enrolled.find_owner(checked_name(name))

    def gallery_people(self) -> list[GalleryPerson]:
        """Return the people in the gallery, by name."""
        return self._enrolled.people()

    def gallery_certificate(self) -> GalleryCertificate:
        """Return what the gallery promises; see `onlyme.gallery.certificate`."""
        return self._enrolled.certificate()

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
            name: the person's name; 1 to 64 printable characters.
            me: photos of the person; a folder stands for the pictures in it. One is
                enough, five are advised.
            not_me: photos of others, if there are any.
            look_alikes: photos of others who look like the person, such as siblings.
            add: add to what is enrolled under this name.
            replace: replace what is enrolled under this name.
            on_photo: called with the report on each photo as soon as it was looked at.

        Returns:
            A report on each photo, the alpha, and advice.

        Raises:
            OwnerExists: the name is taken, and neither `add` nor `replace` was given.
            EnrollmentError: no photo can be used, or they show different people.
            UsageError: this cannot be a name, or both `add` and `replace` were given.
        """
        from onlyme.faceid.learn import enroll_person

        photos = (me, not_me, look_alikes)
        return enroll_person(self._parts, name, photos, on_photo, add=add, replace=replace)

    def enroll_folder(self, folder: str | os.PathLike[str], **options: Any) -> BulkEnrollment:
        """Enroll every person in a folder of folders into the gallery.

        Options and errors are those of `onlyme.faceid.bulk.enroll_people`.
        """
        from pathlib import Path

        from onlyme.faceid.bulk import enroll_people

        return enroll_people(self._parts, Path(folder), **options)

    def not_me(self, name: str, image: Photo) -> Lesson:
        """Teach that a face, which was or might be accepted by mistake, is not this person.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            EnrollmentError: the photo shows no face that can be learned, or was taught before.
            ImageError: the picture cannot be used.
        """
        from onlyme.enrollment.not_me import add_lesson, collect_lesson
        from onlyme.faceid.learn import teach_person

        examples = self.owner(name).examples
        face = collect_lesson(self.pipeline, examples, image, measured=self._base.calibrated)
        return teach_person(self._parts, name, lambda old: add_lesson(old, face))

    def undo_not_me(self, name: str) -> Lesson:
        """Undo the last lesson of `not_me`.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            UsageError: there is no lesson to undo.
        """
        from onlyme.enrollment.not_me import remove_last_lesson
        from onlyme.faceid.learn import teach_person

        return teach_person(self._parts, name, remove_last_lesson)

    def tune(self, name: str, *, far: float | None = None, alpha: float | None = None) -> Tuning:
        """Set the alpha of a person, by false accept rate or as a margin.

        Args:
            name: the owner.
            far: accept a random stranger at most this often; above 0, below 1.
            alpha: the margin that a face must reach, −2 to 2.

        Raises:
            UsageError: not exactly one of the two was given, or it is out of range.
            NotCalibrated: for this network no alpha stands for a false accept rate.
            UnknownOwner: no person of that name is enrolled.
        """
        from onlyme.faceid.learn import tune_person

        return tune_person(self._parts, name, far=far, alpha=alpha)

    def forget(self, name: str) -> list[str]:
        """Erase everything that is stored of a person; return notes on what could not be erased.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        name = checked_name(name)
        in_gallery = self._store.version(name) is None and self._enrolled.forget([name])
        return [] if in_gallery else self.admin.forget(name)

    def make_adaptation(self) -> Adaptation:
        """Return what adapts templates to their owners; see `onlyme.faceid.adaptation`."""
        from onlyme.faceid.adaptation import Adaptation

        return Adaptation(self._base, self.admin)

    # --------------------------------------------------------------- decisions

    def margins(self, name: str, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return d(x, NOT_ME) − d(x, ME) of each row of float32[n, d]: float64[n].

        This is the rule alone, for evaluation: no quality, no liveness, no gate.
        """
        return self.find_owner(name).margins(embeddings)

    def verify(
        self,
        name: str,
        image: Photo | list[Any] | tuple[Picture, ...] | Iterator[Picture],
        liveness: LivenessLevel | str | None = None,
        *,
        gate: bool = False,
        source: str = "file",
    ) -> Decision:
        """Decide whether a picture, or one capture of several frames, shows this person.

        Args:
            name: the owner.
            image: a picture or embedding; or frames, listed or one by one, as one attempt.
            liveness: the level at which a photo in place of the person is looked for. Files
                and arrays open nothing, so the default is `off`, and the decision says so.
            gate: count this as an attempt, and refuse it if too many have failed.
            source: the name of the picture's source in the count and the log.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            ImageError: a picture cannot be used.
            UsageError: an embedding was made by another network; there is no such level.
        """
        from onlyme.faceid.decide import verify_picture
        from onlyme.verification.attempt import check_level

        level = check_level(liveness or LivenessLevel.OFF)
        owner = self.find_owner(name)

        def decide() -> Decision:
            return verify_picture(owner, image, self.pipeline, self._load_judge(level), level)

        return self._gate.decide(owner.name, source, decide) if gate else decide()

    def identify(
        self,
        image: Photo,
        *,
        liveness: LivenessLevel | str | None = None,
        gate: bool = False,
        source: str = "file",
    ) -> Decision:
        """Find out which of the enrolled people a picture shows, if any.

        Args:
            image: a picture or embedding.
            liveness: as for `verify`.
            gate: count this as an attempt to be any enrolled person.
            source: the name of the picture's source in the count and the log.

        Raises:
            ImageError: the picture cannot be used.
            UsageError: an embedding was made by another network; there is no such level.
            NotCalibrated: with this number of people no search keeps the rate asked for.
        """
        from onlyme.faceid.decide import identify_picture
        from onlyme.verification.attempt import check_level

        level = check_level(liveness or LivenessLevel.OFF)

        def decide() -> Decision:
            judge = self._load_judge(level)
            return identify_picture(self._enrolled, image, self.pipeline, judge, level)

        return self._gate.decide(ANY_OWNER, source, decide) if gate else decide()

    def identify_all(self, image: Picture) -> list[tuple[Face, Decision]]:
        """Return every face in a picture, the largest first, with a decision on who it is.

        Raises:
            ImageError, NotCalibrated: as for `identify`.
        """
        observations = self.pipeline.look_at_all(image)
        pairs = zip(observations, self._enrolled.identify(observations), strict=True)
        return [(one.face, decision) for one, decision in pairs if one.face]

    def watch(
        self,
        name: str,
        source_or_frames: Source | Iterable[Frame | Picture],
        *,
        liveness: LivenessLevel | str = LivenessLevel.PASSIVE,
        ask: Callable[[str, str], None] | None = None,
        gate: bool | None = None,
        source: str | None = None,
        frames_per_attempt: int | None = None,
        on_observation: Callable[[Observation], None] | None = None,
    ) -> Generator[Decision, None, None]:
        """Decide attempt after attempt on a camera, a video or frames, until it ends.

        Each attempt fuses several frames of at most three seconds into one decision.

        Args:
            name: the owner.
            source_or_frames: a camera's number or path, a video file, or frames in the order in
                which they were taken; see also `onlyme.verification.attempt.CaptureAbandoned`.
            liveness: the level at which a photo in place of the person is looked for.
            ask: called with an arrow and words when the person should do something; without
                it a `challenge` cannot be met.
            gate: count attempts, and refuse them if too many have failed; by default only those
                of a camera, since a video file or frames open nothing.
            source: the name of the source in the count and the log.
            frames_per_attempt: the number of different frames of a face that end an attempt.
            on_observation: called with what each frame showed, before the decision.

        Raises:
            UnknownOwner: no person of that name is enrolled, or not any more.
            CameraError: the camera cannot be used.
            UsageError: there is no such level of liveness.
        """
        from onlyme.faceid.decide import WatchPlan, watch_person

        plan = WatchPlan(liveness, ask, gate, source, frames_per_attempt, on_observation)
        session = plan.make_session(self._parts)
        find_owner, pipeline = (lambda: self.owner(name)), self._parts.pipeline
        yield from watch_person(find_owner, source_or_frames, session, plan, pipeline, self._gate)

    def watch_everybody(self, source: Source) -> Iterator[list[Presence]]:
        """Yield, for each frame, the people in view; see `onlyme.gallery.presence`."""
        from onlyme.faceid.decide import open_source
        from onlyme.gallery.presence import watch_presence

        with open_source(source) as (frames, _, _):
            yield from watch_presence(self.pipeline, self._enrolled.identify, frames)

    # ------------------------------------------------------------------ within

    def _load_judge(self, level: LivenessLevel) -> Judge | None:
        return None if level is LivenessLevel.OFF else self._parts.judge()


FaceID.__module__ = "onlyme"  # where users find it, and what a traceback shows
