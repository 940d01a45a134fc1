"""Ask on the terminal whether the user wants a request: for a key, or for a gesture.

The camera sees the gesture, and the daemon says which one it is. Where the program has no
terminal, the daemon has shown it as a notification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.unlock.client.harmless import fit_text
from onlyme.unlock.client.terminal import Prompt, find_terminal, read_command
from onlyme.unlock.transport import GivenUp, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = dict[str, Any]
    Send = Callable[[dict[str, Any], int | None], Answer]

__all__ = ["Place", "ask_enter", "ask_gesture", "find_place"]

_NAME = "onlyme: "
_MAX_NOTES = 3


class Place(NamedTuple):
    """Where a request is shown.

    Attributes:
        terminal: path of the terminal; empty without one.
        command: the command that asks, as one harmless line.
    """

    terminal: str
    command: str


def find_place(pid: int, named: str) -> Place:
    """Find the terminal and the command of the program that asks PAM.

    Args:
        pid: of the program.
        named: the terminal's name as PAM gives it; may be empty.
    """
    return Place(find_terminal(pid, named) or "", read_command(pid))


def ask_enter(place: Place, seconds: float) -> str:
    """Show the command and wait for Enter; return why it is refused, if it is."""
    if not place.terminal or not place.command:
        return "there is no terminal to confirm on; use the password"
    try:
        with Prompt(place.terminal) as prompt:
            prompt.write(_make_heading(place, prompt))
            prompt.write("  Enter allows it with your face, any other key: password ")
            confirmed = prompt.wait_for_enter(seconds)
    except OSError:
        confirmed = False
    return "" if confirmed else "not confirmed; use the password"


def ask_gesture(place: Place, asked: Answer, send: Send) -> Answer:
    """Show a gesture, tell the daemon that it is shown, and return the daemon's last answer.

    Args:
        place: where to show it.
        asked: the daemon's answer that asks for a gesture.
        send: sends a question to the daemon, and gives up once a descriptor can be read.

    Raises:
        NoAnswer: the gesture could not be shown, a key was pressed, or the daemon did not answer.
    """
    shown = {"ticket": str(asked.get("ticket", ""))}
    if not place.terminal:
        if asked.get("notified") is not True:
            raise NoAnswer("There is nothing to show the gesture on")
        return _wait(shown, send, None, lambda _: None)
    try:
        with Prompt(place.terminal) as prompt:
            prompt.write(_make_heading(place, prompt))
            gesture = _make_line(f"{asked.get('arrow', '')} {asked.get('words', '')}")
            prompt.write(f"  {gesture}, to allow it with your face; any key: password ")
            return _wait(shown, send, prompt.fileno(), prompt.write)
    except OSError:
        raise NoAnswer("The gesture could not be shown on the terminal") from None


def _make_heading(place: Place, prompt: Prompt) -> str:
    # In one line, so that no part of a command can look like a line of ours.
    return f"{_NAME}{fit_text(place.command, prompt.columns - len(_NAME))}\n"


def _wait(
    shown: dict[str, Any], send: Send, stop: int | None, write: Callable[[str], None]
) -> Answer:
    answer: Answer = {}
    for _ in range(_MAX_NOTES):
        try:
            answer = send(shown, stop)
        except GivenUp:
            raise NoAnswer("A key was pressed instead of the gesture") from None
        if answer.get("reason") != "rival":
            break
        write(f"\n  {_make_line(str(answer.get('message', '')))} ")
    return answer


def _make_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
