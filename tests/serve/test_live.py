"""The live endpoints over a real socket: a camera's frames in, what was seen and decided out."""

import io
import json
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from socket import create_connection

import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from onlyme import FaceID
from onlyme.serve.live.latest_frame import MAX_FRAME_BYTES
from onlyme.serve.state import SOURCE


@contextmanager
def stream(running, path, scope="admin", headers=None):
    """A WebSocket to the service, as an app opens it."""
    token = {"Authorization": f"Bearer {running.secrets[scope]}"} if scope else {}
    headers = token | (headers or {})
    host = headers.pop("Host", f"127.0.0.1:{running.port}")
    line = create_connection(("127.0.0.1", running.port), timeout=20)
    with connect(f"ws://{host}/v1/names/{path}", additional_headers=headers, sock=line) as socket:
        yield socket


def heard(socket, kind, *, pictures=(), seconds=60):
    """Send a picture for each that is done with, until a message of this kind comes."""
    pictures = iter(pictures)
    end, seen = time.monotonic() + seconds, []
    while True:
        message = json.loads(socket.recv(timeout=max(0.1, end - time.monotonic())))
        seen.append(message)
        if message["is"] == kind:
            return message, seen
        if message["is"] in {"ready", "look", "attempt"}:
            picture = next(pictures, None)
            if picture is not None:
                send(socket, picture)


def send(socket, picture):
    """Send a picture; whoever has ended the stream meanwhile has said why before."""
    with suppress(ConnectionClosed):
        socket.send(picture)


def until_closed(socket):
    """Read to the end; return the messages."""
    seen = []
    with suppress(ConnectionClosed):  # a time-out is none
        while True:
            seen.append(json.loads(socket.recv(timeout=30)))
    return seen


@pytest.fixture(scope="module")
def photo(photos):
    """A function that returns a picture of somebody as a JPEG, a little different each time."""

    @cache
    def small(name):
        with Image.open(photos / f"{name}.jpg") as image:
            image = image.convert("RGB")
            image.thumbnail((480, 480))
            return image

    def make(name, shift=0):
        image = small(name)
        moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, shift, 0, 1, 0))
        out = io.BytesIO()
        moved.save(out, "JPEG", quality=90)
        return out.getvalue()

    return make


@pytest.fixture(autouse=True)
def afresh(running):
    """No try is lost to another test."""
    running.reset()


def tries(running, name="obama"):
    """Tries that are left before the service's camera."""
    with running.keeping() as keeping:
        standings = keeping.gate.allowances()
    return next((s.tries for place, s in standings.items() if place == (name, SOURCE)), 5)


def lines(running):
    return running.client().get("/v1/audit").json()


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
        tried, seen = heard(socket, "photo", pictures=pictures)
        socket.send("finish")
        enrolled, _ = heard(socket, "enrolled")
    assert tried["kept"], seen
    assert enrolled["enrollment"]["name"] == "newcomer"
    line = next(line for line in lines(running) if line.get("owner") == "newcomer")
    assert (line["event"], line["source"]) == ("enroll", SOURCE)


def test_a_sitting_that_is_left_learns_nothing(running, photo):
    with stream(running, "leaver/sitting") as socket:
        heard(socket, "photo", pictures=[photo("obama_4")])
    time.sleep(0.3)
    assert "leaver" not in running.client().get("/v1/names").text


def test_a_name_that_is_taken_is_told_before_anybody_is_looked_at(running):
    with stream(running, "obama/sitting") as socket:
        (problem,) = until_closed(socket)
    assert problem["is"] == "problem"
    assert problem["type"] == "urn:onlyme:problem:owner-exists"


