"""Run every command of the README, the how-tos and the tutorials, as a reader would type it.

A line that cannot run here must match one of `NOT_HERE`, which says why, and what runs it instead.
Its options are compared with those of the program all the same.
"""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image, ImageEnhance

from onlyme import FaceID
from onlyme.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/how-to/*.md")),
    *sorted(ROOT.glob("docs/tutorials/*.md")),
]
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.M | re.S)

NOT_HERE = {
    r"sudo (apt|sh|pam-auth-update|onlyme|ln|python3|/opt)": "changes the computer: `make try`",
    r"(usermod|sed -i) ": "changes the computer: `make try`",
    r"\S*onlyme unlock (?!status)": "needs the daemon: tests/unlock and tests/machine",
    r"onlyme (watch|enroll) .*--camera ": "needs a camera: tests/machine gives one",
    r"onlyme watch (ada|--everybody)( --(on-|webhook|mqtt).*)?$": "needs a camera: tests/machine",
    r"onlyme serve( --(name \S+|compreface|embeddings|docs|doorbell.*))*$": "runs on: test_serve",
    r"onlyme (enroll-folder|evaluate) .*--scheduler ": "needs a cluster: tests/faceid",
    r"curl .*\$TOKEN": "asks a running service: tests/serve",
    r"make ": "builds: `make test` itself, tests/package",
    r"mkdir carry": "downloads: tests/package",
    r"\S*(python3|pip) -m (venv|pip)|\S*/pip install": "installs: tests/package",
    r"(~|\.venv)/": "is in an environment that the lines before installed: tests/package",
    r"onlyme reset": "asks for the login's password: tests/gate/test_login_password.py",
}
"""Lines that do not run in this test, and what runs them."""

MAY_SAY_NO = r"onlyme (watch|cameras|doctor|unlock status|verify)\b"
"""Commands that answer a question: 1 says no, as for a video that shows a photo."""


ANSWER = "a passphrase that nobody guesses\n"
"""What is typed at a question."""


