"""The live endpoints over a real socket: a camera's frames in, what was seen and decided out."""

import json
import time
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect


@contextmanager
def stream(running, path, scope="admin", **more):
    """A WebSocket to the service, as an app opens it."""
    headers = {"Authorization": f"Bearer {running.secrets[scope]}"} if scope else {}
    url = f"ws://127.0.0.1:{running.port}/v1/names/{path}"
    headers |= more.pop("headers", {})
    with connect(url, additional_headers=headers, open_timeout=20, proxy=None, **more) as socket:
        yield socket


def heard(socket, kind, *, pictures=(), seconds=60):
    """Send a picture for each that was looked at, until a message of this kind comes."""
    pictures = iter(pictures)
    end, seen = time.monotonic() + seconds, []
    while True:
        message = json.loads(socket.recv(timeout=max(0.1, end - time.monotonic())))
        seen.append(message)
        if message["is"] == kind:
            return message, seen
        if message["is"] in {"ready", "look"}:
            picture = next(pictures, None)
            if picture is not None:
                socket.send(picture)


@pytest.fixture(scope="module")
def photo(photos):
    """A function that returns a picture of somebody as a JPEG, a little different each time."""
    import io

    from PIL import Image

    def make(name, shift=0):
        with Image.open(photos / f"{name}.jpg") as image:
            image = image.convert("RGB")
            image.thumbnail((640, 640))
            moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, shift, 0, 1, 0))
            out = io.BytesIO()
            moved.save(out, "JPEG", quality=90)
            return out.getvalue()

    return make


def test_a_watch_tells_what_it_sees_and_decides(running, photo):
    pictures = [photo("biden_1", shift) for shift in range(20)]
    with stream(running, "obama/watch") as socket:
        attempt, seen = heard(socket, "attempt", pictures=pictures)
    assert seen[0]["is"] == "ready"
    assert seen[0]["gate"] == {"tries": 5, "of": 5, "wait": 0}
    looks = [message for message in seen if message["is"] == "look"]
    left, top, width, height = looks[0]["box"]
    assert 0 < left < left + width < 1
    assert 0 < top < top + height < 1
    assert looks[0]["taken"] == 1
    decision = attempt["decision"]
    assert not decision["accepted"]
    assert decision["reason"] == "no_match"
    assert decision["margin"] < decision["alpha"]


def test_a_sitting_advises_and_enrolls(running, photo):
    """One photo, moved about: it says nothing new, so that `finish` ends the sitting."""
    pictures = [photo("obama_4", shift) for shift in range(6)]
    with stream(running, "newcomer/sitting") as socket:
        taken, seen = heard(socket, "photo", pictures=pictures)
        socket.send("finish")
        enrolled, _ = heard(socket, "enrolled")
    assert taken["taken"], seen
    assert enrolled["enrollment"]["name"] == "newcomer"