def test_an_enroll_token_does_not_replace_anybody(running):
    with (
        pytest.raises(InvalidStatus) as refused,
        stream(running, "obama/sitting?replace=true", scope="enroll"),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_whoever_walks_away_in_the_middle_loses_no_try(running, photo):
    before = len(lines(running))
    with stream(running, "obama/watch") as socket:
        heard(socket, "look", pictures=[photo("biden_1")])
    for _ in range(50):
        if tries(running) == 5:
            break
        time.sleep(0.1)
    assert tries(running) == 5
    assert len(lines(running)) == before


def test_a_rejected_face_is_counted_written_down_and_in_the_end_refused(running, photo):
    pictures = (photo("biden_1", shift) for shift in range(400))
    with stream(running, "obama/watch") as socket:
        closed, seen = heard(socket, "closed", pictures=pictures)
        assert until_closed(socket) == []
    attempts = [message for message in seen if message["is"] == "attempt"]
    assert [message["gate"]["tries"] for message in attempts] == [4, 3, 2, 1, 0]
    assert closed["gate"]["wait"] > 290
    newest = [line for line in lines(running) if line["event"] == "attempt"][-5:]
    assert {(line["owner"], line["source"], line["verdict"]) for line in newest} == {
        ("obama", SOURCE, "rejected")
    }
    with stream(running, "obama/watch") as socket:  # nobody is looked at while it is closed
        assert [message["is"] for message in until_closed(socket)] == ["closed"]


def test_a_token_that_may_only_verify_learns_no_number(running, photo):
    pictures = [photo("biden_1", shift) for shift in range(20)]
    with stream(running, "obama/watch", scope="verify") as socket:
        attempt, _ = heard(socket, "attempt", pictures=pictures)
    assert set(attempt["decision"]) == {"accepted", "name", "reason"}


def test_nobody_asks_for_less_liveness_than_the_policy(running):
    with stream(running, "obama/watch?liveness=off") as socket:
        assert heard(socket, "ready")[0]["level"] == "passive"
    with stream(running, "obama/watch?liveness=challenge") as socket:
        assert heard(socket, "ready")[0]["level"] == "challenge"


def test_a_challenge_says_what_to_do(running, photo):
    pictures = [photo("obama_3", shift) for shift in range(20)]
    with stream(running, "obama/watch?liveness=challenge") as socket:
        ask, _ = heard(socket, "ask", pictures=pictures)
    assert ask["words"] == "look straight into the camera"


def test_whoever_is_forgotten_meanwhile_is_not_recognised_any_more(running, photo, photos):
    with FaceID.open(running.settings.vault) as face_id:
        face_id.enroll("passing", photos / "biden_1.jpg")
    with stream(running, "passing/watch") as socket:
        heard(socket, "look", pictures=[photo("biden_1")])
        with FaceID.open(running.settings.vault) as face_id:
            face_id.forget("passing")
        for shift in range(2):
            send(socket, photo("biden_1", shift))
            time.sleep(0.1)
        seen = until_closed(socket)
    assert seen[-1]["type"] == "urn:onlyme:problem:unknown-owner"
    assert not [message for message in seen if message["is"] == "attempt"]


def test_somebody_unknown_is_a_problem(running):
    with stream(running, "nobody/watch") as socket:
        (problem,) = until_closed(socket)
    assert problem["status"] == 404


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
        stream(running, path, scope=scope, headers=headers),
    ):
        pass
    assert refused.value.response.status_code == status


def test_a_session_without_an_origin_is_no_page(running):
    """A browser always says whose page opens a socket."""
    cookie = {"Cookie": f"{running.service.cookie}={running.service.sessions.begin()}"}
    with (
        pytest.raises(InvalidStatus) as refused,
        stream(running, "obama/watch", scope=None, headers=cookie),
    ):
        pass
    assert refused.value.response.status_code == 403
    with stream(running, "obama/watch", scope=None, headers=cookie | {"Origin": running.url}) as it:
        heard(it, "ready")


@pytest.mark.parametrize(
    "sent",
    [b"\xff" * (MAX_FRAME_BYTES + 1), "who are you", '{"path": "/etc/passwd"}'],
    ids=["too large", "words", "a path"],
)
def test_what_is_no_picture_ends_the_stream(running, sent):
    with stream(running, "obama/watch") as socket:
        heard(socket, "ready")
        socket.send(sent)
        assert "JPEG" in until_closed(socket)[-1]["why"]


@pytest.mark.parametrize(
    "picture", [b"no picture", b"\x89PNG\r\n\x1a\n", b""], ids=["words", "cut", "empty"]
)
def test_a_broken_picture_is_a_problem(running, picture):
    with stream(running, "obama/watch") as socket:
        heard(socket, "ready")
        socket.send(picture)
        assert until_closed(socket)[-1]["type"] == "urn:onlyme:problem:image-error"
    assert tries(running) == 4, "a try that never says how it ended has failed"


def test_a_picture_of_many_pixels_is_refused(running):
    out = io.BytesIO()
    Image.new("L", (6_000, 6_000)).save(out, "PNG", compress_level=9)
    assert len(out.getvalue()) < MAX_FRAME_BYTES
    with stream(running, "obama/watch") as socket:
        heard(socket, "ready")
        socket.send(out.getvalue())
        assert until_closed(socket)[-1]["type"] == "urn:onlyme:problem:image-error"


