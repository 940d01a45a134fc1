import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import KeyMissing, KeyRefused, OnlymeError, VaultDamaged, VaultError
from onlyme.vault.key_sources import KeyFile, Passphrase, ScryptCost
from onlyme.vault.store import Store
from tests.locks import contents
from tests.vault.conftest import Make

CHEAP = ScryptCost(n=2**10, r=8, p=1)


def put(store, *templates):
    with store.edit() as edit:
        for template in templates:
            edit.put(template)


def rows(folder, query, *arguments):
    """Change the file as an attacker without the key can."""
    database = sqlite3.connect(folder / "vault.sqlite")
    try:
        found = database.execute(query, arguments).fetchall()
        database.commit()
    finally:
        database.close()
    return found


def test_what_was_put_comes_back(store, make: Make):
    template = make()
    put(store, template)
    back = store.get("ada")
    assert back.name == "ada"
    assert back.values["alpha"] == 0.3
    np.testing.assert_allclose(back.values["me"], template.values["me"], atol=1e-6)
    np.testing.assert_allclose(back.values["not_me"], template.values["not_me"], atol=1e-6)
    assert store.names() == ["ada"]
    assert store.get("grace") is None


def test_a_change_by_another_is_seen(store, folder, make: Make):
    put(store, make())
    before = store.version("ada")
    with_another = Store(folder)
    put(with_another, make("grace"))
    assert store.version("ada") == before
    assert store.names() == ["ada", "grace"]
    put(with_another, make("ada", alpha=0.4))
    assert store.version("ada") != before
    assert store.get("ada").values["alpha"] == 0.4
    with_another.close()


def test_an_edit_that_fails_changes_nothing(store, make: Make):
    put(store, make())
    counter = store.counter
    with pytest.raises(ZeroDivisionError), store.edit() as edit:  # noqa: PT012 - the block is the case
        edit.put(make("ada", alpha=9.0))
        edit.append(b"entry")
        raise ZeroDivisionError
    assert store.get("ada").values["alpha"] == 0.3
    assert list(store.log()) == []
    assert store.counter == counter


def test_the_file_alone_tells_no_name_and_no_vector(store, folder, make: Make):
    template = make("well-known")
    put(store, template)
    with store.edit() as edit:
        edit.append(b"well-known came in")
    everything = b"".join(contents(p) for p in folder.iterdir() if p.name != "vault.key")
    assert b"well-known" not in everything
    assert template.values["me"][0].tobytes()[:12] not in everything


def test_without_its_key_nothing_opens(store, folder, make: Make):
    put(store, make())
    store.close()
    (folder / "vault.key").rename(folder / "elsewhere")
    with pytest.raises(KeyMissing):
        Store(folder)


def test_another_key_is_refused(store, folder, tmp_path):
    store.close()
    Store(tmp_path / "other").close()
    shutil.copy(tmp_path / "other" / "vault.key", folder / "vault.key")
    with pytest.raises(KeyRefused):
        Store(folder)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(store, folder, mode):
    store.close()
    (folder / "vault.key").chmod(mode)
    with pytest.raises(KeyRefused, match="chmod 600"):
        Store(folder)


def test_a_key_file_that_is_a_link_is_refused(store, folder):
    store.close()
    key = folder / "vault.key"
    key.rename(folder / "elsewhere")
    key.symlink_to(folder / "elsewhere")
    with pytest.raises(KeyMissing):
        Store(folder)


