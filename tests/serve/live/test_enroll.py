"""Enrolling before the camera of a browser."""

import time

import pytest
from websockets.exceptions import InvalidStatus

from onlyme.serve.state import SOURCE
from tests.serve.live.streaming import open_stream, read_log, read_to_end, wait_for


def test_a_sitting_advises_and_enrolls(running, photo):
    """One photo, moved about: it says nothing new, so that `finish` ends the sitting."""
    pictures = [photo("obama_4", shift) for shift in range(6)]
    with open_stream(running, "newcomer/sitting?anyway=true") as socket:
        tried, seen = wait_for(socket, "photo", pictures=pictures)
        socket.send("finish")
        enrolled, _ = wait_for(socket, "enrolled")
    assert tried["kept"], seen
    assert enrolled["enrollment"]["name"] == "newcomer"
    line = next(line for line in read_log(running) if line.get("owner") == "newcomer")
    assert (line["event"], line["source"]) == ("enroll", SOURCE)


def test_a_sitting_that_is_left_learns_nothing(running, photo):
    with open_stream(running, "leaver/sitting") as socket:
        wait_for(socket, "photo", pictures=[photo("obama_4")])
    time.sleep(0.3)
    assert "leaver" not in running.client().get("/v1/names").text


def test_a_name_that_is_taken_is_told_before_anybody_is_looked_at(running):
    with open_stream(running, "obama/sitting") as socket:
        (problem,) = read_to_end(socket)
    assert problem["is"] == "problem"
    assert problem["type"] == "urn:onlyme:problem:owner-exists"


def test_an_enroll_token_does_not_replace_anybody(running):
    with (
        pytest.raises(InvalidStatus) as refused,
        open_stream(running, "obama/sitting?replace=true", scope="enroll"),
    ):
        pass
    assert refused.value.response.status_code == 403
