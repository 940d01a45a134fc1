"""What is particular to the store in PostgreSQL: layout, rights, index and messages."""

import logging
import time
import traceback

import numpy as np
import psycopg
import pytest

from onlyme.errors import NeedsReenroll, SettingsError, VaultError
from onlyme.gallery.stores.postgres import PostgresStore, index, schema
from onlyme.gallery.stores.postgres.address import DatabaseAddress
from tests.gallery.contract import DIMENSION, People, unit

MODEL = "ab" * 32
PASSWORD = "hunter2-sesame"  # noqa: S105 - opens nothing


@pytest.fixture
def store(database):
    PostgresStore.upgrade(database, MODEL, DIMENSION)
    opened = PostgresStore(database, MODEL, DIMENSION)
    yield opened
    opened.close()


def run(database, statement):
    with psycopg.connect(database.replace("+psycopg", "")) as link:
        link.execute(statement)


# --------------------------------------------------------------------- layout


def test_the_layout_that_is_expected_is_the_newest_step():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "onlyme.gallery.stores.postgres:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_an_upgrade_is_done_once(database):
    assert PostgresStore.upgrade(database, MODEL, DIMENSION)
    assert not PostgresStore.upgrade(database, MODEL, DIMENSION)


def test_an_upgrade_that_fails_leaves_nothing(database):
    run(database, "CREATE TABLE onlyme_note (mine text)")  # in the way of one of the tables
    with pytest.raises(VaultError, match="already exists"):
        PostgresStore.upgrade(database, MODEL, DIMENSION)
    run(database, "DROP TABLE onlyme_note")
    with pytest.raises(VaultError, match="make one with `onlyme store upgrade`"):
        PostgresStore(database, MODEL, DIMENSION)
    assert PostgresStore.upgrade(database, MODEL, DIMENSION)


def test_an_older_layout_is_refused_and_told_what_to_do(store, database):
    run(database, "UPDATE onlyme_schema SET version_num = '0000'")
    with pytest.raises(VaultError, match=r"older layout 0000.*run `onlyme store upgrade`"):
        PostgresStore(database, MODEL, DIMENSION)


def test_a_newer_layout_is_refused_by_everything(store, database):
    run(database, "UPDATE onlyme_schema SET version_num = '9999'")
    with pytest.raises(VaultError, match="a newer onlyme made it"):
        PostgresStore(database, MODEL, DIMENSION)
    with pytest.raises(VaultError, match="a newer onlyme made it"):
        PostgresStore.upgrade(database, MODEL, DIMENSION)


def test_another_networks_gallery_is_refused(store, database):
    with pytest.raises(NeedsReenroll, match="another network"):
        PostgresStore(database, "cd" * 32, DIMENSION)
    with pytest.raises(NeedsReenroll):
        PostgresStore.upgrade(database, MODEL, DIMENSION + 1)


def test_tables_that_vanish_are_named(store, database):
    run(database, "DROP TABLE onlyme_template")
    with pytest.raises(VaultError, match="holds no gallery"):
        store.count()


# --------------------------------------------------------------------- rights


@pytest.fixture
def role(server):
    name = f"r{time.time_ns()}"
    server.query("postgres", f"CREATE ROLE {name} LOGIN")
    return name


def as_role(database, role):
    return database.replace("postgres@", f"{role}@")


