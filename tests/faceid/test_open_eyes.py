"""Owners of earlier versions are told once that their open eyes are not known."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.faceid.enrolled import collect_untold
from onlyme.testing import draw_face, open_face_id


def tell(face_id):
    return collect_untold(face_id.admin.store, face_id.owner)


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", [draw_face("ada", n) for n in range(3)])
        opened.enroll("bob", [draw_face("bob", n) for n in range(3)])
        with opened.admin.store.edit() as edit:
            template = edit.get("bob")
            values = {k: v for k, v in template.values.items() if k != "eyes"}
            edit.put(replace(template, values=values))  # as an earlier version wrote it
        yield opened


def test_each_is_told_once(face_id):
    assert tell(face_id) == ["bob"]
    assert tell(face_id) == []


def test_who_enrolls_again_is_not_told(face_id):
    face_id.enroll("bob", [draw_face("bob", n) for n in range(4, 8)], add=True)
    assert face_id.owner("bob").knows_eyes
    assert tell(face_id) == []


def test_what_is_told_is_forgotten_with_the_person(face_id):
    tell(face_id)
    face_id.forget("bob")
    assert not face_id.admin.store.keys("told eyes")


def test_teaching_and_tuning_keep_the_eyes(face_id):
    eyes = face_id.owner("ada").eyes
    assert len(eyes) == 3
    face_id.not_me("ada", draw_face("eve"))
    face_id.tune("ada", far=1e-3)
    np.testing.assert_array_equal(face_id.owner("ada").eyes, eyes)
    face_id.enroll("ada", [draw_face("ada", n) for n in range(5)], replace=True)
    assert len(face_id.owner("ada").eyes) == 5


def test_a_drawn_person_is_attentive(face_id):
    frames = [draw_face("ada", n) for n in range(10, 20)]
    for level in ("off", "eyes", "gaze"):
        assert next(face_id.watch("ada", frames, attention=level)).accepted
