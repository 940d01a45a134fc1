"""The store in PostgreSQL does what every store must do."""

import pytest

from onlyme.gallery.stores.postgres import PostgresStore
from tests.gallery.contract import DIMENSION, Contract

MODEL = "ab" * 32


class TestPostgres(Contract):
    @pytest.fixture
    def opens(self, database):
        PostgresStore.upgrade(database, MODEL, DIMENSION)
        return lambda: PostgresStore(database, MODEL, DIMENSION)


class TestPostgresIndexed(Contract):
    """The same with an index that the planner may not leave aside."""

    @pytest.fixture
    def opens(self, database, places):
        PostgresStore.upgrade(database, MODEL, DIMENSION)
        store = PostgresStore(database, MODEL, DIMENSION)
        for generation in (1, 2):
            store.build_index(generation)
        assert store.list_indexes() == [1, 2]
        store.close()
        address = places(enable_seqscan="off", enable_sort="off")
        return lambda: PostgresStore(address, MODEL, DIMENSION)
