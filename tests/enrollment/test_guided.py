"""A guided sitting takes each pose, says what to do, and ends when it has them all."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.enrollment.guided import MAX_GUIDED_SECONDS, WANTED_PHOTOS, Guide, Pose
from onlyme.image.sources import read_frames
from onlyme.types import Frame, PhotoReport, Quality, QualityCheck


@pytest.fixture
def detector(pipeline):
    return pipeline.detector


@pytest.fixture
def scene(photos, pipeline):
    """A function that puts a photo of a person into a frame, at a place and in a size."""
    pixels = pipeline.decode(photos / "obama_1.jpg").pixels
    left, top, width, height = pipeline.detector.detect(pixels)[0].box.astype(int)
    rows = slice(max(0, top - height // 4), top + height)
    photo = pixels[rows, max(0, left - width // 4) : left + width * 5 // 4]

    def make(at=0.0, width=640, height=480, box=None, photo=photo):
        import cv2

        pixels = np.full((height, width, 3), 90, np.uint8)
        left, top, wide, high = box or (200, 80, 240, 320)
        pixels[top : top + high, left : left + wide] = cv2.resize(photo, (wide, high))
        return Frame(pixels, "browser", at)

    return make


def looks(detector, shown):
    said = []
    list(Guide(detector, said.append).frames(shown))
    return said


def report(*, taken):
    return PhotoReport(
        "frame", taken, quality=Quality((QualityCheck("size", 60.0, "pixels", ok=True),))
    )


def test_nobody_is_asked_to_come(detector):
    (look,) = looks(detector, [Frame(np.full((480, 640, 3), 90, np.uint8), "browser")])
    assert look.box is None
    assert look.pose is None
    assert not look.fits
    assert "oval" in look.advice


def test_in_the_dark_a_light_is_asked_for(detector):
    (look,) = looks(detector, [Frame(np.full((480, 640, 3), 5, np.uint8), "browser")])
    assert not look.fits
    assert look.advice == "Turn on a light, or uncover the camera."


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((290, 190, 75, 100), "Come closer"),
        ((0, 80, 240, 320), "to your left"),
        ((400, 80, 240, 320), "to your right"),
    ],
)
def test_a_face_out_of_place_is_told_where_to_go(detector, scene, box, words):
    (look,) = looks(detector, [scene(box=box)])
    assert words in look.advice
    assert not look.fits


def test_darkness_is_advised_upon_as_in_any_photo(detector, scene):
    lit = scene()
    (look,) = looks(detector, [replace(lit, pixels=(lit.pixels * 0.12).astype(np.uint8))])
    assert "light" in look.advice
    assert not look.fits


def test_a_fitting_frame_goes_out_and_others_do_not(detector, scene):
    said = []
    out = list(Guide(detector, said.append).frames([scene(0.0), scene(0.1), scene(0.5)]))
    assert [frame.at for frame in out] == [0.0, 0.5]  # those of one moment say the same
    assert all(look.fits and look.pose is Pose.FRONT for look in said)
    left, top, width, height = said[0].box
    assert 0 < left < 0.5 < left + width < 1
    assert 0 < top < 0.5 < top + height < 1


def test_the_side_is_asked_for_once_the_front_is_covered(detector, scene):
    said = []
    guide = Guide(detector, said.append)
    for _ in guide.frames(scene(at / 2) for at in range(5)):
        guide.add_report(report(taken=True))
    assert guide.coverage == {Pose.FRONT: 3, Pose.LEFT: 0, Pose.RIGHT: 0}
    assert said[-1].advice == "Turn your head a little to your left."
    assert said[-1].asked is Pose.LEFT
    assert said[0].asked is None, "the front is wanted, and shown"
    assert not guide.is_done()


def test_a_pose_with_nothing_new_to_say_is_left_after_a_while(detector, scene):
    """A person who does not move gives one picture many times; the ring must not wait for ever."""
    said, handed = [], 0
    guide = Guide(detector, said.append)
    for _ in guide.frames(scene(at / 2) for at in range(30)):
        guide.add_report(report(taken=handed == 0))
        handed += 1
    assert guide.coverage[Pose.FRONT] == WANTED_PHOTOS[Pose.FRONT]
    assert handed == 1 + 2 * 3
    assert any("move your head" in look.advice for look in said)


def test_finishing_early_ends_it(detector, scene):
    guide = Guide(detector, lambda _: None)
    stream = guide.frames(scene(at / 2) for at in range(9))
    next(stream)
    guide.finish()
    assert list(stream) == []


def test_it_ends_by_itself(detector, scene):
    out = list(
        Guide(detector, lambda _: None).frames([scene(0.0), scene(MAX_GUIDED_SECONDS + 0.1)])
    )
    assert len(out) == 1


@pytest.mark.data
def test_a_person_who_turns_is_enrolled_from_all_sides(data, tmp_path, pipeline):
    said = []
    guide = Guide(pipeline.detector, said.append)
    with FaceID.open(tmp_path / "vault") as face_id:
        camera = read_frames(data / "clips" / "tranvan_live.mp4")
        enrollment = face_id.enroll("tran", guide.frames(camera), on_photo=guide.add_report)
    assert guide.is_done()
    assert enrollment.taken >= 5
    yaws = [
        next(check.value for check in one.quality.checks if check.name == "yaw")
        for one in enrollment.me
        if one.taken
    ]
    assert min(yaws) < -12
    assert max(yaws) > 12
    shown = Counter(look.pose for look in said)
    assert set(Pose) <= set(shown)
    assert said[-1].advice == "Done."
    assert said[-1].covered == WANTED_PHOTOS
