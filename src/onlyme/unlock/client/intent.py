"""Ask whether the user wants a request: for a key on the terminal, or for a gesture.

The camera sees the gesture, and the daemon says which one it is. It is shown where the request is:
on the terminal of the program that asks, and as a notification on the user's desktop.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from onlyme.unlock.client.harmless import fit_text
from onlyme.unlock.client.terminal import Prompt, find_terminal, read_command
from onlyme.unlock.services import BY_MESSAGE, WITHOUT_TERMINAL
from onlyme.unlock.transport import GivenUp, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.unlock.client.notification import Notification

    Answer = dict[str, Any]
    Send = Callable[[dict[str, Any], int | None], Answer]

__all__ = ["Display"]

_NAME = "onlyme: "
_MAX_NOTES = 3
_MAX_SHOWS = 3  # where nothing but the desktop shows it, and a busy computer answers late
_WINDOW = "Do so only if you have just asked for this, in a window that wants your password."


class Display:
    """Where a request is shown: a terminal, and the desktop of the user whose face is asked for.

    Args:
        service: of PAM.
        uid: the user whose face is asked for.
        pid: the program that asks PAM.
        named: the terminal's name as PAM gives it; may be empty.

    Attributes:
        terminal: path of the terminal; empty without one.
        command: the command that asks, as one harmless line.
    """

    def __init__(self, service: str, uid: int, pid: int, named: str) -> None:
        self.terminal = find_terminal(pid, named) or ""
        self.command = read_command(pid)
        self._service, self._uid = service, uid
        self._notification: Notification | None = None

    def announce(self, seconds: float) -> bool:
        """Say on the desktop that a gesture will be asked for; return whether it takes that."""
        return self._notify("look at the camera, and wait for the movement", seconds)

    def ask_enter(self, seconds: float) -> str:
        """Show the command and wait for Enter; return why it is refused, if it is."""
        if not self.terminal or not self.command:
            return "there is no terminal to confirm on; use the password"
        try:
            with Prompt(self.terminal) as prompt:
                prompt.write(self._make_heading(prompt))
                prompt.write("  Enter allows it with your face, any other key: password ")
                confirmed = prompt.wait_for_enter(seconds)
        except OSError:
            confirmed = False
        return "" if confirmed else "not confirmed; use the password"

    def look(self, send: Callable[[int | None], Answer]) -> Answer:
        """Let the daemon look for a face until it answers, or a key on the terminal is pressed.

        Keys are not shown meanwhile: the user may begin to type the password.

        Args:
            send: sends the question, and gives up once a descriptor can be read.

        Raises:
            NoAnswer: a key was pressed, or the daemon did not answer.
        """
        with contextlib.ExitStack() as stack:
            try:
                prompt = stack.enter_context(Prompt(self.terminal))
                prompt.write(f"{_NAME}look at the camera; any key: password ")
            except OSError:  # then no key ends it, but its deadline does
                stack.close()
                return send(None)
            try:
                return send(prompt.fileno())
            except GivenUp:
                raise NoAnswer("A key was pressed") from None

    def ask_gesture(self, asked: Answer, seconds: float, send: Send) -> Answer:
        """Show a gesture, tell the daemon that it is shown, and return the daemon's last answer.

        Args:
            asked: the daemon's answer that asks for a gesture.
            seconds: how long that may take.
            send: sends a question to the daemon, and gives up once a descriptor can be read.

        Raises:
            NoAnswer: the gesture could not be shown, a key was pressed, or the daemon did not
                answer.
        """
        shown = {"ticket": str(asked.get("ticket", ""))}
        gesture = _make_line(f"{asked.get('arrow', '')} {asked.get('words', '')}")
        try:
            if self._service in BY_MESSAGE:
                _say(f"{gesture}, to log in and open your keyring")
                return _wait(shown, send, None, _say)
            if not self.terminal:
                if not self._notify(gesture, seconds):
                    raise NoAnswer("The gesture could not be shown on your desktop")
                return _wait(shown, send, None, lambda _: None)
            with Prompt(self.terminal) as prompt:
                prompt.write(self._make_heading(prompt))
                prompt.write(f"  {gesture}, to allow it with your face; any key: password ")
                self._notify(gesture, seconds)
                return _wait(shown, send, prompt.fileno(), prompt.write)
        except OSError:
            raise NoAnswer("The gesture could not be shown on the terminal") from None
        finally:
            self.close()

    def close(self) -> None:
        """Take the notification from the desktop."""
        if self._notification is not None:
            self._notification.close()

    def _notify(self, words: str, seconds: float) -> bool:
        # Loaded here, when the prompt is on the terminal already.
        from onlyme.unlock.client.notification import Notification

        if self._notification is None:
            self._notification = Notification()
        # The title is ours alone, and the body the command's: neither can look like the other.
        title = f"{self._service} asks for your face: {words}"
        body = _WINDOW if self._service in WITHOUT_TERMINAL else self.command
        tries = 1 if self.terminal else _MAX_SHOWS
        return any(self._notification.show(self._uid, title, body, seconds) for _ in range(tries))

    def _make_heading(self, prompt: Prompt) -> str:
        # In one line, so that no part of a command can look like a line of ours.
        return f"{_NAME}{fit_text(self.command, prompt.columns - len(_NAME))}\n"


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


def _say(text: str) -> None:
    """Give a line to PAM, which hands it to the greeter."""
    words = f"{_NAME}{text.strip()}\n".encode(sys.stdout.encoding, "replace")
    sys.stdout.buffer.write(words)
    sys.stdout.flush()


def _make_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
