"""People without a name: kept only where asked, sealed, erased in time, grouped and named."""

import json
import sqlite3
import subprocess
from contextlib import closing

import numpy as np
import pytest
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.app import app
from onlyme.errors import NoSuchGroup, OwnerExists, SamePerson, VaultDamaged
from onlyme.events.store import EVENTS_FILE, DoorEvent, EventStore
from onlyme.gallery.duplicates import group_faces
from onlyme.gallery.gallery import GalleryPerson
from onlyme.vault.parts import PART_FILES
from tests.events.conftest import SECRET
from tests.events.visits import keep_visits, make_faces, make_visit

FIRST_OUTBOX = (
    "CREATE TABLE old (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, "
    "tries INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT"
)
run = CliRunner()


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "events.sqlite"
    with EventStore(path, SECRET, 90, unknown_days=7, unknown_per_day=5) as opened:
        yield opened


def read_files(folder):
    """All bytes, read by another process: SQLite has the files open in this one."""
    return subprocess.run(["cat", *folder.iterdir()], capture_output=True, check=True).stdout


# -------------------------------------------------------------------------- kept


def test_a_visit_comes_back_as_it_was(kept):
    visit = make_visit()
    assert kept.add_unknown(visit)
    (found,) = kept.read_unknown()
    assert (found.id, found.at, found.camera, found.model) == (visit.id, visit.at, "front", "m")
    assert (found.seconds, found.picture) == (4.0, b"PICTURE")
    np.testing.assert_array_equal(found.vectors, visit.vectors)
    assert "PICTURE" not in repr(found)


def test_nothing_is_kept_unless_it_is_switched_on(events):
    assert not events.add_unknown(make_visit())
    assert events.read_unknown() == []


def test_of_one_day_only_a_number_is_kept(kept):
    assert [kept.add_unknown(make_visit(n, n)) for n in range(7)] == [True] * 5 + [False] * 2
    assert kept.add_unknown(make_visit(9, -25))


def test_it_is_sealed_and_cannot_be_moved(kept, tmp_path):
    visit = make_visit()
    kept.add_unknown(visit)
    kept.add_unknown(make_visit(2, 1, b"OTHER"))
    data = read_files(tmp_path)
    assert b"PICTURE" not in data
    assert b"front" not in data
    assert visit.vectors.tobytes() not in data
    with closing(sqlite3.connect(kept.path)) as file, file:
        file.execute("UPDATE unknown SET at = at + 86400000 WHERE id = 1")
    with pytest.raises(VaultDamaged):
        kept.read_unknown()


@pytest.mark.parametrize("how", ["time", "switched off", "named", "all"])
def test_what_is_erased_is_gone_from_the_files(kept, tmp_path, how):
    """Also its sealed bytes, from the file and from its log."""
    old, young = make_visit(1, 24 * 8), make_visit(2, 1)
    for visit in (old, young):
        kept.add_unknown(visit)
    rows = dict(kept._file.run("SELECT at, sealed FROM unknown").fetchall())
    sealed = rows[min(rows)]
    assert sealed in read_files(tmp_path)
    if how == "time":
        kept.purge()
    elif how == "switched off":
        kept.unknown_days = 0
        kept.purge()
    elif how == "named":
        kept.erase_unknown([old.id])
    else:
        kept.erase_all_unknown()
    data = read_files(tmp_path)
    assert not any(sealed[n : n + 64] in data for n in range(0, len(sealed) - 64, 64))
    left = [visit.id for visit in kept.read_unknown()]
    assert left == ([young.id] if how in {"time", "named"} else [])


