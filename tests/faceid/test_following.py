"""Faces that are followed through real clips: the same answers, and no way in between frames."""

from functools import cache
from itertools import islice

import cv2
import numpy as np
import pytest

from onlyme import FaceID, Frame, LivenessLevel, Reason
from onlyme.face.temporal import SEARCH_EVERY_FRAMES
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.verification.attempt import CaptureSession
from onlyme.verification.stream import decide_attempts

pytestmark = pytest.mark.data

PASSIVE = LivenessLevel.PASSIVE
RATE = 30.0


@cache
def clip(data, name, count, start=0):
    """Frames of a clip, cut and brought to 480×640 so that clips can follow one another."""
    made = []
    for frame in islice(read_frames(data / f"clips/{name}.mp4"), start, start + count):
        pixels = frame.pixels
        height, width = pixels.shape[:2]
        high = min(height, round(width * 4 / 3))
        wide = round(high * 3 / 4)
        top, left = (height - high) // 2, (width - wide) // 2
        part = pixels[top : top + high, left : left + wide]
        made.append(np.asarray(cv2.resize(part, (480, 640), interpolation=cv2.INTER_AREA)))
    return made


def stream(pictures, rate=RATE):
    return [Frame(np.ascontiguousarray(p), "test", n / rate) for n, p in enumerate(pictures)]


@pytest.fixture(scope="module")
def owner(tmp_path_factory, data):
    with FaceID.open(tmp_path_factory.mktemp("vault"), lasting=True) as face_id:
        face_id.enroll("tran", list(clip(data, "tranvan_live", 60, 40)[::12]))
        yield face_id


def decide(face_id, pictures, *, follow=True, rate=RATE):
    pipeline = face_id.pipeline.follow() if follow else face_id.pipeline
    sights = map(pipeline.look, stream(pictures, rate))
    session = CaptureSession(networks.load_judge(face_id.pipeline.runtime), PASSIVE)
    return list(decide_attempts(lambda: face_id.owner("tran"), sights, session))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tranvan_live", Reason.MATCH),
        ("tranvan_replay", Reason.NOT_LIVE),
        ("lestari_live", Reason.NO_MATCH),
    ],
)
def test_a_followed_face_gets_the_same_answer(owner, data, name, reason):
    pictures = clip(data, name, 35)
    followed, searched = decide(owner, pictures), decide(owner, pictures, follow=False)
    assert {d.reason for d in followed} == {d.reason for d in searched} == {reason}
    # The margins scatter by 0.06 from attempt to attempt, followed or not.
    means = [np.mean([d.margin for d in some]) for some in (followed, searched)]
    assert means[0] == pytest.approx(means[1], abs=0.06)


@pytest.mark.parametrize(("rate", "hold"), [(60, 2), (120, 4), (90, 3), (60, 4), (30, 6)])
def test_a_feed_that_repeats_frames_gets_the_same_answer(owner, data, rate, hold):
    """As virtual cameras do, which fill their own rate with copies."""
    for name, reason in (("tranvan_live", Reason.MATCH), ("tranvan_replay", Reason.NOT_LIVE)):
        pictures = [p for p in clip(data, name, 25)[::2] for _ in range(hold)]
        made = decide(owner, pictures, rate=rate)
        assert {d.reason for d in made} == {reason}
        assert all(d.frames > 5 for d in made[:-1])


@pytest.mark.parametrize("order", ["screen first", "stranger first"])
@pytest.mark.parametrize("split", [3, 12, 22])
def test_a_swap_in_mid_scan_never_opens(owner, data, order, split):
    """The owner's picture on a screen and a living stranger in the same place, in turn."""
    screen, stranger = clip(data, "tranvan_replay", 30), clip(data, "lestari_live", 30)
    one, other = (screen, stranger) if order == "screen first" else (stranger, screen)
    assert not any(d.accepted for d in decide(owner, [*one[:split], *other[split:]]))


@pytest.mark.parametrize("every", [2, SEARCH_EVERY_FRAMES])
def test_taking_turns_at_any_pace_never_opens(owner, data, every):
    """If only some frames were looked at, the others could show another person."""
    screen, stranger = clip(data, "tranvan_replay", 25), clip(data, "lestari_live", 25)
    for offset in (0, every - 1):
        mixed = [stranger[n] if n % every == offset else screen[n] for n in range(len(screen))]
        assert not any(d.accepted for d in decide(owner, mixed))


def test_the_owner_who_leaves_opens_for_nobody_else(owner, data):
    """A stranger takes the place of an owner who was accepted."""
    live, stranger = clip(data, "tranvan_live", 20), clip(data, "lestari_live", 40)
    made = decide(owner, [*live, *stranger])
    assert made[0].accepted
    shown, after = 0, []
    for decision in made:
        shown += decision.frames
        after += [decision] if shown > len(live) else []
    assert after
    assert not any(d.accepted for d in after)


def test_a_second_person_who_joins_is_noticed_within_an_attempt(owner, data):
    live, stranger = clip(data, "tranvan_live", 60), clip(data, "lestari_live", 60)
    alone = [np.hstack([picture, np.full_like(picture, 90)]) for picture in live[:20]]
    both = [np.hstack(pair) for pair in zip(live[20:], stranger[20:], strict=True)]
    follower = owner.pipeline.follow()
    reasons = [follower.look(frame).reason for frame in stream([*alone, *both])]
    assert reasons[:20].count(None) >= 19
    joined = reasons[20:]
    assert Reason.MANY_FACES in joined[:SEARCH_EVERY_FRAMES]
    assert joined[SEARCH_EVERY_FRAMES:].count(Reason.MANY_FACES) >= 0.9 * len(
        joined[SEARCH_EVERY_FRAMES:]
    )
