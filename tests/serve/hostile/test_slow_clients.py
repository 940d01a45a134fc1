"""Clients that send or read slowly, half-close their connection, or leave; and a full queue."""

import socket
import threading
import time

import pytest

from onlyme.gate.audit import AuditEntry, Event
from tests.serve.hostile.sending import (
    CONTENT,
    JPEG,
    connect,
    count_attempts,
    is_cut_off,
    make_head,
    read_status,
    wait_for_close,
)

LONG_ENTRY = AuditEntry(Event.RESET, "obama", detail="x" * 400)


def test_a_client_that_says_nothing_is_let_go(running):
    with connect(running) as line:
        assert wait_for_close(line) < 20


def test_a_header_that_never_ends_is_let_go(running):
    with connect(running) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        # A line now and then wins no time.
        assert is_cut_off(line, b"X-Slow: 1\r\n", times=200, pause_seconds=0.1)


def test_a_second_request_that_never_ends_is_let_go(running):
    with connect(running) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert read_status(line.recv(65536)) == 200
        line.sendall(b"GET /v1/health HTTP/1.1\r\n")
        assert wait_for_close(line) < 20


def test_a_body_that_does_not_come_is_not_waited_for(running):
    with connect(running) as line:
        line.sendall(make_head(running, Content_Length=1000, **CONTENT) + b"a few bytes")
        assert read_status(line.recv(65536)) == 408
        assert wait_for_close(line) < 20


def test_a_body_that_comes_byte_by_byte_is_not_waited_for(running):
    with connect(running) as line:
        line.sendall(make_head(running, Content_Length=1000, **CONTENT))
        line.settimeout(0.1)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                line.sendall(b"x")
                if answer := line.recv(65536):
                    assert read_status(answer) == 408
                    return
            except TimeoutError:
                continue
        pytest.fail("it waited on")


def test_an_answer_that_is_not_read_is_not_waited_for(running):
    """The log is long and the client reads nothing of it."""
    with running.open_admin() as admin:
        for _ in range(150):
            with admin.store.edit() as edit:
                for _ in range(100):
                    admin.gate.audit.note(edit, LONG_ENTRY)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(60)
        line.connect(("127.0.0.1", running.port))
        request = make_head(running, "/v1/audit?limit=10000", "admin").replace(b"POST", b"GET", 1)
        line.sendall(request)
        deadline = time.monotonic() + 40
        while not (tasks := running.server.server_state.tasks):
            assert time.monotonic() < deadline, "the request did not come in"
            time.sleep(0.01)
        while tasks:
            assert time.monotonic() < deadline, "it waits on"
            time.sleep(0.05)


def test_slow_clients_do_not_keep_others_out(running):
    lines = [connect(running) for _ in range(30)]
    try:
        for line in lines:
            line.sendall(b"GET /v1/health HTTP/1.1\r\n")
        assert running.client(None).get("/v1/health").status_code == 200
    finally:
        for line in lines:
            line.close()


def test_a_client_that_closed_its_half_gets_no_answer_and_no_harm_is_done(running):
    answer = running.raw(
        make_head(running, Content_Length=1000, **CONTENT) + b"ab", half_close=True
    )
    assert answer == b""
    whole = make_head(running, Content_Length=2, **CONTENT) + b"ab"
    answer = running.raw(whole, half_close=True)
    assert not answer or read_status(answer) == 422  # ready before the end of the line was seen


def test_a_client_that_left_is_not_looked_at(running, photos):
    """While the threads are busy a request waits; its client leaves; it is never begun."""
    picture = (photos / "obama_4.jpg").read_bytes()
    go, before = threading.Event(), count_attempts(running)
    workers = running.service.options.workers
    busy = [running.occupy(go) for _ in range(workers)]
    try:
        running.wait(lambda: running.busy() == workers)
        with connect(running) as line:
            line.sendall(make_head(running, Content_Length=len(picture), **CONTENT) + picture)
            running.wait(lambda: running.service.engine.waiting == 1)
        running.wait(lambda: running.service.uploads.held == 0)
    finally:
        go.set()
    for each in busy:
        each.result(30)
    running.wait(lambda: running.service.engine.waiting == 0)
    assert count_attempts(running) == before


def test_a_full_queue_is_said_at_once(running, photos):
    picture = (photos / "obama_4.jpg").read_bytes()
    go, options = threading.Event(), running.service.options
    waiting = [running.occupy(go) for _ in range(options.workers)]
    try:
        running.wait(lambda: running.busy() == options.workers)
        waiting += [running.occupy(go) for _ in range(options.waiting)]
        running.wait(lambda: running.service.engine.waiting == options.waiting)
        answer = running.client().post("/v1/names/obama/verify", content=picture, headers=JPEG)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert running.client(None).get("/v1/health").status_code == 200
    finally:
        go.set()
    for each in waiting:
        each.result(60)


def test_what_takes_too_long_is_answered_in_time(served, photos):
    picture, go = (photos / "obama_4.jpg").read_bytes(), threading.Event()
    with served(seconds=0.3) as running:
        busy = [running.occupy(go) for _ in range(running.service.options.workers)]
        try:
            running.wait(lambda: running.busy() == len(busy))
            answer = running.client().post("/v1/names/obama/verify", content=picture, headers=JPEG)
            assert answer.status_code == 504
        finally:
            go.set()
        for each in busy:
            each.result(30)
        assert count_attempts(running) == 0  # it was not begun later
