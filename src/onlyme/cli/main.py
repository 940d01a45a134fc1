"""Run the command line, and end it with the right exit code.

0: accepted, or done. 1: rejected. 2: could not decide, or wrong use. 130: interrupted. A command
that is ended by SIGTERM or SIGHUP cleans up as after Ctrl-C, and ends by that signal.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

__all__ = ["main"]

_SHORT = {"verify", "list", "status", "audit"}
"""Commands that take a quarter of a second; most of it is loading."""

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP")
_REPEAT_SECONDS = 0.05
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)


def main() -> None:
    """Run the command line; every error becomes one sentence and exit code 2."""
    interrupts: list[int] = []

    def handle_interrupt(number: int, _frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    for name in _ENDS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # A job in the background ignores SIGINT, and one of nohup SIGHUP.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle_interrupt)
    sys.unraisablehook = _repeat_lost_interrupt
    try:
        _save_time()
        _run()
    except KeyboardInterrupt:  # also during the imports in `_run`
        _end_interrupted(interrupts)
    except SystemExit:
        # A module that is interrupted while it loads may end with an error of its own.
        if interrupts:
            _end_interrupted(interrupts)
        raise


def _end_interrupted(signals: list[int]) -> NoReturn:
    """End after a signal; by the signal itself, unless it is Ctrl-C's."""
    if signals and (number := signals[0]) != signal.SIGINT:
        with suppress(Exception):  # what was printed already
            sys.stdout.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(130)


def _repeat_lost_interrupt(lost: sys.UnraisableHookArgs) -> None:
    """Ask again for an end that a finaliser has swallowed: Python drops what is raised in one."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    import threading

    with suppress(RuntimeError):  # no thread starts in a process that is ending
        # A moment later, outside of the finaliser.
        threading.Timer(_REPEAT_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()


def _save_time() -> None:
    """Leave out work that does not pay in a short process; benchmarks/startup.py measures it."""
    # Loading modules leaves no garbage, but each collection walks through everything loaded …
    gc.set_threshold(20_000, 10, 10)
    atexit.register(gc.freeze)  # … and so do several more while Python ends.
    if not sys.argv[1:] or sys.argv[1] not in _SHORT:
        return
    # Starting numpy's threads takes longer than all that these commands compute.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from onlyme.storage.system import name_platform

    if name_platform() != "linux":  # the next lines set up glibc
        return
    import ctypes

    # Memory freed while a network is read is used again, not returned to the system and back.
    with suppress(AttributeError):  # other C libraries than glibc have no such setting
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, 1 << 28)
        mallopt(_M_MMAP_THRESHOLD, 1 << 22)


def _run() -> None:
    # Imported here, so that Ctrl-C is handled while they load.
    from onlyme.cli.app import app
    from onlyme.cli.output import drop_output
    from onlyme.cli.streams import prepare_streams
    from onlyme.errors import OnlymeError
    from onlyme.vault.core_dumps import forbid_core_dumps

    forbid_core_dumps()
    prepare_streams()
    try:
        app()
    except OnlymeError as error:
        _fail(str(error))
    except MemoryError:
        _fail("there is not enough memory for this")
    except OSError as error:  # such as a full disk, or a report in a folder without write access
        drop_output()
        _fail(_describe_system_error(error))
    except Exception as error:  # noqa: BLE001 - 1 would mean *rejected*
        if os.environ.get("ONLYME_DEBUG"):
            traceback.print_exc()
        first = (str(error).splitlines() or [""])[0][:200]
        _fail(f"unexpected {type(error).__name__}: {first}; ONLYME_DEBUG=1 shows where")


def _describe_system_error(error: OSError) -> str:
    """Say which file it is about, and what to do where the disk is full."""
    said = error.strerror or str(error)
    if error.filename:
        said = f"{os.fsdecode(error.filename)}: {said}"
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return f"{said}; free some space and run the command again" if is_full else said


def _fail(sentence: str) -> None:
    from onlyme.cli.lines import wrap_text

    line = f"onlyme: {sentence}"
    try:
        line = wrap_text(line) if sys.stderr and sys.stderr.isatty() else line  # one line, for logs
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command line prints
    except OSError:  # a full disk behind it; the error of an error would end with 1: *rejected*
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(2)
