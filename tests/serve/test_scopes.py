"""What each token may do: every route, with every token and without one."""

import re
from datetime import timedelta

import pytest

from onlyme.serve.access.tokens import Scope, Tokens
from tests.serve.pictures import as_frame

# The least that each route asks for. What a token of another scope may do is in `Scope`.
NEEDED = {
    ("post", "/v1/detect"): Scope.VERIFY,
    ("post", "/v1/compare"): Scope.VERIFY,
    ("get", "/v1/names"): Scope.ENROLL,
    ("get", "/v1/names/{name}"): Scope.ENROLL,
    ("post", "/v1/names/{name}/rename"): Scope.ADMIN,
    ("post", "/v1/names/{name}/merge"): Scope.ADMIN,
    ("post", "/v1/names/{name}"): Scope.ENROLL,
    ("put", "/v1/names/{name}"): Scope.ADMIN,
    ("delete", "/v1/names/{name}"): Scope.ADMIN,
    ("post", "/v1/names/{name}/verify"): Scope.VERIFY,
    ("post", "/v1/identify"): Scope.VERIFY,
    ("get", "/v1/names/{name}/examples"): Scope.ENROLL,
    ("delete", "/v1/names/{name}/examples/{number}"): Scope.ADMIN,
    ("delete", "/v1/names/{name}/looks/{look}"): Scope.ADMIN,
    ("get", "/v1/names/{name}/tune"): Scope.ENROLL,
    ("post", "/v1/names/{name}/tune"): Scope.ADMIN,
    ("get", "/v1/names/{name}/certificate"): Scope.ENROLL,
    ("post", "/v1/names/{name}/not-me"): Scope.ADMIN,
    ("delete", "/v1/names/{name}/not-me"): Scope.ADMIN,
    ("get", "/v1/people"): Scope.ENROLL,
    ("get", "/v1/audit"): Scope.ADMIN,
    ("get", "/v1/events"): Scope.ADMIN,
    ("get", "/v1/events/table"): Scope.ADMIN,
    ("get", "/v1/unknown"): Scope.ADMIN,
    ("get", "/v1/unknown/pictures/{visit}"): Scope.ADMIN,
    ("post", "/v1/unknown/{group}/name"): Scope.ADMIN,
    ("delete", "/v1/unknown/{group}"): Scope.ADMIN,
    ("get", "/v1/metrics"): Scope.METRICS,
    ("get", "/v1/keys"): Scope.VERIFY,
    ("post", "/v1/embeddings"): Scope.EMBEDDINGS,
    ("get", "/api/v1/recognition/subjects"): Scope.ENROLL,
    ("post", "/api/v1/recognition/subjects"): Scope.ADMIN,
    ("delete", "/api/v1/recognition/subjects"): Scope.ADMIN,
    ("put", "/api/v1/recognition/subjects/{name}"): Scope.ADMIN,
    ("delete", "/api/v1/recognition/subjects/{name}"): Scope.ADMIN,
    ("get", "/api/v1/recognition/faces"): Scope.ENROLL,
    ("post", "/api/v1/recognition/faces"): Scope.ADMIN,
    ("delete", "/api/v1/recognition/faces"): Scope.ADMIN,
    ("post", "/api/v1/recognition/faces/delete"): Scope.ADMIN,
    ("delete", "/api/v1/recognition/faces/{image_id}"): Scope.ADMIN,
    ("post", "/api/v1/recognition/faces/{image_id}/verify"): Scope.VERIFY,
    ("post", "/api/v1/recognition/recognize"): Scope.VERIFY,
}
ERASES_ALL = {
    ("delete", "/api/v1/recognition/subjects"),
    ("delete", "/api/v1/recognition/faces"),
}
"""What may do this is tested where nobody is lost (compreface/)."""
OPEN = {("get", "/v1/health")}


PARTS = {"number": 1, "look": "hat", "image_id": "x.1", "visit": "0", "group": "0"}


def ask(running, scope, method, path):
    return running.client(scope).request(method, path.format(name="nobody", **PARTS))


@pytest.fixture(scope="module")
def running(served):
    """A service with all routes."""
    with served(compreface=True, embeddings=True) as server:
        yield server


@pytest.fixture(scope="module")
def documented(running):
    paths = running.client().get("/v1/openapi.json").json()["paths"]
    return {(method, path) for path, methods in paths.items() for method in methods}


def test_every_route_is_in_this_table(documented):
    ours = {route for route in documented if route[1] not in PAGES}
    assert ours == set(NEEDED) | OPEN


