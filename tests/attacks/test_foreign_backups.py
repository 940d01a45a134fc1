"""Another file lies where the vault remembers a backup, or remnants cannot be removed."""

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from onlyme import VaultBusy
from onlyme.gallery.stores.protocol import Row
from onlyme.gallery.stores.sqlite.store import SqliteStore
from onlyme.gate.admission import Gate
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.key_sources import KeyFile, Passphrase, ScryptCost
from onlyme.vault.restore import restore
from onlyme.vault.store import Store

CHEAP = ScryptCost(n=2, r=1, p=1)
LONG = Passphrase(lambda: "correct horse battery", CHEAP)


def make_other_vault(folder, make, *sources):
    store = Store(folder, *sources)
    with store.edit() as edit:
        edit.put(make("ada"))
    store.close()
    return folder / "vault.sqlite"


@pytest.mark.parametrize("name", ["vault.sqlite", "backups/a.sqlite"])
def test_another_vault_of_another_key_is_not_deleted(admin, folder, make, tmp_path, name):
    (folder / "backups").mkdir()
    path = admin.backup(folder / "backups" / "a.sqlite" if "/" in name else tmp_path / name)
    foreign = make_other_vault(tmp_path / "other", make)
    shutil.copy(foreign, path)
    content = path.read_bytes()
    (note,) = admin.forget("ada")
    assert path.read_bytes() == content
    assert "cannot be read as a backup of this vault" in note


def test_another_vault_of_the_same_passphrase_is_not_changed(tmp_path, make):
    folder, other = tmp_path / "vault", tmp_path / "other"
    make_other_vault(folder, make, LONG)
    foreign = make_other_vault(other, make, LONG)
    store = Store(folder, LONG)
    with VaultAdmin(store, Gate(store)) as admin:
        path = admin.backup(tmp_path / "b")
        shutil.copy(foreign, path)
        (note,) = admin.forget("ada")
        assert "cannot be read as a backup of this vault" in note
    assert Store(other, LONG, file=path).names() == ["ada"]


@pytest.mark.parametrize("content", [b"", b"holiday photo", b"SQLite format 3\0 but broken"])
def test_a_file_that_is_no_vault_is_left_as_it_is(admin, tmp_path, content):
    path = admin.backup(tmp_path / "b")
    path.write_bytes(content)
    (note,) = admin.forget("ada")
    assert path.read_bytes() == content
    assert "left as it is" in note


def test_the_database_of_another_program_is_left_as_it_is(admin, tmp_path):
    path = admin.backup(tmp_path / "b")
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE theirs (a)")
    content = path.read_bytes()
    (note,) = admin.forget("ada")
    assert path.read_bytes() == content
    assert "left as it is" in note


def test_a_link_is_not_followed(admin, folder, tmp_path):
    path, kept = admin.backup(tmp_path / "b"), tmp_path / "kept"
    path.rename(kept)
    path.symlink_to(kept)
    admin.rekey(LONG)
    (note,) = admin.forget("ada")
    assert kept.exists()
    assert path.is_symlink()
    assert "left as it is" in note


def test_a_live_copy_of_the_vault_that_a_restore_was_given_is_never_deleted(
    admin, folder, tmp_path
):
    # The vault was copied to another place, where it goes on as a vault.
    live = tmp_path / "live"
    live.mkdir()
    admin.store.copy_to(live / "vault.sqlite")
    restore(live / "vault.sqlite", folder, (KeyFile(folder / "vault.key"),))
    admin.rekey(LONG)
    notes = admin.forget("ada")
    assert (live / "vault.sqlite").exists()
    assert any(str(live) in note and "earlier key" in note for note in notes)


def test_a_backup_of_an_earlier_key_is_still_deleted_and_a_good_one_still_changed(
    admin, folder, make, tmp_path
):
    old = admin.backup(tmp_path / "old")
    admin.rekey()
    new = admin.backup(tmp_path / "new")
    (note,) = admin.forget("ada")
    assert not old.exists()
    assert "was deleted" in note
    assert Store(folder, file=new).names() == []


def test_remnants_of_a_gallery_that_a_reader_keeps_are_told(tmp_path):
    path = tmp_path / "gallery.sqlite"
    store = SqliteStore(path, "ab" * 32, 4)
    store.replace([Row(b"a" * 16, 1, b"sealed", np.array([1, 0, 0, 0], np.float32))])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchone()
        assert store.remove([b"a" * 16]) == 1
        store._file.run("PRAGMA busy_timeout = 10")  # the test does not wait for long
        with pytest.raises(VaultBusy, match="remnants"):
            store.scrub()
    store.scrub()
    store.close()


def test_remnants_that_a_reader_keeps_are_told(admin, folder):
    with closing(sqlite3.connect(folder / "vault.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        admin.store._database.run("PRAGMA busy_timeout = 10")  # the test does not wait for long
        (note,) = admin.store.scrub()
        assert "remnants" in note
    assert admin.store.scrub() == []
    assert admin.forget("ada") == []
