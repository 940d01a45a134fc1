"""Run the command line, and end it with the right exit code.

0: accepted, or done. 1: rejected. 2: could not decide, or wrong use. 130: interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback

__all__ = ["main"]


def main() -> None:
    """Run the command line; every error becomes one sentence and exit code 2."""
    interrupts: list[int] = []

    def handle_interrupt(number: int, _frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a job in the background ignores it
        signal.signal(signal.SIGINT, handle_interrupt)
    try:
        _run()
    except KeyboardInterrupt:  # also during the imports in `_run`
        sys.exit(130)
    except SystemExit:
        # A module that is interrupted while it loads may end with an error of its own.
        if interrupts:
            sys.exit(130)
        raise


def _run() -> None:
    # Imported here, so that Ctrl-C is handled while they load.
    from onlyme.cli.app import app
    from onlyme.cli.output import drop_output
    from onlyme.errors import OnlymeError
    from onlyme.vault.core_dumps import forbid_core_dumps

    forbid_core_dumps()
    try:
        app()
    except OnlymeError as error:
        _fail(str(error))
    except OSError as error:  # such as a full disk, or a report in a folder without write access
        drop_output()
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:  # noqa: BLE001 - 1 would mean *rejected*
        if os.environ.get("ONLYME_DEBUG"):
            traceback.print_exc()
        first = (str(error).splitlines() or [""])[0][:200]
        _fail(f"unexpected {type(error).__name__}: {first}; ONLYME_DEBUG=1 shows where")


def _fail(sentence: str) -> None:
    print(f"onlyme: {sentence}", file=sys.stderr)  # noqa: T201 - a command line prints
    sys.exit(2)
