"""Make a FaceID for your own tests: it recognises drawn faces and needs no networks.

Vault, rule, gate and log are the real ones; only the networks are replaced. So a test of your
program takes milliseconds, and decisions, log and errors are those of the real FaceID.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder, open_face_id(folder) as face_id:
...     enrollment = face_id.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
...     mine, other = draw_face("ada", photo=7), draw_face("bob")
...     fake = draw_face("ada", photo=7, live=False)
...     [
...         face_id.verify("ada", picture, "passive").reason.value
...         for picture in (mine, other, fake)
...     ]
['match', 'no_match', 'not_live']
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme import FaceID
from onlyme.face.align import REFERENCE
from onlyme.face.mesh import BLENDSHAPES, POINTS, Mesh
from onlyme.face.pipeline import Pipeline
from onlyme.faceid import wiring
from onlyme.image.reader import ImageReader
from onlyme.liveness.attention import EYES
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.judge import Judge
from onlyme.liveness.passive import FrameEvidence, LivenessNetwork, make_fingerprint
from onlyme.settings import Settings
from onlyme.types import Embedding, Face, HeadReading, MeshFace

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["draw_face", "open_face_id"]

_CELLS: Final = 16
_CELL_PIXELS: Final = 14  # of the face's square, whose side is twice that of an aligned face
_MARGIN_PIXELS: Final = 48
_SIDE_PIXELS: Final = _CELLS * _CELL_PIXELS + 2 * _MARGIN_PIXELS
_BITS: Final = 56
_PHOTO_SPREAD: Final = 0.35
"""Length of what differs between two photos of a person, whose embedding has length 1."""


def draw_face(person: str, photo: int = 1, *, live: bool = True) -> NDArray[np.uint8]:
    """Draw a face that `open_face_id` recognises; it shows no real person.

    Args:
        person: the person's name; the same name is the same person.
        photo: the number of the picture, 0 to 255; two numbers are two pictures.
        live: False draws a photo of a photo, which liveness calls an attack.

    Returns:
        uint8[320, 320, 3], RGB. It may be saved, also as JPEG, and scaled, but not cropped.
    """
    code = sha256(person.encode()).digest()[:4] + bytes([photo % 256, 255 * live])
    bits = np.unpackbits(np.frombuffer(code + sha256(code).digest()[:1], np.uint8))
    square = np.full((_CELLS, _CELLS), 128, np.uint8)
    rows, columns = _find_code_cells()
    square[rows[:_BITS], columns[:_BITS]] = np.where(bits, 255, 0)
    face = square.repeat(_CELL_PIXELS, 0).repeat(_CELL_PIXELS, 1)[..., None].repeat(3, 2)
    middle = _CELLS * _CELL_PIXELS // 2
    hue = int(code[0])
    skin = (200 + hue % 40, 150 + hue % 50, 110 + hue % 30)
    cv2.ellipse(face, (middle, middle + 4), (70, 88), 0, 0, 360, skin, -1)
    for x, y in (2 * REFERENCE[:2]).astype(int):
        cv2.circle(face, (int(x), int(y)), 9, (40, 30, 25), -1)
    mouth = (2 * REFERENCE[3:].mean(axis=0)).astype(int).tolist()
    cv2.ellipse(face, mouth, (30, 12), 0, 0, 180, (150, 40, 50), 4)
    picture = np.full((_SIDE_PIXELS, _SIDE_PIXELS, 3), (90, 110, 125), np.uint8)
    picture[_MARGIN_PIXELS:-_MARGIN_PIXELS, _MARGIN_PIXELS:-_MARGIN_PIXELS] = face
    # The noise of a camera: by it liveness tells a new frame from a repeated one.
    noise = np.random.default_rng([*code]).integers(-4, 5, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def open_face_id(path: str | os.PathLike[str]) -> FaceID:
    """Open a vault in a folder, with a FaceID that finds the faces of `draw_face` and no others.

    Its false accept rates are those of the shipped network. They say nothing about drawn faces,
    which differ more from each other than people do.

    Args:
        path: the folder of the vault; use a temporary folder of your test.

    Raises:
        OnlymeError: settings or vault cannot be used.
    """
    settings = Settings.load(vault=path, embedder="embedder", embedders="sface")
    parts = wiring.assemble(settings)
    pipeline = Pipeline(_DrawnDetector(), _DrawnEmbedder(parts.base.model), ImageReader(), "drawn")
    rule = Fusion(1.0, 0.0, live=0.8, attack=0.4, network="drawn")
    judge = Judge(_DrawnLiveness(), rule, network_alone=True)
    mesh = _DrawnMesh()
    return FaceID(replace(parts, pipeline=lambda: pipeline, judge=lambda: judge, mesh=lambda: mesh))


@dataclass(frozen=True, slots=True)
class _Code:
    """What the code around a drawn face encodes."""

    person: bytes
    photo: int
    live: bool


def _find_code_cells() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the cells around a face that hold its code."""
    inside = np.zeros((_CELLS, _CELLS), bool)
    inside[1:-1, 1:-1] = True
    rows, columns = np.nonzero(~inside)
    return rows, columns


