"""Run every program of the cookbook, in its order, with real photos and real networks."""

import re
import shutil
from pathlib import Path

import pytest

import onlyme

PAGE = Path(__file__).parents[2] / "docs/how-to/cookbook.md"
TASKS = re.findall(r"^## (\d+\. .+?)$(.*?)(?=^## )", PAGE.read_text("utf-8"), re.M | re.S)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def kitchen(photos, tmp_path_factory):
    """A folder as the page describes it."""
    folder = tmp_path_factory.mktemp("kitchen")
    for name, stem, numbers in (("ada", "obama", (1, 2, 4)), ("bob", "biden", (1,))):
        (folder / name).mkdir()
        for number in numbers:
            shutil.copy(photos / f"{stem}_{number}.jpg", folder / name / f"{number}.jpg")
    (folder / "album").mkdir()
    for number, stem in enumerate(("obama_3", "biden_1", "macron_1", "sunak_1"), start=1):
        shutil.copy(photos / f"{stem}.jpg", folder / "album" / f"{number}.jpg")
    shutil.copy(photos / "obama_3.jpg", folder / "visitor.jpg")
    return folder


def test_there_are_twenty():
    assert [title.split(".")[0] for title, _ in TASKS] == [str(n) for n in range(1, 21)]


SAYS = {
    "1": ["welcome, Ada"],
    "2": ["taken"],
    "3": ["liveness_undecided", "not_live"],
    "4": ["ada"],
    "5": ["ada"],
    "6": ["album/1.jpg"],
    "8": ["match", "no_match"],
    "9": ["4 photos looked at"],
    "10": ["True distance"],
    "11": ["these photos show ada"],
    "15": ["match"],
    "16": ["ada True", "bob False"],
    "19": ["1e-05", "0.0001"],
}
"""What a task prints; one of these at least."""

WRITES = {"7": "attendance.csv", "9": "found.jsonl", "13": "blurred.jpg", "14": "named.png"}


@pytest.mark.parametrize(("title", "text"), TASKS, ids=[title for title, _ in TASKS])
def test_every_task_works(kitchen, title, text, monkeypatch, capsys):
    monkeypatch.chdir(kitchen)
    monkeypatch.setenv("ONLYME_VAULT", str(kitchen / "vault"))
    enroll_everybody(title)
    blocks = BLOCK.findall(text)
    assert blocks, "a task without a program"
    for block in blocks:
        exec(compile(block, f"{PAGE.name}: {title}", "exec"), {"__name__": "task"})  # noqa: S102 - our own page
    said = capsys.readouterr().out
    number = title.split(".")[0]
    if number in WRITES:
        assert (kitchen / WRITES[number]).stat().st_size
    assert any(words in said for words in SAYS.get(number, [""])), said


def enroll_everybody(title):
    """Later tasks go on with the people of the first two, also when they are run alone."""
    if title.split(".")[0] in {"1", "2"}:
        return
    with onlyme.FaceID.open() as face_id:
        for name in {"ada", "bob"} - set(face_id.names()):
            face_id.enroll(name, f"{name}/")
