"""Webhooks: signed, again until they arrive, none lost, and nowhere inside the network."""

import hmac
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onlyme.errors import UsageError
from onlyme.events import outbox, webhook
from onlyme.events.event import DoorEvent
from onlyme.events.store import EventStore
from onlyme.events.webhook import Webhooks, check_url
from tests.events.conftest import SECRET, Receiver

KEY = b"k" * 32
DEADLINE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(webhook, "FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(webhook, "MAX_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(webhook, "IDLE_SECONDS", 0.05)


def wait_until(condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.01)


def send(events, urls, count=1, **how):
    with Webhooks(events, urls, KEY, **how) as hooks:
        for number in range(count):
            events.add(DoorEvent("known", "front", name=f"p{number}"), urls)
            hooks.wake()
        wait_until(lambda: events.count_waiting() == 0)


def test_a_message_is_signed_and_carries_its_number(events, receiver):
    send(events, [receiver.url], allow_private=True)
    ((path, headers, body),) = receiver.got
    (event,) = events.read()
    assert path == "/door?key=1"
    assert json.loads(body) == event.to_document()
    assert headers["Idempotency-Key"] == event.id
    moment, _, signature = headers["Onlyme-Signature"].partition(",v1=")
    at = moment.removeprefix("t=")
    assert signature == hmac.digest(KEY, f"{at}.".encode() + body, "sha256").hex()
    assert abs(int(at) - time.time()) < DEADLINE_SECONDS


def test_it_is_tried_again_until_it_arrives(events, receiver):
    told = []
    receiver.answers = [500, 404, 302, 429]
    send(events, [receiver.url], allow_private=True, report=told.append)
    assert len(receiver.got) == 5
    assert {path for path, _, _ in receiver.got} == {"/door?key=1"}  # no redirection
    assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.got}) == 1
    assert told == [
        f"webhook to 127.0.0.1: answer {status}; trying again" for status in (500, 404, 302, 429)
    ]


def test_a_receiver_that_is_away_gets_all_in_the_end(events):
    first = Receiver()
    port, urls = first.port, [first.url]
    with Webhooks(events, urls, KEY, allow_private=True) as hooks:
        events.add(DoorEvent("known", "front", name="p0"), urls)
        hooks.wake()
        wait_until(lambda: first.got)
        first.stop()
        for number in (1, 2, 3):
            events.add(DoorEvent("known", "front", name=f"p{number}"), urls)
            hooks.wake()
        second = Receiver(port)
        wait_until(lambda: events.count_waiting() == 0)
        second.stop()
    got = {json.loads(body)["name"] for _, _, body in first.got + second.got}
    assert got == {"p0", "p1", "p2", "p3"}


SEND = """
import sys
from pathlib import Path
from onlyme.events import webhook
from onlyme.events.event import DoorEvent
from onlyme.events.store import EventStore
webhook.LEASE_SECONDS = 0.3
webhook.IDLE_SECONDS = 0.05
path, url, first = sys.argv[1:]
with EventStore(Path(path), bytes(range(32)), 90) as events:
    with webhook.Webhooks(events, [url], b"k" * 32, allow_private=True) as hooks:
        for number in range(int(first), int(first) + 1000):
            events.add(DoorEvent("known", "front", name=f"p{number}"), [url])
            hooks.wake()
            print(number, flush=True)
"""


def test_none_is_lost_where_the_sender_is_killed_again_and_again(tmp_path, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "LEASE_SECONDS", 0.3)
    path, told = tmp_path / "events.sqlite", set()
    for round_ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", SEND, path, receiver.url, str(1000 * round_)],
            stdout=subprocess.PIPE,
        )
        for _ in range(5 + 3 * round_):
            told.add(f"p{int(process.stdout.readline())}")
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    with (
        EventStore(path, SECRET, 90) as events,
        Webhooks(events, [receiver.url], KEY, allow_private=True),
    ):
        wait_until(lambda: events.count_waiting() == 0)
    got = [
        (json.loads(body)["name"], headers["Idempotency-Key"]) for _, headers, body in receiver.got
    ]
    assert told <= {name for name, _ in got}
    assert len(set(got)) == len({name for name, _ in got})  # twice, but then with the same number


