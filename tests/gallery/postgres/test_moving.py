"""Galleries move between stores and get new rotations, also when a process is killed."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import NeedsReenroll, VaultBusy, VaultDamaged, VaultError
from onlyme.faceid import networks, wiring
from onlyme.gallery.rekey import renew
from onlyme.gallery.stores.migrate import MARK, hash_rows, migrate
from onlyme.gallery.stores.postgres import PostgresStore
from onlyme.gallery.stores.sqlite.store import SqliteStore
from onlyme.settings import Settings
from tests.gallery.contract import DIMENSION, People, assert_holds, held
from tests.locks import contents

MODEL = "ab" * 32


@pytest.fixture
def people():
    return People()


@pytest.fixture(params=["to PostgreSQL", "from PostgreSQL"])
def two(request, tmp_path, database):
    """A store to move from and one to move to."""
    PostgresStore.upgrade(database, MODEL, DIMENSION)
    stores = [
        SqliteStore(tmp_path / "gallery.sqlite", MODEL, DIMENSION),
        PostgresStore(database, MODEL, DIMENSION),
    ]
    yield stores if request.param == "to PostgreSQL" else stores[::-1]
    for store in stores:
        store.close()


# ----------------------------------------------------------------- migrating


def test_everything_arrives_and_nothing_else(two, people):
    source, target = two
    rows = people.rows(2500) + people.rows(20, generation=2)
    source.replace(rows)
    source.note("salts", b"sealed", None)
    source.note("job", b"two", None)
    reports = []
    moved = migrate(source, target, lambda *at: reports.append(at))
    assert (moved.rows, moved.written) == (2520, 2520)
    assert reports[-1] == (2520, 2520)
    assert_holds(target, rows)
    assert target.notes() == source.notes()
    assert hash_rows(target) == hash_rows(source) == moved.digest
    assert_holds(source, rows)


def test_what_is_interrupted_goes_on_and_copies_only_the_rest(two, people):
    source, target = two
    rows = people.rows(2500)
    source.replace(rows)
    source.note("salts", b"sealed", None)

    def stop(done, _):
        if done == 2000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(source, target, stop)
    assert target.count().rows == 2000
    assert set(target.notes()) == {MARK}  # without its salts it is not a gallery
    # Meanwhile one person is changed, one is removed, and one is added.
    changed, gone, new = people.row(rows[0].key), rows[1], people.row()
    source.replace([changed, new])
    source.remove([gone.key])
    moved = migrate(source, target)
    assert 502 <= moved.written <= 503
    assert_holds(target, [changed, *rows[2:], new])
    assert target.notes() == {"salts": b"sealed"}


def test_a_source_that_changes_while_it_is_copied_arrives_as_it_is_then(two, people):
    source, target = two
    rows = people.rows(30)
    source.replace(rows)
    source.note("salts", b"sealed", None)
    late = people.row(bytes(16))  # before all others, so that the first pass has missed it
    moved = migrate(source, target, lambda *_: late.key in held(source) or source.replace([late]))
    assert moved.rows == 31
    assert_holds(target, [*rows, late])


def test_a_source_that_never_rests_is_given_up(two, people):
    source, target = two
    source.replace(people.rows(3))
    source.note("salts", b"sealed", None)
    with pytest.raises(VaultBusy, match="stop what writes to it"):
        migrate(source, target, lambda *_: source.replace([people.row()]))


def test_what_is_not_empty_is_not_overwritten(two, people):
    source, target = two
    source.replace(people.rows(3))
    source.note("salts", b"sealed", None)
    theirs = people.rows(2)
    target.replace(theirs)
    with pytest.raises(VaultError, match="already holds a gallery"):
        migrate(source, target)
    assert_holds(target, theirs)


def test_a_part_of_another_gallery_is_not_taken_for_ones_own(two, people, tmp_path):
    source, target = two
    other = SqliteStore(tmp_path / "other.sqlite", MODEL, DIMENSION)
    other.replace(people.rows(3))
    other.note("salts", b"others", None)
    with pytest.raises(KeyboardInterrupt):
        migrate(other, target, lambda *_: _interrupt())
    source.replace(people.rows(3))
    source.note("salts", b"sealed", None)
    with pytest.raises(VaultError, match="a part of another gallery"):
        migrate(source, target)
    with pytest.raises(VaultError, match="target of an interrupted migration"):
        migrate(target, source)
    migrate(other, target)
    other.close()


def _interrupt():
    raise KeyboardInterrupt


def test_what_arrives_bent_is_noticed(two, people, monkeypatch):
    source, target = two
    source.replace(people.rows(30))
    source.note("salts", b"sealed", None)
    straight = target.replace

    def bent(rows, was=None):
        return straight([rows[0]._replace(sealed=b"bent"), *rows[1:]], was)

    monkeypatch.setattr(target, "replace", bent)
    with pytest.raises(VaultDamaged, match="does not hold the rows that were copied"):
        migrate(source, target)
    assert MARK in target.notes()


def test_another_networks_store_is_no_place_to_move_to(two, tmp_path):
    other = SqliteStore(tmp_path / "other.sqlite", "cd" * 32, DIMENSION)
    with pytest.raises(NeedsReenroll):
        migrate(two[0], other)
    other.close()


def test_there_must_be_something_to_move(two):
    with pytest.raises(VaultError, match="no gallery to move"):
        migrate(*two)


# ----------------------------------------------------------- the real command


def ended(process, expect=0):
    out, err = process.communicate(timeout=120)
    assert process.returncode == expect, err
    return out if expect == 0 else err


def killed_when(process, reached):
    """Kill a process as soon as something is reached."""
    deadline = time.monotonic() + 60
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


def opened(settings, store):
    """Open the people of a vault with the gallery in another place; return the vault, too."""
    elsewhere = Settings.load(vault=settings.vault, store=store)
    keeping = wiring.open_vault(elsewhere)
    return keeping, wiring.make_enrolled(elsewhere, keeping, networks.load_base(elsewhere))


def found(gallery, crowd, directions):
    """The name found first for another photo of each of the people."""
    photos = np.concatenate([crowd.photos(direction) for direction in directions])
    return [hits[0].name for hits in gallery.find_nearest(gallery.base.project(photos), 3)]


def test_a_gallery_moves_by_command_through_kills_of_command_and_server(
    mortal, gallery, crowd, settings, run
):
    people, directions = crowd.people(4000)
    gallery.put(people)
    address = mortal.schema("moved")
    assert "are ready" in ended(run("store", "upgrade", store=address))
    assert "up to date" in ended(run("store", "upgrade", store=address))
    base = networks.load_base(settings)
    target = wiring.open_template_store(Settings.load(vault=settings.vault, store=address), base)

    words = ("store", "migrate", "--from", "vault", "--to", address)
    killed_when(run(*words), lambda: target.count().rows)
    assert 0 < target.count().rows < 4000
    status = json.loads(ended(run("store", "status", "--json", store=address)))
    assert status["complete"] is False
    keeping, everybody = opened(settings, address)
    with (
        keeping,
        pytest.raises(VaultDamaged, match="no complete gallery"),
    ):  # half a gallery is not opened
        everybody.gallery.salts()
    everybody.close()

    second, before = run(*words), target.count().rows
    deadline = time.monotonic() + 60
    while target.count().rows == before and time.monotonic() < deadline:
        time.sleep(0.002)
    mortal.kill()
    mortal.start()
    said, err = second.communicate(timeout=120)
    if "does not answer" in err:  # a busy machine took too long to start it
        said = ended(run(*words))
    assert "4,000 people are in" in said, err
    assert hash_rows(target) == hash_rows(gallery.store)
    status = json.loads(ended(run("store", "status", "--json", store=address)))
    assert (status["people"], status["complete"]) == (4000, True)
    target.close()

    keeping, everybody = opened(settings, address)
    with keeping:
        names = found(everybody.gallery, crowd, directions[:50])
        assert names == [person.name for person in people[:50]]
        everybody.close()
    assert "already holds a gallery" in ended(run(*words), expect=2)


@pytest.mark.parametrize("place", ["vault", "PostgreSQL"])
def test_a_renewal_that_is_killed_goes_on_and_searches_stay_right(
    server, places, crowd, settings, run, place
):
    address = "vault" if place == "vault" else places()
    if address != "vault":
        ended(run("store", "upgrade", store=address))
    keeping, everybody = opened(settings, address)
    with keeping:
        gallery = everybody.ensure_gallery()
        people, directions = crowd.people(2500)
        gallery.put(people)
        if address != "vault":
            gallery.store.build_index(1)
        wanted = [person.name for person in people[:20]]
        assert found(gallery, crowd, directions[:20]) == wanted
        stolen = {row.key: row.vector for block in gallery.store.blocks() for row in block}
        assert len(remains(server, place, settings, stolen)) >= 2  # rows, and matrix or index

        def partly():
            return 0 < gallery.store.count().generations.get(2, 0) < 2500

        killed_when(run("store", "revoke", store=address), partly)
        assert set(gallery.store.count().generations) == {1, 2}
        assert found(gallery, crowd, directions[:20]) == wanted  # some by each rotation
        # A person who is enrolled meanwhile gets the new rotation, and is found.
        [late], [direction] = crowd.people(1)
        late = type(late)("late", late.me)
        gallery.put([late])
        assert found(gallery, crowd, [direction]) == ["late"]

        with ThreadPoolExecutor(1) as waiting:
            again = waiting.submit(ended, run("store", "revoke", store=address))
            searches = 0
            while not again.done() or searches < 3:
                assert found(gallery, crowd, directions[:20]) == wanted
                searches += 1
            assert "people were re-encrypted with a new secret" in again.result()
        assert gallery.store.count() == (2501, {2: 2501})
        assert set(gallery.salts().by_generation) == {2}
        if address != "vault":
            assert gallery.store.list_indexes() == [2]
        # The stolen vectors match no one any more, not even their own people.
        now = {row.key: row.vector for block in gallery.store.blocks() for row in block}
        alike = [float(stolen[key] @ now[key]) for key in stolen]
        assert abs(np.mean(alike)) < 0.05
        assert max(alike) < 0.6
        assert not remains(server, place, settings, stolen)
        everybody.close()


def remains(server, place, settings, stolen):
    """Files in which some of these vectors can be found, as searches or an index hold them.

    The server's write-ahead log is left out: it keeps what passed through until it is recycled.
    """
    if place != "vault":
        server.query("postgres", "CHECKPOINT")
    folder = settings.vault if place == "vault" else server.data / "base"
    vectors = [stolen[key] for key in list(stolen)[:50]]
    secrets = [vector.astype(kind).tobytes() for vector in vectors for kind in ("<f4", "<f2")]
    read = contents if place == "vault" else Path.read_bytes  # this process holds the vault open
    files = {path: read(path) for path in folder.rglob("*") if path.is_file()}
    return [path for path, content in files.items() if any(one in content for one in secrets)]


def test_a_search_that_a_whole_renewal_overtakes_is_done_again(opens, crowd, monkeypatch):
    gallery, renewed = opens().ensure_gallery(), opens().ensure_gallery()
    people, directions = crowd.people(40)
    gallery.put(people)
    straight, overtaken = gallery.store.find_nearest, []

    def slow(*arguments, **named):
        if not overtaken:
            overtaken.append(renew(renewed))  # between reading the salts and searching by them
        return straight(*arguments, **named)

    monkeypatch.setattr(gallery.store, "find_nearest", slow)
    assert found(gallery, crowd, directions) == [person.name for person in people]
    assert overtaken == [40]


def test_two_renewals_at_once_are_one(places, crowd, settings, run):
    address = places()
    ended(run("store", "upgrade", store=address))
    keeping, everybody = opened(settings, address)
    with keeping:
        gallery = everybody.ensure_gallery()
        people, directions = crowd.people(1200)
        gallery.put(people)
        both = [run("store", "revoke", store=address) for _ in range(2)]
        for process in both:
            ended(process)
        current = gallery.salts().current
        assert current in {2, 3}  # the second helped, or came when the first was done
        assert gallery.store.count() == (1200, {current: 1200})
        wanted = [person.name for person in people[:20]]
        assert found(gallery, crowd, directions[:20]) == wanted
        assert renew(gallery) == 1200
        assert found(gallery, crowd, directions[:20]) == wanted
        everybody.close()
