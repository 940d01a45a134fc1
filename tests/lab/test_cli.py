"""The commands `onlyme lab` with the real detector, on drawn faces and on real ones."""

import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.lab.commands import app
from onlyme.cli.lab.parts import make_loader
from onlyme.errors import OnlymeError, UsageError
from onlyme.lab import require_packages
from onlyme.lab.networks import to_tensor
from onlyme.lab.run import Run, TrainedNetwork
from onlyme.lab.synthetic import draw_synthetic_faces


def run(*words):
    """Run a command; raise the exception of an expected failure, which `main` turns into 2."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, OnlymeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def number(path):
    return int(path.stem.rsplit("_", 1)[1])


def add_frame(face):
    """A drawn face in a picture large enough for a detector."""
    picture = np.full((240, 240, 3), 200, np.uint8)
    picture[40:200, 40:200] = cv2.resize(face, (160, 160))
    return picture


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Folders of pictures of fourteen drawn people."""
    folder = tmp_path_factory.mktemp("album")
    for person, faces in enumerate(draw_synthetic_faces(14, 7, seed=1)):
        (folder / f"p{person:02d}").mkdir()
        for index, face in enumerate(faces[: 7 if person < 2 else 2]):
            path = folder / f"p{person:02d}" / f"{index}.png"
            assert cv2.imwrite(str(path), add_frame(face)[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def trained(album, tmp_path_factory):
    out = tmp_path_factory.mktemp("lab") / "run"
    said = run("train", "compact", "--me", album / "p00", "--not-me", album / "p01", "--out", out)
    assert "zero loss" in said
    assert "triplets" in said
    return out


def test_a_network_trained_here_opens_the_door(album, trained, tmp_path, monkeypatch):
    models = tmp_path / "models"
    assert "--embedder mine" in run("export", trained, "mine", "--models", models)
    monkeypatch.setenv("ONLYME_MODELS", str(models))
    monkeypatch.setenv("ONLYME_EMBEDDER", "mine")
    with FaceID.open(tmp_path / "vault") as face_id:
        mine = sorted((album / "p00").iterdir())
        learned = face_id.enroll("ada", mine[:5], sorted((album / "p01").iterdir())[:5])
        assert learned.alpha == pytest.approx(0.5), "the alpha of the training"
        assert all(report.taken for report in learned.me + learned.not_me)
        margins = [face_id.verify("ada", path).margin for path in mine[5:]]
        other = face_id.verify("ada", album / "p01" / "6.png").margin
    assert min(margins) > other


def test_a_run_continues_only_when_asked(album, trained):
    words = ("train", "compact", "--me", album / "p00", "--not-me", album / "p01", "--out", trained)
    with pytest.raises(UsageError, match="continue it with --resume"):
        run(*words)
    assert "zero loss" in run(*words, "--resume")


def test_watch_saves_a_video_with_the_verdicts(album, trained, tmp_path):
    video, out = tmp_path / "in.avi", tmp_path / "out.mp4"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (240, 240))
    for person in ("p00", "p01"):
        for index in range(3):
            writer.write(cv2.imread(str(album / person / f"{index}.png")))
    writer.release()
    said = run("watch", trained, video, "--name", "Ada", "--out", out)
    assert "6 frames, Ada in 3 of them, at alpha 0.5" in said
    written = cv2.VideoCapture(str(out))
    assert written.get(cv2.CAP_PROP_FPS) == pytest.approx(10), "the rate of the source"
    written.release()
    assert "by our rule, all stored photos" in said
    said = run("watch", trained, video, "--rule", "pair", "--out", out)
    assert "by the article's rule, one stored pair" in said
    with pytest.raises(UsageError, match="known: pair, all"):
        run("watch", trained, video, "--rule", "x", "--out", out)
    assert out.stat().st_size > 0


def test_whole_photos_reach_watch_and_the_product(album, tmp_path, monkeypatch):
    """A network of whole photos is never given an aligned face."""
    out, video = tmp_path / "run", tmp_path / "in.avi"
    words = ("--me", album / "p00", "--not-me", album / "p01", "--whole", "--limit", 60)
    run("train", "compact", *words, "--out", out)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (240, 240))
    for person in ("p00", "p01"):
        writer.write(cv2.imread(str(album / person / "0.png")))
    writer.release()
    seen = []
    scores = TrainedNetwork.scores

    def see(self, faces, rule=None):
        seen.append(faces.shape[1:])
        return scores(self, faces, rule)

    monkeypatch.setattr(TrainedNetwork, "scores", see)
    run("watch", out, video, "--out", tmp_path / "out.mp4")
    assert seen == [(244, 244, 3)] * 2
    run("export", out, "whole", "--models", tmp_path / "models")
    monkeypatch.setenv("ONLYME_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ONLYME_EMBEDDER", "whole")
    with FaceID.open(tmp_path / "vault") as face_id:
        mine = sorted((album / "p00").iterdir())
        face_id.enroll("ada", mine[:5], sorted((album / "p01").iterdir())[:5])
        product = face_id.pipeline.look(mine[6]).embedding.vector
    with torch.no_grad():
        face = make_loader(whole=True)(mine[6])
        lab = Run(out).load().network.embedder(to_tensor(face[None])).numpy()[0]
    assert np.abs(product - lab).max() < 1e-3


