"""A camera's frame is not called a photo; a face that may be the own is asked about."""

import io
from base64 import b64encode

import numpy as np
import pytest
from PIL import Image

from onlyme import ExampleKind, Frame, UsageError
from onlyme.cli.unlock.pictures import encode_frame, encode_photos
from onlyme.testing import draw_face, open_face_id
from onlyme.unlock.daemon.changes import CHANGES


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path) as opened:
        yield opened


def encode(who, number=0):
    file = io.BytesIO()
    Image.fromarray(draw_face(who, number)).save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def test_kinds_reach_the_vault(face_id):
    pictures = [encode("ada", number) for number in range(3)]
    CHANGES["enroll"](face_id, "ada", {"me": pictures, "kinds": ["camera", "video", "photo"]})
    assert [one.kind for one in face_id.examples("ada")] == ["camera", "video", "photo"]


def test_without_kinds_they_are_photos(face_id):
    CHANGES["enroll"](face_id, "ada", {"me": [encode("ada")]})
    assert [one.kind for one in face_id.examples("ada")] == [ExampleKind.PHOTO]


@pytest.mark.parametrize("kinds", [["camera"], "camera", [1, 2], [[], {}], ["", "photo"], {}, 0])
def test_kinds_that_are_none_are_refused(face_id, kinds):
    pictures = [encode("ada", number) for number in range(2)]
    with pytest.raises(UsageError, match="kinds must name one of"):
        CHANGES["enroll"](face_id, "ada", {"me": pictures, "kinds": kinds})
    assert face_id.names() == []


def test_a_cameras_picture_that_is_none_is_reported(face_id):
    broken = b64encode(b"no picture").decode()
    document = {"me": [encode("ada"), broken], "kinds": ["camera", "camera"]}
    reports = CHANGES["enroll"](face_id, "ada", document)["me"]
    assert [report["taken"] for report in reports] == [True, False]
    assert "not a picture" in reports[1]["note"]


def test_a_frame_keeps_its_kind_on_the_way(tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    assert encode_frame(Frame(pixels, "Front", kind=ExampleKind.CAMERA)).kind == "camera"
    assert encode_frame(Frame(pixels, "camera 0")).kind == "camera"
    assert encode_frame(Frame(pixels, "me.mp4", 1.0)).kind == "video"
    path = tmp_path / "me.png"
    Image.fromarray(pixels).save(path)
    assert encode_photos([path])[str(path)].kind == "photo"


def test_the_users_own_face_is_not_taught_unasked(face_id):
    CHANGES["enroll"](face_id, "ada", {"me": [encode("ada", number) for number in range(3)]})
    own, other = {"me": [encode("ada", 7)]}, {"me": [encode("bob")]}
    assert CHANGES["not-me"](face_id, "ada", own)["looks_like_owner"]["accepted"]
    with pytest.raises(UsageError, match="nothing to undo"):
        CHANGES["not-me"](face_id, "ada", {"undo": True})
    assert "margin_after" in CHANGES["not-me"](face_id, "ada", own | {"yes": True})
    assert "margin_after" in CHANGES["not-me"](face_id, "ada", other)