# What only the page asks for; its own tests say who may.
PAGES = {"/v1/names/{name}/attempts"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *NEEDED,
        ("get", "/"),
        ("get", "/v1/openapi.json"),
        ("get", "/no/such/path"),
        ("options", "/v1/names"),
    ],
)
@pytest.mark.parametrize(
    "token",
    [
        "",
        "Bearer",
        "Bearer wrong",
        "Bearer onlyme_" + "A" * 43,
        "Basic b25seW1lOm9ubHltZQ==",
        "Bearer \u00e9",
    ],
)
def test_without_a_good_token_there_is_no_answer(running, method, path, token):
    headers = {"Authorization": token.encode()} if token else {}
    answer = running.client(None).request(
        method, path.format(name="obama", **PARTS), headers=headers
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:onlyme:problem:no-token"


@pytest.mark.parametrize(("method", "path"), NEEDED)
@pytest.mark.parametrize("scope", Scope)
def test_a_token_does_what_it_is_for_and_nothing_else(running, scope, method, path):
    if scope is Scope.ADMIN and (method, path) in ERASES_ALL:
        return
    answer = ask(running, scope, method, path)
    if scope.grants(NEEDED[method, path]):
        assert answer.status_code != 403, answer.text
    else:
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:onlyme:problem:scope"


def test_a_token_that_is_over_is_none(running):
    with running.open_admin() as admin:
        secret = Tokens(admin).create("over", Scope.ADMIN, timedelta(seconds=-1))
    headers = {"Authorization": f"Bearer {secret}"}
    running.wait_for_tokens()
    assert running.client(None).get("/v1/names", headers=headers).status_code == 401


def test_a_token_works_until_it_is_revoked(running):
    with running.open_admin() as admin:
        secret = Tokens(admin).create("short", Scope.ADMIN, None)
    headers = {"Authorization": f"Bearer {secret}"}
    running.wait_for_tokens()
    assert running.client(None).get("/v1/names", headers=headers).status_code == 200
    with running.open_admin() as admin:
        Tokens(admin).revoke("short")
    running.wait_for_tokens()
    assert running.client(None).get("/v1/names", headers=headers).status_code == 401


def test_a_token_that_asks_too_often_waits(running):
    with running.open_admin() as admin:
        secret = Tokens(admin).create("slow", Scope.VERIFY, None, rate=0.5)
    headers = {"Authorization": f"Bearer {secret}"}
    running.wait_for_tokens()
    client = running.client(None)
    statuses = [client.get("/v1/keys", headers=headers).status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert statuses[-1] == 429
    assert int(client.get("/v1/keys", headers=headers).headers["Retry-After"]) >= 1


def test_only_an_admin_changes_who_is_enrolled(running, photos):
    files = {"me": (photos / "sunak_1.jpg").read_bytes()}
    enroller = running.client("enroll")
    assert enroller.post("/v1/names/obama?add=true", files=files).status_code == 403
    assert enroller.post("/v1/names/obama", files=files).status_code == 409
    assert enroller.put("/v1/names/obama", files=files).status_code == 403


def test_an_app_is_told_the_decision_and_nothing_to_climb_on(running, photos):
    told = {}
    for scope in ("verify", "enroll", "scores", "admin"):
        picture = as_frame(photos / "obama_3.jpg")
        told[scope] = (
            running.client(scope).post("/v1/names/obama/verify", files={"frame": picture}).json()
        )
    assert (
        told["verify"]
        == told["enroll"]
        == told["scores"]
        == {
            "accepted": True,
            "name": "obama",
            "reason": "match",
        }
    )
    assert {"margin", "alpha", "far", "liveness", "timings_ms"} <= set(told["admin"])


def test_an_app_is_not_told_that_a_photo_of_the_owner_would_match(running, photos):
    # This picture shows the face too near for liveness to decide.
    picture = {"frame": (photos / "obama_partial.jpg").read_bytes()}
    admin = running.client().post("/v1/names/obama/verify", files=picture).json()
    assert admin["reason"] == "liveness_undecided"
    app = running.client("verify")
    answer = app.post("/v1/names/obama/verify", files=picture).json()
    assert answer == {"accepted": False, "name": "obama", "reason": "no_match"}
    answer = app.post("/v1/identify", files=picture).json()
    assert answer == {"accepted": False, "name": None, "reason": "no_match"}
    running.reset()


def test_a_problem_tells_an_app_nothing_of_people_or_files(running, photos):
    answer = running.client("verify").post(
        "/v1/names/nobody/verify", files={"frame": (photos / "obama_3.jpg").read_bytes()}
    )
    assert answer.status_code == 404
    assert not re.search("obama|biden|/", answer.json()["detail"])
