"""No plausible mistake of a program opens a door."""

import copy
import io
import pickle

import numpy as np
import pytest
from PIL import Image

from onlyme import Decision, FaceID, ImageError, Liveness, OnlymeError, Reason, UsageError
from onlyme.image.decode import decode
from onlyme.testing import draw_face, open_face_id


@pytest.fixture(scope="module")
def face_id(tmp_path_factory):
    with open_face_id(tmp_path_factory.mktemp("vault")) as opened:
        opened.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        yield opened


@pytest.mark.parametrize("reason", Reason)
def test_a_decision_is_true_exactly_when_it_accepts(reason):
    decision = Decision(reason is Reason.MATCH, "ada", reason, liveness=Liveness())
    assert bool(decision) is (reason is Reason.MATCH)


MANY = {
    "list": list,
    "tuple": tuple,
    "generator": lambda pictures: (picture for picture in pictures),
    "map": lambda pictures: map(np.asarray, pictures),
    "set of paths": lambda _: {"a.jpg", "b.jpg"},
    "dictionary": lambda pictures: dict(enumerate(pictures)),
    "one array": np.stack,
    "one alone": lambda pictures: pictures[:1],
    "none": lambda _: [],
}


@pytest.mark.parametrize("kind", MANY)
def test_many_pictures_are_never_taken_for_one(face_id, kind):
    """A stranger's pictures with one of the owner among them must not become one attempt."""
    pictures = [draw_face("bob"), draw_face("ada", 5), draw_face("bob", 2)]
    for call in (lambda images: face_id.verify("ada", images), face_id.identify):
        with pytest.raises(UsageError, match="verify_all"):
            call(MANY[kind](pictures))


def test_frames_of_different_people_are_no_capture(face_id):
    ada, bob = [draw_face("ada", number) for number in (5, 6)], draw_face("bob")
    for frames in ([*ada, bob], [bob, *ada], [ada[0], bob, ada[1]]):
        with pytest.raises(UsageError, match="different people"):
            face_id.verify("ada", frames=frames)
    assert face_id.verify("ada", frames=ada)


def test_a_picture_and_frames_at_once_are_refused(face_id):
    picture = draw_face("ada", 5)
    for given in ({}, {"image": picture, "frames": [picture]}, {"frames": picture}):
        with pytest.raises(UsageError):
            face_id.verify("ada", **given)


ARRAYS = {
    "float of 0 to 1": (lambda a: a / 255.0, r"\(255 \* array\)\.round"),
    "float of 0 to 255": (lambda a: a.astype(np.float32), r"\(array\)\.round"),
    "float that is no number": (lambda a: a * np.nan, "round"),
    "grey": (lambda a: a[..., 0], r"numpy\.stack"),
    "grey with an axis": (lambda a: a[..., :1], r"array\.repeat"),
    "RGBA": (lambda a: np.dstack([a, a[..., :1]]), r"array\[\.\.\., :3\]"),
    "16 bits": (lambda a: a.astype(np.uint16) * 257, "257"),
    "colours first": (lambda a: a.transpose(2, 0, 1).copy(), r"transpose\(1, 2, 0\)"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_of_another_kind_is_refused_with_what_to_write(face_id, kind):
    change, advice = ARRAYS[kind]
    with pytest.raises(ImageError, match=advice):
        face_id.verify("ada", change(draw_face("ada", 5)))


def test_the_advice_for_arrays_works():
    """What the messages say to write gives back the picture."""
    array = draw_face("ada", 5)
    for kind in ("float of 0 to 1", "float of 0 to 255", "RGBA", "16 bits", "colours first"):
        changed = ARRAYS[kind][0](array)
        with pytest.raises(ImageError) as refused:
            decode(changed)
        written = str(refused.value).partition("order: ")[2]
        assert np.array_equal(eval(written, {"array": changed, "numpy": np}), array)  # noqa: S307 - what our own messages say


def test_an_open_file_is_refused_with_what_to_write(face_id):
    file = io.BytesIO()
    Image.fromarray(draw_face("ada", 5)).save(file, "PNG")
    file.seek(0)
    with pytest.raises(ImageError, match=r"file\.read\(\)"):
        face_id.verify("ada", file)
    assert face_id.verify("ada", file.read())


@pytest.mark.data
def test_exchanged_colours_are_noticed_and_can_be_told(tmp_path, photos):
    with FaceID.open(tmp_path) as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
        right = decode(photos / "obama_2.jpg").pixels
        swapped = right[..., ::-1].copy()
        assert face_id.verify("obama", right)
        for call in (
            lambda: face_id.verify("obama", swapped),
            lambda: face_id.verify("obama", frames=[swapped]),
            lambda: face_id.identify(swapped),
        ):
            with pytest.raises(ImageError, match='color="bgr"'):
                call()
        (report,) = face_id.enroll("other", [swapped, right], anyway=True).me[:1]
        assert "red and blue exchanged" in report.note
        told = face_id.verify("obama", swapped, color="bgr")
        assert told.margin == face_id.verify("obama", right).margin
        assert face_id.identify(swapped, color="bgr").name is None  # enrolled under two names


def test_an_order_of_colours_is_told_of_arrays_only(face_id):
    for given in ({"image": "ada.jpg", "color": "bgr"}, {"image": b"", "color": "brg"}):
        with pytest.raises(UsageError, match="color"):
            face_id.verify("ada", **given)


@pytest.mark.parametrize("copy_it", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_handle_is_not_sent_to_another_process(face_id, copy_it):
    """As `ProcessPoolExecutor` would: a key must not travel, nor two handles share a connection."""
    with pytest.raises(UsageError, match=r"call FaceID\.open there"):
        copy_it(face_id)
    with pytest.raises(UsageError, match=r"call FaceID\.open there"):
        pickle.dumps(face_id.verify)
    decision = face_id.verify("ada", draw_face("ada", 5))
    assert pickle.loads(pickle.dumps(decision)).accepted  # noqa: S301 - our own


class Hostile:
    """Answers every question with an exception that is not onlyme's."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __fspath__(self):
        raise RuntimeError("path")


ODD = (None, 7, 3.5, object(), Hostile(), lambda: None, float("nan"), range(3), {"a": 1}, b"")


@pytest.mark.parametrize("number", range(len(ODD)))
def test_nothing_but_an_error_of_onlyme_is_raised(face_id, number):
    odd = ODD[number]
    calls = (
        lambda: face_id.verify("ada", odd),
        lambda: face_id.verify("ada", frames=odd),
        lambda: face_id.verify(odd, draw_face("ada")),
        lambda: face_id.identify(odd),
        lambda: face_id.identify_faces(odd),
        lambda: list(face_id.verify_all("ada", odd)),
        lambda: face_id.enroll("eve", odd),
    )
    for call in calls:
        try:
            answer = call()
        except OnlymeError:
            continue
        assert not any(answer), "an odd thing opened"
