"""Check who may ask the daemon about whom, and that no change is made without the password."""

import json
import socket
import sys
import time
from base64 import b64encode
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme.faceid import wiring
from onlyme.settings import Settings
from onlyme.unlock.daemon.changes import CHANGES
from onlyme.unlock.transport import ask
from tests.unlock.conftest import clip, show
from tests.unlock.stack import OTHER, OTHER_PASSWORD, OTHER_UID, PASSWORD, UID, USER, WRONG

# In one group, since most of these tests ask the same running daemon.
pytestmark = [pytest.mark.data, pytest.mark.xdist_group("unlock-house")]

ASKING = Path(__file__).with_name("asking.py")
STRANGER = 4999


def put_question(stack, route, uid=None, **document):
    """Ask as a user; return the status, 0 without one, and the answer."""
    words = (sys.executable, ASKING, f"/v1/{route}")
    done = stack.run(*words, uid=uid, text_in=json.dumps(document))
    return json.loads(done.stdout)


def test_a_user_may_ask_about_themselves_only(house):
    status, answer = put_question(house, "attempt", UID, user=USER, service="lock")
    assert (status, answer["accepted"]) == (200, True)
    for route in ("attempt", "status", "password-used", *CHANGES):
        status, answer = put_question(house, route, OTHER_UID, user=USER, password=PASSWORD)
        assert (status, answer["error"]) == (403, "UsageError"), route


def test_a_user_outside_the_group_may_not_even_connect(house):
    house.add_user("eve", "x", STRANGER)
    status, answer = put_question(house, "status", STRANGER, user="eve")
    assert status == 0
    assert "This user may not use the onlyme service" in answer["message"]


def test_a_user_cannot_vouch_for_a_password(house):
    assert put_question(house, "password-used", UID, user=USER)[0] == 403


def fingerprint(stack):
    """Return what the vault holds of the users: names, and when each was written."""
    settings = Settings.load(
        vault=stack.folder / "lib/onlyme", key_file=stack.folder / "etc/onlyme/vault.key"
    )
    with wiring.open_vault(settings) as keeping:
        return {name: keeping.store.version(name) for name in keeping.store.names()}


@pytest.fixture(scope="module")
def photo(photos):
    return b64encode((photos / "obama_1.jpg").read_bytes()).decode()


@pytest.mark.parametrize("password", [None, WRONG, PASSWORD + "\0", OTHER_PASSWORD, "\ud800"])
@pytest.mark.parametrize("what", CHANGES)
def test_nothing_changes_without_the_password(stack_of_refusals, what, password, photo):
    house = stack_of_refusals
    before = fingerprint(house)
    particulars = {
        "enroll": {"me": [photo], "replace": True},
        "examples": {"remove": [1]},
        "tune": {"alpha": -1.0},
        "not-me": {"me": [photo]},
        "adapt": {"consent": True},
        "import": {"sealed": "", "passphrase": "x", "replace": True},
    }
    with_password = {} if password is None else {"password": password}
    status, answer = put_question(
        house, what, UID, user=USER, **particulars.get(what, {}), **with_password
    )
    assert (status, answer["error"]) == (422, "KeyRefused"), answer
    assert fingerprint(house) == before


@pytest.fixture
def stack_of_refusals(house):
    """The running daemon, with no wrong passwords counted."""
    settings = Settings.load(
        vault=house.folder / "lib/onlyme", key_file=house.folder / "etc/onlyme/vault.key"
    )
    with wiring.open_vault(settings) as keeping:
        keeping.gate.reset(USER)
    return house


def test_the_password_makes_changes_and_wrong_ones_are_counted(stack, photo):
    with stack.daemon():
        status, tuned = put_question(stack, "tune", UID, user=USER, far=1e-6, password=PASSWORD)
        assert (status, tuned["far"]) == (200, pytest.approx(1e-6))
        for _ in range(5):
            status, answer = put_question(stack, "tune", UID, user=USER, alpha=-1.0, password=WRONG)
            assert "not your password" in answer["message"]
        # No password can be guessed: now even the right one is refused.
        status, answer = put_question(stack, "tune", UID, user=USER, alpha=-1.0, password=PASSWORD)
        assert (status, answer["error"]) == (422, "KeyRefused")
        assert "too many wrong passwords" in answer["message"]
        # This does not affect the face, or other users; and root needs no password.
        assert stack.login().opened
        assert (
            put_question(stack, "revoke", OTHER_UID, user=OTHER, password=OTHER_PASSWORD)[0] == 200
        )
        assert put_question(stack, "revoke", user=USER)[0] == 200


