"""Run `onlyme unlock …` as a user types it: the daemon makes the changes, for the password."""

import json
import shutil
import sys

import cv2
import pytest

from onlyme import FaceID
from onlyme.settings import Settings
from tests.unlock.conftest import camera, clip, some_frames
from tests.unlock.stack import OTHER, PASSWORD, UID, USER, WRONG

pytestmark = pytest.mark.data

WORDS = "secret words"


def unlock(stack, *words, password=PASSWORD, uid=UID, more=""):
    command = (sys.executable, "-m", "onlyme", "unlock", *words)
    return stack.run(*command, uid=uid, text_in=f"{password}\n{more}")


@pytest.fixture
def pictures(empty, data, photos):
    """Photos of the first user and of a stranger, in a folder that the user may read."""
    folder = empty.folder / "lib/pictures"
    folder.mkdir()
    for number, frame in enumerate(some_frames(clip(data, USER))):
        bgr = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"me{number}.png"), bgr)
    shutil.copy(photos / "obama_1.jpg", empty.folder / "lib/stranger.jpg")
    return "/var/lib/pictures"


def test_a_user_is_enrolled_tuned_taught_and_forgotten(empty, pictures, data):
    empty.configure(camera=clip(data, USER))
    with empty.daemon():
        refused = unlock(empty, "enroll", pictures, password=WRONG)
        assert refused.returncode == 2
        assert "that is not your password" in refused.stdout
        assert "no face is enrolled" in empty.login().words

        done = unlock(empty, "enroll", pictures)
        assert done.returncode == 0, done.stdout
        assert "✓ /var/lib/pictures/me0.png" in done.stdout
        assert f"{USER} is enrolled with 4 of 5 photos" in done.stdout  # two of them are alike
        assert empty.login().opened

        taken = unlock(empty, "enroll", pictures)
        assert taken.returncode == 2
        assert "--replace" in taken.stdout

        tuned = unlock(empty, "tune", "--preset", "android", "--json")
        assert json.loads(tuned.stdout[tuned.stdout.index("{") :])["far"] == pytest.approx(2e-5)

        assert " photo " in unlock(empty, "examples").stdout
        assert "known by 3 examples" in unlock(empty, "examples", "--remove", "1").stdout
        assert "no look" in unlock(empty, "examples", "--remove-look", "hat").stdout
        looks = unlock(empty, "enroll", "--add", "--look", "hat", f"{pictures}/me0.png")
        assert looks.returncode == 0, looks.stdout
        assert "hat" in unlock(empty, "examples").stdout
        assert "known by 3 examples" in unlock(empty, "examples", "--remove-look", "hat").stdout

        assert "that face" in unlock(empty, "not-me", "/var/lib/stranger.jpg").stdout
        assert "that face" in unlock(empty, "not-me", "--undo").stdout
        assert f"adaptation of {USER} is on" in unlock(empty, "adapt", "--on").stdout
        assert f"adaptation of {USER} is off" in unlock(empty, "adapt", "--off").stdout
        assert "copies stolen earlier do not" in unlock(empty, "revoke").stdout
        assert empty.login().opened
        assert f"{USER} is forgotten" in unlock(empty, "forget").stdout
        assert "no face is enrolled" in empty.login().words


def test_a_sitting_before_the_camera(empty, data):
    empty.configure(camera=clip(data, USER))
    with empty.daemon():
        done = unlock(empty, "enroll", "--camera", str(clip(data, USER)))
        assert done.returncode == 0, done.stdout
        assert empty.login().opened


def test_root_needs_no_password_and_names_the_user(stack):
    with stack.daemon():
        done = unlock(stack, "tune", "--far", "1e-5", "--user", OTHER, uid=None, password="")
        assert done.returncode == 0, done.stdout
        # Root by way of sudo means the user who called it.
        words = ("env", f"SUDO_USER={USER}", sys.executable, "-m", "onlyme", "unlock", "revoke")
        assert f"{USER} still works" in stack.run(*words).stdout
        other = unlock(stack, "forget", "--user", OTHER)
        assert other.returncode == 2
        assert "about yourself only" in other.stdout


def test_an_export_from_a_users_own_vault_is_imported(empty, tmp_path, data):
    with FaceID.open(tmp_path / "own") as own:
        own.enroll("me", some_frames(clip(data, USER)))
        own.admin.export("me", empty.folder / "lib/me.onlyme", WORDS)
    (empty.folder / "lib/me.onlyme").chmod(0o644)
    empty.configure(camera=clip(data, USER))
    with empty.daemon():
        path = "/var/lib/me.onlyme"
        # It asks for the passphrase first, then for the password.
        wrong = unlock(empty, "import", path, password=WRONG, more=f"{PASSWORD}\n")
        assert wrong.returncode == 2
        done = unlock(empty, "import", path, password=WORDS, more=f"{PASSWORD}\n")
        assert f"{USER} is enrolled" in done.stdout, done.stdout
        assert empty.login().opened


def test_without_a_daemon_it_says_so(stack):
    done = unlock(stack, "revoke")
    assert done.returncode == 2
    assert "The onlyme service is not running: systemctl start onlyme" in done.stdout


def test_the_units_are_written(stack):
    assert unlock(stack, "units", "--to", "/run", uid=None).returncode == 0
    service = (stack.folder / "run/onlyme.service").read_text()
    assert "/onlyme daemon\n" in service
    assert "@" not in service.replace("@system-service", "").replace("@privileged @resources", "")
    assert (stack.folder / "run/onlyme.socket").is_file()


def test_the_system_settings_are_roots_own(stack, tmp_path):
    """The settings of the user who starts the daemon do not change where its vault is."""
    stack.configure(camera=camera(stack), far=1e-5)
    code = (
        "from onlyme.settings import Settings; s = Settings.load_system();"
        "print(s.vault, s.key, s.key_file, s.far)"
    )
    home = tmp_path / "config/onlyme"
    home.mkdir(parents=True)
    (home / "config.toml").write_text('vault = "/nowhere"\n')
    words = ("env", f"XDG_CONFIG_HOME={tmp_path}/config", sys.executable, "-c", code)
    assert stack.run(*words).stdout == "/var/lib/onlyme auto /etc/onlyme/vault.key 1e-05\n"
    assert Settings.load().camera == "0"
