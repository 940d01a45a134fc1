"""Who may open a stream, what may be sent, how long it lasts, and how many there are."""

import io
import json
from contextlib import ExitStack

import pytest
from PIL import Image
from websockets.exceptions import InvalidStatus

from onlyme.serve.live.latest_frame import MAX_FRAME_BYTES
from tests.serve.live.streaming import count_tries, open_stream, read_to_end, wait_for


@pytest.mark.parametrize("path", ["obama/watch", "new/sitting"])
@pytest.mark.parametrize(
    ("scope", "headers", "status"),
    [
        (None, {}, 401),
        (None, {"Authorization": "Bearer wrong"}, 401),
        ("metrics", {}, 403),
        ("admin", {"Origin": "https://elsewhere.example"}, 403),
        ("admin", {"Host": "elsewhere.example"}, 421),
    ],
)
def test_who_may_not_is_refused_before_the_first_picture(running, path, scope, headers, status):
    with (
        pytest.raises(InvalidStatus) as refused,
        open_stream(running, path, scope=scope, headers=headers),
    ):
        pass
    assert refused.value.response.status_code == status


def test_a_session_without_an_origin_is_no_page(running):
    """A browser always says whose page opens a socket."""
    cookie = {"Cookie": f"onlyme-0={running.service.sessions.begin()}"}
    with (
        pytest.raises(InvalidStatus) as refused,
        open_stream(running, "obama/watch", scope=None, headers=cookie),
    ):
        pass
    assert refused.value.response.status_code == 403
    with open_stream(
        running, "obama/watch", scope=None, headers=cookie | {"Origin": running.url}
    ) as it:
        wait_for(it, "ready")


@pytest.mark.parametrize(
    "sent",
    [b"\xff" * (MAX_FRAME_BYTES + 1), "who are you", '{"path": "/etc/passwd"}'],
    ids=["too large", "words", "a path"],
)
def test_what_is_no_picture_ends_the_stream(running, sent):
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "ready")
        socket.send(sent)
        assert "JPEG" in read_to_end(socket)[-1]["why"]


@pytest.mark.parametrize(
    "picture", [b"no picture", b"\x89PNG\r\n\x1a\n", b""], ids=["words", "cut", "empty"]
)
def test_a_broken_picture_is_a_problem(running, picture):
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "ready")
        socket.send(picture)
        assert read_to_end(socket)[-1]["type"] == "urn:onlyme:problem:image-error"
    assert count_tries(running) == 5, "no face was judged"


def test_a_picture_of_many_pixels_is_refused(running):
    out = io.BytesIO()
    Image.new("L", (6_000, 6_000)).save(out, "PNG", compress_level=9)
    assert len(out.getvalue()) < MAX_FRAME_BYTES
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "ready")
        socket.send(out.getvalue())
        assert read_to_end(socket)[-1]["type"] == "urn:onlyme:problem:image-error"


def test_one_who_sends_nothing_is_let_go(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.latest_frame.SILENCE_SECONDS", 0.3)
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "ready")
        assert "sent no picture" in read_to_end(socket)[-1]["why"]
    assert count_tries(running) == 5


def test_a_stream_does_not_last_for_ever(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.stream.MAX_STREAM_SECONDS", 0.3)
    with open_stream(running, "obama/watch") as socket:
        assert "a stream ends after" in read_to_end(socket)[-1]["why"]


def test_a_camera_is_one_so_the_newer_stream_of_a_caller_takes_over(running):
    with open_stream(running, "obama/watch") as first:
        wait_for(first, "ready")
        with open_stream(running, "biden/watch") as second:
            wait_for(second, "ready")
            assert "took over" in read_to_end(first)[-1]["why"]


def test_there_are_not_too_many_streams(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.stream.MAX_STREAMS", 1)
    with open_stream(running, "obama/watch") as first:
        wait_for(first, "ready")
        with pytest.raises(InvalidStatus) as refused, open_stream(running, "obama/watch", "verify"):
            pass
        assert refused.value.response.status_code == 503


def test_many_pictures_at_once_are_not_many_looks(running, photo):
    """A client that floods the service gets no more of its time than others."""
    picture = photo("biden_1")
    with open_stream(running, "obama/watch") as socket:
        wait_for(socket, "ready")
        for _ in range(40):
            socket.send(picture)
        looks = 0
        while True:
            message = json.loads(socket.recv(timeout=30))
            looks += message["is"] == "look"
            if message.get("taken") == 40:
                break
    assert looks < 40


def test_of_many_at_once_of_one_caller_one_stays(running):
    """However they race: the newest has the camera, and the place of each is given back."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(open_stream(running, "obama/watch")) for _ in range(6)]
        for socket in sockets[:-1]:
            assert "took over" in read_to_end(socket)[-1]["why"]
        assert wait_for(sockets[-1], "ready")[0]["name"] == "obama"
        assert len(running.service.streams._open) == 1
