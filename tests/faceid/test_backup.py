"""Whole backups: vault, gallery and events, at one moment, and never one that lacks people."""

import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.app import app
from onlyme.errors import VaultDamaged, VaultError
from onlyme.events.event import DoorEvent
from onlyme.events.store import EVENTS_FILE
from onlyme.faceid import wiring
from onlyme.faceid.backup import back_up, restore_whole
from onlyme.faceid.enrolled import GALLERY_FILE
from onlyme.gallery.gallery import GalleryPerson
from onlyme.settings import Settings
from onlyme.vault.parts import PART_FILES, list_parts
from onlyme.vault.restore import restore


def person(name, seed=0):
    rng = np.random.default_rng([seed, *name.encode()])
    vector = rng.standard_normal(128).astype(np.float32)
    second = np.eye(1, 192, seed + len(name), dtype=np.float32)
    one = (vector / np.linalg.norm(vector))[None]
    return GalleryPerson(name, one, second=second, second_model="ab" * 32)


@pytest.fixture
def settings(tmp_path):
    made = Settings.load(vault=tmp_path / "vault")
    with FaceID.open(made.vault) as face_id:
        face_id._enrolled.ensure_gallery().put([person("ada"), person("bob")])
        with face_id.open_events() as events:
            events.add(DoorEvent("known", "front", name="ada"))
    return made


@pytest.fixture
def backup(settings, tmp_path):
    with wiring.open_vault(settings) as admin:
        return back_up(settings, admin, tmp_path / "copy")


def enroll(settings, *names):
    with FaceID.open(settings.vault) as face_id:
        gallery = face_id._enrolled.ensure_gallery()
        gallery.put([person(name) for name in names])


def put_back(settings, backup, **how):
    return restore_whole(settings, backup, lambda _: None, **how)


def people(settings):
    with FaceID.open(settings.vault) as face_id:
        return face_id._enrolled.names()


def vectors(settings):
    with FaceID.open(settings.vault) as face_id:
        people = face_id._enrolled.people()
        return {one.name: np.hstack([one.me, one.second]) for one in people}


def events(settings):
    with FaceID.open(settings.vault) as face_id, face_id.open_events() as stored:
        return [event.name for event in stored.read()]


def test_a_backup_holds_all_files_of_the_folder(settings, backup):
    assert PART_FILES == {"gallery": GALLERY_FILE, "events": EVENTS_FILE}
    for part in list_parts(backup).values():
        assert part.stat().st_mode & 0o777 == 0o600
        assert b"ada" not in part.read_bytes()


def test_the_people_of_then_are_back(settings, backup):
    before = vectors(settings)
    with FaceID.open(settings.vault) as face_id:
        face_id._enrolled.forget(["ada"])
        face_id._enrolled.ensure_gallery().put([person("eve")])
    put_back(settings, backup)
    after = vectors(settings)
    assert after.keys() == {"ada", "bob"}
    assert all(np.array_equal(after[name], before[name]) for name in before)
    assert events(settings) == ["ada"]


def test_a_person_who_changed_is_as_then(settings, backup):
    before = vectors(settings)
    with FaceID.open(settings.vault) as face_id:
        gallery = face_id._enrolled.ensure_gallery()
        (old,) = gallery.get(["bob"]).values()
        new = person("bob", 9)
        assert gallery.put([replace(new, record=old.record)]) == []
    assert not np.array_equal(vectors(settings)["bob"], before["bob"])
    put_back(settings, backup)
    assert np.array_equal(vectors(settings)["bob"], before["bob"])


def test_the_events_continue(settings, backup):
    with FaceID.open(settings.vault) as face_id, face_id.open_events() as stored:
        stored.add(DoorEvent("known", "front", name="bob"))
    put_back(settings, backup)
    assert events(settings) == ["ada", "bob"]


def test_a_lost_folder_is_whole_again(settings, backup, tmp_path):
    key = (settings.vault / "vault.key").read_bytes()
    settings.vault.rename(tmp_path / "lost")
    settings.vault.mkdir(mode=0o700)
    (settings.vault / "vault.key").write_bytes(key)
    (settings.vault / "vault.key").chmod(0o600)
    put_back(settings, backup)
    assert people(settings) == ["ada", "bob"]
    assert events(settings) == ["ada"]


@pytest.mark.parametrize("harm", ["cut", "delete"])
def test_a_damaged_gallery_is_set_aside_and_replaced(settings, backup, harm):
    path = settings.vault / GALLERY_FILE
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        line = sqlite3.connect(path)
        line.execute("UPDATE person SET sealed = zeroblob(100)")
        line.commit()
        line.close()
    done = put_back(settings, backup)
    assert people(settings) == ["ada", "bob"]
    assert any("was damaged; it was moved to" in note for note in done.notes)
    assert list((settings.vault / "backups").glob("*-gallery-damaged.sqlite"))


