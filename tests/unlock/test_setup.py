"""The steps of `unlock setup` and `teardown`, on a private PAM, where something is wrong."""

import shutil
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import typer
from click.testing import CliRunner

from onlyme.cli.unlock import setup_steps
from onlyme.cli.unlock.pictures import require_pictures
from onlyme.errors import CameraError, EnrollmentError
from tests.unlock.conftest import clip, copy_vault, some_frames
from tests.unlock.stack import DAEMON, OTHER, PASSWORD, USER, WRONG, Terminal

pytestmark = pytest.mark.data

ENROLL = """
import sys
from pathlib import Path
from onlyme.cli.unlock import setup_steps
from onlyme.settings import Settings
photos = [Path(path) for path in sys.argv[1:]] or None
setup_steps.enroll(Settings.load_system(), "ada", photos, replace=False)
"""
FORGET = "from onlyme.cli.unlock import setup_steps; setup_steps.forget_faces()"
PHOTOS = "/var/lib/pictures"
FULL = """\
cp -a /var/lib/onlyme /run/vault && mount -t tmpfs -o size=1m,mode=700 full /var/lib/onlyme
cp -a /run/vault/. /var/lib/onlyme; cat /dev/zero > /var/lib/onlyme/fill 2>/dev/null
exec "$@"
"""


def run(stack, code, *words, text_in=""):
    return stack.run(sys.executable, "-c", code, *words, text_in=text_in)


def unlock(stack, *words, text_in=""):
    return stack.run(sys.executable, "-m", "onlyme", "unlock", *words, text_in=text_in)


def save_photos(stack, data):
    folder = stack.folder / "lib/pictures"
    folder.mkdir()
    for number, frame in enumerate(some_frames(clip(data, USER))):
        cv2.imwrite(str(folder / f"me{number}.png"), frame.pixels[..., ::-1])


def film_plain(path, brightness):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for _ in range(10):
        video.write(np.full((240, 320, 3), brightness, np.uint8))
    video.release()
    return path


# ------------------------------------------------------------------------ who is enrolled


def test_a_user_who_is_enrolled_stays_so(stack):
    with stack.daemon():
        done = run(stack, ENROLL, PHOTOS)
    assert done.returncode == 0, done.stdout
    assert "ada is enrolled already" in done.stdout


@pytest.mark.parametrize("harm", ["no key", "another key", "no vault", "full disk"])
def test_a_vault_that_cannot_be_used_is_no_enrolment(stack, data, harm):
    """Else PAM's files would be changed for a face that opens nothing."""
    save_photos(stack, data)
    command = DAEMON
    if harm == "no key":
        (stack.folder / "etc/onlyme/vault.key").unlink()
    elif harm == "another key":
        key = stack.folder / "etc/onlyme/vault.key"
        key.write_text(key.read_text()[::-1])
    elif harm == "no vault":
        (stack.folder / "lib/onlyme/vault.sqlite").write_bytes(b"no vault")
    else:
        command = ("sh", "-c", FULL, "sh", *DAEMON)
        for path in (stack.folder / "lib/onlyme").glob("vault.sqlite*"):
            path.unlink()
        (stack.folder / "etc/onlyme/vault.key").unlink()
    with stack.daemon(command=command):
        done = run(stack, ENROLL, PHOTOS)
    assert done.returncode == 1, done.stdout
    assert "ada is enrolled" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("onlyme.")  # an error that it tells


@pytest.mark.parametrize("hidden_by", ["the switch", "the lid"])
def test_what_keeps_every_face_out_does_not_hide_who_is_enrolled(empty, data, hidden_by):
    save_photos(empty, data)
    empty.configure(camera=clip(data, USER))
    if hidden_by == "the switch":
        (empty.folder / "etc/onlyme/disabled").write_text("forever")
    else:
        empty.close_lid()
    with empty.daemon():
        done = run(empty, ENROLL, PHOTOS)
        assert "is enrolled already" not in done.stdout
        assert "ada is enrolled with" in done.stdout, done.stdout
        assert "ada is enrolled already" in run(empty, ENROLL, PHOTOS).stdout


