"""Test the quality checks: their values, how they change, and that real photos pass."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme.errors import ImageError
from onlyme.face.quality import assess, estimate_pose
from onlyme.image.decode import decode
from onlyme.types import Quality, QualityCheck

YUNET = Path(__file__).parents[2] / "src/onlyme/face/models/yunet_2023mar.onnx"
# Eyes, nose and mouth of a face that looks straight ahead, eyes 40 pixels apart.
STRAIGHT = np.array([(80, 78), (120, 78), (100, 100), (83, 116.6), (117, 116.6)], np.float32)
BOX = np.array((55, 40, 90, 110), np.float32)


def by_name(quality: Quality) -> dict[str, QualityCheck]:
    return {check.name: check for check in quality.checks}


def texture(mean: float = 128, spread: float = 40) -> np.ndarray:
    """Something with detail of every size, as a face has."""
    noise = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    coarse = sum(cv2.GaussianBlur(noise, (0, 0), s) * s for s in (1, 2, 4, 8))
    grey = mean + spread * (coarse - coarse.mean()) / coarse.std()
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The landmarks of a mean head, turned in space by an independent formula, then projected."""
    head = np.array(
        [(-0.5, 0.549, 0), (0.5, 0.549, 0), (0, 0, 0.44), (-0.424, -0.415, 0.065),
         (0.424, -0.415, 0.065)]
    )  # fmt: skip
    # Here x is right in the picture, y up, z towards the camera.
    a, b, c = np.radians((yaw, pitch, -roll))
    about_y = np.array([(np.cos(a), 0, np.sin(a)), (0, 1, 0), (-np.sin(a), 0, np.cos(a))])
    about_x = np.array([(1, 0, 0), (0, np.cos(b), np.sin(b)), (0, -np.sin(b), np.cos(b))])
    about_z = np.array([(np.cos(c), -np.sin(c), 0), (np.sin(c), np.cos(c), 0), (0, 0, 1)])
    x, y, _ = (about_z @ about_y @ about_x @ head.T) * 50
    return np.stack([100 + x, 100 - y], axis=1).astype(np.float32)


def test_a_good_face_passes_every_check() -> None:
    quality = assess(texture(), BOX, STRAIGHT)
    assert quality.ok
    assert quality.advice == ""
    assert [check.name for check in quality.checks] == [
        "size", "sharpness", "exposure", "clipping", "yaw", "pitch", "roll",
    ]  # fmt: skip
    checks = by_name(quality)
    assert checks["size"].value == pytest.approx(40)
    assert checks["exposure"].value == pytest.approx(56, abs=1)
    assert all(check.unit for check in quality.checks)
    assert all(isinstance(check.value, float) for check in quality.checks)


@pytest.mark.parametrize(
    ("pixels", "landmarks", "box", "name", "says"),
    [
        (texture()[::4, ::4], STRAIGHT / 4, BOX / 4, "size", "Come closer: your eyes are 10 "),
        (cv2.GaussianBlur(texture(), (0, 0), 8), STRAIGHT, BOX, "sharpness", "the face is blurred"),
        (np.full((200, 200, 3), 128, np.uint8), STRAIGHT, BOX, "sharpness", "blurred"),
        (texture(14, 5), STRAIGHT, BOX, "exposure", "Turn on a light: the face is too dark (6 %"),
        (texture(240, 10), STRAIGHT, BOX, "exposure", "Less light, please"),
        (texture(240, 60), STRAIGHT, BOX, "clipping", "Avoid the glare"),
        (texture(10, 60), STRAIGHT, BOX, "clipping", "Light the face more evenly"),
        (texture(), turned(65, 0, 0), BOX, "yaw", "Turn your head to your right"),
        (texture(), turned(-65, 0, 0), BOX, "yaw", "Turn your head to your left"),
        (texture(), turned(0, 40, 0), BOX, "pitch", "Lower your chin"),
        (texture(), turned(0, -40, 0), BOX, "pitch", "Raise your chin"),
        (texture(), turned(0, 0, 60), BOX, "roll", "towards your right shoulder"),
        (texture(), turned(0, 0, -60), BOX, "roll", "towards your left shoulder"),
    ],
)
def test_each_fault_is_named_with_advice(pixels, landmarks, box, name, says) -> None:
    check = by_name(assess(np.ascontiguousarray(pixels), box, landmarks))[name]
    assert not check.ok
    assert says in check.advice
    assert check.advice.endswith((".", ")."))


@pytest.mark.parametrize("yaw", [-40, -15, 0, 20, 50])
@pytest.mark.parametrize("pitch", [-20, 0, 15])
@pytest.mark.parametrize("roll", [-30, 0, 25])
def test_pose_finds_the_angles_of_a_turned_head(yaw: float, pitch: float, roll: float) -> None:
    found = estimate_pose(turned(yaw, pitch, roll))
    assert found[0] == pytest.approx(yaw, abs=1)
    assert found[1] == pytest.approx(pitch, abs=1)
    assert found[2] == pytest.approx(roll, abs=1)


