"""The pool: its queue is bounded, jobs have a time limit, and clients that left cost nothing."""

import asyncio
import threading

import pytest

from onlyme.serve.problems import ProblemError
from onlyme.serve.workers import FaceIDPool


class Stub:
    """Stands for a FaceID, of which the pool knows only that it can be closed."""

    def __init__(self):
        self.thread = threading.current_thread()
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.thread is threading.current_thread()
        self.closed = True


def engine(opened=Stub, *, workers=1, waiting=2, seconds=20.0):
    return FaceIDPool(opened, workers=workers, max_waiting_jobs=waiting, seconds=seconds)


def run(scenario, made):
    async def whole():
        await made.start()
        try:
            return await scenario()
        finally:
            await made.stop()

    return asyncio.run(asyncio.wait_for(whole(), 60))


def test_a_job_gets_the_object_that_its_own_thread_opened():
    opened = []

    def open_():
        opened.append(Stub())
        return opened[-1]

    made = engine(open_, workers=3, waiting=50)

    async def scenario():
        def job(stub):
            return stub, stub.thread is threading.current_thread()

        return await asyncio.gather(*(made.run(job) for _ in range(50)))

    answers = run(scenario, made)
    assert all(own for _, own in answers)
    assert {stub for stub, _ in answers} <= set(opened)
    assert len(opened) == 3
    assert all(stub.closed for stub in opened)


def test_every_caller_gets_its_own_answer():
    made = engine(workers=4, waiting=500)

    async def scenario():
        return await asyncio.gather(
            *(made.run(lambda _, number=number: number * number) for number in range(500))
        )

    assert run(scenario, made) == [number * number for number in range(500)]


def test_a_full_queue_refuses_at_once():
    made, go = engine(), threading.Event()

    async def scenario():
        running = asyncio.ensure_future(made.run(lambda _: go.wait(20)))
        await asyncio.sleep(0)
        while made.waiting:
            await asyncio.sleep(0.001)
        waiting = [asyncio.ensure_future(made.run(lambda _: "done")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refused:
            await made.run(lambda _: None)
        go.set()
        return refused.value, await running, await asyncio.gather(*waiting)

    refused, _, answers = run(scenario, made)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert answers == ["done", "done"]


def test_what_takes_too_long_is_answered_and_not_begun_later():
    made, go, began = engine(), threading.Event(), []

    async def scenario():
        running = asyncio.ensure_future(made.run(lambda _: go.wait(20)))
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refused:
            await made.run(lambda _: began.append("late"), seconds=0.05)
        go.set()
        await running
        await made.run(lambda _: None)
        return refused.value

    assert run(scenario, made).status == 504
    assert not began


def test_a_job_whose_client_left_is_not_begun():
    made, go, began = engine(), threading.Event(), []

    async def left():
        return

    async def scenario():
        running = asyncio.ensure_future(made.run(lambda _: go.wait(20)))
        await asyncio.sleep(0)
        with pytest.raises(ProblemError, match="closed the connection"):
            await made.run(lambda _: began.append("for nobody"), wait_until_gone=left)
        go.set()
        await running
        await made.run(lambda _: None)

    run(scenario, made)
    assert not began


def test_an_error_goes_to_whoever_asked_and_the_thread_goes_on():
    made = engine()

    async def scenario():
        with pytest.raises(ZeroDivisionError):
            await made.run(lambda _: 1 // 0)
        return await made.run(lambda _: "still here")

    assert run(scenario, made) == "still here"


def test_what_cannot_be_opened_is_said_when_it_starts():
    def closed():
        raise OSError("no vault")

    made = engine(closed)
    with pytest.raises(OSError, match="no vault"):
        asyncio.run(made.start())


def test_a_stopped_engine_refuses():
    made = engine()
    run(lambda: asyncio.sleep(0), made)
    with pytest.raises(ProblemError):
        asyncio.run(made.run(lambda _: None))
