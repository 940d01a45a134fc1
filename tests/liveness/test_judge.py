"""One face, one person, no frame twice."""

import numpy as np
import pytest

from onlyme.liveness import judge
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.grain import Grain
from onlyme.liveness.judge import NO_OWN_MOTION, LivenessSession, RepeatDetector
from onlyme.liveness.motion import MotionDetector
from onlyme.liveness.passive import NO_COLOUR, FrameEvidence
from onlyme.types import Verdict

FUSION = Fusion(slope=1.0, intercept=0.0, live=0.8, attack=0.4, network="")
ADA, BOB = "ada", "bob"


def picture(seed):
    return np.random.default_rng(seed).integers(0, 255, 576).astype(np.uint8)


def glance(seed, odds=5.0):
    return FrameEvidence(odds, 2.0, "", picture(seed))


def test_noise_is_new_and_copies_are_not():
    repeats = RepeatDetector()
    shown = (0, 1, 2, 2, 2, 3, 0)
    assert [repeats.classify(at / 15, picture(n)) for at, n in enumerate(shown)] == [
        "", "", "", "still", "still", "", "loop",
    ]  # fmt: skip


@pytest.mark.parametrize("rate", [5, 15, 30, 60, 120])
def test_a_loop_is_noticed_after_half_a_minute(rate):
    repeats = RepeatDetector()
    count = 26 * rate
    for n in range(count):
        assert repeats.classify(n / rate, picture(n)) == ""
    again = [repeats.classify((count + n) / rate, picture(n)) for n in range(rate)]
    assert "loop" in again


def test_a_picture_that_comes_back_at_once_is_no_loop_but_no_evidence_either():
    """Compression may give a still person the same picture again after a slightly other one."""
    repeats = RepeatDetector()
    shown = (0, 1, 2, 1, 3)
    assert [repeats.classify(at / 60, picture(n)) for at, n in enumerate(shown)] == [
        "", "", "", "still", "",
    ]  # fmt: skip


def test_frames_that_differ_by_a_cameras_noise_are_no_copies():
    rng = np.random.default_rng(3)
    base = picture(0).astype(np.int16)
    repeats = RepeatDetector()
    for n in range(50):
        noisy = np.clip(base + rng.integers(-1, 2, 576), 0, 255).astype(np.uint8)
        assert repeats.classify(n / 15, noisy) == ""


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


def test_an_undecided_attempt_gets_more_time_for_a_face_that_was_turned_away():
    scene = LivenessSession(FUSION)
    for n in range(5):
        scene.add(n / 15, glance(n, 0.5))
    assert scene.verdict().verdict is Verdict.UNDECIDED
    assert not scene.is_decided
    for n in range(5, 10):
        scene.add(n / 15, glance(n))
    assert scene.is_decided
    assert scene.verdict().verdict is Verdict.LIVE


def test_more_time_brings_no_colour_and_is_not_given():
    for why, decided in ((NO_COLOUR, True), ("the face is too near", False)):
        scene = LivenessSession(FUSION)
        for n in range(5):
            scene.add(n / 15, FrameEvidence(None, 2.0, why, picture(n)))
        assert scene.is_decided is decided


@pytest.mark.parametrize(
    ("grain", "live"),
    [
        (Grain(2.0, 0.7, 0.2), True),  # a webcam's
        (Grain(3.8, 0.8, 0.1), True),  # a compressed video's
        (Grain(1.2, 0.6, 0.2), False),  # too clean
        (Grain(5.5, 0.8, 0.2), False),  # too grainy
        (Grain(2.0, 0.7, 0.8), False),  # with colour in each pixel
        (None, False),
    ],
)
def test_own_motion_is_asked_for_where_the_grain_is_not_a_cameras(grain, live):
    scene = LivenessSession(FUSION, MotionDetector())
    for n in range(5):
        scene.add(n / 15, FrameEvidence(5.0, 2.0, "", picture(n), grain))
    assert scene.is_decided is live
    assert scene.verdict().verdict is (Verdict.LIVE if live else Verdict.UNDECIDED)
    assert (scene.verdict().note == NO_OWN_MOTION) is not live


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
    [
        (120, [24, 44]),
        (60, [14, 24, 34, 44]),
        (30, [9, 14, 19, 24, 29, 34, 39, 44]),
        (15, list(range(7, 45, 3))),
        (5, list(range(5, 45))),
    ],
)
def test_it_is_looked_at_by_time_not_by_frames(rate, looked):
    scene = LivenessSession(FUSION)
    followed(scene, 5, rate=rate)
    scene.begin()
    assert followed(scene, 40, start=5, rate=rate) == looked


@pytest.mark.parametrize("times", [[0.0] * 25, range(0, -25, -1), [float("nan")] * 25])
def test_frames_without_times_are_looked_at_and_may_not_stand_still(times):
    scene = LivenessSession(FUSION)
    for n in range(5):
        scene.add(times[n], glance(n))
    scene.begin()
    looked = 0
    for n in range(5, 20):
        due = scene.is_due(times[n])
        looked += due
        scene.add(times[n], glance(n) if due else None, None if due else picture(n))
    assert looked >= 3
    assert scene.verdict().verdict is Verdict.LIVE
    scene.begin()
    for n in range(20, 25):
        scene.add(times[n], glance(20))
    assert scene.verdict().verdict is Verdict.ATTACK


