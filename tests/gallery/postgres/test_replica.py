"""A replica of the database is searched like the primary, a little later, and not written to."""

import time

import pytest

from onlyme.errors import VaultError
from onlyme.gallery.stores.postgres import PostgresStore
from tests.gallery.contract import DIMENSION, People
from tests.gallery.postgres.server import Server

MODEL = "ab" * 32


@pytest.fixture
def replica(mortal):
    following = Server(mortal)
    try:
        following.start()
        yield following
    finally:
        following.remove()


def test_a_replica_is_searched_and_refuses_to_be_written(mortal, replica):
    address = mortal.schema("sites")
    PostgresStore.upgrade(address, MODEL, DIMENSION)
    primary = PostgresStore(address, MODEL, DIMENSION)
    people = People()
    rows = people.rows(20)
    primary.replace(rows)

    there = address.replace(str(mortal.socket), str(replica.socket))
    wait_for(
        lambda: replica.query("postgres", "SELECT to_regclass('sites.onlyme_gallery')").strip()
    )
    site = PostgresStore(there, MODEL, DIMENSION)
    wait_for(lambda: site.version == primary.version)
    for exact in (True, False):
        [[hit]] = site.find_nearest(rows[3].vector[None], 1, generation=1, exact=exact)
        assert hit.key == rows[3].key
    primary.remove([rows[3].key])
    wait_for(lambda: site.version == primary.version)
    assert site.rows([rows[3].key]) == {}
    for change in (lambda: site.replace(rows[:1]), lambda: site.note("a", b"b", None)):
        with pytest.raises(VaultError, match="is a replica, which can only be searched"):
            change()
    site.close()

    # An address with both finds the one that can be written to, whichever is named first.
    both = address.replace(
        f"host={mortal.socket}",
        f"host={replica.socket}&host={mortal.socket}&target_session_attrs=read-write",
    )
    either = PostgresStore(both, MODEL, DIMENSION)
    assert either.replace(rows[3:4]) == frozenset()
    either.close()
    assert primary.count().rows == 20
    primary.close()


def wait_for(reached):
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)
