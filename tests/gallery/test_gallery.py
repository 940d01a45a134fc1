"""The gallery turns people into rows that only it can make and read."""

import numpy as np
import pytest

from onlyme.errors import NeedsReenroll, VaultDamaged
from onlyme.gallery.gallery import Gallery, GalleryPerson, Salts
from onlyme.gallery.stores.protocol import Row
from tests.locks import contents


def stored(gallery):
    return {row.key: row for block in gallery.store.blocks() for row in block}


def test_people_come_back_as_they_were(gallery, crowd):
    people, _ = crowd.people(30, photos=3)
    assert gallery.put(people) == []
    assert len(gallery) == 30
    found = gallery.get([person.name for person in people] + ["nobody"])
    assert set(found) == {person.name for person in people}
    for person in people:
        again = found[person.name]
        assert np.array_equal(again.me, person.me)
        assert again.created == person.created
    assert {person.name for person in gallery.people()} == set(found)


def test_the_nearest_template_is_found(gallery, crowd):
    people, directions = crowd.people(200, photos=2)
    gallery.put(people)
    probes = np.concatenate([crowd.photos(direction) for direction in directions[:20]])
    heads = gallery.base.project(probes)
    templates = np.array([gallery.base.project(person.me).mean(axis=0) for person in people])
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    wanted = np.argsort(-(heads @ templates.T), axis=1)[:, :5]
    for found, best in zip(gallery.find_nearest(heads, 5), wanted, strict=True):
        assert [person.name for person in found] == [people[index].name for index in best]


def test_a_store_sees_neither_names_nor_embeddings(gallery, crowd, settings):
    people, _ = crowd.people(5, photos=2)
    gallery.put(people)
    gallery.find_nearest(gallery.base.project(people[0].me), 3)
    gallery.store.close()
    content = b"".join(path.read_bytes() for path in settings.vault.glob("gallery*"))
    heads = [gallery.base.project(person.me) for person in people]
    for person, head in zip(people, heads, strict=True):
        assert person.name.encode() not in content
        template = head.mean(axis=0)
        for row in (*person.me, *head, template / np.linalg.norm(template)):
            for kind in ("<f4", "<f2", "<f8"):
                assert row.astype(kind).tobytes()[:16] not in content


def test_templates_of_two_galleries_compare_with_nothing(opens, crowd, tmp_path, monkeypatch):
    people, _ = crowd.people(1)
    one = opens().ensure_gallery()
    one.put(people)
    [row] = stored(one).values()
    one.write_salts(Salts(2, {2: bytes(32)}), one.salts())
    again = one.seal_row(people[0], 2)
    assert abs(float(row.vector @ again.vector)) < 0.5  # the same template, turned otherwise
    head = one.base.project(people[0].me)[0]
    assert abs(float(row.vector @ head)) < 0.5


def test_who_comes_too_late_is_named(gallery, crowd):
    people, _ = crowd.people(3)
    gallery.put(people)
    seen = gallery.get(["person 0"])["person 0"]
    changed = GalleryPerson("person 0", crowd.strangers(1), record=seen.record)
    assert gallery.put([changed]) == []
    # Read before that change, and written after.
    late = GalleryPerson("person 0", crowd.strangers(1), record=seen.record)
    assert gallery.put([late, GalleryPerson("person 1", crowd.strangers(1))]) == [
        "person 0",
        "person 1",
    ]
    assert np.array_equal(gallery.get(["person 0"])["person 0"].me, changed.me)


def test_a_row_under_another_key_does_not_open(gallery, crowd):
    people, _ = crowd.people(2)
    gallery.put(people)
    ada, grace = (gallery.make_row_key(person.name) for person in people)
    rows = stored(gallery)
    gallery.store.replace([rows[ada]._replace(key=grace), rows[grace]._replace(key=ada)])
    with pytest.raises(VaultDamaged, match="damaged, or was moved here"):
        gallery.get(["person 0"])
    with pytest.raises(VaultDamaged):
        gallery.find_nearest(gallery.base.project(people[0].me), 1)


def test_a_planted_row_does_not_open(gallery, crowd):
    people, _ = crowd.people(2)
    gallery.put(people)
    gallery.store.replace(
        [Row(b"p" * 16, 1, b"x" * 100, stored(gallery)[gallery.make_row_key("person 0")].vector)]
    )
    with pytest.raises(VaultDamaged):
        gallery.find_nearest(gallery.base.project(people[0].me), 2)


def test_a_gallery_opens_with_its_own_secret_only(gallery, crowd):
    people, _ = crowd.people(1)
    gallery.put(people)
    other = Gallery(gallery.store, b"s" * 32, gallery.base)
    with pytest.raises(VaultDamaged):
        list(other.people())
    with pytest.raises(VaultDamaged):
        other.put(people)
    assert other.get(["person 0"]) == {}


def test_a_gallery_that_vanished_is_no_empty_one(opens, crowd, settings):
    gallery = opens().ensure_gallery()
    gallery.put(crowd.people(2)[0])
    gallery.store.close()
    for path in settings.vault.glob("gallery*"):
        path.unlink()
    with pytest.raises(VaultDamaged, match="no complete gallery"):
        opens().gallery.find_nearest(gallery.base.project(crowd.strangers(1)), 1)


def test_another_networks_gallery_is_refused(gallery):
    gallery.store.close()
    from onlyme.gallery.stores.sqlite.store import SqliteStore

    with pytest.raises(NeedsReenroll):
        SqliteStore(gallery.store.path, "cd" * 32, 128)


def test_while_a_gallery_is_turned_anew_everybody_is_found(gallery, crowd):
    people, _ = crowd.people(10)
    gallery.put(people)
    old = gallery.salts()
    gallery.write_salts(Salts(2, {**old.by_generation, 2: b"n" * 32}), old)
    halfway = [gallery.get([person.name])[person.name] for person in people[:5]]
    assert gallery.put(halfway) == []
    assert gallery.store.count().generations == {1: 5, 2: 5}
    for person in people:
        [[found]] = gallery.find_nearest(gallery.base.project(person.me), 1)
        assert found.name == person.name


def test_removed_people_leave_nothing_in_the_files(gallery, crowd, settings):
    people, _ = crowd.people(400, photos=2)
    gallery.put(people)
    gallery.find_nearest(gallery.base.project(people[0].me), 1)
    rows = stored(gallery)
    gone = [rows[gallery.make_row_key(person.name)] for person in people[::7]]
    assert gallery.remove([person.name for person in people[::7]]) == len(gone)
    assert gallery.remove(["person 0"]) == 0
    content = b"".join(contents(path) for path in settings.vault.glob("gallery*"))
    for row in gone:
        assert row.key not in content
        assert row.vector.tobytes()[:16] not in content
        assert row.sealed[:16] not in content
        assert row.sealed[-16:] not in content
    kept = rows[gallery.make_row_key("person 1")]
    assert kept.sealed[:16] in content  # so that the search above means something
    assert content.count(kept.vector.tobytes()) == 2  # in the row and in the matrix
