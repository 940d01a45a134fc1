"""Define what is seen: frames, faces, meshes and embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from onlyme.types.decisions import Quality
    from onlyme.types.examples import ExampleKind

__all__ = [
    "DetectedFace",
    "Embedding",
    "Face",
    "Frame",
    "HeadReading",
    "ImageLike",
    "MeshFace",
    "NetworkFunction",
]

ImageLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]"
)
"""What may be given as a picture: a path, the bytes of a file, a PIL image, or an RGB array
uint8[h, w, 3]. The type leaves the array's numbers open: OpenCV's functions do, and other ones
are refused with the conversion to write."""

NetworkFunction: TypeAlias = "Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]"
"""A loaded network: takes its one input, returns its outputs. For one thread at a time."""

MIN_EYE_PHOTOS, MAX_EYE_PHOTOS = 3, 64
"""Photos from which the level of a person's open eyes is learned: with fewer, that of the
population is used; of more, the newest are stored."""

MAX_UNIT_LENGTH_ERROR = 1e-3
"""A vector counts as of unit length when its length is at most this far from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, upright and in colour.

    Attributes:
        pixels: uint8[h, w, 3], **RGB**, C-contiguous.
        source: its origin, for messages: a path, `camera 0`, `bytes`.
        at: seconds since the source began; 0 for a photo.
        infrared: whether an infrared camera took it. That is known of the device, never from the
            pixels: a grey picture of a colour camera is not infrared.
        beside: what a second camera of the same computer saw at that time; None without one.
        kind: what took it; None where it is not known. Then its time and source tell.

    Example:
        >>> frame = onlyme.Frame(draw_face("ada"), "front door", at=0.5)
        >>> frame  # never shows its pixels
        Frame(source='front door', at=0.5, infrared=False, kind=None)
    """

    pixels: NDArray[np.uint8] = field(repr=False)  # a face never reaches a log
    source: str
    at: float = 0.0
    infrared: bool = False
    beside: Frame | None = field(default=None, repr=False)
    kind: ExampleKind | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face found in a frame.

    Attributes:
        box: float32[4], left, top, width, height in pixels of the frame; it may extend beyond
            the frame's border.
        landmarks: float32[5, 2], x and y in pixels of the frame: the eye on the left of the
            picture, the other eye, the tip of the nose, the corner of the mouth on the left of
            the picture, the other corner.
        score: the detector's confidence, 0 to 1.

    Example:
        >>> (face,) = onlyme.detect("ada.jpg")  # doctest: +SKIP
        >>> face.landmarks.shape, face.score > 0.8  # doctest: +SKIP
        ((5, 2), True)
    """

    box: NDArray[np.float32] = field(repr=False)
    landmarks: NDArray[np.float32] = field(repr=False)
    score: float

    @property
    def area(self) -> float:
        """Width times height of the box, in square pixels."""
        return float(self.box[2] * self.box[3])

    def crop(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a view of the part of the frame that the box covers; at least one pixel.

        Args:
            pixels: uint8[h, w, 3] or uint8[h, w], the frame.
        """
        height, width = pixels.shape[:2]
        low = np.clip(self.box[:2], 0, (width - 1, height - 1)).astype(int)
        high = np.clip(self.box[:2] + self.box[2:], low + 1, (width, height)).astype(int)
        return pixels[low[1] : high[1], low[0] : high[0]]


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace(Face):
    """A face with what can be measured of it; see `detect`.

    Attributes:
        yaw: degrees, positive when the person has turned to their own left.
        pitch: degrees, positive when the person looks up.
        roll: degrees, positive when the person has tilted the head towards their own left
            shoulder.
        quality: how suitable the face is for recognition.
        aligned: uint8[112, 112, 3], RGB, upright with the eyes in their place, as the network
            that embeds it takes it.
        embedding: the network's vector; None where it was not asked for.

    Example:
        >>> for face in onlyme.detect("group.jpg", embed=True):  # doctest: +SKIP
        ...     print(face.box.round(), face.yaw, face.quality.advice)
    """

    yaw: float
    pitch: float
    roll: float
    quality: Quality
    aligned: NDArray[np.uint8] = field(repr=False)
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MeshFace:
    """The mesh of one face.

    Attributes:
        points: float32[478, 3], x and y in pixels of the frame, z in the same unit: smaller is
            nearer to the camera. The order is MediaPipe's: 33 and 263 are the outer corners of
            the person's right and left eye, 133 and 362 the inner ones, 1 the tip of the nose, 61
            and 291 the corners of the mouth, 468 and 473 the middle of the irises.
        presence: probability that there is a face, 0.5 to 1.
        yaw: degrees, positive when the person has turned to their own left.
        pitch: degrees, positive when the person looks up.
        roll: degrees, positive when the person has tilted the head towards their own left
            shoulder. Signs and axes are those of `onlyme.face.pose.estimate_pose`.
    """

    points: NDArray[np.float32] = field(repr=False)
    presence: float
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class HeadReading:
    """What the mesh networks read from one frame of a head.

    Attributes:
        mesh: the points of the face, and how the head is turned.
        expression: of each of the 52 blendshapes, such as `eyeBlinkLeft`, a score from 0 to 1;
            see `onlyme.face.mesh.BLENDSHAPES`.
    """

    mesh: MeshFace
    expression: Mapping[str, float] = field(repr=False)

    @property
    def eyes_closed(self) -> tuple[float, float]:
        """How far the person's left and right eye are closed: 0 (open) to 1 (closed)."""
        return self.expression["eyeBlinkLeft"], self.expression["eyeBlinkRight"]


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The frozen network's description of one face.

    Attributes:
        vector: float32[d] of unit length; read-only.
        model: sha256 (hex) of the network that made it; vectors of two networks do not compare.
        second: float32[e] of unit length, the second look's vector of the same face;
            read-only; None where it was not computed.
        second_model: sha256 (hex) of the second network; empty without one.

    Raises:
        UsageError: a vector is not one row of finite numbers of unit length, or its network has
            no name.

    Example:
        >>> embedding = onlyme.embed("ada.jpg")  # doctest: +SKIP
        >>> embedding  # never shows its vector  # doctest: +SKIP
        Embedding(d=128, model=487a139e…)
        >>> embedding.vector.shape, embedding.vector.dtype  # doctest: +SKIP
        ((128,), dtype('float32'))
    """

    vector: NDArray[np.float32]
    model: str
    second: NDArray[np.float32] | None = None
    second_model: str = ""

    def __post_init__(self) -> None:
        model: Any = self.model
        if not isinstance(model, str) or not model:
            raise UsageError("an embedding names the network that made it")
        second_model: Any = self.second_model
        if not isinstance(second_model, str) or bool(second_model) != (self.second is not None):
            raise UsageError("an embedding names the network that made its second vector")
        object.__setattr__(self, "vector", _check_vector(self.vector))
        if self.second is not None:
            object.__setattr__(self, "second", _check_vector(self.second))

    def __repr__(self) -> str:
        """Say what it is, without its numbers: an embedding never reaches a log."""
        return f"Embedding(d={self.vector.size}, model={self.model[:12]}…)"


def _check_vector(value: object) -> NDArray[np.float32]:
    """Return a read-only copy of a vector of unit length, which the caller cannot change."""
    try:
        given = np.asarray(value)
        # NumPy would convert text and truth values, and cut complex numbers: all mistakes.
        numbers = given if given.dtype.kind in "fiu" else np.empty(())
        with np.errstate(over="ignore"):
            vector = np.array(numbers, dtype=np.float32)
    except Exception:  # noqa: BLE001 - the `__array__` of a foreign object may raise anything
        raise UsageError("an embedding is one row of finite numbers") from None
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise UsageError("an embedding is one row of finite numbers")
    if abs(float(np.linalg.norm(vector)) - 1.0) > MAX_UNIT_LENGTH_ERROR:
        raise UsageError("an embedding has unit length")
    vector.flags.writeable = False
    return vector
