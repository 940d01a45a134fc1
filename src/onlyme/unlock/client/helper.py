"""What PAM says of an attempt comes in; exit code 0, or a sentence and another one, goes out.

This is the command `onlyme-pam`, which `pam_exec` calls. Exit code 0 means: the daemon saw
the person, alive. Everything else is another code and one line that says why, in time, so
that PAM goes on to the password. It decides nothing itself, and cannot open what the daemon
did not open.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.unlock.client.remote import is_remote
from onlyme.unlock.transport import SOCKET, NoAnswer, ask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ANSWER_SECONDS", "main", "run"]

ANSWER_SECONDS = 1.5
"""So long the password waits at most, where nobody has to confirm."""

_MAX_CONFIRM_SECONDS = 60.0  # seconds that a confirmation may take, whatever the settings say
_GRACE_SECONDS = 0.5  # seconds after which the kernel ends whatever still hangs
_USAGE = "usage in a PAM file: pam_exec.so quiet seteuid stdout onlyme-pam [--seconds S]"


class _HelperOptions(NamedTuple):
    seconds: float = ANSWER_SECONDS
    socket: str = SOCKET


def main() -> None:
    """Answer PAM."""
    try:
        opened, why = run(sys.argv[1:], os.environ, os.getppid())
    except BaseException as error:  # noqa: BLE001 - whatever it is, the password must be reached
        opened, why = False, f"unexpected {type(error).__name__}"
    try:
        if why:
            sys.stdout.write(f"onlyme: {why}\n")
            sys.stdout.flush()
    except OSError:  # nobody reads it
        pass
    os._exit(0 if opened else 1)  # nothing is left to tidy, and that takes a millisecond


def run(arguments: Sequence[str], environment: Mapping[str, str], parent: int) -> tuple[bool, str]:
    """Ask the daemon about one attempt, or tell it that the password was used.

    Args:
        arguments: `--seconds S`: how long all may take; `--socket PATH`: where to ask.
        environment: what PAM gave.
        parent: the process that asks PAM.

    Returns:
        Whether it opens, and one sentence about it; empty when there is nothing to say.
    """
    options = _parse_options(arguments)
    kind, user = environment.get("PAM_TYPE", ""), environment.get("PAM_USER", "")
    if options is None:
        return False, _USAGE
    if not user:
        return False, ""  # nobody is named yet
    _end_after(options.seconds)
    question = {"user": user, "service": environment.get("PAM_SERVICE", "")}
    if kind == "account":
        _tell(options, question)
        return False, ""
    if kind != "auth":
        return False, ""
    if is_remote(environment, parent):
        return False, "a remote session cannot be looked at; use the password"
    try:
        return _ask_daemon(options, question, environment, parent)
    except NoAnswer as error:
        return False, f"the daemon does not help: {error}; use the password"


def _ask_daemon(
    options: _HelperOptions, question: dict[str, Any], environment: Mapping[str, str], parent: int
) -> tuple[bool, str]:
    until = time.monotonic() + options.seconds
    answer = _send_question(options, question, until)
    if answer.get("reason") == "confirm":
        refusal = _ask_confirmation(options, environment, parent, float(answer.get("seconds", 0.0)))
        if refusal:
            return False, refusal
        until = time.monotonic() + options.seconds
        answer = _send_question(options, question | {"confirmed": True}, until)
    # Not merely true: anything but the one answer that opens does not.
    opened = answer.get("accepted") is True and answer.get("reason") == "match"
    return opened, str(answer.get("message", ""))[:500].replace("\n", " ")


def _send_question(
    options: _HelperOptions, question: dict[str, Any], until: float
) -> dict[str, Any]:
    left = max(0.05, until - time.monotonic())
    status, answer = ask(options.socket, "/v1/attempt", question | {"seconds": left}, left)
    if status != 200:
        raise NoAnswer(str(answer.get("message", f"error {status}"))[:200])
    return answer


def _ask_confirmation(
    options: _HelperOptions, environment: Mapping[str, str], parent: int, seconds: float
) -> str:
    """Show what wants to run, and wait for Enter; return why it was not allowed, if so."""
    # Loaded here: most services do not ask.
    from onlyme.unlock.client.terminal import ask_permission, find_terminal, read_command

    path, what = find_terminal(parent, environment.get("PAM_TTY", "")), read_command(parent)
    if not path or not what:
        return "there is no terminal to confirm on; use the password"
    wait = min(seconds, _MAX_CONFIRM_SECONDS)
    _end_after(wait + options.seconds)
    return "" if ask_permission(path, what, wait) else "not confirmed; use the password"


def _tell(options: _HelperOptions, question: dict[str, Any]) -> None:
    """Tell the daemon that the account is in use; it knows whether that means anything."""
    with suppress(NoAnswer):  # then nothing is reset
        ask(options.socket, "/v1/password-used", question, options.seconds)


def _end_after(seconds: float) -> None:
    """Let the kernel end this process, should all else hang."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)


def _parse_options(arguments: Sequence[str]) -> _HelperOptions | None:
    """Read the arguments; `argparse` would take longer to load than everything else."""
    options, rest = _HelperOptions(), list(arguments)
    while rest:
        name, value = rest.pop(0), rest.pop(0) if rest else ""
        if name == "--socket" and value.startswith("/"):
            options = options._replace(socket=value)
        elif name == "--seconds" and _parse_seconds(value) is not None:
            options = options._replace(seconds=_parse_seconds(value) or ANSWER_SECONDS)
        else:
            return None
    return options


def _parse_seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0.1 <= number <= 30.0 else None
