"""Hold the one training of the page: start its process, follow it, ask it, and end it.

The service itself never imports torch. A training is limited in memory and time, and is ended
with the service, by *Sign out*, and after some time without use.
"""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from onlyme.errors import UsageError
from onlyme.serve.lab.child import run_child
from onlyme.serve.problems import ProblemError
from onlyme.storage.system import leave_current_folder_out

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["LabDesk"]

MAX_TRAINING_SECONDS: Final = 20 * 60.0
"""A training that takes longer is ended."""

MAX_IDLE_SECONDS: Final = 30 * 60.0
"""A network that was not used for this time is erased."""

ANSWER_SECONDS: Final = 30.0
"""Longest time for an answer of the process."""

_LOOK_SECONDS: Final = 0.5
"""How often the limits of time are checked."""


class LabDesk:
    """The training of the page, its progress and its network.

    Attributes:
        state: `empty`, `training`, `trained` or `failed`.
    """

    def __init__(self) -> None:
        self.state = "empty"
        self._lock = Lock()
        self._asking = Lock()
        self._shown: dict[str, Any] = {}
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._answers: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._used_at = self._begun_at = 0.0

    def start(self, task: dict[str, Any], **shown: Any) -> None:
        """Begin a training, or load a run; what was here before is erased.

        Args:
            task: see `onlyme.serve.lab.child.run_child`.
            shown: shown from the beginning.

        Raises:
            UsageError: a training is under way.
        """
        with self._lock:
            self.require_free()
            self._end()
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(target=run_child, args=(theirs, task), daemon=True)
            with leave_current_folder_out():
                process.start()
            theirs.close()
            self.state, self._shown = "training", dict(shown)
            self._process, self._pipe, self._answers = process, ours, SimpleQueue()
            self._used_at = self._begun_at = monotonic()
            Thread(target=self._follow, args=(ours, self._answers), daemon=True).start()

    def require_free(self) -> None:
        """Check that no training is under way.

        Raises:
            UsageError: one is.
        """
        if self.state == "training":
            raise UsageError("a training is under way; wait for its end, or cancel it")

    def show(self) -> dict[str, Any]:
        """Return the state with all that is known of the training."""
        with self._lock:
            self._used_at = monotonic()
            seconds = {"elapsed": monotonic() - self._begun_at} if self.state == "training" else {}
            return {"state": self.state} | self._shown | seconds

    def ask(self, kind: str, value: Any) -> Any:
        """Ask the process of a trained network; see `onlyme.serve.lab.child.run_child`.

        Raises:
            UsageError: there is no trained network, or the process refused, and says why.
            ProblemError: it did not answer in time (503).
        """
        with self._asking:
            with self._lock:
                pipe, answers = self._pipe, self._answers
                if self.state != "trained" or pipe is None:
                    raise UsageError("there is no trained network; train one first")
                self._used_at = monotonic()
            with suppress(OSError):
                pipe.send((kind, value))
            try:
                said, answer = answers.get(timeout=ANSWER_SECONDS)
            except Empty:
                self._fail(pipe, "the process of the network does not answer; train it again")
                raise ProblemError(
                    503, "busy", "the network does not answer; train it again"
                ) from None
        if said != "answer":
            raise UsageError(answer)
        return answer

    def erase(self) -> None:
        """Cancel the training, or erase the network; what was kept under a name stays."""
        with self._lock:
            self._end()
            self.state, self._shown = "empty", {}

    def note(self, **shown: Any) -> None:
        """Show more of a trained network, such as the name that it is kept under."""
        with self._lock:
            self._shown |= shown

    def _end(self) -> None:
        """End the process, if there is one; the lock is held."""
        process, self._process, self._pipe = self._process, None, None
        if process is not None:
            process.kill()
            process.join()
            process.close()
        self._answers.put(("refused", "the network was erased meanwhile"))

    def _follow(self, pipe: Connection, answers: SimpleQueue[tuple[str, Any]]) -> None:
        """Take the messages of one process until its end."""
        with pipe, suppress(EOFError, OSError):
            while True:
                if pipe.poll(_LOOK_SECONDS):
                    kind, value = pipe.recv()
                    if kind in {"answer", "refused"}:
                        answers.put((kind, value))
                    else:
                        self._take(pipe, kind, value)
                elif why := self._find_limit(pipe):
                    self._fail(pipe, why)
        self._fail(pipe, "the training ended unexpectedly, perhaps for want of memory")

    def _find_limit(self, pipe: Connection) -> str:
        with self._lock:
            if pipe is not self._pipe:
                return ""
            now = monotonic()
            if self.state == "training" and now - self._begun_at > MAX_TRAINING_SECONDS:
                minutes = MAX_TRAINING_SECONDS / 60
                return f"the training took longer than {minutes:.0f} minutes and was ended"
            if self.state == "trained" and now - self._used_at > MAX_IDLE_SECONDS:
                return "the network was erased after half an hour without use"
        return ""

    def _take(self, pipe: Connection, kind: str, value: Any) -> None:
        if kind == "failed":
            self._fail(pipe, value)
            return
        with self._lock:
            if pipe is self._pipe:
                self._shown |= value
                if kind == "trained":
                    self.state = kind

    def _fail(self, pipe: Connection, why: str) -> None:
        """End a process, and say why; nothing happens if another one has taken its place."""
        with self._lock:
            if pipe is not self._pipe:
                return
            self._end()
            self.state, self._shown = "failed", self._shown | {"why": why}
