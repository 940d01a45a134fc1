"""What a shell does to a program: pipes, signals, odd words, full disks, missing parts."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ONLYME, sentence

COMMANDS = {
    "": "ada photo.jpg",
    "enroll": "--not-me",
    "list": "the enrolled people",
    "forget": "Erase",
    "verify": "echo welcome",
    "identify": "if any",
    "watch": "Ctrl-C",
    "tune": "such as 1e-5",
    "certificate": "how certain",
    "not-me": "--undo",
    "evaluate": "report.html",
    "doctor": "what to do",
}


# ------------------------------------------------------------------ help and usage


def test_the_help_of_every_command_teaches(onlyme):
    running = {
        command: onlyme.start(*command.split(), "--help", stdout=subprocess.PIPE, text=True)
        for command in COMMANDS
    }
    for command, process in running.items():
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, command
        assert COMMANDS[command] in " ".join(said.split()), command
        assert " ." not in said, f"{command}: a word was taken for markup"
        if command:
            continue
        listed = {line.split()[1] for line in said.splitlines() if len(line.split()) > 2}
        assert set(COMMANDS) - {""} <= listed
        assert "Exit codes: 0 accepted or done, 1 rejected, 2 could not decide" in said


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("verify",),
        ("verify", "obama"),
        ("verify", "obama", "photo.jpg", "--camera", "0"),
        ("tune", "obama", "--far", "much"),
        ("not-me", "obama"),
        ("list", "--vault", ""),
        ("watch", "obama", "clip.mp4", "--camera", "7"),
        ("evaluate", "people", "--seed", "-1"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_2(within, words):
    done = within(*words)
    assert done.returncode == 2
    assert "Usage: " in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_version(onlyme):
    import onlyme as package

    assert onlyme("--version").stdout == f"onlyme {package.__version__}\n"


# ---------------------------------------------------------------------- odd words


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody", "enrolled: obama"),
        ("../../etc/passwd", "enrolled: obama"),
        ("' OR 1=1 --", "enrolled: obama"),
        ("", "printable"),
        ("a\x1b[2Jb", "printable"),
        ("a\nb", "printable"),
        (b"\xff\xfe", "printable"),
        ("x" * 65, "printable"),
    ],
    ids=repr,
)
def test_odd_names(within, photos, name, says):
    assert says in sentence(within("verify", name, photos / "obama_3.jpg"))


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/photo.jpg",
        "/dev/zero",
        "/",
        b"/tmp/\xff\xfe.jpg",
        "a\x1b[31mb.jpg",
        "x" * 5000,
    ],
    ids=lambda path: repr(path[:20]),
)
def test_odd_paths(within, path):
    assert sentence(within("verify", "obama", path))


def test_odd_bytes_through_a_real_shell(obama):
    assert "printable" in sentence(obama("verify", b"\xff\xfe", b"\xff.jpg"))
    assert "no such file" in sentence(obama("verify", "obama", b"\xff.jpg"))


def test_a_name_is_found_however_it_was_typed(obama, photos):
    """A Mac's keyboard may send ü as u and a diaeresis."""
    assert obama("enroll", "J\u00fcrg", photos / "biden_1.jpg").returncode == 0
    assert obama("verify", "Ju\u0308rg", photos / "biden_1.jpg").returncode == 0


def test_a_broken_picture_is_named(obama, tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    said = sentence(obama("verify", "obama", tmp_path / "torn.jpg"))
    assert "torn.jpg" in said


# ------------------------------------------------------------------ vault, settings


def test_vault_by_option_goes_before_the_variable(obama, photos, tmp_path):
    other = tmp_path / "other"
    words = ("verify", "obama", photos / "obama_3.jpg")
    assert f"no vault at {other}; `onlyme enroll`" in sentence(obama(*words, "--vault", other))
    assert obama(*words, ONLYME_VAULT=other).returncode == 2
    assert obama(*words, "--vault", obama.vault, ONLYME_VAULT=other).returncode == 0


def test_a_vault_that_cannot_be_trusted(obama, tmp_path):
    obama.vault.chmod(0o755)
    assert "chmod 700" in sentence(obama("list"))
    obama.vault.chmod(0o700)
    (obama.vault / "vault.sqlite").write_bytes(b"garbage" * 1000)
    assert "damaged" in sentence(obama("list"))
    (tmp_path / "file").write_text("")
    assert "cannot hold a vault" in sentence(obama("list", "--vault", tmp_path / "file"))


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "ada", "ada.jpg"),
        ("identify", "ada.jpg"),
        ("watch", "ada", "ada.mp4"),
        ("list",),
        ("forget", "ada"),
        ("tune", "ada"),
        ("certificate", "ada"),
        ("not-me", "ada", "ada.jpg"),
    ],
    ids=lambda words: words[0],
)
def test_only_enrolling_makes_a_vault(within, tmp_path, words):
    folder = tmp_path / "mistyped"
    assert f"no vault at {folder}" in sentence(within(*words, "--vault", folder))
    assert not folder.exists()


