"""Ask the real PAM about a service, as an oracle for our own reading and simulation.

Started as a program, it answers each line on stdin with the number that libpam returns.
"""

import ctypes
import json
import sys

TALK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)
PAUSE = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = (("talk", TALK), ("data", ctypes.c_void_p))


def answer(folder, service, kind):
    """Return the number that libpam answers."""
    libpam = ctypes.CDLL("libpam.so.0")
    conversation = Conversation(TALK(lambda *_: 19), None)
    handle = ctypes.c_void_p()
    began = libpam.pam_start_confdir(
        service.encode(),
        b"nobody",
        ctypes.byref(conversation),
        folder.encode(),
        ctypes.byref(handle),
    )
    if began:
        return began
    pause = PAUSE(lambda *_: None)  # no waiting after a refusal
    libpam.pam_set_item(handle, 10, ctypes.cast(pause, ctypes.c_void_p))
    call = libpam.pam_authenticate if kind == "auth" else libpam.pam_acct_mgmt
    code = call(handle, 0)
    libpam.pam_end(handle, code)
    return code


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{answer(*json.loads(line))}\n")
        sys.stdout.flush()
