"""Clients that mean no good, on real sockets: slow, half-closed, huge, broken, too many."""

import io
import socket
import struct
import threading
import time
import zlib

import pytest

from onlyme.serve.uploads.multipart import MAX_PARTS

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def running(served):
    """Small limits and little patience, so that the tests need none."""
    with served(
        body_bytes=2**20,
        enroll_bytes=4 * 2**20,
        held_bytes=6 * 2**20,
        header_seconds=1.0,
        body_seconds=1.5,
        connections=40,
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def healthy(running):
    """Whatever a test did, the service answers others as before, and holds nothing."""
    yield
    assert running.client().get("/v1/names").status_code == 200
    deadline = time.monotonic() + 20
    while running.service.uploads.held or running.service.engine.waiting:
        assert time.monotonic() < deadline, "something is still held"
        time.sleep(0.05)
    running.reset()


def head(running, path="/v1/names/obama/verify", scope="verify", **headers):
    """The beginning of a request, byte by byte as a client may send it."""
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {running.secrets[scope]}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def status(answer):
    return int(answer.split(b" ", 2)[1])


def opened(running):
    return socket.create_connection(("127.0.0.1", running.port), timeout=30)


def closed_after(line):
    """Seconds until the other side closes, reading what comes meanwhile."""
    start = time.monotonic()
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - start


# ---------------------------------------------------------------------- bodies


@pytest.mark.parametrize("path", ["/v1/names/obama/verify", "/v1/identify"])
def test_a_body_that_says_it_is_too_large_is_not_read(running, path):
    answer = running.raw(head(running, path, Content_Length=2**40, **CONTENT))
    assert status(answer) == 413


CONTENT = {"Content_Type": "image/jpeg"}


def test_a_body_that_does_not_say_how_large_it_is_is_counted(running):
    with opened(running) as line:
        line.sendall(head(running, Transfer_Encoding="chunked", **CONTENT))
        sent, piece = 0, b"%x\r\n%s\r\n" % (65536, bytes(65536))
        try:
            while sent < 8 * 2**20:
                line.sendall(piece)
                sent += 65536
        except OSError:
            pass  # it hung up, as it should
        else:
            pytest.fail("8 MiB were taken")


def test_a_body_that_says_less_than_it_has_is_read_no_further(running):
    picture = bytes(1000)
    request = head(running, Content_Length=10, Connection="close", **CONTENT) + picture
    assert status(running.raw(request)) == 422  # ten bytes are no picture


def test_what_nobody_may_send_is_not_read_before_it_is_refused(running):
    lines = head(running, Content_Length=2**20, **CONTENT).replace(b"onlyme_", b"another_")
    start = time.monotonic()
    with opened(running) as line:
        line.sendall(lines)  # and no body at all
        assert status(line.recv(65536)) == 401
    assert time.monotonic() - start < 20


def test_too_much_of_all_together_is_refused(running):
    """Each body is within its limit, but memory is one."""
    lines = [opened(running) for _ in range(12)]
    try:
        for line in lines:
            line.sendall(head(running, Content_Length=2**20, **CONTENT) + bytes(2**20 - 1))
        answers = []
        for line in lines:
            line.settimeout(30)
            answers.append(status(line.recv(65536)))
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


def part(field, content=b"x", more=b""):
    disposition = b'Content-Disposition: form-data; name="%s"; filename="f"' % field
    return b"--x\r\n%s\r\n%s\r\n%s\r\n" % (disposition, more, content)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x--\r\n",
        part(b"frame"),  # cut off
        part(b"frame") + b"--y--\r\n",
        part(b"path", b"/etc/passwd") + b"--x--\r\n",
        part(b"url", b"http://127.0.0.1/") + b"--x--\r\n",
        part(b"embedding", b"[0.1, 0.2]") + b"--x--\r\n",
        part(b"../frame") + b"--x--\r\n",
        b"--x\r\n\r\nx\r\n--x--\r\n",  # no header
        part(b"frame", more=b"A" * 10_000 + b": b\r\n") + b"--x--\r\n",
        part(b"frame") * (MAX_PARTS + 1) + b"--x--\r\n",
        part(b"frame") * 31 + b"--x--\r\n",  # more frames than a capture has
        part(b"frame")[:40] + b"\0" * 100,
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
        "application/json",
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


# ---------------------------------------------------------------------- images


def png(width, height, data):
    def chunk(kind, body):
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def jpeg(width, height):
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "JPEG", quality=1)
    return out.getvalue()


