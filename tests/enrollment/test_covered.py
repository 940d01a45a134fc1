"""Covered faces are not learned from, unless that is asked for."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme import FaceID
from onlyme.enrollment.guided import Guide
from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError
from onlyme.types import Frame

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from unknown_ways import degrade_any

COVERS = {
    "sunglasses": "dark glasses",
    "aviator glasses": "dark glasses",
    "mouth mask": "mask or scarf",
    "dark scarf": "mask or scarf",
}


@pytest.fixture(scope="module")
def cover(pipeline, photos):
    """Return a function that draws a cover on a photo."""

    def cover(way, name="obama_1.jpg"):
        frame = pipeline.decode(photos / name)
        face = max(pipeline.detector.detect(frame.pixels), key=lambda face: face.area)
        return degrade_any(way, frame.pixels, face.landmarks, 0)

    return cover


def collect(pipeline, picture, **how):
    known = np.zeros((0, 128), np.float32)
    return PhotoCollector(pipeline, judge_quality=True, known=known, **how).add(encode(picture))


def encode(pixels):
    """Return a file: of a bare array with much blue, the order of its colours is doubted."""
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


@pytest.mark.parametrize("way", COVERS)
def test_a_covered_photo_is_refused_with_advice_and_a_way_to_go_on(pipeline, cover, way):
    report = collect(pipeline, cover(way))
    assert not report.taken
    assert COVERS[way] in report.note
    assert "--anyway" in report.note


@pytest.mark.parametrize("way", COVERS)
def test_it_is_taken_when_asked_for_and_the_note_says_what_that_means(pipeline, cover, way):
    report = collect(pipeline, cover(way), allow_cover=True)
    assert report.taken
    assert "strangers with the same cover" in report.note


def test_another_fault_is_refused_all_the_same(pipeline, cover):
    masked = cover("mouth mask").astype(np.float32)
    for share, light in ((0.02, 0), (0.12, 120)):
        report = collect(pipeline, (masked * share + light).astype(np.uint8), allow_cover=True)
        assert not report.taken
        assert "--anyway" not in report.note


def test_nobody_is_enrolled_from_covered_photos_alone(cover, tmp_path):
    masked = [encode(cover("mouth mask", name)) for name in ("obama_1.jpg", "obama_2.jpg")]
    with FaceID.open(tmp_path / "vault") as face_id:
        with pytest.raises(EnrollmentError, match="--anyway"):
            face_id.enroll("ada", masked)
        assert face_id.names() == []
        enrollment = face_id.enroll("ada", masked, anyway=True)
        assert all("seems covered" in report.note for report in enrollment.me)


def test_guided_enrolment_asks_to_uncover_and_goes_on_where_that_was_confirmed(pipeline, cover):
    pixels, said = cover("mouth mask"), []
    box = max(pipeline.detector.detect(pixels), key=lambda face: face.area).box
    (left, top), (width, height) = box[:2].astype(int), box[2:].astype(int)
    near = pixels[max(0, top - height // 3) : top + height * 4 // 3]
    near = np.ascontiguousarray(near[:, left - width // 3 : left + width * 4 // 3])
    frames = [Frame(near, "camera", at=0.0)]
    assert not list(Guide(pipeline.detector, said.append).frames(frames))
    assert "mask or scarf" in said[-1].advice
    assert list(Guide(pipeline.detector, said.append, allow_cover=True).frames(frames))
