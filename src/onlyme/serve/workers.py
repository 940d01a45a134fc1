"""Jobs come in from the event loop; a few threads, each with a FaceID of its own, do them.

A FaceID is for one thread, since its connection to the vault is. What waits is bounded:
a queue that grows answers everybody late, one that refuses says so at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from onlyme.faceid.face_id import FaceID

__all__ = ["FaceIDPool"]

T = TypeVar("T")


class FaceIDPool:
    """Threads that own FaceIDs over one vault.

    Args:
        open_face_id: opens a FaceID; called in each thread.
        workers: how many threads.
        max_waiting_jobs: how many jobs may wait.
        seconds: how long a job may take, waiting included, unless told otherwise.
    """

    def __init__(
        self,
        open_face_id: Callable[[], FaceID],
        *,
        workers: int,
        max_waiting_jobs: int,
        seconds: float,
    ) -> None:
        self._opened = open_face_id
        self._workers = workers
        self._waiting = max_waiting_jobs
        self._seconds = seconds
        self._jobs: deque[tuple[Future[Any], Callable[[FaceID], Any]]] = deque()
        self._changed = Condition()
        self._closed = False
        self._threads: list[Thread] = []

    @property
    def waiting(self) -> int:
        """How many jobs wait for a thread."""
        return len(self._jobs)

    async def start(self) -> None:
        """Open the vault in each thread.

        Raises:
            OnlymeError: it cannot be opened.
        """
        opened: list[Future[None]] = [Future() for _ in range(self._workers)]
        for number, future in enumerate(opened):
            thread = Thread(target=self._work, args=(future,), name=f"onlyme-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        await asyncio.gather(*map(asyncio.wrap_future, opened))

    async def stop(self) -> None:
        """Finish what has begun, drop what waits, and close the vault."""
        with self._changed:
            self._closed = True
            for future, _ in self._jobs:
                future.cancel()
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, 30)

    async def run(
        self,
        job: Callable[[FaceID], T],
        *,
        wait_until_gone: Callable[[], Awaitable[Any]] | None = None,
        seconds: float | None = None,
    ) -> T:
        """Do a job in one of the threads and return what it returns.

        Args:
            job: called with the thread's FaceID.
            wait_until_gone: returns when the caller has left; a job that still waits is not begun.
            seconds: how long it may take, waiting included.

        Raises:
            Refused: too many wait already (503), or the time is over (504). A job that has
                begun by then runs to its end, and what it wrote down stays.
        """
        future = self._enqueue(job)
        answer = asyncio.wrap_future(future)
        left = None if wait_until_gone is None else asyncio.ensure_future(wait_until_gone())
        try:
            waited = {answer} if left is None else {answer, left}
            await asyncio.wait(
                waited, timeout=seconds or self._seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            if left is not None and left.done():
                raise ProblemError(503, "gone", "whoever asked has left")
            raise ProblemError(504, "time-is-over", "this took too long; try again later")
        finally:
            if left is not None:
                left.cancel()
            if not answer.done():
                future.cancel()  # unless it has begun
                answer.cancel()

    def _enqueue(self, job: Callable[[FaceID], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._changed:
            if self._closed or len(self._jobs) >= self._waiting:
                raise ProblemError(
                    503, "busy", "too many requests wait already", {"Retry-After": "1"}
                )
            self._jobs.append((future, job))
            self._changed.notify()
        return future

    def _work(self, ready: Future[None]) -> None:
        try:
            face_id = self._opened()
        except BaseException as error:  # noqa: BLE001 - told to whoever started the engine
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
                except BaseException as error:  # noqa: BLE001 - told to whoever waits
                    future.set_exception(error)
                del future, job, next_  # a picture is not kept while nothing is to do

    def _take_next(self) -> tuple[Future[Any], Callable[[FaceID], Any]] | None:
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            return self._jobs.popleft() if self._jobs else None
