"""Find out who a picture shows: the part of `FaceID` that searches all enrolled people.

Modules that only some methods need are imported in these methods: listing people must not load
the networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import check_number
from onlyme.faceid.people import EnrolledPeople
from onlyme.gate.admission import ANY_OWNER
from onlyme.types import LivenessLevel, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.faceid.batch import Batch, BatchRow
    from onlyme.liveness.judge import Judge
    from onlyme.types import Decision, Face

    Photos = Photo | Iterable[Photo]

__all__ = ["ANY_OWNER", "PeopleSearch"]


class PeopleSearch(EnrolledPeople):
    """The people of one `FaceID`, and whom of them a picture shows.

    Args:
        parts: its parts; `FaceID.open` assembles them.
    """

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that finds and embeds faces.

        Raises:
            ModelMissing, ModelRefused: a network cannot be used.
        """
        return self._parts.pipeline()

    def identify(
        self,
        image: Photo,
        *,
        liveness: LivenessLevel | str | None = None,
        color: str = "rgb",
        gate: bool = False,
        source: str = "file",
        candidates: int = 0,
    ) -> Decision:
        """Find out which of the enrolled people a picture shows, if any.

        Args:
            image: a picture or embedding.
            liveness: as for `verify`.
            color: as for `verify`.
            gate: count this as an attempt to be any enrolled person.
            source: the name of the picture's source in the count and the log.
            candidates: how many of the people whom the face resembles most the decision lists, 0
                to 100. That is for a person who looks into a decision: it is no answer, and tells
                a stranger whom they resemble.

        Raises:
            ImageError: the picture cannot be used.
            UsageError: several pictures were given as one; an embedding was made by another
                network; there is no such level; not 0 to 100 candidates are asked for.
            NotCalibrated: with this number of people no search keeps the rate asked for.
        """
        from onlyme.faceid.decide import check_candidates, identify_picture
        from onlyme.faceid.pictures import choose_one
        from onlyme.verification.levels import check_level

        level = check_level(LivenessLevel.OFF if liveness is None else liveness)
        picture, _ = choose_one(image, None, color)
        check_candidates(candidates)

        def decide() -> Decision:
            judge, pipeline = self._load_judge(level), self.pipeline
            return identify_picture(self._enrolled, picture, pipeline, judge, level, candidates)

        return self._gate.decide(ANY_OWNER, source, decide) if gate else decide()

    def identify_all(
        self,
        images: Photos,
        liveness: LivenessLevel | str | None = None,
        *,
        color: str = "rgb",
        on_row: Callable[[BatchRow], None] | None = None,
    ) -> Batch:
        """Find out for each of many pictures which of the enrolled people it shows, if any.

        Arguments and result are those of `verify_all`; for all faces of one picture see
        `identify_faces`.

        Raises:
            UsageError: there is no such level or order of colours.
        """
        from onlyme.faceid.batch import Batch
        from onlyme.faceid.decide import identify_picture
        from onlyme.verification.levels import check_level

        level = check_level(LivenessLevel.OFF if liveness is None else liveness)
        judge = self._load_judge(level)

        def decide(picture: Photo) -> Decision:
            return identify_picture(self._enrolled, picture, self.pipeline, judge, level)

        return Batch(images, decide, color, on_row)

    def identify_faces(
        self,
        image: Picture,
        *,
        liveness: LivenessLevel | str | None = None,
        color: str = "rgb",
        gate: bool = False,
        source: str = "file",
        candidates: int = 0,
    ) -> list[tuple[Face, Decision]]:
        """Return every face in a picture, the largest first, with a decision on who it is.

        Args:
            image: a picture.
            liveness: as for `verify`; each face is judged by itself.
            color: as for `verify`.
            gate: count each face as an attempt to be any enrolled person: a picture of ten faces
                has ten. Those after the last attempt left are refused without being compared.
            source: as for `identify`.
            candidates: as for `identify`, for each face.

        Raises:
            ImageError, UsageError, NotCalibrated: as for `identify`.
        """
        return list(
            self.iterate_faces(
                image,
                liveness=liveness,
                color=color,
                gate=gate,
                source=source,
                candidates=candidates,
            )
        )

    def iterate_faces(
        self,
        image: Picture,
        *,
        liveness: LivenessLevel | str | None = None,
        color: str = "rgb",
        gate: bool = False,
        source: str = "file",
        candidates: int = 0,
        min_score: float = 0.0,
    ) -> Iterator[tuple[Face, Decision]]:
        """Yield what `identify_faces` returns; a face is embedded when it is asked for.

        Detections of a lower score than `min_score`, 0 to 1, are left out, and are no attempt.

        Raises:
            ImageError, UsageError, NotCalibrated: as for `identify`.
        """
        from onlyme.faceid.decide import check_candidates, identify_observation
        from onlyme.faceid.pictures import order_colors
        from onlyme.verification.levels import check_level

        level = check_level(LivenessLevel.OFF if liveness is None else liveness)
        check_candidates(candidates)
        limit = check_number("min_score", min_score, 0, 1)
        pipeline, judge = self.pipeline, self._load_judge(level)
        refusal: Decision | None = None
        for found in pipeline.find_all(order_colors(image, color)):
            if found.face is None or found.face.score < limit:
                continue

            def decide(found: Observation = found) -> Decision:
                seen = pipeline.embed(found)
                return identify_observation(self._enrolled, seen, judge, level, candidates)

            if refusal is not None:  # noted once: a picture of many faces fills no log
                yield found.face, refusal
                continue
            decision = self._gate.decide(ANY_OWNER, source, decide) if gate else decide()
            refusal = decision if decision.reason is Reason.LOCKED_OUT else None
            yield found.face, decision

    # ------------------------------------------------------------------ within

    def _load_judge(self, level: LivenessLevel) -> Judge | None:
        return None if level is LivenessLevel.OFF else self._parts.judge()
