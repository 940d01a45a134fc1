"""`onlyme examples` lists what a person was learned from, and removes single photos and looks."""

import pytest

from tests.cli.test_answers import document, refused
from tests.cli.test_complete import press_tab


@pytest.fixture
def looks(obama, photos):
    done = obama("enroll", "obama", photos / "obama_3.jpg", "--add", "--look", "tie")
    assert done.returncode == 0, done.stderr
    return obama


def test_examples_are_listed_without_a_picture(looks):
    done = looks("examples", "obama")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == 4
    assert all(" photo " in line and "size " in line for line in lines)
    assert "tie" in lines[3]
    rows = document(looks("examples", "obama", "--json"))
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [row["look"] for row in rows] == ["", "", "", "tie"]
    assert set(rows[0]) == {"number", "added", "kind", "look", "quality"}


def test_one_photo_or_one_look_is_removed(looks):
    done = looks("examples", "obama", "--remove", "2", "--remove", "1")
    assert done.stdout == "removed; obama is now known by 2 examples\n"
    answer = document(looks("examples", "obama", "--remove-look", "tie", "--json"))
    assert answer == {"name": "obama", "left": 1, "notes": []}
    assert "onlyme forget obama" in refused(looks("examples", "obama", "--remove", "3"))
    assert "no example 9" in refused(looks("examples", "obama", "--remove", "9"))
    assert "no look called 'tie'" in refused(looks("examples", "obama", "--remove-look", "tie"))
    assert "not both" in refused(looks("examples", "obama", "--remove", "3", "--remove-look", "x"))
    assert "nobody" in refused(looks("examples", "nobody"))
    assert "example 1, example 2" in looks("audit").stdout


def test_looks_and_numbers_are_completed(looks):
    assert "tie" in press_tab(looks, "onlyme examples obama --remove-look t")
    assert "tie" in press_tab(looks, "onlyme enroll obama --look t")
    assert "4" in press_tab(looks, "onlyme examples obama --remove ").split()
    assert "obama" in press_tab(looks, "onlyme examples o")
    assert "tie" not in press_tab(looks, "onlyme examples nobody --remove-look t")