# --------------------------------------------------------------- frame rates


def shown_at(rate, holds):
    """Return (time, picture) of a stream that shows picture n in holds[n] frames."""
    numbers = [n for n, hold in enumerate(holds) for _ in range(hold)]
    return [(k / rate, n) for k, n in enumerate(numbers)]


FEEDS = {
    "30": (30, [1] * 30),
    "30 as 60": (60, [2] * 30),
    "30 as 120": (120, [4] * 30),
    "30 as 240": (240, [8] * 30),
    "24 as 60": (60, [2, 3] * 15),
    "25 as 60": (60, [2, 2, 3, 2, 3] * 6),
    "15 as 60": (60, [4] * 20),
    "10 as 60": (60, [6] * 20),
    "5 as 30, a webcam in the dark": (30, [6] * 10),
    "5 as 144": (144, [29, 28, 29, 29, 29] * 2),
    "60": (60, [1] * 60),
    "120": (120, [1] * 120),
    "3, and slow": (3, [1] * 9),
    "a hiccup at 5": (5, [1, 1, 2, 1, 1, 1]),
}


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("feed", FEEDS)
def test_a_living_face_is_live_at_any_frame_rate(feed, settled):
    rate, holds = FEEDS[feed]
    scene = LivenessSession(FUSION, settled=settled)
    for at, n in shown_at(rate, holds):
        due = scene.is_due(at)
        scene.add(at, glance(n) if due else None, None if due else picture(n))
        assert scene.verdict().verdict is not Verdict.ATTACK
    assert scene.verdict().verdict is Verdict.LIVE


@pytest.mark.parametrize("rate", [10, 15, 30, 60, 120, 240])
def test_a_frozen_picture_is_an_attack_at_any_frame_rate(rate):
    scene = LivenessSession(FUSION)
    for at, _ in shown_at(rate, [rate]):
        scene.add(at, glance(0))
    assert scene.verdict().verdict is Verdict.ATTACK


@pytest.mark.parametrize("rate", [15, 30, 60, 120])
def test_pictures_one_after_the_other_are_an_attack_at_any_frame_rate(rate):
    """A row of stills, a third of a second each."""
    scene = LivenessSession(FUSION)
    for at, n in shown_at(rate, [round(rate / 3) + 1] * 8):
        scene.add(at, glance(n))
    assert scene.verdict().verdict is Verdict.ATTACK


@pytest.mark.parametrize("rate", [15, 30, 60, 120])
def test_a_short_loop_is_an_attack_at_any_frame_rate(rate):
    scene = LivenessSession(FUSION)
    for k in range(2 * rate):
        scene.add(k / rate, glance(k % (rate // 5)))
    assert scene.verdict().verdict is Verdict.ATTACK


def test_two_pictures_in_turn_never_pass():
    scene = LivenessSession(FUSION)
    for k in range(60):
        scene.add(k / 30, glance(k % 2))
        assert scene.verdict().verdict is not Verdict.LIVE


def test_repeats_are_no_evidence():
    """Two pictures, shown often, are two pictures: too few to be alive."""
    scene = LivenessSession(FUSION)
    for at, n in shown_at(120, [12, 12]):
        scene.add(at, glance(n))
    assert not scene.has_enough_frames
    assert scene.verdict().verdict is Verdict.UNDECIDED


def test_a_face_that_was_gone_did_not_stand_still():
    scene = LivenessSession(FUSION)
    steps = [(0.0, 0), (1 / 60, 0), (1.0, 1), (1.0 + 1 / 60, 1), (1.1, 2), (1.2, 3)]
    for at, n in steps:
        scene.add(at, glance(n))
    assert scene.verdict().verdict is Verdict.LIVE


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
    """With the memory written over several times, at changing frame rates."""
    monkeypatch.setattr(judge, "MEMORY_PICTURES", 40)
    rng = np.random.default_rng(5)
    shown = [picture(int(n))[:16] for n in rng.integers(0, 60, 400)]
    times = np.cumsum(rng.choice([1 / 120, 1 / 60, 1 / 30, 1 / 10], 400))

    def same(one, other):
        apart = np.abs(one.astype(int) - other.astype(int)).mean()
        return apart <= judge.SAME_PICTURE_LEVELS

    repeats, known, recent, found = RepeatDetector(), [], [], set()
    for at, now in zip(times, shown, strict=True):
        if recent and same(recent[-1][1], now):
            expected = "still"
        else:
            oldest = at - judge.MAX_PICTURE_SECONDS
            whens = [when for when, old in known if same(old, now)]
            again = any(same(old, now) for _, old in recent) or whens
            expected = "loop" if min(whens, default=at) < oldest else "still" if again else ""
            if not known or at - known[-1][0] >= judge.MEMORY_STEP_SECONDS:
                known = [*known, (at, now)][-judge.MEMORY_PICTURES :]
            recent = [one for one in recent if one[0] >= oldest] + [(at, now)]
        assert repeats.classify(at, now) == expected
        found.add(expected)
    assert found == {"", "still", "loop"}
