"""One picture comes in; the person it shows, as an embedding, or the reason why not, goes out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from onlyme.errors import UsageError
from onlyme.face.align import align
from onlyme.face.models import SHIPPED, find_model
from onlyme.face.quality import assess
from onlyme.face.subject import choose_subject
from onlyme.face.temporal import CachedEmbedder, Follower, TrackingDetector
from onlyme.image.decode import check_frame, decode
from onlyme.types import Embedding, Face, Frame, Reason

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image

    from onlyme.types import Quality

    ImageLike = str | os.PathLike[str] | bytes | bytearray | memoryview | Image | NDArray[np.uint8]

__all__ = ["FaceDetector", "FaceEmbedder", "Observation", "Pipeline", "time_stage"]


_WAY = (
    *("onlyme.image.files", "onlyme.image.headers", "onlyme.image.decode", "onlyme.face.detect"),
    *("onlyme.face.geometry", "onlyme.face.resize", "onlyme.face.subject", "onlyme.face.align"),
    *("onlyme.face.yunet", "onlyme.face.embed", "onlyme.runtime.openvino"),
)


class FaceDetector(Protocol):
    """What a detector must do; see `onlyme.face.detect.Detector`."""

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        """Find the faces of a frame, the largest first."""


class FaceEmbedder(Protocol):
    """What an embedder must do; see `onlyme.face.embed.Embedder`."""

    model: str
    dimension: int
    size: int

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one aligned face."""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What was seen in one frame.

    Attributes:
        frame: the picture; empty for an embedding.
        face: its subject; None when there is no face or it cannot be told whose.
        reason: why there is no embedding; None when there is one.
        embedding: of the subject's face; None with a reason.
        timings_ms: milliseconds spent in each room.
    """

    frame: Frame
    face: Face | None = None
    reason: Reason | None = None
    embedding: Embedding | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def quality(self) -> Quality | None:
        """How fit the subject's face is; None without one. Measured when asked for."""
        if self.face is None:
            return None
        return assess(self.frame.pixels, self.face.box, self.face.landmarks)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Decode, detect, align, embed: the way from a picture to an embedding.

    Attributes:
        detector: finds faces.
        embedder: embeds them.
        runtime: what runs the networks, such as `opencv`.
        max_pixels: larger pictures are refused.
        max_bytes: larger files are refused.
    """

    detector: FaceDetector
    embedder: FaceEmbedder
    runtime: str = "opencv"
    max_pixels: int = 50_000_000
    max_bytes: int = 64 * 2**20

    def decode(self, image: ImageLike | Frame) -> Frame:
        """Read a picture within the limits.

        Raises:
            ImageError: it cannot be used.
        """
        if isinstance(image, Frame):
            return check_frame(image, max_pixels=self.max_pixels)
        return decode(image, max_pixels=self.max_pixels, max_bytes=self.max_bytes)

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of all that makes an embedding of a picture.

        It changes with either network and what runs them, with the limits, and with the code
        between a file and its embedding, so that embeddings kept under it are never those of
        another way.
        """
        made = sha256(f"{self.max_pixels} {self.max_bytes} {self.runtime}".encode())
        made.update(self.embedder.model.encode())
        made.update(find_model("detector", SHIPPED).sha256.encode())
        for module in _WAY:
            made.update(Path(import_module(module).__file__ or "").read_bytes())
        return made.hexdigest()

    def follow(self) -> Pipeline:
        """Return the same way for the frames of one camera, to be looked at in their order.

        Faces are followed from frame to frame, so that few frames are searched whole; and a
        face that did not change is not embedded again, but gets the same embedding object.
        """
        detector = self.detector
        follower = Follower(detector) if isinstance(detector, TrackingDetector) else detector
        return replace(self, detector=follower, embedder=CachedEmbedder(self.embedder))

    def warm_up(self) -> None:
        """Run both networks once on a blank picture: their first run takes longer."""
        self.look(Frame(np.zeros((480, 640, 3), np.uint8), "warm-up"))
        self.embedder.embed(np.zeros((self.embedder.size, self.embedder.size, 3), np.uint8))

    def look(self, image: ImageLike | Frame | Embedding) -> Observation:
        """See who is in a picture. An embedding was seen before, and passes as it is.

        Raises:
            ImageError: the picture cannot be used.
            UsageError: the embedding was made by another network, or is not of its length.
        """
        if isinstance(image, Embedding):
            if image.model != self.embedder.model:
                raise UsageError("this embedding was made by another network than the one in use")
            if image.vector.size != self.embedder.dimension:
                raise UsageError(
                    f"this embedding has {image.vector.size} numbers, and those of its network "
                    f"{self.embedder.dimension}"
                )
            return Observation(Frame(np.empty((0, 0, 3), np.uint8), "embedding"), embedding=image)
        timings: dict[str, float] = {}
        with time_stage(timings, "image"):
            frame = self.decode(image)
        with time_stage(timings, "detect"):
            chosen = choose_subject(self.detector.detect(frame.pixels), frame.pixels.shape)
        if isinstance(chosen, Reason):
            return Observation(frame, reason=chosen, timings_ms=timings)
        with time_stage(timings, "embed"):
            embedding = self.embedder.embed(align(frame.pixels, chosen, self.embedder.size))
        return Observation(frame, chosen, None, embedding, timings)

    def look_at_all(self, image: ImageLike | Frame) -> list[Observation]:
        """See everybody who is in a picture: one sight a face, the largest first.

        What reading and searching took is told with the first.

        Raises:
            ImageError: the picture cannot be used.
        """
        timings: dict[str, float] = {}
        with time_stage(timings, "image"):
            frame = self.decode(image)
        with time_stage(timings, "detect"):
            faces = self.detector.detect(frame.pixels, every=True)
        sights = []
        for face in faces:
            with time_stage(timings, "embed"):
                embedding = self.embedder.embed(align(frame.pixels, face, self.embedder.size))
            sights.append(Observation(frame, face, None, embedding, timings))
            timings = {}
        return sights


@contextmanager
def time_stage(timings_ms: dict[str, float], stage: str) -> Iterator[None]:
    """Add the milliseconds that a block takes to a room's share."""
    start = perf_counter()
    try:
        yield
    finally:
        timings_ms[stage] = timings_ms.get(stage, 0.0) + (perf_counter() - start) * 1e3
