"""Show a request on a user's desktop, through the notifications of that user's session bus.

The bus is the user's, and answers no other user. So a child becomes that user, completely, and
runs systemd's own `busctl`. It reads nothing of the user's, and of its answer at most a few bytes
are read, until a deadline. The daemon cannot do that: it has no right to become another user.
A program of the same user can imitate or hide a notification, so the answer proves nothing.
"""

from __future__ import annotations

import html
import os
import re
import select
import stat
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHOW_SECONDS", "Notification", "belongs_to", "find_rights"]

SHOW_SECONDS = 0.3
"""How long a request waits until the desktop shows it."""

_BUSCTL = "/usr/bin/busctl"
_SERVICE = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications")
_MAX_TITLE_CHARACTERS, _MAX_BODY_CHARACTERS = 100, 400
_MAX_SHOWN_SECONDS = 60.0
_MAX_MEMORY_BYTES = 256 * 2**20
_ANSWER = re.compile(rb"u ([1-9][0-9]{0,9})\n")
_URGENT = ("2", "urgency", "y", "2", "transient", "b", "true")


class Notification:
    """A notification for one user; a second one takes the place of the first.

    Args:
        folder: where the folders of users with their buses are.
        program: the full path of busctl.
    """

    def __init__(self, folder: str = "/run/user", program: str = _BUSCTL) -> None:
        self._folder, self._program = folder, program
        self._uid, self._number = -1, 0
        self._child: subprocess.Popen[bytes] | None = None

    def show(self, uid: int, title: str, body: str, seconds: float) -> bool:
        """Show plain text, which may be hostile: no markup and no control character takes effect.

        Args:
            uid: the user.
            title: one line.
            body: one line.
            seconds: how long it is shown, unless it is closed before.

        Returns:
            Whether a notification server took it, within `SHOW_SECONDS`.
        """
        if uid != self._uid:
            self.close()
        self._collect()
        self._end_child()
        self._uid = uid
        shown = str(round(1000 * min(max(seconds, 1.0), _MAX_SHOWN_SECONDS)))
        texts = (_clean(title, _MAX_TITLE_CHARACTERS), _clean(body, _MAX_BODY_CHARACTERS))
        old = str(self._number)
        arguments = ("onlyme", old, "", *texts, "0", *_URGENT, shown)
        self._child = self._call("Notify", "susssasa{sv}i", arguments)
        self._collect(SHOW_SECONDS)
        return self._child is None and self._number > 0

    def close(self) -> None:
        """Take it from the desktop if it was shown; waits at most `SHOW_SECONDS`."""
        self._collect()
        self._end_child()
        if self._number:
            self._child = self._call("CloseNotification", "u", (str(self._number),))
            self._number = 0
            self._wait(SHOW_SECONDS)
            self._end_child()

    # ------------------------------------------------------------------ within

    def _call(
        self, method: str, signature: str, arguments: Sequence[str]
    ) -> subprocess.Popen[bytes] | None:
        """Start a child that calls the user's notification server; None where there is no bus."""
        import resource

        folder, rights = f"{self._folder}/{self._uid}", find_rights(self._uid)
        bus = f"{folder}/bus"
        if rights is None or not belongs_to(folder, bus, self._uid):
            return None
        options = (f"--address=unix:path={bus}", f"--timeout={_MAX_SHOWN_SECONDS:g}")
        words = [self._program, *options, "call", "--", *_SERVICE, _SERVICE[0], method, signature]
        try:
            child = subprocess.Popen(  # noqa: S603 - no shell, and a program of root's
                [*words, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
                **rights,
            )
        except OSError:  # no busctl, or no right to become the user
            return None
        with suppress(OSError):  # it has ended already
            resource.prlimit(child.pid, resource.RLIMIT_AS, (_MAX_MEMORY_BYTES,) * 2)
        return child

    def _wait(self, seconds: float) -> bytes:
        """Return what the child says, as far as an answer can be long, within some seconds."""
        said = b""
        if self._child is None or self._child.stdout is None:
            return said
        end, pipe = time.monotonic() + seconds, self._child.stdout.fileno()
        while len(said) < 64 and select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            content = os.read(pipe, 64 - len(said))
            if not content:
                break
            said += content
        return said

    def _collect(self, seconds: float = 0.0) -> None:
        """Take the number that the server gave; a child that has not answered yet goes on."""
        said = self._wait(seconds)
        found = _ANSWER.fullmatch(said)
        if found and int(found[1]) < 2**32:
            self._number = int(found[1])
        if said:
            self._end_child()

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _clean(text: str, most: int) -> str:
    """Return text as one line without control characters and without markup."""
    shown = "".join(each if each.isprintable() else "�" for each in text[: most + 1])
    return html.escape(shown if len(shown) <= most else f"{shown[:most]}…", quote=False)


def belongs_to(folder: str, bus: str, uid: int) -> bool:
    """Say whether a user's folder and the bus in it are the user's own, and no links."""
    try:
        outer, inner = os.lstat(folder), os.lstat(bus)
    except OSError:
        return False
    if not stat.S_ISDIR(outer.st_mode) or outer.st_mode & 0o022 or not stat.S_ISSOCK(inner.st_mode):
        return False
    return outer.st_uid == inner.st_uid == uid


def find_rights(uid: int) -> dict[str, Any] | None:
    """Return how a child becomes a user; None if it may not."""
    import pwd

    if uid <= 0:
        return None
    if os.geteuid() == uid == os.getuid():
        return {}
    try:
        group = pwd.getpwuid(uid).pw_gid
    except KeyError:
        return None
    return {"user": uid, "group": group, "extra_groups": []} if os.geteuid() == 0 else None
