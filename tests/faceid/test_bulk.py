"""A folder of people becomes a gallery, also when the process is interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from onlyme import FaceID, Reason
from onlyme.errors import EnrollmentError, UsageError
from onlyme.settings import Settings


def small(source, target):
    """A copy that is quickly looked at."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        image.thumbnail((320, 320))
        image.convert("RGB").save(target, quality=92)


@pytest.fixture
def people(tmp_path, photos):
    """Three people, one of them twice, and what else lies in folders."""
    folder = tmp_path / "people"
    for number in (1, 2, 4):
        small(photos / f"obama_{number}.jpg", folder / "obama" / f"{number}.jpg")
    small(photos / "macron_1.jpg", folder / "macron" / "1.jpg")
    small(photos / "macron_2.jpg", folder / "emmanuel" / "1.jpg")
    small(photos / "ardern_1.jpg", folder / "ardern" / "1.jpg")
    (folder / "ardern" / "broken.jpg").write_bytes(b"no picture")
    (folder / "photoless").mkdir()
    (folder / "faceless").mkdir()
    Image.new("RGB", (200, 200)).save(folder / "faceless" / "black.png")
    (folder / ".hidden").mkdir()
    (folder / "notes.txt").write_text("no folder")
    return folder


@pytest.fixture
def settings(tmp_path):
    return Settings.load(vault=tmp_path / "vault")


def test_a_folder_of_people_is_enrolled_and_reported(face_id, people, settings, photos):
    reports = []
    result = face_id.enroll_folder(
        people, workers=2, progress=lambda *report: reports.append(report)
    )
    assert (result.enrolled, result.changed, result.unchanged) == (4, 0, 0)
    assert result.photos == 6
    refused = {(one.name, one.file): one.why for one in result.refused}
    assert set(refused) == {
        ("ardern", "broken.jpg"),
        ("faceless", ""),
        ("faceless", "black.png"),
        ("photoless", ""),
    }
    assert "no face" in refused["faceless", "black.png"]
    assert [(one.name, one.other) for one in result.twins] == [("emmanuel", "macron")]
    assert 0 < result.twins[0].far <= 1e-4
    assert reports[-1] == ("twins", 5, 5)
    assert ("photos", 8, 8) in reports
    assert [one.name for one in face_id.gallery_people()] == [
        "ardern",
        "emmanuel",
        "macron",
        "obama",
    ]
    assert face_id.identify(photos / "obama_3.jpg").name == "obama"
    assert face_id.identify(photos / "macron_1.jpg").name == "macron"
    assert face_id.identify(photos / "biden_1.jpg").reason is Reason.NO_MATCH


def test_once_more_changes_nothing_and_reports_the_same(face_id, people, settings):
    first = face_id.enroll_folder(people, workers=1)
    records = {one.name: one.record for one in face_id.gallery_people()}
    again = face_id.enroll_folder(people, workers=1)
    assert (again.enrolled, again.unchanged, again.looked_at) == (0, 4, 0)
    assert again.refused == first.refused
    assert again.twins == first.twins
    assert again.photos == first.photos
    assert records == {one.name: one.record for one in face_id.gallery_people()}


def test_adding_and_replacing(face_id, people, settings, photos):
    face_id.enroll_folder(people, workers=1, look_for_duplicates=False)
    small(photos / "macron_2.jpg", people / "macron" / "2.jpg")
    (people / "obama" / "1.jpg").unlink()
    added = face_id.enroll_folder(people, add=True, workers=1, look_for_duplicates=False)
    assert (added.enrolled, added.changed, added.unchanged) == (0, 1, 3)
    everybody = {one.name: one for one in face_id.gallery_people()}
    assert len(everybody["macron"].me) == 2
    assert len(everybody["obama"].me) == 3
    anew = face_id.enroll_folder(people, replace_photos=True, workers=1)
    assert (anew.enrolled, anew.changed, anew.unchanged) == (0, 1, 3)
    everybody = {one.name: one for one in face_id.gallery_people()}
    assert len(everybody["obama"].me) == 2
    assert set(everybody["obama"].files) == {"2.jpg", "4.jpg"}


