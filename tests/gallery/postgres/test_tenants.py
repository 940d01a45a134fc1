"""Fifty tenants in one database: none sees, counts, changes or erases what another one has."""

import uuid
from dataclasses import replace

import numpy as np
import psycopg
import pytest

from onlyme.errors import SettingsError, VaultError
from onlyme.faceid import networks, wiring
from onlyme.gallery.stores.postgres import PostgresStore
from onlyme.gallery.stores.postgres.address import DatabaseAddress
from onlyme.gallery.stores.protocol import Row
from onlyme.settings import Settings
from tests.gallery.contract import DIMENSION, unit
from tests.gallery.postgres.test_moving import opened

MODEL = "ab" * 32
TENANTS = [f"t{number}" for number in range(50)]
KEY, OTHER = bytes(16), bytes([1] * 16)


@pytest.fixture
def fresh(server):
    """A database of its own, without a schema in its address."""
    name = f"d{uuid.uuid4().hex}"
    server.query("postgres", f"CREATE DATABASE {name}")
    yield name
    server.query("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def place(server, name, tenant):
    return f"{server.address(name)}&tenant={tenant}"


def open_store(server, name, tenant):
    return PostgresStore(place(server, name, tenant), MODEL, DIMENSION)


def axis(number):
    return unit(np.eye(DIMENSION, dtype=np.float32)[number % DIMENSION])


def test_fifty_tenants_with_the_same_keys_do_not_meet(server, fresh):
    """The keys are those of copies of one vault: nothing but the schema keeps them apart."""
    for number, tenant in enumerate(TENANTS):
        assert PostgresStore.upgrade(place(server, fresh, tenant), MODEL, DIMENSION)
        store = open_store(server, fresh, tenant)
        rows = [Row(KEY, 1, tenant.encode(), axis(number))]
        rows += [Row(OTHER, 1, b"other", axis(number + 1))] * (number % 2)
        store.replace(rows)
        store.note("note", tenant.encode(), None)
        store.close()
    for number, tenant in enumerate(TENANTS):
        store = open_store(server, fresh, tenant)
        assert store.count().rows == 1 + number % 2
        assert bytes(store.rows([KEY])[KEY].sealed) == tenant.encode()
        assert store.notes() == {"note": tenant.encode()}
        assert store.version == 2
        [hits] = store.find_nearest(axis(number)[None], 5, generation=1)
        assert {hit.key for hit in hits} == ({KEY, OTHER} if number % 2 else {KEY})
        assert [row.key for block in store.blocks() for row in block] == [KEY, OTHER][
            : 1 + number % 2
        ]
        store.close()


def test_what_one_tenant_erases_and_indexes_stays_with_the_others(server, fresh):
    for tenant in TENANTS[:6]:
        PostgresStore.upgrade(place(server, fresh, tenant), MODEL, DIMENSION)
    stores = [open_store(server, fresh, tenant) for tenant in TENANTS[:6]]
    for number, store in enumerate(stores):
        store.replace([Row(KEY, 1, b"sealed", axis(number))])
    first, second, *rest = stores
    first.build_index(1)
    assert [store.list_indexes() for store in stores] == [[1], [], [], [], [], []]
    second.build_index(1)
    first.drop_index(1)
    assert second.list_indexes() == [1]
    assert first.remove([KEY]) == 1
    first.rewrite()
    assert first.remove([KEY]) == 0
    assert [store.count().rows for store in stores] == [0, 1, 1, 1, 1, 1]
    assert [store.version for store in rest] == [1] * 4
    for store in stores:
        store.close()


def test_a_tenant_without_tables_finds_no_other_gallery(server, fresh):
    """Also not one in the schema where pgvector's types are looked up."""
    PostgresStore.upgrade(place(server, fresh, "one"), MODEL, DIMENSION)
    with pytest.raises(VaultError, match=r"tenant two .* holds no gallery"):
        open_store(server, fresh, "two")


def test_tenants_do_not_share_a_database_with_another_gallery(server, fresh):
    """Names that a tenant's schema lacks are looked up where pgvector is."""
    PostgresStore.upgrade(server.address(fresh), MODEL, DIMENSION)  # in `public`
    for tenant in ("one", "two"):
        with pytest.raises(VaultError, match="give tenants a database of their own"):
            open_store(server, fresh, tenant)
        with pytest.raises(VaultError, match="give tenants a database of their own"):
            PostgresStore.upgrade(place(server, fresh, tenant), MODEL, DIMENSION)


def test_a_command_without_the_tenant_does_not_close_the_galleries_of_all(server, fresh):
    """It would make a gallery beside them, and with that each of them is refused."""
    PostgresStore.upgrade(place(server, fresh, "one"), MODEL, DIMENSION)
    with pytest.raises(VaultError, match=r"holds galleries of tenants: name one"):
        PostgresStore.upgrade(server.address(fresh), MODEL, DIMENSION)
    with pytest.raises(VaultError, match="holds no gallery"):
        PostgresStore(server.address(fresh), MODEL, DIMENSION)
    open_store(server, fresh, "one").close()


def test_a_role_of_a_tenant_cannot_reach_another_ones_schema(server, fresh):
    server.query(fresh, "CREATE EXTENSION vector")
    for tenant in ("one", "two"):
        role = f"r{uuid.uuid4().hex}"
        server.query(
            fresh, f"CREATE ROLE {role} LOGIN; CREATE SCHEMA onlyme_{tenant} AUTHORIZATION {role}"
        )
        address = f"{server.address(fresh, user=role)}&tenant={tenant}"
        assert PostgresStore.upgrade(address, MODEL, DIMENSION)
        PostgresStore(address, MODEL, DIMENSION).close()
    with pytest.raises(VaultError, match=r"permission denied|holds no gallery"):
        PostgresStore(f"{server.address(fresh, user=role)}&tenant=one", MODEL, DIMENSION)


def test_people_of_tenants_with_vaults_of_their_own(server, fresh, crowd, settings, tmp_path):
    base = networks.load_base(settings)
    people, _ = crowd.people(6)
    galleries = {}
    for number, tenant in enumerate(("one", "two")):
        mine = Settings.load(vault=tmp_path / tenant, store=place(server, fresh, tenant))
        wiring.upgrade_store(mine, base)
        vault, enrolled = opened(mine, mine.store)
        enrolled.ensure_gallery().put(
            [
                replace(person, name=f"p{n}")
                for n, person in enumerate(people[3 * number : 3 * number + 3])
            ]
        )
        galleries[tenant] = vault, enrolled
    (_, one), (_, two) = galleries.values()
    assert one.names() == two.names() == ["p0", "p1", "p2"]
    mine, _ = one.identify_capture(people[0].me)
    theirs, _ = two.identify_capture(people[0].me)
    assert (mine.name, theirs.name) == ("p0", None)
    assert one.forget(["p0", "p1"]) == 2
    assert (one.names(), two.names()) == (["p2"], ["p0", "p1", "p2"])
    for vault, enrolled in galleries.values():
        enrolled.close()
        vault.close()


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        "&connect_timeout=5",
        "A",
        "1a",
        "a-b",
        "a.b",
        'a"b',
        "a;b",
        "a b",
        "x" * 41,
        "a,public",
        "ä",
        "a%00b",
    ],
)
def test_names_that_no_tenant_may_have(tenant):
    with pytest.raises(SettingsError):
        DatabaseAddress.parse(f"postgresql+psycopg://u@localhost/d?tenant={tenant}")


