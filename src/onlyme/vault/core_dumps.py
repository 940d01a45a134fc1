"""Keep what is in memory out of files: no core dump of a program that has a vault open."""

from __future__ import annotations

import resource

__all__ = ["forbid_core_dumps"]

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process, also those that go through a pipe.

    A limit of zero stops dumps to files; a program that receives dumps through a pipe
    (core(5)) is not bound by it, but gets none of a process that is not dumpable. That
    also keeps other programs of the same user from reading its memory (ptrace(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
