"""Find, embed, compare and search faces without a vault."""

import numpy as np
import pytest

from onlyme import ImageError, UsageError, compare, detect, embed, embed_all
from onlyme.image.decode import decode

pytestmark = pytest.mark.data

OBAMA = tuple(f"obama_{number}.jpg" for number in range(1, 5))


def test_every_face_is_described(data):
    faces = detect(next(list_groups(data)))
    assert len(faces) >= 2
    areas = [face.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    for face in faces:
        assert face.aligned.shape == (112, 112, 3)
        assert face.aligned.dtype == np.uint8
        assert {check.name for check in face.quality.checks} >= {"size", "sharpness"}
        assert max(abs(face.yaw), abs(face.pitch), abs(face.roll)) < 90
        assert face.embedding is None


def list_groups(data):
    """Photos with several faces."""
    for path in sorted((data / "faces").rglob("*.jp*g")):
        if len(detect(path)) >= 2:
            yield path


def test_faces_are_embedded_on_request(photos):
    (face,) = detect(photos / "obama_1.jpg", embed=True)[:1]
    alone = embed(photos / "obama_1.jpg")
    assert face.embedding.model == alone.model
    # A search for all faces looks at a larger picture, so that the box differs a little.
    assert face.embedding.vector @ alone.vector > 0.9


def test_a_picture_without_a_face_has_none():
    assert detect(np.full((90, 90, 3), 128, np.uint8)) == []


def test_a_comparison_says_distance_verdict_and_rate(photos):
    same = compare(photos / "obama_1.jpg", photos / "obama_2.jpg")
    other = compare(photos / "obama_1.jpg", photos / "biden_1.jpg")
    assert same.same is True
    assert other.same is False
    assert same < other  # it is its distance
    assert same.distance == float(same)
    a, b = (embed(photos / f"obama_{number}.jpg").vector for number in (1, 2))
    assert float(same) == pytest.approx(float(np.linalg.norm(a - b)), abs=1e-6)
    assert same.far == other.far == 1e-4
    assert same.margin >= same.alpha
    assert other.margin < other.alpha


def test_it_does_not_matter_which_picture_comes_first(photos):
    there = compare(photos / "obama_1.jpg", photos / "biden_1.jpg")
    back = compare(photos / "biden_1.jpg", photos / "obama_1.jpg")
    assert (there, there.margin, there.alpha) == pytest.approx((back, back.margin, back.alpha))


def test_a_photo_is_the_same_as_itself(photos):
    assert compare(photos / "obama_1.jpg", photos / "obama_1.jpg").same is True


def test_the_order_of_colours_can_be_told(photos):
    pixels = decode(photos / "obama_1.jpg").pixels
    swapped = pixels[..., ::-1].copy()
    assert np.array_equal(embed(swapped, color="bgr").vector, embed(pixels).vector)
    assert len(detect(swapped, color="bgr")) == len(detect(pixels))
    with pytest.raises(ImageError, match='color="bgr"'):
        embed(swapped)
    assert compare(photos / "obama_2.jpg", swapped, color="bgr").same is True


def test_many_pictures_become_one_table(photos, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    paths = [photos / name for name in (*OBAMA, "biden_1.jpg")]
    told = []
    table = embed_all([*paths, tmp_path], on_picture=told.append)
    assert table.pictures == tuple(map(str, paths))
    assert [error.source for error in table.failed] == [str(tmp_path / "broken.jpg")]
    assert told == [*map(str, paths), str(tmp_path / "broken.jpg")]
    distances = table.measure_distances()
    for row, a in enumerate(paths):
        for column, b in enumerate(paths):
            assert distances[row, column] == pytest.approx(float(compare(a, b)), abs=1e-3)
    nearest = table.find_nearest(embed(photos / "obama_2.jpg"), count=4)
    assert {name for name, _ in nearest} == {str(photos / name) for name in OBAMA}
    assert nearest[0] == (str(photos / "obama_2.jpg"), pytest.approx(0, abs=1e-3))


def test_a_table_without_rows_finds_nothing(photos):
    table = embed_all([])
    assert len(table) == 0
    assert table.measure_distances().shape == (0, 0)
    assert table.find_nearest(embed(photos / "obama_1.jpg")) == []


def test_many_pictures_are_never_taken_for_one(photos):
    for call in (embed, lambda many: compare(many, many)):
        with pytest.raises(UsageError, match="embed_all"):
            call([photos / "obama_1.jpg"] * 2)
