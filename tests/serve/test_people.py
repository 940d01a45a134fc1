"""People by page, by name, renamed and merged; what no route knows is refused."""

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.gallery.gallery import GalleryPerson


@pytest.fixture(scope="module")
def many(running):
    """The service, with some people in the gallery as well."""
    rng = np.random.default_rng(1)
    with FaceID.open(running.settings.vault) as face_id:
        vectors = rng.standard_normal((5, 128)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = ("Ada", "ada 2", "bob", "carl", "dan/iel")
        people = [GalleryPerson(n, v[None]) for n, v in zip(names, vectors, strict=True)]
        face_id._enrolled.ensure_gallery().put(people)
    return running


def ask(many, path, **query):
    answer = many.client().get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(many, **query):
    return [one["name"] for one in ask(many, "/v1/names", **query)]


def test_pages_and_searches(many):
    assert names(many) == ["biden", "obama", "Ada", "ada 2", "bob", "carl", "dan/iel"]
    assert names(many, limit=4) == ["Ada", "ada 2", "biden", "bob"]
    assert names(many, contains="BID") == ["biden"]
    assert names(many, where="gallery") == ["Ada", "ada 2", "bob", "carl", "dan/iel"]
    assert names(many, where="gallery", contains="ada") == ["Ada", "ada 2"]
    pages, after = [], ""
    while page := names(many, where="gallery", limit=2, after=after):
        pages, after = [*pages, page], page[-1]
    assert pages == [["Ada", "ada 2"], ["bob", "carl"], ["dan/iel"]]


def test_one_person(many):
    assert ask(many, "/v1/names/obama")["photos"] == 3
    person = ask(many, "/v1/names/dan%2Fiel")
    assert (person["where"], person["photos"]) == ("gallery", 1)
    assert "me" not in person
    assert many.client().get("/v1/names/zoe").status_code == 404
    assert many.client("verify").get("/v1/names/obama").status_code == 403


def test_rename_and_merge(many):
    client = many.client()
    answer = client.post("/v1/names/carl/rename", params={"to": "Carl"})
    assert answer.json() == {"name": "Carl", "was": "carl"}
    assert client.post("/v1/names/bob/rename", params={"to": "Carl"}).status_code == 409
    assert client.post("/v1/names/zoe/rename", params={"to": "eve"}).status_code == 404
    assert client.post("/v1/names/bob/rename", params={"to": "\n"}).status_code == 400
    assert client.post("/v1/names/obama/merge", params={"other": "biden"}).status_code == 400
    assert many.client("enroll").post("/v1/names/bob/rename?to=x").status_code == 403
    assert names(many, where="vault") == ["biden", "obama"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/names", "GET"),
        ("GET", "/v1/identify", "POST"),
        ("PATCH", "/v1/names/obama", "DELETE, GET, POST, PUT"),
        ("POST", "/v1/health", "GET"),
        ("OPTIONS", "/v1/names/obama/tune", "GET, POST"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(many, method, path, allowed):
    answer = many.client().request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    assert answer.json()["type"] == "urn:onlyme:problem:method-not-allowed"


def test_what_is_nowhere_is_404(many):
    for path in ("/v1/nothing", "/v1", "/v1/names/obama/nothing"):
        assert many.client().get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/names?limits=2",
        "/v1/names?limit=0",
        "/v1/names?where=both",
        "/v1/names/obama?x=1",
        "/v1/health?x",
        "/v1/audit?sinc=2026-01-01",
    ],
)
def test_parameters_that_no_route_knows_are_refused(many, path):
    answer = many.client().get(path)
    assert answer.status_code == 400
    assert answer.json()["type"].startswith("urn:onlyme:problem:")
