"""Run YuNet on a small picture, through OpenCV or another engine.

OpenCV does everything from the picture to the faces. Another engine gives only the outputs of
the network; they are decoded here as in OpenCV's `FaceDetectorYN`
(modules/objdetect/src/face_detect.cpp).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from cv2.utils import logging

from onlyme.errors import ModelError, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.types import NetworkFunction

    FaceSearchFunction = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

__all__ = ["MIN_FACE_SCORE", "SAME_FACE_OVERLAP", "load_opencv", "wrap_network"]

MIN_FACE_SCORE = 0.6
"""Least score of a face (YuNet's authors report their results near this value)."""

SAME_FACE_OVERLAP = 0.3
"""Two boxes that share more of their union than this are one face."""

MAX_FACES = 100
"""Most faces that are returned for one picture."""

_STRIDES = (8, 16, 32)
_NO_FACES = np.empty((0, 15), np.float32)


_level_lock = threading.Lock()


@contextmanager
def _silence_warnings() -> Iterator[None]:
    """Hide that OpenCV finds no GPU. The level belongs to the process, so threads take turns."""
    with _level_lock:
        level = logging.getLogLevel()
        logging.setLogLevel(logging.LOG_LEVEL_ERROR)
        try:
            yield
        finally:
            logging.setLogLevel(level)


def load_opencv(weights: bytes) -> FaceSearchFunction:
    """Load YuNet through OpenCV.

    Args:
        weights: the ONNX file's bytes, checked already.

    Returns:
        A function, for one thread at a time, from uint8[h, w, 3], RGB, to float32[n, 15]:
        left, top, width, height, five landmarks (x, y), score, in pixels.

    Raises:
        ModelRefused: OpenCV cannot load them.
    """
    with _silence_warnings():
        try:
            net = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(weights, np.uint8), np.empty(0, np.uint8), (256, 256),
                MIN_FACE_SCORE, SAME_FACE_OVERLAP, MAX_FACES,
            )  # fmt: skip
        except cv2.error as error:
            raise ModelRefused(f"the face detector cannot be loaded: {error.err}") from None

    def find(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = pixels.shape[:2]
        blue_first = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # the order YuNet was trained on
        net.setInputSize((width, height))
        _, found = net.detect(blue_first)
        return np.asarray(found, np.float32) if np.size(found) >= 15 else _NO_FACES  # None: no face

    return find


def wrap_network(run: NetworkFunction) -> FaceSearchFunction:
    """Return the same function as `load_opencv` for a network that another engine runs.

    Args:
        run: takes float32[1, 3, h, w], BGR, 0 to 255, sides in multiples of 32; returns for
            the strides 8, 16 and 32 the scores of faces, then of objects, then boxes, then
            landmarks.
    """

    def find(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = pixels.shape[:2]
        down, right = -height % _STRIDES[-1], -width % _STRIDES[-1]
        if down or right:
            pixels = np.asarray(
                cv2.copyMakeBorder(pixels, 0, down, 0, right, cv2.BORDER_CONSTANT), np.uint8
            )
        blob = np.asarray(cv2.dnn.blobFromImage(pixels, swapRB=True), np.float32)
        return _decode_faces(run(blob), *blob.shape[2:])

    return find


def _decode_faces(
    outputs: Sequence[NDArray[np.float32]], height: int, width: int
) -> NDArray[np.float32]:
    """Turn the network's twelve outputs into faces without overlaps; the best ones remain."""
    if len(outputs) != 12:
        raise ModelError(f"the face detector returned {len(outputs)} outputs, not 12")
    face, thing, box, points = (
        np.concatenate([part.reshape(part.shape[1], -1) for part in outputs[n : n + 3]])
        for n in (0, 3, 6, 9)
    )
    cell, stride = _make_grid(height, width)
    if len(face) != len(cell):
        raise ModelError("the face detector's outputs do not match its input")
    score = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(thing[:, 0], 0, 1))
    likely = np.flatnonzero(score >= MIN_FACE_SCORE)
    if not len(likely):
        return _NO_FACES
    cell, stride, score = cell[likely], stride[likely], score[likely]
    centre = (cell + box[likely, :2]) * stride
    size = np.exp(box[likely, 2:]) * stride
    corner = centre - size / 2
    marks = (points[likely].reshape(-1, 5, 2) + cell[:, None]) * stride[:, None]
    rows = np.column_stack([corner, size, marks.reshape(-1, 10), score]).astype(np.float32)
    # OpenCV compares boxes in whole pixels.
    boxes = np.trunc(rows[:, :4]).astype(np.float64)
    best = cv2.dnn.NMSBoxes(boxes, rows[:, 14], MIN_FACE_SCORE, SAME_FACE_OVERLAP, 1.0, MAX_FACES)  # type: ignore[arg-type]  # an array is a sequence of boxes
    return np.asarray(rows[np.asarray(best, int).ravel()], np.float32)


@lru_cache(maxsize=64)
def _make_grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32[n, 2], the column and row of each cell, and float32[n, 1], its stride."""
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.column_stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
