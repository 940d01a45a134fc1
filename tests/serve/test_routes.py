"""What the routes answer, over a real socket."""

import pytest

from onlyme import FaceID


def test_health_says_ok_and_nothing_else(running):
    answer = running.client(None).get("/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_names_are_the_document_of_the_command_line(running):
    from onlyme.documents import dumped, owners_json

    with FaceID.open(running.settings.vault) as face_id:
        expected = dumped(owners_json(face_id.names(), face_id.owner), indent=None)
    assert running.client().get("/v1/names").text == expected


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_the_owner_is_accepted(running, photos, form):
    picture = (photos / "obama_3.jpg").read_bytes()
    if form == "raw":
        body = {"content": picture, "headers": {"Content-Type": "image/jpeg"}}
    else:
        body = {"files": {"frame": picture}}
    answer = running.client().post("/v1/names/obama/verify", **body)
    assert answer.status_code == 200, answer.text
    decision = answer.json()
    assert decision["reason"] == "match", decision
    assert decision["margin"] >= decision["alpha"]