@pytest.mark.parametrize("query", ["tenant=a&tenant=b", "tenant=a&tenant=", "%74enant=", "tenant"])
def test_two_tenants_or_an_empty_one_in_an_address_are_refused(query):
    with pytest.raises(SettingsError, match="a tenant has one name"):
        DatabaseAddress.parse(f"postgresql+psycopg://u@localhost/d?{query}")


def test_the_tenant_is_told_in_messages_and_is_no_option_of_the_server():
    address = DatabaseAddress.parse("postgresql+psycopg://u:word@localhost/d?tenant=acme")
    assert str(address) == "tenant acme in database 'd' on localhost"
    assert "tenant" not in address.url.query


def test_the_command_makes_and_counts_a_tenants_gallery(server, fresh, run, tmp_path):
    store = server.address(fresh)
    for tenant in ("one", "two"):
        process = run("store", "upgrade", "--tenant", tenant, store=store)
        assert process.wait(120) == 0, process.stderr.read()
    process = run("store", "status", "--tenant", "two", store=store)
    out, err = process.communicate(timeout=120)
    assert "tenant two in database" in out, err
    process = run("store", "status", "--tenant", "two", store=f"{store}&tenant=one")
    assert "tenant two in database" in process.communicate(timeout=120)[0]
    for tenant in ("", "two&tenant=one"):
        process = run("store", "status", "--tenant", tenant, store=f"{store}&tenant=one")
        assert "a tenant has one name" in process.communicate(timeout=120)[1]
    assert run("store", "status", "--tenant", "one").wait(120) != 0  # beside the vault
    with psycopg.connect(store.replace("+psycopg", "")) as link:
        schemas = link.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'onlyme%'")
        assert sorted(name for (name,) in schemas) == ["onlyme_one", "onlyme_two"]