def test_nothing_is_sent_into_the_network_unless_it_is_allowed(events, receiver):
    told = []
    urls = [receiver.url, f"http://localhost:{receiver.port}/", f"http://[::1]:{receiver.port}/"]
    with Webhooks(events, urls, KEY, report=told.append) as hooks:
        events.add(DoorEvent("known", "front", name="ada"), urls)
        hooks.wake()
        wait_until(lambda: len(told) >= 3)
    assert receiver.got == []
    assert events.count_waiting() == 3
    assert any("inside a network" in sentence for sentence in told)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "example.org",
        "https://",
        "https://ada:word@example.org/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX: 1",
        "https://example..org/",  # the resolver takes such names for a fault of the caller
        "https://.example.org/",
        f"https://{'a' * 64}.org/",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_cannot_be_used(url):
    with pytest.raises(UsageError, match="a webhook needs an address"):
        check_url(url)


def test_what_no_one_takes_is_given_up_after_three_days(events, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "GIVE_UP_SECONDS", 0.0)
    monkeypatch.setattr(webhook, "MIN_TRIES", 1)
    told = []
    receiver.answers = [500]
    send(events, [receiver.url], allow_private=True, report=told.append)
    assert told == ["webhook to 127.0.0.1: given up after three days (answer 500)"]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "::", "::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1",
        "2002:a00:1::", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_public(address):
    assert not webhook.is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::93.184.216.34", "2002:5db8:d822::"]
)
def test_public_addresses_are_public(address):
    assert webhook.is_public(address)


def test_an_address_that_is_not_routed_is_passed_over(events, receiver, monkeypatch):
    found = webhook.socket.getaddrinfo
    dead = (2, 1, 6, "", ("127.0.0.2", receiver.port))
    monkeypatch.setattr(
        webhook.socket, "getaddrinfo", lambda *given, **named: [dead, *found(*given, **named)]
    )
    send(events, [receiver.url], allow_private=True)
    assert len(receiver.got) == 1


def test_a_receiver_that_does_not_answer_delays_no_other(events, receiver):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with Webhooks(events, [mute, receiver.url], KEY, allow_private=True) as hooks:
            events.add(DoorEvent("known", "front", name="ada"), [mute, receiver.url])
            hooks.wake()
            wait_until(lambda: receiver.got)
        assert events.count_waiting() >= 1


def test_who_comes_too_late_settles_no_other_message(events):
    url = "https://example.org/"
    events.add(DoorEvent("known", "front", name="first"), [url])
    late = events.claim(1e9, 1.0, [url])
    again = events.claim(1e9 + 2, 1.0, [url])
    events.settle(again, None)
    events.add(DoorEvent("known", "front", name="second"), [url])
    events.settle(late, None)
    assert events.claim(1e9 + 4, 1.0, [url]).event.name == "second"


def test_a_clock_that_was_wrong_gives_no_message_up(events, receiver):
    """A small computer begins in 1970, until the network tells the time."""
    receiver.answers = [500]
    told = []
    with Webhooks(events, [receiver.url], KEY, allow_private=True, report=told.append) as hooks:
        at = datetime(1970, 1, 2, tzinfo=UTC)
        events.add(DoorEvent("known", "front", name="ada", at=at), [receiver.url])
        hooks.wake()
        wait_until(lambda: events.count_waiting() == 0)
    assert len(receiver.got) == 2
    assert "trying again" in told[0]


@pytest.mark.parametrize("back", [4 * 3600.0, 86400.0, 50 * 365 * 86400.0])
def test_a_clock_that_is_set_back_keeps_no_message_waiting(events, back):
    now = 2e9
    events.add(DoorEvent("known", "front", name="ada"), ["https://a.example/"])
    ask = ["https://a.example/"]
    message = events.claim(now, webhook.LEASE_SECONDS, ask)
    assert events.claim(now + 1, webhook.LEASE_SECONDS, ask) is None  # another one's
    events.settle(message, now + 3600.0 * 1.2)  # the longest pause
    assert events.claim(now + 1, webhook.LEASE_SECONDS, ask) is None
    again = events.claim(now - back, webhook.LEASE_SECONDS, ask)
    assert again.event.name == "ada"
    events.settle(again, None)
    assert events.count_waiting() == 0