# --------------------------------------------------------------- what cannot be learned from


@pytest.mark.parametrize(("brightness", "words"), [(90, "No face is seen"), (0, "Turn on a light")])
def test_a_camera_that_shows_no_face_says_so(empty, brightness, words):
    film_plain(empty.folder / "lib/room.avi", brightness)
    empty.configure(camera="/var/lib/room.avi")
    with empty.daemon():
        done = run(empty, ENROLL)
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert "no picture of a face could be taken" in last
    assert words in last
    assert "no photo was given" not in done.stdout


def test_photos_that_cannot_be_used_have_their_names(stack, data):
    save_photos(stack, data)
    (stack.folder / "lib/pictures/notes.txt").write_text("no picture")
    with stack.daemon():
        assert unlock(stack, "enroll", PHOTOS, "--user", USER, "--add").returncode in {0, 2}
        done = unlock(stack, "enroll", PHOTOS, "--user", USER, "--add")
        assert done.returncode == 2
        for number in range(5):
            assert f"\n  {PHOTOS}/me{number}.png: the same picture" in done.stdout, done.stdout
        assert "bytes" not in done.stdout
        unread = unlock(stack, "enroll", f"{PHOTOS}/none.jpg", "--user", USER, "--add")
        assert unread.returncode == 2
        assert "no photo was given" not in unread.stdout


def test_nothing_to_enroll_from_is_an_error():
    pictures = {"a.jpg": SimpleNamespace()}
    assert require_pictures(pictures) is pictures
    with pytest.raises(EnrollmentError, match="none of these photos can be read"):
        require_pictures({})
    with pytest.raises(CameraError, match=r"camera 2: .* Come closer"):
        require_pictures({}, "2", "Come closer.")


# ---------------------------------------------------------------------------- questions


@pytest.fixture
def two_cameras(tmp_path, monkeypatch):
    made = [
        SimpleNamespace(
            path=str(film_plain(tmp_path / f"{name}.avi", 90)),
            card=name,
            name=name,
            infrared=False,
            virtual=False,
        )
        for name in ("first", "second")
    ]
    monkeypatch.setattr("onlyme.image.cameras.list_cameras", lambda: made)


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [("2\n", "second"), ("\n", "first"), ("7\nx\n0\n-1\n2\n", "second"), ("second\n1\n", "first")],
)
def test_a_camera_is_asked_for_until_it_is_one_of_them(two_cameras, typed, chosen):
    with CliRunner().isolation(input=typed):
        assert setup_steps.choose_camera(None, asks=True) == chosen


def test_cameras_that_cannot_be_used_are_not_called_missing(two_cameras, tmp_path):
    for path in tmp_path.glob("*.avi"):
        path.write_bytes(path.read_bytes()[:200])
    with CliRunner().isolation(), pytest.raises(CameraError, match="no camera can be used now"):
        setup_steps.choose_camera(None, asks=False)


def test_without_an_answer_no_camera_is_chosen(two_cameras):
    with CliRunner().isolation(input="7\n"), pytest.raises(typer.Abort):
        setup_steps.choose_camera(None, asks=True)


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("teardown", "--forget"), "Erase the faces of all users"),
        (("setup", "--user", USER, "--replace"), f"Forget the face of {USER}"),
    ],
)
def test_what_erases_faces_is_asked_for(stack, words, question):
    before = (stack.folder / "lib/onlyme/vault.sqlite").read_bytes()
    terminal = Terminal(stack, sys.executable, "-m", "onlyme", "unlock", *words)
    terminal.read_until(question)
    terminal.type("n\n")
    assert not terminal.end()
    assert "nothing was changed" in terminal.seen
    assert (stack.folder / "lib/onlyme/vault.sqlite").read_bytes() == before


# --------------------------------------------------------------------------- directories