def test_what_nobody_expected_is_no_verdict(within, monkeypatch):
    """A defect of ours ends with 2 as well: 1 would mean that a person was rejected."""
    from onlyme import FaceID

    def broken(_):
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setattr(FaceID, "names", broken)
    said = sentence(within("list"))
    assert "unexpected ZeroDivisionError: first line; ONLYME_DEBUG=1" in said
    monkeypatch.setenv("ONLYME_DEBUG", "1")
    done = within("list")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_settings_that_cannot_be_used(onlyme, tmp_path):
    assert "not a number" in sentence(onlyme("list", ONLYME_FAR="much"))
    assert "ONLYME_CONFIG" in sentence(onlyme("list", ONLYME_CONFIG=tmp_path / "gone.toml"))
    (tmp_path / "config.toml").write_text("vaullt = 'x'\n")
    said = sentence(onlyme("list", ONLYME_CONFIG=tmp_path / "config.toml"))
    assert "unknown setting vaullt; known: " in said


# --------------------------------------------------------------- pipes and signals


@pytest.mark.parametrize("words", [("list",), ("verify", "obama", "obama_3.jpg", "--json")])
def test_a_closed_pipe_is_no_verdict(obama, photos, words):
    reading, writing = os.pipe()
    os.close(reading)
    process = obama.start(*words, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=photos)
    os.close(writing)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in said
    assert "Broken pipe" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_no_verdict(obama, photos):
    words = ("verify", "obama", photos / "obama_3.jpg", "--json")
    with Path("/dev/full").open("w") as full:
        process = obama.start(*words, stdout=full, stderr=subprocess.PIPE, text=True)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "No space left" in said
    assert "Traceback" not in said


def test_ctrl_c_during_enroll_leaves_the_vault_whole(obama, photos):
    process = obama.start(
        *("enroll", "biden", photos / "biden_1.jpg", photos),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "biden_1.jpg" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
    with contextlib.closing(sqlite3.connect(obama.vault / "vault.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert obama("verify", "obama", photos / "obama_3.jpg").returncode == 0
    assert [entry["name"] for entry in json.loads(obama("list", "--json").stdout)] == ["obama"]


def test_ctrl_c_while_modules_load(onlyme):
    """At every moment, the signal ends the process with 130 and without a traceback."""
    for seconds in (0.12, 0.2, 0.3):
        process = onlyme.start(
            *("doctor",),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        if "Failed to import the site module" in said:
            continue  # Python itself was not up: it was loading coverage for its programs
        # Before Python itself is up (-2), and after all is said (0), it is not ours to answer.
        assert process.returncode in {130, 0, -signal.SIGINT}, said
        if process.returncode == 130:
            assert "Traceback" not in said


IN_A_FINALISER = """
import os, signal, sys, time
from onlyme.cli import main
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
def run():
    last = Last()
    del last
    time.sleep(600)
main._run = run
main.main()
"""


def test_ctrl_c_in_a_finaliser_ends_the_command(onlyme):
    """Python drops what is raised there, so that a long training went on."""
    command = [sys.executable, "-c", IN_A_FINALISER]
    done = subprocess.run(
        command,
        env=onlyme.environment(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, b"")


# -------------------------------------------------------- nothing leaves the machine

WITHOUT_NETWORK = """
import sys
def refuse(event, _):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"}:
        raise RuntimeError(event)
sys.addaudithook(refuse)
from onlyme.cli.main import main
main()
"""


@pytest.mark.parametrize("words", [("verify", "obama"), ("enroll", "new", "--anyway")])
def test_no_connection_is_opened(obama, photos, words):
    command = [sys.executable, "-c", WITHOUT_NETWORK, *words, str(photos / "obama_3.jpg")]
    done = subprocess.run(command, env=obama.environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# --------------------------------------------------------------------------- watch


@pytest.fixture
def video(photos, tmp_path):
    """A video of one person, then of another: their photos, 3.5 seconds each.

    What stands still says the same again and again, so an attempt on it takes its three seconds.
    """
    import cv2

    path = tmp_path / "two.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 640))
    for name in ("obama_3.jpg", "biden_1.jpg"):
        picture = cv2.imread(str(photos / name))
        scale = 640 / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        below, right = 640 - small.shape[0], 640 - small.shape[1]
        frame = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT)
        for _ in range(35):
            writer.write(frame)
    writer.release()
    return path


def test_watch_prints_a_line_when_the_verdict_changes(obama, video):
    done = obama("watch", "obama", video, "--liveness", "off")  # photos, not a living person
    assert done.returncode == 1, "the last verdict decides"
    first, second = done.stdout.splitlines()
    assert first.startswith("✓ obama ")
    assert second.startswith("✗ NOT obama ")
    assert all(line.endswith(" frames/s") for line in (first, second))
    said = obama("watch", "obama", video, "--liveness", "off", "--json").stdout.splitlines()
    assert [json.loads(line)["reason"] for line in said] == ["match", "no_match"]


def test_watch_without_a_camera_or_video(obama, tmp_path):
    assert "no such camera" in sentence(obama("watch", "obama", "--camera", "99"))
    assert "is not there" in sentence(obama("watch", "obama", tmp_path / "gone.mp4"))


@pytest.mark.data
def test_watch_a_stranger_s_clip_and_leave_by_ctrl_c(obama, data):
    clip = data / "clips" / "liveportrait_d12_live.mp4"
    process = obama.start(
        *("watch", "obama", clip),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("✗ NOT obama ")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode in {130, 1}, said  # 1: the clip was over first
    assert "Traceback" not in said


def test_the_module_and_the_script_are_one_command():
    script = Path(sys.executable).with_name("onlyme")
    if not script.exists():
        pytest.skip("onlyme is not installed as a script here")
    says = [
        subprocess.run([*command, "--version"], capture_output=True, check=True).stdout
        for command in ([str(script)], ONLYME)
    ]
    assert says[0] == says[1]
