"""Test that the mesh lies on the face, and that pose and eyelids follow the person."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from onlyme import FaceID
from onlyme.errors import ModelError, ModelMissing, ModelRefused
from onlyme.face import mesh as meshes
from onlyme.face.mesh import BLENDSHAPES, SCORED_POINTS, Mesh
from onlyme.face.models import find_model
from onlyme.face.pose import estimate_mesh_pose, estimate_pose
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.image.sources import read_frames
from onlyme.types import Face, MeshFace

PORTRAITS = ("obama_1", "obama_2", "obama_3", "biden_1", "macron_1", "macron_2", "ardern_1",
             "sunak_1")  # fmt: skip
LEFT_EYE, RIGHT_EYE = (362, 263), (33, 133)
"""Inner and outer corners; the eyes are the person's own."""


@pytest.fixture(scope="module")
def mesh():
    return networks.load_mesh()


@pytest.fixture(scope="module")
def canonical():
    return meshes.load_canonical_face(find_model("canonical"))


def locate(pipeline, mesh, pixels):
    face = pipeline.detector.detect(pixels)[0]
    return face, mesh.locate(pixels, face)


def landmarks_of(found):
    """Return the five landmarks that the detector finds as well."""
    points = found.points[:, :2]
    eyes = [points[list(RIGHT_EYE)].mean(0), points[list(LEFT_EYE)].mean(0)]
    return np.array([*eyes, points[1], points[61], points[291]])


