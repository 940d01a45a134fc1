"""Several processes on one vault, and processes that are killed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np

from onlyme import FaceID, Reason


def test_what_another_process_changes_is_seen(obama, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as other:
        other.tune("obama", alpha=1.9)
    assert not obama.verify("obama", photos / "obama_3.jpg").accepted


def run(code):
    return subprocess.Popen([sys.executable, "-c", "from onlyme import FaceID\n" + code])


def test_processes_that_add_at_once_lose_nothing(obama, photos, tmp_path):
    vault = str(tmp_path / "vault")
    adding = [
        run(f"FaceID.open({vault!r}).enroll('obama', {str(photos / name)!r}, add=True)")
        for name in ("obama_3.jpg", "obama_partial.jpg")
    ]
    others = [
        run(f"FaceID.open({vault!r}).enroll({name!r}, {str(photos / (name + '.jpg'))!r})")
        for name in ("biden_1", "macron_1", "ardern_1")
    ]
    assert [process.wait() for process in adding + others] == [0] * 5
    assert obama.names() == ["ardern_1", "biden_1", "macron_1", "obama"]
    assert len(obama.owner("obama").examples.me) == 5


def test_kill_9_leaves_the_old_or_the_new_state(obama, photos, tmp_path):
    vault = str(tmp_path / "vault")
    obama.tune("obama", alpha=0.4)  # the state that remains if a kill comes before the first change
    code = f"""
with FaceID.open({vault!r}) as face_id:
    print('ready', flush=True)
    for turn in range(10_000):
        face_id.tune('obama', alpha=0.3 + (turn % 2) * 0.1)
"""
    random = np.random.default_rng(5)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", "from onlyme import FaceID\n" + code], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(float(random.uniform(0, 0.05)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with FaceID.open(vault) as face_id:
            assert round(face_id.owner("obama").alpha, 1) in {0.3, 0.4}
            assert face_id.verify("obama", photos / "obama_3.jpg").reason is Reason.MATCH


def test_two_vaults_of_one_process_and_another_process(obama, tmp_path):
    """Opening the vault once more must not take the first one's locks away."""
    vault = tmp_path / "vault"
    with FaceID.open(vault) as second:
        second.tune("obama", alpha=0.3)
        code = f"with FaceID.open({str(vault)!r}) as face_id: face_id.tune('obama', alpha=0.4)"
        assert run(code).wait() == 0
        second.tune("obama", alpha=0.5)
        assert run(code).wait() == 0
    obama.tune("obama", alpha=0.6)
    with FaceID.open(vault) as third:
        assert third.owner("obama").alpha == 0.6