ASK = """
import sys
from pathlib import Path
from onlyme.cli.unlock import setup_steps
from onlyme.gate import password
password._ACCOUNTS = Path(sys.argv[1])
setup_steps.ask_password("ada")
"""


@pytest.mark.parametrize(("accounts", "is_hinted"), [("/etc/passwd", False), ("/dev/null", True)])
def test_a_password_that_a_directory_may_keep_is_not_called_wrong_alone(empty, accounts, is_hinted):
    assert run(empty, ASK, accounts, text_in=f"{PASSWORD}\n").returncode == 0
    done = run(empty, ASK, accounts, text_in=f"{WRONG}\n")
    assert done.returncode == 1
    assert "that is not the password of ada; nothing was changed" in done.stdout
    assert ("if a directory keeps it" in done.stdout) is is_hinted


def remove_account(stack, user):
    path = stack.folder / "etc/passwd"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"{user}:")))


def test_faces_are_forgotten_by_the_vault_and_not_by_the_list_of_users(stack):
    """A directory may list no users; an account may be gone."""
    remove_account(stack, OTHER)
    with stack.daemon():
        done = run(stack, FORGET)
        assert done.returncode == 0, done.stdout
        assert f"{USER} is forgotten" in done.stdout
        assert f"{OTHER} is forgotten" in done.stdout
        assert run(stack, FORGET).stdout == ""


def test_root_erases_what_an_account_that_is_gone_has_left(stack):
    remove_account(stack, OTHER)
    with stack.daemon():
        refused = unlock(stack, "tune", "--far", "1e-5", "--user", OTHER)
        assert "no user called" in refused.stdout
        assert f"{OTHER} is forgotten" in unlock(stack, "forget", "--user", OTHER, "--yes").stdout


def test_faces_of_no_vault_are_forgotten(empty):
    assert run(empty, FORGET).returncode == 0
    assert list((empty.folder / "lib/onlyme").iterdir()) == []


# ----------------------------------------------------------------- what root reads and sets


@pytest.mark.parametrize("words", [("audit",), ("audit", "verify"), ("status",), ("doctor",)])
def test_root_reads_the_vault_of_the_login(empty, enrolled, words):
    """Its key is apart from it, in /etc/onlyme."""
    copy_vault(empty, enrolled)
    command = (sys.executable, "-m", "onlyme", *words, "--vault", "/var/lib/onlyme")
    done = empty.run(*command)
    assert done.returncode == 0, done.stdout


DISKS = {
    "full": (
        """mount -t tmpfs -o size=16k,mode=700 full /etc/onlyme; cp /run/config.toml /etc/onlyme/
        cat /dev/zero > /etc/onlyme/fill 2>/dev/null""",
        "No space left on device; free some space and run the command again",
    ),
    "read-only": (
        """mount --bind /etc /etc; mount -o remount,ro,bind /etc
        mount --bind /etc/onlyme /etc/onlyme; mount -o remount,ro,bind /etc/onlyme""",
        "Read-only file system",
    ),
}


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("words", [("config", "set", "unlock_lid", "ignore"), ("config", "edit")])
def test_a_disk_that_takes_nothing_is_named_and_the_settings_stay(empty, disk, words):
    empty.configure(unlock_lid="refuse")
    shutil.copy(empty.folder / "etc/onlyme/config.toml", empty.folder / "run/config.toml")
    before = (empty.folder / "run/config.toml").read_text()
    mount, says = DISKS[disk]
    script = f'{mount}\n"$@"; echo "code $?"; cat /etc/onlyme/config.toml'
    command = (sys.executable, "-m", "onlyme", "unlock", *words)
    editor = {"EDITOR": "sed -i s/refuse/ignore/", "VISUAL": ""}
    done = empty.run("sh", "-c", script, "sh", *command, environment=editor)
    assert f"onlyme: /etc/onlyme/config.toml: {says}\ncode 2\n" in done.stdout
    assert done.stdout.endswith(before)
