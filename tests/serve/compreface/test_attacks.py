"""CompreFace's routes, asked by attackers."""

import json

import pytest

from onlyme.faceid.face_id import ANY_OWNER
from onlyme.gate.admission import AttemptSource
from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT, recognize, verify
from tests.serve.pictures import as_frame
from tests.serve.test_identify import put_beside


def test_many_strangers_in_one_picture_are_as_many_attempts(alike, photos):
    picture = put_beside(*[as_frame(photos / "sunak_1.jpg")] * 6)
    assert all(face["subjects"] == [] for face in recognize(alike, "verify", picture))
    (face,) = recognize(alike, "verify", as_frame(photos / "obama_3.jpg"))
    assert face["subjects"] == []  # locked out
    with alike.open_admin() as admin:
        assert admin.gate.allowances()[AttemptSource(ANY_OWNER, "service")].tries == 0


def test_verify_counts_attempts_at_the_person(alike, photos):
    image_id = FaceNumber("biden", 1).image_id
    for _ in range(5):
        verify(alike, "verify", as_frame(photos / "sunak_1.jpg"), image_id)
    for scope in ("verify", "admin"):
        answer = verify(alike, scope, as_frame(photos / "biden_1.jpg"), image_id)
        assert [one["similarity"] for one in answer.json()["result"]] == [0.0]


def test_names_cannot_be_tried_out(alike, photos):
    """An id is made of a name, so a wrong id is a guess, however it is wrong."""
    picture = as_frame(photos / "sunak_1.jpg")
    wrong = [
        FaceNumber("nobody", 1).image_id,
        FaceNumber("obama", 999).image_id,
        "x",
        "..%2F..%2Fv1",
        "YWRh.01",
    ]
    told = [verify(alike, "verify", picture, each) for each in wrong]
    assert [answer.status_code for answer in told] == [404] * 5
    assert len({answer.text for answer in told}) == 1
    assert verify(alike, "verify", picture, FaceNumber("obama", 1).image_id).status_code == 429
    unread = {verify(alike, "enroll", b"junk", each).status_code for each in wrong}
    assert unread == {422}  # what cannot be read is answered alike for every id
    assert verify(alike, "enroll", b"junk", FaceNumber("obama", 1).image_id).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"1",
        b'"ada"',
        b'{"subject": 1}',
        b'{"subject": null}',
        b'{"subject": ["ada"]}',
        b'{"subject": {"subject": "ada"}}',
        b'{"subject": ""}',
        b'{"subject": "\\u0000"}',
        b'{"subject": "\\ud800"}',
        b'{"subject": "' + b"a" * 65 + b'"}',
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b'{"subject": ' + b"9" * 50_000 + b"}",
        b"\xff\xfe",
    ],
    ids=lambda body: str(body[:24]),
)
def test_a_name_that_is_none_is_refused(alike, body):
    kind = {"Content-Type": "application/json"}
    for method, path in (("POST", "subjects"), ("PUT", "subjects/obama")):
        answer = alike.client().request(method, f"{ROOT}/{path}", content=body, headers=kind)
        assert answer.status_code == 400, answer.text
    ids = alike.client().post(f"{ROOT}/faces/delete", content=body, headers=kind)
    assert ids.status_code == (200 if body == b"[]" else 400)
    assert alike.client().get(f"{ROOT}/subjects").json() == {"subjects": ["biden", "obama"]}


def test_a_large_document_is_not_read(alike):
    body = json.dumps({"subject": "a" * 100_000})
    kind = {"Content-Type": "application/json"}
    answer = alike.client().post(f"{ROOT}/subjects", content=body, headers=kind)
    assert answer.status_code == 413
    kind = {"Content-Type": "text/plain"}
    assert alike.client().post(f"{ROOT}/subjects", content="{}", headers=kind).status_code == 415


def test_a_person_is_not_enrolled_under_two_names(alike, photos):
    picture = {"file": (photos / "obama_2.jpg").read_bytes()}
    answer = alike.client().post(f"{ROOT}/faces?subject=eve", files=picture)
    assert answer.status_code == 409
    assert "obama" not in answer.text
    assert alike.client().post(f"{ROOT}/subjects", json={"subject": "obama"}).status_code == 409
    stranger = {"file": (photos / "sunak_1.jpg").read_bytes()}
    mixed = alike.client().post(f"{ROOT}/faces?subject=obama", files=stranger)
    assert mixed.status_code in {409, 422}
