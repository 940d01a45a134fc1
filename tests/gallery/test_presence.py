"""People come and go before a door's camera, on clips side by side."""

import json
from itertools import islice

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from onlyme import Decision, FaceID, Frame, Reason
from onlyme.cli.app import app
from onlyme.gallery.presence import MIN_NAMING_FRAMES, fuse_decisions, watch_presence
from onlyme.image.sources import read_frames

ADA = Decision(True, "ada", Reason.MATCH, 0.3, 0.1)
BOB = Decision(True, "bob", Reason.MATCH, 0.3, 0.1)
NO_MATCH = Decision(False, None, Reason.NO_MATCH)
UNCLEAR = Decision(False, None, Reason.AMBIGUOUS)


@pytest.mark.parametrize(
    ("said", "name", "reason"),
    [
        ([], None, Reason.NO_MATCH),
        ([ADA], None, Reason.NO_MATCH),  # no single frame
        ([ADA, ADA], None, Reason.NO_MATCH),
        ([ADA, ADA, ADA], "ada", Reason.MATCH),
        ([ADA, NO_MATCH, ADA], "ada", Reason.MATCH),
        ([ADA, NO_MATCH, NO_MATCH], None, Reason.NO_MATCH),  # one lucky frame
        ([ADA, ADA, NO_MATCH, NO_MATCH], None, Reason.NO_MATCH),
        ([ADA, BOB, ADA, BOB], None, Reason.AMBIGUOUS),
        ([UNCLEAR, UNCLEAR, ADA], None, Reason.AMBIGUOUS),
        ([ADA, ADA, BOB, BOB, ADA], "ada", Reason.MATCH),
    ],
)
def test_a_name_is_said_by_more_than_half(said, name, reason):
    decision = fuse_decisions(said)
    assert (decision.name, decision.reason, decision.frames) == (name, reason, len(said))


def half(data, name, count):
    """Frames of a clip in the left or right half of a webcam frame."""
    for frame in islice(read_frames(data / f"clips/{name}.mp4"), count):
        height, width = frame.pixels.shape[:2]
        scale = 480 / height
        small = cv2.resize(frame.pixels, (round(width * scale), 480), interpolation=cv2.INTER_AREA)
        left = max(0, (small.shape[1] - 320) // 2)
        part = np.full((480, 320, 3), 90, np.uint8)
        cut = small[:, left : left + 320]
        part[:, : cut.shape[1]] = cut
        yield part


@pytest.fixture(scope="module")
def scene(data):
    """The owner alone, then with a stranger, then the stranger alone, then no one: 20 each."""
    empty = np.full((480, 320, 3), 90, np.uint8)
    owner, stranger = (list(half(data, f"{name}_live", 40)) for name in ("tranvan", "lestari"))
    left = [*owner, *[empty] * 40]
    right = [*[empty] * 20, *stranger, *[empty] * 20]
    return [np.ascontiguousarray(np.hstack(pair)) for pair in zip(left, right, strict=True)]


@pytest.fixture(scope="module")
def vault(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("door") / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll(
            "tran", list(islice(read_frames(data / "clips/tranvan_live.mp4"), 60, 160, 25))
        )
    return folder


@pytest.mark.data
def test_who_is_known_is_named_and_who_is_not_is_not(scene, vault):
    stream = [Frame(pixels, "door", n / 30) for n, pixels in enumerate(scene)]
    with FaceID.open(vault) as face_id:
        made = list(watch_presence(face_id.pipeline, face_id._enrolled.identify, stream))
    assert len(made) == len(scene)
    seen = {visit.id for some in made for visit in some}
    assert seen == {1, 2}
    for number, some in enumerate(made):
        for visit in some:
            if visit.id == 2:
                assert visit.decision.name is None
            elif number >= MIN_NAMING_FRAMES - 1:
                assert visit.decision.name == "tran"
    assert not any(
        visit.decision.accepted for some in made[: MIN_NAMING_FRAMES - 1] for visit in some
    )
    at_once = made[30]
    assert [visit.id for visit in at_once] == [1, 2]
    assert at_once[0].face.box[0] < 320 <= at_once[1].face.box[0] + at_once[1].face.box[2] / 2
    assert made[-1] == []


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
    result = run.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["event"], line["track"]) for line in events] == [
        ("came", 1), ("known", 1), ("came", 2), ("left", 1), ("left", 2),
    ]  # fmt: skip
    assert events[1]["name"] == "tran"
    assert events[1]["liveness"]["level"] == "off"
    spoken = run.invoke(app, arguments).stdout
    assert "#1  ✓ tran" in spoken
    assert "#2  a person came" in spoken


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--everybody", "--on-accept", "true"], "no program may be run"),
        (["--everybody", "--liveness", "passive"], "no program may be run"),
        (["--everybody", "x.avi", "--camera", "0"], "not both"),
        ([], "the name of a person"),
    ],
)
def test_wrong_use(more, says, tmp_path):
    result = run.invoke(app, ["watch", *more, "--vault", str(tmp_path)])
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())
