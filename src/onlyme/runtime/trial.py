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

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FILE", "find_crash"]

FILE: Final = "engine.json"
"""The name of the file in which results are remembered; it may be removed at any time."""

_SECONDS: Final = 120.0
_MAX_RESULTS: Final = 20
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
        results = {key: _try(code, arguments), **results}
        if folder is not None and folder.is_dir():
            kept = dict(list(results.items())[:_MAX_RESULTS])
            with suppress(OSError):  # a read-only vault: then it is tried again next time
                write_output(folder / FILE, json.dumps(kept, indent=1).encode(), private=True)
    return results[key]


def _try(code: str, arguments: tuple[str, ...]) -> str:
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run(  # noqa: S603 - our own code, without a shell
            [sys.executable, "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not end within {_SECONDS:.0f} s"
    except OSError as error:
        return f"it cannot be tried ({error.strerror})"
    if done.returncode >= 0:
        return ""
    with suppress(ValueError):
        return f"it crashes on this processor ({signal.Signals(-done.returncode).name})"
    return f"it crashes on this processor (signal {-done.returncode})"


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
