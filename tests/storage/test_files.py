"""A file that is written is whole, private where it must be, and leaves no draft behind."""

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from onlyme.errors import KeyRefused, VaultError
from onlyme.storage import files

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from onlyme.storage import files
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = Path.hardlink_to = die
with files.open_draft(Path(sys.argv[1]), new=sys.argv[2] == "new") as file:
    file.write(b"new")
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.fixture
def umask():
    old = os.umask(0o022)
    yield
    os.umask(old)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def killed(path, how="replace"):
    """Write to a file in another process that is killed between draft and rename."""
    command = [sys.executable, "-c", KILLED_WRITER, str(path), how]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def drafts(folder):
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".draft"))


# --------------------------------------------------------------------- replace


@pytest.mark.parametrize("old", [None, b"old and longer"])
def test_a_private_file_is_for_its_owner_alone(path, old, umask):
    if old is not None:
        path.write_bytes(old)
        path.chmod(0o644)
    files.replace_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_public_file_follows_the_umask(path, umask):
    files.replace_public(path, b"new")
    assert mode(path) == 0o644


FULL = """
import resource, signal, sys
from pathlib import Path
from onlyme.storage import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    getattr(files, sys.argv[1])(Path(sys.argv[2]), bytes(10_000))
except OSError as error:
    print(error.filename, error.strerror)
"""


@pytest.mark.parametrize(
    "write", ["replace_private", "replace_public", "create_private", "write_output"]
)
def test_a_write_that_fails_says_of_which_file(path, write):
    """The system itself names none where the disk is full or a limit is reached."""
    command = [sys.executable, "-c", FULL, write, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path} File too large\n", done.stderr
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_an_error_leaves_the_old_file_and_no_draft(path, broken, monkeypatch):
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "replace") if broken == "replace" else (os, "fsync")), fail)
    with pytest.raises(OSError, match="No space"):
        files.replace_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_the_disk_has_the_draft_before_the_rename_and_then_the_rename(path, monkeypatch):
    """Else a power cut could leave an empty file, or bring the old one back."""
    steps, sync, replace = [], os.fsync, Path.replace

    def log_sync(handle):
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "draft")
        sync(handle)

    def log_replace(draft, target):
        assert draft.read_bytes() == b"new"
        steps.append("rename")
        return replace(draft, target)

    monkeypatch.setattr(os, "fsync", log_sync)
    monkeypatch.setattr(Path, "replace", log_replace)
    files.replace_private(path, b"new")
    assert steps == ["draft", "rename", "folder"]
    path.with_name("source").write_bytes(b"newer")
    steps.clear()
    monkeypatch.setattr(Path, "replace", replace)
    files.move_over(path.with_name("source"), path)
    assert steps == ["folder"]


