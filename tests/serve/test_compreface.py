"""CompreFace's recognition API, asked by CompreFace's own client and by attackers."""

import importlib
import json
import sys
import types
from base64 import b64encode

import pytest

from onlyme.faceid.face_id import ANY_OWNER
from onlyme.gate.admission import AttemptSource
from onlyme.serve.access.tokens import Scope
from onlyme.serve.compreface.people import FaceNumber
from tests.serve.pictures import as_frame
from tests.serve.test_identify import put_beside

ROOT = "/api/v1/recognition"


@pytest.fixture(scope="module")
def alike(served):
    """A service with these routes, over a vault that knows obama and biden."""
    with served(compreface=True) as server:
        yield server


@pytest.fixture(scope="module")
def empty(served):
    """The same, for tests that change who is enrolled."""
    with served(compreface=True) as server:
        server.client().delete(f"{ROOT}/subjects")
        yield server


@pytest.fixture(autouse=True)
def afresh(request):
    yield
    for name in {"alike", "empty"} & set(request.fixturenames):
        request.getfixturevalue(name).reset()


@pytest.fixture
def sdk(monkeypatch):
    """CompreFace's client, as published.

    It needs a module that urllib3 2 has not any more, for machines of a cloud that it does not use.
    """
    gone = "urllib3.contrib.appengine"
    monkeypatch.setitem(sys.modules, gone, types.ModuleType(gone))
    return importlib.import_module("compreface")


def connect(sdk, server, scope):
    host = f"http://127.0.0.1:{server.port}".rpartition(":")
    options = {"limit": 0, "det_prob_threshold": 0.5, "prediction_count": 3, "status": True}
    client = sdk.CompreFace(host[0], host[2], options)
    return client.init_face_recognition(server.secrets[scope])


def test_its_client_works_unchanged(sdk, empty, photos):
    service = connect(sdk, empty, "admin")
    subjects, faces = service.get_subjects(), service.get_face_collection()
    assert subjects.list() == {"subjects": []}
    assert subjects.add("ada") == {"subject": "ada"}
    assert subjects.list() == {"subjects": ["ada"]}
    # As bytes: it leaves files open.
    added = faces.add((photos / "obama_1.jpg").read_bytes(), "ada", {"det_prob_threshold": 0.8})
    assert added["subject"] == "ada"
    second = faces.add((photos / "obama_2.jpg").read_bytes(), "ada")
    assert second["image_id"] != added["image_id"]
    assert faces.list()["faces"] == [added, second]
    assert faces.list()["total_elements"] == 2

    picture = as_frame(photos / "obama_3.jpg")
    answer = service.recognize(picture)
    (face,) = answer["result"]
    assert {"detector", "calculator"} <= set(answer["plugins_versions"])
    assert 0 <= face["box"]["x_min"] < face["box"]["x_max"]
    assert face["subjects"][0]["subject"] == "ada"
    assert 0.5 < face["subjects"][0]["similarity"] <= 1
    (verified,) = faces.verify(picture, added["image_id"])["result"]
    assert verified["subject"] == "ada"
    assert verified["similarity"] > 0.5
    (stranger,) = service.recognize(as_frame(photos / "sunak_1.jpg"))["result"]
    assert stranger["subjects"][0]["similarity"] < 0.5

    assert subjects.update("ada", "grace") == {"updated": True}
    assert subjects.list() == {"subjects": ["grace"]}
    ids = [face["image_id"] for face in faces.list()["faces"]]
    assert faces.delete(ids[0]) == {"image_id": ids[0], "subject": "grace"}
    assert faces.list()["total_elements"] == 1
    assert faces.delete_all("grace") == {"deleted": 1}
    assert subjects.list() == {"subjects": ["grace"]}
    assert subjects.delete("grace") == {"subject": "grace"}
    assert subjects.add("bob") == {"subject": "bob"}
    assert subjects.delete_all() == {"deleted": 1}
    assert subjects.list() == {"subjects": []}


