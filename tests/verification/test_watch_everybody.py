"""Several cameras at once, a level for each, and the command that tells who comes and goes."""

import json
import sys
import time
from contextlib import suppress

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from onlyme import FaceID, UsageError
from onlyme.cli.app import app
from onlyme.faceid.visits import VisitPlan
from onlyme.types import LivenessLevel
from onlyme.verification.attempt import CaptureAbandoned
from onlyme.verification.visits import (
    VisitEvent,
    VisitVerdict,
)
from tests.image.network_cameras import MjpegServer
from tests.verification.doors import stream


@pytest.mark.parametrize(
    ("plan", "cameras", "says"),
    [
        (VisitPlan("challenge"), 1, "a challenge asks one person"),
        (VisitPlan("off", opens=True), 1, "a printed photo would open"),
        (VisitPlan(["passive", "off"], opens=True), 2, "a printed photo would open"),
        (VisitPlan(["passive", "off"]), 3, "2 levels of liveness were given for 3 cameras"),
        (VisitPlan("strict"), 1, "strict"),
    ],
)
def test_levels_that_cannot_be_used(plan, cameras, says):
    with pytest.raises(UsageError, match=says):
        plan.choose_levels(cameras)


def test_a_level_for_each_camera():
    plan = VisitPlan(["off", LivenessLevel.PASSIVE])
    assert plan.choose_levels(2) == [LivenessLevel.OFF, LivenessLevel.PASSIVE]


def test_events_and_verdicts_agree():
    events = {str(event) for event in VisitEvent} - {"came", "left"}
    assert events == {str(verdict) for verdict in VisitVerdict} - {"undecided"}


@pytest.mark.data
def test_two_network_cameras_and_one_that_stalls(scene, vault):
    with (
        MjpegServer(scene[:20]) as front,
        MjpegServer(scene[40:60]) as back,
        FaceID.open(vault) as f,
    ):
        cameras = [f"front={front.address}", f"back={back.address}"]
        told = []
        watched = f.watch_everybody(cameras, liveness=["off", "passive"], on_status=told.append)
        seen = {}
        end = time.monotonic() + 120
        for people in watched:
            for one in people:
                if one.event is not None:
                    seen.setdefault((one.camera, str(one.event)), one)
            if ("camera front", "known") in seen:
                front.stalled.set()
            if {("camera front", "left"), ("camera back", "unknown")} <= set(seen):
                break
            assert time.monotonic() < end
        watched.close()
    assert seen["camera front", "known"].decision.name == "tran"
    assert seen["camera front", "known"].decision.liveness.level == "off"
    assert seen["camera back", "unknown"].decision.liveness.level == "passive"
    assert ("camera back", "known") not in seen
    assert ("camera front", False) in [(status.camera, status.is_up) for status in told]


@pytest.fixture
def video(scene, tmp_path):
    path = tmp_path / "door.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (640, 480))
    for pixels in scene:
        writer.write(np.ascontiguousarray(pixels[:, :, ::-1]))
    writer.release()
    return path


run = CliRunner()


@pytest.mark.data
def test_the_command_tells_who_comes_and_goes(video, vault):
    arguments = ["watch", "--everybody", str(video), "--vault", str(vault)]
    result = run.invoke(app, [*arguments, "--json", "--liveness", "off"])
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["event"], line["track"]) for line in events] == [
        ("came", 1), ("known", 1), ("came", 2), ("unknown", 2), ("left", 1), ("left", 2),
    ]  # fmt: skip
    assert events[1]["name"] == "tran"
    assert events[1]["liveness"]["level"] == "off"
    spoken = run.invoke(app, arguments).stdout
    assert "#1  ✓ tran" in spoken
    assert "#2  ✗ no enrolled person" in spoken


NOTE = """
import pathlib, sys
with pathlib.Path(sys.argv[1]).open("a") as file:
    file.write(sys.argv[2] + chr(9) + sys.stdin.read() + chr(10))
"""


@pytest.mark.data
def test_programs_run_once_for_each_visit_with_json_and_without_a_shell(video, vault, tmp_path):
    script = tmp_path / "note.py"
    script.write_text(NOTE)

    def command(name):
        return f"{sys.executable} {script} {tmp_path / name} '$(id); {{name}}'"

    arguments = ["watch", "--everybody", str(video), "--vault", str(vault)]
    for option in ("accept", "known", "unknown"):
        arguments += [f"--on-{option}", command(option)]
    result = run.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for option, name in (("accept", "tran"), ("known", "tran"), ("unknown", None)):
        (line,) = (tmp_path / option).read_text().splitlines()
        word, _, document = line.partition("\t")
        assert word == "$(id); {name}"
        about = json.loads(document)
        assert about["name"] == name
        assert about["camera"].startswith("camera ")
        assert about["liveness"]["level"] == "passive"
    with FaceID.open(vault) as face_id:
        face_id.admin.gate.reset()


@pytest.mark.data
@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--everybody", "x.avi", "--on-accept", "true", "--liveness", "off"], "photo would open"),
        (["--everybody", "x.avi", "--liveness", "challenge"], "asks one person"),
        (["--everybody", "x.avi", "--camera", "0"], "not both"),
        (["--everybody", "--on-known", "no-such-program"], "no such program"),
        (["ada", "x.avi", "--on-known", "true"], "need --everybody"),
        (["ada", "--camera", "0", "--camera", "1"], "several cameras need"),
        ([], "the name of a person"),
    ],
)
def test_wrong_use(more, says, vault):
    result = run.invoke(app, ["watch", *more, "--vault", str(vault)])
    assert result.exit_code == 2 or isinstance(result.exception, UsageError)
    assert says in " ".join(f"{result.output} {result.exception}".replace("│", " ").split())


def end_with(pictures, error):
    yield from stream(pictures, rate=10)
    raise error


@pytest.mark.data
@pytest.mark.parametrize("error", [None, CaptureAbandoned(), KeyboardInterrupt()], ids=repr)
def test_who_is_in_view_when_watching_ends_is_told(stranger, vault, monkeypatch, error):
    """The client of a stream leaves, Ctrl-C, or the caller stops: nothing is forgotten."""
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "2")
    told = []
    with FaceID.open(vault) as face_id:
        frames = end_with(stranger, error) if error else stream(stranger, rate=10)
        made = face_id.watch_everybody(frames, liveness="off", on_people=told.extend)
        with suppress(KeyboardInterrupt):
            for number, _ in enumerate(made, 1):
                if error is None and number == 30:
                    break
        made.close()
    assert [one.event for one in told if one.event] == ["came", "unknown", "left"]
    assert [one.unknown is not None for one in told if one.event == "left"] == [True]