def test_a_file_of_the_first_layout_keeps_events_and_messages(tmp_path):
    path = tmp_path / "events.sqlite"
    with EventStore(path, SECRET, 90) as events:
        events.add(DoorEvent("known", "front", name="ada"), ["https://example.org/"])
        for statement in (
            FIRST_OUTBOX,
            "INSERT INTO old SELECT id, due, tries, sealed FROM outbox",
            "DROP TABLE outbox",
            "DROP TABLE unknown",
            "ALTER TABLE old RENAME TO outbox",
            "CREATE INDEX outbox_due ON outbox (due)",
            "PRAGMA user_version = 1",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = replace(sql, '\"outbox\"', 'outbox')",
        ):
            events._file.run(statement)
    with EventStore(path, SECRET, 90, unknown_days=1, unknown_per_day=1) as events:
        assert [event.name for event in events.read()] == ["ada"]
        assert events.claim(0.0, 60, ["https://other.example/"]) is None
        assert events.claim(0.0, 60, ["https://example.org/"]).event.name == "ada"
        assert events.add_unknown(make_visit())


# ----------------------------------------------------------------------- grouped


@pytest.fixture
def vault(tmp_path, monkeypatch):
    """Three visits of one person, two of another, one of a third."""
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "30")
    folder = tmp_path / "vault"
    with FaceID.open(folder) as face_id:
        keep_visits(face_id)
    return folder


def ask(vault, *words, code=0):
    result = run.invoke(app, ["events", "unknown", *words, "--vault", str(vault)])
    assert result.exit_code == code, result.output
    return result.stdout


def test_visits_are_grouped_by_person(vault):
    with FaceID.open(vault) as face_id:
        groups = face_id.unknown_people()
    shown = [[visit.picture for visit in group.visits] for group in groups]
    assert shown == [[b"P10", b"P11", b"P12"], [b"P20", b"P21"], [b"P30"]]
    assert not any(group.is_ambiguous for group in groups)


def test_a_visit_between_two_people_stays_apart(vault):
    with FaceID.open(vault) as face_id:
        base = face_id._parts.base
    one, two = (make_faces(seed, 4) for seed in (1, 2))
    between = one + two
    between /= np.linalg.norm(between, axis=1, keepdims=True)
    found = group_faces(base, [one, two, between], 0.1)
    assert found.groups == [[0], [1]]
    assert found.ambiguous == [2]


@pytest.mark.data
def test_strangers_are_seldom_put_together(data, vault):
    """Each of many people once: at most the rate of them may join another one's group."""
    from onlyme.image.sources import list_photos

    with FaceID.open(vault) as face_id:
        people = sorted(each for each in (data / "lfw_dev").iterdir() if each.is_dir())[:60]
        seen = [face_id.pipeline.look(sorted(list_photos(each))[0]) for each in people]
        faces = [one.embedding.vector[None] for one in seen if one.embedding is not None]
        found = group_faces(face_id._parts.base, faces, 1e-3)
    assert len(faces) > 40
    assert len(found.groups) + len(found.ambiguous) >= len(faces) - 1


# ------------------------------------------------------------------------- named


def test_a_group_becomes_a_person_with_the_operators_yes(vault):
    (first, *_) = json.loads(ask(vault, "--json"))
    assert (first["visits"], first["cameras"], first["ambiguous"]) == (3, ["front"], False)
    assert run.invoke(
        app, ["events", "unknown", first["group"], "--name", "zoe", "--vault", str(vault)]
    ).exit_code
    with FaceID.open(vault) as face_id:
        assert face_id.gallery_people() == []
    ask(vault, first["group"], "--name", "zoe", "--yes")
    with FaceID.open(vault) as face_id:
        (person,) = face_id.gallery_people()
        assert (person.name, len(person.me)) == ("zoe", 12)
        decision, _ = face_id._enrolled.identify_capture(make_faces(1, 20)[16:])
        assert decision.name == "zoe"
        assert [entry.owner for entry in face_id.admin.gate.audit.entries()][-1:] == ["zoe"]
    assert len(json.loads(ask(vault, "--json"))) == 2


