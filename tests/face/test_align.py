"""Test that the landmarks of an aligned face are in their places, for every frame."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.face.align import REFERENCE, align, fit_similarity
from onlyme.types import Face


def face_at(landmarks):
    points = np.asarray(landmarks, np.float32)
    return Face(np.array([*points.min(0), *np.ptp(points, axis=0)], np.float32), points, 1.0)


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_similarity_is_found_again(angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = REFERENCE @ turn.T + shift
    found = fit_similarity(moved, REFERENCE)
    back = moved @ found[:, :2].T + found[:, 2]
    np.testing.assert_allclose(back, REFERENCE, atol=1e-6)


def test_it_is_the_least_squares_solution():
    """No similarity near the one found brings the points nearer to their targets."""
    random = np.random.default_rng(1)
    points = REFERENCE + random.normal(0, 6, REFERENCE.shape)
    found = fit_similarity(points, REFERENCE)

    def error(matrix):
        return ((points @ matrix[:, :2].T + matrix[:, 2] - REFERENCE) ** 2).sum()

    for _ in range(300):
        c, s, x, y = random.normal(0, 1e-3, 4)
        nearby = found + np.array([[c, -s, x], [s, c, y]])
        assert error(found) <= error(nearby) + 1e-12


def test_points_that_are_all_equal_do_not_crash():
    assert np.isfinite(fit_similarity(np.ones((5, 2)), REFERENCE)).all()


@pytest.mark.parametrize("scale", [1, 3, 10, 30])
@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_dots_on_landmarks_land_on_the_reference(scale, degrees):
    """Draw a dot on each landmark of a turned, enlarged face: they end up in their places."""
    side = 200 * scale
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
    landmarks = (REFERENCE + (side - 112) / 2 - (side / 2)) @ turn[:, :2].T + side / 2
    frame = np.zeros((side, side, 3), np.uint8)
    for x, y in landmarks:
        cv2.circle(frame, (round(x), round(y)), 3 * scale, (255, 255, 255), -1)
    aligned = align(frame, face_at(landmarks))[:, :, 0].astype(float)
    assert aligned.shape == (112, 112)
    for x, y in REFERENCE:
        window = aligned[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6]
        rows, columns = np.indices(window.shape)
        centre = np.array([(columns * window).sum(), (rows * window).sum()]) / window.sum()
        offset = centre - 5 - (np.array([x, y]) - np.round([x, y]))
        assert np.abs(offset).max() < 0.6


def test_a_face_over_the_border_is_black_there():
    frame = np.full((100, 100, 3), 255, np.uint8)
    aligned = align(frame, face_at(REFERENCE - 60))
    assert aligned[:40].max() == 0
    assert aligned[-1, -1].min() == 255


def test_another_size_is_the_same_face_enlarged():
    random = np.random.default_rng(2)
    frame = cv2.GaussianBlur(random.integers(0, 255, (300, 300, 3), dtype=np.uint8), (0, 0), 6)
    small = align(frame, face_at(REFERENCE + 60))
    large = align(frame, face_at(REFERENCE + 60), 224)
    shrunk = cv2.resize(large, (112, 112), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk[2:-2, 2:-2].astype(int) - small[2:-2, 2:-2]).mean() < 3
