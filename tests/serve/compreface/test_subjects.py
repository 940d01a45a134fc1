"""Subjects and their faces: listed, renamed, merged, emptied."""

from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT


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
