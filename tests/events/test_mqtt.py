"""MQTT: none lost, TLS and password, and what a broker keeps."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from onlyme.errors import UsageError
from onlyme.events import mqtt, outbox
from onlyme.events.broker import MqttBroker
from onlyme.events.event import DoorEvent
from onlyme.events.homeassistant import (
    describe_camera,
)
from onlyme.events.mqtt import MqttSender
from onlyme.events.store import EventStore
from tests.events.broker import MOSQUITTO, PASSWORD, Mosquitto, Subscriber, wait_until
from tests.events.conftest import SECRET

needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None and "CI" not in os.environ, reason="mosquitto is not installed"
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(mqtt, "FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(mqtt, "MAX_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(mqtt, "IDLE_SECONDS", 0.05)


@pytest.fixture
def mosquitto(tmp_path):
    made = Mosquitto(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def secure(tmp_path):
    made = Mosquitto(tmp_path, secure=True)
    yield made
    made.kill()


@pytest.fixture
def listen():
    made = []

    def begin(broker, topic="#"):
        made.append(Subscriber(broker, topic))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def known(name="ada", camera="camera front", **more):
    return DoorEvent("known", camera, name=name, visit=3, liveness="live", margin=0.3, **more)


def tell(sender, events, broker, event):
    events.add(event, [broker.target])
    sender.tell(event)


# ----------------------------------------------------------------- what is sent


@needs_mosquitto
def test_a_broker_learns_events_and_states(events, mosquitto, listen):
    heard = listen(mosquitto)
    broker = MqttBroker.parse(mosquitto.address("/home/doors"))
    with MqttSender(events, broker) as sender:
        wait_until(lambda: heard.read("home/doors/status") == ["online"])
        tell(sender, events, broker, DoorEvent("camera_up", "camera front"))
        sender.show_visit("camera front", 3, is_here=True)
        tell(sender, events, broker, known())
        sender.show_visit("camera front", 3, is_here=False)
        wait_until(lambda: events.count_waiting() == 0)
        tell(sender, events, broker, DoorEvent("camera_down", "camera front"))
        wait_until(lambda: "offline" in heard.read("home/doors/front/availability"))
        wait_until(lambda: len(heard.read("home/doors/front/event")) == 3)
    wait_until(lambda: heard.read("home/doors/status")[-1] == "offline")
    up, seen, down = map(json.loads, heard.read("home/doors/front/event"))
    assert (up["event_type"], down["event_type"]) == ("camera_up", "camera_down")
    assert seen["event_type"] == "known"
    assert not {"name", "names", "margin", "score"} & set(seen)  # a broker has many readers
    assert heard.read("home/doors/front/last_person")[-1] == "known"
    assert "ada" not in {text for _, text, _ in heard.got}
    people = heard.read("home/doors/front/people")
    assert people.index("1") < len(people) - 1
    assert people[-1] == "0"
    assert heard.read("home/doors/front/visits")[-1] == "1"


@needs_mosquitto
def test_names_are_told_where_that_is_chosen_and_never_stay_at_the_broker(
    events, mosquitto, listen
):
    heard = listen(mosquitto)
    broker = MqttBroker.parse(mosquitto.address(), names=True)
    with MqttSender(events, broker) as sender:
        tell(sender, events, broker, known("Zoë"))
        wait_until(lambda: heard.read("onlyme/front/event"))
        wait_until(lambda: heard.read("onlyme/front/last_person"))
    (document,) = heard.read("onlyme/front/event")
    assert json.loads(document)["name"] == "Zoë"
    assert heard.read("onlyme/front/last_person")[-1] == "Zoë"
    late = listen(mosquitto)
    wait_until(lambda: late.read("onlyme/status"))
    assert late.read("onlyme/front/people")
    assert not [text for _, text, _ in late.got if "Zoë" in text or "Zo\\u00eb" in text]


@needs_mosquitto
def test_what_home_assistant_finds_is_retained(events, mosquitto, listen):
    broker = MqttBroker.parse(mosquitto.address())
    first = listen(mosquitto, "onlyme/#")
    with MqttSender(events, broker) as sender:
        tell(sender, events, broker, known(camera="camera a/+/#"))
        wait_until(lambda: events.count_waiting() == 0)
        heard = listen(mosquitto)
        wait_until(lambda: len([one for one in heard.got if one[0].endswith("/config")]) == 5)
    found = {
        topic: json.loads(text) for topic, text, kept in heard.got if kept and "config" in topic
    }
    assert found == {
        topic: json.loads(text)
        for topic, text in describe_camera("onlyme", "camera a/+/#", mqtt._version()).items()
    }
    topics = {document["state_topic"] for document in found.values()}
    assert {topic for topic, _, _ in first.got} - {"onlyme/status"} == topics


@needs_mosquitto
def test_a_killed_program_is_known_to_be_away(tmp_path, mosquitto, listen):
    heard = listen(mosquitto)
    process = start_sender(tmp_path / "events.sqlite", mosquitto, 0)
    process.stdout.readline()
    wait_until(lambda: heard.read("onlyme/status") == ["online"])
    stop_sender(process)
    wait_until(lambda: heard.read("onlyme/status")[1:])
    assert heard.read("onlyme/status") == ["online", "offline"]


# ----------------------------------------------------------------- at least once


SEND = """
import sys, time
from pathlib import Path
from onlyme.events import mqtt
from onlyme.events.broker import MqttBroker
from onlyme.events.event import DoorEvent
from onlyme.events.store import EventStore
mqtt.LEASE_SECONDS = 0.5
mqtt.IDLE_SECONDS = mqtt.FIRST_RETRY_SECONDS = mqtt.MAX_RETRY_SECONDS = 0.05
path, address, first = sys.argv[1:]
broker = MqttBroker.parse(address)
with EventStore(Path(path), bytes(range(32)), 90) as events:
    with mqtt.MqttSender(events, broker) as sender:
        for number in range(int(first), int(first) + 1000):
            event = DoorEvent("known", "front", visit=number)
            events.add(event, [broker.target])
            sender.tell(event)
            print(number, flush=True)
            time.sleep(0.02)
