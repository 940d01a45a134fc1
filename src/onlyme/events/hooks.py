"""Run the operator's programs when something happens, beside the cameras.

A program gets one JSON document on its standard input. It is started without a shell, and its
arguments are those that the operator wrote: no name of a person becomes part of a command. One
program runs at a time, in the order of the events, and no camera waits for it.
"""

from __future__ import annotations

import queue
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Hooks"]

MAX_WAITING: Final = 256
"""Programs that may wait to be started; further ones are dropped, and that is reported."""

PROGRAM_SECONDS: Final = 60.0
"""A program that runs for longer is ended."""


@dataclass(frozen=True, slots=True)
class _Call:
    command: tuple[str, ...]
    document: bytes


class Hooks:
    """Runs programs in a thread; use it in a `with` block, which waits for the last one.

    Args:
        report: called with a sentence when a program fails or is not run.
        stdout: the file to which the programs' output goes; None for none.
    """

    def __init__(self, report: Callable[[str], None], stdout: IO[str] | None) -> None:
        self._report, self._stdout = report, stdout
        self._waiting: queue.Queue[_Call | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def run(self, command: Sequence[str], document: str) -> None:
        """Run a program soon.

        Args:
            command: the program and its arguments.
            document: JSON for its standard input.
        """
        if self._waiting.qsize() >= MAX_WAITING:
            self._report(f"{command[0]} was not run: {MAX_WAITING} programs wait already")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="onlyme-hooks", daemon=True)
            self._thread.start()
        self._waiting.put(_Call(tuple(command), document.encode()))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the programs that were asked for."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            try:
                done = subprocess.run(  # noqa: S603 - the operator gave the command, and no shell runs it
                    call.command,
                    input=call.document,
                    stdout=self._stdout or subprocess.DEVNULL,
                    timeout=PROGRAM_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                self._report(f"{call.command[0]} was ended after {PROGRAM_SECONDS:g} s")
            except OSError as error:
                self._report(f"{call.command[0]} cannot be run ({error.strerror})")
            else:
                if done.returncode:
                    self._report(f"{call.command[0]} ended with exit code {done.returncode}")