def test_its_client_reads_a_refusal(sdk, empty, photos):
    service = connect(sdk, empty, "admin")
    blank = put_beside(as_frame(photos / "obama_3.jpg"))[:100]
    assert service.recognize(blank)["message"].startswith("image.jpg: ")
    assert service.get_subjects().delete("nobody")["message"]
    key = connect(sdk, empty, "verify").get_subjects().add("eve")
    assert key["type"] == "urn:onlyme:problem:scope"


def test_a_picture_without_a_face_is_refused_as_there(alike, photos):
    from tests.serve.hostile.sending import make_jpeg

    blank = make_jpeg(320, 240)
    image_id = FaceNumber("obama", 1).image_id
    for path in ("recognize", f"faces/{image_id}/verify"):
        answer = alike.client("verify").post(f"{ROOT}/{path}", files={"file": blank})
        assert (answer.status_code, answer.json()["code"]) == (400, 28)
        assert answer.json()["message"] == "No face is found in the given image"
    answer = alike.client().post(f"{ROOT}/faces?subject=eve", files={"file": blank})
    assert (answer.status_code, answer.json()["code"]) == (400, 28)
    assert "eve" not in alike.client().get(f"{ROOT}/subjects").json()["subjects"]


# ------------------------------------------------------------------------ keys


def test_by_default_there_are_no_such_routes_and_no_such_keys(running):
    for method, path in (("GET", "subjects"), ("POST", "recognize"), ("DELETE", "faces")):
        assert running.client().request(method, f"{ROOT}/{path}").status_code == 404
        key = {"x-api-key": running.secrets["admin"]}
        bare = running.client(None).request(method, f"{ROOT}/{path}", headers=key)
        assert bare.status_code == 401
    assert not any(path.startswith("/api") for path in running.service_document["paths"])


def test_the_key_is_a_token_and_opens_nothing_else(alike):
    key = {"x-api-key": alike.secrets["admin"]}
    ask = alike.client(None).get
    assert ask(f"{ROOT}/subjects", headers=key).status_code == 200
    for path in ("/v1/names", "/", "/v1/openapi.json", "/api/../v1/names", "/API/v1/recognition"):
        assert ask(path, headers=key).status_code == 401, path
    for wrong in ("", "x", "onlyme_" + "A" * 43, alike.secrets["admin"][:-1]):
        assert ask(f"{ROOT}/subjects", headers={"x-api-key": wrong}).status_code == 401
    both = key | {"Authorization": "Bearer wrong"}
    assert ask(f"{ROOT}/subjects", headers=both).status_code == 401
    # A page of another site cannot use it, whatever it knows.
    foreign = key | {"Origin": "http://evil.example"}
    assert ask(f"{ROOT}/subjects", headers=foreign).status_code == 403


@pytest.mark.parametrize("scope", ["verify", "scores", "enroll", "metrics", "embeddings"])
def test_only_an_admin_changes_who_is_known(alike, photos, scope):
    client = alike.client(scope)
    picture = {"file": (photos / "obama_2.jpg").read_bytes()}
    image_id = FaceNumber("obama", 1).image_id
    before = alike.client().get(f"{ROOT}/faces").json()
    for method, path, body in (
        ("POST", "subjects", {"json": {"subject": "eve"}}),
        ("PUT", "subjects/obama", {"json": {"subject": "eve"}}),
        ("DELETE", "subjects/obama", {}),
        ("DELETE", "subjects", {}),
        ("POST", "faces?subject=obama", {"files": picture}),
        ("POST", "faces?subject=eve", {"files": picture}),
        ("DELETE", "faces?subject=obama", {}),
        ("DELETE", "faces", {}),
        ("DELETE", f"faces/{image_id}", {}),
        ("POST", "faces/delete", {"json": [image_id]}),
    ):
        answer = client.request(method, f"{ROOT}/{path}", **body)
        assert answer.status_code == 403, (method, path)
    assert alike.client().get(f"{ROOT}/faces").json() == before
    for path in ("subjects", "faces"):
        listed = client.get(f"{ROOT}/{path}")
        assert listed.status_code == (200 if scope == "enroll" else 403)


