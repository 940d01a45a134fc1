"""Watching before the camera of a browser: observations, decisions, the gate."""

import re
import time
from pathlib import Path

from onlyme import FaceID
from onlyme.serve.state import SOURCE
from tests.serve.live.streaming import (
    count_tries,
    open_stream,
    read_log,
    read_to_end,
    send_picture,
    sway,
    wait_for,
)


def test_a_watch_tells_what_it_sees_and_decides(running, photo):
    pictures = sway(photo, "biden_1")
    with open_stream(running, "obama/watch") as socket:
        attempt, seen = wait_for(socket, "attempt", pictures=pictures)
    assert seen[0]["is"] == "ready"
    assert seen[0]["gate"] == {"tries": 5, "of": 5, "wait": 0}
    looks = [message for message in seen if message["is"] == "look"]
    left, top, width, height = looks[0]["box"]
    assert 0 < left < left + width < 1
    assert 0 < top < top + height < 1
    assert looks[0]["taken"] == 1
    decision = attempt["decision"]
    assert not decision["accepted"]
    assert decision["reason"] == "no_match"
    assert decision["margin"] < decision["alpha"]


def test_whoever_walks_away_in_the_middle_loses_no_try(running, photo):
    before = len(read_log(running))
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "look", pictures=[photo("biden_1")])
    for _ in range(50):
        if count_tries(running) == 5:
            break
        time.sleep(0.1)
    assert count_tries(running) == 5
    assert len(read_log(running)) == before


def test_a_rejected_face_is_counted_written_down_and_in_the_end_refused(running, photo):
    pictures = sway(photo, "biden_1")
    with open_stream(running, "obama/watch") as socket:
        closed, seen = wait_for(socket, "closed", pictures=pictures)
        assert read_to_end(socket) == []
    attempts = [message for message in seen if message["is"] == "attempt"]
    assert [message["gate"]["tries"] for message in attempts] == [4, 3, 2, 1, 0]
    assert closed["gate"]["wait"] > 290
    newest = [line for line in read_log(running) if line["event"] == "attempt"][-5:]
    assert {(line["owner"], line["source"], line["verdict"]) for line in newest} == {
        ("obama", SOURCE, "rejected")
    }
    with open_stream(running, "obama/watch") as socket:
        assert [message["is"] for message in read_to_end(socket)] == ["closed"]


def test_a_token_that_may_only_verify_learns_no_number(running, photo):
    pictures = sway(photo, "biden_1")
    with open_stream(running, "obama/watch", scope="verify") as socket:
        attempt, _ = wait_for(socket, "attempt", pictures=pictures)
    assert set(attempt["decision"]) == {"accepted", "name", "reason"}


def test_nobody_asks_for_less_liveness_than_the_policy(running):
    with open_stream(running, "obama/watch?liveness=off") as socket:
        assert wait_for(socket, "ready")[0]["level"] == "passive"
    with open_stream(running, "obama/watch?liveness=challenge") as socket:
        assert wait_for(socket, "ready")[0]["level"] == "challenge"


def test_a_challenge_says_what_to_do(running, photo):
    pictures = sway(photo, "obama_3")
    with open_stream(running, "obama/watch?liveness=challenge") as socket:
        ask, _ = wait_for(socket, "ask", pictures=pictures)
    assert ask["words"] == "look straight into the camera"


def test_whoever_is_forgotten_meanwhile_is_not_recognised_any_more(running, photo, photos):
    with FaceID.open(running.settings.vault) as face_id:
        face_id.enroll("passing", photos / "biden_1.jpg", anyway=True)
    with open_stream(running, "passing/watch") as socket:
        wait_for(socket, "look", pictures=[photo("biden_1")])
        with FaceID.open(running.settings.vault) as face_id:
            face_id.forget("passing")
        for shift in range(2):
            send_picture(socket, photo("biden_1", shift))
            time.sleep(0.1)
        seen = read_to_end(socket)
    assert seen[-1]["type"] == "urn:onlyme:problem:unknown-owner"
    assert not [message for message in seen if message["is"] == "attempt"]


def test_somebody_unknown_is_a_problem(running):
    with open_stream(running, "nobody/watch") as socket:
        (problem,) = read_to_end(socket)
    assert problem["status"] == 404


def test_every_kind_of_message_is_documented():
    root = Path(__file__).parents[3]
    code = [path.read_text("utf-8") for path in (root / "src/onlyme/serve/live").glob("*.py")]
    said = set(re.findall(r'say\(\s*"(\w+)"', "\n".join(code)))
    page = (root / "docs" / "reference" / "live.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.M)) - {"is"}
    assert said == listed