@pytest.mark.parametrize("suffix", ["gallery", "events"])
@pytest.mark.parametrize("harm", ["missing", "changed", "of another day"])
def test_a_backup_that_is_not_whole_restores_nothing(settings, backup, tmp_path, suffix, harm):
    part = list_parts(backup)[suffix]
    if harm == "missing":
        part.unlink()
    elif harm == "changed":
        part.write_bytes(part.read_bytes() + b"\0")
    else:
        enroll(settings, "carl")
        with FaceID.open(settings.vault) as face_id, face_id.open_events() as stored:
            stored.add(DoorEvent("known", "front", name="carl"))
        with wiring.open_vault(settings) as admin:
            other = list_parts(back_up(settings, admin, tmp_path / "later-backup"))[suffix]
        part.write_bytes(other.read_bytes())
    enroll(settings, "eve")
    before = people(settings)
    with pytest.raises(VaultDamaged, match="nothing was restored"):
        put_back(settings, backup)
    assert people(settings) == before


def test_a_backup_never_overwrites(settings, backup, tmp_path):
    for path in (backup, *list_parts(backup).values()):
        taken = tmp_path / "taken"
        (taken.with_name(taken.name + path.name.removeprefix(backup.name))).write_bytes(b"mine")
        with (
            wiring.open_vault(settings) as admin,
            pytest.raises(VaultError, match="exists already"),
        ):
            back_up(settings, admin, taken)
        left = list(tmp_path.glob("taken*"))
        assert [one.read_bytes() for one in left] == [b"mine"]
        left[0].unlink()


def test_who_is_forgotten_is_in_no_backup(settings, backup):
    with FaceID.open(settings.vault) as face_id:
        before = {suffix: part.read_bytes() for suffix, part in list_parts(backup).items()}
        assert face_id.forget("ada") == []
    parts = list_parts(backup)
    assert all(parts[suffix].read_bytes() != before[suffix] for suffix in parts)
    assert not list(backup.parent.glob(".*"))  # no draft and no lock is left
    put_back(settings, backup)
    assert people(settings) == ["bob"]
    with FaceID.open(settings.vault) as face_id:
        assert face_id._enrolled.names() == ["bob"]


def test_a_backup_that_is_gone_is_said(settings, backup):
    backup.unlink()
    with FaceID.open(settings.vault) as face_id:
        notes = face_id.forget("ada")
    assert any("is not there" in note for note in notes)


WRITE = """
import sys
import numpy as np
from onlyme import FaceID
from onlyme.gallery.gallery import GalleryPerson
with FaceID.open(sys.argv[1]) as face_id:
    gallery = face_id._enrolled.ensure_gallery()
    rng = np.random.default_rng(1)
    for number in range(100000):
        vector = rng.standard_normal(128).astype(np.float32)
        gallery.put([GalleryPerson(f"p{number:05}", (vector / np.linalg.norm(vector))[None])])
        with face_id.admin.store.edit() as edit:
            edit.write("told eyes", "count", f"{number}".encode())
        print(number, flush=True)
"""


def test_a_backup_is_of_one_moment_while_others_write(settings, tmp_path):
    """The writer adds to the gallery, then counts in the vault: never more than one apart."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, settings.vault], stdout=subprocess.PIPE
    )
    drain = None
    try:
        for _ in range(3):
            assert process.stdout.readline()
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        made = []
        with wiring.open_vault(settings) as admin:
            made += [back_up(settings, admin, tmp_path / f"b{number}") for number in range(4)]
    finally:
        process.kill()
        process.wait()
        if drain is not None:
            drain.join(30)
        process.stdout.close()
    for path in made:
        line = sqlite3.connect(list_parts(path)["gallery"])
        rows = line.execute("SELECT count(*) FROM person").fetchone()[0]
        line.close()
        copy = wiring.Store(settings.vault, *wiring._list_key_sources(settings), file=path)
        counted = int(copy.read("told eyes", "count"))
        copy.close()
        assert rows - 2 - (counted + 1) in {0, 1}


def test_an_early_backup_says_that_it_has_no_gallery(settings, backup):
    copy = wiring.Store(settings.vault, *wiring._list_key_sources(settings), file=backup)
    with copy.edit() as edit:
        edit.remove("backup parts", "digests")
    copy.close()
    for part in list_parts(backup).values():
        part.unlink()
    enroll(settings, "eve")
    done = put_back(settings, backup)
    assert any("without the gallery" in note for note in done.notes)
    assert people(settings) == ["ada", "bob", "eve"]


def test_a_database_needs_the_marker_of_the_backup(settings, tmp_path):
    told = []
    with wiring.open_vault(settings) as admin:
        path = admin.backup(tmp_path / "copy", "ab" * 16)
    sources = wiring._list_key_sources(settings)
    restore(path, settings.vault, sources, check_marker=told.append)
    assert told == ["ab" * 16]
    with pytest.raises(VaultDamaged, match="is in PostgreSQL"):
        put_back(settings, path)
    put_back(settings, path, keep_gallery=True)


def test_the_commands(settings, tmp_path):
    run = CliRunner()
    vault = ["--vault", str(settings.vault)]
    result = run.invoke(app, ["backup", str(tmp_path / "b"), *vault])
    assert result.exit_code == 0, result.output
    assert "b.gallery belongs to it" in result.output.replace("\n", "")
    enroll(settings, "eve")
    if os.geteuid() == 0:
        result = run.invoke(app, ["restore", str(tmp_path / "b"), *vault])
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("0 people enrolled and 2 people in the gallery\n")
        assert people(settings) == ["ada", "bob"]