def test_photos_of_different_people_are_refused(face_id, people, settings, photos):
    shutil.rmtree(people / "macron")
    for number, name in enumerate(("macron_1", "ardern_2", "biden_1", "sunak_1")):
        small(photos / f"{name}.jpg", people / "mixed" / f"{number}.jpg")
    result = face_id.enroll_folder(people, workers=1, look_for_duplicates=False)
    assert "mixed" not in [one.name for one in face_id.gallery_people()]
    assert "different people" in {one.name: one.why for one in result.refused}["mixed"]


def test_owners_of_the_vault_stay_where_they_are(obama, people, settings):
    result = obama.enroll_folder(people, workers=1, look_for_duplicates=False)
    assert result.enrolled == 3
    assert "owner" in {one.name: one.why for one in result.refused}["obama"]
    assert obama.names() == ["obama"]
    assert [one.name for one in obama.gallery_people()] == ["ardern", "emmanuel", "macron"]


def test_what_makes_no_sense_is_refused(face_id, people, settings, tmp_path):
    with pytest.raises(UsageError, match="not both"):
        face_id.enroll_folder(people, add=True, replace_photos=True)
    with pytest.raises(UsageError, match="cannot be read"):
        face_id.enroll_folder(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no folders of people"):
        face_id.enroll_folder(tmp_path / "empty")
    (tmp_path / "empty" / "ada").mkdir()
    with pytest.raises(EnrollmentError, match="ada"):
        face_id.enroll_folder(tmp_path / "empty", workers=1)


def command(*words):
    return [sys.executable, "-m", "onlyme", "enroll-folder", *map(str, words)]


def test_the_command_line(people, tmp_path):
    vault, report = tmp_path / "vault", tmp_path / "report.json"
    done = subprocess.run(
        command(people, "--vault", vault, "--json", "--report", report),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads(report.read_text())
    assert document["enrolled"] == 4
    assert document["twins"][0]["other"] == "macron"
    assert done.stderr == ""  # no progress in a pipe
    again = subprocess.run(
        command(people, "--vault", vault, "--no-twins"), capture_output=True, text=True, timeout=120
    )
    assert "4 unchanged" in again.stdout
    assert "ardern/broken.jpg" in again.stdout
    assert "enrolled twice" not in again.stdout


def test_people_of_the_gallery_on_the_command_line(people, photos, tmp_path):
    vault = tmp_path / "vault"

    def onlyme(*words, given=None):
        command = [sys.executable, "-m", "onlyme", *map(str, words), "--vault", str(vault)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)

    onlyme("enroll-folder", people, "--no-twins")
    listed = json.loads(onlyme("list", "--json").stdout)
    assert (listed[0]["name"], listed[0]["where"]) == ("ardern", "gallery")
    assert "in the gallery" in onlyme("list").stdout
    found = onlyme("identify", "--all", photos / "obama_3.jpg", "--json")
    assert found.returncode == 0
    [face] = json.loads(found.stdout)
    assert (face["name"], len(face["box"])) == ("obama", 4)
    unknown = onlyme("identify", "--all", photos / "biden_1.jpg")
    assert (unknown.returncode, "no enrolled person" in unknown.stdout) == (1, True)
    exported = onlyme(
        "export", "obama", tmp_path / "obama.export", given="four good words\nfour good words\n"
    )
    assert exported.returncode == 0, exported.stderr
    assert json.loads(onlyme("forget", "obama", "--json").stdout)["forgotten"]
    assert onlyme("identify", photos / "obama_3.jpg").returncode == 1
    taken = onlyme("import", tmp_path / "obama.export", given="four good words\n")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(onlyme("list", "--json").stdout)[0]["where"] == "vault"
    assert onlyme("verify", "obama", photos / "obama_3.jpg").returncode == 0


def test_kill_9_loses_and_doubles_nobody(tmp_path, photos):
    """The same command, until it is done: what was enrolled before each blow stays."""
    folder, vault = tmp_path / "people", tmp_path / "vault"
    sources = [photos / f"{name}.jpg" for name in ("ardern_1", "biden_1", "macron_1", "sunak_1")]
    for number in range(110):
        small(sources[number % 4], folder / f"person {number:03}" / "1.jpg")
    random, seen, blows = np.random.default_rng(3), {}, 0
    while True:
        with subprocess.Popen(
            command(folder, "--vault", vault, "--no-twins", "--workers", 2),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            if blows < 3:
                before = len(seen)
                deadline = time.monotonic() + 60
                while enrolled(vault) <= before and process.poll() is None:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                time.sleep(float(random.uniform(0, 0.1)))
                os.kill(process.pid, signal.SIGKILL)
            output = process.communicate(timeout=120)[0]
        blows += process.returncode == -signal.SIGKILL
        with FaceID.open(vault) as face_id:
            now = {one.name: one.record for one in face_id.gallery_people()}
        assert seen.items() <= now.items()
        assert len(now) > len(seen) or process.returncode == 0
        seen = now
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, output
    assert blows >= 2
    assert len(seen) == 110


def enrolled(vault):
    """How many people are in the gallery, read as another process would."""
    import sqlite3

    path = vault / "gallery.sqlite"
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM person").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


# ------------------------------------------------------------- folders of people


@pytest.fixture
def album(tmp_path):
    """An empty folder beside the vault."""
    (tmp_path / "people").mkdir()
    return tmp_path / "people"


def test_folders_that_no_person_has_are_left_out(face_id, photos, album):
    for name in ("ada", "@eaDir", ".thumbnails", "Thumbnails", "__MACOSX", "$RECYCLE.BIN", ".git"):
        (album / name).mkdir()
        (album / name / "1.jpg").write_bytes((photos / "obama_1.jpg").read_bytes())
    done = face_id.enroll_folder(album, workers=1)
    assert [person.name for person in face_id.gallery_people()] == ["ada"]
    assert done.refused == []


def test_photos_beside_the_folders_are_told(face_id, photos, album):
    (album / "ada").mkdir()
    for place in ("ada/1.jpg", "loose1.jpg", "loose2.jpg"):
        (album / place).write_bytes((photos / "obama_1.jpg").read_bytes())
    (refused,) = face_id.enroll_folder(album, workers=1).refused
    assert "2 photos beside the folders, as loose1.jpg" in refused.why
    assert "--flat" in refused.why


def test_a_flat_folder_holds_one_photo_for_each_person(face_id, photos, album):
    for name, photo in (
        ("ada.jpg", "obama_1"),
        ("joe.jpeg", "biden_1"),
        (".hidden.jpg", "obama_2"),
    ):
        (album / name).write_bytes((photos / f"{photo}.jpg").read_bytes())
    face_id.enroll_folder(album, workers=1, flat=True)
    assert [person.name for person in face_id.gallery_people()] == ["ada", "joe"]
    assert face_id.identify(photos / "obama_2.jpg").name == "ada"


# ------------------------------------------------------------------- refused before


@pytest.fixture
def refused_people(album, photos):
    """One person who can be enrolled, and two who cannot."""
    for place, photo in (("ada/1", "obama_1"), ("mixed/1", "macron_1"), ("mixed/2", "biden_1")):
        small(photos / f"{photo}.jpg", album / f"{place}.jpg")
    (album / "dark").mkdir()
    Image.new("RGB", (200, 200)).save(album / "dark" / "1.png")
    return album


def test_refused_people_are_not_looked_at_again(face_id, refused_people):
    first = face_id.enroll_folder(refused_people, workers=1)
    assert (first.enrolled, first.looked_at) == (1, 4)
    again = face_id.enroll_folder(refused_people, workers=1)
    assert again.looked_at == 0
    assert again.refused == first.refused
    assert {one.name for one in again.refused} == {"mixed", "dark"}


def test_refused_people_are_remembered_without_their_names(face_id, refused_people):
    face_id.enroll_folder(refused_people, workers=1)
    record = face_id.admin.store.read("refused photos", "")
    assert b"mixed" not in record
    assert b"dark/" not in record


@pytest.mark.parametrize("change", ["more", "other", "less"])
def test_a_change_is_looked_at(face_id, refused_people, photos, change):
    face_id.enroll_folder(refused_people, workers=1)
    if change == "more":
        small(photos / "sunak_1.jpg", refused_people / "dark" / "2.jpg")
    elif change == "other":
        small(photos / "sunak_1.jpg", refused_people / "dark" / "1.png")
    else:
        (refused_people / "mixed" / "2.jpg").unlink()
    again = face_id.enroll_folder(refused_people, workers=1)
    assert again.enrolled == 1
    assert again.looked_at == {"more": 2, "other": 1, "less": 1}[change]


def test_another_version_looks_again(face_id, refused_people, monkeypatch):
    face_id.enroll_folder(refused_people, workers=1)
    from onlyme.faceid import refused_photos

    record = face_id.admin.store.read(refused_photos.REFUSED_PHOTOS, "")
    (old, *_), digest = refused_photos.read_refused(record), ["0" * 64]
    assert len(old) == 64
    before = refused_photos.hash_photos(digest, "net")
    monkeypatch.setattr(refused_photos, "__version__", "9.9")
    assert refused_photos.hash_photos(digest, "net") != before


def test_a_file_that_cannot_be_read_is_tried_again(face_id, album, photos):
    """It may be a network folder that was away."""
    small(photos / "obama_1.jpg", album / "ada" / "1.jpg")
    (album / "joe").mkdir()
    (album / "joe" / "1.jpg").symlink_to(album / "away.jpg")
    first = face_id.enroll_folder(album, workers=1)
    assert [one.file for one in first.refused if one.name == "joe"] == ["", "1.jpg"]
    small(photos / "biden_1.jpg", album / "away.jpg")
    face_id.enroll_folder(album, workers=1)
    assert "joe" in [person.name for person in face_id.gallery_people()]


# ------------------------------------------------------------------- folders in folders


def test_photos_in_folders_of_a_person(face_id, album, photos):
    places = {1: "ada/2024/1.jpg", 2: "ada/2025/summer/1.jpg", 4: "ada/1.jpg"}
    for number, place in places.items():
        small(photos / f"obama_{number}.jpg", album / place)
    small(photos / "biden_1.jpg", album / "ada/.thumbnails/1.jpg")
    small(photos / "macron_1.jpg", album / "emmanuel/old/1.jpg")
    plain = face_id.enroll_folder(album, workers=1)
    assert [one.name for one in plain.refused if "--subfolders" in one.why] == ["ada", "emmanuel"]
    assert (plain.enrolled, plain.photos) == (1, 1)
    done = face_id.enroll_folder(album, workers=1, subfolders=True, add=True)
    assert (done.enrolled, done.changed, done.photos, done.refused) == (1, 1, 4, [])
    assert face_id.enroll_folder(album, workers=1, subfolders=True, add=True).looked_at == 0


def test_a_link_in_a_circle_ends(face_id, album, photos):
    small(photos / "obama_1.jpg", album / "ada/1.jpg")
    (album / "ada" / "again").symlink_to(album / "ada")
    assert face_id.enroll_folder(album, workers=1, subfolders=True).photos == 1


def test_a_photo_for_each_person_leaves_no_folders_to_search(face_id, album):
    with pytest.raises(UsageError, match="either flat or subfolders"):
        face_id.enroll_folder(album, flat=True, subfolders=True)
