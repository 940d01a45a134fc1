"""Find what lies on this computer for the page's lab: runs kept under a name, and reports."""

from __future__ import annotations

import re
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Final

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ReportFile", "erase_run", "find_run", "list_reports", "list_runs", "read_report"]

RUNS_FOLDER: Final = "lab-runs"
"""Folder beside the vault in which runs are kept. Each holds photos of faces."""

MAX_REPORTS: Final = 100
MAX_REPORT_BYTES: Final = 64 * 2**20

_HEAD_BYTES = 64 * 1024  # of a report: its style stands before the title's end
_TITLE = re.compile(r"<title>(onlyme [^<]{1,300})</title>")
_KICKER = '<p class="kicker"><b>onlyme</b>'
_NAME = re.compile(r"[\w][\w .-]{0,63}")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report that `onlyme evaluate` or `onlyme lab compare` wrote.

    Attributes:
        path: its place within the folder of reports, with `/` between folder and file.
        title: what it says it is.
        changed: when it was written, in UTC.
    """

    path: str
    title: str
    changed: datetime


def find_run(vault: Path, name: str) -> Path:
    """Return the folder of a run of this name, which need not exist.

    Raises:
        UsageError: this cannot be the name of a folder.
    """
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise UsageError(
            "name the run with 1 to 64 letters, digits, spaces, dots, hyphens and underscores, "
            "the first of them a letter or digit"
        )
    return vault.parent / RUNS_FOLDER / name


def list_runs(vault: Path) -> list[str]:
    """Return the names of the finished runs that were kept, sorted."""
    folder = vault.parent / RUNS_FOLDER
    if not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if (one / "network.pt").is_file())


def erase_run(vault: Path, name: str) -> None:
    """Erase a run that was kept.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in list_runs(vault):
        raise UsageError(f"no run is kept under the name {name!r}")
    shutil.rmtree(find_run(vault, name))


def list_reports(folder: Path) -> list[ReportFile]:
    """Return the reports in a folder and in the folders in it, the newest first."""
    found = []
    for path in _list_pages(folder):
        head = _read_head(path)
        title = _TITLE.search(head)
        if title and _KICKER in head:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            found.append(
                ReportFile(path.relative_to(folder).as_posix(), unescape(title[1]), changed)
            )
    return sorted(found, key=lambda one: one.changed, reverse=True)[:MAX_REPORTS]


def read_report(folder: Path, path: str) -> bytes:
    """Return the page of a report that `list_reports` lists, and no other file.

    Raises:
        UsageError: there is no such report.
    """
    if path not in {one.path for one in list_reports(folder)}:
        raise UsageError("there is no such report any more")
    return (folder / path).read_bytes()


def _list_pages(folder: Path) -> Iterator[Path]:
    """Yield the HTML files that may be reports; a link to elsewhere is none."""
    for pattern in ("*.html", "*/*.html"):
        try:
            for path in folder.glob(pattern):
                status = path.lstat()
                inside = path.parent == folder or not path.parent.is_symlink()
                if stat.S_ISREG(status.st_mode) and inside and status.st_size <= MAX_REPORT_BYTES:
                    yield path
        except OSError:  # a folder that may not be read holds no report for the page
            continue


def _read_head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