def test_an_alpha_that_is_too_loose_opens_nothing(stack):
    with stack.daemon():
        assert put_question(stack, "tune", user=USER, alpha=-1.0)[0] == 200
        assert "too loose" in stack.login().words
        assert put_question(stack, "tune", user=USER, far=1e-4)[0] == 200
        assert stack.login().opened


def test_enrolling_another_face_needs_a_user_and_their_password(stack, photo, data):
    with stack.daemon():
        me = {"me": [photo], "password": PASSWORD}
        status, answer = put_question(stack, "enroll", UID, user=USER, **me)
        assert (status, answer["error"]) == (422, "OwnerExists")
        status, answer = put_question(stack, "enroll", UID, user=USER, replace=True, **me)
        assert (status, answer["taken"]) == (200, 1)
        assert not stack.login().opened
        status, answer = put_question(stack, "enroll", user="no-such-user", **me)
        assert status == 400
        assert "has no user" in answer["message"]
        path = str(clip(data, USER))
        status, answer = put_question(stack, "enroll", UID, user=USER, me=[path], password=PASSWORD)
        assert status == 400, "a path is not a photo"


def test_a_connection_without_a_request_is_closed(house):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(house.socket()))
        wire.settimeout(20)
        assert wire.recv(1) == b""


def test_a_large_or_meaningless_question_is_refused(house):
    path = str(house.socket())
    assert ask(path, "/v1/attempt", {"user": "x" * 5000}, 10)[0] == 413
    for document in (
        {},
        {"user": 7},
        {"user": USER, "seconds": 0},
        {"user": USER, "seconds": True},
        {"user": USER, "service": "x" * 65},
        {"user": USER, "confirmed": "yes"},
        {"user": USER, "asker": 7},
        {"user": USER, "seat": 7},
        {"user": "a\nb"},
    ):
        assert ask(path, "/v1/attempt", document, 10)[0] == 400, document


def test_a_client_that_leaves_frees_the_camera(house, data):
    """A client that hangs up at once does not keep the next one waiting."""
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(house.socket()))
            body = json.dumps(
                {
                    "user": USER,
                    "service": "gone",
                    "seconds": 20,
                    "asker": "greeter",
                    "seat": "local",
                }
            ).encode()
            wire.sendall(b"POST /v1/attempt HTTP/1.1\r\nHost: x\r\nContent-Length: ")
            wire.sendall(b"%d\r\n\r\n" % len(body) + body)
    began = time.monotonic()
    assert ask(
        str(house.socket()), "/v1/attempt", {"user": USER, "asker": "greeter", "seat": "local"}, 10
    )[1]["accepted"]
    assert time.monotonic() - began < 10


def test_parallel_logins(house, data):
    """Several at once, of two users: each is answered, for the right face."""
    show(house, clip(data, USER))
    started = [
        house.start("pamtester", "greetd", user, "authenticate", stdin=-1, stdout=-1, stderr=-1)
        for user in (USER, OTHER, USER, OTHER)
    ]
    ends = []
    for process in started:
        process.communicate(b"wrong\n", timeout=60)
        ends.append(process.returncode == 0)
    assert ends[1] is ends[3] is False
    assert ends[0] or ends[2]  # one may have waited for longer than its deadline


def test_a_user_cannot_keep_the_camera_from_others(stack, tmp_path, data):
    """Of many attempts of one user at once, two wait, and the others are refused."""
    show(stack, film_empty_room(tmp_path / "empty.avi"))
    with stack.daemon():
        code = (
            "import sys, threading; from onlyme.unlock.transport import SOCKET, ask\n"
            "def one(n):\n"
            f"    q = {{'user': '{USER}', 'service': str(n), 'seconds': 30}}\n"
            "    print(ask(SOCKET, '/v1/attempt', q, 60)[1]['message'], flush=True)\n"
            "threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]\n"
            "[t.start() for t in threads]; [t.join() for t in threads]\n"
        )
        done = stack.run(sys.executable, "-c", code, uid=UID)
        assert done.stdout.count("in use by other logins") == 4, done.stdout


def film_empty_room(path):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (640, 480))
    for _ in range(300):
        writer.write(np.full((480, 640, 3), 60, np.uint8))
    writer.release()
    return path
