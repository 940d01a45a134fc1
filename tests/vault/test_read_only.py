"""A vault on a full disk, or on one that is read-only, can be read; nothing of it is changed.

The disks are real: file systems of their own, in a mount namespace that only the commands see.
"""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest

from onlyme.errors import VaultBusy, VaultError
from onlyme.storage import sqlite
from onlyme.vault.store import Store

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
FULL = (
    'cp -a "$0" "$0.copy" && mount -t tmpfs -o size=4m,mode=700 full "$0" && '
    'cp -a "$0.copy/." "$0" && { cat /dev/zero > "$0/filling" || true; } 2>/dev/null'
)


ADD_EVENTS = """
from datetime import UTC, datetime, timedelta
from onlyme import FaceID
from onlyme.events.event import DoorEvent
with FaceID.open() as face_id, face_id.open_events() as events:
    for days in (0, 1000):
        at = datetime.now(UTC) - timedelta(days=days)
        events.add(DoorEvent("known", "front", name=f"ada {days}", at=at))
"""
"""An event of today, and one that is older than events are kept."""


def require_mounts():
    if shutil.which("unshare") and os.geteuid() == 0:
        return
    why = "a mount of its own needs root and unshare"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(params=[READ_ONLY, FULL], ids=["read-only", "full"])
def run(request, tmp_path, photos):
    """Run commands on a vault that cannot be changed; it knows an owner and a gallery of one."""
    require_mounts()
    vault = tmp_path / "vault"
    variables = os.environ | {"ONLYME_VAULT": str(vault)}
    onlyme = [sys.executable, "-m", "onlyme"]
    people = tmp_path / "people/joe"
    people.mkdir(parents=True)
    shutil.copy2(photos / "biden_1.jpg", people)
    for words in (["enroll", "ada", photos / "obama_1.jpg"], ["enroll-folder", people.parent]):
        subprocess.run([*onlyme, *map(str, words)], env=variables, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", ADD_EVENTS], env=variables, check=True)
    before = {path.name: path.read_bytes() for path in vault.iterdir()}

    def run(*words):
        command = [*onlyme, *map(str, words)]
        return subprocess.run(
            [
                "unshare",
                "-m",
                "sh",
                "-c",
                f'{request.param}; shift 0; exec "$@"',
                str(vault),
                *command,
            ],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    assert {path.name: path.read_bytes() for path in vault.iterdir()} == before


def test_what_only_reads_works(run, photos, tmp_path):
    for words in (
        ("list",),
        ("certificate", "ada"),
        ("tune", "ada"),
        ("status",),
        ("audit",),
        ("audit", "verify"),
        ("verify", "ada", photos / "obama_2.jpg"),
        ("identify", photos / "biden_1.jpg"),
        ("store", "status"),
        ("serve", "token", "list"),
        ("examples", "ada"),
        ("adapt", "ada"),
        ("events",),
        ("events", "--attendance", "--csv"),
        ("events", "unknown"),
    ):
        done = run(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert "joe" in run("identify", photos / "biden_1.jpg").stdout


def test_a_backup_of_it_is_whole(run, tmp_path):
    done = run("backup", tmp_path / "saved")
    assert done.returncode == 0, done.stderr
    shutil.copytree(tmp_path / "vault", tmp_path / "other")
    shutil.copy2(tmp_path / "saved", tmp_path / "other/vault.sqlite")
    listed = subprocess.run(
        [sys.executable, "-m", "onlyme", "list", "--json", "--vault", str(tmp_path / "other")],
        capture_output=True,
        check=True,
    )
    assert [one["name"] for one in json.loads(listed.stdout)] == ["ada", "joe"]


def test_what_would_change_it_says_why_not(run, photos):
    for words in (
        ("tune", "ada", "--far", "1e-3"),
        ("forget", "ada"),
        ("not-me", "ada", photos / "biden_1.jpg"),
        ("verify", "ada", photos / "obama_2.jpg", "--gate"),
    ):
        done = run(*words)
        assert done.returncode == 2, (words, done.stdout)
        assert "read-only" in done.stderr or "full" in done.stderr, done.stderr


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without"])
@pytest.mark.parametrize("words", [["list"], ["audit"], ["backup", "saved"]], ids=lambda w: w[0])
def test_changes_that_are_only_in_the_log_are_not_overlooked(tmp_path, words, index):
    """Reading the file without its log would show an older vault."""
    require_mounts()
    code = """
import os, sys
from pathlib import Path
from onlyme.vault.store import Store
store = Store(Path(sys.argv[1]))
with store.edit() as edit:
    edit.write("kind", "key", b"new")
os._exit(0)  # without closing: the change stays in the log
"""
    vault = tmp_path / "vault"
    subprocess.run([sys.executable, "-c", code, str(vault)], check=True)
    assert (vault / "vault.sqlite-wal").stat().st_size
    if not index:
        (vault / "vault.sqlite-shm").unlink()
    command = [sys.executable, "-m", "onlyme", *words, "--vault", str(vault)]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{READ_ONLY}; exec "$@"', str(vault), *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    if index and words != ["backup", "saved"]:
        assert done.returncode == 0, done.stderr  # SQLite reads the log by its index
    else:
        assert done.returncode == 2
        assert "the log beside it" in done.stderr
        assert "read-only; copy the folder" in done.stderr


# ------------------------------------------------------------------------- locks


def test_a_file_system_without_locks_is_named(folder, store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(sqlite, "SQLITE_WAIT_SECONDS", 0.1)
    other = Store(folder)
    with store.edit(), pytest.raises(VaultBusy, match="in use by another process"), other.edit():
        pass
    monkeypatch.setattr(fcntl, "lockf", refuse)
    with store.edit(), pytest.raises(VaultBusy, match="its file system has no locks"), other.edit():
        pass
    other.close()


def test_a_vault_that_cannot_be_changed_refuses_a_change(folder, store, monkeypatch):
    monkeypatch.setattr(store._database, "unwritable", "the disk is full")
    with pytest.raises(VaultError, match="cannot be changed: the disk is full"), store.edit():
        pass


def test_events_are_read_and_old_ones_are_left_out(run):
    done = run("events")
    assert done.returncode == 0, done.stderr
    assert "ada 0" in done.stdout
    assert "ada 1000" not in done.stdout


def test_to_look_for_events_makes_no_file(tmp_path, photos):
    variables = os.environ | {"ONLYME_VAULT": str(tmp_path / "vault")}

    def onlyme(*words):
        command = [sys.executable, "-m", "onlyme", *map(str, words)]
        subprocess.run(command, env=variables, check=True, capture_output=True)
        return sorted(path.name for path in (tmp_path / "vault").iterdir())

    before = onlyme("enroll", "ada", photos / "obama_1.jpg")
    assert onlyme("events") == onlyme("events", "--attendance") == before
