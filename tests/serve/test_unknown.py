"""People without a name over REST: listed, shown, named with a yes, forgotten; for admins alone."""

import re
from dataclasses import replace

import pytest

from onlyme import FaceID
from onlyme.gallery.gallery import GalleryPerson
from onlyme.serve.client import Client
from onlyme.settings import Settings
from tests.events.visits import keep_visits, make_faces, make_visit
from tests.serve.conftest import serving


@pytest.fixture
def door(tmp_path, monkeypatch):
    """A service that keeps six visits of three people."""
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "30")
    with FaceID.open(tmp_path / "vault") as face_id:
        keep_visits(face_id)
    with serving(Settings.load(vault=tmp_path / "vault")) as running:
        yield running


def read_groups(running):
    answer = running.client().get("/v1/unknown")
    assert answer.status_code == 200, answer.text
    return answer.json()["groups"]


def name(running, group, **query):
    return running.client().post(f"/v1/unknown/{group}/name", params=query)


def read_kind(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def list_gallery(running):
    with FaceID.open(running.settings.vault) as face_id:
        return [person.name for person in face_id.gallery_people()]


def test_groups_tell_when_and_where_and_show_no_picture(door):
    answer = door.client().get("/v1/unknown")
    document = answer.json()
    assert document["days"] == 30
    assert [group["visits"] for group in document["groups"]] == [3, 2, 1]
    first = document["groups"][0]
    assert set(first) == {"group", "visits", "first", "last", "cameras", "ambiguous", "seen"}
    assert (first["cameras"], first["ambiguous"]) == (["front"], False)
    assert [set(one) for one in first["seen"]] == 3 * [{"visit", "camera", "at", "seconds"}]
    assert [one["at"] for one in first["seen"]] == sorted(one["at"] for one in first["seen"])
    assert not re.search(r"P\d0|vector|embedding", answer.text)


def test_each_picture_is_that_of_its_visit_and_is_stored_nowhere(door):
    for person, group in zip((1, 2, 3), read_groups(door), strict=True):
        for part, one in enumerate(group["seen"]):
            answer = door.client().get(f"/v1/unknown/pictures/{one['visit']}")
            assert answer.content == b"P%d%d" % (person, part)
            assert answer.headers["content-type"] == "image/jpeg"
            assert "no-store" in answer.headers["cache-control"]
            assert answer.headers["x-content-type-options"] == "nosniff"
    missing = door.client().get("/v1/unknown/pictures/" + 32 * "0")
    assert read_kind(missing) == (404, "no-such-visit")


def test_other_scopes_learn_nothing_and_change_nothing(door):
    (first, *_) = read_groups(door)
    picture = f"/v1/unknown/pictures/{first['seen'][0]['visit']}"
    group = f"/v1/unknown/{first['group']}"
    asked = [("GET", "/v1/unknown"), ("GET", picture), ("DELETE", group)]
    for scope in ("verify", "enroll", "scores", "metrics", "embeddings"):
        for method, path in (*asked, ("POST", f"{group}/name?name=zoe&yes=true")):
            answer = door.client(scope).request(method, path)
            assert read_kind(answer) == (403, "scope")
            assert "front" not in answer.text
    assert door.client(None).get(picture).status_code == 401
    assert len(read_groups(door)) == 3
    assert list_gallery(door) == []


def test_a_person_is_enrolled_with_the_operators_yes_alone(door):
    (first, *_) = read_groups(door)
    for query in ({}, {"yes": False}, {"add": True, "anyway": True, "visits": 3}):
        answer = name(door, first["group"], name="zoe", **query)
        assert read_kind(answer) == (409, "needs-yes")
    assert list_gallery(door) == []
    answer = name(door, first["group"], name="zoe", yes=True, visits=3)
    assert answer.json() == {"name": "zoe", "group": first["group"], "embeddings": 12}
    assert list_gallery(door) == ["zoe"]
    assert [group["visits"] for group in read_groups(door)] == [2, 1]
    entry = door.client().get("/v1/audit", params={"owner": "zoe"}).json()[-1]
    assert (entry["event"], entry["owner"]) == ("enroll", "zoe")
    gone = door.client().get(f"/v1/unknown/pictures/{first['seen'][0]['visit']}")
    assert gone.status_code == 404


def test_the_yes_is_for_the_visits_that_were_looked_at(door):
    (first, *_) = read_groups(door)
    with FaceID.open(door.settings.vault) as face_id, face_id.open_events() as events:
        model = face_id._parts.base.model
        assert events.add_unknown(make_visit(1, 1, b"NEW", model, part=3))
    answer = name(door, first["group"], name="zoe", yes=True, visits=3)
    assert read_kind(answer) == (404, "no-such-group")
    assert list_gallery(door) == []
    assert name(door, first["group"], name="zoe", yes=True, visits=4).status_code == 200


def test_a_taken_name_and_a_person_under_another_name_are_refused_until_they_are_meant(door):
    one, two, _ = (group["group"] for group in read_groups(door))
    with FaceID.open(door.settings.vault) as face_id:
        face_id._enrolled.ensure_gallery().put([GalleryPerson("ada", make_faces(1, 4))])
    assert read_kind(name(door, two, name="ada", yes=True)) == (409, "owner-exists")
    answer = name(door, one, name="zoe", yes=True)
    assert read_kind(answer) == (409, "same-person")
    assert "ada" not in answer.json()["detail"]
    assert name(door, one, name="ada", yes=True, add=True).json()["embeddings"] == 12
    assert name(door, two, name="eve", yes=True, anyway=True).status_code == 200
    assert list_gallery(door) == ["ada", "eve"]


@pytest.mark.parametrize("query", [{"name": ""}, {"name": "\u202e"}, {}, {"name": "a" * 65}])
def test_a_name_that_cannot_be_one_enrolls_nobody(door, query):
    (first, *_) = read_groups(door)
    assert name(door, first["group"], yes=True, **query).status_code == 400
    assert len(read_groups(door)) == 3


def test_a_group_is_forgotten(door):
    (first, *rest) = read_groups(door)
    answer = door.client().delete(f"/v1/unknown/{first['group']}")
    assert answer.json()["erased"] == [first["group"]]
    assert read_groups(door) == rest
    assert read_kind(door.client().delete(f"/v1/unknown/{first['group']}"))[0] == 404
    assert read_kind(name(door, first["group"], name="zoe", yes=True)) == (404, "no-such-group")


@pytest.mark.parametrize("group", ["..", "A", "x" * 12, "0" * 33, "%2e%2e%2f", "'", "pictures"])
def test_what_is_no_group_is_refused(door, group):
    for answer in (
        door.client().delete(f"/v1/unknown/{group}"),
        name(door, group, name="zoe", yes=True),
    ):
        assert answer.status_code in {400, 404, 405}
    assert len(read_groups(door)) == 3


@pytest.mark.parametrize(("days", "left"), [(6.5 / 24, [1, 1, 1]), (0.0, [])])
def test_what_is_too_old_is_neither_listed_nor_shown(tmp_path, monkeypatch, days, left):
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "30")
    with FaceID.open(tmp_path / "vault") as face_id:
        keep_visits(face_id)
        old = face_id.unknown_people()[0].visits[0].id
    settings = replace(Settings.load(vault=tmp_path / "vault"), unknown_days=days)
    with serving(settings) as running:
        assert running.client().get(f"/v1/unknown/pictures/{old}").status_code == 404
        document = running.client().get("/v1/unknown").json()
    assert document["days"] == pytest.approx(days)
    assert [group["visits"] for group in document["groups"]] == left


def test_the_typed_client_knows_the_way(door):
    client = Client(door.url, door.secrets["admin"])
    one, two, _ = client.list_unknown()["groups"]
    assert client.show_unknown(one["seen"][2]["visit"]) == b"P12"
    assert client.name_unknown(one["group"], "zoe", yes=True, visits=3)["embeddings"] == 12
    assert client.erase_unknown(two["group"])["erased"] == [two["group"]]
