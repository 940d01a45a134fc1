"""Test that the subject is the clearly most prominent face, or none."""

import numpy as np
import pytest

from onlyme.face.subject import choose_subject
from onlyme.types import Face, Reason

SHAPE = (480, 640, 3)


def face(x, y, size, score=0.95):
    box = np.array([x - size / 2, y - size / 2, size, size], np.float32)
    return Face(box, np.zeros((5, 2), np.float32), score)


def test_no_face():
    assert choose_subject([], SHAPE) is Reason.NO_FACE


@pytest.mark.parametrize(
    ("faces", "meant"),
    [
        ([face(320, 240, 200)], 0),
        ([face(20, 240, 50)], 0),  # alone at the border
        ([face(320, 240, 200), face(100, 240, 80)], 0),
        ([face(100, 240, 80), face(320, 240, 200)], 1),
        ([face(200, 240, 150), face(440, 240, 150)], Reason.MANY_FACES),
        ([face(320, 240, 150), face(600, 240, 150)], 0),  # a passer-by as large, at the border
        ([face(320, 240, 150), face(360, 240, 160)], Reason.MANY_FACES),
        ([face(200, 240, 150), face(440, 240, 150, score=0.7)], 0),  # an uncertain rival
        ([face(320, 240, 150, score=0.7)], 0),  # uncertain, but alone
    ],
)
def test_the_prominent_one_or_none(faces, meant):
    expected = meant if isinstance(meant, Reason) else faces[meant]
    assert choose_subject(faces, SHAPE) is expected


@pytest.mark.data
def test_two_people_side_by_side(pipeline, data):
    sight = pipeline.look(data / "faces/face_recognition/examples/two_people.jpg")
    assert sight.reason is Reason.MANY_FACES
