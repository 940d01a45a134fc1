"""Assertions: signed for one app, one nonce, one minute; checked by an app without asking."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from onlyme.faceid import wiring
from onlyme.serve.access import assertions
from onlyme.serve.access.assertions import ASSERTION_SECONDS, SeenBy, Signer
from onlyme.serve.assertion_schemas import AssertionClaims
from onlyme.types import LivenessLevel
from tests.serve.pictures import as_frame

CHALLENGED = (SeenBy.STREAM, LivenessLevel.CHALLENGE)
ROOT = Path(__file__).parents[2]
NONCE = "0123456789abcdef"
ASKED = f"/v1/names/obama/verify?audience=door&nonce={NONCE}"


@pytest.fixture(scope="module")
def picture(photos):
    return {"frame": as_frame(photos / "obama_3.jpg")}


@pytest.fixture(scope="module")
def key(running):
    (key,) = running.client("verify").get("/v1/keys").json()["keys"]
    return jwt.PyJWK(key)


@pytest.fixture(scope="module")
def assertion(running, picture):
    return running.client("verify").post(ASKED, files=picture).json()["assertion"]


def opened(assertion, key, **more):
    asked = {"audience": "door", "issuer": "onlyme", "algorithms": ["EdDSA"]} | more
    return jwt.decode(assertion, key, **asked)


def test_an_accepted_face_is_asserted(assertion, key):
    claims = opened(assertion, key)
    assert claims["sub"] == "obama"
    assert claims["nonce"] == NONCE
    assert claims["amr"] == ["face"]
    assert claims["exp"] - claims["iat"] == ASSERTION_SECONDS <= 60
    assert abs(time.time() - claims["iat"]) < 60
    assert (claims["src"], claims["liveness"]) == ("picture", "passive")
    assert set(claims) == set(AssertionClaims.model_fields)
    assert jwt.get_unverified_header(assertion)["kid"] == key.key_id


@pytest.mark.parametrize("wrong", [{"audience": "another"}, {"issuer": "another"}])
def test_it_is_for_one_app_and_from_one_service(assertion, key, wrong):
    with pytest.raises(jwt.InvalidTokenError):
        opened(assertion, key, **wrong)


def test_it_ends_after_a_minute(key, running, monkeypatch):
    past = time.time() - ASSERTION_SECONDS - 1
    monkeypatch.setattr(assertions.time, "time", lambda: past)
    old = running.service.signer.sign("obama", "door", NONCE, *CHALLENGED)
    monkeypatch.undo()
    with pytest.raises(jwt.ExpiredSignatureError):
        opened(old, key)


def test_a_changed_letter_breaks_it(assertion, key):
    head, claims, signature = assertion.split(".")
    for broken in (
        f"{head}.{claims[:-4]}AAAA.{signature}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims}.",
    ):
        with pytest.raises(jwt.InvalidTokenError):
            opened(broken, key)


def test_no_two_are_the_same(running, picture, assertion, key):
    again = running.client("verify").post(ASKED, files=picture).json()["assertion"]
    assert opened(again, key)["jti"] != opened(assertion, key)["jti"]


def test_nobody_else_is_asserted(running, photos):
    other = {"frame": (photos / "sunak_1.jpg").read_bytes()}
    answer = running.client("verify").post(ASKED, files=other).json()
    assert answer["accepted"] is False
    assert answer["assertion"] is None
    running.reset()


def test_who_is_locked_out_is_not_asserted(running, photos, picture):
    other = {"frame": (photos / "sunak_1.jpg").read_bytes()}
    app = running.client("verify")
    reasons = [app.post(ASKED, files=other).json()["reason"] for _ in range(6)]
    assert reasons == ["no_match"] * 5 + ["locked_out"]
    answer = app.post(ASKED, files=picture).json()
    assert answer == {
        "accepted": False,
        "name": "obama",
        "reason": "locked_out",
        "assertion": None,
    }
    running.reset()
    assert app.post(ASKED, files=picture).json()["accepted"]


def test_without_being_asked_there_is_none(running, picture):
    answer = running.client("verify").post("/v1/names/obama/verify", files=picture).json()
    assert "assertion" not in answer


@pytest.mark.parametrize(
    "query",
    [
        "audience=door",
        f"nonce={NONCE}",
        "audience=door&nonce=short",
        f"audience=&nonce={NONCE}",
        f"audience=a%0Ab&nonce={NONCE}",
        f"audience={'a' * 201}&nonce={NONCE}",
        f"audience=door&nonce={'n' * 129}",
        "audience=door&nonce=0123456789abcde%00",
    ],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_looked_at(running, picture, query):
    answer = running.client("verify").post(f"/v1/names/obama/verify?{query}", files=picture)
    assert answer.status_code in {400, 422}


def test_the_key_stays_with_its_vault(running, key):
    with running.open_admin() as admin:
        assert Signer.load(admin, "x").jwks["keys"][0]["kid"] == key.key_id
        admin.rekey()
        assert Signer.load(admin, "x").jwks["keys"][0]["kid"] == key.key_id


def test_another_vault_has_another_key(running, key, tmp_path):
    with wiring.open_vault(replace(running.settings, vault=tmp_path / "vault")) as admin:
        other = Signer.load(admin, "onlyme")
    with pytest.raises(jwt.InvalidSignatureError):
        opened(other.sign("obama", "door", NONCE, *CHALLENGED), key)


def test_the_key_lies_sealed(running, tmp_path):
    with wiring.open_vault(replace(running.settings, vault=tmp_path)) as admin:
        Signer.load(admin, "onlyme")
        body = admin.store.read("assertion-key", "ed25519")
    assert body not in (tmp_path / "vault.sqlite").read_bytes()


def test_the_example_app_lets_in_who_is_asserted_once(running, tmp_path):
    """The example, as a program of its own: it draws the nonce, and checks without asking."""
    (tmp_path / "keys.json").write_text(json.dumps(running.client("verify").get("/v1/keys").json()))

    def app(*words, give=None):
        return subprocess.run(
            [sys.executable, ROOT / "examples/assertion_app/app.py", "--folder", tmp_path, *words],
            input=give,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    drawn = json.loads(app("begin").stdout)
    assertion = running.service.signer.sign("obama", drawn["audience"], drawn["nonce"], *CHALLENGED)
    first = app("finish", give=assertion)
    assert (first.returncode, first.stdout) == (0, "welcome, obama\n"), first.stderr
    again = app("finish", give=assertion)
    assert again.returncode == 1
    assert "nobody is waiting for this" in again.stderr
    app("begin")
    other_nonce = app("finish", give=assertion)
    assert other_nonce.returncode == 1
    assert app("finish", give="no assertion").returncode == 1
