"""Authenticate once with the real PAM, in a separate process that a PAM module may crash.

It reads one JSON document on stdin and writes one on stdout. Only `trial` starts it, as a file
with `python -I`; it needs the standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_PROMPT_HIDDEN, _PROMPT_SHOWN = 1, 2  # PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON
_CONV_ERR = 19
_TTY, _FAIL_DELAY = 3, 10
_ESTABLISH, _DELETE = 2, 4
_NEW_NAMESPACE, _PRIVATE = 0x20000, 0x4000 | (1 << 18)  # CLONE_NEWNS; MS_REC | MS_PRIVATE
_COUNTERS = "/run/faillock"

_C = ctypes.CDLL(None, use_errno=True)
_C.calloc.restype = ctypes.c_void_p
_C.strdup.restype = ctypes.c_void_p


class _Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class _Response(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


_TALK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.c_void_p,
)


class _Conversation(ctypes.Structure):
    _fields_ = (("talk", _TALK), ("data", ctypes.c_void_p))


class _PamDialog:
    """Records what PAM says and asks; gives the password once, if there is one."""

    def __init__(self, password: str | None) -> None:
        self.password = password
        self.hidden = 0
        self.said: list[str] = []
        self.talk = _TALK(self._talk)

    def _talk(self, count: int, messages: Any, responses: Any, _data: object) -> int:
        array = _C.calloc(count, ctypes.sizeof(_Response))
        answers = ctypes.cast(array, ctypes.POINTER(_Response))
        for number in range(count):
            message = messages[number].contents
            self.hidden += message.style == _PROMPT_HIDDEN
            if message.style not in (_PROMPT_HIDDEN, _PROMPT_SHOWN):
                self.said.append((message.text or b"").decode("utf-8", "replace"))
                continue
            if message.style == _PROMPT_SHOWN or self.password is None or self.hidden > 1:
                _C.free(ctypes.c_void_p(array))
                return _CONV_ERR  # there is no input to give
            answers[number].text = _C.strdup(self.password.encode())
        responses[0] = array
        return 0


def _shield_counters() -> None:
    """Hide the counts of failures (pam_faillock) from this trial, where the system allows it."""
    if _C.unshare(_NEW_NAMESPACE) or _C.mount(None, b"/", None, _PRIVATE, None):
        return
    if Path(_COUNTERS).is_dir():
        _C.mount(b"none", _COUNTERS.encode(), b"tmpfs", 0, None)


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Authenticate as a service does, but without the pause after a refusal."""
    _shield_counters()
    if request["uid"] is not None:
        # As in a setuid program: it runs as root, and a user has started it.
        os.setresuid(request["uid"], 0, 0)
    pam = ctypes.CDLL("libpam.so.0")
    dialog = _PamDialog(request["password"])
    conversation = _Conversation(dialog.talk, None)
    handle = ctypes.c_void_p()
    code = pam.pam_start_confdir(
        request["service"].encode(),
        request["user"].encode(),
        ctypes.byref(conversation),
        request["folder"].encode(),
        ctypes.byref(handle),
    )
    if code:
        return {"authenticate": code, "credentials": None, "account": None, "asked": 0, "said": []}
    no_delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(lambda *_: None)
    pam.pam_set_item(handle, _FAIL_DELAY, ctypes.cast(no_delay, ctypes.c_void_p))
    pam.pam_set_item(handle, _TTY, b"tty1")
    code = pam.pam_authenticate(handle, 0)
    hidden, credentials = dialog.hidden, None
    account = pam.pam_acct_mgmt(handle, 0)
    if code == 0:
        credentials = pam.pam_setcred(handle, _ESTABLISH)
        pam.pam_setcred(handle, _DELETE)
    pam.pam_end(handle, code)
    return {
        "authenticate": code,
        "credentials": credentials,
        "account": account,
        "asked": hidden,
        "said": dialog.said,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))  # noqa: T201 - standard output carries the answer
