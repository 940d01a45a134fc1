"""Run the operator's programs when something happens, beside the cameras.

A program gets one JSON document on its standard input. It is started without a shell, and its
arguments are those that the operator wrote: no name of a person becomes part of a command. One
program runs at a time, in the order of the events, and no camera waits for it.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from math import inf
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Hooks", "run_program"]

MAX_WAITING: Final = 256
"""Programs that may wait to be started; further ones are dropped, and that is reported."""

PROGRAM_SECONDS: Final = 60.0
"""A program that runs for longer is ended, with all that it started."""

LAST_SECONDS: Final = 5.0
"""How long programs may still run where the caller was interrupted, all together."""

_SECRETS: Final = frozenset(["ONLYME_PASSPHRASE"])
"""Variables of the environment that no program of the operator gets."""


@dataclass(frozen=True, slots=True)
class _Call:
    command: tuple[str, ...]
    document: str


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
        self._end: float | None = None

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
        self._waiting.put(_Call(tuple(command), document))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the programs that were asked for; after Ctrl-C or an error only seconds."""
        if self._thread is None:
            return
        if kind is not None:
            self._end = time.monotonic() + LAST_SECONDS
        self._waiting.put(None)
        self._thread.join()
        self._thread = None

    def _work(self) -> None:
        dropped = 0
        while (call := self._waiting.get()) is not None:
            if self._end is not None and time.monotonic() >= self._end:
                dropped += 1
                continue
            if why := run_program(call.command, call.document, self._stdout, self._read_end):
                self._report(why)
        if dropped:
            self._report(f"programs that were not run any more: {dropped}")

    def _read_end(self) -> float | None:
        return self._end


def run_program(
    command: Sequence[str],
    document: str,
    stdout: IO[str] | None,
    read_end: Callable[[], float | None] = lambda: None,
) -> str | None:
    """Run a program until it ends, or until its time is over; return what went wrong.

    Args:
        command: the program and its arguments; no shell reads them.
        document: for its standard input.
        stdout: the file to which its output goes; None for none.
        read_end: returns when it must have ended, in seconds of `time.monotonic`; asked again
            and again. It never gets more than `PROGRAM_SECONDS`.
    """
    began = time.monotonic()
    kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator gave the command, and no shell runs it
            tuple(command),
            stdin=subprocess.PIPE,
            stdout=stdout or subprocess.DEVNULL,
            env=kept,
            process_group=0,  # so that what it starts can be ended with it
        )
    except OSError as error:
        return f"{command[0]} cannot be run ({error.strerror})"
    try:
        _give(process, document)
        while process.poll() is None:
            end = min(began + PROGRAM_SECONDS, read_end() or inf)
            if time.monotonic() >= end:
                _kill(process)
                return f"{command[0]} was ended after {time.monotonic() - began:.0f} s"
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
    except BaseException:  # Ctrl-C: the program is in a group of its own, and has not heard of it
        _kill(process)
        raise
    if process.returncode:
        return f"{command[0]} ended with exit code {process.returncode}"
    return None


def _give(process: subprocess.Popen[bytes], document: str) -> None:
    """Write a document, which is far smaller than a pipe holds, to a program's standard input."""
    with suppress(OSError), process.stdin or nullcontext() as stdin:  # it may not want to read
        if stdin is not None:
            stdin.write(document.encode(errors="backslashreplace"))  # a path that is no text


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, and wait for it."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