def test_one_who_sends_nothing_is_let_go(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.latest_frame.SILENCE_SECONDS", 0.3)
    with stream(running, "obama/watch") as socket:
        heard(socket, "ready")
        assert "sent no picture" in until_closed(socket)[-1]["why"]
    assert tries(running) == 5


def test_a_stream_does_not_last_for_ever(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.stream.MAX_STREAM_SECONDS", 0.3)
    with stream(running, "obama/watch") as socket:
        assert "long" in until_closed(socket)[-1]["why"]


def test_a_camera_is_one_so_the_newer_stream_of_a_caller_takes_over(running):
    with stream(running, "obama/watch") as first:
        heard(first, "ready")
        with stream(running, "biden/watch") as second:
            heard(second, "ready")
            assert "took over" in until_closed(first)[-1]["why"]


def test_there_are_not_too_many_streams(running, monkeypatch):
    monkeypatch.setattr("onlyme.serve.live.stream.MAX_STREAMS", 1)
    with stream(running, "obama/watch") as first:
        heard(first, "ready")
        with pytest.raises(InvalidStatus) as refused, stream(running, "obama/watch", "verify"):
            pass
        assert refused.value.response.status_code == 503


def test_many_pictures_at_once_are_not_many_looks(running, photo):
    """Whoever floods the service is looked at no more often than anybody else."""
    picture = photo("biden_1")
    with stream(running, "obama/watch") as socket:
        heard(socket, "ready")
        for _ in range(40):
            socket.send(picture)
        looks = 0
        while True:
            message = json.loads(socket.recv(timeout=30))
            looks += message["is"] == "look"
            if message.get("taken") == 40:
                break
    assert looks < 40


def test_the_certificate_is_said_in_sentences(running):
    sentences = running.client().get("/v1/names/obama/promise").json()["sentences"]
    assert any(sentence.startswith("Not covered") for sentence in sentences)


@pytest.mark.parametrize(
    ("method", "what", "scopes"),
    [
        ("GET", "promise", {"enroll", "admin"}),
        ("GET", "attempts", {"admin"}),
        ("POST", "revoke", {"admin"}),
    ],
)
@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics"])
def test_who_may_ask_what_the_page_asks(running, method, what, scopes, scope):
    answer = running.client(scope).request(method, f"/v1/names/obama/{what}")
    assert answer.status_code == (200 if scope in scopes else 403)


def test_the_slider_gets_what_was_tried_since_the_person_was_learned(running, photo, photos):
    client = running.client()

    def attempts():
        return client.get("/v1/names/biden/attempts").json()

    headers = {"Content-Type": "image/jpeg"}
    client.post("/v1/names/biden/verify", content=photo("obama_3"), headers=headers)
    told = attempts()
    assert told["alpha"] == client.get("/v1/names/biden/tune").json()["alpha"]
    assert len(told["own"]) == 1
    assert len(told["strangers"]) > 100
    assert [attempt["accepted"] for attempt in told["attempts"]] == [False]
    alphas = [place["alpha"] for place in told["scale"]]
    assert alphas == sorted(alphas)
    rates = [place["far"] for place in told["scale"]]
    assert rates == sorted(rates, reverse=True)
    assert alphas[0] <= min(told["own"] + told["strangers"])
    assert alphas[-1] >= max(told["own"] + told["strangers"])
    assert {preset["name"] for preset in told["presets"]} >= {"nist", "hello"}
    client.post("/v1/names/biden/tune", params={"alpha": 0.2})
    assert len(attempts()["attempts"]) == 1, "alpha moved; what was tried stands where it stood"
    client.post("/v1/names/biden/not-me", content=photo("obama_3"), headers=headers)
    assert attempts()["attempts"] == [], "it would have another margin now"


def test_a_person_who_opens_the_page_without_a_link_reads_what_to_do(running):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/", "/open?token=wrong"):
        answer = running.client(None).get(path, headers=browser)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "onlyme serve link" in answer.text
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]


def test_every_kind_of_message_is_documented():
    root = Path(__file__).parents[2]
    code = [path.read_text("utf-8") for path in (root / "src/onlyme/serve/live").glob("*.py")]
    said = set(re.findall(r'say\(\s*"(\w+)"', "\n".join(code)))
    page = (root / "docs" / "reference" / "live.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.M)) - {"is"}
    assert said == listed


def test_of_many_at_once_of_one_caller_one_stays(running):
    """However they race: the newest has the camera, and the place of each is given back."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(stream(running, "obama/watch")) for _ in range(6)]
        for socket in sockets[:-1]:
            assert "took over" in until_closed(socket)[-1]["why"]
        assert heard(sockets[-1], "ready")[0]["name"] == "obama"
        assert len(running.service.streams._open) == 1
