"""Try an engine in a process of its own, since on an old processor it may crash.

Without AVX2 some versions of OpenVINO end the whole process with an illegal instruction. No
exception can be caught then. So another process tries it first, once for each machine and version;
the result is remembered where the caller says.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onlyme.storage.files import write_output
from onlyme.storage.system import list_module_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FILE", "find_crash"]

FILE: Final = "engine.json"
"""The name of the file in which results are remembered; it may be removed at any time."""

_SECONDS: Final = 120.0
_MAX_RESULTS: Final = 20
_CRASHES: Final = ("SIGILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGTRAP", "SIGSYS")
"""Signals by which a process ends itself. Another one came from outside: from the user, from a
service that is stopped, or from the kernel where memory is short. It says nothing of the
processor."""
_WINDOWS_CRASH: Final = 0xC0000000  # and above: how Windows says that a process crashed
_found: dict[tuple[str, ...], str] = {}  # in this process
_CPU: Final = Path("/proc/cpuinfo")


def find_crash(code: str, arguments: Sequence[str], folder: Path | None) -> str:
    """Return how a process ends that runs some code, in words; empty if it does not crash.

    Args:
        code: Python code; it may raise, that is no crash.
        arguments: its arguments; a result counts only for the same ones.
        folder: the folder in which results are remembered; None, or a folder that is not
            there, remembers them only in this process.
    """
    known = (code, *arguments)
    if known not in _found:
        _found[known] = _find_crash(code, tuple(arguments), folder)
    return _found[known]


def _find_crash(code: str, arguments: tuple[str, ...], folder: Path | None) -> str:
    if not sys.executable or not Path(sys.executable).name.startswith("python"):
        return ""  # Python is part of another program, which must not be started twice
    key = _make_key(code, arguments)
    results = _read_results(folder)
    if key not in results:
        said, lasts = _try(code, arguments)
        results = {key: said, **results}
        if lasts and folder is not None and folder.is_dir():
            kept = dict(list(results.items())[:_MAX_RESULTS])
            with suppress(OSError):  # a read-only vault: then it is tried again next time
                write_output(folder / FILE, json.dumps(kept, indent=1).encode(), private=True)
    return results[key]


def _try(code: str, arguments: tuple[str, ...]) -> tuple[str, bool]:
    """Return how a process ends, and whether it would end so again."""
    try:
        done = subprocess.run(  # noqa: S603 - our own code, without a shell
            [sys.executable, "-P", "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": list_module_folders()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not end within {_SECONDS:.0f} s", True
    except OSError as error:
        return f"it cannot be tried ({error.strerror})", False
    return _explain_end(done.returncode)


def _explain_end(code: int) -> tuple[str, bool]:
    """Say how a process ended, and whether it would end so again.

    >>> _explain_end(1)
    ('', True)
    >>> _explain_end(-4)
    ('it crashes on this processor (SIGILL)', True)
    >>> _explain_end(0xC000001D)
    ('it crashes on this processor (0xc000001d)', True)
    >>> _explain_end(-15)
    ('its trial was ended from outside (SIGTERM)', False)
    """
    if code >= _WINDOWS_CRASH:
        return f"it crashes on this processor ({code:#x})", True
    if code >= 0:
        return "", True
    name = f"signal {-code}"
    with suppress(ValueError):
        name = signal.Signals(-code).name
    if name in _CRASHES:
        return f"it crashes on this processor ({name})", True
    return f"its trial was ended from outside ({name})", False


def _make_key(code: str, arguments: tuple[str, ...]) -> str:
    """Return text that changes with the processor, the versions, and what is tried."""
    try:
        lines = _CPU.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    wanted = re.compile(r"(vendor_id|model name|cpu family|model|stepping|flags|Features)\s*:")
    processor = sorted({line for line in lines if wanted.match(line)})
    versions = []
    for package in ("openvino", "onlyme", "numpy"):
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    parts = [*processor, *versions, sys.version, code, *arguments]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def _read_results(folder: Path | None) -> dict[str, str]:
    """Read remembered results; none where they are missing or not as they were written."""
    if folder is None:
        return {}
    try:
        results = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(results, dict):
        return {}
    return {key: said for key, said in results.items() if isinstance(said, str)}
