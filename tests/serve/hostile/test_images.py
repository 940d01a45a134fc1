"""Files that are no pictures, or far larger than they look, are refused quickly."""

import time
import zlib

import pytest

from tests.serve.hostile.sending import JPEG, make_jpeg, make_png

BOMBS = {
    "a large claim": lambda: make_png(65535, 65535, zlib.compress(b"\0")),
    "a large truth": lambda: make_png(20_000, 20_000, zlib.compress(bytes(2**26), 9)),
    "a wide line": lambda: make_png(2**31 - 1, 1, zlib.compress(b"\0")),
    "empty": lambda: b"",
    "cut off": lambda: make_jpeg(640, 480)[:300],
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
        "/v1/names/obama/verify", content=make_jpeg(640, 480), headers=JPEG
    )
    assert answer.json() == {"accepted": False, "name": "obama", "reason": "no_face"}
