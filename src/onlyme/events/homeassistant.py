"""Name the topics of MQTT, and describe the cameras to Home Assistant.

A camera's name may hold anything; a topic must not: `/`, `+` and `#` have a meaning there. So a
topic holds letters, digits, `-` and `_` only. No person's name is part of a topic.

The documents follow Home Assistant's "MQTT discovery": one for each entity, at
`homeassistant/<component>/<node>/<object>/config`, retained, with `device`, `origin`, `unique_id`
and `availability`.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from onlyme.events.event import EVENT_KINDS

if TYPE_CHECKING:
    from onlyme.events.event import DoorEvent

__all__ = ["OFFLINE", "ONLINE", "describe_camera", "describe_event", "make_slug"]

ONLINE, OFFLINE = "online", "offline"
"""What a camera's topic `availability` and the program's topic `status` say."""

_DISCOVERY: Final = "homeassistant"
_PLAIN = re.compile(r"(?!.*_[0-9a-f]{8}$)[A-Za-z0-9_-]{1,48}")


def make_slug(name: str) -> str:
    """Return a part of a topic for a camera; two cameras never get the same.

    >>> make_slug("camera front")
    'front'
    >>> make_slug("a/+/#")
    'a_f5b3fde1'
    """
    short = name.removeprefix("camera ")
    if _PLAIN.fullmatch(short):
        return short
    readable = re.sub(r"[^A-Za-z0-9-]+", "_", short)[:32].strip("_")
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{readable or 'camera'}_{digest}"


def describe_event(event: DoorEvent, *, names: bool) -> str:
    """Return the JSON document that tells an event.

    Args:
        event: what happened.
        names: whether it says who; all who may read the broker's topics learn that.
    """
    document: dict[str, Any] = {
        "event_type": event.event,
        "id": event.id,
        "camera": _clean(event.camera),
        "at": event.at.isoformat(timespec="milliseconds"),
        "visit": event.visit,
        "seconds": event.seconds,
        "liveness": event.liveness,
        "opened": event.opened,
    }
    if names:
        document |= {"name": event.name, "names": list(event.names)}
    return json.dumps(document)


def describe_camera(base: str, camera: str, version: str) -> dict[str, str]:
    """Return topic and JSON document of each entity of a camera.

    Args:
        base: the topic under which the program writes.
        camera: the camera's name.
        version: of onlyme.
    """
    slug = make_slug(camera)
    node = f"{base.replace('/', '_')}_{slug}"
    status = {"topic": f"{base}/status"}
    shared = {
        "availability": [status, {"topic": f"{base}/{slug}/availability"}],
        "availability_mode": "all",
        "device": {
            "identifiers": [node],
            "name": _clean(camera),
            "manufacturer": "onlyme",
            "model": "camera",
            "sw_version": version,
        },
        "origin": {"name": "onlyme", "sw_version": version},
    }
    entities: dict[tuple[str, str], dict[str, Any]] = {
        ("event", "event"): {"name": "Visit", "event_types": list(EVENT_KINDS)},
        ("sensor", "last_person"): {"name": "Last person"},
        ("sensor", "people"): {"name": "People in view", "state_class": "measurement"},
        ("sensor", "visits"): {"name": "Visits", "state_class": "total_increasing"},
        ("binary_sensor", "availability"): {
            "name": "Camera",
            "device_class": "connectivity",
            "payload_on": ONLINE,
            "payload_off": OFFLINE,
            "availability": [status],
        },
    }
    return {
        f"{_DISCOVERY}/{component}/{node}/{key}/config": json.dumps(
            shared
            | {"unique_id": f"{node}_{key}", "state_topic": f"{base}/{slug}/{key}"}
            | document
        )
        for (component, key), document in entities.items()
    }


def _clean(name: str) -> str:
    """Return a name that every reader of JSON takes."""
    return name.encode(errors="replace").decode()[:128]
