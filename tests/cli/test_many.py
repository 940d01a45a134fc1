"""The command line takes many photos, standard input and several names."""

import csv
import io
import json
import subprocess

import pytest

from tests.cli.conftest import ONLYME
from tests.cli.test_answers import document, refused


@pytest.fixture
def album(photos, tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for number, name in enumerate(("obama_3", "biden_1")):
        (folder / f"{number}.jpg").symlink_to(photos / f"{name}.jpg")
    return folder


def test_each_photo_of_a_folder_gets_a_line(obama, album, photos):
    done = obama("verify", "obama", album)
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{album / '0.jpg'}  ✓ obama")
    assert second.startswith(f"{album / '1.jpg'}  ✗ NOT obama")
    assert done.returncode == 1, "one photo is not hers"
    assert obama("verify", "obama", album / "0.jpg", photos / "obama_1.jpg").returncode == 0
    (album / "2.jpg").write_bytes(b"no picture")
    done = obama("verify", "obama", album)
    assert done.returncode == 2
    assert "not a picture" in done.stdout


def test_tables_for_programs(obama, album):
    table = list(csv.DictReader(io.StringIO(obama("verify", "obama", album, "--csv").stdout)))
    assert [row["reason"] for row in table] == ["match", "no_match"]
    lines = obama("identify", album, "--jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["obama", None]
    both = document(obama("identify", album, "--json"), code=1)
    assert [row["name"] for row in both] == ["obama", None]
    assert "only one" in refused(obama("verify", "obama", album, "--csv", "--json"))


def test_one_photo_answers_as_before(obama, album):
    one = document(obama("verify", "obama", album / "0.jpg", "--json"))
    assert one["reason"] == "match"
    assert "picture" not in one
    (row,) = csv.DictReader(io.StringIO(obama("verify", "obama", album / "0.jpg", "--csv").stdout))
    assert row["accepted"] == "True"


def test_a_photo_comes_from_standard_input(obama, photos):
    for name, code in (("obama_3", 0), ("biden_1", 1)):
        done = subprocess.run(
            [*ONLYME, "verify", "obama", "-"],
            input=(photos / f"{name}.jpg").read_bytes(),
            env=obama.environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
    for words in (("verify", "obama", "-", "-"), ("identify", "-", "-"), ("compare", "-", "-")):
        assert "once" in refused(obama(*words))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify", "obama", "-"), 0),
        (("verify", "obama", "-", "{photo}", "--jsonl"), 0),
        (("identify", "-"), 0),
        (("detect", "-"), 0),
        (("compare", "-", "{photo}"), 0),
    ],
)
def test_standard_input_has_a_name(obama, photos, words, code):
    photo = photos / "obama_3.jpg"

    def run(content):
        command = [*ONLYME, *(word.format(photo=photo) for word in words)]
        settings = {"input": content, "env": obama.environment(), "capture_output": True}
        return subprocess.run(command, **settings, timeout=120, check=False)

    assert run(photo.read_bytes()).returncode == code
    for bad in (b"", b"no picture", photo.read_bytes()[:2000]):
        done = run(bad)
        assert done.returncode == 2
        assert b"standard input: is" in done.stdout + done.stderr.replace(b"\n", b" ")


def test_many_photos_are_no_attempt(obama, album):
    assert "one photo at a time" in refused(obama("verify", "obama", album, "--gate"))
    assert "one photo" in refused(obama("identify", album, "--all"))


def test_two_photos_are_compared(onlyme, photos):
    same = onlyme("compare", photos / "obama_1.jpg", photos / "obama_2.jpg")
    assert same.returncode == 0
    assert same.stdout.startswith("✓ one person   distance ")
    other = document(onlyme("compare", photos / "obama_1.jpg", photos / "biden_1.jpg", "--json"), 1)
    assert other["same"] is False
    assert other["far"] == 1e-4


def test_faces_are_found_and_drawn(onlyme, photos, tmp_path):
    from PIL import Image, ImageChops

    out = tmp_path / "drawn.png"
    done = onlyme("detect", photos / "obama_1.jpg", "--draw", out)
    assert done.returncode == 0
    assert "yaw" in done.stdout
    with Image.open(out) as drawn, Image.open(photos / "obama_1.jpg") as photo:
        assert drawn.size == photo.size
        assert ImageChops.difference(drawn.convert("RGB"), photo.convert("RGB")).getbbox()
    (face,) = document(onlyme("detect", photos / "obama_1.jpg", "--json"))
    assert len(face["landmarks"]) == 5
    Image.new("RGB", (90, 90)).save(tmp_path / "black.png")
    assert onlyme("detect", tmp_path / "black.png").returncode == 1
    wrong = onlyme("detect", photos / "obama_1.jpg", "--draw", tmp_path / "drawn.doc")
    assert "ending" in refused(wrong)


def test_one_person_under_two_names(obama, photos):
    again = ("enroll", "Barack", photos / "obama_3.jpg")
    said = refused(obama(*again))
    assert "obama" in said
    assert "--anyway" in said
    assert obama(*again, "--anyway").returncode == 0
    assert obama("merge", "obama", "Barack").returncode == 0
    (entry,) = document(obama("list", "--json"))
    assert (entry["name"], entry["photos"]) == ("obama", 4)


def test_names_are_changed_listed_and_forgotten(obama, photos):
    assert obama("enroll", "biden", photos / "biden_1.jpg").returncode == 0
    assert obama("rename", "obama", "Barack").stdout == "obama is called Barack now\n"
    assert obama("list", "--filter", "bAR").stdout.startswith("Barack")
    assert [one["name"] for one in document(obama("list", "--filter", "id", "--json"))] == ["biden"]
    assert "no name has 'x' in it" in obama("list", "--filter", "x").stdout
    assert "nobody" in refused(obama("forget", "Barack", "nobody"))
    assert len(document(obama("list", "--json"))) == 2, "a name that is wrong erases no person"
    assert obama("forget", "Barack", "biden").returncode == 0
    assert document(obama("list", "--json")) == []


@pytest.mark.data
def test_what_was_watched_is_recorded(obama, data, tmp_path):
    import cv2

    out = tmp_path / "seen.mp4"
    clip = data / "clips/liveportrait_s32_live.mp4"
    assert obama("watch", "obama", clip, "--record", out).returncode == 1
    seen, plain = cv2.VideoCapture(str(out)), cv2.VideoCapture(str(clip))
    assert seen.get(cv2.CAP_PROP_FRAME_COUNT) > 30
    (_, drawn), (_, frame) = seen.read(), plain.read()
    assert drawn.shape == frame.shape
    assert (abs(drawn.astype(int) - frame).max(axis=2) > 60).sum() > 500
    assert ".mp4" in refused(obama("watch", "obama", clip, "--record", tmp_path / "seen.txt"))


def test_candidates_are_listed_for_one_photo_when_asked_for(obama, photos, album):
    done = obama("identify", photos / "biden_1.jpg", "--candidates", "3")
    first, verdict = done.stdout.splitlines()
    assert done.returncode == 1
    assert first.startswith("    1. obama  margin ")
    assert " < " in first
    assert verdict.startswith("✗ no enrolled person")
    one = document(obama("identify", photos / "obama_3.jpg", "--candidates", "3", "--json"))
    assert [each["name"] for each in one["candidates"]] == ["obama"]
    assert "candidates" not in document(obama("identify", photos / "obama_3.jpg", "--json"))
    for more in ([album], [photos / "obama_3.jpg", "--all"], [photos / "obama_3.jpg", "--csv"]):
        assert "one photo" in refused(obama("identify", *more, "--candidates", "3"))


def test_status_and_list_tell_of_the_gallery(obama, photos, tmp_path):
    assert "gallery" not in obama("status").stdout
    assert document(obama("status", "--json"))["gallery"] == 0
    (tmp_path / "people/biden").mkdir(parents=True)
    (tmp_path / "people/biden/1.jpg").symlink_to(photos / "biden_1.jpg")
    done = obama("enroll-folder", tmp_path / "people")
    assert done.returncode == 0, done.stderr
    assert "1 person enrolled and 1 person in the gallery" in obama("status").stdout
    assert document(obama("status", "--json"))["gallery"] == 1
    assert "in the gallery" in obama("list").stdout
    assert "in the gallery" not in obama("list", "--filter", "obama").stdout
    assert document(obama("certificate", "biden", "--json"))["photos"] == 1
    assert "gallery" in refused(obama("tune", "biden", "--far", "1e-5"))
    assert "store certificate" in refused(obama("tune", "biden", "--far", "1e-5"))
