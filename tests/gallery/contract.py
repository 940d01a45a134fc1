"""Test what every TemplateStore must do; see `onlyme.gallery.stores.protocol`.

A test module of one store inherits `Contract` in a class of its own and gives it the fixture
`opens`: a function that opens the store, each time another object on the same content, with
vectors of `DIMENSION` numbers. At the first call the store is empty.
"""

import numpy as np
import pytest

from onlyme.errors import UsageError, VaultError
from onlyme.gallery.stores.protocol import Row
from tests.gallery.plain import Plain

DIMENSION = 16


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


class People:
    """Rows of people who do not exist, drawn with a seed; no two are equal."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)

    def vectors(self, count):
        return unit(self.random.standard_normal((count, DIMENSION)))

    def row(self, key=None, generation=1):
        sealed = self.random.bytes(int(self.random.integers(40, 200)))
        vector = self.vectors(1)[0]
        return Row(key or self.random.bytes(16), generation, sealed, vector)

    def rows(self, count, generation=1):
        return [self.row(generation=generation) for _ in range(count)]


def same(one, other):
    return one[:3] == other[:3] and np.array_equal(one.vector, other.vector)


def held(store):
    """Everything a store holds, by key."""
    return {row.key: row for block in store.blocks(size=7) for row in block}


def assert_holds(store, rows):
    found = held(store)
    assert set(found) == {row.key for row in rows}
    assert all(same(found[row.key], row) for row in rows)


class Contract:
    """Inherit it, and give it the fixture `opens`."""

    @pytest.fixture
    def people(self):
        return People()

    @pytest.fixture
    def store(self, opens):
        opened = opens()
        yield opened
        opened.close()

    # --------------------------------------------------------------- writing

    def test_an_empty_store_holds_and_finds_nothing(self, store, people):
        assert store.count() == (0, {})
        assert list(store.blocks()) == []
        assert store.notes() == {}
        assert store.rows([people.random.bytes(16)]) == {}
        assert store.find_nearest(people.vectors(2), 3, generation=1) == [[], []]
        assert store.remove([people.random.bytes(16)]) == 0
        assert store.dimension == DIMENSION
        assert store.model

    def test_what_is_written_is_read(self, store, people):
        rows = people.rows(20)
        assert store.replace(rows) == frozenset()
        assert store.count() == (20, {1: 20})
        found = store.rows([row.key for row in rows[:5]] + [people.random.bytes(16)])
        assert set(found) == {row.key for row in rows[:5]}
        assert all(same(found[row.key], row) for row in rows[:5])
        assert_holds(store, rows)

    def test_a_row_takes_the_place_of_the_one_before(self, store, people):
        first = people.rows(5)
        store.replace(first)
        changed = people.row(first[2].key, generation=2)
        store.replace([changed])
        assert_holds(store, [*first[:2], changed, *first[3:]])
        assert store.count() == (5, {1: 4, 2: 1})
        [[hit]] = store.find_nearest(changed.vector[None], 1, generation=2)
        assert hit.key == changed.key
        [hits] = store.find_nearest(first[2].vector[None], 9, generation=1)
        assert changed.key not in {hit.key for hit in hits}

    def test_removed_rows_are_gone(self, store, people):
        rows = people.rows(9)
        store.replace(rows)
        assert store.remove([rows[0].key, rows[3].key, people.random.bytes(16)]) == 2
        left = [row for row in rows if row not in (rows[0], rows[3])]
        assert_holds(store, left)
        [hits] = store.find_nearest(rows[3].vector[None], 9, generation=1)
        assert {hit.key for hit in hits} == {row.key for row in left}

    def test_scrubbing_takes_nothing_that_is_held(self, store, people):
        rows = people.rows(9)
        store.replace(rows)
        store.remove([rows[0].key])
        changed = people.row(rows[1].key, generation=2)
        store.replace([changed])
        store.scrub()
        assert_holds(store, [changed, *rows[2:]])
        [[hit]] = store.find_nearest(changed.vector[None], 1, generation=2)
        assert hit.key == changed.key

    def test_a_key_can_come_back(self, store, people):
        rows = people.rows(4)
        store.replace(rows)
        store.remove([rows[1].key])
        back = people.row(rows[1].key)
        assert store.replace([back], was={back.key: None}) == frozenset()
        assert_holds(store, [rows[0], back, rows[2], rows[3]])

    def test_who_comes_too_late_is_told(self, store, people):
        old, other = people.rows(2)
        store.replace([old])
        new = people.row(old.key)
        # The writer read no row, but there is one now.
        assert store.replace([new], was={new.key: None}) == {new.key}
        # The writer read another record than there is.
        assert store.replace([new], was={new.key: b"something else"}) == {new.key}
        # The writer read a row, but there is none now.
        assert store.replace([other], was={other.key: b"something"}) == {other.key}
        assert_holds(store, [old])
        # The rows beside the late one are written.
        assert store.replace([new, other], was={new.key: None, other.key: None}) == {new.key}
        assert_holds(store, [old, other])
        assert store.replace([new], was={new.key: old.sealed}) == frozenset()
        assert_holds(store, [new, other])

    def test_nothing_to_write_is_no_error(self, store):
        assert store.replace([]) == frozenset()
        assert store.remove([]) == 0
        assert store.rows([]) == {}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"key": b"short"},
            {"key": "a" * 16},
            {"generation": 0},
            {"generation": -1},
            {"sealed": b""},
            {"vector": np.ones(DIMENSION, np.float32)},
            {"vector": np.eye(DIMENSION + 1, dtype=np.float32)[0]},
            {"vector": np.eye(DIMENSION, dtype=np.float32)},
            {"vector": np.full(DIMENSION, np.nan, np.float32)},
            {"vector": np.eye(DIMENSION)[0]},
        ],
        ids=lambda wrong: "-".join(wrong),
    )
    def test_rows_that_cannot_be_are_refused_with_all_beside_them(self, store, people, wrong):
        with pytest.raises(UsageError):
            store.replace([people.row(), people.row()._replace(**wrong)])
        assert store.count().rows == 0

    def test_two_rows_of_one_key_are_refused(self, store, people):
        row = people.row()
        with pytest.raises(UsageError):
            store.replace([row, people.row(row.key)])
        assert store.count().rows == 0

    # ----------------------------------------------------------------- notes

    def test_notes_are_kept_and_erased(self, store):
        assert store.note("salt", b"\x00one\xff", None)
        assert store.note("job.re-key", b"two", None)
        assert store.notes() == {"salt": b"\x00one\xff", "job.re-key": b"two"}
        assert store.note("salt", b"three", b"\x00one\xff")
        assert store.note("job.re-key", None, b"two")
        assert store.notes() == {"salt": b"three"}

    def test_a_note_is_written_only_over_what_was_read(self, store):
        assert store.note("salt", b"one", None)
        assert not store.note("salt", b"two", None)
        assert not store.note("salt", b"two", b"other")
        assert not store.note("salt", None, b"other")
        assert not store.note("none", b"two", b"other")
        assert store.notes() == {"salt": b"one"}

    @pytest.mark.parametrize("name", ["", "A", "a b", "a" * 65, "é"])
    def test_a_note_needs_a_plain_name(self, store, name):
        with pytest.raises(UsageError):
            store.note(name, b"x", None)

    # ------------------------------------------------------------- reading on

    def test_blocks_come_in_order_and_go_on_where_one_stopped(self, store, people):
        rows = sorted(people.rows(23), key=lambda row: row.key)
        store.replace(rows)
        blocks = list(store.blocks(size=5))
        assert [len(block) for block in blocks] == [5, 5, 5, 5, 3]
        assert [row.key for block in blocks for row in block] == [row.key for row in rows]
        rest = [row.key for block in store.blocks(after=blocks[1][-1].key, size=4) for row in block]
        assert rest == [row.key for row in rows[10:]]
        assert list(store.blocks(after=rows[-1].key)) == []

    def test_a_store_may_be_changed_between_two_blocks(self, store, people):
        rows = sorted(people.rows(12), key=lambda row: row.key)
        store.replace(rows)
        seen = []
        for block in store.blocks(size=4):
            seen += block
            again = [people.row(row.key, generation=2) for row in block]
            assert store.replace(again, was={row.key: row.sealed for row in block}) == frozenset()
            store.remove([rows[-1].key])
        assert [row.key for row in seen] == [row.key for row in rows[:-1]]
        assert all(row.generation == 1 for row in seen)
        assert store.count() == (11, {2: 11})

    def test_every_change_is_another_version(self, store, opens, people):
        row = people.row()
        seen = [store.version]
        store.replace([row])
        seen.append(store.version)
        store.note("salt", b"one", None)
        seen.append(store.version)
        store.remove([row.key])
        seen.append(store.version)
        assert seen == sorted(set(seen))
        other = opens()
        assert other.version == seen[-1]
        other.replace([row])
        other.close()
        assert store.version > seen[-1]

    # ------------------------------------------------------------- searching

    @pytest.mark.parametrize("exact", [True, False])
    def test_the_nearest_are_those_that_plain_loops_find(self, store, people, exact):
        plain = Plain(DIMENSION)
        rows = people.rows(150) + people.rows(30, generation=2)
        for one in (store, plain):
            one.replace(rows)
            one.remove([row.key for row in rows[10:20]])
        queries = people.vectors(4)
        for k in (1, 7, 500):
            for generation in (1, 2, 3):
                found = store.find_nearest(queries, k, generation=generation, exact=exact)
                wanted = plain.find_nearest(queries, k, generation=generation)
                assert [[hit.key for hit in hits] for hits in found] == [
                    [hit.key for hit in hits] for hits in wanted
                ]
                for one, other in zip(found, wanted, strict=True):
                    np.testing.assert_allclose(
                        [hit.similarity for hit in one],
                        [hit.similarity for hit in other],
                        atol=1e-5,
                    )

    def test_of_equally_near_rows_the_smaller_key_comes_first(self, store, people):
        vector = people.vectors(1)[0]
        rows = [people.row()._replace(vector=vector) for _ in range(5)]
        store.replace(rows)
        [hits] = store.find_nearest(vector[None], 5, generation=1)
        assert [hit.key for hit in hits] == sorted(row.key for row in rows)

    def test_a_search_sees_what_was_just_changed(self, store, opens, people):
        other = opens()
        for _ in range(6):
            row = people.row()
            other.replace([row])
            [[hit]] = store.find_nearest(row.vector[None], 1, generation=1)
            assert hit.key == row.key
            assert hit.similarity == pytest.approx(1.0, abs=1e-5)
            changed = people.row(row.key)
            other.replace([changed])
            [[hit]] = store.find_nearest(changed.vector[None], 1, generation=1)
            assert hit.similarity == pytest.approx(1.0, abs=1e-5)
            other.remove([row.key])
            assert store.find_nearest(row.vector[None], 1, generation=1) == [[]]
        other.close()

    @pytest.mark.parametrize(
        "queries",
        [
            np.ones(DIMENSION, np.float32),
            np.ones((1, DIMENSION), np.float32),
            np.eye(DIMENSION + 1, dtype=np.float32),
            np.full((1, DIMENSION), np.nan, np.float32),
        ],
        ids=["one row", "not unit", "too long", "not finite"],
    )
    def test_queries_that_cannot_be_are_refused(self, store, queries):
        with pytest.raises(UsageError):
            store.find_nearest(queries, 1, generation=1)

    def test_to_search_for_none_is_refused(self, store, people):
        with pytest.raises(UsageError):
            store.find_nearest(people.vectors(1), 0, generation=1)

    def test_no_query_finds_nothing(self, store, people):
        store.replace(people.rows(3))
        assert store.find_nearest(people.vectors(0), 1, generation=1) == []

    # ------------------------------------------------------ objects, processes

    def test_what_is_written_outlives_the_object(self, store, opens, people):
        rows = people.rows(30)
        store.replace(rows)
        store.note("salt", b"one", None)
        store.close()
        again = opens()
        assert_holds(again, rows)
        assert again.notes() == {"salt": b"one"}
        [[hit]] = again.find_nearest(rows[7].vector[None], 1, generation=1)
        assert hit.key == rows[7].key
        again.close()

    def test_a_closed_store_does_nothing_any_more(self, store, people):
        row = people.row()
        store.replace([row])
        store.close()
        store.close()
        for call in (
            lambda: store.replace([people.row()]),
            lambda: store.remove([row.key]),
            lambda: store.rows([row.key]),
            lambda: store.count(),
            lambda: store.notes(),
            lambda: store.find_nearest(row.vector[None], 1, generation=1),
            lambda: next(store.blocks(), None),
        ):
            with pytest.raises(VaultError):
                call()

    @pytest.mark.parametrize("seed", range(3))
    def test_any_course_of_changes_ends_where_a_dictionary_does(self, store, opens, seed):
        people, plain = People(seed), Plain(DIMENSION)
        stores, known = [store, opens()], [people.random.bytes(16) for _ in range(40)]
        for _ in range(60):
            one = stores[people.random.integers(2)]
            chosen = people.random.choice(40, people.random.integers(1, 12), replace=False)
            keys = [known[index] for index in chosen]
            match people.random.integers(4):
                case 0:
                    assert one.remove(keys) == plain.remove(keys)
                case 1:
                    seen = {key: row.sealed for key, row in plain.rows(known[:20]).items()}
                    rows = [people.row(key) for key in keys]
                    was = {key: seen.get(key) for key in keys}
                    assert one.replace(rows, was) == plain.replace(rows, was)
                case 2:
                    rows = [people.row(key, int(people.random.integers(1, 3))) for key in keys]
                    assert one.replace(rows) == plain.replace(rows)
                case 3:
                    query = people.vectors(1)
                    found = one.find_nearest(query, 5, generation=1)[0]
                    wanted = plain.find_nearest(query, 5, generation=1)[0]
                    assert [hit.key for hit in found] == [hit.key for hit in wanted]
        assert_holds(store, list(plain.held.values()))
        assert store.count() == plain.count()
        stores[1].close()