def test_compare_writes_a_report_with_the_products_decision(album, tmp_path):
    out = tmp_path / "report"
    run(
        "compare", album, "--owners", 1, "--photos", "2,3", "--ways", "compact",
        "--strangers", 3, "--limit", 5, "--out", out,
    )  # fmt: skip
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert [cell["way"] for cell in report["figures"]] == ["compact", "product"] * 2
    assert "product" in (out / "report.html").read_text("utf-8")


def test_ctrl_c_ends_a_comparison_and_keeps_finished_trainings(album, tmp_path, environment):
    out = tmp_path / "report"
    # The second training takes hundreds of steps, so that Ctrl-C arrives before its end.
    words = ("--owners", 1, "--photos", 3, "--ways", "compact,article", "--strangers", 3)
    command = [sys.executable, "-m", "onlyme", "lab", "compare", album, *words, "--out", out]
    with subprocess.Popen(
        list(map(str, command)),
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 200
            while not list(out.glob("cells/*.npz")) and time.monotonic() < deadline:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert "run the same command again" in process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    assert len(list(out.glob("cells/*.npz"))) == 1
    assert not (out / "report.html").exists()


def test_train_identities_and_export_what_it_made(album, tmp_path):
    out = tmp_path / "people"
    words = ("--batch-people", 4, "--batch-photos", 2, "--steps", 3, "--dimension", 8)
    assert "Next: onlyme lab export" in run("train-identities", album, "--out", out, *words)
    models = tmp_path / "models"
    run("export", out, "people", "--faces", album, "--models", models)
    assert (models / "manifest.toml").exists()
    with pytest.raises(UsageError, match="--faces"):
        run("export", out, "other", "--models", models)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "fourth-way", "--me", "{a}", "--not-me", "{a}"), "two-head"),
        (("train", "compact", "--me", "{a}", "--not-me", "{a}", "--loss", "x"), "batch-hard"),
        (("train", "compact", "--me", "{none}", "--not-me", "{a}"), "not a folder"),
        (("compare", "{none}"), "not a folder"),
        (("compare", "{none}", "--photos", "many"), "2,5,7"),
        (("compare", "{none}", "--ways", "compact,x"), "no such way: x"),
        (("watch", "{none}"), "no training run"),
        (("export", "{none}", "x", "--faces", "{none}"), "no trained embedder"),
    ],
)
def test_wrong_use_is_explained(album, tmp_path, words, message):
    filled = [word.format(a=album / "p00", none=tmp_path / "none") for word in words]
    with pytest.raises(OnlymeError, match=message):
        run(*filled)


