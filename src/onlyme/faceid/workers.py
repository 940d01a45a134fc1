"""Run tasks in worker processes, and yield each result as soon as it is there.

Each worker is a process of its own with a pipe to this one. When this process ends, for any
reason, the pipes close and the workers end too. When a worker crashes, which only a defect of a
library can cause, its task yields None, its other tasks are run again, and a new worker takes its
place.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from contextlib import contextmanager, suppress
from itertools import islice
from math import ceil, inf
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from onlyme.errors import OnlymeError
from onlyme.storage.system import leave_current_folder_out

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

_main_lock = threading.Lock()

_MAX_CRASHES_IN_A_ROW = 8
"""After this many crashes in a row the cause is not a single task, and the pool gives up."""


def count_cores() -> int:
    """Return the number of cores that this process may use.

    A container is often given two cores' worth of time on a machine with many cores.
    """
    affinity: Any = getattr(os, "sched_getaffinity", None)  # only Linux has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, ceil(min(cores, read_core_quota())))


def read_core_quota(
    groups: Path = Path("/sys/fs/cgroup"), listing: Path = Path("/proc/self/cgroup")
) -> float:
    """Return the cores' worth of time that this process gets; infinity without a limit.

    Args:
        groups: where the kernel shows control groups.
        listing: the groups of this process.
    """
    try:
        lines = listing.read_text("utf-8").splitlines()
    except OSError:  # another system, or one without control groups
        return inf
    quotas = [inf]
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / controllers  # of the second version, which has one tree, it is the same
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            quotas.append(_read_quota(folder))
            if folder == root:
                break
    return min(quotas)


def _read_quota(group: Path) -> float:
    """Return the limit of one control group, of either version."""
    for files in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        with suppress(OSError, ValueError, ZeroDivisionError):
            words = " ".join((group / file).read_text("utf-8") for file in files).split()
            share = float(words[0]) / float(words[1])  # no limit is `max`, or -1
            return share if share > 0 else inf
    return inf


class WorkerPool(Generic[Task, Result]):
    """Processes that all run the same function.

    Args:
        load: called once in each worker; returns the function that turns a task into a result
            other than None. The function `load`, tasks and results must be picklable.
        workers: the number of processes.
    """

    def __init__(self, load: Callable[[], Callable[[Task], Result]], workers: int) -> None:
        self._load = load
        self._context = multiprocessing.get_context("spawn")
        self._workers = [self._start_worker() for _ in range(workers)]

    def __enter__(self) -> Self:
        """Return the pool, which ends its processes at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End all processes; tasks that are under way are not finished."""
        for worker in self._workers:
            worker.stop()

    @property
    def workers(self) -> int:
        """The number of processes."""
        return len(self._workers)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | None]]:
        """Run all tasks; yield each with its result, or with None if it crashed its worker.

        Raises:
            OnlymeError: a worker raised it, or too many workers crashed in a row.
        """
        waiting, source, crashes = deque[Task](), iter(tasks), 0
        while True:
            for worker in self._workers:
                while len(worker.tasks) < _MAX_TASKS_PER_WORKER and (
                    waiting or (waiting := deque(islice(source, 1)))
                ):
                    worker.send(waiting.popleft())
            busy = {worker.pipe: worker for worker in self._workers if worker.tasks}
            if not busy:
                return
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]  # `wait` returns what it was given
                result = worker.receive()
                task = worker.tasks.popleft()
                crashes = 0 if result is not None else crashes + 1
                if result is None:
                    worker.stop()
                    waiting.extend(worker.tasks)
                    self._workers[self._workers.index(worker)] = self._start_worker()
                if crashes >= _MAX_CRASHES_IN_A_ROW:
                    raise OnlymeError(f"{crashes} worker processes crashed in a row")
                yield task, result

    def _start_worker(self) -> _Worker[Task, Result]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._load), daemon=True)
        with _leave_main_out(), leave_current_folder_out():
            process.start()
        theirs.close()
        return _Worker(process, ours)


@contextmanager
def _leave_main_out() -> Iterator[None]:
    """Start a process without the program's own main module.

    Python would import it again there: without `if __name__ == "__main__":` the user's whole
    program would run once more in each worker. What the workers need is in onlyme.
    """
    with _main_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class _Worker(Generic[Task, Result]):
    def __init__(self, process: SpawnProcess, pipe: Connection) -> None:
        self._process = process
        self.pipe = pipe
        self.tasks: deque[Task] = deque()

    def send(self, task: Task) -> None:
        self.tasks.append(task)
        with suppress(OSError):  # the worker crashed; `receive` will notice
            self.pipe.send(task)

    def receive(self) -> Result | None:
        """Return the result of the first task, or None if that crashed the worker."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return]  # a pipe has no types

    def stop(self) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _work(pipe: Connection, load: Callable[[], Callable[[Task], Result]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    run_task: Callable[[Task], Result] | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            try:
                run_task = run_task or load()
                pipe.send(run_task(task))
            except OnlymeError as error:
                pipe.send(error)
