"""Pass on what happens at the doors: to the stored events, webhooks and an MQTT broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.events.mqtt import MqttSender
from onlyme.events.outbox import MAX_WAITING
from onlyme.events.webhook import Webhooks
from onlyme.faceid.events import make_unknown_visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import ExitStack

    from onlyme.events.broker import MqttBroker
    from onlyme.events.event import DoorEvent
    from onlyme.events.store import EventStore
    from onlyme.verification.visits import Presence

__all__ = ["DoorReports"]


class DoorReports:
    """Stores each event together with its messages, and wakes what sends them.

    Args:
        events: where events are stored.
        stack: closes what is opened here.
        report: called with a sentence when something cannot be sent.
    """

    def __init__(self, events: EventStore, stack: ExitStack, report: Callable[[str], None]) -> None:
        self._events, self._stack, self._report = events, stack, report
        self._targets: list[str] = []
        self._webhooks: Webhooks | None = None
        self._mqtt: MqttSender | None = None
        self._is_full = False

    def send_webhooks(self, urls: Sequence[str], key: bytes, *, allow_private: bool) -> None:
        """Send each event to these addresses; see `Webhooks`."""
        made = Webhooks(self._events, urls, key, allow_private=allow_private, report=self._report)
        self._webhooks = self._stack.enter_context(made)
        self._targets += urls

    def send_mqtt(self, broker: MqttBroker) -> None:
        """Tell a broker each event; see `MqttSender`."""
        self._mqtt = self._stack.enter_context(MqttSender(self._events, broker, self._report))
        self._targets.append(broker.target)

    def add(self, event: DoorEvent) -> None:
        """Store an event, and send it soon.

        Raises:
            VaultError: it cannot be stored.
        """
        if dropped := self._events.add(event, self._targets):
            self._report(
                f"{MAX_WAITING:,} messages wait for one receiver already: "
                f"{dropped} of the oldest will not be sent"
            )
        if self._webhooks is not None:
            self._webhooks.wake()
        if self._mqtt is not None:
            self._mqtt.tell(event)

    def show(self, people: Iterable[Presence]) -> None:
        """Tell how many people are in view, and keep what the settings want of unknown ones.

        Raises:
            VaultError: it cannot be stored.
        """
        for one in people:
            if one.event is not None and self._mqtt is not None:
                self._mqtt.show_visit(one.camera, one.id, is_here=one.event != "left")
            if one.unknown is not None:
                is_kept = self._events.add_unknown(make_unknown_visit(one, one.unknown))
                if not is_kept and not self._is_full:
                    self._is_full = True
                    self._report(
                        f"{self._events.unknown_per_day:,} unknown visits of one day are kept "
                        "already (unknown_per_day); further ones are not"
                    )
