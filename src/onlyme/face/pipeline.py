"""Find the person in a picture, and embed the face: from the picture to the embedding.

What reads a picture is handed in, so that this room needs no other.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import ImageError, UsageError
from onlyme.face.align import cut_out
from onlyme.face.color_order import looks_like_bgr
from onlyme.face.geometry import remove_overlaps
from onlyme.face.models import SHIPPED, find_model
from onlyme.face.protocols import TrackingDetector
from onlyme.face.quality import assess
from onlyme.face.second import SecondEmbedding
from onlyme.face.subject import choose_subject, list_certain
from onlyme.face.temporal import CachedEmbedder, Follower
from onlyme.face.versions import STAGE_VERSIONS
from onlyme.face.yunet import SAME_FACE_OVERLAP
from onlyme.types import Embedding, Face, Frame, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceDetector, FaceEmbedder, PictureReader
    from onlyme.types import ImageLike, Quality

__all__ = ["Observation", "Pipeline", "time_stage"]

MIN_SECOND_FACE_PIXELS = 32
"""The second network looks at faces at least this wide. Of smaller ones it tells people apart
worse than the first (docs/explanation/head.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What one frame showed.

    Attributes:
        frame: the picture; empty for an embedding.
        face: its subject; None when there is no face, or several and no clear subject.
        reason: why there is no embedding; None when there is one.
        embedding: of the subject's face; None with a reason.
        timings_ms: milliseconds spent in each room.
        beside: what a second camera showed at that time; None without one.
        second: the second look's view of the face; None without a second network, and for
            small faces.
        faces: all faces of the picture, the subject among them; empty for an embedding, and for
            a face that was followed.
    """

    frame: Frame
    face: Face | None = None
    reason: Reason | None = None
    embedding: Embedding | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    beside: Observation | None = None
    second: SecondEmbedding | None = None
    faces: tuple[Face, ...] = ()

    def look_again(self) -> Embedding | None:
        """Return the second look's embedding of the face; None where there is none.

        It is computed if need be; an embedding that was given in place of a picture may hold it.

        Raises:
            ModelError: the second network cannot be used.
        """
        if self.second is not None:
            return self.second.compute()
        one = self.embedding
        if one is None or one.second is None:
            return None
        return Embedding(one.second, one.second_model)

    def complete_embedding(self) -> Embedding | None:
        """Return the embedding with the second look's vector, which is computed if need be.

        Raises:
            ModelError: the second network cannot be used.
        """
        if self.embedding is None or self.second is None:
            return self.embedding
        second = self.second.compute()
        return replace(self.embedding, second=second.vector, second_model=second.model)

    @property
    def quality(self) -> Quality | None:
        """How good the subject's face is for recognition; None without one. Measured on access."""
        if self.face is None:
            return None
        return assess(self.frame.pixels, self.face.box, self.face.landmarks)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Reads a picture, finds its faces, aligns and embeds them.

    Attributes:
        detector: finds faces.
        embedder: embeds them.
        reader: reads pictures within its limits.
        runtime: what runs the networks, such as `opencv`.
        runtime_version: its version; see `onlyme.runtime.VERSIONS`.
        checks_colors: whether an array with the colours of OpenCV's order is refused. The frames
            of a camera may be lit in any colour.
        second: returns the second network, which is loaded when it is first needed; None: one
            network decides.
        steady: whether each face is to be seen by both networks, so that time tells nothing.
    """

    detector: FaceDetector
    embedder: FaceEmbedder
    reader: PictureReader
    runtime: str = "opencv"
    runtime_version: int = 1
    checks_colors: bool = True
    second: Callable[[], FaceEmbedder] | None = None
    steady: bool = False

    def decode(self, image: ImageLike | Frame) -> Frame:
        """Read a picture within the reader's limits.

        Raises:
            ImageError: it cannot be used.
        """
        return self.reader.read(image)

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of all that determines the embedding of a picture.

        It covers both networks, the runtime, how pictures are read, and the version of each
        stage (see `onlyme.face.versions`). Embeddings that are cached under it are therefore
        never used after one of these has changed.
        """
        parts = [
            self.reader.version,
            f"{self.runtime} {self.runtime_version}",
            f"detector {find_model('detector', SHIPPED).sha256}",
            f"embedder {self.embedder.model}",
            *(f"{stage} {version}" for stage, version in STAGE_VERSIONS.items()),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()

    def follow(self) -> Pipeline:
        """Return the same pipeline for the frames of one camera, to be given in their order.

        Faces are followed from frame to frame, so that few frames are searched whole. A face
        that did not change is not embedded again, but gets the same embedding object.
        """
        detector = self.detector
        follower = Follower(detector) if isinstance(detector, TrackingDetector) else detector
        embedder = CachedEmbedder(self.embedder)
        return replace(self, detector=follower, embedder=embedder, checks_colors=False)

    def warm_up(self) -> None:
        """Run the networks once on a blank picture: their first run takes longer."""
        self.look(Frame(np.zeros((480, 640, 3), np.uint8), "warm-up"))
        blank = np.zeros((self.embedder.size, self.embedder.size, 3), np.uint8)
        self.embedder.embed(blank)
        if self.second is not None and self.steady:
            self.second().embed(blank)

    def look(self, image: ImageLike | Frame | Embedding | Observation) -> Observation:
        """Find the subject of a picture and embed the face. An embedding is returned unchanged.

        What `find` returned is not searched again.

        Raises:
            ImageError: the picture cannot be used.
            UsageError: the embedding was made by another network, or has another length.
        """
        if isinstance(image, Embedding):
            if image.model != self.embedder.model:
                raise UsageError(
                    "this embedding was made by another network than the one in use; embed the "
                    "picture again"
                )
            if image.vector.size != self.embedder.dimension:
                raise UsageError(
                    f"this embedding has {image.vector.size} numbers, but its network makes "
                    f"embeddings of {self.embedder.dimension}; embed the picture again"
                )
            return Observation(Frame(np.empty((0, 0, 3), np.uint8), "embedding"), embedding=image)
        found = image if isinstance(image, Observation) else self.find(image)
        return found if found.face is None else self.embed(found)

    def find(self, image: ImageLike | Frame) -> Observation:
        """Find the subject of a picture, without embedding the face.

        Raises:
            ImageError: the picture cannot be used.
        """
        timings: dict[str, float] = {}
        with time_stage(timings, "image"):
            frame = self.decode(image)
        with time_stage(timings, "detect"):
            faces = self.detector.detect(frame.pixels)
            chosen = choose_subject(faces, frame.pixels.shape)
        if isinstance(chosen, Reason):
            return Observation(frame, reason=chosen, timings_ms=timings, faces=tuple(faces))
        if self.checks_colors and isinstance(image, np.ndarray):
            _refuse_bgr(frame, chosen)
        return Observation(frame, chosen, timings_ms=timings, faces=tuple(faces))

    def prepare_second(
        self, frame: Frame, face: Face, aligned: NDArray[np.uint8] | None = None
    ) -> SecondEmbedding | None:
        """Return the second look's view of a face; None without one, and for small faces.

        Args:
            frame: the picture.
            face: as it was found there.
            aligned: uint8[size, size, 3], RGB, as the first network saw it, if that is at hand.
        """
        if self.second is None or float(face.box[2]) < MIN_SECOND_FACE_PIXELS:
            return None
        if aligned is None:
            aligned = cut_out(frame.pixels, face, self.embedder)
        return SecondEmbedding(self.second, aligned, steady=self.steady)

    def find_others(self, observation: Observation) -> list[Face]:
        """Find the faces beside the subject of a picture that was looked at, small ones as well.

        The certain ones; if none is, all.
        """
        face = observation.face
        if face is None:
            return []
        found = list_certain(self.detector.detect(observation.frame.pixels, every=True))
        return [one for one in found if not _is_among(one, [face])]

    def find_all(self, image: ImageLike | Frame) -> list[Observation]:
        """Find all faces of a picture: one observation a face, the largest first, not embedded.

        Uncertain ones are left out beside certain ones. The first one includes the time of reading
        and searching.

        Raises:
            ImageError: the picture cannot be used.
        """
        timings: dict[str, float] = {}
        with time_stage(timings, "image"):
            frame = self.decode(image)
        with time_stage(timings, "detect"):
            # A face that `look` finds is seen here in the same place: a face that is refused
            # alone must not be accepted because a finer search places its box differently.
            faces = self.detector.detect(frame.pixels)
            finer = self.detector.detect(frame.pixels, every=True)
            faces += [one for one in finer if not _is_among(one, faces)]
            faces = sorted(list_certain(faces), key=lambda face: -face.area)
        return [
            Observation(frame, face, timings_ms={} if number else timings)
            for number, face in enumerate(faces)
        ]

    def embed(self, observation: Observation) -> Observation:
        """Embed the face of an observation that `find` or `find_all` made."""
        assert observation.face is not None  # noqa: S101 - for the type checker; each has one
        timings = dict(observation.timings_ms)
        with time_stage(timings, "embed"):
            aligned = cut_out(observation.frame.pixels, observation.face, self.embedder)
            embedding = self.embedder.embed(aligned)
        second = self.prepare_second(observation.frame, observation.face, aligned)
        return replace(observation, embedding=embedding, timings_ms=timings, second=second)


def _is_among(face: Face, others: list[Face]) -> bool:
    return any(len(remove_overlaps([face, one], SAME_FACE_OVERLAP)) < 2 for one in others)


def _refuse_bgr(frame: Frame, face: Face) -> None:
    if looks_like_bgr(frame.pixels, face):
        raise ImageError(
            frame.source,
            "has red and blue exchanged, as OpenCV reads pictures; write array[..., ::-1], or give "
            'color="bgr"',
        )


@contextmanager
def time_stage(timings_ms: dict[str, float], stage: str) -> Iterator[None]:
    """Add the milliseconds that a block takes to the time of its room."""
    start = perf_counter()
    try:
        yield
    finally:
        timings_ms[stage] = timings_ms.get(stage, 0.0) + (perf_counter() - start) * 1e3
