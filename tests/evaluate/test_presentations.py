"""A folder of presentations: found in order, judged one by one, never a crash on a bad file."""

import cv2
import numpy as np
import pytest

from onlyme.errors import CameraError, ImageError, UsageError
from onlyme.evaluate.presentations import (
    MAX_FRAMES,
    MAX_FRAMES_PER_SECOND,
    judge_presentation,
    read_presentation_frames,
    walk_presentations,
)
from onlyme.types import Frame, Liveness, LivenessLevel, Verdict


class Checker:
    """Takes the place of `onlyme.check_liveness`, and records what it is given."""

    def __init__(self, verdict=Verdict.LIVE, error=None):
        self.given = []
        self._verdict, self._error = verdict, error

    def __call__(self, presentation):
        self.given.append(presentation)
        if self._error:
            raise self._error
        return Liveness(LivenessLevel.PASSIVE, self._verdict, 0.5)


@pytest.fixture
def video(tmp_path):
    """Two seconds of video at 30 frames a second."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for number in range(60):
        writer.write(np.full((48, 64, 3), 4 * number, np.uint8))
    writer.release()
    return path


def test_presentations_come_kind_by_kind_without_hidden_files(tmp_path):
    for name in ("print/b.jpg", "print/a.jpg", "live/0.mp4", "live/.hidden.jpg", ".git/x.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "replay/session").mkdir(parents=True)
    (tmp_path / "loose.jpg").touch()
    found = [(kind, path.name) for kind, path in walk_presentations(tmp_path)]
    assert found == [
        ("live", "0.mp4"),
        ("print", "a.jpg"),
        ("print", "b.jpg"),
        ("replay", "session"),
    ]


@pytest.mark.parametrize("name", ["", "live/.hidden.jpg", "loose.jpg"])
def test_a_folder_without_presentations_is_refused(tmp_path, name):
    if name:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="make folders live, print, replay"):
        list(walk_presentations(tmp_path))


def test_a_picture_is_checked_as_it_is(tmp_path):
    check = Checker(Verdict.ATTACK)
    assert judge_presentation(tmp_path / "a.JPG", check) == (Verdict.ATTACK, "")
    assert check.given == [tmp_path / "a.JPG"]


def test_a_folder_is_one_presentation_in_natural_order(tmp_path):
    for name in ("f10.png", "f2.png"):
        (tmp_path / name).touch()
    check = Checker()
    assert judge_presentation(tmp_path, check) == (Verdict.LIVE, "")
    assert check.given == [[tmp_path / "f2.png", tmp_path / "f10.png"]]


def test_of_a_video_the_first_half_second_is_checked(video):
    check = Checker()
    assert judge_presentation(video, check) == (Verdict.LIVE, "")
    (frames,) = check.given
    assert len(frames) == MAX_FRAMES
    assert all(isinstance(frame, Frame) for frame in frames)
    steps = np.diff([frame.at for frame in frames])
    assert (steps >= 1 / MAX_FRAMES_PER_SECOND - 2e-3).all()
    assert frames[-1].at < 0.6


def test_without_a_verdict_a_presentation_is_undecided(tmp_path):
    assert judge_presentation(tmp_path / "a.jpg", Checker(None)) == (Verdict.UNDECIDED, "")


@pytest.mark.parametrize(
    "error", [ImageError("a.jpg", "it is not a picture"), CameraError("it cannot be opened")]
)
def test_a_presentation_that_cannot_be_read_is_undecided_with_its_reason(tmp_path, error):
    verdict, reason = judge_presentation(tmp_path / "a.jpg", Checker(error=error))
    assert verdict is Verdict.UNDECIDED
    assert reason == str(error)


def test_an_empty_folder_or_a_file_of_another_kind_is_undecided(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("text")
    for name in ("empty", "notes.txt"):
        check = Checker()
        verdict, reason = judge_presentation(tmp_path / name, check)
        assert verdict is Verdict.UNDECIDED
        assert name in reason
        assert check.given == []
    with pytest.raises(CameraError):
        read_presentation_frames(tmp_path / "notes.txt")


def test_the_frames_of_a_folder_are_timed_by_its_frame_rate(tmp_path):
    """A folder of 120 frames a second is thinned as a video is, so that copies stay apart."""
    for number in range(80):
        picture = np.full((8, 8, 3), number // 4, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    check = Checker()
    assert judge_presentation(tmp_path, check, 120) == (Verdict.LIVE, "")
    (frames,) = check.given
    assert [frame.at for frame in frames] == [n / 15 for n in range(MAX_FRAMES)]
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [2 * n for n in range(MAX_FRAMES)]