def test_a_role_that_may_only_read_and_write_rows_is_enough(store, database, role):
    place = database.rpartition("search_path%3D")[2].partition("%2C")[0]
    run(database, f"GRANT USAGE ON SCHEMA {place} TO {role}")
    with pytest.raises(VaultError, match=r"permission denied.*GRANT"):
        PostgresStore(as_role(database, role), MODEL, DIMENSION)
    run(database, f"GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {role}")
    run(database, f"GRANT UPDATE ON {place}.onlyme_gallery TO {role}")
    for table in ("onlyme_template", "onlyme_note", "onlyme_change"):
        run(database, f"GRANT INSERT, UPDATE, DELETE ON {place}.{table} TO {role}")
    for table in ("onlyme_template", "onlyme_note"):
        run(database, f"GRANT MAINTAIN ON {place}.{table} TO {role}")
    people = People()
    row = people.row()
    modest = PostgresStore(as_role(database, role), MODEL, DIMENSION)
    modest.replace([row])
    assert modest.note("salt", b"one", None)
    [[hit]] = modest.find_nearest(row.vector[None], 1, generation=1)
    assert hit.key == row.key
    assert modest.remove([row.key]) == 1
    modest.scrub()
    with pytest.raises(VaultError, match="must be owner"):
        modest.build_index(1)
    modest.close()


def test_pgvector_that_may_not_be_switched_on_is_asked_for(server, role):
    database = server.database(f"bare{time.time_ns()}")
    server.query(database.split("/")[3].split("?")[0], f"GRANT CREATE ON SCHEMA public TO {role}")
    with pytest.raises(VaultError, match="administrator must run `CREATE EXTENSION vector`"):
        PostgresStore.upgrade(as_role(database, role), MODEL, DIMENSION)
    assert PostgresStore.upgrade(database, MODEL, DIMENSION)  # who may, does


# -------------------------------------------------------------------- address


@pytest.mark.parametrize(
    "wrong",
    [
        "sqlite:///somewhere",
        "postgresql://host/database",
        "postgresql+psycopg://host",
        "no address",
        f"postgresql+psycopg://user:{PASSWORD}@host:port/database",
        f"postgresql+psycopg:user:{PASSWORD}@host/database",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_repeating_it(wrong):
    with pytest.raises(SettingsError) as refused:
        DatabaseAddress.parse(wrong)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("postgresql+psycopg://me@db.example.org/faces", "verify-full"),
        ("postgresql+psycopg://me@10.1.2.3:5433/faces", "verify-full"),
        ("postgresql+psycopg://me@10.1.2.3/faces?sslmode=require", "require"),
        ("postgresql+psycopg:///faces?host=db.example.org", "verify-full"),
        ("postgresql+psycopg://me@localhost/faces?host=/run/x&host=db.example.org", "verify-full"),
        ("postgresql+psycopg://me@localhost/faces", None),
        ("postgresql+psycopg:///faces", None),
        ("postgresql+psycopg:///faces?host=/run/postgresql", None),
    ],
)
def test_another_machine_is_reached_with_tls_and_a_checked_certificate(text, mode):
    assert DatabaseAddress.parse(text).url.query.get("sslmode") == mode


