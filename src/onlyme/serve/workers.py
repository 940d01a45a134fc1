"""Run jobs of the event loop in a few threads, each of which owns one FaceID.

A FaceID belongs to one thread, because its connection to the vault does. The queue is bounded:
a queue that can grow delays every answer, a full one refuses at once and says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from onlyme import FaceID

__all__ = ["FaceIDPool"]

T = TypeVar("T")

STOP_SECONDS: Final = 30.0
"""How long `stop` waits for the job that a thread is doing."""


class FaceIDPool:
    """Threads that own FaceIDs over one vault.

    Args:
        open_face_id: opens a FaceID; called in each thread.
        workers: number of threads.
        max_waiting_jobs: number of jobs that may wait for a thread.
        seconds: time limit of a job, waiting included, unless `run` is given another.
    """

    def __init__(
        self,
        open_face_id: Callable[[], FaceID],
        *,
        workers: int,
        max_waiting_jobs: int,
        seconds: float,
    ) -> None:
        self._open_face_id = open_face_id
        self._workers = workers
        self._max_waiting_jobs = max_waiting_jobs
        self._seconds = seconds
        self._jobs: deque[tuple[Future[Any], Callable[[FaceID], Any]]] = deque()
        self._changed = Condition()
        self._closed = False
        self._threads: list[Thread] = []

    @property
    def waiting(self) -> int:
        """Number of jobs that wait for a thread."""
        return len(self._jobs)

    async def start(self) -> None:
        """Start the threads and open the vault in each.

        Raises:
            OnlymeError: the vault cannot be opened.
        """
        started: list[Future[None]] = [Future() for _ in range(self._workers)]
        for number, future in enumerate(started):
            thread = Thread(target=self._work, args=(future,), name=f"onlyme-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        await asyncio.gather(*map(asyncio.wrap_future, started))

    async def stop(self) -> None:
        """Finish the jobs that have begun, cancel those that wait, and close the vault."""
        with self._changed:
            self._closed = True
            for future, _ in self._jobs:
                future.cancel()
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, STOP_SECONDS)

    async def run(
        self,
        job: Callable[[FaceID], T],
        *,
        wait_until_gone: Callable[[], Awaitable[Any]] | None = None,
        seconds: float | None = None,
        on_abandoned: Callable[[], None] | None = None,
    ) -> T:
        """Run a job in one of the threads and return its result.

        Args:
            job: called with the thread's FaceID.
            wait_until_gone: returns when the client has closed its connection; a job that still
                waits then is not begun.
            seconds: time limit, waiting included.
            on_abandoned: called when the client has left or the time is over before the job's
                end. A job that has begun should look whether it was, and end soon.

        Raises:
            ProblemError: too many jobs wait already or the client is gone (503), or the time is
                over (504). What a job that has begun by then wrote stays.
        """
        future = self._enqueue(job)
        answer = asyncio.wrap_future(future)
        gone = None if wait_until_gone is None else asyncio.ensure_future(wait_until_gone())
        try:
            either = {answer} if gone is None else {answer, gone}
            await asyncio.wait(
                either, timeout=seconds or self._seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            if gone is not None and gone.done():
                raise ProblemError(503, "gone", "the client closed the connection")
            raise ProblemError(504, "time-is-over", "this took too long; try again later")
        finally:
            if gone is not None:
                gone.cancel()
            if not answer.done():
                future.cancel()  # unless it has begun
                if on_abandoned is not None:
                    on_abandoned()
                answer.cancel()

    def _enqueue(self, job: Callable[[FaceID], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._changed:
            if self._closed or len(self._jobs) >= self._max_waiting_jobs:
                raise ProblemError(
                    503,
                    "busy",
                    "too many requests wait already; try again in a second",
                    {"Retry-After": "1"},
                )
            self._jobs.append((future, job))
            self._changed.notify()
        return future

    def _work(self, ready: Future[None]) -> None:
        try:
            face_id = self._open_face_id()
        except BaseException as error:  # noqa: BLE001 - `start` raises it
            ready.set_exception(error)
            return
        ready.set_result(None)
        with face_id:
            while (next_ := self._take_next()) is not None:
                future, job = next_
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(job(face_id))
                except BaseException as error:  # noqa: BLE001 - `run` raises it
                    future.set_exception(error)
                del future, job, next_  # an idle thread must not hold a picture

    def _take_next(self) -> tuple[Future[Any], Callable[[FaceID], Any]] | None:
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            return self._jobs.popleft() if self._jobs else None
