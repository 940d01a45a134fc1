"""An attacker who can write a file of SQLite, without its key, plants SQL in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from onlyme import OnlymeError, VaultDamaged
from onlyme.gallery.stores.protocol import Row
from onlyme.gallery.stores.sqlite.store import SqliteStore
from onlyme.gate.admission import Gate
from onlyme.types import Decision, Reason
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.key_sources import KeyFile
from onlyme.vault.restore import restore
from onlyme.vault.store import Store

ROLL_BACK = """
    CREATE TABLE old AS SELECT 1 AS id, body FROM manifest;
    CREATE TABLE old_record AS SELECT id, body FROM record;
    CREATE TRIGGER undo AFTER INSERT ON manifest BEGIN
        UPDATE manifest SET body = (SELECT body FROM old);
        DELETE FROM record;
        INSERT INTO record SELECT id, body FROM old_record;
    END;
"""
"""Put manifest and records back after each change: the gate then never counts a failure."""

PLANTED = {
    "rollback": ROLL_BACK,
    "trigger": "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM log; END",
    "view": "CREATE VIEW extra AS SELECT * FROM record",
    "view in place of a table": "ALTER TABLE log RENAME TO log2;"
    "CREATE VIEW log AS SELECT * FROM log2",
    "table": "CREATE TABLE extra (a)",
    "index": "CREATE INDEX extra ON log (body)",
    "virtual table": "CREATE VIRTUAL TABLE extra USING rtree (a, b, c)",
    "column": "ALTER TABLE log ADD COLUMN extra ANY",
    "default": "DROP TABLE log; CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB)",
}


def run_sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def fail(admin: VaultAdmin) -> None:
    admin.gate.decide(
        "ada", "camera 0", lambda: Decision(accepted=False, name="ada", reason=Reason.NO_MATCH)
    )


@pytest.mark.parametrize("what", PLANTED)
def test_a_vault_with_planted_sql_does_not_open(admin, folder, what):
    admin.close()
    run_sql(folder / "vault.sqlite", PLANTED[what])
    with pytest.raises(VaultDamaged, match="changed by another program"):
        Store(folder)


@pytest.mark.parametrize("what", PLANTED)
def test_sql_that_is_planted_while_the_vault_is_open_stops_it(admin, folder, what):
    fail(admin)
    run_sql(folder / "vault.sqlite", PLANTED[what])
    with pytest.raises(VaultDamaged, match="changed by another program"):
        fail(admin)
    with pytest.raises(VaultDamaged, match="changed by another program"):
        admin.store.get("ada")


def test_no_statement_of_a_trigger_or_view_is_run_even_if_the_schema_were_not_compared(
    admin, folder, monkeypatch
):
    monkeypatch.setattr("onlyme.storage.sqlite.SqliteFile._check_schema", lambda _: None)
    run_sql(folder / "vault.sqlite", ROLL_BACK)
    with pytest.raises(VaultDamaged, match="changed by another program"):
        fail(admin)
    run_sql(folder / "vault.sqlite", "DROP TRIGGER undo")
    run_sql(folder / "vault.sqlite", PLANTED["view in place of a table"])
    with pytest.raises(VaultDamaged, match="changed by another program"):
        list(admin.store.log())


@pytest.mark.parametrize("what", PLANTED)
def test_a_backup_with_planted_sql_is_not_restored(admin, folder, what):
    path = admin.backup()
    run_sql(path, PLANTED[what])
    before = admin.store.counter
    with pytest.raises(VaultDamaged, match="changed by another program"):
        restore(path, folder, (KeyFile(folder / "vault.key"),))
    assert admin.store.counter == before
    assert admin.forget("ada")[-1].endswith("restore a backup")


def test_a_vault_with_planted_sql_can_be_restored_from_a_clean_backup(admin, folder):
    path = admin.backup()
    admin.close()
    run_sql(folder / "vault.sqlite", ROLL_BACK)
    done = restore(path, folder, (KeyFile(folder / "vault.key"),))
    assert done.names == ("ada",)
    store = Store(folder)
    with VaultAdmin(store, Gate(store)) as again:
        for _ in range(5):
            fail(again)
        (allowance,) = again.gate.allowances().values()
        assert allowance.tries == 0
        assert again.gate.audit.verify()


def make_gallery(path: Path) -> SqliteStore:
    return SqliteStore(path, "ab" * 32, 4)


def make_row(key: bytes) -> Row:
    return Row(key, 1, b"sealed", np.array([1, 0, 0, 0], np.float32))


@pytest.mark.parametrize(
    "sql",
    [
        (
            "CREATE TRIGGER t AFTER DELETE ON person BEGIN "
            "INSERT INTO person VALUES (old.slot, old.key, 1, 1, old.sealed, old.vector); END"
        ),
        "ALTER TABLE note RENAME TO note2; CREATE VIEW note AS SELECT * FROM note2",
        "CREATE TABLE extra (a)",
        "CREATE VIRTUAL TABLE extra USING rtree (a, b, c)",
        "DROP INDEX person_changed",
    ],
)
def test_a_gallery_with_planted_sql_is_refused(tmp_path, sql):
    path = tmp_path / "gallery.sqlite"
    store = make_gallery(path)
    store.replace([make_row(b"a" * 16)])
    run_sql(path, sql)
    with pytest.raises(VaultDamaged, match="changed by another program"):
        store.remove([b"a" * 16])
    store.close()
    with pytest.raises(VaultDamaged, match="changed by another program"):
        make_gallery(path)


def test_a_view_that_replaces_a_table_of_an_open_gallery_is_not_read(tmp_path):
    path = tmp_path / "gallery.sqlite"
    with closing(make_gallery(path)) as store:
        store.note("a", b"1", None)
        run_sql(
            path, "ALTER TABLE note RENAME TO n; CREATE VIEW note AS SELECT 'b' name, x'' value"
        )
        with pytest.raises(OnlymeError, match="changed by another program"):
            store.notes()


def test_an_untouched_gallery_and_vault_still_open(admin, folder, tmp_path):
    admin.store.rekey()
    admin.close()
    assert Store(folder).names() == ["ada"]
    with closing(make_gallery(tmp_path / "gallery.sqlite")) as store:
        store.replace([make_row(b"a" * 16)])
        store.scrub()
    with closing(make_gallery(tmp_path / "gallery.sqlite")) as store:
        assert store.count().rows == 1