def test_an_error_of_the_caller_leaves_the_old_file_and_no_draft(path):
    path.write_bytes(b"old")

    def stop():
        with files.open_draft(path) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_kill_leaves_the_old_file_and_the_next_write_removes_its_draft(path):
    path.write_bytes(b"old")
    killed(path)
    assert path.read_bytes() == b"old"
    (draft,) = drafts(path.parent)
    assert mode(path.parent / draft) == 0o600
    files.replace_private(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert drafts(path.parent) == []


def test_a_draft_that_is_being_written_stays(path):
    with files.open_draft(path) as slow:
        slow.write(b"slow")
        files.replace_private(path, b"quick")
        assert path.read_bytes() == b"quick"
        assert len(drafts(path.parent)) == 1
    assert path.read_bytes() == b"slow"
    assert drafts(path.parent) == []


def test_a_draft_that_was_taken_for_stale_is_made_once_more(path, monkeypatch):
    """Another process may remove a draft between its making and its locking."""
    lock, removed = fcntl.flock, []

    def remove_then_lock(file, how):
        if not removed:
            removed.extend(drafts(path.parent))
            (path.parent / removed[0]).unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", remove_then_lock)
    files.replace_private(path, b"new")
    assert len(removed) == 1
    assert path.read_bytes() == b"new"


def test_files_that_only_look_like_drafts_stay(path):
    others = [".file.notes.draft", ".file.0123456789abcdef", ".other.0123456789abcdef.draft"]
    for name in others:
        (path.parent / name).write_bytes(b"")
    files.replace_private(path, b"new")
    assert sorted(entry.name for entry in path.parent.iterdir()) == sorted([*others, "file"])


def test_without_locks_it_still_writes(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    files.replace_private(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, ".hidden", "a.draft"])
def test_any_name_can_be_written(tmp_path, name):
    files.replace_private(tmp_path / name, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_folder_that_is_missing_is_named_by_what_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        files.replace_private(tmp_path / "missing" / "file", b"new")
    assert caught.value.filename == str(tmp_path / "missing" / "file")


def test_many_writers_leave_one_whole_file(path):
    contents = [bytes([letter]) * 100_000 for letter in b"abcd"]

    def write(content):
        for _ in range(20):
            files.replace_private(path, content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert not path.exists() or path.read_bytes() in contents
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


def test_a_move_takes_the_place_of_another_file(path):
    path.write_bytes(b"old")
    source = path.with_name("source")
    source.write_bytes(b"new")
    files.move_over(source, path)
    assert path.read_bytes() == b"new"
    assert not source.exists()


# ------------------------------------------------------------------------- new


def test_a_new_file_is_for_its_owner_alone(path, umask):
    files.create_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert path.stat().st_nlink == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("there", ["file", "link to nothing"])
def test_a_new_file_replaces_none(path, there):
    path.write_bytes(b"old") if there == "file" else path.symlink_to("nothing")
    with pytest.raises(FileExistsError):
        files.create_private(path, b"new")
    assert path.is_symlink() or path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_appears_while_a_new_one_is_written_stays(path):
    with pytest.raises(FileExistsError), files.open_draft(path, new=True):
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's"
    assert list(path.parent.iterdir()) == [path]


def refuse_links(*_):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_links_can_hold_a_new_file(path, monkeypatch):
    monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    files.create_private(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(FileExistsError):
        files.create_private(path, b"newer")
    with pytest.raises(FileExistsError), files.open_draft(path.with_name("two"), new=True):
        path.with_name("two").write_bytes(b"another's")
    assert path.with_name("two").read_bytes() == b"another's"
    assert drafts(path.parent) == []


def test_a_new_file_is_there_whole_or_not_at_all_after_a_kill(path):
    killed(path, "new")
    assert not path.exists()
    files.create_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert drafts(path.parent) == []


# ---------------------------------------------------------------------- output


def test_a_report_keeps_the_mode_of_the_one_before(path, umask):
    files.write_output(path, b"one")
    assert mode(path) == 0o644
    path.chmod(0o640)
    files.write_output(path, b"two")
    assert (path.read_bytes(), mode(path)) == (b"two", 0o640)
    files.write_output(path, b"three", private=True)
    assert (path.read_bytes(), mode(path)) == (b"three", 0o600)


def test_a_report_follows_a_link(path):
    link = path.with_name("link")
    link.symlink_to(path.name)
    files.write_output(link, b"report")
    assert link.is_symlink()
    assert path.read_bytes() == b"report"


def test_a_report_can_go_to_a_pipe_and_to_a_device(path):
    os.mkfifo(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    files.write_output(path, b"report", private=True)
    reader.join()
    assert received == [b"report"]
    files.write_output(Path("/dev/null"), b"report")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(IsADirectoryError):
        files.write_output(path.parent, b"report")


# --------------------------------------------------------------------- private


@pytest.mark.parametrize("write", [files.replace_private, files.replace_public])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_no_file_takes_the_place_of_a_device(path, write, kind):
    """Root would put a file where `/dev/null` was."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif os.geteuid():
        path = Path(os.devnull)
    else:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    before = path.lstat()
    with pytest.raises(OSError, match=f"is a {kind}, not a file"):
        write(path, b"text")
    assert path.lstat() == before
    assert path == Path(os.devnull) or [*path.parent.iterdir()] == [path]


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    files.make_private_folder(tmp_path / "a" / "mine")
    assert mode(tmp_path / "a" / "mine") == 0o700
    (tmp_path / "mine").mkdir(mode=0o755)
    with pytest.raises(VaultError, match="chmod 700"):
        files.make_private_folder(tmp_path / "mine")
    (tmp_path / "file").touch()
    with pytest.raises(VaultError, match="cannot hold a vault"):
        files.make_private_folder(tmp_path / "file")


def test_a_secret_that_others_may_read_is_refused(path):
    files.replace_private(path, b"secret")
    assert files.read_private(path, max_bytes=3) == b"sec"
    path.chmod(0o640)
    with pytest.raises(KeyRefused, match="chmod 600"):
        files.read_private(path, max_bytes=3)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"):
        files.read_private(link, max_bytes=3)
    os.mkfifo(path.with_name("pipe"), 0o600)
    with pytest.raises(KeyRefused, match="not a plain file"):
        files.read_private(path.with_name("pipe"), max_bytes=3)
