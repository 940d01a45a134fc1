"""Covered eyes and mouths are noticed; uncovered ones are left alone."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme import testing
from onlyme.face.align import align
from onlyme.face.covers import _convolve, _load_layers, measure_covers, normalize_face
from onlyme.faceid import networks
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from covers import cover_eyes, cover_mouth


def test_the_network_agrees_with_plain_loops() -> None:
    """Four places of the first convolution, added up one by one."""
    weights, _ = _load_layers()[0]
    x = np.random.default_rng(0).normal(size=(1, 56, 56)).astype(np.float32)
    whole = _convolve(x, weights)
    assert whole.shape == (12, 28, 28)
    for channel, row, column in ((0, 0, 0), (3, 5, 9), (11, 27, 27), (7, 0, 27)):
        total = 0.0
        for down in range(5):
            for right in range(5):
                y, z = 2 * row + down - 2, 2 * column + right - 2
                if 0 <= y < 56 and 0 <= z < 56:
                    total += float(x[0, y, z]) * float(weights[channel, 0, down, right])
        assert whole[channel, row, column] == pytest.approx(total, abs=1e-4)


def test_light_and_contrast_do_not_matter() -> None:
    face = np.random.default_rng(1).uniform(40, 200, (112, 112)).astype(np.float32)
    assert normalize_face(face).shape == (56, 56)
    assert np.abs(normalize_face(face) - normalize_face(face * 0.9 + 10)).max() < 0.1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_picture_gives_a_share(value) -> None:
    for share in measure_covers(np.full((112, 112), value, np.float32)):
        assert 0 <= share <= 100


@pytest.fixture(scope="module")
def drawings(tmp_path_factory) -> list:
    """Aligned grey drawings, of `onlyme.testing` and of the lab, that nothing was learned from."""
    pictures = [*draw_synthetic_faces(40, 1, seed=11)[:, 0]]
    with testing.open_face_id(tmp_path_factory.mktemp("vault")) as face_id:
        for number in range(40):
            pixels = testing.draw_face(f"somebody {number}", number)
            (face,) = face_id.pipeline.detector.detect(pixels)
            pictures.append(align(pixels, face, 112))
    return [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in pictures]


def test_drawn_faces_are_not_called_covered(drawings) -> None:
    """Users' own tests, the demo and the lab enroll drawings."""
    assert np.max([measure_covers(one) for one in drawings]) < 95


def test_covers_on_drawn_faces_are_noticed(drawings) -> None:
    """It has not learned that drawings are never covered."""
    random = np.random.default_rng(0)
    eyes = [measure_covers(np.float32(cover_eyes(one, random)))[0] for one in drawings]
    mouth = [measure_covers(np.float32(cover_mouth(one, random)))[1] for one in drawings]
    assert np.mean(np.array(eyes) > 95) > 0.6
    assert np.mean(np.array(mouth) > 95) > 0.6


def test_the_demo_and_tests_of_users_enroll_drawn_faces(tmp_path) -> None:
    with testing.open_face_id(tmp_path / "vault") as face_id:
        for number in range(20):
            name = f"person {number}"
            enrollment = face_id.enroll(name, [testing.draw_face(name, at) for at in range(3)])
            assert [report.note for report in enrollment.me if not report.taken] == []


@pytest.mark.data
def test_drawn_covers_are_told_apart(data) -> None:
    """Of eyes and mouth the one that is covered is named; people were not learned from."""
    pipeline = networks.make_pipeline(Settings.load())
    people = [sorted(person.glob("*.jpg")) for person in sorted((data / "lfw_dev").iterdir())]
    photos = [photo for person in people if len(person) >= 4 for photo in person[:1]][:40]
    random, found = np.random.default_rng(0), []
    for photo in photos:
        frame = pipeline.decode(photo)
        face = max(pipeline.detector.detect(frame.pixels), key=lambda face: face.area)
        upright = cv2.cvtColor(align(frame.pixels, face, 112), cv2.COLOR_RGB2GRAY)
        plain = upright.astype(np.float32)
        shown = (plain, cover_eyes(plain, random), cover_mouth(plain, random))
        found.append([measure_covers(np.float32(np.clip(one, 0, 255))) for one in shown])
    sure = np.array(found) > 95
    assert sure[:, 0].mean() < 0.05
    assert sure[:, 1, 0].mean() > 0.6
    assert sure[:, 1, 1].mean() < 0.05
    assert sure[:, 2, 1].mean() > 0.6
    assert sure[:, 2, 0].mean() < 0.05
