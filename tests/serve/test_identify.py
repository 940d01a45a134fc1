"""Identify over the network: alive, counted, and telling no more than it must."""

import pytest

from onlyme.faceid.face_id import ANY_OWNER
from onlyme.gate.admission import AttemptSource
from tests.serve.pictures import as_frame


@pytest.fixture(autouse=True)
def afresh(running):
    running.reset()


def ask(running, photos, picture, scope="verify"):
    frame = {"frame": as_frame(photos / f"{picture}.jpg")}
    return running.client(scope).post("/v1/identify", files=frame).json()


def test_somebody_who_is_known_is_named(running, photos):
    assert ask(running, photos, "obama_3") == {
        "accepted": True,
        "name": "obama",
        "reason": "match",
    }
    decision = ask(running, photos, "obama_3", "admin")
    assert decision["liveness"]["verdict"] == "live"
    assert decision["margin"] >= decision["alpha"]
    assert decision["frames"] == 1
    assert {"image", "detect", "embed", "liveness"} <= set(decision["timings_ms"])


def test_a_stranger_is_nobody_and_has_five_tries(running, photos):
    reasons = [ask(running, photos, "sunak_1")["reason"] for _ in range(7)]
    assert reasons == ["no_match"] * 5 + ["locked_out"] * 2
    locked = ask(running, photos, "obama_3")
    assert locked == {"accepted": False, "name": None, "reason": "locked_out"}
    # The tries of each person are counted apart from those to be anybody.
    frame = {"frame": as_frame(photos / "obama_3.jpg")}
    app = running.client("verify")
    assert app.post("/v1/names/obama/verify", files=frame).json()["accepted"]


def test_who_is_seen_but_not_seen_to_live_is_named_to_an_admin_only(running, photos):
    decision = ask(running, photos, "obama_partial", "admin")
    assert decision["reason"] in {"liveness_undecided", "no_match"}
    assert not decision["accepted"]
    assert ask(running, photos, "obama_partial")["name"] is None


def test_whom_a_face_resembles_is_listed_for_an_admin_only(running, photos):
    running.reset()
    frame = {"frame": as_frame(photos / "sunak_1.jpg")}
    for scope in ("verify", "enroll"):
        refused = running.client(scope).post("/v1/identify?candidates=3", files=frame)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:onlyme:problem:scope")
        assert "candidates" not in ask(running, photos, "sunak_1", scope)
    assert "candidates" not in ask(running, photos, "sunak_1", "admin")
    answer = running.client("admin").post("/v1/identify?candidates=3", files=frame).json()
    assert (answer["accepted"], answer["name"]) == (False, None)
    leads = [one["margin"] - one["alpha"] for one in answer["candidates"]]
    assert leads == sorted(leads, reverse=True)
    assert not any(one["reached"] for one in answer["candidates"])
    for wrong in ("-1", "101", "x"):
        asked = running.client("admin").post(f"/v1/identify?candidates={wrong}", files=frame)
        assert asked.status_code == 422


def test_the_log_says_who_it_was(running, photos):
    ask(running, photos, "obama_3")
    ask(running, photos, "sunak_1")
    with running.open_admin() as admin:
        found, stranger = list(admin.gate.audit.entries())[-2:]
        standings = admin.gate.allowances()
    assert (found.owner, found.source, found.verdict) == ("obama", "service", "accepted")
    assert (stranger.owner, stranger.verdict) == (None, "rejected")
    assert standings[AttemptSource(ANY_OWNER, "service")].tries == 4


def test_two_pictures_are_not_one(running, photos):
    frame = as_frame(photos / "obama_3.jpg")
    answer = running.client().post("/v1/identify", files=[("frame", frame), ("frame", frame)])
    assert answer.status_code == 400