def test_no_message_and_no_log_holds_the_password(server, role, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("onlyme.gallery.stores.postgres.pool.POSTGRES_WAIT_SECONDS", 0.3)
    refusing = f"postgresql+psycopg://{role}:{PASSWORD}@/postgres?host={server.socket}"
    nowhere = f"postgresql+psycopg://{role}:{PASSWORD}@127.0.0.1:9/postgres"
    missing = f"postgresql+psycopg://{role}:{PASSWORD}@/missing?host={server.socket}"
    option = f"postgresql+psycopg://{role}:{PASSWORD}@/postgres?host={server.socket}&odd={PASSWORD}"
    messages = []
    for address in (refusing, nowhere, missing, option):
        parsed = DatabaseAddress.parse(address)
        messages += [repr(parsed), str(parsed)]
        for call in (PostgresStore, PostgresStore.upgrade):
            with pytest.raises(VaultError) as raised:
                call(address, MODEL, DIMENSION)
            messages += traceback.format_exception(raised.value)
    messages.append(caplog.text)
    assert PASSWORD not in "\n".join(messages)


def test_a_wrong_password_is_tried_once(mortal):
    mortal.query("postgres", f"CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'")
    rules = mortal.data / "pg_hba.conf"
    rules.write_text("local all ada scram-sha-256\n" + rules.read_text())
    mortal.query("postgres", "SELECT pg_reload_conf()")
    # Not known yet, when the server reads its rules again: the right password works by both.
    good = f"postgresql+psycopg://ada:{PASSWORD}@/postgres?host={mortal.socket}"
    wrong = f"postgresql+psycopg://ada:guess@/postgres?host={mortal.socket}"
    deadline = time.monotonic() + 20
    while True:
        with pytest.raises(VaultError) as refused:
            PostgresStore(wrong, MODEL, DIMENSION)
        if "password" in str(refused.value) or time.monotonic() > deadline:
            break
    assert "password authentication failed" in str(refused.value)
    assert "guess" not in str(refused.value)
    before = mortal.log().count("password authentication failed")
    with pytest.raises(VaultError):
        PostgresStore(wrong, MODEL, DIMENSION)
    assert mortal.log().count("password authentication failed") == before + 1
    with pytest.raises(VaultError, match="holds no gallery"):
        PostgresStore(good, MODEL, DIMENSION)


# ---------------------------------------------------------------------- index


def test_a_large_gallery_is_searched_by_its_index_and_ranked_by_full_vectors(store, database):
    people = People()
    rows = people.rows(3000)
    store.replace(rows)
    store.build_index(1)
    run(database, "ANALYZE onlyme_template")
    noise = 0.1 * people.random.standard_normal((50, DIMENSION))
    probes = unit(np.stack([row.vector for row in rows[:50]]) + noise.astype(np.float32))
    indexed = store.find_nearest(probes, 5, generation=1)
    exact = store.find_nearest(probes, 5, generation=1, exact=True)
    for mine, row, other, probe in zip(indexed, rows[:50], exact, probes, strict=True):
        assert mine[0].key == other[0].key == row.key
        assert mine[0].similarity == pytest.approx(float(probe @ row.vector), abs=1e-5)
        assert [hit.similarity for hit in mine] == sorted(
            (h.similarity for h in mine), reverse=True
        )
    plan = f"EXPLAIN {index.make_candidate_query(DIMENSION, 1, 40)}"
    with psycopg.connect(database.replace("+psycopg", "")) as link:
        vector = "[" + ",".join(map(str, probes[0])) + "]"
        lines = link.execute(plan, {"query": vector}).fetchall()
    assert any("onlyme_template_near_1" in line for (line,) in lines), lines


def test_what_an_interrupted_build_left_is_built_anew(store, database):
    store.replace(People().rows(50))
    run(
        database,
        "CREATE INDEX onlyme_template_near_1 ON onlyme_template (generation); "
        "UPDATE pg_index SET indisvalid = false "
        "WHERE indexrelid = 'onlyme_template_near_1'::regclass",
    )
    assert store.list_indexes() == []
    store.build_index(1)
    assert store.list_indexes() == [1]
    store.build_index(1)
    store.drop_index(1)
    assert store.list_indexes() == []


def test_how_widely_an_index_is_searched_can_be_set_in_the_database(store, places):
    ask = "SHOW hnsw.ef_search"
    other = PostgresStore(places(**{"hnsw.ef_search": "321"}), MODEL, DIMENSION)
    for one, wanted in ((store, "200"), (other, "321")):
        assert one._pool.read(lambda link: link.exec_driver_sql(ask).scalar_one()) == wanted
    other.close()


def test_receipts_of_long_ago_are_thrown_away(store, database, monkeypatch):
    monkeypatch.setattr("onlyme.gallery.stores.postgres.store._MAX_RECEIPTS", 3)
    was = None
    for turn in range(7):
        value = bytes([turn])
        assert store.note("turn", value, was)
        was = value
    with psycopg.connect(database.replace("+psycopg", "")) as link:
        kept = link.execute("SELECT version FROM onlyme_change ORDER BY version").fetchall()
    assert kept == [(5,), (6,), (7,)]
    assert store.version == 7
