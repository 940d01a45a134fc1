"""Subjects and their faces: listed, renamed, merged, emptied."""

import pytest

from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT
from tests.serve.compreface.test_sdk import connect


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
    for subject, photo in (("a b;c", "obama_1"), ("other", "obama_2"), ("bob", "biden_1")):
        picture = {"file": (photos / f"{photo}.jpg").read_bytes()}
        added = client.post(f"{ROOT}/faces", params={"subject": subject}, files=picture)
        if subject == "other":  # the same person under two names
            assert added.status_code == 409
            continue
        assert added.status_code == 201, added.text
        assert FaceNumber.parse(added.json()["image_id"]).subject == subject
    assert client.put(f"{ROOT}/subjects/a%20b;c", json={"subject": "ada"}).json() == {
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


@pytest.mark.parametrize(
    "name", ["a/b", "../faces", "..", ".", "a?b", "a#b", "a%41", "a&b=c", "a+b", "a\\b"]
)
def test_no_subject_gets_a_name_that_clients_cannot_ask_for(sdk, empty, photos, name):
    subjects = connect(sdk, empty, "admin").get_subjects()
    client = empty.client()
    before = subjects.list()
    picture = {"file": (photos / "obama_1.jpg").read_bytes()}
    for refused in (
        client.post(f"{ROOT}/subjects", json={"subject": name}),
        client.post(f"{ROOT}/faces", params={"subject": name}, files=picture),
        client.put(f"{ROOT}/subjects/nobody", json={"subject": name}),
    ):
        assert refused.status_code == 400, refused.text
        assert refused.json()["message"].startswith("a subject's name has none of")
    assert subjects.list() == before


def test_a_person_whom_onlyme_knows_by_such_a_name_stays_reachable(empty, photos):
    client = empty.client()
    picture = {"me": (photos / "obama_1.jpg").read_bytes()}
    assert client.post("/v1/names/a%2Fb", files=picture).status_code == 201
    second = client.post(
        f"{ROOT}/faces",
        params={"subject": "a/b"},
        files={"file": (photos / "obama_2.jpg").read_bytes()},
    )
    assert second.status_code == 201, second.text
    assert client.put(f"{ROOT}/subjects/a%2Fb", json={"subject": "ab"}).json() == {"updated": True}
    assert client.delete(f"{ROOT}/subjects/ab").json() == {"subject": "ab"}


def test_a_refusal_advises_nothing_that_these_routes_refuse(empty, photos):
    """No parameter, method, header or option of the other API or of the command line."""
    client = empty.client()

    def add(subject, photo):
        picture = {"file": (photos / f"{photo}.jpg").read_bytes()}
        return client.post(f"{ROOT}/faces", params={"subject": subject}, files=picture)

    assert add("ada", "obama_1").status_code == 201
    assert add("bob", "biden_1").status_code == 201
    refused = {
        "same person": add("eve", "obama_2"),
        "same photo": add("ada", "obama_1"),
        "another person": add("ada", "sunak_1"),
        "merged": client.put(f"{ROOT}/subjects/bob", json={"subject": "ada"}),
        "taken": client.post(f"{ROOT}/subjects", json={"subject": "ada"}),
        "no face": client.delete(f"{ROOT}/faces/{FaceNumber('ada', 9).image_id}"),
        "no subject": client.delete(f"{ROOT}/subjects/nobody"),
        "no key": empty.client(None).get(f"{ROOT}/subjects"),
        "no picture": client.post(f"{ROOT}/faces", params={"subject": "ada"}),
        "key for less": empty.client("verify").get(f"{ROOT}/subjects"),
    }
    for why, answer in refused.items():
        document = answer.json()
        assert 400 <= answer.status_code < 500, why
        assert document["message"] == document["detail"], why
        for word in ("?", "--", "=", "Bearer", "PUT", "no person of that name", "gallery"):
            assert word not in document["message"], (why, document)
    client.delete(f"{ROOT}/subjects")
