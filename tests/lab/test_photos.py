"""Folders and arrays of photos, and the messages about those that cannot be used."""

import cv2
import numpy as np
import pytest
import torch

from onlyme.errors import ImageError, UsageError
from onlyme.lab.batch_reader import BatchReader
from onlyme.lab.comparison.plan import Plan
from onlyme.lab.comparison.split import make_splits
from onlyme.lab.people import IdentitySampler, People, read_people
from onlyme.lab.photos import Photos, read_photos
from onlyme.lab.synthetic import draw_synthetic_faces


def write(folder, faces):
    folder.mkdir(parents=True)
    for index, face in enumerate(faces):
        assert cv2.imwrite(str(folder / f"{index}.png"), face[..., ::-1])
    return folder


def test_folders_are_read_in_order_and_bad_photos_are_reported(tmp_path, load_drawn):
    faces = draw_synthetic_faces(2, 3)
    me, others = write(tmp_path / "me", faces[0]), write(tmp_path / "others", faces[1])
    (me / "notes.txt").write_text("no photo")
    (me / "x.png").write_bytes(b"broken")

    def load(path):
        if path.stem == "x":
            raise ImageError(path.name, "is broken")
        return load_drawn(path)

    photos = read_photos(me, others, load)
    assert np.array_equal(photos.me, faces[0])
    assert photos.skipped == ("x.png: is broken",)
    assert photos.triplets == 3 * 2 * 3


@pytest.mark.parametrize(
    ("me", "not_me", "words"), [(1, 3, "1 usable photo"), (0, 3, "0 usable"), (3, 0, "NOT_ME")]
)
def test_too_few_photos_are_refused(me, not_me, words):
    images = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(UsageError, match=words):
        Photos(images[:me], images[:not_me], ("a.jpg: no face",))


def test_the_message_names_the_photos_that_failed():
    images = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(UsageError, match=r"a\.jpg: no face"):
        Photos(images[:1], images, ("a.jpg: no face",))


@pytest.mark.parametrize("wrong", [np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 9, 3), np.uint8)])
def test_arrays_of_another_kind_are_refused(wrong):
    with pytest.raises(UsageError):
        Photos(wrong, np.zeros((1, 8, 8, 3), np.uint8))


def test_a_missing_folder_is_refused(tmp_path, load_drawn):
    with pytest.raises(UsageError, match="not a folder"):
        read_photos(tmp_path / "none", tmp_path, load_drawn)
    with pytest.raises(UsageError, match="one folder for each person"):
        read_people(tmp_path, load_drawn)


def test_people_are_folders(tmp_path, load_drawn):
    faces = draw_synthetic_faces(2, 3)
    write(tmp_path / "b", faces[1])
    write(tmp_path / "a", faces[0])
    people = read_people(tmp_path, load_drawn, max_photos=2)
    assert people.names == ("a", "b")
    assert np.array_equal(people.faces[0], faces[0][:2])


def test_each_person_weighs_the_same_in_a_batch(people):
    with_one_photo = People((*people.names, "shy"), (*people.faces, people.faces[0][:1]))
    batches = IdentitySampler(with_one_photo, 4, 3, seed=1)
    totals = np.zeros(16, int)
    for step in range(40):
        counts = np.bincount(batches.labels[batches.draw_batch(step)], minlength=16)
        assert sorted(counts)[-4:] == [3, 3, 3, 3]
        assert counts.sum() == 12
        totals += counts
    assert totals.min() > 0


def test_processes_share_a_batch_without_overlap(people):
    batches = IdentitySampler(people, 4, 3)
    whole, labels = BatchReader(batches, seed=0, last=9).get(5)
    for rank in range(3):
        share, all_labels = BatchReader(batches, seed=0, last=9, rank=rank, world=3).get(5)
        assert torch.equal(share, whole[rank::3])
        assert sorted(all_labels.tolist()) == sorted(labels.tolist())


def test_a_batch_needs_people(people):
    with pytest.raises(UsageError, match="only 16 have"):
        IdentitySampler(people, 17, 2)
    with pytest.raises(UsageError, match="at least two photos"):
        IdentitySampler(people, 2, 1)


def test_no_photo_is_trained_on_and_tested(people):
    splits = list(make_splits(people, Plan(owners=2, photos=(2, 3), strangers=4, unseen=20)))
    assert [len(split.photos.me) for split in splits] == [2, 3, 2, 3]
    for split in splits:
        trained = {face.tobytes() for face in (*split.photos.me, *split.photos.not_me)}
        tested = [*split.held, *split.trained, *split.unseen]
        assert not trained & {face.tobytes() for face in tested}
        assert len(split.unseen) == 16 - 1 - 4
    assert np.array_equal(splits[0].held, splits[1].held)


def test_too_few_people_to_compare_are_refused(people):
    with pytest.raises(UsageError, match="9 usable photos"):
        list(make_splits(people, Plan(owners=1, photos=(5,), strangers=4, unseen=20)))
    with pytest.raises(UsageError, match="too few people"):
        list(make_splits(people, Plan(owners=1, photos=(2,), strangers=15, unseen=20)))


def test_a_picture_that_is_there_twice_counts_once(tmp_path, load_drawn):
    """Also where it was saved again with losses."""
    faces = draw_synthetic_faces(2, 3)
    me, others = write(tmp_path / "me", faces[0]), write(tmp_path / "others", faces[1])
    (me / "copy.png").write_bytes((me / "1.png").read_bytes())
    cv2.imwrite(str(me / "zagain.jpg"), faces[0][2][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    photos = read_photos(me, others, load_drawn)
    assert len(photos.me) == 3
    assert len(photos.skipped) == 2
    assert all("is the same picture as" in note for note in photos.skipped)


def test_a_photo_cannot_be_me_and_not_me(tmp_path, load_drawn):
    faces = draw_synthetic_faces(2, 3)
    me, others = write(tmp_path / "me", faces[0]), write(tmp_path / "others", faces[1])
    with pytest.raises(UsageError, match=r"3 of the NOT_ME photos .* are also ME photos"):
        read_photos(me, me, load_drawn)
    cv2.imwrite(str(others / "mine.jpg"), faces[0][1][..., ::-1])
    with pytest.raises(UsageError, match="1 of the NOT_ME photos"):
        read_photos(me, others, load_drawn)


def test_what_looks_wrong_about_people_is_told(tmp_path, load_drawn):
    faces = draw_synthetic_faces(3, 3)
    for name, mine in (("ada", faces[0]), ("bob", faces[1][:1]), ("eve", faces[2])):
        write(tmp_path / name, mine)
    (tmp_path / "eve" / "stolen.png").write_bytes((tmp_path / "ada" / "0.png").read_bytes())
    (tmp_path / "eve" / "twice.png").write_bytes((tmp_path / "eve" / "0.png").read_bytes())
    notes = "\n".join(read_people(tmp_path, load_drawn).list_notes())
    assert "1 of 3 people have one usable photo" in notes
    assert "ada and eve hold the same picture" in notes
    assert "twice.png: is the same picture as 0.png" in notes
