"""Bodies that are too large, broken, or not pictures."""

import time

import pytest

from onlyme.serve.uploads.multipart import MAX_PARTS
from tests.serve.hostile.sending import CONTENT, JPEG, connect, is_cut_off, make_head, read_status


@pytest.mark.parametrize("path", ["/v1/names/obama/verify", "/v1/identify"])
def test_a_body_that_says_it_is_too_large_is_not_read(running, path):
    answer = running.raw(make_head(running, path, Content_Length=2**40, **CONTENT))
    assert read_status(answer) == 413


def test_a_body_that_does_not_say_how_large_it_is_is_counted(running):
    with connect(running) as line:
        line.sendall(make_head(running, Transfer_Encoding="chunked", **CONTENT))
        piece = b"%x\r\n%s\r\n" % (65536, bytes(65536))
        assert is_cut_off(line, piece, times=128), "8 MiB were taken"


def test_a_body_that_says_less_than_it_has_is_read_no_further(running):
    picture = bytes(1000)
    request = make_head(running, Content_Length=10, Connection="close", **CONTENT) + picture
    assert read_status(running.raw(request)) == 422  # ten bytes are no picture


def test_what_nobody_may_send_is_not_read_before_it_is_refused(running):
    lines = make_head(running, Content_Length=2**20, **CONTENT).replace(b"onlyme_", b"another_")
    start = time.monotonic()
    with connect(running) as line:
        line.sendall(lines)  # and no body at all
        assert read_status(line.recv(65536)) == 401
    assert time.monotonic() - start < 20


def test_too_much_of_all_together_is_refused(running):
    """Each body is within its limit, but memory is one."""
    lines = [connect(running) for _ in range(12)]
    try:
        for line in lines:
            line.sendall(make_head(running, Content_Length=2**20, **CONTENT) + bytes(2**20 - 1))
        answers = []
        for line in lines:
            line.settimeout(30)
            answers.append(read_status(line.recv(65536)))
    finally:
        for line in lines:
            line.close()
    assert set(answers) == {408, 503}  # a few wait for their last byte in vain; the rest must go


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", "; boundary=" + "b" * 100, '; boundary="x'], ids=str
)
def test_a_form_without_a_boundary_is_none(running, boundary):
    answer = running.client().post(
        "/v1/names/obama/verify",
        content=b"--x\r\n\r\n--x--\r\n",
        headers={"Content-Type": f"multipart/form-data{boundary}"},
    )
    assert answer.status_code == 400


def make_part(field, content=b"x", more=b""):
    disposition = b'Content-Disposition: form-data; name="%s"; filename="f"' % field
    return b"--x\r\n%s\r\n%s\r\n%s\r\n" % (disposition, more, content)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x--\r\n",
        make_part(b"frame"),  # cut off
        make_part(b"frame") + b"--y--\r\n",
        make_part(b"path", b"/etc/passwd") + b"--x--\r\n",
        make_part(b"url", b"http://127.0.0.1/") + b"--x--\r\n",
        make_part(b"embedding", b"[0.1, 0.2]") + b"--x--\r\n",
        make_part(b"../frame") + b"--x--\r\n",
        b"--x\r\n\r\nx\r\n--x--\r\n",  # no header
        make_part(b"frame", more=b"A" * 10_000 + b": b\r\n") + b"--x--\r\n",
        make_part(b"frame") * (MAX_PARTS + 1) + b"--x--\r\n",
        make_part(b"frame") * 31 + b"--x--\r\n",  # more frames than a capture has
        make_part(b"frame")[:40] + b"\0" * 100,
    ],
)
def test_a_broken_form_is_refused(running, body):
    answer = running.client().post(
        "/v1/names/obama/verify",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "kind",
    [
        "application/json-patch+json",
        "text/plain",
        "",
        "application/x-npy",
        "application/x-www-form-urlencoded",
    ],
)
def test_neither_embedding_nor_address_is_taken(running, kind):
    for body in (b'{"embedding": [0.1], "url": "http://127.0.0.1/x.jpg"}', b"url=file:///etc"):
        answer = running.client().post(
            "/v1/names/obama/verify", content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code == 415


def test_the_body_of_a_picture_that_is_a_path_is_no_picture(running, photos):
    answer = running.client().post(
        "/v1/names/obama/verify", content=str(photos / "obama_3.jpg").encode(), headers=JPEG
    )
    assert answer.status_code == 422
