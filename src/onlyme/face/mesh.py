"""Locate 478 points of a face, score its expression, and estimate how the head is turned.

The networks and the canonical face are Google's, from MediaPipe's *face landmarker*. The first
network takes an upright crop of the face and returns the points; the second takes 146 of them and
returns 52 scores, such as how far each eyelid is closed. The depth (z) of the points is guessed
from one picture: it proves nothing about a head being solid.
"""

from __future__ import annotations

from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme.errors import ModelError, ModelRefused
from onlyme.face.models.opencv import load_tflite
from onlyme.face.pose import estimate_mesh_pose
from onlyme.types import HeadReading, MeshFace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.face.models import Model
    from onlyme.types import Face, NetworkFunction

__all__ = [
    "BLENDSHAPES",
    "POINTS",
    "SCORED_POINTS",
    "Mesh",
    "load_canonical_face",
    "load_mesh",
]

POINTS: Final = 478
"""Points of a mesh: 468 of the face and 5 of each iris."""

INPUT_SIDE_PIXELS: Final = 256
"""Side of the first network's input, in pixels."""

CROP_SIDE_FACE_WIDTHS: Final = 1.5
"""Side of the crop in longer sides of the face box, as in MediaPipe."""

MIN_PRESENCE_SCORE: Final = 0.5
"""Least probability that the crop shows a face, as in MediaPipe."""

OUTPUTS: Final = ("Identity", "Identity_1", "Identity_2")
"""Outputs of the first network: points, log-odds that there is a face, and one that is not used."""

SCORE_OUTPUTS: Final = ("StatefulPartitionedCall:0",)
"""Output of the second network: the scores."""

# The two lists are the second network's inputs and outputs, as MediaPipe publishes them in
# mediapipe/tasks/cc/vision/face_landmarker/face_blendshapes_graph.cc (kLandmarksSubsetIdxs and
# kBlendshapeNames; Apache-2.0).
_SCORED_POINTS: Final = """
0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87
88 91 93 95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159
160 161 162 163 168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282
283 284 285 288 291 293 295 296 297 300 308 310 311 312 314 317 318 321 323 324 332 334 336 338
356 361 362 365 373 374 375 377 378 379 380 381 382 384 385 386 387 388 389 390 397 398 400 402
405 409 415 454 466 468 469 470 471 472 473 474 475 476 477
"""
_BLENDSHAPES: Final = """
_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight
eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight
eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight
mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
noseSneerRight
"""

SCORED_POINTS: Final = np.array(_SCORED_POINTS.split(), int)
"""int[146]: the points from which the second network scores an expression."""

BLENDSHAPES: Final = tuple(_BLENDSHAPES.split())
"""Names of the 52 scores. *Left* and *right* are the person's own."""


class Mesh:
    """The mesh networks. Safe to call from several threads, one at a time inside.

    Args:
        run: the first network: float32[1, 256, 256, 3], RGB, 0 to 1, to the three `OUTPUTS`.
        score: the second network: float32[1, 146, 2], pixels, to 52 scores.
        canonical: float32[468, 4], see `load_canonical_face`.
    """

    def __init__(
        self, run: NetworkFunction, score: NetworkFunction, canonical: NDArray[np.float32]
    ) -> None:
        self._run = run
        self._score = score
        self._canonical = canonical
        self._lock = Lock()

    def locate(self, pixels: NDArray[np.uint8], face: Face) -> MeshFace | None:
        """Locate the points of one face.

        Args:
            pixels: uint8[h, w, 3], RGB, the whole frame.
            face: a face found in it.

        Returns:
            The mesh; None where the network sees no face in the place.

        Raises:
            ModelError: the network returned no usable numbers.
        """
        to_crop = _place_crop(face)
        if to_crop is None:
            return None
        side = INPUT_SIDE_PIXELS
        crop = cv2.warpAffine(pixels, to_crop, (side, side), flags=cv2.INTER_LINEAR)
        blob = np.multiply(crop, np.float32(1 / 255), dtype=np.float32)[None]
        with self._lock:
            outputs = [np.array(part, np.float32).ravel() for part in self._run(blob)]
        points, logit = outputs[:2] if len(outputs) >= 2 else [np.empty(0, np.float32)] * 2
        if points.size != POINTS * 3 or logit.size != 1 or not np.isfinite(points).all():
            raise ModelError("the mesh network returned no usable numbers")
        presence = float(1 / (1 + np.exp(-np.clip(logit[0], -50, 50))))
        if not presence >= MIN_PRESENCE_SCORE:
            return None
        placed = _return_to_frame(points.reshape(POINTS, 3), to_crop)
        return MeshFace(placed, presence, *estimate_mesh_pose(placed, self._canonical))

    def read(self, pixels: NDArray[np.uint8], face: Face) -> HeadReading | None:
        """Locate the points of one face and score its expression.

        Args:
            pixels: uint8[h, w, 3], RGB, the whole frame.
            face: a face found in it.

        Returns:
            What the networks read; None where they see no face in the place.

        Raises:
            ModelError: a network returned no usable numbers.
        """
        found = self.locate(pixels, face)
        return None if found is None else HeadReading(found, self.score_expression(found))

    def score_expression(self, found: MeshFace) -> dict[str, float]:
        """Score the expression of a located face.

        Returns:
            Of each of the 52 `BLENDSHAPES` a score from 0 to 1, such as `eyeBlinkLeft`: 0 is
            open, 1 closed. People differ: compare a score with the same person's usual one.

        Raises:
            ModelError: the network returned no usable numbers.
        """
        points = np.ascontiguousarray(found.points[SCORED_POINTS, :2])[None]
        with self._lock:
            scores = np.array(self._score(points)[0], np.float32).ravel()
        if scores.size != len(BLENDSHAPES) or not np.isfinite(scores).all():
            raise ModelError("the blendshape network returned no usable numbers")
        return dict(zip(BLENDSHAPES, scores.tolist(), strict=True))


