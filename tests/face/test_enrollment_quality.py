"""A photo that resembles all photos of its kind is not learned from; ordinary ones are."""

import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from onlyme.face.enrollment_quality import assess_for_enrollment
from onlyme.faceid import networks
from onlyme.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from degradations import DEGRADATIONS, degrade
from unknown_ways import UNKNOWN_WAYS, degrade_any

PHOTOS = 60
REFUSED = {
    "blur across 13": 0.8,
    "blur across 17": 0.9,
    "blur down 13": 0.6,
    "blur slanted 13": 0.85,
    "blur slanted 17": 0.9,
    "blur turned 30, 11": 0.7,
    "blur turned 60, 13": 0.9,
    "blur down 11": 0.8,
    "speckle": 0.95,
    "noise": 0.95,
    "little contrast": 0.85,
    "sunglasses": 0.9,
    "round glasses": 0.85,
    "aviator glasses": 0.75,
    "narrow glasses": 0.6,
    "brown glasses": 0.6,
    "mirror glasses": 0.65,
    "band over the eyes": 0.9,
    "cap's shadow": 0.9,
    "mouth mask": 0.95,
    "black mask": 0.95,
    "pleated mask": 0.95,
    "dark scarf": 0.95,
    "striped scarf": 0.6,
    "hand over the eyes": 0.8,
    "jpeg 10": 0.5,
    "jpeg 5": 0.6,
    "overexposed": 0.6,
}
"""The least share of photos that is refused."""
TAKEN = {
    "blur across 5": 0.9,
    "defocus 2": 0.8,
    "eyes 16 apart": 0.8,
    "colour cast": 0.9,
    "blue light": 0.9,
    "no colours": 0.9,
    "jpeg twice": 0.9,
    "half in shadow": 0.7,
    "bars": 0.75,
    "headscarf": 0.9,
}
"""The least share of photos that is taken."""


@pytest.fixture(scope="module")
def faces(data):
    """Decoded press photos with one face each, and the pipeline that found it."""
    pipeline = networks.make_pipeline(Settings.load())
    people = [sorted(person.glob("*.jpg")) for person in sorted((data / "lfw_dev").iterdir())]
    # The network that notices covers has not learned from people with four photos and more.
    photos = [photo for person in people if len(person) >= 4 for photo in person]
    chosen = np.random.default_rng(0).permutation(len(photos))[:PHOTOS]
    found = []
    for index in chosen:
        frame = pipeline.decode(photos[index])
        face = max(pipeline.detector.detect(frame.pixels), key=lambda face: face.area)
        found.append((photos[index].name, frame.pixels, face))
    return pipeline, found


def share_refused(faces, way: str | None) -> float:
    pipeline, photos = faces
    refused = 0
    for name, pixels, face in photos:
        shown = pixels
        if way is not None:
            seed = zlib.crc32(name.encode())
            shown = degrade_any(way, pixels, face.landmarks, seed)
            found = pipeline.detector.detect(shown)
            if not found:
                refused += 1
                continue
            face = max(found, key=lambda face: face.area)
        refused += not assess_for_enrollment(shown, face.box, face.landmarks).ok
    return refused / len(photos)


@pytest.mark.data
def test_ordinary_photos_are_learned_from(faces) -> None:
    assert share_refused(faces, None) <= 2 / PHOTOS


@pytest.mark.data
@pytest.mark.parametrize("way", REFUSED)
def test_photos_that_resemble_each_other_are_refused(faces, way) -> None:
    assert share_refused(faces, way) >= REFUSED[way]


@pytest.mark.data
@pytest.mark.parametrize("way", TAKEN)
def test_slightly_poor_photos_are_learned_from(faces, way) -> None:
    assert share_refused(faces, way) <= 1 - TAKEN[way]


@pytest.mark.data
def test_frames_of_a_webcam_are_learned_from(faces, data) -> None:
    pipeline, _ = faces
    frames = sorted((data / "nuaa_dev" / "live").rglob("*.jpg"))
    refused = 0
    chosen = np.random.default_rng(0).permutation(len(frames))[:30]
    for index in chosen:
        pixels = pipeline.decode(frames[index]).pixels
        face = max(pipeline.detector.detect(pixels), key=lambda face: face.area)
        refused += not assess_for_enrollment(pixels, face.box, face.landmarks).ok
    assert refused <= 1


@pytest.mark.data
def test_advice_says_what_to_do(faces) -> None:
    _, photos = faces
    wanted = {"sunglasses": "dark glasses", "mouth mask": "mask", "noise": "light"}
    for way, word in wanted.items():
        advice = []
        for name, pixels, face in photos[:20]:
            shown = degrade(way, pixels, face.landmarks, zlib.crc32(name.encode()))
            advice.append(assess_for_enrollment(shown, face.box, face.landmarks).advice)
        assert sum(word in text for text in advice) >= 10, way


@pytest.mark.data
def test_size_of_the_photo_does_not_matter(faces) -> None:
    """A face is as detailed in a photo with four times the pixels."""
    _, photos = faces
    for _, pixels, face in photos[:10]:
        large = np.repeat(np.repeat(pixels, 4, axis=0), 4, axis=1)
        small = {
            c.name: c.value for c in assess_for_enrollment(pixels, face.box, face.landmarks).checks
        }
        checks = assess_for_enrollment(large, face.box * 4, face.landmarks * 4 + 1.5).checks
        for check in checks:
            if check.name in {"eyes", "contrast", "detail"}:
                assert check.value == pytest.approx(small[check.name], rel=0.25)


@pytest.mark.data
def test_noise_of_a_large_photo_is_averaged_away(faces) -> None:
    """Single pixels of a photo with many are noisier, and of no use to the network."""
    _, photos = faces
    generator = np.random.default_rng(0)
    for _, pixels, face in photos[:10]:
        large = np.repeat(np.repeat(pixels, 8, axis=0), 8, axis=1)
        noisy = np.clip(large + generator.normal(0, 20, large.shape), 0, 255).astype(np.uint8)
        checks = assess_for_enrollment(noisy, face.box * 8, face.landmarks * 8 + 3.5).checks
        assert next(check for check in checks if check.name == "noise").ok


@pytest.mark.parametrize("bad", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_landmarks_that_are_none_are_refused(bad) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    box = np.array((55, 40, 90, 110), np.float32)
    assert not assess_for_enrollment(pixels, box, bad.astype(np.float32)).ok


def test_every_way_is_seeded() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 120, 3)).astype(np.uint8)
    points = np.array([(40, 50), (82, 50), (60, 70), (45, 90), (78, 90)], np.float32)
    for way in (*DEGRADATIONS, *UNKNOWN_WAYS):
        once, again = (degrade_any(way, pixels, points, 3) for _ in range(2))
        assert np.array_equal(once, again), way