BOMBS = {
    "a large claim": lambda: png(65535, 65535, zlib.compress(b"\0")),
    "a large truth": lambda: png(20_000, 20_000, zlib.compress(bytes(2**26), 9)),
    "a wide line": lambda: png(2**31 - 1, 1, zlib.compress(b"\0")),
    "empty": lambda: b"",
    "cut off": lambda: jpeg(640, 480)[:300],
    "a program": lambda: b"%!PS-Adobe-3.0\n(/etc/passwd) run",
    "a drawing": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("route", ["verify", "enroll", "not-me"])
def test_what_is_no_picture_is_refused_in_no_time(running, bomb, route):
    data = BOMBS[bomb]()
    paths = {"verify": "obama/verify", "enroll": "somebody", "not-me": "obama/not-me"}
    field = "me" if route == "enroll" else "frame"
    start = time.monotonic()
    answer = running.client().post(f"/v1/names/{paths[route]}", files={field: ("x", data)})
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"].startswith("urn:onlyme:problem:")
    assert time.monotonic() - start < 20


def test_a_picture_of_nobody_is_a_decision(running):
    answer = running.client("verify").post(
        "/v1/names/obama/verify", content=jpeg(640, 480), headers=JPEG
    )
    assert answer.json() == {"accepted": False, "name": "obama", "reason": "no_face"}


# ----------------------------------------------------------------- slow clients


def test_a_client_that_says_nothing_is_let_go(running):
    with opened(running) as line:
        assert closed_after(line) < 20


def test_a_header_that_never_ends_is_let_go(running):
    with opened(running) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        end = time.monotonic() + 20
        try:
            while time.monotonic() < end:
                line.sendall(b"X-Slow: 1\r\n")  # a byte now and then does not help
                time.sleep(0.1)
        except OSError:
            return
        pytest.fail("it waited on")


def test_a_header_that_is_too_long_is_refused(running):
    request = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 2**17
    assert status(running.raw(request)) == 400


def test_a_second_request_that_never_ends_is_let_go(running):
    with opened(running) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert status(line.recv(65536)) == 200
        line.sendall(b"GET /v1/health HTTP/1.1\r\n")
        assert closed_after(line) < 20


def test_a_body_that_does_not_come_is_not_waited_for(running):
    with opened(running) as line:
        line.sendall(head(running, Content_Length=1000, **CONTENT) + b"a few bytes")
        assert status(line.recv(65536)) == 408
        assert closed_after(line) < 20


def test_a_body_that_comes_byte_by_byte_is_not_waited_for(running):
    with opened(running) as line:
        line.sendall(head(running, Content_Length=1000, **CONTENT))
        line.settimeout(0.1)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                line.sendall(b"x")
                if answer := line.recv(65536):
                    assert status(answer) == 408
                    return
            except TimeoutError:
                continue
        pytest.fail("it waited on")


def test_an_answer_that_is_not_read_is_not_waited_for(running):
    """The log is long and the client reads nothing of it."""
    with running.keeping() as keeping:
        for _ in range(150):
            with keeping.store.edit() as edit:
                for _ in range(100):
                    keeping.gate.audit.note(edit, LINE)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(60)
        line.connect(("127.0.0.1", running.port))
        request = head(running, "/v1/audit?limit=10000", "admin").replace(b"POST", b"GET", 1)
        line.sendall(request)
        deadline = time.monotonic() + 40
        while not (tasks := running.server.server_state.tasks):
            assert time.monotonic() < deadline, "the request did not come in"
            time.sleep(0.01)
        while tasks:
            assert time.monotonic() < deadline, "it waits on"
            time.sleep(0.05)


def test_slow_clients_do_not_keep_others_out(running):
    lines = [opened(running) for _ in range(30)]
    try:
        for line in lines:
            line.sendall(b"GET /v1/health HTTP/1.1\r\n")
        assert running.client(None).get("/v1/health").status_code == 200
    finally:
        for line in lines:
            line.close()


# --------------------------------------------------- half-closed, and gone again


def test_a_client_that_closed_its_half_gets_no_answer_and_no_harm_is_done(running):
    answer = running.raw(head(running, Content_Length=1000, **CONTENT) + b"ab", half_close=True)
    assert answer == b""
    whole = head(running, Content_Length=2, **CONTENT) + b"ab"
    answer = running.raw(whole, half_close=True)
    assert not answer or status(answer) == 422  # ready before the end of the line was seen


def test_a_client_that_left_is_not_looked_at(running, photos):
    """While the threads are busy a request waits; its client leaves; it is never begun."""
    picture = (photos / "obama_4.jpg").read_bytes()
    go, before = threading.Event(), lines(running)
    workers = running.service.options.workers
    busy = [running.occupy(go) for _ in range(workers)]
    try:
        running.wait(lambda: running.busy() == workers)
        with opened(running) as line:
            line.sendall(head(running, Content_Length=len(picture), **CONTENT) + picture)
            running.wait(lambda: running.service.engine.waiting == 1)
        running.wait(lambda: running.service.uploads.held == 0)
    finally:
        go.set()
    for each in busy:
        each.result(30)
    running.wait(lambda: running.service.engine.waiting == 0)
    assert lines(running) == before


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
        assert lines(running) == 0  # it was not begun later


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
    assert status(answer) == 404
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
    assert answer == b"" or status(answer) in {400, 421, 505}


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
    answer = running.raw(head(running, **CONTENT, **headers) + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert status(answer) in {400, 411, 422, 501}
    assert answer.count(b"HTTP/1.1 ") == 1


def lines(running):
    with running.keeping() as keeping:
        return sum(1 for line in keeping.gate.audit.entries() if line.event == "attempt")


def _line():
    from onlyme.gate.audit import AuditEntry, Event

    return AuditEntry(Event.RESET, "obama", detail="x" * 400)


LINE = _line()
