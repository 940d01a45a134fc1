"""One conversation with the real PAM, in a process of its own, which trusts nothing to end well.

Reads one JSON document on stdin and writes one on stdout. Started as a file with `python -I`
by `trial`, and by nobody else; it needs the standard library only.
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
    """Notes what PAM says and asks; answers a password once, if it was given one."""

    def __init__(self, password: str | None) -> None:
        self.password = password
        self.hidden = self.shown = 0
        self.said: list[str] = []
        self.talk = _TALK(self._talk)

    def _talk(self, count: int, messages: Any, responses: Any, _data: object) -> int:
        array = _C.calloc(count, ctypes.sizeof(_Response))
        answers = ctypes.cast(array, ctypes.POINTER(_Response))
        for number in range(count):
            message = messages[number].contents
            self.hidden += message.style == _PROMPT_HIDDEN
            self.shown += message.style == _PROMPT_SHOWN
            if message.style not in (_PROMPT_HIDDEN, _PROMPT_SHOWN):
                self.said.append((message.text or b"").decode("utf-8", "replace"))
                continue
            if message.style == _PROMPT_SHOWN or self.password is None or self.hidden > 1:
                _C.free(ctypes.c_void_p(array))
                return _CONV_ERR  # nobody is here to type
            answers[number].text = _C.strdup(self.password.encode())
        responses[0] = array
        return 0


def _shield_counters() -> None:
    """Keep counts of failures (pam_faillock) from being touched, where that can be done."""
    if _C.unshare(_NEW_NAMESPACE) or _C.mount(None, b"/", None, _PRIVATE, None):
        return
    if Path(_COUNTERS).is_dir():
        _C.mount(b"none", _COUNTERS.encode(), b"tmpfs", 0, None)


def run(wish: dict[str, Any]) -> dict[str, Any]:
    """Authenticate as a service would, without waiting after a refusal."""
    _shield_counters()
    if wish["uid"] is not None:
        # As a setuid program has it: root acts, for a user who started it.
        os.setresuid(wish["uid"], 0, 0)
    pam = ctypes.CDLL("libpam.so.0")
    asker = _PamDialog(wish["password"])
    conversation = _Conversation(asker.talk, None)
    handle = ctypes.c_void_p()
    code = pam.pam_start_confdir(
        wish["service"].encode(),
        wish["user"].encode(),
        ctypes.byref(conversation),
        wish["folder"].encode(),
        ctypes.byref(handle),
    )
    if code:
        return {"authenticate": code, "credentials": None, "account": None, "asked": 0, "said": []}
    no_delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(lambda *_: None)
    pam.pam_set_item(handle, _FAIL_DELAY, ctypes.cast(no_delay, ctypes.c_void_p))
    pam.pam_set_item(handle, _TTY, b"tty1")
    code = pam.pam_authenticate(handle, 0)
    hidden, credentials = asker.hidden, None
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
        "said": asker.said,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))  # noqa: T201 - its answer
