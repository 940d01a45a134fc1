# ruff: noqa: S311 - chance, not secrets
"""A restored backup: its people, the present log and gate, and never a half of either."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onlyme.cli.app import app
from onlyme.errors import KeyMissing, KeyRefused, OnlymeError, VaultBusy, VaultDamaged
from onlyme.gate.admission import Gate
from onlyme.vault.admin import DRAFT, VaultAdmin
from onlyme.vault.key_sources import KeyFile, Passphrase, ScryptCost
from onlyme.vault.restore import restore
from onlyme.vault.store import Store
from tests.locks import contents
from tests.vault.hostility import NO_MATCH
from tests.vault.killing import alphas

CHEAP = ScryptCost(n=2**10, r=8, p=1)


@pytest.fixture
def anchor(tmp_path):
    return tmp_path / "elsewhere" / "anchor"


@pytest.fixture
def sources(folder):
    return (KeyFile(folder / "vault.key"),)


def opened(folder, **options):
    store = Store(folder, **options)
    return VaultAdmin(store, Gate(store))


@pytest.fixture
def backup(folder, tmp_path, make):
    """A vault in which Ada stood at 0.1 and Grace was there when it was backed up."""
    with opened(folder) as admin:
        with admin.store.edit() as edit:
            edit.put(make("ada", alpha=0.1))
            edit.put(make("grace", alpha=0.2))
        path = admin.backup(tmp_path / "backup.sqlite")
        with admin.store.edit() as edit:
            edit.put(make("ada", alpha=0.9))
            edit.put(make("edith", alpha=0.3))
            edit.delete("grace")
        for _ in range(5):
            admin.gate.decide("ada", "camera 0", lambda: NO_MATCH)
    return path


def held(folder, **options):
    with opened(folder, **options) as admin:
        return alphas(admin.store)


NOW, THEN = {"ada": 0.9, "edith": 0.3}, {"ada": 0.1, "grace": 0.2}


def test_the_people_of_then_are_back_and_those_of_now_are_kept(folder, sources, backup, tmp_path):
    before = backup.read_bytes()
    done = restore(backup, folder, sources)
    assert (done.names, done.notes) == (("ada", "grace"), ())
    assert held(folder) == THEN
    assert backup.read_bytes() == before
    assert done.previous.stat().st_mode & 0o777 == 0o600
    again = restore(done.previous, folder, sources)
    assert again.names == ("ada", "edith")
    assert held(folder) == NOW
    assert not list(folder.glob(f"{DRAFT}*.sqlite*")) + list(folder.glob(f"{DRAFT}-*"))


def test_the_log_goes_on_and_nobody_gets_a_try_back(folder, sources, backup):
    with opened(folder) as admin:
        lines = admin.gate.audit.verify()
    restore(backup, folder, sources)
    with opened(folder) as admin:
        entries = list(admin.gate.audit.entries())
        assert [line.event for line in entries[lines:]] == ["backup", "restore"]
        assert entries[-1].detail == str(backup)
        assert admin.gate.audit.verify() == lines + 2
        (standing,) = admin.gate.allowances().values()
        assert standing.tries == 0


def test_whoever_is_forgotten_is_forgotten_in_every_backup(folder, sources, backup, tmp_path):
    """In the restored backup, also after it was moved, and in the copy of the previous vault."""
    moved = tmp_path / "moved.sqlite"
    shutil.move(backup, moved)
    done = restore(moved, folder, sources)
    (folder / DRAFT).write_bytes(b"what a kill left behind")
    with opened(folder) as admin:
        notes = admin.forget("ada")
    assert [note for note in notes if str(backup) not in note] == []  # that one is not there
    assert not (folder / DRAFT).exists()
    for path in (moved, done.previous):
        store = Store(folder, *sources, file=path)
        assert "ada" not in store.names()
        store.close()


def test_open_vaults_of_other_processes_see_it(folder, sources, backup):
    with opened(folder) as other:
        assert alphas(other.store) == NOW
        restore(backup, folder, sources)
        assert alphas(other.store) == THEN


def test_a_template_that_was_put_back_is_rotated_anew(folder, sources, backup):
    """So a restored vault does not bring back what `revoke` made worthless."""

    def row(path):
        store = Store(folder, *sources, file=path)
        with store.edit() as edit:
            body = edit.read("template", "ada")
        store.close()
        return body

    restore(backup, folder, sources)
    assert row(backup) != row(folder / "vault.sqlite")


def harmed(folder, how):
    path = folder / "vault.sqlite"
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "overwritten":
        path.write_bytes(b"\0" * len(content))
    elif how == "flipped":
        path.write_bytes(bytes(byte ^ 1 for byte in content[:4096]) + content[4096:])
    else:
        path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("how", ["gone", "emptied", "overwritten", "flipped", "cut"])
def test_a_damaged_vault_is_replaced_and_kept(folder, sources, backup, how):
    harmed(folder, how)
    done = restore(backup, folder, sources)
    assert held(folder) == THEN
    assert "those of the backup" in done.notes[0]
    with opened(folder) as admin:
        assert list(admin.gate.audit.entries())[-1].event == "restore"
        admin.gate.audit.verify()
    assert (done.previous is None) == (how == "gone")
    if done.previous:
        assert done.previous.exists()


def test_a_write_ahead_log_of_the_damaged_vault_is_not_taken_for_the_new_ones(
    folder, sources, backup
):
    with opened(folder) as admin:  # left open, so that there is such a log
        with admin.store.edit() as edit:
            edit.write("thing", "a", b"b")
        wal = contents(folder / "vault.sqlite-wal")
    harmed(folder, "overwritten")
    (folder / "vault.sqlite-wal").write_bytes(wal)
    done = restore(backup, folder, sources)
    assert held(folder) == THEN
    assert done.previous.with_name(done.previous.name + "-wal").read_bytes() == wal


def test_below_the_anchor_only_when_it_is_said(folder, sources, anchor, backup):
    held(folder, anchor=anchor)  # it has seen the vault now
    for harm in (lambda: None, lambda: harmed(folder, "overwritten")):
        harm()
        with pytest.raises(VaultDamaged, match="--older"):
            restore(backup, folder, sources, anchor=anchor)
        assert restore(backup, folder, sources, anchor=anchor, allow_older=True).names
        assert held(folder, anchor=anchor) == THEN  # and the anchor is content
        with opened(folder, anchor=anchor) as admin:
            admin.gate.reset()
            assert int(anchor.read_text().split()[1]) == admin.store.counter


def test_another_vaults_anchor_is_no_matter_of_saying(folder, sources, anchor, backup, tmp_path):
    Store(tmp_path / "other", anchor=anchor).close()
    with pytest.raises(VaultDamaged, match="another vault"):
        restore(backup, folder, sources, anchor=anchor, allow_older=True)


def assert_unchanged(folder, sources, path, error, match):
    before = held(folder)
    with pytest.raises(error, match=match):
        restore(path, folder, sources)
    assert held(folder) == before


def test_what_is_no_backup_of_this_vault_changes_nothing(folder, sources, backup, tmp_path):
    other = tmp_path / "other"
    with opened(other) as admin:
        foreign = admin.backup(tmp_path / "foreign.sqlite")
    assert_unchanged(folder, sources, foreign, KeyRefused, "does not open")
    shutil.copy(folder / "vault.key", other / "vault.key")
    for content in (b"", b"x" * 5000, backup.read_bytes()[:50]):
        path = tmp_path / "x"
        path.write_bytes(content)
        assert_unchanged(folder, sources, path, VaultDamaged, "not a backup")
    assert_unchanged(folder, sources, tmp_path / "none", VaultDamaged, "not a backup")


def test_a_backup_of_another_vault_with_the_same_key_is_refused(folder, tmp_path, backup):
    words = Passphrase(lambda: "four good words", CHEAP)
    for name in ("one", "two"):
        Store(tmp_path / name, words).close()
    with _manage(tmp_path / "one", words) as admin:
        foreign = admin.backup(tmp_path / "foreign.sqlite")
    with pytest.raises(VaultDamaged, match="another vault"):
        restore(foreign, tmp_path / "two", (words,))


def _manage(folder, source):
    store = Store(folder, source)
    return VaultAdmin(store, Gate(store))


def test_every_byte_of_a_backup_counts(folder, sources, backup, tmp_path):
    """A flipped byte is noticed, or changes nothing of what is restored."""
    rng, content = random.Random(5), backup.read_bytes()
    noticed = 0
    for _ in range(60):
        flipped = bytearray(content)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        path = tmp_path / "flipped"
        path.write_bytes(flipped)
        try:
            restore(path, folder, sources).previous.unlink()
        except OnlymeError:
            noticed += 1
        else:
            assert held(folder) == THEN
    assert 5 < noticed < 60


def test_a_backup_from_before_a_new_key_is_refused(folder, sources, backup):
    with opened(folder) as admin:
        admin.rekey()
    assert_unchanged(folder, sources, backup, KeyRefused, "does not open")


def test_without_the_key_nothing_is_put_back(folder, sources, backup):
    (folder / "vault.key").unlink()
    with pytest.raises(KeyMissing):
        restore(backup, folder, sources)
    assert not (folder / DRAFT).exists()


def test_the_backup_of_a_lost_folder(folder, tmp_path, backup):
    """Nothing is left but the backup and the key."""
    key = tmp_path / "key"
    key.write_bytes((folder / "vault.key").read_bytes())
    key.chmod(0o600)
    shutil.rmtree(folder)
    done = restore(backup, folder, (KeyFile(key),))
    assert done.previous is None
    with _manage(folder, KeyFile(key)) as admin:
        assert alphas(admin.store) == THEN


def test_whoever_may_not_changes_nothing(folder, sources, backup):
    def may(kind):
        assert kind == "file"
        raise KeyRefused("no")

    for harm in (lambda: None, lambda: harmed(folder, "overwritten")):
        harm()
        before = (folder / "vault.sqlite").read_bytes()
        with pytest.raises(KeyRefused, match="no"):
            restore(backup, folder, sources, authorize=may)
        assert (folder / "vault.sqlite").read_bytes() == before


def test_two_at_once_do_not_mix(folder, sources, backup):
    def meanwhile(_):
        with pytest.raises(VaultBusy):
            restore(backup, folder, sources)

    restore(backup, folder, sources, authorize=meanwhile)
    assert held(folder) == THEN


WORKER = """
import sys
from pathlib import Path
from onlyme.vault.restore import restore
from onlyme.vault.key_sources import KeyFile
path, folder = map(Path, sys.argv[1:])
print("ready", flush=True)
restore(path, folder, (KeyFile(folder / "vault.key"),))
print("done", flush=True)
"""


def test_kill_9_while_a_damaged_vault_is_replaced(folder, sources, backup):
    """The vault holds what it held, or the backup; and the same command comes to its end."""
    rng, ended = random.Random(2), 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    for number in range(12):
        harmed(folder, ("overwritten", "cut", "gone")[number % 3])
        command = [sys.executable, "-c", WORKER, str(backup), str(folder)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as worker:
            assert worker.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.0, 0.06))
            worker.kill()
            ended += "done" in worker.stdout.read()
        try:
            there = held(folder) if (folder / "vault.sqlite").exists() else None
        except VaultDamaged:
            there = None
        assert there in (None, THEN)
        restore(backup, folder, sources)
        assert held(folder) == THEN
        with opened(folder) as admin:
            admin.gate.audit.verify()
    assert ended < 12


def test_the_command(folder, backup, tmp_path):
    (tmp_path / "config.toml").write_text("")
    env = {"ONLYME_CONFIG": str(tmp_path / "config.toml")}
    words = ["restore", str(backup), "--vault", str(folder)]
    ran = CliRunner().invoke(app, words, env=env)
    if os.geteuid() != 0:
        assert "password" in str(ran.exception)
        return
    assert ran.exit_code == 0, ran.exception
    assert "2 people enrolled: ada, grace" in ran.stdout
    status = CliRunner().invoke(app, ["status", "--json", "--vault", str(folder)], env=env)
    assert json.loads(status.stdout)["people"] == 2
