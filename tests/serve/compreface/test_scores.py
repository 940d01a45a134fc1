"""What CompreFace's routes tell of a face, by scope."""

from base64 import b64encode

import pytest

from onlyme.face.detect import Detector
from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT, recognize, verify
from tests.serve.pictures import as_frame
from tests.serve.test_identify import put_beside


def test_without_scores_a_face_is_somebody_or_nobody(alike, photos):
    known, stranger = (as_frame(photos / f"{name}.jpg") for name in ("obama_3", "sunak_1"))
    for scope in ("verify", "enroll"):
        (face,) = recognize(alike, scope, known, prediction_count=10)
        assert face["subjects"] == [{"subject": "obama", "similarity": 1.0}]
        (face,) = recognize(alike, scope, stranger, prediction_count=10)
        assert face["subjects"] == []
    for scope in ("scores", "admin"):
        (face,) = recognize(alike, scope, known, prediction_count=10)
        assert [one["subject"] for one in face["subjects"]] == ["obama", "biden"]
        first, second = (one["similarity"] for one in face["subjects"])
        assert 0.5 <= first < 1
        assert 0 <= second < 0.5
        (face,) = recognize(alike, scope, stranger)
        (one,) = face["subjects"]
        assert 0 <= one["similarity"] < 0.5


def test_a_face_that_liveness_refuses_has_no_similarity(alike, photos):
    """Clients of CompreFace open by the number alone."""
    picture = as_frame(photos / "obama_partial.jpg")
    for scope in ("scores", "admin"):
        (face,) = recognize(alike, scope, picture)
        assert all(one["similarity"] < 0.5 for one in face["subjects"])
        image_id = FaceNumber("obama", 1).image_id
        answer = alike.client(scope).post(
            f"{ROOT}/faces/{image_id}/verify", files={"file": picture}
        )
        assert [one["similarity"] for one in answer.json()["result"]] == [0.0]
    (face,) = recognize(alike, "verify", picture)
    assert face["subjects"] == []


def test_verify_tells_as_much(alike, photos):
    known, stranger = (as_frame(photos / f"{name}.jpg") for name in ("obama_3", "sunak_1"))
    image_id = FaceNumber("obama", 1).image_id
    for picture, similarity in ((known, 1.0), (stranger, 0.0)):
        (face,) = verify(alike, "verify", picture, image_id).json()["result"]
        assert (face["subject"], face["similarity"]) == ("obama", similarity)
        assert face["box"]["probability"] > 0.5
        (face,) = verify(alike, "scores", picture, image_id).json()["result"]
        assert (face["similarity"] >= 0.5) == bool(similarity)
        assert face["similarity"] not in {0.0, 1.0}


def test_options_of_recognize(alike, photos):
    both = put_beside(*(as_frame(photos / f"{name}.jpg") for name in ("obama_3", "sunak_1")))
    assert len(recognize(alike, "verify", both)) == 2
    with alike.open_admin() as admin:
        before = sum(1 for _ in admin.gate.audit.entries())
    assert len(recognize(alike, "verify", both, limit=1)) == 1
    with alike.open_admin() as admin:  # the face that is left out is no attempt
        assert sum(1 for _ in admin.gate.audit.entries()) == before + 1
    (face,) = recognize(alike, "verify", as_frame(photos / "obama_3.jpg"), face_plugins="landmarks")
    assert len(face["landmarks"]) == 5
    (face,) = recognize(alike, "admin", as_frame(photos / "obama_3.jpg"), prediction_count=0)
    assert face["subjects"] == []
    plugins = "age,gender,calculator"
    (face,) = recognize(alike, "admin", as_frame(photos / "obama_3.jpg"), face_plugins=plugins)
    assert set(face) == {"box", "subjects"}  # an embedding least of all
    for wrong in ("det_prob_threshold=2", "limit=-1", "face_plugins=x", "prediction_count=999"):
        asked = alike.client().post(f"{ROOT}/recognize?{wrong}", files={"file": both})
        assert asked.status_code == 400, wrong
    sure = alike.client().post(f"{ROOT}/recognize?det_prob_threshold=1", files={"file": both})
    assert (sure.status_code, sure.json()["code"]) == (400, 28)


def test_pictures_come_as_base64_too(alike, photos):
    picture = b64encode(as_frame(photos / "obama_3.jpg")).decode()
    answer = alike.client("verify").post(f"{ROOT}/recognize", json={"file": picture})
    assert answer.json()["result"][0]["subjects"] == [{"subject": "obama", "similarity": 1.0}]


@pytest.fixture
def searched(alike, photos, monkeypatch):
    """The options of each search for faces from here on."""
    picture = as_frame(photos / "obama_3.jpg")  # the first look also tries the networks' runtime
    alike.client("verify").post(f"{ROOT}/recognize", files={"file": picture})
    found, detect = [], Detector.detect

    def count(self, pixels, **more):
        found.append(more)
        return detect(self, pixels, **more)

    monkeypatch.setattr(Detector, "detect", count)
    return found


@pytest.mark.parametrize("path", ["recognize", "faces/{id}/verify", "/v1/identify?all=true"])
def test_a_picture_is_searched_once(alike, photos, searched, path):
    """Also to tell where the face is, where there are two, and where the gate refuses.

    Where all faces are looked for, there is a second, finer search for small ones.
    """
    finds_all = "verify" not in path
    one, other = (as_frame(photos / f"{name}.jpg") for name in ("obama_3", "sunak_1"))
    address = path if path.startswith("/") else f"{ROOT}/{path}"
    address = address.format(id=FaceNumber("obama", 1).image_id)
    field = "frame" if path.startswith("/") else "file"
    for picture in (one, other, put_beside(one, other)):
        searched.clear()
        answer = alike.client("verify").post(address, files={field: picture})
        assert answer.status_code == 200, answer.text
        assert len(searched) == (2 if finds_all else 1)
        assert [each for each in searched if not each] == [{}]
    for _ in range(6):  # until the gate refuses
        searched.clear()
        alike.client("verify").post(address, files={field: other})
        assert searched.count({}) <= 1


def test_a_face_that_is_added_is_searched_once(alike, photos, searched):
    picture = as_frame(photos / "obama_2.jpg")
    for wanted, status in (("0", 201), ("1", 400)):  # as sure as no face is
        searched.clear()
        address = f"{ROOT}/faces?subject=obama&det_prob_threshold={wanted}"
        answer = alike.client("admin").post(address, files={"file": picture})
        assert answer.status_code == status, answer.text
        assert searched.count({}) == 1  # a finer search, for small faces beside, is another one
