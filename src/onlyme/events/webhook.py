"""Send events to the operator's addresses: signed, again until they arrive, and nowhere else.

A message waits on disk from the moment its event is written until a receiver answers with 2xx. It
is sent at least once: a receiver that answers too late, or a program that is killed, makes a second
one with the same `Idempotency-Key`. The body is signed with the vault's own key and the time, so
that a receiver can refuse what was forged or is old.

A name server may point any name to a machine inside the network. So the address is resolved once,
checked, and that very machine is connected to; redirections are not followed.
"""

from __future__ import annotations

import hmac
import http.client
import ipaddress
import random
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from onlyme.errors import OnlymeError, UsageError
from onlyme.events.outbox import encode_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onlyme.events.store import EventStore, OutgoingMessage

__all__ = ["Webhooks", "check_url", "is_given_up", "sign_body"]

SEND_SECONDS: Final = 10.0
"""A receiver must be reached within this time, and must have answered within it again."""

MAX_PLACES: Final = 4
"""Addresses of one host that are tried; they share the time to reach it."""

LEASE_SECONDS: Final = 60.0
FIRST_RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 3600.0

GIVE_UP_SECONDS: Final = 3 * 86400.0
"""A message that no receiver took for three days is dropped, and that is reported."""

MIN_TRIES: Final = 12
"""But it is tried this often first, for about an hour: the clock may have been set meanwhile."""

UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All public addresses of IPv6 so far (RFC 4291)."""

IPV4_AT_THE_END: Final = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, RFC 4291
)

LAST_SECONDS: Final = 2.0
"""How long the end waits for what is due."""

IDLE_SECONDS: Final = 1.0
"""How often the outbox is looked at for what other programs left."""


@dataclass(frozen=True, slots=True)
class _Target:
    is_tls: bool
    host: str
    port: int
    path: str


def sign_body(key: bytes, at: int, body: bytes) -> str:
    """Return the header `Onlyme-Signature` of a message.

    Args:
        key: the vault's key for webhooks, from `onlyme events --webhook-key`.
        at: when it is sent, in seconds since 1970.
        body: what is sent.

    >>> sign_body(b"key", 0, b"{}")[:10]
    't=0,v1=731'
    """
    digest = hmac.digest(key, f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={digest}"


def check_url(url: str) -> None:
    """Check an address before anything is sent there.

    Raises:
        UsageError: it is no address of http or https, or holds a user name or password.
    """
    _parse(url)


class Webhooks:
    """Sends what waits in the outbox, in a thread for each address; use it in a `with` block.

    Args:
        store: the events and the outbox.
        urls: the addresses; each gets every event.
        key: signs the messages.
        allow_private: whether an address may be inside the network, such as 192.168.0.9.
        report: called with a sentence when a message cannot be sent.

    Raises:
        UsageError: an address cannot be used.
    """

    def __init__(
        self,
        store: EventStore,
        urls: Sequence[str],
        key: bytes,
        *,
        allow_private: bool = False,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        for url in urls:
            check_url(url)
        urls = tuple(dict.fromkeys(urls))
        self._store, self._key = store, key
        self._allow_private, self._report = allow_private, report
        self._news = [threading.Event() for _ in urls]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=work, name="onlyme-webhook", daemon=True)
            for work in zip(urls, self._news, strict=True)
        ]
        self._reported: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin to send, also what an earlier program left."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Try once more to send what is due, for two seconds; the rest waits on disk."""
        self._stop.set()
        self.wake()
        end = time.monotonic() + LAST_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def wake(self) -> None:
        """Say that a message was put into the outbox."""
        for news in self._news:
            news.set()

    # ------------------------------------------------------------------- within

    def _work(self, url: str, news: threading.Event) -> None:
        while True:
            news.clear()
            try:
                message = self._store.claim(time.time(), LEASE_SECONDS, [url])
                if message is not None:
                    self._deliver(message)
                    continue
            except OnlymeError as error:
                self._tell(url, f"webhooks wait: {error}")
            if self._stop.is_set():
                return
            news.wait(IDLE_SECONDS)

    def _deliver(self, message: OutgoingMessage) -> None:
        try:
            status = _post(message, self._key, allow_private=self._allow_private)
        except (OSError, ValueError, http.client.HTTPException, UsageError) as error:
            why = _explain(error)
        else:
            if 200 <= status < 300:
                self._store.settle(message, None)
                self._reported.pop(message.url, None)
                return
            why = f"answer {status}"
        host = urlsplit(message.url).hostname
        if is_given_up(message):
            self._store.settle(message, None)
            self._tell(message.url, f"webhook to {host}: given up after three days ({why})")
            return
        self._tell(message.url, f"webhook to {host}: {why}; trying again")
        pause = min(FIRST_RETRY_SECONDS * 2 ** min(message.tries, 20), MAX_RETRY_SECONDS)
        self._store.settle(message, time.time() + pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads tries, protects nothing

    def _tell(self, url: str, sentence: str) -> None:
        """Report, and nothing twice in a row about one address."""
        if sentence != self._reported.get(url):
            self._reported[url] = sentence
            self._report(sentence)


def is_given_up(message: OutgoingMessage) -> bool:
    """Return whether a message that failed once more is tried no longer."""
    age = time.time() - message.event.at.timestamp()
    return age > GIVE_UP_SECONDS and message.tries + 1 >= MIN_TRIES


def _post(message: OutgoingMessage, key: bytes, *, allow_private: bool) -> int:
    """Send a message; return the status of the answer."""
    target = _parse(message.url)
    at = int(time.time())
    body = encode_document(message.event.to_document())
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": message.event.id,
        "Onlyme-Signature": sign_body(key, at, body),
        "User-Agent": "onlyme",
        "Connection": "close",
    }
    connection = http.client.HTTPConnection(target.host, target.port, timeout=SEND_SECONDS)
    line = connection.sock = _connect(target, allow_private=allow_private)
    is_over = threading.Event()
    limit = threading.Timer(SEND_SECONDS, _break_off, (line, is_over))
    limit.daemon = True
    limit.start()  # the timeout of a socket begins again with each byte
    try:
        if isinstance(line, ssl.SSLSocket):
            line.do_handshake()
        connection.request("POST", target.path, body, headers)
        status = connection.getresponse().status
        if is_over.is_set():  # headers that were cut off look like whole ones
            raise TimeoutError
        return status
    finally:
        limit.cancel()
        connection.close()