# ---------------------------------------------------------------------- scores


def recognize(server, scope, picture, **params):
    answer = server.client(scope).post(f"{ROOT}/recognize", files={"file": picture}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


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


def verify(server, scope, picture, image_id, **params):
    return server.client(scope).post(
        f"{ROOT}/faces/{image_id}/verify", files={"file": picture}, params=params
    )


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


# --------------------------------------------------------------------- attacks


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


# ----------------------------------------------------------------------- faces


def test_pages_of_faces(alike):
    client = alike.client("enroll")
    listed = client.get(f"{ROOT}/faces").json()
    assert [face["subject"] for face in listed["faces"]] == ["biden"] + ["obama"] * 3
    assert (listed["total_elements"], listed["total_pages"]) == (4, 1)
    for size in (1, 2, 3):
        pages = [
            client.get(f"{ROOT}/faces", params={"page": page, "size": size}).json()["faces"]
            for page in range(-(-4 // size))
        ]
        assert [face for page in pages for face in page] == listed["faces"]
    assert client.get(f"{ROOT}/faces?page=9").json()["faces"] == []
    only = client.get(f"{ROOT}/faces?subject=obama").json()
    assert (only["total_elements"], len(only["faces"])) == (3, 3)
    assert client.get(f"{ROOT}/faces?subject=nobody").json()["total_elements"] == 0
    assert client.get(f"{ROOT}/faces?size=0").status_code == 400


def test_subjects_are_renamed_merged_and_emptied(empty, photos):
    client = empty.client()
    for subject, photo in (("a b/c", "obama_1"), ("other", "obama_2"), ("bob", "biden_1")):
        picture = {"file": (photos / f"{photo}.jpg").read_bytes()}
        added = client.post(f"{ROOT}/faces", params={"subject": subject}, files=picture)
        if subject == "other":  # the same person under two names
            assert added.status_code == 409
            continue
        assert added.status_code == 201, added.text
        assert FaceNumber.parse(added.json()["image_id"]).subject == subject
    assert client.put(f"{ROOT}/subjects/a%20b%2Fc", json={"subject": "ada"}).json() == {
        "updated": True
    }
    # Two people do not become one because a name is there already.
    refused = client.put(f"{ROOT}/subjects/bob", json={"subject": "ada"})
    assert refused.status_code == 400
    assert client.get(f"{ROOT}/subjects").json() == {"subjects": ["ada", "bob"]}
    assert client.put(f"{ROOT}/subjects/nobody", json={"subject": "x"}).status_code == 404
    assert client.delete(f"{ROOT}/subjects/nobody").status_code == 404

    client.post(f"{ROOT}/subjects", json={"subject": "new"})
    client.put(f"{ROOT}/subjects/new", json={"subject": "newer"})
    assert client.get(f"{ROOT}/subjects").json() == {"subjects": ["ada", "bob", "newer"]}
    client.put(f"{ROOT}/subjects/bob", json={"subject": "newer"})
    assert client.get(f"{ROOT}/subjects").json() == {"subjects": ["ada", "newer"]}

    ids = [face["image_id"] for face in client.get(f"{ROOT}/faces").json()["faces"]]
    gone = client.post(f"{ROOT}/faces/delete", json=[*ids, *ids, "nothing"]).json()
    assert sorted(face["image_id"] for face in gone) == sorted(ids)
    assert client.get(f"{ROOT}/faces").json()["total_elements"] == 0
    assert client.get("/v1/names").json() == []  # everything about them is erased
    assert client.get(f"{ROOT}/subjects").json() == {"subjects": ["ada", "newer"]}
    assert client.delete(f"{ROOT}/faces/{ids[0]}").status_code == 404
    assert client.delete(f"{ROOT}/faces").json() == {"deleted": 0}
    assert client.delete(f"{ROOT}/subjects").json() == {"deleted": 2}


def test_every_scope_is_known_here():
    assert {str(scope) for scope in Scope} == {
        *("verify", "scores", "enroll", "admin", "metrics", "embeddings")
    }