def test_key_and_file_are_private(store, folder):
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("vault.key") == 0o600
    assert set(modes.values()) <= {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_key_without_its_vault_makes_no_new_one(store, folder, make: Make):
    put(store, make())
    store.close()
    (folder / "vault.sqlite").write_bytes(b"")
    with pytest.raises(VaultDamaged, match="restore"):
        Store(folder)


def test_two_owners_rows_cannot_be_swapped(store, folder, make: Make):
    put(store, make("ada"), make("grace"))
    (a, body_a), (b, body_b) = rows(folder, "SELECT id, body FROM record")
    store.close()
    rows(folder, "UPDATE record SET body = ? WHERE id = ?", body_b, a)
    rows(folder, "UPDATE record SET body = ? WHERE id = ?", body_a, b)
    with pytest.raises(VaultDamaged, match="not those that were last written"):
        Store(folder)


def test_an_old_row_is_refused_also_by_who_has_the_vault_open(store, folder, make: Make):
    put(store, make("ada"))
    ((row, old),) = rows(folder, "SELECT id, body FROM record")
    put(store, make("ada", alpha=0.9))
    rows(folder, "UPDATE record SET body = ? WHERE id = ?", old, row)
    with pytest.raises(VaultDamaged):
        store.get("ada")
    with pytest.raises(VaultDamaged):
        Store(folder)


def test_an_old_row_with_its_old_manifest_is_refused(store, folder, make: Make):
    put(store, make("ada"), make("grace"))
    old = dict(rows(folder, "SELECT id, body FROM record"))
    ((manifest,),) = rows(folder, "SELECT body FROM manifest")
    put(store, make("ada", alpha=0.9))
    put(store, make("grace", alpha=0.9))
    store.close()
    rows(folder, "UPDATE manifest SET body = ?", manifest)
    row, body = next(iter(old.items()))
    rows(folder, "UPDATE record SET body = ? WHERE id = ?", body, row)
    with pytest.raises(VaultDamaged):
        Store(folder)


@pytest.mark.parametrize("table", ["slot", "manifest", "record", "log"])
def test_a_missing_row_is_noticed(store, folder, make: Make, table):
    put(store, make())
    with store.edit() as edit:
        edit.append(b"entry")
    store.close()
    rows(folder, f"DELETE FROM {table}")  # noqa: S608 - a constant, not input
    with pytest.raises(VaultDamaged):
        Store(folder)


def test_a_row_that_was_added_is_noticed(store, folder, make: Make):
    put(store, make())
    rows(folder, "INSERT INTO record SELECT x'00', body FROM record LIMIT 1")
    with pytest.raises(VaultDamaged):
        store.names()


def test_all_of_it_put_back_is_noticed_while_it_is_open(store, folder, make: Make, tmp_path):
    put(store, make())
    store.copy_to(tmp_path / "old.sqlite")
    put(store, make("grace"))
    old = sqlite3.connect(tmp_path / "old.sqlite")
    now = sqlite3.connect(folder / "vault.sqlite")
    old.backup(now)
    old.close()
    now.close()
    with pytest.raises(VaultDamaged, match="rolled back"):
        store.names()


def test_all_of_it_put_back_is_noticed_by_an_anchor_only(folder, make: Make, tmp_path):
    anchor = tmp_path / "elsewhere" / "anchor"
    store = Store(folder, anchor=anchor)
    put(store, make())
    store.close()
    shutil.copytree(folder, tmp_path / "old")
    store = Store(folder, anchor=anchor)
    put(store, make("grace"))
    store.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "old", folder)
    opened = Store(folder)  # without the anchor it is not noticed
    assert opened.names() == ["ada"]
    opened.close()
    with pytest.raises(VaultDamaged, match="rolled back"):
        Store(folder, anchor=anchor)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 60, b"ab 12x"])
def test_a_damaged_anchor_denies(folder, tmp_path, content):
    anchor = tmp_path / "anchor"
    Store(folder, anchor=anchor).close()
    anchor.write_bytes(content)
    with pytest.raises(VaultError):
        Store(folder, anchor=anchor)


def test_a_new_key_seals_everything_anew(store, folder, make: Make):
    put(store, make())
    with store.edit() as edit:
        edit.append(b"one")
        edit.write("thing", "a", b"b")
    other = Store(folder)
    old_key = (folder / "vault.key").read_bytes()
    old_rows = {body for (body,) in rows(folder, "SELECT body FROM record")}
    store.rekey()
    assert (folder / "vault.key").read_bytes() != old_key
    assert old_rows.isdisjoint(body for (body,) in rows(folder, "SELECT body FROM record"))
    for opened in (store, other, Store(folder)):
        assert opened.names() == ["ada"]
        assert opened.get("ada").values["alpha"] == 0.3
        assert opened.read("thing", "a") == b"b"
        assert [body for _, body in opened.log()] == [b"one"]
        opened.close()
    (folder / "vault.key").write_bytes(old_key)
    with pytest.raises(KeyRefused):
        Store(folder)


def test_a_rekeying_that_broke_off_before_its_commit_left_the_old_state(store, folder, make: Make):
    put(store, make())
    store.close()
    KeyFile(folder / "vault.key").make(replace=True)
    again = Store(folder)
    assert again.names() == ["ada"]
    again.rekey()
    again.close()
    assert not (folder / "vault.key.new").exists()


