"""A run on disk that is damaged is told so, and a checkpoint is written whole or not at all."""

import errno
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from onlyme.errors import UsageError
from onlyme.lab.run import Run
from onlyme.lab.spec import Spec
from onlyme.lab.trainer import train


@pytest.fixture(scope="module")
def short_run(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("short") / "run"
    train(photos, Spec("compact", limit=2), folder)
    return folder


@pytest.mark.parametrize(
    "file", ["last.ckpt", "network.pt", "spec.json", "result.json", "photos.npz"]
)
@pytest.mark.parametrize("harm", ["cut", "empty", "other"])
def test_a_damaged_file_of_a_run_is_told_in_plain_words(short_run, tmp_path, photos, file, harm):
    """A full disk or a pulled plug: the message names the folder, and no library's fault leaks."""
    run = shutil.copytree(short_run, tmp_path / "run")
    path = run / file
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"[1]"}[harm])
    if file != "last.ckpt":
        with pytest.raises(UsageError, match="damaged"):
            Run(run).load()
    if file != "photos.npz":  # the photos are given again
        with pytest.raises(UsageError, match="damaged"):
            train(photos, Spec("compact", limit=3), run, resume=True)


CUT_SHORT = """
import os, signal, sys
from pathlib import Path
import torch
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.synthetic import draw_synthetic_faces
from onlyme.lab.trainer import train
faces = draw_synthetic_faces(8, 5)
harm, run = sys.argv[1], Path(sys.argv[2])
if harm == "kill":
    save = torch.save
    def save_half(content, file):
        save(content, file)
        file.truncate(file.tell() // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    torch.save = save_half
try:
    train(Photos(faces[0], faces[1:, 0]), Spec("compact", limit=4), run, resume=True)
except OSError as error:
    sys.exit(f"{error.errno} {error.filename}")
"""


@pytest.mark.parametrize("harm", ["kill", "full disk"])
def test_a_checkpoint_that_cannot_be_finished_leaves_the_one_before(
    short_run, photos, tmp_path, environment, harm
):
    """Lightning would write to /tmp, and copy from there in place of the good one."""
    run = shutil.copytree(short_run, tmp_path / "run")
    before = (run / "last.ckpt").read_bytes()
    words = [environment["PYTHON"], "-c", CUT_SHORT, harm, str(run)]
    if harm == "full disk":
        script = f"""mount -t tmpfs -o size=32m small "$0" || exit 77
            cp -a "$0.copy/." "$0" && cat /dev/zero > "$0/fill" 2>/dev/null
            truncate -s -{len(before) // 2048}k "$0/fill"
            "$@"; code=$?; rm "$0/fill"; cp -a "$0/." "$0.copy"; exit $code"""
        run.rename(f"{run}.copy")
        run.mkdir()
        words = ["unshare", "-m", "sh", "-c", script, str(run), *words]
        run = Path(f"{run}.copy")
    done = subprocess.run(words, env=environment, capture_output=True, timeout=240, check=False)
    if harm == "full disk" and (done.returncode == 77 or b"unshare failed" in done.stderr):
        pytest.skip("this system allows no mount")
    told = f"{errno.ENOSPC} {tmp_path / 'run' / 'last.ckpt'}".encode()
    assert done.returncode == (-signal.SIGKILL if harm == "kill" else 1)
    assert harm == "kill" or told in done.stderr, done.stderr.decode()
    assert (run / "last.ckpt").read_bytes() == before
    assert train(photos, Spec("compact", limit=4), run, resume=True).result.steps == 4
    assert not list(run.glob(".last.ckpt.*")), "a draft is left"
