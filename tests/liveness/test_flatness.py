"""A flat picture becomes narrower than a head that turns as far as the mesh says."""

import cv2
import numpy as np
import pytest

from onlyme.face.mesh import load_canonical_face
from onlyme.face.models import find_model
from onlyme.liveness.flatness import MAX_EXCESS_DEGREES, is_too_narrow, measure_tilt
from onlyme.types import MeshFace

ANGLES = [(0, 20), (0, -35), (20, 0), (-30, 0), (15, 15)]


@pytest.fixture(scope="module")
def canonical():
    head = load_canonical_face(find_model("canonical"))[:, :3] * (1, -1, -1)
    return np.concatenate([head, head[:10]]) - head.mean(axis=0)  # and points for the irises


def look_at(solid, pitch, yaw, distance=60.0):
    """Turn a head or a sheet, float[478, 3] in centimetres, and look at it."""
    turn = (
        cv2.Rodrigues(np.radians((0.0, -yaw, 0.0)))[0]
        @ cv2.Rodrigues(np.radians((-pitch, 0.0, 0.0)))[0]
    )
    placed = solid @ turn.T + (0, 0, distance)
    return np.column_stack([placed[:, :2] / placed[:, 2:] * 800, placed[:, 2]]).astype(np.float32)


@pytest.mark.parametrize(("pitch", "yaw"), ANGLES)
def test_a_sheet_that_is_tilted_says_by_how_much(canonical, pitch, yaw):
    sheet = canonical * (1, 1, 0)
    tilt = np.degrees(np.arccos(np.cos(np.radians(pitch)) * np.cos(np.radians(yaw))))
    found = measure_tilt(look_at(sheet, 0, 0), look_at(sheet, pitch, yaw))
    assert found == pytest.approx(tilt, abs=4)


@pytest.mark.parametrize(("pitch", "yaw"), ANGLES)
def test_a_head_is_as_narrow_as_it_is_turned(canonical, pitch, yaw):
    rest = MeshFace(look_at(canonical, 0, 0), 1.0, 0.0, 0.0, 0.0)
    moved = MeshFace(look_at(canonical, pitch, yaw), 1.0, yaw, pitch, 0.0)
    assert not is_too_narrow(rest, moved)


@pytest.mark.parametrize("tilt", [40.0, 50.0])
def test_a_sheet_that_looks_less_turned_than_it_is_tilted_is_no_head(canonical, tilt):
    sheet = canonical * (1, 1, 0)
    rest = MeshFace(look_at(sheet, 0, 0), 1.0, 0.0, 0.0, 0.0)
    seen = tilt - MAX_EXCESS_DEGREES - 5  # what the mesh network says of it
    assert is_too_narrow(rest, MeshFace(look_at(sheet, 0, tilt), 1.0, seen, 0.0, 0.0))
    assert is_too_narrow(rest, MeshFace(look_at(sheet, tilt, 0), 1.0, 0.0, seen, 0.0))


def test_a_rolled_or_nearer_head_is_not_tilted(canonical):
    rest = look_at(canonical, 0, 0)
    turn = np.array([(np.cos(0.5), np.sin(0.5)), (-np.sin(0.5), np.cos(0.5))])
    rolled = np.column_stack([1.7 * rest[:, :2] @ turn, rest[:, 2]]).astype(np.float32)
    assert measure_tilt(rest, rolled) < 2


def test_points_that_coincide_are_no_head():
    rest = np.random.default_rng(0).normal(0, 50, (478, 3)).astype(np.float32)
    assert measure_tilt(rest, np.zeros((478, 3), np.float32)) == 90.0
