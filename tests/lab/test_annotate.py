"""The live demo: the drawing shows the decision, and the video can be read again."""

import cv2
import numpy as np
import pytest

from onlyme.errors import UsageError
from onlyme.lab.annotate import annotate, draw_verdict, save_video


class Reddish:
    threshold = 0.0

    def scores(self, faces, rule=None):  # noqa: ARG002 - it knows one rule
        return faces[:, 0, 0, 0].astype(float) - faces[:, 0, 0, 2]


def find(pixels):
    if not pixels.any():
        return None
    return np.array([10, 10, 40, 40], np.float32), pixels[:8, :8]


def frame(colour):
    return np.full((120, 160, 3), colour, np.uint8)


FRAMES = [frame((200, 0, 0))] * 3 + [frame((0, 0, 200))] * 2 + [frame((0, 0, 0))]


def test_each_frame_is_scored_and_a_frame_without_a_face_is_not_accepted():
    annotated = list(annotate(FRAMES, find, Reddish(), "ada"))
    assert [one.accepted for one in annotated] == [True] * 3 + [False] * 3
    assert annotated[-1].score is None
    assert not np.array_equal(annotated[0].pixels, FRAMES[0])
    assert (FRAMES[0] == frame((200, 0, 0))).all(), "the frame itself is not changed"


def test_another_alpha_may_be_in_use():
    annotated = list(annotate(FRAMES[:1], find, Reddish(), "ada", threshold=500.0))
    assert not annotated[0].accepted


def test_name_and_not_are_drawn_differently():
    plain = frame((90, 90, 90))
    box = np.array([10, 10, 40, 40], np.float32)
    yes, no = (
        draw_verdict(plain, box, text, accepted=ok) for text, ok in (("ada", True), ("NOT", False))
    )
    assert (yes != no).any()


@pytest.mark.parametrize(
    "name", ["Păpăluță", "Мария", "Ελένη", "李明", "さくら", "김민준", "שרה", "عمر"]
)
def test_a_name_of_any_of_these_scripts_is_drawn_and_not_replaced(name):
    plain = frame((90, 90, 90))
    drawn = draw_verdict(plain, None, name, accepted=True)
    for wrong in ("?", "\ufffd", "\u25a1"):
        assert (drawn != draw_verdict(plain, None, wrong * len(name), accepted=True)).any()
    one, other = (draw_verdict(plain, None, sign, accepted=True) for sign in (name[0], name[1]))
    assert (one != other).any(), "a font without them draws all letters as one box"


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_the_video_can_be_read_again(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    assert save_video(annotate(FRAMES, find, Reddish(), "ada"), path, 10) == (6, 3)
    video = cv2.VideoCapture(str(path))
    read = []
    while (got := video.read())[0]:
        read.append(got[1])
    video.release()
    assert len(read) == 6
    assert read[0].shape == (120, 160, 3)
    middle = read[0][100, 140]
    assert middle[2] > 150 > middle[0], "red stays red: OpenCV writes BGR"


def test_a_video_that_cannot_be_saved_is_refused(tmp_path):
    annotated = list(annotate(FRAMES, find, Reddish(), "ada"))
    with pytest.raises(UsageError, match=r"\.mp4"):
        save_video(annotated, tmp_path / "out.gif")
    with pytest.raises(UsageError, match="no frame"):
        save_video([], tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="cannot write"):
        save_video(annotated, tmp_path / "none" / "out.avi")
