"""Test the commands about liveness, on real clips and prints."""

import json
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.app import app
from onlyme.draw import ACCEPTED, REJECTED
from onlyme.evaluate.pad import LivenessStudy, render_liveness_html
from onlyme.evaluate.score_card import ATTACKS, count_outcomes, draw_score_card, make_score_card
from onlyme.types import Decision, Reason, Verdict

run = CliRunner()


@pytest.fixture
def folder(data, tmp_path):
    """Presentations of three kinds: pictures, videos, and a folder of frames."""
    for kind in ("live", "print", "replay"):
        (tmp_path / "all" / kind).mkdir(parents=True)
    for kind in ("live", "print"):
        for number, path in enumerate(sorted((data / "nuaa_dev" / kind).glob("*/*.jpg"))[::70]):
            shutil.copy(path, tmp_path / "all" / kind / f"{number}.jpg")
    for clip in ("lestari_replay", "tranvan_replay"):
        shutil.copy(data / f"clips/{clip}.mp4", tmp_path / "all/replay")
    session = tmp_path / "all/live/session"
    session.mkdir()
    for path in sorted((data / "nuaa_dev/live/0009").glob("0009_01_00_01_*.jpg"))[:3]:
        shutil.copy(path, session)
    return tmp_path / "all"


@pytest.mark.data
def test_evaluate_liveness_counts_every_kind(folder, tmp_path):
    (folder / "print/broken.jpg").write_bytes(b"no picture")
    result = run.invoke(
        app, ["evaluate-liveness", str(folder), "--out", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    kinds = {entry["kind"]: entry for entry in document["kinds"]}
    assert set(kinds) == {"live", "print", "replay"}
    assert kinds["replay"]["error"]["count"] == 0
    assert kinds["replay"]["attack"] == 2
    assert kinds["print"]["error"]["count"] == 0
    assert kinds["print"]["undecided"] >= 1  # the broken one got no answer
    assert kinds["live"]["error"]["total"] == 7
    assert kinds["live"]["error"]["count"] == 0
    assert json.loads((tmp_path / "out/liveness.json").read_text()) == document
    assert document["headline"] in (tmp_path / "out/liveness.html").read_text()


def test_nothing_to_evaluate_is_wrong_use(tmp_path):
    from onlyme import UsageError

    result = run.invoke(app, ["evaluate-liveness", str(tmp_path)])
    assert isinstance(result.exception, UsageError)


@pytest.mark.data
def test_spoof_me_tells_what_would_have_opened(data, tmp_path):
    from onlyme.image.sources import read_frames

    vault = tmp_path / "vault"
    some = [
        f for n, f in enumerate(read_frames(data / "clips/tranvan_live.mp4")) if n in (0, 20, 40)
    ]
    with FaceID.open(vault) as face_id:
        face_id.enroll("tran", some)
    for clip, fooled in (("tranvan_replay", False), ("tranvan_live", True)):
        path = str(data / f"clips/{clip}.mp4")
        out = tmp_path / clip
        arguments = ["spoof-me", "tran", "--camera", path, "--attempts", "2", "--out", str(out)]
        answers = "\n\ns\ns\n\ns\n\n"
        result = run.invoke(app, [*arguments, "--vault", str(vault), "--json"], input=answers)
        assert result.exit_code == (1 if fooled else 0), result.output
        document = json.loads(result.stdout[result.stdout.index("{") :])
        assert document["fooled"] is fooled
        played = [entry for entry in document["stages"] if entry["attempts"]]
        assert [entry["stage"] for entry in played] == ["live", "phone", "print", "video"]
        assert all(entry["recognised"] == 2 for entry in played)
        assert "not tried" in result.stderr
        assert "█" in result.stderr
        assert json.loads((out / "spoof-me.json").read_text()) == document
        with Image.open(out / "spoof-me.png") as picture:
            assert picture.size == (1000, 620)


def decide(accepted, margin=0.2):
    return Decision(accepted, "ada", Reason.MATCH if accepted else Reason.NOT_LIVE, margin, 0.1)


def test_a_score_card_counts_each_attack_with_its_exact_interval():
    stages = [
        count_outcomes("live", [decide(True)] * 5),
        count_outcomes("phone", [decide(False)] * 4 + [decide(True)]),
        count_outcomes("print", [decide(False, margin=None)] * 5),
        count_outcomes("mask", []),
    ]
    card = make_score_card("ada", stages, "2026-11-30T00:00:00+00:00")
    assert card["fooled"]
    assert (card["attacks"]["count"], card["attacks"]["total"]) == (1, 10)
    assert card["attacks"]["high"] == pytest.approx(0.445, abs=1e-3)  # Clopper and Pearson
    assert stages[2]["rate"]["high"] == pytest.approx(0.522, abs=1e-3)
    assert stages[2]["recognised"] == 0
    assert stages[3]["rate"]["value"] is None
    assert not make_score_card("ada", [stages[0]], "2026")["fooled"]


def test_a_drawn_card_is_green_where_all_is_well_and_orange_where_it_is_not():
    def colours(opened):
        played = [count_outcomes("phone", [decide(opened)] * 3)]
        drawn = draw_score_card(make_score_card("ada", played, "2026-11-30"))
        return set(map(tuple, drawn.reshape(-1, 3).tolist()))

    assert ACCEPTED in colours(opened=False)
    assert REJECTED not in colours(opened=False)
    assert REJECTED in colours(opened=True)
    assert ACCEPTED not in colours(opened=True)


def test_a_drawn_card_does_not_show_the_name():
    played = [count_outcomes(one.stage, [decide(False)]) for one in ATTACKS]
    cards = [draw_score_card(make_score_card(name, played, "2026")) for name in ("ada", "bob")]
    assert np.array_equal(*cards)


# ------------------------------------------------------------------- counting


def test_the_worst_kind_is_the_headline():
    study = LivenessStudy()
    for n in range(100):
        study.add("print", Verdict.LIVE if n < 1 else Verdict.ATTACK, f"p{n}")
        study.add("mask", Verdict.LIVE if n < 9 else Verdict.UNDECIDED, f"m{n}")
        study.add("live", Verdict.LIVE if n < 96 else Verdict.UNDECIDED, f"l{n}")
    assert [tally.kind for tally in study.attacks] == ["mask", "print"]
    assert study.write_headline().startswith("Worst kind of attack, mask: 9 of 100 passed")
    assert study.bona_fide.error_rate.value == pytest.approx(0.04)
    assert study.bona_fide.non_response_rate.value == pytest.approx(0.04)
    assert study.acer == pytest.approx((0.09 + 0.04) / 2)
    assert study.tallies["print"].missed == ["p0"]
    assert len(study.tallies["live"].missed) == 4


def test_of_two_kinds_without_errors_the_one_tried_less_comes_first():
    study = LivenessStudy()
    for n in range(50):
        study.add("print", Verdict.ATTACK)
        if n < 5:
            study.add("replay", Verdict.ATTACK)
    assert study.attacks[0].kind == "replay"
    assert "at most 45.1 %" in study.write_headline()


def test_without_attacks_nothing_is_claimed():
    study = LivenessStudy()
    study.add("live", Verdict.LIVE)
    assert study.acer is None
    assert "nothing is known" in study.write_headline()


def test_names_stay_text_in_the_page():
    study = LivenessStudy()
    study.add("<b>print", Verdict.LIVE, "<script>alert(1)</script>.jpg")
    page = render_liveness_html(study.make_document(created="2026-11-24T00:00:00", title="<i>x"))
    assert "<script>" not in page
    assert "<b>print" not in page
    assert "<i>x" not in page


def test_the_shipped_card_says_how_it_was_judged():
    card = json.loads(
        (Path(__file__).parents[2] / "src/onlyme/liveness/calibration.json").read_text("utf-8")
    )["card"]
    assert "one person out" in card["judged by"]
    assert card["figures"]


# ------------------------------------------------------------ watch --on-accept


def watched(tmp_path, vault, clip, *more):
    """Run `watch` on a clip with a program that writes a line each time it is run."""
    log = tmp_path / "ran; touch hacked"  # a shell would take this for two commands
    program = f'{sys.executable} -c "import sys; open(sys.argv[1], chr(97)).write(chr(120))"'
    command = [sys.executable, "-m", "onlyme", "watch", "tran", str(clip), "--vault", str(vault)]
    done = subprocess.run(
        [*command, "--json", "--on-accept", f"{program} '{log}'", *more],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    runs = len(log.read_text()) if log.exists() else 0
    return done, runs


@pytest.fixture
def vault(data, tmp_path):
    from onlyme.image.sources import read_frames

    some = [
        f for n, f in enumerate(read_frames(data / "clips/tranvan_live.mp4")) if n in (0, 20, 40)
    ]
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("tran", some)
    return tmp_path / "vault"


def cut(source, target, count, step=1):
    """Write the first frames of a clip to a file of its own, nearly without loss."""
    import cv2

    from onlyme.image.sources import read_frames

    writer = None
    for frame in islice(islice(read_frames(source), 0, None, step), count):
        bgr = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
        if writer is None:
            size = bgr.shape[1], bgr.shape[0]
            writer = cv2.VideoWriter(str(target), cv2.VideoWriter_fourcc(*"MJPG"), 15, size)
        writer.write(bgr)
    writer.release()
    return target


@pytest.mark.data
def test_a_program_runs_once_for_each_accepted_attempt_without_a_shell(data, tmp_path, vault):
    clip = cut(data / "clips/tranvan_live.mp4", tmp_path / "live.avi", 25, 2)
    done, runs = watched(tmp_path, vault, clip)
    assert done.returncode == 0, done.stderr
    # Five frames, then twice nine of which each third is looked at. Two more are no attempt.
    assert runs == 3
    assert not (tmp_path / "hacked").exists()
    assert json.loads(done.stdout.splitlines()[0])["accepted"] is True


@pytest.mark.data
def test_no_program_runs_for_the_owner_on_a_screen(data, tmp_path, vault):
    clip = cut(data / "clips/tranvan_replay.mp4", tmp_path / "replay.avi", 15, 2)
    done, runs = watched(tmp_path, vault, clip)
    assert done.returncode == 1, done.stderr
    assert runs == 0
    assert json.loads(done.stdout.splitlines()[0])["reason"] == "not_live"


def test_a_program_that_is_not_there_is_wrong_use(tmp_path):
    result = run.invoke(app, ["watch", "ada", "x.mp4", "--on-accept", "/no/such/program"])
    assert result.exit_code == 2
    assert "no such program" in result.output
