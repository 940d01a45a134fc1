"""Define what the pipeline needs of a reader, a detector and an embedder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.types import Embedding, Face, Frame, ImageLike

__all__ = ["FaceDetector", "FaceEmbedder", "PictureReader", "TrackingDetector"]


class PictureReader(Protocol):
    """Reads pictures; see `onlyme.image.reader.ImageReader`."""

    @property
    def version(self) -> str:
        """Text that changes when the same picture may be read as other pixels, or refused."""

    def read(self, image: ImageLike | Frame) -> Frame:
        """Read a picture, or check a frame; ImageError where it cannot be used."""


class FaceDetector(Protocol):
    """Finds faces; see `onlyme.face.detect.Detector`."""

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        """Find the faces of a frame, the largest first."""


@runtime_checkable
class TrackingDetector(FaceDetector, Protocol):
    """A detector that can also follow faces; see `onlyme.face.detect.Detector`."""

    def detect_near(self, pixels: NDArray[np.uint8], last: Face) -> list[Face]:
        """Find the faces where one was in the frame before."""

    def has_candidate(self, pixels: NDArray[np.uint8]) -> bool:
        """Say whether a quick search finds anything that may be a face."""


class FaceEmbedder(Protocol):
    """Embeds aligned faces; see `onlyme.face.embed.Embedder`."""

    model: str
    dimension: int
    size: int

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one aligned face, uint8[size, size, 3], RGB."""
