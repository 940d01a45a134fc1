"""One face, one person, no frame twice."""

import numpy as np
import pytest

from onlyme.liveness import judge
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.judge import LivenessSession, RepeatDetector
from onlyme.liveness.passive import FrameEvidence
from onlyme.types import Verdict

FUSION = Fusion(slope=1.0, intercept=0.0, live=0.8, attack=0.4, network="")
ADA, BOB = "ada", "bob"


def picture(seed):
    return np.random.default_rng(seed).integers(0, 255, 576).astype(np.uint8)


def glance(seed, odds=5.0):
    return FrameEvidence(odds, 2.0, "", picture(seed))


def test_noise_is_new_and_copies_are_not():
    repeats = RepeatDetector()
    assert [repeats.classify(picture(n)) for n in (0, 1, 2, 2, 2, 3, 0)] == [
        "", "", "", "still", "still", "", "loop",
    ]  # fmt: skip


def test_a_loop_is_noticed_after_half_a_minute():
    repeats = RepeatDetector()
    for n in range(400):
        assert repeats.classify(picture(n)) == ""
    assert repeats.classify(picture(7)) == "loop"


def test_frames_that_differ_by_a_cameras_noise_are_no_copies():
    rng = np.random.default_rng(3)
    base = picture(0).astype(np.int16)
    repeats = RepeatDetector()
    for _ in range(50):
        noisy = np.clip(base + rng.integers(-1, 2, 576), 0, 255).astype(np.uint8)
        assert repeats.classify(noisy) == ""


def run(scene, steps):
    """Show a session frames of a person; a change of person starts it over, as an attempt does."""
    shown = None
    for at, who, seen in steps:
        if shown not in (None, who):
            scene.start_over()
        shown = who
        scene.add(at, seen)
    return scene.verdict()


def test_a_living_face_is_live():
    steps = [(n / 15, ADA, glance(n)) for n in range(5)]
    assert run(LivenessSession(FUSION), steps).verdict is Verdict.LIVE


@pytest.mark.parametrize("odds", [-5.0, 5.0])
@pytest.mark.parametrize("order", ["photo first", "person first"])
def test_after_a_swap_only_what_came_last_counts(order, odds):
    first, last = ((ADA, -odds), (BOB, odds))
    steps = [(n / 15, first[0], glance(n, first[1])) for n in range(3)]
    steps += [(n / 15, last[0], glance(n, last[1])) for n in range(3, 6)]
    expected = Verdict.LIVE if odds > 0 else Verdict.ATTACK
    assert run(LivenessSession(FUSION), steps).verdict is expected


def test_too_few_frames_after_a_swap_are_not_enough_for_life_but_for_an_attack():
    for odds, expected in ((5.0, Verdict.UNDECIDED), (-5.0, Verdict.ATTACK)):
        steps = [(n / 15, ADA, glance(n)) for n in range(4)]
        steps += [(n / 15, BOB, glance(n, odds)) for n in range(4, 6)]
        assert run(LivenessSession(FUSION), steps).verdict is expected


def test_a_frozen_picture_is_an_attack():
    steps = [(n / 15, ADA, glance(0)) for n in range(5)]
    assert run(LivenessSession(FUSION), steps).verdict is Verdict.ATTACK


def test_a_cameras_hiccup_is_none():
    steps = [(n / 15, ADA, glance(m)) for n, m in enumerate((0, 1, 1, 2, 3))]
    assert run(LivenessSession(FUSION), steps).verdict is Verdict.LIVE


def test_a_loop_is_an_attack_even_across_attempts():
    scene = LivenessSession(FUSION)
    assert run(scene, [(n / 15, ADA, glance(n)) for n in range(5)]).verdict is Verdict.LIVE
    scene.begin()
    again = [((n + 5) / 15, ADA, glance(n)) for n in range(5)]
    assert run(scene, again).verdict is Verdict.ATTACK


# ------------------------------------------------------------ each fifth frame


def followed(scene, frames, start=0, pictures=lambda n: n, rate=30):
    """Show frames of one face, and look only at those that are due; return which these were."""
    looked = []
    for n in range(start, start + frames):
        seen = glance(pictures(n)) if scene.is_due(n / rate) else None
        looked += [n] if seen else []
        scene.add(n / rate, seen, None if seen else picture(pictures(n)))
    return looked


def test_each_frame_of_the_first_attempt_is_looked_at_and_each_fifth_after_that():
    scene = LivenessSession(FUSION)
    assert followed(scene, 5) == [0, 1, 2, 3, 4]
    scene.begin()
    assert followed(scene, 15, start=5) == [9, 14, 19]
    assert scene.has_enough_frames
    assert scene.verdict().verdict is Verdict.LIVE


@pytest.mark.parametrize(
    ("rate", "looked"),
    [(60, [9, 14, 19]), (15, [7, 10, 13, 16, 19]), (5, list(range(5, 20)))],
)
def test_where_frames_come_slowly_more_of_them_are_looked_at(rate, looked):
    scene = LivenessSession(FUSION)
    followed(scene, 5, rate=rate)
    scene.begin()
    assert followed(scene, 15, start=5, rate=rate) == looked


def test_an_attempt_that_was_hardly_looked_at_is_not_live():
    scene = LivenessSession(FUSION)
    followed(scene, 5)
    scene.begin()
    followed(scene, 10, start=5)
    assert not scene.has_enough_frames
    assert scene.verdict().verdict is Verdict.UNDECIDED


def test_somebody_new_is_looked_at_in_each_frame_again():
    scene = LivenessSession(FUSION)
    followed(scene, 5)
    scene.begin()
    scene.start_over()
    scene.add(5 / 30, fingerprint=picture(5))
    assert scene.is_due(6 / 30)
    # Whoever had no whole attempt gets one in which each frame is looked at.
    scene.begin()
    assert scene.is_due(6 / 30)


@pytest.mark.parametrize("length", [20, 21, 23])
def test_a_loop_is_noticed_also_between_the_frames_that_are_looked_at(length):
    """A loop whose length is no multiple of five never shows the same frames to the network."""
    scene = LivenessSession(FUSION)
    followed(scene, 5)
    scene.begin()
    followed(scene, 15, start=5)
    scene.begin()
    followed(scene, 15, start=20, pictures=lambda n: n % length)
    assert scene.verdict().verdict is Verdict.ATTACK


def test_a_picture_that_freezes_between_looks_is_an_attack():
    scene = LivenessSession(FUSION)
    followed(scene, 5)
    scene.begin()
    followed(scene, 15, start=5, pictures=lambda n: min(n, 10))
    assert scene.verdict().verdict is Verdict.ATTACK


def test_fingerprints_are_compared_as_a_plain_loop_would(monkeypatch):
    """With the memory written over several times."""
    monkeypatch.setattr(judge, "MEMORY_FRAMES", 40)
    rng = np.random.default_rng(5)
    shown = [picture(int(n))[:16] for n in rng.integers(0, 60, 300)]
    repeats, known = RepeatDetector(), []
    for now in shown:
        apart = [np.abs(now.astype(int) - old.astype(int)).mean() for old in known]
        if apart and apart[-1] <= judge.SAME_PICTURE_LEVELS:
            expected = "still"
        else:
            expected = "loop" if apart and min(apart) <= judge.SAME_PICTURE_LEVELS else ""
            known = [*known, now][-judge.MEMORY_FRAMES :]
        assert repeats.classify(now) == expected
