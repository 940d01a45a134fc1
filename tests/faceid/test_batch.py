"""Many pictures give one decision each."""

import csv
import io
import json

import pytest
from PIL import Image

from onlyme import ImageError, Reason, UnknownOwner, UsageError
from onlyme.faceid.batch import WORKERS
from onlyme.testing import draw_face, open_face_id


@pytest.fixture(scope="module")
def face_id(tmp_path_factory):
    with open_face_id(tmp_path_factory.mktemp("vault")) as opened:
        for name in ("ada", "bob"):
            opened.enroll(name, [draw_face(name, photo) for photo in range(3)])
        yield opened


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("ada", "bob", "eve", "ada")):
        Image.fromarray(draw_face(name, 10 + number)).save(tmp_path / f"{number}.png")
    (tmp_path / "9.jpg").write_bytes(b"no picture")
    return tmp_path


def test_each_picture_of_a_folder_gets_its_row(face_id, folder):
    rows = list(face_id.verify_all("ada", folder))
    assert [row.picture for row in rows] == [str(folder / f"{n}.{e}") for n, e in ROWS]
    assert [bool(row) for row in rows] == [True, False, False, True, False]
    assert isinstance(rows[4].error, ImageError)
    assert rows[4].decision is None
    found = face_id.identify_all(folder)
    assert [row.to_dict()["name"] for row in found] == ["ada", "bob", None, "ada", None]


ROWS = [(0, "png"), (1, "png"), (2, "png"), (3, "png"), (9, "jpg")]


def test_the_rows_say_what_single_calls_say(face_id, folder):
    paths = sorted(folder.glob("*.png"))
    for row, path in zip(face_id.verify_all("ada", paths, "passive"), paths, strict=True):
        assert row.decision == face_id.verify("ada", path, "passive")


def test_a_folder_that_is_not_there_is_a_row_of_its_own(face_id, folder):
    empty = folder / "empty"
    empty.mkdir()
    rows = list(face_id.verify_all("ada", [folder / "0.png", empty, folder / "gone.png"]))
    assert [row.error is None for row in rows] == [True, False, False]


def test_pictures_are_read_as_rows_are_asked_for(face_id):
    """A generator without end neither hangs nor fills the memory."""
    drawn = []

    def draw():
        while True:
            drawn.append(len(drawn))
            yield draw_face("ada", len(drawn) % 256)

    rows = iter(face_id.verify_all("ada", draw()))
    for _ in range(5):
        assert next(rows)
    assert len(drawn) <= 5 + WORKERS + 2
    rows.close()


def test_what_a_generator_raises_reaches_the_caller(face_id):
    def fail():
        yield draw_face("ada", 8)
        raise KeyError("the caller's own")

    rows = iter(face_id.verify_all("ada", fail()))
    with pytest.raises(KeyError, match="own"):
        list(rows)


def test_rows_become_tables(face_id, folder):
    file = io.StringIO()
    assert face_id.verify_all("ada", folder).write_csv(file) == 5
    table = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [line["accepted"] for line in table] == ["True", "False", "False", "True", "False"]
    lines = io.StringIO()
    assert face_id.identify_all(folder).write_jsonl(lines) == 5
    documents = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [one["name"] for one in documents] == ["ada", "bob", None, "ada", None]
    assert documents[0]["reason"] == Reason.MATCH
    assert "not a picture" in documents[4]["error"]
    frame = face_id.verify_all("ada", folder).to_dataframe()
    assert frame["accepted"].tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("name", ["=1+1.png", "+cmd.png", "@sum.png", "-2.png"])
def test_a_file_name_is_no_formula(face_id, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw_face("ada", 5)).save(name)
    file = io.StringIO()
    face_id.verify_all("ada", [name]).write_csv(file)
    assert next(csv.DictReader(io.StringIO(file.getvalue())))["picture"] == f"'{name}"


def test_each_row_is_told_for_a_progress_bar(face_id, folder):
    told = []
    rows = list(face_id.verify_all("ada", folder, on_row=told.append))
    assert told == rows


def test_wrong_use_is_refused_before_the_first_picture(face_id, folder):
    with pytest.raises(UnknownOwner):
        face_id.verify_all("nobody", folder)
    with pytest.raises(UsageError):
        face_id.verify_all("ada", folder, "very")
    with pytest.raises(UsageError, match="color"):
        face_id.identify_all(folder, color="hsv")
    batch = face_id.verify_all("ada", folder)
    list(batch)
    with pytest.raises(UsageError, match="once"):
        iter(batch)
