"""Several threads use one FaceID, and asyncio uses it without blocking its loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from onlyme import OnlymeError, Reason
from onlyme.testing import draw_face, open_face_id

PEOPLE = ("ada", "bob", "cem", "dia")


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path) as opened:
        for name in PEOPLE[:2]:
            opened.enroll(name, [draw_face(name, photo) for photo in range(3)])
        yield opened


def use(face_id, number):
    """Do what a program does, with people of this thread's own and with those of all."""
    name, stranger = f"thread {number}", draw_face(f"stranger {number}")
    face_id.enroll(name, draw_face(name))
    answers = []
    for turn in range(6):
        owner = PEOPLE[turn % 2]
        answers.append(face_id.verify(owner, draw_face(owner, 9), gate=True).reason)
        answers.append(face_id.verify(owner, stranger).reason)
        answers.append(face_id.identify(draw_face(name, 2)).name == name)
        face_id.tune(name, far=1e-3 if turn % 2 else 1e-4)
        assert name in face_id.names()
        assert list(face_id.admin.gate.audit.entries())
    face_id.forget(name)
    return answers


def test_many_threads_use_one_handle(face_id):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: use(face_id, number), range(6)))
    assert answers == [[Reason.MATCH, Reason.NO_MATCH, True] * 6] * 6
    assert face_id.names() == ["ada", "bob"]
    face_id.admin.store.check()
    face_id.admin.gate.audit.verify()


def test_attempts_of_many_threads_are_all_counted(face_id):
    def try_as_stranger(number):
        return face_id.verify("ada", draw_face(f"stranger {number}"), gate=True).reason

    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(try_as_stranger, range(20)))
    assert reasons.count(Reason.NO_MATCH) == 5
    assert reasons.count(Reason.LOCKED_OUT) == 15


def test_a_handle_that_another_thread_closes_says_so(face_id):
    def look():
        try:
            while True:
                face_id.verify("ada", draw_face("ada", 7), gate=True)
        except OnlymeError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        lookers = [pool.submit(look) for _ in range(4)]
        face_id.verify("ada", draw_face("ada", 7))
        face_id.close()
        for looker in lookers:
            assert "was closed; open it again with FaceID.open" in looker.result(60)


def test_a_log_that_is_read_slowly_stops_nobody(face_id):
    """A reader that thinks between two lines must not keep others from the vault."""
    entries = face_id.admin.gate.audit.entries()
    next(entries)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(face_id.enroll, "cem", draw_face("cem"))
        assert done.result(60).taken == 1


def test_asyncio_goes_on_while_a_face_is_looked_at(face_id):
    """As docs/how-to/use-in-python shows it."""

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        pictures = [draw_face(name, 5) for name in PEOPLE]
        looks = [asyncio.to_thread(face_id.verify, "ada", picture) for picture in pictures]
        decisions = await asyncio.gather(*looks)
        ticking.cancel()
        return decisions, ticks

    decisions, ticks = asyncio.run(main())
    assert [bool(decision) for decision in decisions] == [True, False, False, False]
    assert ticks > 1
