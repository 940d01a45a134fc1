"""Tasks come in; what worker processes make of them goes out, in the order in which it is done.

Each worker is a process of its own with a pipe to this one. When this process ends, however it
ends, the pipes close and the workers go; when a worker ends, which only a defect of a library
can bring about, its task is told apart from the others, and another worker takes its place.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Generic, TypeVar

from onlyme.errors import OnlymeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.context import SpawnProcess
    from types import TracebackType
    from typing import Self

__all__ = ["WorkerPool", "count_cores"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_MAX_TASKS_PER_WORKER = 2
"""Tasks that a worker holds: the next one is there when the present one is done."""

_MAX_DEAD_WORKERS_IN_A_ROW = 8
"""When so many workers have ended in a row, the tasks are not what they died of."""


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class WorkerPool(Generic[Task, Result]):
    """Processes that do one kind of task.

    Args:
        begin: called once in each worker, returns what does a task; that returns something
            other than None. All that passes must be picklable.
        workers: how many.
    """

    def __init__(self, begin: Callable[[], Callable[[Task], Result]], workers: int) -> None:
        self._begin = begin
        self._context = multiprocessing.get_context("spawn")
        self._workers = [self._start_worker() for _ in range(workers)]

    def __enter__(self) -> Self:
        """Return itself, to be sent home at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Send everybody home; those who are at work do not finish it."""
        for worker in self._workers:
            worker.dismiss()

    def do(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | None]]:
        """Do all tasks; yield each with its result, or with None where it ended the worker.

        Raises:
            OnlymeError: what a worker raised; or one after the other they end.
        """
        left, more, ended = deque[Task](), iter(tasks), 0
        while True:
            for worker in self._workers:
                while len(worker.tasks) < _MAX_TASKS_PER_WORKER and (
                    left or (left := deque(islice(more, 1)))
                ):
                    worker.give(left.popleft())
            busy = {worker.pipe: worker for worker in self._workers if worker.tasks}
            if not busy:
                return
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                done = worker.take()
                task = worker.tasks.popleft()
                ended = 0 if done is not None else ended + 1
                if done is None:
                    worker.dismiss()
                    left.extend(worker.tasks)
                    self._workers[self._workers.index(worker)] = self._start_worker()
                if ended >= _MAX_DEAD_WORKERS_IN_A_ROW:
                    raise OnlymeError(f"{ended} workers ended one after the other")
                yield task, done

    def _start_worker(self) -> _Worker[Task, Result]:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(there, self._begin), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here)


class _Worker(Generic[Task, Result]):
    def __init__(self, process: SpawnProcess, pipe: Connection) -> None:
        self._process = process
        self.pipe = pipe
        self.tasks: deque[Task] = deque()

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with suppress(OSError):  # it is gone; taking its result will tell
            self.pipe.send(task)

    def take(self) -> Result | None:
        """Return what came of the first task, or None where that ended the worker."""
        try:
            done = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if isinstance(done, BaseException):
            raise done
        return done  # type: ignore[no-any-return]

    def dismiss(self) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _work(pipe: Connection, begin: Callable[[], Callable[[Task], Result]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the keyboard's is for whoever we work for
    work: Callable[[Task], Result] | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            try:
                work = work or begin()
                pipe.send(work(task))
            except OnlymeError as error:
                pipe.send(error)
