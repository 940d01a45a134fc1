"""Which photos become part of a template."""

import sys
from pathlib import Path

import numpy as np
import pytest

from onlyme.enrollment.examine import examine_photo
from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError
from onlyme.face.no_photo import _load_rule, resembles_no_photo
from onlyme.image.decode import decode
from onlyme.siamese.distance import (
    SAME_PERSON_DISTANCE,
    SAME_PICTURE_DISTANCE,
    SHIPPED_LIMITS,
    UNMEASURED_LIMITS,
    PhotoLimits,
)
from onlyme.types import Embedding

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from stylize import STYLES


def vector(random, near=None, distance=0.0):
    """A random direction, or one at a distance from another."""
    direction = random.normal(size=128)
    if near is not None:
        direction -= (direction @ near) * near
        direction /= np.linalg.norm(direction)
        angle = 2 * np.arcsin(distance / 2)
        direction = np.cos(angle) * near + np.sin(angle) * direction
    return (direction / np.linalg.norm(direction)).astype(np.float32)


@pytest.fixture
def collect(pipeline):
    def collect(*vectors, known=(), limits=SHIPPED_LIMITS):
        known = np.array(known, np.float32).reshape(len(known), 128)
        collector = PhotoCollector(pipeline, judge_quality=True, known=known, limits=limits)
        for one in vectors:
            collector.add(Embedding(one, pipeline.embedder.model))
        collector.refuse_strays()
        return [report.taken for report in collector.reports]

    return collect


def test_a_stray_among_many_is_refused(collect):
    random = np.random.default_rng(0)
    person = vector(random)
    photos = [vector(random, person, 0.6) for _ in range(4)]
    assert collect(*photos[:2], vector(random), *photos[2:]) == [True, True, False, True, True]


def test_two_against_two_shows_nobody(collect):
    random = np.random.default_rng(1)
    a, b = vector(random), vector(random)
    with pytest.raises(EnrollmentError, match="different people"):
        collect(a, vector(random, a, 0.7), b, vector(random, b, 0.7))


def test_the_known_person_decides(collect):
    random = np.random.default_rng(2)
    a, b = vector(random), vector(random)
    known = [vector(random, a, 0.6) for _ in range(3)]
    assert collect(vector(random, a, 0.6), b, known=known) == [True, False]


@pytest.mark.parametrize(
    ("distance", "taken"),
    [(SAME_PICTURE_DISTANCE - 0.02, False), (SAME_PICTURE_DISTANCE + 0.02, True)],
)
def test_the_same_picture_is_taken_once(collect, distance, taken):
    random = np.random.default_rng(3)
    one = vector(random)
    other = vector(random, one, distance)
    assert collect(one, other) == [True, taken]
    assert collect(other, known=[one]) == [taken]


def test_of_a_network_that_nobody_measured_only_equal_embeddings_are_one_picture(collect):
    """Trained on its owner, it puts all photos in one place, and strangers anywhere."""
    random = np.random.default_rng(4)
    one, far = vector(random), vector(random)
    near = vector(random, one, SAME_PICTURE_DISTANCE / 3)
    assert collect(one, near, one, far, limits=UNMEASURED_LIMITS) == [True, True, False, True]


def test_a_network_of_ones_own_has_its_own_limits(collect):
    """Calibrated, it may put all faces nearer to each other, or farther, than the shipped one."""
    random = np.random.default_rng(5)
    person = vector(random)
    photos = [vector(random, person, apart) for apart in (0.1, 0.14, 0.12)]
    stray = vector(random, person, 0.8)
    assert collect(*photos) == [True, False, False]
    close = PhotoLimits(same_picture=0.01, same_person=0.5)
    assert collect(*photos, stray, photos[0], limits=close) == [True, True, True, False, False]


def test_the_limits_stand_in_order():
    assert 0 < SAME_PICTURE_DISTANCE < SAME_PERSON_DISTANCE < 2


def test_a_vector_of_another_network_is_refused(pipeline):
    collector = PhotoCollector(pipeline, judge_quality=True, known=np.empty((0, 128), np.float32))
    report = collector.add(Embedding(np.eye(128, dtype=np.float32)[0], "0" * 64))
    assert not report.taken
    assert "another network" in report.note


# --------------------------------------------------- what can be used is used