def test_too_few_photos_give_a_reason_for_each_photo(album, tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(UsageError, match=r"(?s)0 usable.*wall\.png: shows no face"):
        run("train", "compact", "--me", tmp_path, "--not-me", album / "p00")


def test_without_the_extra_a_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("onlyme.lab.find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(UsageError, match=r"needs torch; .*pip install"):
        require_packages()
    with pytest.raises(UsageError, match="needs torch"):
        run("watch", "run")


def test_an_option_that_a_way_ignores_is_told(album, tmp_path):
    words = ("--me", album / "p00", "--not-me", album / "p01", "--limit", 1)
    said = run("train", "classifier", *words, "--loss", "cosine", "--out", tmp_path / "a")
    assert "the way classifier does not use --loss" in said
    assert "--alpha" not in said
    said = run("train", "compact", *words, "--repaired", "--out", tmp_path / "b")
    assert "the way compact does not use --repaired" in said
    assert "does not use" not in run("train", "compact", *words, "--out", tmp_path / "c")
    words = ("--batch-people", 4, "--batch-photos", 2, "--steps", 1, "--dimension", 8)
    said = run(
        "train-identities", album, *words, "--loss", "cosface", "--miner", "hard",
        "--out", tmp_path / "d",
    )  # fmt: skip
    assert "does not use --miner" in said


def test_each_rule_is_named_in_train_and_watch(album, trained, tmp_path):
    words = ("train", "compact", "--me", album / "p00", "--not-me", album / "p01", "--out", trained)
    said = run(*words, "--resume")
    assert "the article's rule, one stored pair: accepts" in said
    assert "our rule, all stored photos: accepts" in said


def test_photos_that_are_both_are_refused_and_zero_loss_is_told(album, tmp_path):
    words = ("--me", album / "p00", "--out", tmp_path / "run")
    with pytest.raises(UsageError, match="are also ME photos"):
        run("train", "compact", *words, "--not-me", album / "p00")
    with pytest.raises(UsageError, match="nothing was learned"):
        run("train", "compact", *words, "--not-me", album / "p01", "--alpha=-0.6")
    with pytest.raises(UsageError, match="unfinished"):
        run("export", tmp_path / "run", "mine", "--models", tmp_path / "models")


def test_one_value_twice_is_not_counted_twice(album, tmp_path):
    for words in (("--photos", "2,2"), ("--ways", "compact,compact")):
        with pytest.raises(UsageError, match="names one value twice"):
            run("compare", album, *words, "--out", tmp_path)


def test_ctrl_c_in_a_training_says_how_to_go_on(album, tmp_path, environment):
    out = tmp_path / "run"
    words = ("train", "article", "--side", 112, "--me", album / "p00", "--not-me", album / "p01")
    command = [sys.executable, "-m", "onlyme", "lab", *words, "--out", out]
    with subprocess.Popen(
        list(map(str, command)),
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 200
            while not (out / "log" / "metrics.csv").exists() and time.monotonic() < deadline:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            told = process.communicate(timeout=100)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    assert "--resume" in told
    assert (out / "last.ckpt").exists()


def test_the_shipped_network_is_trained_further_and_not_calibrated_on_whom_it_learned(
    album, tmp_path
):
    out, models = tmp_path / "run", tmp_path / "models"
    words = ("--batch-people", 2, "--steps", 1, "--frozen", 26, "--out", out)
    assert "Next: onlyme lab export" in run("finetune", album, *words)
    words = ("--batch", 4, "--steps", 1, "--frozen", 26, "--out", tmp_path / "other")
    assert "Next: onlyme lab export" in run("distill", album, *words)
    assert "onlyme lab calibrate tuned" in run(
        "export", out, "tuned", "--faces", album, "--models", models
    )
    result = CliRunner().invoke(app, ["calibrate", "tuned", str(album), "--models", str(models)])
    assert "people whom the network was trained on" in result.output
    assert isinstance(result.exception, UsageError)
    assert "0 people with two photos or more, among 0 in all" in str(result.exception)
    with pytest.raises(UsageError, match="comes with onlyme"):
        run("calibrate", "embedder", album, "--models", models)


@pytest.mark.data
def test_the_articles_photos_to_zero_loss_and_the_held_out_ones_right(data, tmp_path):
    """Five ME and seven NOT_ME photos; two of each are held out."""
    from onlyme.cli.lab.parts import make_loader

    for folder, name, count in (("me", "ME", 5), ("not_me", "NOT_ME", 7)):
        (tmp_path / folder).mkdir()
        paths = sorted((data / "article" / folder).iterdir(), key=number)
        for path in paths[:count]:
            (tmp_path / folder / path.name).symlink_to(path)
        load = make_loader()
        held = np.stack([load(path) for path in paths[count:]])
        np.save(tmp_path / f"{name}.npy", held)
    out = tmp_path / "run"
    run("train", "compact", "--me", tmp_path / "me", "--not-me", tmp_path / "not_me", "--out", out)
    trained = Run(out).load()
    assert trained.result.reason == "zero loss"
    assert (trained.scores(np.load(tmp_path / "ME.npy")) >= 0.5).all()
    assert (trained.scores(np.load(tmp_path / "NOT_ME.npy")) < 0.5).all()
