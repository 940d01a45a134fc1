"""Run every program of the cookbook, in its order, with real photos and real networks."""

import re
import shutil
from pathlib import Path

import pytest

import onlyme
from onlyme import draw
from onlyme.image.decode import decode

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


# ------------------------------------------------------------- from another library

FROM = PAGE.read_text("utf-8").partition("## From another library")[2]
CODE = re.compile(r"`((?:onlyme\.|face_id\.|face\.|first|draw\.|float\(|\[)[^`]*)`")
EXPRESSIONS = sorted({
    code
    for line in FROM.splitlines()
    if line.startswith("| ")
    for code in CODE.findall(line.split(" | ", 1)[-1])
})  # fmt: skip


def test_the_tables_are_read():
    assert len(EXPRESSIONS) > 20


@pytest.fixture(scope="module")
def shelf(kitchen, tmp_path_factory):
    """What the tables speak of."""
    paths = [str(path) for path in sorted((kitchen / "ada").iterdir())]
    image = str(kitchen / "visitor.jpg")
    with onlyme.FaceID.open(tmp_path_factory.mktemp("shelf") / "vault") as face_id:
        first, second = (onlyme.detect(path, embed=True)[0] for path in paths[:2])
        yield {
            "onlyme": onlyme, "draw": draw, "face_id": face_id, "image": image, "one": image,
            "images": paths, "known": paths, "a": paths[0], "b": paths[1], "face": first,
            "first": first, "second": second, "faces": [first], "camera": [decode(image)] * 5,
            "pixels": decode(paths[0]).pixels,
        }  # fmt: skip


@pytest.mark.parametrize("code", EXPRESSIONS)
def test_every_line_of_the_tables_works(shelf, code):
    if "ada" not in shelf["face_id"].names():
        shelf["face_id"].enroll("ada", shelf["known"])
    if code.startswith("face_id.enroll("):
        code = code.replace("known)", "known, replace=True)")
    result = eval(code, dict(shelf))  # noqa: S307 - our own page
    if code.startswith("face_id.watch"):
        result = list(result)
    if code == "onlyme.FaceID.open(lasting=True)":
        result.close()
    assert result is not None
