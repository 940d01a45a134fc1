"""Ask the daemon about one attempt for PAM, and exit with 0 only if it recognised the user.

This is the command `onlyme-pam`, which `pam_exec` starts. Exit code 0 means that the daemon saw
the right person, alive. Everything else is another exit code and one line that says why, in
time, so that PAM goes on to the password. The helper decides nothing itself: it cannot open
what the daemon did not open.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.unlock.client.asker import Asker
from onlyme.unlock.client.remote import is_remote
from onlyme.unlock.client.seat import find_seat
from onlyme.unlock.services import BY_MESSAGE, ON_TERMINAL, needs_intent
from onlyme.unlock.transport import SOCKET, NoAnswer, ask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onlyme.unlock.client.intent import Display

__all__ = ["ANSWER_SECONDS", "main", "run"]

ANSWER_SECONDS = 1.5
"""How long the password prompt waits at most, where nothing has to be confirmed."""

_MIN_OPTION_SECONDS, _MAX_OPTION_SECONDS = 0.1, 30.0  # what `--seconds` may say
_MIN_ANSWER_SECONDS = 0.05  # for the answer itself, however late the question is sent
_MAX_INTENT_SECONDS = 60.0  # for a key or a gesture, even if the settings allow more
_CLOSE_SECONDS = 1.0  # for the desktop to take a notification away
_GRACE_SECONDS = 0.5  # after its deadline the kernel ends a helper that hangs
_MAX_MESSAGE_CHARACTERS = 500
_USAGE = "usage in a PAM file: pam_exec.so quiet seteuid stdout onlyme-pam [--seconds S]"


class _HelperOptions(NamedTuple):
    seconds: float = ANSWER_SECONDS
    socket: str = SOCKET


def main() -> None:
    """Answer PAM."""
    try:
        opened, why = run(sys.argv[1:], os.environ, os.getppid())
    except BaseException as error:  # noqa: BLE001 - every error must lead to the password
        opened, why = False, f"internal error ({type(error).__name__}); use the password"
    try:
        if why:
            words = f"onlyme: {why}\n".encode(sys.stdout.encoding, "replace")
            sys.stdout.buffer.write(words)
            sys.stdout.flush()
    except (OSError, LookupError, AttributeError):  # PAM closed the pipe, or there is none
        pass
    os._exit(0 if opened else 1)  # there is nothing to clean up, and that would take a millisecond


def run(arguments: Sequence[str], environment: Mapping[str, str], parent: int) -> tuple[bool, str]:
    """Ask the daemon about one attempt.

    Args:
        arguments: `--seconds S`: how long everything may take; `--socket PATH`: where to ask.
        environment: what PAM gave.
        parent: the process that asks PAM.

    Returns:
        Whether it opens, and one sentence for the user; empty when there is nothing to say.
    """
    options = _parse_options(arguments)
    kind, user = environment.get("PAM_TYPE", ""), environment.get("PAM_USER", "")
    if options is None:
        return False, _USAGE
    if not user:
        return False, ""  # PAM does not know the user's name yet
    if kind == "open_session":
        # Loaded here: only greeters whose users asked for it have this line.
        from onlyme.unlock.client.session import SESSION_SECONDS, open_keyring

        _end_after(SESSION_SECONDS)
        return open_keyring(options.socket, user, environment.get("PAM_SERVICE", ""))
    if kind != "auth":
        # An account phase does not know whether a password, or anything at all, was asked for.
        return False, ""
    _end_after(options.seconds)
    if is_remote(environment, parent):
        return False, "your face cannot open a remote session; use the password"
    with Asker(environment, parent) as asker:
        by, face = asker.judge(), asker.face
        if not by or face is None:
            return False, "a face opens only for the user who asks; use the password"
        seat = find_seat(by, face, parent)
        if not seat:
            return False, "nothing proves that you sit at this computer; use the password"
        service = environment.get("PAM_SERVICE", "")
        question: dict[str, Any] = {"user": user, "service": service, "asker": by, "seat": seat}
        try:
            opened, why = _ask_daemon(options, question, environment, parent, face)
        except NoAnswer as error:
            return False, f"{error}; use the password"
        # Judged again, so that nothing has taken the place of what was judged before.
        if opened and asker.judge() != by:
            return False, "the program that asked has ended; use the password"
        return opened, why


def _ask_daemon(
    options: _HelperOptions,
    question: dict[str, Any],
    environment: Mapping[str, str],
    parent: int,
    face: int,
) -> tuple[bool, str]:
    display = None
    if needs_intent(question["service"]):
        display = _make_display(environment, parent, face)
        question |= {"can_show": bool(display.terminal)}
    if question["service"] in BY_MESSAGE:
        display = _make_display(environment, parent, face)
        question |= {"can_show": True}
    if question["service"] in ON_TERMINAL:
        display = _make_display(environment, parent, face)
        question |= {"can_show": bool(display.terminal)}
        answer = display.look(partial(_send_question, options, question, options.seconds))
    else:
        answer = _send_question(options, question, options.seconds)
    if answer.get("reason") == "confirm":
        display = display or _make_display(environment, parent, face)
        refusal = _ask_confirmation(options, display, _read_seconds(answer))
        if refusal:
            return False, refusal
        question |= {"confirmed": True}
        answer = _send_question(options, question, options.seconds)
    if display is not None and answer.get("reason") == "no_prompt":
        _end_after(options.seconds + _CLOSE_SECONDS)
        if display.announce(options.seconds):
            answer = _send_question(options, question | {"can_show": True}, options.seconds)
        if answer.get("reason") != "gesture":
            display.close()
    if display is not None and answer.get("reason") == "gesture":
        answer = _ask_gesture(options, display, answer)
    # Not merely a true value: exactly one answer opens, and no other.
    opened = answer.get("accepted") is True and answer.get("reason") == "match"
    return opened, _shorten(answer.get("message", ""))


def _send_question(
    options: _HelperOptions, question: dict[str, Any], seconds: float, stop: int | None = None
) -> dict[str, Any]:
    seconds = max(_MIN_ANSWER_SECONDS, seconds)
    document = question | {"seconds": seconds}
    status, answer = ask(options.socket, "/v1/attempt", document, seconds, stop)
    if status != 200:
        why = _shorten(answer.get("message", f"error {status}"))
        raise NoAnswer(f"The onlyme service refused the question ({why})")
    return answer


def _shorten(message: object) -> str:
    """Return a message as one line of limited length."""
    return str(message)[:_MAX_MESSAGE_CHARACTERS].replace("\n", " ")


def _read_seconds(answer: dict[str, Any]) -> float:
    """Return how long the daemon lets the user take; none where that is no number."""
    seconds = answer.get("seconds")
    return min(seconds, _MAX_INTENT_SECONDS) if isinstance(seconds, (int, float)) else 0.0


def _make_display(environment: Mapping[str, str], parent: int, face: int) -> Display:
    # Loaded here: most services do not ask.
    from onlyme.unlock.client.intent import Display

    service, terminal = environment.get("PAM_SERVICE", ""), environment.get("PAM_TTY", "")
    return Display(service, face, parent, terminal)


def _ask_confirmation(options: _HelperOptions, display: Display, seconds: float) -> str:
    """Show the command that asks, and wait for Enter; return why it is refused, if it is."""
    _end_after(seconds + options.seconds)
    refusal = display.ask_enter(seconds)
    _end_after(2 * options.seconds)
    return refusal


def _ask_gesture(
    options: _HelperOptions, display: Display, asked: dict[str, Any]
) -> dict[str, Any]:
    """Show the gesture that the daemon asks for, and return what came of it."""
    seconds = _read_seconds(asked)
    deadline = time.monotonic() + seconds
    _end_after(seconds + _CLOSE_SECONDS)

    def send(question: dict[str, Any], stop: int | None) -> dict[str, Any]:
        return _send_question(options, question, deadline - time.monotonic(), stop)

    return display.ask_gesture(asked, seconds, send)


def _end_after(seconds: float) -> None:
    """Let the kernel end this process in case it hangs."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)


def _parse_options(arguments: Sequence[str]) -> _HelperOptions | None:
    """Read the arguments; None if they are wrong. `argparse` would take too long to load."""
    options, rest = _HelperOptions(), list(arguments)
    while rest:
        name, value = rest.pop(0), rest.pop(0) if rest else ""
        if name == "--socket" and value.startswith("/"):
            options = options._replace(socket=value)
        elif name == "--seconds" and (seconds := _parse_seconds(value)) is not None:
            options = options._replace(seconds=seconds)
        else:
            return None
    return options


def _parse_seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if _MIN_OPTION_SECONDS <= number <= _MAX_OPTION_SECONDS else None
