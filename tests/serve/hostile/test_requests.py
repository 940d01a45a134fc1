"""Requests that do not follow HTTP, or that two programs could read in two ways."""

import pytest

from tests.serve.hostile.sending import CONTENT, make_head, read_status


def test_a_header_that_is_too_long_is_refused(running):
    request = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 2**17
    assert read_status(running.raw(request)) == 400


@pytest.mark.parametrize(
    "target", [b"*", b"http://evil.example/v1/names", b"//evil.example/", b"/%"]
)
def test_a_target_that_is_no_path_of_ours_is_refused(running, target):
    token = running.secrets["admin"].encode()
    request = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n" % (
        target,
        token,
    )
    answer = running.raw(request + b"Connection: close\r\n\r\n")
    assert read_status(answer) == 404
    assert b"obama" not in answer


def test_requests_in_one_packet_are_answered_one_by_one(running):
    one = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert running.raw(one * 20 + last).count(b'{"status": "ok"}') == 21


@pytest.mark.parametrize(
    "junk",
    [
        b"\0" * 100,
        b"\x16\x03\x01" + bytes(200),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(running, junk):
    answer = running.raw(junk)
    assert answer == b"" or read_status(answer) in {400, 421, 505}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Length": "5, 6"},
        {"Content_Length": "-1"},
        {"Content_Length": "1e3"},
        {"Content_Length": "5", "Transfer_Encoding": "chunked"},
        {"Transfer_Encoding": "gzip"},
    ],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(running, headers):
    answer = running.raw(
        make_head(running, **CONTENT, **headers) + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    )
    assert read_status(answer) in {400, 411, 422, 501}
    assert answer.count(b"HTTP/1.1 ") == 1
