"""Topics are safe whatever a camera is called, and documents are those of Home Assistant."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from onlyme.events.event import EVENT_KINDS, DoorEvent
from onlyme.events.homeassistant import describe_camera, describe_event, make_slug


@given(st.text(max_size=80))
def test_no_camera_name_reaches_into_another_topic(name):
    slug = make_slug(name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,48}", slug)
    for topic, document in describe_camera("onlyme", name, "1").items():
        assert re.fullmatch(r"homeassistant/\w+/[A-Za-z0-9_-]+/\w+/config", topic)
        json.loads(document.encode())
        document.encode()


@given(st.lists(st.text(max_size=60), min_size=2, max_size=4, unique=True))
def test_two_cameras_have_two_topics(names):
    names = [name.removeprefix("camera ") for name in names]
    assert len({make_slug(name) for name in names}) == len(set(names))


@given(st.text(max_size=40, alphabet=st.characters()))
def test_a_name_is_part_of_a_document_alone(name):
    event = DoorEvent("ambiguous", name, name=name, names=(name, "bob"))
    assert set(json.loads(describe_event(event, names=False))) & {"name", "names"} == set()
    describe_event(event, names=True).encode()


COMMON = {
    "availability",
    "availability_mode",
    "device",
    "origin",
    "unique_id",
    "state_topic",
    "name",
}
ENTITIES = {  # component: keys it must have, keys it may have, and the values of its device class
    "event": ({"event_types"}, set(), {"doorbell", "button", "motion"}),
    "sensor": (set(), {"state_class"}, set()),
    "binary_sensor": (set(), {"payload_on", "payload_off", "device_class"}, {"connectivity"}),
}


def test_the_documents_are_those_that_home_assistant_documents():
    """The fields of MQTT discovery, of device and origin, and of each kind of entity."""
    found = describe_camera("home/doors", "front", "1.0")
    identities = set()
    for topic, text in found.items():
        prefix, component, node, _, last = topic.split("/")
        assert (prefix, last) == ("homeassistant", "config")
        document = json.loads(text)
        needed, allowed, classes = ENTITIES[component]
        assert COMMON | needed <= set(document) <= COMMON | needed | allowed
        assert document.get("device_class") in classes | {None}
        assert document["availability_mode"] in {"all", "any", "latest"}
        assert all(set(one) == {"topic"} for one in document["availability"])
        assert set(document["device"]) <= {
            "identifiers",
            "name",
            "manufacturer",
            "model",
            "sw_version",
        }
        assert document["device"]["identifiers"] == [node]
        assert set(document["origin"]) <= {"name", "sw_version", "support_url"}
        assert document.get("state_class") in {None, "measurement", "total_increasing"}
        identities.add(document["unique_id"])
    assert len(identities) == len(found) == 5
    event = json.loads(found["homeassistant/event/home_doors_front/event/config"])
    assert tuple(event["event_types"]) == EVENT_KINDS
    for kind in EVENT_KINDS:
        assert (
            json.loads(describe_event(DoorEvent(kind, "front"), names=True))["event_type"] == kind
        )
