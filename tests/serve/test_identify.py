"""Identify over the network: alive, counted, and telling no more than it must."""

import io

import pytest
from PIL import Image

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
    assert (
        running.client("scores").post("/v1/identify?candidates=1", files=frame).json()["candidates"]
    )
    answer = running.client("admin").post("/v1/identify?candidates=3", files=frame).json()
    assert (answer["accepted"], answer["name"]) == (False, None)
    leads = [one["margin"] - one["alpha"] for one in answer["candidates"]]
    assert leads == sorted(leads, reverse=True)
    assert not any(one["reached"] for one in answer["candidates"])
    for wrong in ("-1", "101", "x"):
        asked = running.client("admin").post(f"/v1/identify?candidates={wrong}", files=frame)
        assert asked.status_code == 400


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


def ask_all(running, picture, scope="verify", more=""):
    answer = running.client(scope).post(f"/v1/identify?all=true{more}", files={"frame": picture})
    assert answer.status_code == 200, answer.text
    return answer.json()


def put_beside(*pictures):
    """Return one picture of several."""
    opened = [Image.open(io.BytesIO(one)) for one in pictures]
    both = Image.new("RGB", (sum(one.width for one in opened), max(one.height for one in opened)))
    left = 0
    for one in opened:
        both.paste(one, (left, 0))
        left += one.width
    file = io.BytesIO()
    both.save(file, "JPEG", quality=80)
    return file.getvalue()


def test_every_face_has_a_place_and_a_decision_of_its_own(running, photos):
    known, stranger = (as_frame(photos / f"{name}.jpg") for name in ("obama_3", "sunak_1"))
    picture = put_beside(known, stranger)
    width = Image.open(io.BytesIO(known)).width
    answer = ask_all(running, picture)
    faces = sorted(answer["faces"], key=lambda face: face["box"][0])
    assert answer["width"] > width
    assert [face["box"][0] < width for face in faces] == [True, False]
    assert faces[1]["reason"] == "no_match"
    verdict = {"accepted", "name", "reason"}
    assert all(set(face) == {"box", "score", "landmarks", "quality", *verdict} for face in faces)
    full = ask_all(running, picture, "admin", "&candidates=1")["faces"]
    assert all(len(face["candidates"]) == 1 and "liveness" in face for face in full)
    both = sorted(full, key=lambda face: face["box"][0])
    assert (both[0]["name"], both[1]["name"]) == ("obama", None)
    refused = running.client("enroll").post("/v1/identify?all=true&candidates=1")
    assert refused.status_code == 403


def test_who_is_accepted_alone_is_accepted_by_all(running, photos):
    (face,) = ask_all(running, as_frame(photos / "obama_3.jpg"))["faces"]
    assert (face["accepted"], face["name"], face["reason"]) == (True, "obama", "match")
    (face,) = ask_all(running, as_frame(photos / "obama_partial.jpg"))["faces"]
    assert (face["accepted"], face["name"], face["reason"]) == (False, None, "no_match")


def test_many_faces_in_one_picture_are_as_many_attempts(running, photos):
    """A picture of many strangers must not give as many guesses for the price of one."""
    picture = put_beside(*[as_frame(photos / "sunak_1.jpg")] * 8)
    reasons = [face["reason"] for face in ask_all(running, picture)["faces"]]
    assert reasons == ["no_match"] * 5 + ["locked_out"] * 3
    with running.open_admin() as admin:
        entries = list(admin.gate.audit.entries())[-7:]
    assert [entry.reason for entry in entries].count("locked_out") == 1  # the log is not flooded
    assert ask(running, photos, "obama_3")["reason"] == "locked_out"
    (face,) = ask_all(running, as_frame(photos / "obama_3.jpg"))["faces"]
    assert (face["accepted"], face["name"], face["reason"]) == (False, None, "locked_out")


def test_a_picture_without_faces_is_no_attempt(running):
    file = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 120, 90)).save(file, "JPEG")
    for _ in range(7):
        assert ask_all(running, file.getvalue())["faces"] == []
    junk = running.client("verify").post("/v1/identify?all=true", files={"frame": b"junk"})
    assert junk.status_code == 422
    with running.open_admin() as admin:
        standings = admin.gate.allowances()
    assert AttemptSource(ANY_OWNER, "service") not in standings
