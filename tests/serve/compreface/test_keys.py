"""Which key opens CompreFace's routes, and what it may change."""

import pytest

from onlyme.serve.access.tokens import Scope
from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT


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


def test_every_scope_is_known_here():
    assert {str(scope) for scope in Scope} == {
        *("verify", "scores", "enroll", "admin", "metrics", "embeddings")
    }