def turn_picture(pixels, degrees):
    """Turn a picture clockwise, as it is seen."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return cv2.warpAffine(pixels, matrix, (width, height))


# ------------------------------------------------------------------- points


@pytest.mark.parametrize("name", PORTRAITS)
def test_the_points_lie_on_the_face(pipeline, mesh, photos, name):
    face, found = locate(pipeline, mesh, decode(photos / f"{name}.jpg").pixels)
    assert found.points.shape == (478, 3)
    assert found.points.dtype == np.float32
    assert found.presence > 0.9
    eye_distance = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
    apart = np.linalg.norm(landmarks_of(found) - face.landmarks, axis=1) / eye_distance
    assert apart[:2].max() < 0.2
    assert apart.max() < 0.3
    low, high = face.box[:2], face.box[:2] + face.box[2:]
    margin = 0.25 * face.box[2:]
    inside = (found.points[:, :2] > low - margin) & (found.points[:, :2] < high + margin)
    assert inside.all()
    # The irises are between the corners of their eyes.
    for iris, corners in ((468, RIGHT_EYE), (473, LEFT_EYE)):
        across = sorted(found.points[list(corners), 0])
        assert across[0] < found.points[iris, 0] < across[1]
    # The nose is nearer to the camera than the eyes.
    assert found.points[1, 2] < found.points[[33, 263], 2].min()


def test_the_points_follow_a_move_and_a_scale(pipeline, mesh, photos):
    pixels = decode(photos / "obama_1.jpg").pixels
    face, found = locate(pipeline, mesh, pixels)
    large = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    moved = cv2.copyMakeBorder(large, 30, 0, 70, 0, cv2.BORDER_REPLICATE)
    shift = np.array((70, 30), np.float32)
    box = np.concatenate([face.box[:2] * 2 + shift, face.box[2:] * 2])
    again = mesh.locate(moved, Face(box, face.landmarks * 2 + shift, face.score))
    width = float(face.box[2])
    np.testing.assert_allclose(
        again.points[:, :2], found.points[:, :2] * 2 + shift, atol=0.03 * width
    )
    np.testing.assert_allclose(again.points[:, 2], found.points[:, 2] * 2, atol=0.05 * width)


def test_there_is_no_mesh_where_there_is_no_face(mesh):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    marks = np.array([(130, 130), (170, 130), (150, 150), (135, 170), (165, 170)], np.float32)
    box = np.array((100, 100, 100, 100), np.float32)
    assert mesh.locate(noise, Face(box, marks, 0.9)) is None
    outside = Face(box + np.float32((5000, 0, 0, 0)), marks + np.float32((5000, 0)), 0.9)
    assert mesh.locate(noise, outside) is None


@pytest.mark.parametrize(
    ("box", "mark"),
    [((0, 0, 0, 0), 5), ((0, 0, 50, 50), np.nan), ((0, 0, np.nan, 50), None), ((0, 0, 50, 50), 7)],
)
def test_a_face_without_size_has_no_mesh(mesh, box, mark):
    marks = np.array([(10, 10), (30, 10), (20, 20), (12, 30), (28, 30)], np.float32)
    if mark is not None:
        marks[:] = mark
    face = Face(np.array(box, np.float32), marks, 0.9)
    assert mesh.locate(np.zeros((60, 60, 3), np.uint8), face) is None


def test_threads_share_one_mesh(pipeline, mesh, photos):
    pictures = [decode(photos / f"{name}.jpg").pixels for name in PORTRAITS[:4]]
    faces = [pipeline.detector.detect(pixels)[0] for pixels in pictures]

    def measure(n):
        found = mesh.locate(pictures[n], faces[n])
        return found.points, mesh.score_expression(found)

    expected = [measure(n) for n in range(4)]
    order = [n for _ in range(10) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for n, (points, scores) in zip(order, pool.map(measure, order), strict=True):
            np.testing.assert_array_equal(points, expected[n][0])
            assert scores == expected[n][1]


# --------------------------------------------------------------------- pose


def project(canonical, yaw, pitch, roll, distance=60.0):
    """Turn the canonical face and look at it from a distance in centimetres."""
    # Rotations in the camera's axes: x to the right, y down, z away from it.
    yaw, pitch, roll = np.radians((yaw, pitch, roll))
    around_x, around_y, around_z = (
        cv2.Rodrigues(np.array(axis, float) * angle)[0]
        for axis, angle in (((1, 0, 0), -pitch), ((0, 1, 0), -yaw), ((0, 0, 1), roll))
    )
    head = canonical[:, :3] - canonical[canonical[:, 3] > 0, :3].mean(axis=0)
    head = head * (1, -1, -1)
    turned = head @ (around_z @ around_y @ around_x).T + (0, 0, distance)
    flat = turned[:, :2] / turned[:, 2:] * 800 + (400, 300)
    return np.column_stack([flat, turned[:, 2]]).astype(np.float32)


@pytest.mark.parametrize(
    "angles",
    [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 40), (0, 0, -140),
     (20, 10, 15), (-35, -15, 30)],
)  # fmt: skip
@pytest.mark.parametrize("distance", [40.0, 60.0, 120.0])
def test_a_turned_mean_head_gives_its_angles(canonical, angles, distance):
    found = estimate_mesh_pose(project(canonical, *angles, distance), canonical)
    np.testing.assert_allclose(found, angles, atol=2 if distance == 60 else 4)


def test_five_points_of_that_head_agree_in_sign(canonical):
    """The mean head of the five points is another one: only clear turns are compared."""
    level = np.array(estimate_pose(landmarks_of_points(project(canonical, 0, 0, 0))))
    for angles in ((25, 0, 0), (-25, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 25), (0, 0, -25)):
        points = project(canonical, *angles)
        five = np.array(estimate_pose(landmarks_of_points(points))) - level
        which = int(np.argmax(np.abs(angles)))
        assert np.sign(five[which]) == np.sign(angles[which])
        assert np.sign(estimate_mesh_pose(points, canonical)[which]) == np.sign(angles[which])


def landmarks_of_points(points):
    return landmarks_of(MeshFace(points, 1.0, 0.0, 0.0, 0.0)).astype(np.float32)


@pytest.mark.parametrize("points", [np.zeros((478, 3)), np.full((478, 3), np.nan)])
def test_points_that_say_nothing_give_no_angle(canonical, points):
    assert estimate_mesh_pose(points.astype(np.float32), canonical) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["obama_1", "macron_1", "ardern_1"])
@pytest.mark.parametrize("degrees", [-60, -30, -15, 15, 30, 60])
def test_a_rotated_picture_gives_the_roll(pipeline, mesh, photos, name, degrees):
    pixels = decode(photos / f"{name}.jpg").pixels
    face, level = locate(pipeline, mesh, pixels)
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    marks = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    centre = matrix[:, :2] @ (face.box[:2] + face.box[2:] / 2) + matrix[:, 2]
    box = np.concatenate([centre - face.box[2:] / 2, face.box[2:]])
    turned = Face(box.astype(np.float32), marks.astype(np.float32), face.score)
    found = mesh.locate(turn_picture(pixels, degrees), turned)
    assert found.roll - level.roll == pytest.approx(degrees, abs=3)
    assert found.yaw == pytest.approx(level.yaw, abs=5)
    assert found.pitch == pytest.approx(level.pitch, abs=5)


@pytest.mark.parametrize("name", ["obama_2", "macron_2", "obama_3"])
def test_a_mirrored_picture_turns_the_other_way(pipeline, mesh, photos, name):
    pixels = decode(photos / f"{name}.jpg").pixels
    _, one = locate(pipeline, mesh, pixels)
    _, other = locate(pipeline, mesh, np.ascontiguousarray(pixels[:, ::-1]))
    assert abs(one.yaw) > 8
    assert other.yaw == pytest.approx(-one.yaw, abs=5)
    assert other.roll == pytest.approx(-one.roll, abs=4)
    assert other.pitch == pytest.approx(one.pitch, abs=5)


# --------------------------------------------------------------- expression


def test_scores_have_names_and_a_range(pipeline, mesh, photos):
    _, found = locate(pipeline, mesh, decode(photos / "obama_1.jpg").pixels)
    scores = mesh.score_expression(found)
    assert tuple(scores) == BLENDSHAPES
    assert len(set(BLENDSHAPES)) == 52
    assert len(set(SCORED_POINTS.tolist())) == 146
    assert all(-0.01 <= score <= 1.01 for score in scores.values())


def test_a_smile_scores_higher_than_a_closed_mouth(pipeline, mesh, photos):
    smiles = {}
    for name in ("ardern_1", "macron_1"):  # the first one smiles
        _, found = locate(pipeline, mesh, decode(photos / f"{name}.jpg").pixels)
        smiles[name] = mesh.score_expression(found)["mouthSmileLeft"]
    assert smiles["ardern_1"] > smiles["macron_1"] + 0.2


# -------------------------------------------------------------------- clips


def watch_clip(data, pipeline, mesh, name, frames):
    """Return of some frames of a clip the five-point pose and the mesh, or None."""
    seen = {}
    for number, frame in enumerate(read_frames(data / "clips" / f"{name}.mp4")):
        if number > max(frames):
            break
        if number in frames:
            face, found = locate(pipeline, mesh, frame.pixels)
            seen[number] = estimate_pose(face.landmarks), found
    assert set(seen) == set(frames)
    return seen


@pytest.mark.data
def test_the_pose_follows_a_person_who_turns_and_nods(data, pipeline, mesh):
    """Frames were chosen by looking: to the person's left, right, down and up."""
    left, right, down, up = (100, 120, 150), (260, 280, 300), (360, 400), (440, 460)
    seen = watch_clip(data, pipeline, mesh, "tranvan_live", {10, *left, *right, *down, *up})
    _, start = seen[10]
    for number in left:
        five, found = seen[number]
        assert found.yaw > 25
        assert five[0] > 25
    for number in right:
        five, found = seen[number]
        assert found.yaw < -10
        assert five[0] < -10
    for number in down:
        assert seen[number][1].pitch < start.pitch - 15
        assert abs(seen[number][1].yaw) < 10
    for number in up:
        assert seen[number][1].pitch > start.pitch + 20
        assert abs(seen[number][1].yaw) < 10


