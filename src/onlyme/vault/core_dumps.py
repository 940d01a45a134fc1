"""Forbid core dumps, so that the memory of a program with an open vault never reaches a file."""

from __future__ import annotations

from onlyme.storage.system import name_platform

__all__ = ["forbid_core_dumps"]

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process, also those that go through a pipe.

    A limit of zero stops dumps to files. It does not bind a program that receives dumps
    through a pipe (core(5)); that program gets no dump of a process that is not "dumpable".
    Other programs of the same user cannot read the memory of such a process either
    (ptrace(2)).
    """
    try:
        import resource
    except ImportError:  # Windows makes no core dumps; what its error reporting sends is a setting
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if name_platform() != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
