"""Many requests at once: each gets the answer to its own picture."""

import random
import threading
import time

import pytest

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.faceid.serialize import serialize_decision
from tests.serve.pictures import as_frame

REQUESTS, CALLERS = 160, 8

ASKED = [
    # name, picture; what comes out is asked of the library, one by one
    ("obama", "obama_1"),
    ("obama", "obama_2"),
    ("obama", "obama_3"),
    ("obama", "obama_4"),
    ("biden", "biden_1"),
    ("biden", "nobody"),
    ("obama", "nobody"),
    ("nobody", "obama_1"),
    ("obama", "broken"),
]


@pytest.fixture(scope="module")
def pictures(photos):
    from tests.serve.hostile.sending import make_jpeg

    files = {path.stem: as_frame(path) for path in photos.glob("*.jpg")}
    return files | {"nobody": make_jpeg(640, 480), "broken": b"\xff\xd8\xff broken"}


@pytest.fixture(scope="module")
def expected(running, pictures):
    """What the library says, without any service and one after the other."""
    from onlyme import OnlymeError
    from onlyme.serve.problems import convert_error

    answers = {}
    with FaceID(wiring.assemble(running.settings, lasting=True)) as face_id:
        for name, picture in ASKED:
            try:
                decision = face_id.verify(name, pictures[picture], "passive")
                answers[name, picture] = 200, serialize_decision(decision)
            except OnlymeError as error:
                refused = convert_error(error)
                answers[name, picture] = refused.status, name_upload(refused.document)
    assert len({document.get("margin") for _, document in answers.values()}) >= 6
    return answers


def name_upload(document):
    """Return a problem as the service tells it: bytes that were sent are called a picture."""
    return document | {"detail": document["detail"].replace("bytes: ", "the picture: ")}


def same(answer, expected):
    """Whether an answer is the expected one; times differ, and so does float's last digit."""
    status, document = expected
    given = answer.json()
    if answer.status_code != status:
        return False
    if status != 200:
        return given == document
    margin = given["margin"], document["margin"]
    near = margin[0] == margin[1] if None in margin else abs(margin[0] - margin[1]) < 1e-4
    return near and all(given[key] == document[key] for key in ("accepted", "name", "reason"))


@pytest.fixture(scope="module")
def load(running, pictures, expected):
    """Ask many questions side by side; return the wrong answers, and the attempts in the log."""
    before = len(read_attempts(running))
    asked = [ASKED[number % len(ASKED)] for number in range(REQUESTS)]
    random.Random(7).shuffle(asked)  # noqa: S311 - an order, no secret
    wrong, lock = [], threading.Lock()

    def caller():
        client = running.browser()
        client.headers["Authorization"] = f"Bearer {running.secrets['admin']}"
        while True:
            with lock:
                if not asked:
                    return
                name, picture = asked.pop()
            answer = client.post(
                f"/v1/names/{name}/verify",
                content=pictures[picture],
                headers={"Content-Type": "image/jpeg"},
            )
            if not same(answer, expected[name, picture]):
                wrong.append((name, picture, answer.status_code, answer.text))

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return wrong, read_attempts(running)[before:]


def read_attempts(running):
    with running.open_admin() as admin:
        lines = [line for line in admin.gate.audit.entries() if line.event == "attempt"]
        assert admin.gate.audit.verify() >= len(lines)
    return lines


def test_nobody_gets_the_answer_of_another(running, load):
    wrong, _ = load
    assert not wrong
    assert running.service.uploads.held == 0


def test_every_counted_attempt_is_in_the_log_once(load):
    _, lines = load
    judged = [line for line in lines if line.margin is not None]
    rounds = [number % len(ASKED) for number in range(REQUESTS)]
    assert len(judged) == sum(number < 5 for number in rounds)
    assert {line.source for line in lines} == {"service"}


def test_side_by_side_there_is_no_try_more_than_in_a_row(running, pictures):
    """Twelve strangers at once: five are looked at, the others find the gate closed."""
    answers, clients = [], [running.browser() for _ in range(12)]

    def stranger(client):
        answer = client.post(
            "/v1/names/biden/verify",
            content=pictures["sunak_1"],
            headers={
                "Content-Type": "image/jpeg",
                "Authorization": f"Bearer {running.secrets['verify']}",
            },
        )
        answers.append(answer.json()["reason"])

    threads = [threading.Thread(target=stranger, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == ["locked_out"] * 7 + ["no_match"] * 5
    running.reset()


def test_while_somebody_enrolls_others_are_answered(running, pictures):
    done = threading.Event()

    def enroll():
        client = running.browser()
        client.headers["Authorization"] = f"Bearer {running.secrets['admin']}"
        files = [("me", pictures[name]) for name in ("ardern_1", "ardern_2")]
        assert client.put("/v1/names/ardern", files=files).status_code == 200
        done.set()

    thread = threading.Thread(target=enroll)
    thread.start()
    verdicts, deadline = [], time.monotonic() + 60
    while not done.is_set() and time.monotonic() < deadline:
        answer = running.client().post(
            "/v1/names/obama/verify",
            content=pictures["obama_3"],
            headers={"Content-Type": "image/jpeg"},
        )
        verdicts.append(answer.json()["reason"])
    thread.join(60)
    assert done.is_set()
    assert set(verdicts) == {"match"}
    # A person enrolled by one thread is known to all.
    for _ in range(4):
        answer = running.client().get("/v1/names/ardern/tune")
        assert answer.status_code == 200