def test_a_rekeying_that_broke_off_after_its_commit_is_ended(store, folder, make: Make):
    put(store, make())
    old_key = (folder / "vault.key").read_bytes()
    store.rekey()
    store.close()
    (folder / "vault.key").rename(folder / "vault.key.new")
    (folder / "vault.key").write_bytes(old_key)
    (folder / "vault.key").chmod(0o600)
    again = Store(folder)
    assert again.names() == ["ada"]
    again.close()
    assert not (folder / "vault.key.new").exists()
    Store(folder).close()


def test_a_passphrase_takes_the_key_files_place(store, folder, make: Make):
    put(store, make())
    words = ["correct horse"]
    phrase = Passphrase(lambda: words[0], CHEAP)
    store.rekey(phrase)
    store.close()
    assert not list(folder.glob("vault.key*"))
    with pytest.raises(KeyRefused, match="key: passphrase"):
        Store(folder)
    opened = Store(folder, phrase)
    assert opened.names() == ["ada"]
    opened.close()
    words[0] = "wrong horse"
    with pytest.raises(KeyRefused):
        Store(folder, phrase)


def test_a_passphrase_kept_with_less_care_is_told(tmp_path):
    store = Store(tmp_path / "v", Passphrase(lambda: "four good words", CHEAP))
    assert not store.needs_rekey
    store.close()
    better = Passphrase(lambda: "four good words", ScryptCost(2**11, 8, 1))
    store = Store(tmp_path / "v", better)
    assert store.needs_rekey
    store.rekey()
    assert not store.needs_rekey
    store.close()


def test_settings_can_insist_on_a_passphrase(store, folder):
    store.close()
    with pytest.raises(KeyRefused, match="allow only key: passphrase"):
        Store(folder, Passphrase(lambda: "four good words", CHEAP))


def test_two_vaults_made_at_once_are_one(folder):
    first, second = Store(folder), Store(folder)
    assert first.counter == second.counter == 1
    first.close()
    second.close()


def test_forgotten_rows_leave_nothing_in_the_file(store, folder, make: Make):
    put(store, make("ada"), make("grace"))
    kept = dict(rows(folder, "SELECT id, body FROM record"))
    with store.edit() as edit:
        edit.delete("ada")
    store.scrub()
    left = {row for (row,) in rows(folder, "SELECT id FROM record")}
    (gone,) = [body for row, body in kept.items() if row not in left]
    everything = b"".join(contents(path) for path in folder.iterdir())
    pieces = [gone[at : at + 16] for at in range(0, len(gone) - 16, 16)]
    assert not [piece for piece in pieces if piece in everything]
    assert store.names() == ["grace"]


def test_what_is_no_vault_is_refused(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir(mode=0o700)
    (folder / "vault.sqlite").write_bytes(b"no database at all, but long enough to be one" * 40)
    with pytest.raises(OnlymeError):
        Store(folder)


def test_somebody_elses_database_is_refused(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir(mode=0o700)
    rows(folder, "CREATE TABLE theirs (a)")
    with pytest.raises(VaultDamaged, match="not a vault"):
        Store(folder)


def test_a_folder_open_to_others_is_refused(tmp_path: Path):
    folder = tmp_path / "v"
    folder.mkdir(mode=0o755)
    with pytest.raises(VaultError, match="chmod 700"):
        Store(folder)


def test_after_close_nothing_opens(store, make: Make):
    put(store, make())
    store.close()
    with pytest.raises(VaultError):
        store.get("ada")
    with pytest.raises(VaultError), store.edit():
        pass


@pytest.mark.parametrize("table", ["record", "log", "manifest", "slot"])
def test_a_body_that_became_broken_text_is_damage(store, folder, make: Make, table):
    """What a few flipped bits of a row's header can do: SQLite then says text, and Python's
    module raises an error of its own."""
    with store.edit() as edit:
        edit.put(make())
        edit.append(b"entry")
    store.close()
    database = sqlite3.connect(folder / "vault.sqlite")
    database.execute("PRAGMA writable_schema = ON")
    loose = "UPDATE sqlite_schema SET sql = replace(replace(sql, 'BLOB', 'TEXT'), ' STRICT', '')"
    database.execute(loose + " WHERE sql IS NOT NULL")
    database.commit()
    database.close()
    database = sqlite3.connect(folder / "vault.sqlite")
    database.execute(f"UPDATE {table} SET body = CAST(x'ff3a9922' || body AS TEXT)")  # noqa: S608 - a constant, not input
    database.commit()
    database.close()
    with pytest.raises(VaultDamaged):  # noqa: PT012 - one of these reads the damaged table first
        opened = Store(folder)
        opened.check()
