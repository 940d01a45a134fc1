"""Tell an MQTT broker what happens at the doors, so that Home Assistant finds it by itself.

Two kinds of messages leave. *Events* wait in the outbox on disk until the broker confirms that a
subscriber was there to take them (MQTT 5, QoS 1), so that each arrives at least once. *States*,
such as whether a camera gives frames or how many people are in view, matter only as they are now:
they are kept in memory, retained by the broker, and written again after each connection. If the
program is killed, the broker itself says that it is gone (last will).
"""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, Self

from onlyme.errors import OnlymeError, UsageError, explain_extra
from onlyme.events.homeassistant import (
    OFFLINE,
    ONLINE,
    describe_camera,
    describe_event,
    make_slug,
)
from onlyme.events.webhook import LEASE_SECONDS, is_given_up
from onlyme.storage.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.events.broker import MqttBroker
    from onlyme.events.event import DoorEvent
    from onlyme.events.outbox import Outbox, OutgoingMessage

__all__ = ["MqttSender"]

FIRST_RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 1.0
"""How often the outbox is looked at for what other programs left."""

KEEP_ALIVE_SECONDS: Final = 30
LAST_SECONDS: Final = 2.0
"""How long the end waits for what is due."""

MAX_CAMERAS: Final = 64
"""Cameras that get topics; a service may have streams of many clients."""

_HERE: Final = frozenset(["localhost", "127.0.0.1", "::1"])
_NO_SUBSCRIBER: Final = 0x10
_FAILED: Final = 0x80
_VERDICTS: Final = frozenset(["known", "unknown", "ambiguous", "not_live", "locked_out"])


@dataclass(slots=True)
class _Camera:
    """What is known of a camera now."""

    is_up: bool = True
    people: set[int] = field(default_factory=set)
    visits: int = 0
    last: str = ""