def test_no_pause_is_longer_than_a_clock_that_was_set_is_told_by():
    """`short_pauses` shortens them for these tests."""
    text = Path(webhook.__file__).read_text("utf-8")
    (longest,) = re.findall(r"MAX_RETRY_SECONDS: Final = ([0-9.]+)", text)
    assert float(longest) * 1.2 < outbox.MAX_PAUSE_SECONDS
    assert webhook.LEASE_SECONDS < outbox.MAX_PAUSE_SECONDS


class HostileReceiver:
    """A server that reads nothing and writes these bytes again and again."""

    def __init__(self, begin, again, pause=0.0):
        self.begin, self.again, self.pause = begin, again, pause
        self.over, self.server = threading.Event(), socket.create_server(("127.0.0.1", 0))
        self.port, self.count = self.server.getsockname()[1], 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.over.is_set():
            try:
                line, _ = self.server.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.write, args=(line,), daemon=True).start()

    def write(self, line):
        with line, suppress(OSError):
            line.sendall(self.begin)
            while not self.over.wait(self.pause):
                line.sendall(self.again)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("begin", "again", "pause"),
    [
        (b"", b"H", 0.02),  # a status line that never ends, so slowly that no read times out
        (b"HTTP/1.1 200 OK\r\n", b"X-One: 1\r\n", 0.02),  # headers without an end
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),  # which is never the last answer
        (b"\x16\x03\x03\x40\x00", b"\x02", 0.02),  # a greeting of TLS, byte by byte
        (b"", b"a" * 65536, 0.0),
    ],
    ids=["status", "headers", "continue", "greeting", "flood"],
)
def test_an_answer_without_an_end_is_given_up(
    events, receiver, monkeypatch, scheme, begin, again, pause
):
    monkeypatch.setattr(webhook, "SEND_SECONDS", 0.3)
    told = []
    with HostileReceiver(begin, again, pause) as hostile:
        url = f"{scheme}://127.0.0.1:{hostile.port}/"
        with Webhooks(events, [url], KEY, allow_private=True, report=told.append) as hooks:
            events.add(DoorEvent("known", "front", name="ada"), [url])
            hooks.wake()
            wait_until(lambda: hostile.count >= 2)  # it was tried again
    assert told
    assert all(sentence.startswith("webhook to 127.0.0.1: ") for sentence in told)
    assert events.count_waiting() == 1


def test_an_answer_that_is_huge_is_not_read(events, monkeypatch):
    with HostileReceiver(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536) as hostile:
        send(events, [f"http://127.0.0.1:{hostile.port}/"], allow_private=True)
    assert hostile.count == 1


def test_a_name_that_turns_private_is_not_followed_there(events, receiver, monkeypatch):
    """DNS rebinding: the machine that was checked is the one that is connected to."""
    asked, told = [], []

    def resolve(host, port, *_, **__):
        place = host
        if host == "door.example":
            asked.append(host)
            place = "192.0.2.1" if len(asked) % 2 else "127.0.0.1"
        return [(2, 1, 6, "", (place, port))]

    monkeypatch.setattr(webhook.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(webhook, "is_public", lambda place: place == "192.0.2.1")
    monkeypatch.setattr(webhook, "SEND_SECONDS", 0.2)
    url = f"http://door.example:{receiver.port}/"
    with Webhooks(events, [url], KEY, report=told.append) as hooks:
        events.add(DoorEvent("known", "front", name="ada"), [url])
        hooks.wake()
        wait_until(lambda: len(asked) >= 4 and len({*told}) >= 2)
    assert receiver.got == []


def test_a_fault_that_no_one_thought_of_ends_no_sender(events, receiver, monkeypatch):
    resolve, faults = webhook.socket.getaddrinfo, [UnicodeError("label too long"), ValueError("x")]

    def fail(*given, **named):
        if faults:
            raise faults.pop()
        return resolve(*given, **named)

    monkeypatch.setattr(webhook.socket, "getaddrinfo", fail)
    send(events, [receiver.url], allow_private=True)
    assert len(receiver.got) == 1
