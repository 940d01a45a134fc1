"""All people before a client's camera: visits, what each client may see, and the gate."""

import io
import json
import os
import time
from dataclasses import replace
from itertools import chain, cycle

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import InvalidStatus

from onlyme import FaceID
from onlyme.events.broker import MqttBroker
from onlyme.events.homeassistant import make_slug
from onlyme.face import tracker
from onlyme.gate.admission import ANY_OWNER, AttemptSource
from onlyme.types import LivenessLevel
from onlyme.verification import visit
from tests.events.broker import MOSQUITTO, Mosquitto, Subscriber, wait_until
from tests.serve.live.streaming import (
    open_stream,
    read_to_end,
    send_picture,
    wait_for,
)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A busy machine decides one picture in a second: the face is still the same one."""
    monkeypatch.setattr(tracker, "MAX_LOST_SECONDS", 60.0)
    monkeypatch.setattr(visit, "ATTEMPT_SECONDS", 60.0)


def film(photo, name):
    """Return pictures without end: each has noise of its own, as those of a camera have."""
    with Image.open(io.BytesIO(photo(name))) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32)
    rng = np.random.default_rng(1)
    for shift in cycle(chain(range(20), range(20, 0, -1))):
        noisy = np.roll(pixels, shift, axis=1) + rng.normal(0, 5, pixels.shape)
        out = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
        yield out.getvalue()


def door(running, scope):
    with running.open_admin() as admin:
        return admin.gate.allowances().get(
            AttemptSource(ANY_OWNER, f"door service token test {scope}")
        )


def is_untouched(running, scope):
    """Whether no try is counted."""
    found = door(running, scope)
    return found is None or found.tries == 5


def watch_until(socket, pictures, is_enough):
    """Send pictures until the visits are enough; return all messages."""
    messages, end = [], time.monotonic() + 200
    while not is_enough(messages):
        assert time.monotonic() < end, events_of(messages)
        messages += wait_for(socket, "look", pictures=pictures)[1]
        send_picture(socket, next(pictures))
    return messages


def events_of(messages):
    return [message["event"] for message in messages if message["is"] == "visit"]


def test_an_administrator_is_told_that_a_person_is_unknown(running, photo):
    with open_stream(running, "/identify/watch") as socket:
        seen = watch_until(
            socket, film(photo, "sunak_1"), lambda seen: "unknown" in events_of(seen)
        )
    assert seen[0] == {"is": "ready", "level": "passive", "opens": True}
    assert events_of(seen) == ["came", "unknown"]
    looks = [message for message in seen if message["is"] == "look"]
    left, top, width, height = looks[-1]["people"][0]["box"]
    assert 0 < left < left + width < 1
    assert 0 < top < top + height < 1
    assert looks[-1]["people"][0]["verdict"] == "unknown"


def test_a_token_for_verify_is_not_told_whom_a_face_resembles_or_that_it_is_unknown(running, photo):
    with open_stream(running, "/identify/watch", scope="verify") as socket:
        pictures = film(photo, "sunak_1")
        seen = watch_until(socket, pictures, lambda _: not is_untouched(running, "verify"))
        for _ in range(40):
            seen += wait_for(socket, "look", pictures=pictures)[1]
            send_picture(socket, next(pictures))
    people = [one for message in seen if message["is"] == "look" for one in message["people"]]
    assert {one["verdict"] for one in people} == {"undecided"}
    assert {one["name"] for one in people} == {None}
    assert all(set(one) == {"event", "track", "verdict", "name", "box"} for one in people)
    assert events_of(seen) == ["came"]


def test_strangers_close_their_own_door_and_no_other(running, photo):
    for left in (4, 3, 2, 1, 0):
        with open_stream(running, "/identify/watch", scope="verify") as socket:
            watch_until(
                socket,
                film(photo, "sunak_1"),
                lambda _, left=left: (found := door(running, "verify")) and found.tries <= left,
            )
    with open_stream(running, "/identify/watch", scope="verify") as socket:
        watch_until(socket, film(photo, "biden_1"), lambda seen: "locked_out" in events_of(seen))
    assert is_untouched(running, "admin")
    with running.open_admin() as admin:
        assert AttemptSource(ANY_OWNER, "service") not in admin.gate.allowances()


def test_a_doorbell_counts_no_try(running, photo, monkeypatch):
    doorbell = replace(running.service.options, doorbell=True)
    monkeypatch.setattr(running.service, "options", doorbell)
    with open_stream(running, "/identify/watch") as socket:
        seen = watch_until(
            socket, film(photo, "sunak_1"), lambda seen: "unknown" in events_of(seen)
        )
    assert seen[0]["opens"] is False
    assert is_untouched(running, "admin")


def test_what_is_no_picture_ends_the_stream_and_costs_no_try(running):
    with open_stream(running, "/identify/watch", scope="verify") as socket:
        assert wait_for(socket, "ready")[0]
        socket.send(b"junk")
        assert [message["is"] for message in read_to_end(socket)] == ["problem"]
    assert is_untouched(running, "verify")


def test_a_known_person_is_named_once(running, photo, monkeypatch):
    """At a doorbell without liveness, since a photo is no living person."""
    doorbell = replace(running.service.options, doorbell=True)
    monkeypatch.setattr(running.service, "options", doorbell)
    monkeypatch.setattr(running.service, "level", LivenessLevel.OFF)
    with open_stream(running, "/identify/watch", scope="verify") as socket:
        pictures = film(photo, "biden_1")
        seen = watch_until(socket, pictures, lambda seen: "known" in events_of(seen))
    (visit,) = (one for one in seen if one["is"] == "visit" and one["event"] == "known")
    assert (visit["name"], visit["verdict"], visit["track"]) == ("biden", "known", 1)
    with FaceID.open(running.settings.vault) as face_id, face_id.open_events() as events:
        stored = [event for event in events.read(name="biden") if event.event == "known"]
    assert stored[-1].camera == "service token test verify"
    assert not stored[-1].opened


def test_a_token_for_metrics_may_not(running):
    stream = open_stream(running, "/identify/watch", scope="metrics")
    with pytest.raises(InvalidStatus, match="403"):
        stream.__enter__()


@pytest.mark.skipif(MOSQUITTO is None and "CI" not in os.environ, reason="needs mosquitto")
def test_a_doorbell_tells_an_mqtt_broker(served, photo, tmp_path):
    mosquitto = Mosquitto(tmp_path)
    heard = Subscriber(mosquitto)
    broker = MqttBroker.parse(mosquitto.address("/home"))
    with (
        served(doorbell=True, mqtt=broker) as running,
        open_stream(running, "/identify/watch") as socket,
    ):
        watch_until(socket, film(photo, "sunak_1"), lambda seen: "unknown" in events_of(seen))
        slug = make_slug("service token test admin")
        wait_until(lambda: heard.read(f"home/{slug}/event"))
        wait_until(lambda: "1" in heard.read(f"home/{slug}/people"))
    wait_until(lambda: heard.read("home/status")[-1] == "offline")
    (document, *_) = heard.read(f"home/{slug}/event")
    assert json.loads(document)["event_type"] == "unknown"
    assert json.loads(document)["opened"] is False
    assert heard.read(f"home/{slug}/last_person")[-1] == "unknown"
    heard.stop()
    mosquitto.kill()