"""


def start_sender(path, mosquitto, first):
    command = [sys.executable, "-c", SEND, path, mosquitto.address(), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def stop_sender(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@needs_mosquitto
def test_none_is_lost_where_sender_and_broker_are_killed(tmp_path, mosquitto, listen, monkeypatch):
    monkeypatch.setattr(mqtt, "LEASE_SECONDS", 0.5)
    path, told = tmp_path / "events.sqlite", set()
    heard = listen(mosquitto, "onlyme/front/event")
    for round_ in range(4):
        process = start_sender(path, mosquitto, 1000 * round_)
        for number in range(6 + 3 * round_):
            told.add(int(process.stdout.readline()))
            if number == 3 and round_ % 2:
                mosquitto.kill()
                mosquitto.start()
        stop_sender(process)
    broker = MqttBroker.parse(mosquitto.address())
    with EventStore(path, SECRET, 90) as events, MqttSender(events, broker):
        wait_until(lambda: events.count_waiting() == 0)
    wait_until(lambda: told <= {json.loads(text)["visit"] for _, text, _ in list(heard.got)})
    got = [json.loads(text) for _, text, _ in heard.got]
    assert len({one["id"] for one in got}) == len({one["visit"] for one in got})


@needs_mosquitto
def test_events_wait_while_nobody_listens(events, mosquitto, listen):
    broker, told = MqttBroker.parse(mosquitto.address()), []
    with MqttSender(events, broker, told.append) as sender:
        for visit in range(3):
            tell(sender, events, broker, DoorEvent("known", "front", visit=visit))
        wait_until(lambda: any("no subscriber on onlyme/front/event" in one for one in told))
        assert events.count_waiting() == 3
        heard = listen(mosquitto)
        wait_until(lambda: events.count_waiting() == 0)
        wait_until(lambda: len(set(heard.read("onlyme/front/event"))) == 3)
    visits = [json.loads(text)["visit"] for text in dict.fromkeys(heard.read("onlyme/front/event"))]
    assert visits == [0, 1, 2]


@needs_mosquitto
def test_after_the_broker_was_away_its_states_are_those_of_now(events, mosquitto, listen):
    broker, told = MqttBroker.parse(mosquitto.address()), []
    with MqttSender(events, broker, told.append) as sender:
        sender.show_visit("front", 1, is_here=True)
        wait_until(lambda: sender._is_connected)
        mosquitto.kill()
        wait_until(lambda: told)
        sender.show_visit("front", 2, is_here=True)
        mosquitto.start()
        heard = listen(mosquitto)
        wait_until(lambda: heard.read("onlyme/front/people")[-1:] == ["2"])
        assert heard.read("onlyme/front/availability")[-1] == "online"
        wait_until(lambda: told[-1] == "MQTT broker 127.0.0.1 is there")


def test_the_queue_is_bounded_for_each_receiver(events, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)
    dropped = [events.add(known(f"p{n}"), ["mqtt://a", "mqtt://b"][: 1 + n % 2]) for n in range(6)]
    assert dropped == [0, 0, 0, 1, 1, 1]
    left = {"mqtt://a": [], "mqtt://b": []}
    for url, names in left.items():
        while (message := events.claim(time.time(), 60, [url])) is not None:
            names.append(message.event.name)
    assert left == {"mqtt://a": ["p3", "p4", "p5"], "mqtt://b": ["p1", "p3", "p5"]}


# --------------------------------------------------------------- TLS and password


@needs_mosquitto
def test_tls_and_a_password_from_a_private_file(events, secure, listen, tmp_path, capfd):
    file, told = tmp_path / "mqtt", []
    encoded = PASSWORD.replace("%", "%25").replace("@", "%40").replace(" ", "%20")
    encoded = encoded.replace("/", "%2F").replace(":", "%3A")
    file.write_text(secure.address(user=f"ada:{encoded}@") + "\n")
    file.chmod(0o600)
    broker = MqttBroker.parse(f"@{file}", ca=secure.certificate)
    assert broker.password == PASSWORD
    heard = listen(secure)
    with MqttSender(events, broker, told.append) as sender:
        tell(sender, events, broker, known())
        wait_until(lambda: heard.read("onlyme/front/event"))
    assert told == []
    shown = repr(broker) + broker.target + broker.label + repr(capfd.readouterr())
    assert PASSWORD not in shown
    assert encoded not in shown


@needs_mosquitto
@pytest.mark.filterwarnings(  # paho leaves it to the garbage collector to close such a socket
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("what", ["password", "certificate", "topic"])
def test_a_broker_that_refuses_is_told_and_nothing_is_lost(events, secure, what):
    ca = None if what == "certificate" else secure.certificate
    address = secure.address("/elsewhere" if what == "topic" else "")
    plain = MqttBroker.parse(address, ca=ca)
    word = "wrong" if what == "password" else PASSWORD
    broker = type(plain)(plain.host, plain.port, plain.base, True, "ada", word, False, ca)
    told = []
    with MqttSender(events, broker, told.append) as sender:
        tell(sender, events, broker, known())
        wait_until(lambda: told)
        assert events.count_waiting() == 1
    expected = {
        "password": "refuses: not authorized",
        "certificate": "cannot be reached",
        "topic": "the broker takes no event on elsewhere/front/event",
    }
    assert expected[what] in told[0]
    assert word not in " ".join(told)


def test_a_connection_in_the_clear_is_told(events):
    told = []
    broker = MqttBroker.parse("mqtt://broker.invalid")
    with MqttSender(events, broker, told.append):
        pass
    assert "nothing is encrypted" in told[0]


@pytest.mark.parametrize(
    "address",
    [
        "mqtts://ada:secret@broker.example/",
        "broker.example",
        "http://broker.example",
        "mqtts://",
        "mqtts://broker.example:99999",
        "mqtts://broker.example/a b",
        "mqtts://broker.example/a/#",
        "mqtts://broker.example/+",
        "mqtts://broker.example/a//b",
        "mqtts://broker.example/$SYS",
        "mqtts://broker.example/a?b=c",
        "mqtts://broker.example/é",
        "mqtts://broker.example/a\n",
        "mqtts://[::1/",
        "mqtts://broker..example/",  # the resolver takes such a name for a fault of the caller
        "@/nowhere/at-all",
    ],
)
def test_addresses_that_cannot_be_used(address):
    with pytest.raises(UsageError) as refused:
        MqttBroker.parse(address)
    assert "secret" not in str(refused.value)


def test_a_file_that_others_may_read_is_refused(tmp_path):
    file = tmp_path / "mqtt"
    file.write_text("mqtts://ada:secret@broker.example\n")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600") as refused:
        MqttBroker.parse(f"@{file}")
    assert "secret" not in str(refused.value)


def test_certificates_that_cannot_be_read(events, tmp_path):
    broker = MqttBroker.parse("mqtts://broker.example", ca=tmp_path / "none.pem")
    with pytest.raises(UsageError, match="certificates"):
        MqttSender(events, broker)
