"""Measure how fast an event leaves, and whether one is lost when its sender or receiver is killed.

    python benchmarks/events.py [--kills N] [--events N] [--json FILE]

Events are written by a process of its own, and go to a real HTTP server and to a real MQTT broker
(mosquitto) with a subscriber. *Latency* is the time from just before the event is written (the
verdict) until the receiver has it, of one process that runs undisturbed. *Kills* end the sender, or
the receiver, with SIGKILL in turn and start it again. An event whose writing was confirmed and that
did not arrive is lost; its share has a 95 % interval (Clopper-Pearson).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from onlyme.charts.rates import make_rate

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.events.broker import MOSQUITTO, Mosquitto, Subscriber, find_port  # noqa: E402 - needs the path
from tests.events.conftest import Receiver  # noqa: E402 - as above

PROMISED_MS = 200.0
DEADLINE_SECONDS = 180.0

SEND = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from onlyme.events import mqtt, webhook
from onlyme.events.broker import MqttBroker
from onlyme.events.store import DoorEvent, EventStore
from onlyme.faceid.reports import DoorReports
webhook.LEASE_SECONDS = mqtt.LEASE_SECONDS = 1.0  # so that a kill costs seconds, not a minute
webhook.MAX_RETRY_SECONDS = mqtt.MAX_RETRY_SECONDS = 1.0
path, url, address, first, count, pause = sys.argv[1:]
with EventStore(Path(path), bytes(range(32)), 90) as events, ExitStack() as stack:
    reports = DoorReports(events, stack, lambda _: None)
    reports.send_webhooks([url], b"k" * 32, allow_private=True)
    if address:
        reports.send_mqtt(MqttBroker.parse(address))
        time.sleep(1.0)
    for number in range(int(first), int(first) + int(count)):
        reports.add(DoorEvent("known", "front", visit=number, seconds=time.time()))
        print(number, flush=True)
        time.sleep(float(pause))
    end = time.monotonic() + 120
    while events.count_waiting() and time.monotonic() < end:
        time.sleep(0.05)
"""


class Endpoints:
    """A receiver of webhooks and a broker, which can be killed."""

    def __init__(self, folder: Path) -> None:
        self.port = find_port()
        self.web = Receiver(self.port)
        self.web_got: list[tuple[int, float, float]] = []
        self.broker = Mosquitto(folder) if MOSQUITTO else None
        self.heard = Subscriber(self.broker, "onlyme/front/event") if self.broker else None
        self.mqtt_got: list[tuple[int, float, float]] = []
        if self.heard is not None:
            self.heard.client.on_message = self._note_mqtt
        self._watch_web()

    def _note_mqtt(self, _client: object, _data: object, message: Any) -> None:
        event = json.loads(message.payload)
        self.mqtt_got.append((event["visit"], event["seconds"], time.time()))

    def _watch_web(self) -> None:
        owner = self

        class Timed(list):  # type: ignore[type-arg]  # in place of the receiver's own list
            def append(self, item: Any) -> None:
                event = json.loads(item[2])
                owner.web_got.append((event["visit"], event["seconds"], time.time()))

        self.web.got = Timed()

    def restart(self) -> None:
        """Kill both, and start them again."""
        self.web.stop()
        if self.broker is not None:
            self.broker.kill()
            self.broker.start()
        time.sleep(0.2)
        self.web = Receiver(self.port)
        self._watch_web()

    def stop(self) -> None:
        """End both."""
        self.web.stop()
        if self.heard is not None and self.broker is not None:
            self.heard.stop()
            self.broker.kill()


def start(path: Path, ends: Endpoints, first: int, count: int, pause: float) -> Any:
    address = "" if ends.broker is None else ends.broker.address()
    words = [str(path), ends.web.url, address, str(first), str(count), str(pause)]
    return subprocess.Popen([sys.executable, "-c", SEND, *words], stdout=subprocess.PIPE, text=True)


def measure_latency(folder: Path, events: int) -> dict[str, Any]:
    ends = Endpoints(folder)
    process = start(folder / "events.sqlite", ends, 0, events, 0.2)
    process.wait()
    ends.stop()
    found = {}
    for name, got in (("webhook", ends.web_got), ("mqtt", ends.mqtt_got)):
        if got:
            spent = np.array([arrived - told for _, told, arrived in got]) * 1000
            found[name] = {
                "events": len(spent),
                "median_ms": round(float(np.median(spent)), 1),
                "p95_ms": round(float(np.percentile(spent, 95)), 1),
                "max_ms": round(float(spent.max()), 1),
                "within_promise": make_rate(
                    int((spent <= PROMISED_MS).sum()), len(spent)
                ).to_dict(),
            }
    return found


def measure_kills(folder: Path, kills: int) -> dict[str, Any]:
    ends, path = Endpoints(folder), folder / "kills.sqlite"
    told: set[int] = set()
    for turn in range(kills):
        process = start(path, ends, 1000 * turn, 1000, 0.02)
        for number in range(5 + turn % 7):
            told.add(int(process.stdout.readline()))
            if turn % 2 and number == 3:
                ends.restart()
        process.kill()
        process.wait()
    last = start(path, ends, 10**6, 1, 0.02)
    end = time.monotonic() + DEADLINE_SECONDS
    lists = [ends.web_got] + ([ends.mqtt_got] if ends.broker else [])
    while time.monotonic() < end and not all(
        told <= {visit for visit, _, _ in list(got)} for got in lists
    ):
        time.sleep(0.1)
    last.wait()
    ends.stop()
    found: dict[str, Any] = {"kills": kills}
    for name, got in (("webhook", ends.web_got), ("mqtt", ends.mqtt_got)):
        if got:
            visits = [visit for visit, _, _ in got]
            lost = len(told - set(visits))
            found[name] = {
                "confirmed": len(told),
                "lost": make_rate(lost, len(told)).to_dict(),
                "twice": len(visits) - len(set(visits)),
            }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        latency = measure_latency(Path(folder), asked.events)
    with tempfile.TemporaryDirectory() as folder:
        kills = measure_kills(Path(folder), asked.kills)
    result = {"latency": latency, "kills": kills}
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")
    losses = [one["lost"] for one in kills.values() if isinstance(one, dict)]
    return int(any(loss["count"] for loss in losses))


if __name__ == "__main__":
    sys.exit(main())