class MqttSender:
    """Sends events and states to a broker, in threads; use it in a `with` block.

    Args:
        outbox: where messages wait; `add` them there for the target `broker.target`.
        broker: where to, and how.
        report: called with a sentence when the broker cannot be reached, or is back.

    Raises:
        UsageError: the extra `mqtt` is missing, or the certificates cannot be read.
    """

    def __init__(
        self, outbox: Outbox, broker: MqttBroker, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self._outbox, self._broker, self._report = outbox, broker, report
        self._client: Any = _make_client(broker)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._cameras: dict[str, _Camera] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._answers: dict[int, int] = {}
        self._is_connected, self._is_ending = False, False
        self._news = threading.Event()
        self._reported = ""
        self._thread = threading.Thread(target=self._work, name="onlyme-mqtt", daemon=True)

    def __enter__(self) -> Self:
        """Begin to connect and to send; a broker that is away is tried again."""
        if not self._broker.is_tls and self._broker.host not in _HERE:
            self._report(
                f"{self._broker.label}: nothing is encrypted, and who listens on the network "
                "learns what is sent; use mqtts://"
            )
        self._client.connect_async(self._broker.host, self._broker.port, KEEP_ALIVE_SECONDS)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send what is due, for two seconds, and say that the cameras are away."""
        self._is_ending = True
        self._news.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(LAST_SECONDS)
        with self._lock:
            for name, camera in self._cameras.items():
                camera.is_up = False
                self._publish_state(name, camera)
            last = self._client.publish(f"{self._broker.base}/status", OFFLINE, 1, retain=True)
        if self._is_connected:
            with self._changed:
                self._changed.wait_for(lambda: last.mid in self._answers, LAST_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()

    def tell(self, event: DoorEvent) -> None:
        """Send an event soon, which was put into the outbox, and the states that it changes."""
        with self._lock:
            camera = self._find_camera(event.camera)
            if camera is not None:
                camera.is_up = event.event != "camera_down"
                if event.event in _VERDICTS:
                    camera.visits += 1
                    names = self._broker.names and event.name
                    camera.last = event.name if names and event.name else event.event
                self._publish_state(event.camera, camera)
        self._news.set()

    def show_visit(self, name: str, visit: int, *, is_here: bool) -> None:
        """Count a person who is in view, or has left.

        Args:
            name: of the camera.
            visit: its number.
            is_here: whether the visit lasts.
        """
        with self._lock:
            camera = self._find_camera(name)
            if camera is None or is_here is (visit in camera.people):
                return
            camera.people ^= {visit}
            self._publish_state(name, camera)

    # ------------------------------------------------------------------- states

    def _find_camera(self, name: str) -> _Camera | None:
        camera = self._cameras.get(name)
        if camera is None and len(self._cameras) < MAX_CAMERAS:
            camera = self._cameras[name] = _Camera()
            self._publish_discovery(name)
        return camera

    def _publish_discovery(self, name: str) -> None:
        if self._is_connected:
            for topic, document in describe_camera(self._broker.base, name, _version()).items():
                self._client.publish(topic, document, retain=True)

    def _publish_state(self, name: str, camera: _Camera) -> None:
        """Write the states of a camera; the next connection writes what gets lost.

        A name is not retained: `forget` cannot reach what a broker keeps.
        """
        if not self._is_connected:
            return
        top = f"{self._broker.base}/{make_slug(name)}"
        publish = self._client.publish
        publish(f"{top}/availability", ONLINE if camera.is_up else OFFLINE, retain=True)
        publish(f"{top}/people", str(len(camera.people)), retain=True)
        publish(f"{top}/visits", str(camera.visits), retain=True)
        if camera.last:
            publish(f"{top}/last_person", camera.last[:255], retain=not self._broker.names)

    # --------------------------------------------------------------- connection

    def _on_connect(self, client: Any, _data: object, _flags: object, code: Any, _: object) -> None:
        if code.is_failure:
            self._tell(f"{self._broker.label} refuses: {str(code).lower()}; trying again")
            return
        with self._lock:
            self._is_connected = True
            client.publish(f"{self._broker.base}/status", ONLINE, retain=True)
            for name, camera in self._cameras.items():
                self._publish_discovery(name)
                self._publish_state(name, camera)
        if self._reported:
            self._tell(f"{self._broker.label} is there")
        self._reported = ""
        with self._changed:
            self._changed.notify_all()

    def _on_connect_fail(self, _client: object, _data: object) -> None:
        self._tell(f"{self._broker.label} cannot be reached; events wait on disk")

    def _on_disconnect(self, *_: object) -> None:
        was, self._is_connected = self._is_connected, False
        if was and not self._is_ending:
            self._tell(f"{self._broker.label}: the connection is lost; events wait on disk")
        with self._changed:
            self._changed.notify_all()

    def _on_publish(self, _client: object, _data: object, mid: int, code: Any, _: object) -> None:
        with self._changed:
            self._answers[mid] = code.value
            self._changed.notify_all()

    # ------------------------------------------------------------------- events

    def _work(self) -> None:
        pause = FIRST_RETRY_SECONDS
        while True:
            self._news.clear()
            if not self._wait_for_connection():
                return
            is_sent = None
            try:
                message = self._outbox.claim(time.time(), LEASE_SECONDS, [self._broker.target])
                if message is not None:
                    is_sent = self._deliver(message)
            except OnlymeError as error:
                self._tell(f"{self._broker.label}: events wait: {error}")
            if is_sent:
                pause = FIRST_RETRY_SECONDS
            elif self._is_ending:
                return
            elif is_sent is None:
                self._news.wait(IDLE_SECONDS)
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_ending, pause)
                pause = min(2 * pause, MAX_RETRY_SECONDS)

    def _wait_for_connection(self) -> bool:
        """Wait until the broker is there; False where the program ends first."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_connected or self._is_ending)
            return self._is_connected

    def _deliver(self, message: OutgoingMessage) -> bool:
        """Send an event; return whether someone took it. If not, it stays the next one."""
        topic = f"{self._broker.base}/{make_slug(message.event.camera)}/event"
        document = describe_event(message.event, names=self._broker.names)
        with self._changed:
            self._answers.clear()
        info = self._client.publish(topic, document, 1)
        with self._changed:
            self._changed.wait_for(
                lambda: info.mid in self._answers or not self._is_connected, LEASE_SECONDS / 2
            )
            answer = self._answers.get(info.mid, _FAILED)
        if answer == 0:
            self._outbox.settle(message, None)
            return True
        why = "no subscriber" if answer == _NO_SUBSCRIBER else "the broker takes no event"
        if is_given_up(message):
            self._outbox.settle(message, None)
            self._tell(f"{self._broker.label}: given up after three days ({why})")
            return True
        if self._is_connected:
            self._tell(f"{self._broker.label}: {why} on {topic}; events wait on disk")
        self._outbox.settle(message, 0.0)
        return False

    def _tell(self, sentence: str) -> None:
        """Report, and nothing twice in a row."""
        if sentence != self._reported:
            self._reported = sentence
            self._report(sentence)


def _make_client(broker: MqttBroker) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    except ImportError:
        raise UsageError(f"--mqtt needs paho-mqtt; {explain_extra('mqtt')}") from None
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.reconnect_delay_set(1, 30)
    client.will_set(f"{broker.base}/status", OFFLINE, 1, retain=True)
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.is_tls:
        try:
            if broker.ca is not None:
                open_regular(broker.ca).close()  # the reader of certificates waits for a pipe
            context = ssl.create_default_context(cafile=broker.ca)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the certificates of {broker.label} cannot be read ({error.strerror})"
            ) from None
        client.tls_set_context(context)
    return client


def _version() -> str:
    try:
        return version("onlyme")
    except PackageNotFoundError:
        return "0"