def list_lines():
    """Return page and line of each command, with continued lines joined."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text("utf-8")):
            lines = block.replace("\\\n", " ").splitlines()
            typed = (" ".join(line.split()) for line in lines)
            found += [(page, line) for line in typed if line and not line.startswith("#")]
    return found


def strip_comment(line):
    """Return a line without the comment at its end."""
    return re.split(r"\s#\s", line, maxsplit=1)[0].strip()


LINES = [(page, strip_comment(line)) for page, line in list_lines()]
RUN = [each for each in LINES if not any(re.match(pattern, each[1]) for pattern in NOT_HERE)]


def name_line(each):
    """Return what a test of this line is called."""
    return f"{each[0].stem}: {each[1]}"


def test_most_kinds_of_line_run():
    assert len(RUN) > 40
    assert len({line.split()[1] for _, line in RUN if line.startswith("onlyme ")}) > 14


@pytest.mark.parametrize("pattern", NOT_HERE)
def test_no_reason_stands_for_nothing(pattern):
    assert any(re.match(pattern, line) for _, line in LINES)


@pytest.mark.parametrize("each", LINES, ids=name_line)
def test_every_option_exists(each):
    """Also in lines that do not run here."""
    words = shlex.split(each[1])
    for position, word in enumerate(words):
        if word.rpartition("/")[2] == "onlyme" and word != "/usr/share/pam-configs/onlyme":
            following = words[position + 1 :]
            if following and following[0] not in {"/usr/local/bin/onlyme", "ada"}:
                check_options(following)


def check_options(words):
    """Fail for a command or option that the program does not have."""
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    below = getattr(command, "commands", None)
    assert not below or getattr(command, "invoke_without_command", False), words
    ends = {"&&", "||", ">", "|"}
    own = words[: next((at for at, word in enumerate(words) if word in ends), len(words))]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {
        "--help"
    }
    assert {word.partition("=")[0] for word in own if word.startswith("--")} <= known


@pytest.fixture(scope="module")
def stage(photos, tmp_path_factory):
    """A folder with the pictures that the pages speak of."""
    folder = tmp_path_factory.mktemp("stage")
    copies = {
        "photos-of-ada": ["obama_1", "obama_2", "obama_4"],
        "colleagues": ["biden_1", "macron_1"],
        "portraits": ["ardern_1", "macron_1"],
        ".": ["biden_1"],
    }
    for name, stems in copies.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for stem in stems:
            shutil.copy(photos / f"{stem}.jpg", folder / name)
    (folder / "holiday").mkdir()
    for name, stem in {
        "visitor": "obama_3",
        "ada1": "obama_1",
        "turned-left": "obama_3",
        "sister": "ardern_1",
        "brother": "biden_1",
    }.items():
        shutil.copy(photos / f"{stem}.jpg", folder / f"{name}.jpg")
    Image.open(photos / "obama_4.jpg").save(folder / "holiday/ada2.png")
    for name, stem in {"ada": "obama", "grace": "ardern", "alan": "macron"}.items():
        write_person(folder / "people" / name, [photos / f"{stem}_{n}.jpg" for n in (1, 2)])
    write_group(folder / "group.jpg", [photos / "obama_3.jpg", photos / "macron_1.jpg"])
    for name in ("holiday.mp4", "street.mp4", "film-of-ada.mp4"):
        write_video(folder / name, photos / "obama_3.jpg")
    (folder / "pairs.txt").write_text("2\t3\n" + 2 * make_pairs(["ada", "grace", "alan"]))
    (folder / "groups.csv").write_text("person,group\nada,a\ngrace,b\nalan,b\n")
    return folder


def write_person(folder, sources):
    """Write eight photos of one person in other lights, named as in LFW."""
    folder.mkdir(parents=True)
    lights = itertools.product(sources, (0.7, 0.9, 1.1, 1.3))
    for number, (source, light) in enumerate(lights, 1):
        picture = Image.open(source).convert("RGB")
        name = f"{folder.name}_{number:04}.jpg"
        ImageEnhance.Brightness(picture).enhance(light).save(folder / name)


def write_group(path, sources):
    """Write two photos side by side."""
    pictures = [Image.open(source).convert("RGB").resize((400, 400)) for source in sources]
    both = Image.new("RGB", (800, 400))
    for number, picture in enumerate(pictures):
        both.paste(picture, (400 * number, 0))
    both.save(path)


def make_pairs(names):
    """Return one fold of pairs, in LFW's format."""
    same = [f"{name}\t1\t5\n" for name in names]
    different = [f"{one}\t1\t{other}\t1\n" for one, other in itertools.combinations(names, 2)]
    return "".join([*same, *different])


def write_video(path, source):
    """Write a video of one photo."""
    import cv2

    picture = cv2.resize(cv2.imread(str(source)), (480, 480))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (480, 480))
    for _ in range(60):
        writer.write(picture)
    writer.release()


@pytest.fixture
def vault(stage, tmp_path):
    """The folder of a vault that knows ada, and people in the gallery."""
    folder = tmp_path / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("ada", stage / "photos-of-ada")
    return folder


def type_line(line, stage, vault):
    """Run one line in a shell."""
    folder = Path(sys.executable).parent
    own = {"ONLYME_VAULT": str(vault), "HOME": str(vault.parent), "PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(
        ["sh", "-c", line], cwd=stage, env=os.environ | own, text=True, input=ANSWER,
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("each", RUN, ids=name_line)
def test_every_line_runs(each, stage, vault):
    line = each[1]
    prepare(line, stage, vault)
    done = type_line(line, stage, vault)
    ends = {0, 1} if re.search(MAY_SAY_NO, line) else {0}
    assert done.returncode in ends, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def prepare(line, stage, vault):
    """Do what the page did in the lines before."""
    if re.match(r"onlyme enroll ada (?!.*--(add|replace))", line):
        shutil.rmtree(vault)
    before = {
        r"onlyme (store|identify|forget grace|list|enroll-folder .*--(add|replace))": (
            "onlyme enroll-folder people/"
        ),
        r"onlyme examples ada --remove-look": "onlyme enroll ada visitor.jpg --add --look glasses",
        r"onlyme not-me ada --undo": "onlyme not-me ada brother.jpg",
    }
    for pattern, needed in before.items():
        if re.search(pattern, line):
            done = type_line(needed, stage, vault)
            assert done.returncode == 0, done.stderr