def _break_off(line: socket.socket, is_over: threading.Event) -> None:
    """End what is read and written in another thread."""
    is_over.set()
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TCP: a TLS goodbye would wait


def _explain(error: Exception) -> str:
    """Return why a message was not taken, without what an error may hold of the address."""
    known: dict[type[Exception], str] = {
        TimeoutError: f"no answer within {SEND_SECONDS:g} s",
        socket.gaierror: "the name of this host is not known",
        ssl.SSLCertVerificationError: "this computer does not trust its certificate",
        ConnectionRefusedError: "nothing listens there",
    }
    if isinstance(error, UsageError):
        return str(error)
    return known.get(type(error), f"no complete answer ({type(error).__name__})")


def _connect(target: _Target, *, allow_private: bool) -> socket.socket:
    """Connect to the host, at an address that was checked; TLS begins with `do_handshake`.

    Raises:
        UsageError: it is inside the network, and that was not allowed.
        OSError: it cannot be reached.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    places = [place[0] for *_, place in found]
    if not allow_private and not all(is_public(str(place)) for place in places):
        raise UsageError(
            "the address is inside a network; add --webhook-private if events may go there"
        )
    line = _reach(places, target.port)
    if not target.is_tls:
        return line
    try:
        context = ssl.create_default_context()
        return context.wrap_socket(line, server_hostname=target.host, do_handshake_on_connect=False)
    except BaseException:
        line.close()
        raise


def _reach(places: Sequence[object], port: int) -> socket.socket:
    """Connect to the first of these addresses that answers: IPv6 may be resolved but not routed."""
    places = places[:MAX_PLACES]
    for number, place in enumerate(places, 1):
        try:
            line = socket.create_connection((str(place), port), SEND_SECONDS / len(places))
        except OSError:
            if number == len(places):
                raise
            continue
        line.settimeout(SEND_SECONDS)
        return line
    raise socket.gaierror


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet.

    An IPv6 address can stand for an IPv4 address behind a gateway (NAT64, 6to4, mapped): then that
    one counts.

    >>> [is_public(one) for one in ("93.184.216.34", "192.168.0.9", "::1", "::ffff:10.0.0.1")]
    [True, False, False, False]
    >>> [is_public(one) for one in ("64:ff9b::5db8:d822", "64:ff9b::10.0.0.1", "2002:a00:1::")]
    [True, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and any(found in network for network in IPV4_AT_THE_END):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None and found not in UNICAST:
            return False
        found = inner or found
    return found.is_global and not found.is_multicast


def _parse(url: str) -> _Target:
    message = "a webhook needs an address such as https://example.org/door, without a user name"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(message)
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # as the resolver does: `a..b` is no name
    except ValueError:
        raise UsageError(message) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise UsageError(message)
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(is_tls, parts.hostname, port or (443 if is_tls else 80), path)
