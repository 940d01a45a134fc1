"""Enroll, verify, identify and watch people: the class `FaceID`.

`onlyme.faceid.wiring` assembles its parts. Modules that only some methods need are imported in
these methods: listing people must not load the networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self

from onlyme.errors import UsageError, check_callback
from onlyme.faceid.search import ANY_OWNER, PeopleSearch
from onlyme.types import AttentionLevel, LivenessLevel

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.events.store import DoorEvent, EventStore
    from onlyme.face.pipeline import Observation
    from onlyme.faceid.batch import Batch, BatchRow
    from onlyme.faceid.comparison import FaceComparison
    from onlyme.image.feeds import CameraStatus
    from onlyme.liveness.gestures import Gesture
    from onlyme.types import Decision, Frame
    from onlyme.verification.visits import Presence

    Source = str | int | os.PathLike[str]
    Photos = Photo | Iterable[Photo]

__all__ = ["ANY_OWNER", "FaceID"]


class FaceID(PeopleSearch):
    """Learns people from photos and tells them from all others.

    Several threads may use one FaceID, and any number of processes may share a vault. In asyncio
    call it in a thread: `await asyncio.to_thread(face_id.verify, "ada", picture)`.

    >>> with FaceID.open("~/vault") as face_id:                     # doctest: +SKIP
    ...     face_id.enroll("ada", ["ada1.jpg", "ada2.jpg"])
    ...     face_id.verify("ada", "another-person.jpg").accepted
    False

    Args:
        parts: its parts; `FaceID.open` assembles them.

    Attributes:
        admin: manages the vault: log and attempts, keys, backups, revocation.
    """

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

    def warm_up(self, attention: AttentionLevel | str = AttentionLevel.OFF) -> None:
        """Load the networks now, also for attention, so that the first picture takes no longer."""
        from onlyme.verification.levels import check_attention

        level = check_attention(attention)
        self.pipeline.warm_up()
        self._parts.judge()
        if level is not AttentionLevel.OFF:
            self._parts.mesh()

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

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or sent to another process: a vault is open in one place.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "a FaceID cannot be copied or sent to another process; call FaceID.open there, or use "
            "threads, or verify_all and identify_all, which look at several pictures at once"
        )

    # --------------------------------------------------------------- decisions

    def margins(self, name: str, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return d(x, NOT_ME) − d(x, ME) of each row of float32[n, d]: float64[n].

        This is the rule alone, for evaluation: no quality, no liveness, no gate.
        """
        return self.find_owner(name).margins(embeddings)

    def verify(
        self,
        name: str,
        image: Photo | None = None,
        liveness: LivenessLevel | str | None = None,
        *,
        frames: Iterable[Picture] | None = None,
        color: str = "rgb",
        gate: bool = False,
        source: str = "file",
        on_observation: Callable[[Observation], None] | None = None,
    ) -> Decision:
        """Decide whether a picture, or one capture of several frames, shows this person.

        Args:
            name: the owner.
            image: a picture or embedding.
            liveness: the level at which a photo in place of the person is looked for. Files
                and arrays open nothing, so the default is `off`, and the decision says so.
            frames: in place of a picture, the frames of one capture in their order: one attempt.
                They must show one face.
            color: the order of an array's colours: `rgb`, or `bgr` as OpenCV reads them.
            gate: count this as an attempt, and refuse it if too many have failed.
            source: the name of the picture's source in the count and the log.
            on_observation: called with what the picture, or each frame, showed; not where the
                gate refuses before it is looked at.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            ImageError: a picture cannot be used.
            UsageError: several pictures were given as one, or the frames show different faces;
                an embedding was made by another network; there is no such level.
        """
        from onlyme.faceid.decide import verify_capture, verify_picture
        from onlyme.faceid.pictures import choose_one
        from onlyme.verification.levels import check_level

        check_callback("on_observation", on_observation)
        level = check_level(LivenessLevel.OFF if liveness is None else liveness)
        picture, capture = choose_one(image, frames, color)
        owner = self.find_owner(name)

        def decide() -> Decision:
            judge = self._load_judge(level)
            if capture is None:
                return verify_picture(owner, picture, self.pipeline, judge, level, on_observation)
            return verify_capture(owner, capture, self.pipeline, judge, level, on_observation)

        return self._gate.decide(owner.name, source, decide) if gate else decide()

    def verify_all(
        self,
        name: str,
        images: Photos,
        liveness: LivenessLevel | str | None = None,
        *,
        color: str = "rgb",
        on_row: Callable[[BatchRow], None] | None = None,
    ) -> Batch:
        """Decide for each of many pictures whether it shows this person.

        Args:
            name: the owner.
            images: pictures, folders of pictures, or a generator of them.
            liveness: as for `verify`.
            color: as for `verify`.
            on_row: called with each row as soon as it is there, as for a progress bar.

        Returns:
            One row for each picture, in their order, as they are asked for; see `Batch`.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            UsageError: there is no such level or order of colours.
        """
        from onlyme.faceid.batch import Batch
        from onlyme.faceid.decide import verify_picture
        from onlyme.verification.levels import check_level

        level = check_level(LivenessLevel.OFF if liveness is None else liveness)
        owner, judge = self.find_owner(name), self._load_judge(level)

        def decide(picture: Photo) -> Decision:
            return verify_picture(owner, picture, self.pipeline, judge, level)

        return Batch(images, decide, color, on_row)

    def compare(self, first: Photo, second: Photo) -> FaceComparison:
        """Compare the faces of two pictures, as `onlyme.compare` does, with this vault's networks.

        Raises:
            ImageError: a picture cannot be used, or shows no face or several.
        """
        from onlyme.faceid.comparison import compare_embeddings
        from onlyme.faceid.functions import embed_one

        a, b = (embed_one(self.pipeline, picture) for picture in (first, second))
        return compare_embeddings(self._base, a, b, self._parts.settings.far)

    def watch(
        self,
        name: str,
        source_or_frames: Source | Iterable[Frame | Picture],
        *,
        liveness: LivenessLevel | str = LivenessLevel.PASSIVE,
        attention: AttentionLevel | str | None = None,
        ask: Callable[[str, str], None] | None = None,
        gate: bool | None = None,
        source: str | None = None,
        frames_per_attempt: int | None = None,
        on_observation: Callable[[Observation], None] | None = None,
        gesture: Gesture | str | None = None,
    ) -> Generator[Decision, None, None]:
        """Decide attempt after attempt on a camera, a video or frames, until it ends.

        Each attempt fuses several frames of at most three seconds into one decision.

        Args:
            name: the owner.
            source_or_frames: a camera's number or path, a video file, or frames in the order in
                which they were taken; see also `onlyme.verification.attempt.CaptureAbandoned`.
            liveness: the level at which a photo in place of the person is looked for.
            attention: `eyes` refuses closed eyes and a face turned away, `gaze` also eyes that
                look elsewhere; by default the setting `attention`, or else `off`.
            ask: called with an arrow and words when the person should do something; without
                it a `challenge` cannot be met.
            gate: count attempts, and refuse them if too many have failed; by default only those
                of a camera, since a video file or frames open nothing.
            source: the name of the source in the count and the log.
            frames_per_attempt: the number of different frames of a face that end an attempt.
            on_observation: called with what each frame showed, before the decision.
            gesture: what the person must do in each attempt, to show that they mean it; `ask` is
                called with it when the attempt begins, which then takes at most five seconds.

        Raises:
            UnknownOwner: no person of that name is enrolled, or not any more.
            CameraError, UsageError: the camera, or a combination of these options, cannot be used.
        """
        from onlyme.faceid.decide import WatchPlan, watch_person

        plan = WatchPlan(
            liveness, attention, ask, gate, source, frames_per_attempt, on_observation, gesture
        )
        yield from watch_person(lambda: self.find_owner(name), source_or_frames, plan, self._parts)

    def watch_everybody(
        self,
        source: Source | Sequence[Source] | Iterable[Frame | Picture],
        *,
        liveness: LivenessLevel | str | Sequence[LivenessLevel | str] = LivenessLevel.PASSIVE,
        opens: bool = False,
        source_name: str | None = None,
        on_status: Callable[[CameraStatus], None] | None = None,
        on_event: Callable[[DoorEvent], object] | None = None,
        on_people: Callable[[list[Presence]], object] | None = None,
    ) -> Generator[list[Presence], None, None]:
        """Yield, for each frame, the people in view and those who have just left.

        Each visit is decided as a whole: a stranger is taken for an enrolled person at most at the
        rate `fpir`, however long they stay; see `onlyme.verification.visits`.

        Args:
            source: a camera, a video file, or frames, as for `watch`; or several cameras and
                videos. A camera may also be an address on a network: `rtsp://…`, or `http://…` for
                MJPEG; see `onlyme.image.network`.
            liveness: the level at which a photo in place of a person is looked for, for all
                cameras or for each; with `off` a photo is named, too.
            opens: whether something opens for a known person. Then each visit is an attempt that
                the gate counts, with a count of its own for each camera, and refuses after too
                many strangers. Without it nothing is counted, and no stranger can lock it.
            source_name: the name of the camera in the count and the log, for one camera or frames.
            on_status: called when a camera begins or ceases to give frames. One of several cameras,
                and a network camera, is opened again by itself.
            on_event: called with each event before the people are given, such as
                `open_events().add`, which stores it.
            on_people: called with the people of each frame before they are given, and with those
                who are still in view when watching ends, also by Ctrl-C, where no frame gives them.

        Raises:
            CameraError, UsageError: the camera, or a combination of these options, cannot be used.
            NotCalibrated: with this number of people no search keeps the rate asked for.
        """
        from onlyme.faceid.visits import VisitPlan, watch_people

        plan = VisitPlan(liveness, opens, source_name, on_status, on_event, on_people)
        yield from watch_people(source, plan, self._parts)

    def open_events(self) -> EventStore:
        """Open what happened at the doors; use it in a `with` block.

        Raises:
            VaultError: it cannot be used.
        """
        from onlyme.faceid.events import open_events

        return open_events(self._parts.settings, self._store)


FaceID.__module__ = "onlyme"  # where users find it, and what a traceback shows