def test_a_name_that_is_taken_and_a_person_under_another_name(vault):
    with FaceID.open(vault) as face_id:
        one, two, _ = (group.id for group in face_id.unknown_people())
        face_id._enrolled.ensure_gallery().put([GalleryPerson("zoe", make_faces(1, 4))])
        with pytest.raises(OwnerExists):
            face_id.name_unknown(two, "zoe")
        with pytest.raises(SamePerson):
            face_id.name_unknown(one, "ada")
        with pytest.raises(NoSuchGroup):
            face_id.name_unknown("000000000000", "ada")
        assert len(face_id.unknown_people()) == 3
        face_id.name_unknown(one, "zoe", add=True)
        (person,) = face_id.gallery_people()
        assert len(person.me) == 12  # the four that were there are not there twice


def test_the_yes_is_for_the_visits_that_were_looked_at(vault, monkeypatch):
    """While the question stands, a further visit joins the group: it was never looked at."""
    with FaceID.open(vault) as face_id:
        (first, *_) = face_id.unknown_people()
        model = face_id._parts.base.model

    def agree(*_):
        with FaceID.open(vault) as other, other.open_events() as events:
            assert events.add_unknown(make_visit(1, 1, b"NEW", model, part=3))

    monkeypatch.setattr("onlyme.cli.events.confirm_change", agree)
    ask(vault, first.id, "--name", "zoe", code=1)
    with FaceID.open(vault) as face_id:
        assert face_id.gallery_people() == []
        assert len(face_id.unknown_people()[0].visits) == 4
        face_id.name_unknown(first.id, "zoe", visits=4)
        assert [person.name for person in face_id.gallery_people()] == ["zoe"]


def test_pictures_and_embeddings_are_exported(vault, tmp_path):
    (first, *_) = json.loads(ask(vault, "--json"))
    ask(vault, first["group"], "--export", str(tmp_path / "out"))
    folder = tmp_path / "out" / first["group"]
    document = json.loads((folder / "visits.json").read_text())
    assert [(folder / one["picture"]).read_bytes() for one in document["seen"]] == [
        b"P10",
        b"P11",
        b"P12",
    ]
    assert np.array(document["seen"][0]["embeddings"]).shape == (4, 128)
    assert (folder / "0001.jpg").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "out" / "visits.json").exists()


def test_erasing_reaches_backups(vault, tmp_path):
    with FaceID.open(vault) as face_id:
        path = face_id.admin.backup(tmp_path / "copy")
        (one, *rest) = (group.id for group in face_id.unknown_people())
    copies = [each for each in tmp_path.iterdir() if each.name.endswith(PART_FILES["events"])]
    copies = copies or [each for each in tmp_path.iterdir() if "events" in each.name]
    assert copies, sorted(tmp_path.iterdir())
    assert path

    def count():
        with closing(sqlite3.connect(copies[0])) as file:
            return file.execute("SELECT count(*) FROM unknown").fetchone()[0]

    assert count() == 6
    ask(vault, one, "--erase", "--yes")
    assert count() == 3
    assert [group["group"] for group in json.loads(ask(vault, "--json"))] == rest
    ask(vault, "--erase", "--yes")
    assert count() == 0
    assert json.loads(ask(vault, "--json")) == []


def test_switching_off_erases_what_there_is(vault, monkeypatch):
    monkeypatch.delenv("ONLYME_UNKNOWN_DAYS")
    assert json.loads(ask(vault, "--json")) == []
    with closing(sqlite3.connect(vault / EVENTS_FILE)) as file:
        assert file.execute("SELECT count(*) FROM unknown").fetchone() == (0,)


@pytest.mark.parametrize(
    "words",
    [["--name", "a", "--erase"], ["--add"], ["--name", "a", "--yes"], ["ffff", "--export", "x"]],
)
def test_words_that_do_not_go_together(vault, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.invoke(app, ["events", "unknown", *words, "--vault", str(vault)]).exit_code
    assert not (tmp_path / "x").exists()