def mirrored(landmarks: np.ndarray, width: float) -> np.ndarray:
    """The landmarks of the mirrored picture: left and right change places."""
    flipped = landmarks[[1, 0, 2, 4, 3]].copy()
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return flipped


def test_a_mirror_turns_yaw_and_roll_round_and_leaves_pitch() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        landmarks = (STRAIGHT + rng.normal(scale=3, size=(5, 2))).astype(np.float32)
        yaw, pitch, roll = estimate_pose(landmarks)
        other = estimate_pose(mirrored(landmarks, 200))
        assert other == pytest.approx((-yaw, pitch, -roll), abs=1e-3)


def test_pose_ignores_place_and_scale() -> None:
    landmarks = turned(20, 10, 5)
    assert estimate_pose(landmarks * 7 + 1000) == pytest.approx(estimate_pose(landmarks), abs=0.01)


@pytest.mark.parametrize("bad", [np.zeros((5, 2)), np.full((5, 2), 50), np.full((5, 2), np.nan)])
def test_landmarks_that_are_none_do_not_pass(bad: np.ndarray) -> None:
    assert estimate_pose(bad.astype(np.float32)) == (0.0, 0.0, 0.0)
    assert not by_name(assess(texture(), BOX, bad.astype(np.float32)))["size"].ok


def test_sharpness_depends_neither_on_resolution_nor_on_light() -> None:
    base = by_name(assess(texture(), BOX, STRAIGHT))["sharpness"].value
    large = cv2.resize(texture(), None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    six = by_name(assess(large, BOX * 6, STRAIGHT * 6))["sharpness"].value
    assert six == pytest.approx(base, rel=0.25)
    dim = by_name(assess(texture(80, 20), BOX, STRAIGHT))["sharpness"].value
    assert dim == pytest.approx(base, rel=0.1)
    values = [
        by_name(assess(cv2.GaussianBlur(texture(), (0, 0), s), BOX, STRAIGHT))["sharpness"].value
        for s in (0.5, 1, 2, 4)
    ]
    assert values == sorted(values, reverse=True)


def test_a_box_may_reach_over_the_border_but_not_lie_outside() -> None:
    for box in [(-40, -40, 120, 140), (150, 150, 400, 400), (-1e9, -1e9, 2e9, 2e9), (199, 0, 1, 1)]:
        quality = assess(texture(), np.array(box, np.float32), STRAIGHT)
        assert np.isfinite([check.value for check in quality.checks]).all()
    for box in [(300, 0, 20, 20), (0, 0, 0, 0), (10, 10, -5, 5), (np.nan, 0, 9, 9)]:
        with pytest.raises(ImageError):
            assess(texture(), np.array(box, np.float32), STRAIGHT)


@pytest.fixture(scope="module")
def detector() -> cv2.FaceDetectorYN:
    if not YUNET.exists():
        pytest.skip("the detector's weights are not fetched; run `make models`")
    return cv2.FaceDetectorYN.create(str(YUNET), "", (320, 320), 0.6)


def largest(detector: cv2.FaceDetectorYN, pixels: np.ndarray) -> np.ndarray:
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    detector.setInputSize((bgr.shape[1], bgr.shape[0]))
    _, faces = detector.detect(bgr)
    assert faces is not None
    return faces[int(np.argmax(faces[:, 2] * faces[:, 3]))]


@pytest.mark.data
def test_the_articles_photos_pass_and_their_mirror_turns_yaw_round(data: Path, detector) -> None:
    photos = sorted((data / "article").glob("*/*"))
    assert len(photos) == 16
    yaws = []
    for photo in photos:
        pixels = decode(photo).pixels
        face = largest(detector, pixels)
        quality = assess(pixels, face[:4], face[4:14].reshape(5, 2))
        assert quality.ok, (photo.name, quality.advice)
        flipped = largest(detector, np.ascontiguousarray(pixels[:, ::-1]))
        yaws.append((by_name(quality)["yaw"].value, estimate_pose(flipped[4:14].reshape(5, 2))[0]))
    there, back = np.array(yaws).T
    assert np.abs(there + back).mean() < 8
    assert (np.sign(there) == -np.sign(back))[np.abs(there) > 15].all()


@pytest.mark.data
def test_at_most_one_in_a_hundred_press_photos_is_refused(data: Path, detector) -> None:
    photos = sorted((data / "lfw_dev").glob("*/*.jpg"))[::12]
    refused = 0
    for photo in photos:
        pixels = decode(photo).pixels
        face = largest(detector, pixels)
        refused += not assess(pixels, face[:4], face[4:14].reshape(5, 2)).ok
    assert len(photos) > 400
    assert refused <= len(photos) * 0.01