@pytest.mark.data
def test_the_blink_score_rises_when_the_eyes_close(data, pipeline, mesh):
    """The eyes are closed around frame 16, open in the others."""
    open_eyes = (0, 4, 8, 24, 32, 40, 48)
    seen = watch_clip(data, pipeline, mesh, "dinoman_example_live", {16, *open_eyes})

    def score_lids(number):
        scores = mesh.score_expression(seen[number][1])
        return min(scores["eyeBlinkLeft"], scores["eyeBlinkRight"])

    assert score_lids(16) > 0.4
    assert max(map(score_lids, open_eyes)) < 0.15


# ----------------------------------------------------------------- refusals


def test_a_network_that_says_nothing_useful_is_an_error(pipeline, mesh, canonical, photos):
    pixels = decode(photos / "obama_1.jpg").pixels
    face, found = locate(pipeline, mesh, pixels)
    good = [np.zeros(1434, np.float32), np.full(1, 9, np.float32)]
    for bad in (good[:1], [good[0][:9], good[1]], [np.full(1434, np.nan, np.float32), good[1]]):
        faulty = Mesh(lambda _, bad=bad: bad, lambda _: [np.full(52, np.nan)], canonical)
        with pytest.raises(ModelError, match="mesh network"):
            faulty.locate(pixels, face)
        with pytest.raises(ModelError, match="blendshape network"):
            faulty.score_expression(found)
    unsure = Mesh(lambda _: [good[0], np.full(1, np.nan, np.float32)], lambda _: [], canonical)
    assert unsure.locate(pixels, face) is None


def test_a_missing_or_altered_file_is_refused(tmp_path, monkeypatch):
    models = {name: find_model(name) for name in ("mesh", "blendshapes", "canonical")}
    for name, model in models.items():
        gone = models | {name: replace(model, path=tmp_path / "gone")}
        with pytest.raises(ModelMissing, match=f"{name} model not found"):
            meshes.load_mesh(*gone.values())
        path = tmp_path / model.path.name
        path.write_bytes(model.read()[:-1] + b"?")
        with pytest.raises(ModelRefused, match="expected sha256"):
            meshes.load_mesh(*(models | {name: replace(model, path=path)}).values())
    monkeypatch.setattr(
        networks, "find_model", lambda name, _: replace(models[name], path=tmp_path / "x")
    )
    networks._load_mesh.cache_clear()
    with pytest.raises(ModelMissing):
        networks.load_mesh()


VERIFY = """
import sys
from onlyme import FaceID
with FaceID.open({vault!r}) as face_id:
    assert face_id.verify("x", {two!r}).margin is not None
    assert face_id.verify("x", {two!r}, liveness="passive") is not None
assert "onlyme.face.pipeline" in sys.modules
print("onlyme.face.mesh" in sys.modules)
"""


def test_a_plain_verification_does_not_load_the_mesh(tmp_path, photos):
    one, two = (str(photos / f"obama_{n}.jpg") for n in (1, 2))
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("x", one)  # this learns the open eyes, by the mesh
    code = VERIFY.format(vault=str(tmp_path / "vault"), two=two)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"], done.stderr
