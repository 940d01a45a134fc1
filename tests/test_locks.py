"""The guard of `tests/locks.py` trips where SQLite would lose its locks, and nowhere else."""

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.locks import contents, copied

SIBLINGS = ("", "-shm", "-wal")


@pytest.fixture
def held(tmp_path):
    """A file with a write-ahead log that this process holds open."""
    path = tmp_path / "held.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE thing (a)")
    yield path
    connection.close()


def alone(path):
    """Whether another process finds that nobody else has the file open."""
    code = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "connection.execute('PRAGMA journal_mode = DELETE')"
    )
    ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert not ran.stderr or "database is locked" in ran.stderr, ran.stderr
    return not ran.returncode


@pytest.mark.parametrize("tail", ["", "-shm"])
@pytest.mark.parametrize(
    "opening",
    [
        Path.read_bytes,
        lambda path: path.write_bytes(b""),
        lambda path: shutil.copy(path, path.parent / "copy"),
        lambda path: shutil.copytree(path.parent, path.parent / "copies"),
        lambda path: os.open(os.fsencode(path), os.O_RDWR | os.O_CREAT),
    ],
)
def test_what_sqlite_holds_is_not_opened(held, locks_kept, opening, tail):
    with pytest.raises(AssertionError, match="SQLite holds"):
        opening(held.with_name(held.name + tail))
    assert "test_locks.py" in locks_kept.pop(0)
    locks_kept.clear()
    assert not alone(held)


def test_that_somebody_swallows_it_is_told_too(held, locks_kept):
    with suppress(AssertionError):
        held.read_bytes()
    assert "SQLite holds" in locks_kept.pop()


def test_a_file_by_another_way_to_it_is_the_same(held, locks_kept, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "link" / held.name, Path(held.name)):
        with pytest.raises(AssertionError):
            assert path.read_bytes() == b""
    assert len(locks_kept) == 2
    locks_kept.clear()


def test_another_process_may(held, tmp_path):
    assert contents(held).startswith(b"SQLite format 3\0")
    assert b"thing" in contents(tmp_path / "held.sqlite-wal")
    copied(tmp_path, tmp_path.with_name("copies"))
    copies = [tmp_path.with_name("copies") / (held.name + tail) for tail in SIBLINGS]
    assert [path.read_bytes() for path in copies] == [
        contents(held.with_name(held.name + tail)) for tail in SIBLINGS
    ]
    assert not alone(held)


def test_what_bears_no_lock_may_be_read(held, tmp_path):
    assert (tmp_path / "held.sqlite-wal").read_bytes()
    assert not alone(held)
    with pytest.raises(FileExistsError):  # as the product makes sure of a file
        os.open(held, os.O_CREAT | os.O_EXCL | os.O_RDWR)


def test_what_was_let_go_of_may_be_read(tmp_path):
    path = tmp_path / "released.sqlite"
    for name in (path, f"{path.as_uri()}?mode=rwc"):
        connection = sqlite3.connect(name, uri=True)
        connection.execute("SELECT 1")
        connection.close()
    assert path.read_bytes() == b""


def test_the_locks_do_go(held):
    """Past Python, which the guard listens to."""
    libc = ctypes.CDLL(None)
    assert not alone(held)
    libc.close(libc.open(os.fsencode(held), os.O_RDONLY))
    assert alone(held)