def _read_code(square: NDArray[np.uint8]) -> _Code | None:
    """Read the code of a face's square, of any size; None if there is none."""
    grey = cv2.resize(square.mean(axis=2).astype(np.float32), (_CELLS,) * 2, interpolation=3)
    rows, columns = _find_code_cells()
    code = np.packbits(grey[rows[:_BITS], columns[:_BITS]] > 128).tobytes()
    if sha256(code[:-1]).digest()[:1] != code[-1:]:
        return None
    return _Code(code[:4], code[4], bool(code[5]))


class _DrawnDetector:
    """Finds the one face of a drawn picture; its place is always the same."""

    def detect(self, pixels: NDArray[np.uint8], *, every: bool = False) -> list[Face]:
        del every
        height, width = pixels.shape[:2]
        scale = np.array([width, height]) / _SIDE_PIXELS
        top, left = (round(_MARGIN_PIXELS * s) for s in (scale[1], scale[0]))
        square = pixels[top : height - top, left : width - left]
        if min(height, width) < _CELLS or _read_code(square) is None:
            return []
        corner, side = _MARGIN_PIXELS * scale, _CELLS * _CELL_PIXELS * scale
        landmarks = (corner + 2 * REFERENCE * scale).astype(np.float32)
        # The box of the face is the area inside the code.
        box = np.concatenate([corner + side * 0.15, side * 0.7]).astype(np.float32)
        return [Face(box, landmarks, 0.99)]

    def detect_near(self, pixels: NDArray[np.uint8], last: Face) -> list[Face]:
        del last
        return self.detect(pixels)

    def has_candidate(self, pixels: NDArray[np.uint8]) -> bool:
        return bool(self.detect(pixels))


class _DrawnEmbedder:
    """Gives each person a random direction, and each photo a direction near it."""

    dimension = 128
    size = 112

    def __init__(self, model: str) -> None:
        self.model = model

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        code = _read_code(aligned)
        if code is None:  # not a drawn face: a person who resembles no other
            code = _Code(sha256(aligned.tobytes()).digest(), 0, live=True)
        vector = _draw_direction(code.person) + _PHOTO_SPREAD * _draw_direction(
            code.person + bytes([code.photo])
        )
        return Embedding((vector / np.linalg.norm(vector)).astype(np.float32), self.model)


class _DrawnLiveness(LivenessNetwork):
    """Returns for a drawn face whether it was drawn as live."""

    def __init__(self) -> None:
        """Load nothing."""

    def look(self, pixels: NDArray[np.uint8], face: Face) -> FrameEvidence:
        (left, top), (width, height) = face.box[:2], face.box[2:]
        x, y = left - width * 0.15 / 0.7, top - height * 0.15 / 0.7
        square = pixels[round(y) : round(y + height / 0.7), round(x) : round(x + width / 0.7)]
        code = _read_code(square) if square.size else None
        odds = 8.0 if code is not None and code.live else -8.0
        return FrameEvidence(odds, 2.7, "", make_fingerprint(pixels, face))


class _DrawnMesh(Mesh):
    """Returns for a drawn face a head that looks straight ahead with open eyes."""

    def __init__(self) -> None:
        """Load nothing."""

    def read(self, pixels: NDArray[np.uint8], face: Face) -> HeadReading:
        del pixels
        right, left, nose = face.landmarks[:3]  # the person's right eye is left in the picture
        cell = np.float32((left[0] - right[0]) / 20)  # half an eye's width is 4 of these
        points = np.zeros((POINTS, 3), np.float32)
        points[:, :2] = nose
        for eye, middle in zip(EYES, (left, right), strict=True):
            points[[eye.iris, *eye.rim], :2] = middle
            points[list(eye.rim), 0] += cell * 2
            points[list(eye.corners), :2] = middle + cell * np.array([(-4, 0), (4, 0)])
            points[list(eye.skin), :2] = middle + cell * np.array((0, 5))
            for pair in eye.lids:
                points[list(pair), :2] = middle + cell * np.array([(0, -1.2), (0, 1.2)])
        return HeadReading(MeshFace(points, 1.0, 0.0, 0.0, 0.0), dict.fromkeys(BLENDSHAPES, 0.1))


@cache
def _draw_direction(seed: bytes) -> NDArray[np.float64]:
    rng = np.random.default_rng(np.frombuffer(sha256(seed).digest(), np.uint32))
    vector = rng.standard_normal(_DrawnEmbedder.dimension)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)