def load_mesh(points: Model, blendshapes: Model, canonical: Model) -> Mesh:
    """Load the mesh networks through OpenCV.

    Args:
        points: the manifest entry `mesh`.
        blendshapes: the manifest entry of the same name.
        canonical: the manifest entry of the same name.

    Raises:
        ModelMissing: a file is not there.
        ModelRefused: it is not the file that the manifest names, or OpenCV cannot load it.
    """
    run = load_tflite(points, OUTPUTS)

    def run_on_rows(blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        # TFLite stores pictures with the colours last; OpenCV takes them first.
        return run(np.ascontiguousarray(blob.transpose(0, 3, 1, 2)))

    score = load_tflite(blendshapes, SCORE_OUTPUTS)
    return Mesh(run_on_rows, score, load_canonical_face(canonical))


def load_canonical_face(model: Model) -> NDArray[np.float32]:
    """Load MediaPipe's canonical face: a mean head that looks straight ahead.

    Returns:
        float32[468, 4]: of each point x (to the person's left), y (up) and z (forward) in
        centimetres, and its weight where the head's place is estimated, 0 for most points.

    Raises:
        ModelMissing: the file is not there.
        ModelRefused: it is not the file that the manifest names.
    """
    face = np.load(BytesIO(model.read()), allow_pickle=False)
    if face.shape != (POINTS - 10, 4):
        raise ModelRefused(f"{model.path} holds {face.shape} numbers, not 468 points")
    return np.asarray(face, np.float32)


def _place_crop(face: Face) -> NDArray[np.float64] | None:
    """Return the map from the frame to an upright crop of a face, float64[2, 3].

    The eyes alone would tell the tilt badly on a head in profile, and the mouth alone on one that
    looks down; each counts by its length.
    """
    marks = face.landmarks.astype(np.float64)
    across = marks[1] - marks[0]
    down = marks[3:].mean(axis=0) - marks[:2].mean(axis=0)
    right = np.array((across[0] + down[1], across[1] - down[0]))
    size = float(np.max(face.box[2:])) * CROP_SIDE_FACE_WIDTHS
    length = float(np.hypot(*right))
    if not (np.isfinite(length) and length > 0 and np.isfinite(size) and size >= 1):
        return None
    cosine, sine = right / length * (INPUT_SIDE_PIXELS / size)
    turn = np.array([(cosine, sine), (-sine, cosine)])
    centre = face.box[:2].astype(np.float64) + face.box[2:] / 2
    return np.column_stack([turn, INPUT_SIDE_PIXELS / 2 - turn @ centre])


def _return_to_frame(
    points: NDArray[np.float32], to_crop: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Map points of the crop, float32[n, 3], to the frame; z is scaled only."""
    turn = np.linalg.inv(to_crop[:, :2])
    flat = (points[:, :2] - to_crop[:, 2]) @ turn.T
    depth = points[:, 2] * np.hypot(*turn[0])
    return np.column_stack([flat, depth]).astype(np.float32)