def test_an_empty_folder_does_not_waste_the_photos_beside_it(face_id, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    given = [photos / "obama_1.jpg", tmp_path / "empty", tmp_path / "missing.jpg"]
    done = face_id.enroll("ada", given, [tmp_path / "empty"])
    assert [report.taken for report in done.me] == [True, False, False]
    assert [report.source for report in done.me[1:]] == [str(one) for one in given[1:]]
    assert "holds no image file" in done.me[1].note
    assert [report.taken for report in done.not_me] == [False]
    assert face_id.names() == ("ada",) or list(face_id.names()) == ["ada"]


def test_a_message_names_some_of_a_thousand_photos(face_id, tmp_path):
    for number in range(300):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    with pytest.raises(EnrollmentError, match="and 290 more") as caught:
        face_id.enroll("ada", tmp_path)
    assert len(str(caught.value)) < 4000


# ------------------------------------------------------- several faces in a photo


def beside(one, other, scale):
    """Two photos side by side; the second is scaled."""
    import cv2

    pictures = [decode(path).pixels for path in (one, other)]
    pictures = [cv2.resize(p, (400, 400)) for p in pictures]
    side = round(400 * scale)
    small = np.full((400, side, 3), 128, np.uint8)
    small[400 - side :] = cv2.resize(pictures[1], (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.hstack([pictures[0], small]))


def test_a_photo_with_another_near_face_is_not_taken_alone(face_id, photos):
    picture = beside(photos / "obama_2.jpg", photos / "biden_1.jpg", 0.95)
    with pytest.raises(EnrollmentError, match="cut the photo to one person"):
        face_id.enroll("ada", [picture])


def test_it_is_taken_where_another_photo_shows_the_same_person(face_id, photos):
    picture = beside(photos / "obama_2.jpg", photos / "biden_1.jpg", 0.95)
    done = face_id.enroll("ada", [picture, photos / "obama_1.jpg"])
    assert [report.taken for report in done.me] == [True, True]
    assert "shows 2 faces; the one of" in done.me[0].note
    assert "times as large as the next" in done.me[0].note


def test_it_is_refused_where_another_photo_shows_the_other_one(face_id, photos):
    """A child beside an adult who stands nearer, and a photo of the child alone."""
    pictures = [
        beside(photos / "obama_2.jpg", photos / "biden_1.jpg", scale) for scale in (0.9, 0.95)
    ]
    done = face_id.enroll("child", [*pictures, photos / "biden_1.jpg"])
    assert [report.taken for report in done.me] == [False, False, True]


def test_a_face_far_in_the_background_is_noted(face_id, photos):
    picture = beside(photos / "obama_2.jpg", photos / "biden_1.jpg", 0.3)
    done = face_id.enroll("ada", [picture])
    assert done.me[0].taken
    assert "shows 2 faces" in done.me[0].note


@pytest.mark.data
@pytest.mark.parametrize("name", ["alpaca_s38", "dog_s30", "dog_s31", "dog_s32"])
def test_an_animal_is_noted(face_id, data, name):
    (report,) = face_id.enroll("rex", data / "hard" / f"liveportrait_{name}.jpg").me
    assert "hardly looks like a person" in report.note


NO_PERSON = ("hardly looks like a person", "may be no photo of a person")


@pytest.mark.data
def test_a_statue_is_noted(face_id, data):
    """It was never learned from, and detection takes it for a person."""
    (report,) = face_id.enroll("rex", data / "hard" / "liveportrait_statue_s6.jpg").me
    assert report.taken
    assert report.note.startswith(NO_PERSON[1])


@pytest.mark.parametrize("style", ["pencil", "pencilgrey"])
def test_a_drawing_is_noted(face_id, photos, style):
    picture = decode(photos / "obama_2.jpg").pixels[..., ::-1]
    drawn = STYLES[style](np.ascontiguousarray(picture))[..., ::-1]
    (report,) = face_id.enroll("rex", np.ascontiguousarray(drawn)).me
    assert report.note.startswith(NO_PERSON)


@pytest.mark.parametrize("photo", ["obama_1.jpg", "obama_2.jpg", "obama_4.jpg", "biden_1.jpg"])
def test_a_person_is_not_noted(face_id, photos, photo):
    (report,) = face_id.enroll("ada", photos / photo).me
    assert report.note == ""


@pytest.mark.data
def test_few_photos_of_people_are_noted(pipeline, data):
    """Of people who were not learned from; one in a hundred is measured."""
    people = sorted(one for one in (data / "lfw_dev").iterdir() if one.is_dir())[1::45]
    photos = [sorted(one.iterdir())[0] for one in people]
    crops = sorted((data / "utk_dev").rglob("*.jpg"))[1::60]
    said = [examine_photo(pipeline, one, judge_quality=True).note for one in [*photos, *crops]]
    assert len(said) > 80
    assert sum(note.startswith(NO_PERSON) for note in said) <= 4


def test_of_another_networks_vectors_nothing_is_known():
    """The rule belongs to the vectors of one network."""
    weights, _, model = _load_rule()
    most = weights / np.linalg.norm(weights)
    assert resembles_no_photo(Embedding(most, model))
    assert not resembles_no_photo(Embedding(-most, model))
    assert not resembles_no_photo(Embedding(most, "0" * 64))
    short = most[:2] / np.linalg.norm(most[:2])
    assert not resembles_no_photo(Embedding(short, model))
    assert not resembles_no_photo(None)


# ----------------------------------------------------------------- plain advice


@pytest.mark.parametrize(("turns", "says"), [(1, "lies on its side"), (3, "lies on its side")])
def test_a_photo_on_its_side_is_called_that(face_id, photos, turns, says):
    picture = np.ascontiguousarray(np.rot90(decode(photos / "obama_1.jpg").pixels, turns))
    with pytest.raises(EnrollmentError, match=says):
        face_id.enroll("ada", picture)


@pytest.mark.parametrize(("level", "says"), [(0, "nearly black"), (255, "nearly white")])
def test_a_black_picture_is_called_that(face_id, level, says):
    with pytest.raises(EnrollmentError, match=says):
        face_id.enroll("ada", np.full((300, 300, 3), level, np.uint8))
