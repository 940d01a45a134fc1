"""Test that faces are found large and small, at the border, turned, and in huge frames."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from onlyme.errors import ModelRefused
from onlyme.face.detect import Detector
from onlyme.face.resize import shrink
from onlyme.image.decode import decode


@pytest.fixture(scope="module")
def detector(pipeline):
    return pipeline.detector


@pytest.fixture(scope="module")
def portrait(photos):
    """A portrait of 320×400 pixels, with one face of about 150 pixels' height."""
    pixels = decode(photos / "obama_4.jpg").pixels[40:760, 60:636]
    return np.asarray(cv2.resize(pixels, (320, 400), interpolation=cv2.INTER_AREA), np.uint8)


def embedding(pipeline, pixels):
    return pipeline.look(pixels).embedding.vector


def on_grey(height, width, patch, top, left):
    frame = np.full((height, width, 3), 128, np.uint8)
    frame[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return frame


def test_nothing_is_found_where_there_is_nothing(detector):
    random = np.random.default_rng(0)
    assert detector.detect(np.zeros((480, 640, 3), np.uint8)) == []
    assert detector.detect(random.integers(0, 255, (480, 640, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 9), (33, 31)])
def test_odd_shapes_have_no_face_and_no_crash(detector, shape):
    assert detector.detect(np.full((*shape, 3), 90, np.uint8)) == []


def test_landmarks_are_where_they_should_be(detector, portrait):
    (face,) = detector.detect(portrait)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert face.score > 0.8


@pytest.mark.parametrize("height", [40, 80, 160, 400, 900])
def test_small_faces_in_a_large_frame_are_found(detector, portrait, height):
    """A portrait of 40 pixels in a frame of 1600: the search goes on at higher resolutions."""
    patch = cv2.resize(portrait, (height * 4 // 5, height), interpolation=cv2.INTER_AREA)
    (face,) = detector.detect(on_grey(1200, 1600, patch, 200, 300))
    centre = face.box[:2] + face.box[2:] / 2
    assert 300 < centre[0] < 300 + patch.shape[1]
    assert 200 < centre[1] < 200 + patch.shape[0]


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_a_large_photo_gives_the_same_embedding(pipeline, portrait, factor):
    """The shortcut through low resolution costs no accuracy: same face, same vector."""
    reference = embedding(pipeline, on_grey(480, 640, portrait, 40, 160))
    big = cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    frame = on_grey(480 * factor, 640 * factor, big, 40 * factor, 160 * factor)
    assert reference @ embedding(pipeline, frame) > 0.97


@pytest.fixture(scope="module")
def portraits(photos):
    """Four people, 320 pixels high, upright."""
    names = ("obama_4", "macron_2", "ardern_2", "sunak_1")
    return [shrink(decode(photos / f"{name}.jpg").pixels, 320)[0] for name in names]


def similarity_after(pipeline, portraits, change):
    """Median over people of the cosine between a portrait and the changed portrait."""
    return np.median(
        [
            embedding(pipeline, picture) @ embedding(pipeline, change(picture))
            for picture in portraits
        ]
    )


@pytest.mark.parametrize(
    "code", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE]
)
def test_photos_whose_orientation_was_lost(pipeline, portraits, code):
    def turned(picture):
        return np.ascontiguousarray(cv2.rotate(picture, code))

    assert similarity_after(pipeline, portraits, turned) > 0.85


@pytest.mark.parametrize("degrees", [-60, -40, -20, 20, 40, 60])
def test_tilted_heads(pipeline, portraits, degrees):
    """YuNet alone sees the eyes of a tilted head as nearly level; see benchmarks/tilt.py."""

    def tilted(picture):
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turn[:, 2] += 250 - np.array([width, height]) / 2
        return np.asarray(cv2.warpAffine(picture, turn, (500, 500)), np.uint8)

    assert similarity_after(pipeline, portraits, tilted) > 0.85


def test_every_face_of_a_group(detector, portrait):
    small = cv2.resize(portrait, (80, 100), interpolation=cv2.INTER_AREA)
    frame = on_grey(800, 1600, portrait, 200, 100)
    for column in range(4):
        frame[300:400, 700 + 200 * column : 780 + 200 * column] = small
    assert len(detector.detect(frame, every=True)) == 5


def test_two_copies_of_one_face_are_two(detector, portrait):
    frame = np.concatenate([portrait, portrait], axis=1)
    assert len(detector.detect(frame)) == 2


def test_weights_that_are_none_are_refused():
    with pytest.raises(ModelRefused, match="detector"):
        Detector(b"no network")


def test_networks_loaded_side_by_side_print_nothing(tmp_path):
    """OpenCV's level of messages belongs to the process: one thread must not undo another's."""
    program = """
from concurrent.futures import ThreadPoolExecutor
from onlyme.face.models import SHIPPED
from onlyme.face import yunet
weights = next(SHIPPED.glob("*yunet*.onnx")).read_bytes()
with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(lambda _: yunet.load_opencv(weights), range(40)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
