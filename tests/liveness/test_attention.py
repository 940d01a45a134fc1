"""Attention: eyes that are open, closed, covered or too small, in frames and in attempts."""

import tomllib
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme import FaceID, Reason, UsageError
from onlyme.errors import ModelMissing
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness.attention import (
    MAX_OPEN_BLINK,
    MAX_READINGS,
    MIN_EYE_PIXELS,
    MIN_OPEN_LIDS,
    POPULATION,
    AttentionSession,
    EyeLevel,
    EyeReading,
    EyeState,
    judge_eyes,
    measure_eyes,
)
from onlyme.types import AttentionLevel, Decision

EYES, GAZE = AttentionLevel.EYES, AttentionLevel.GAZE
LABELS = tomllib.loads((Path(__file__).parents[2] / "benchmarks/eyes.toml").read_text())
YES = Decision(accepted=True, name="ada", reason=Reason.MATCH)


def reading(**changed):
    """Open eyes of the population, seen from the front; or what is changed of them."""
    values = {"blink": 0.12, "lids": 0.28, "width": 40.0, "iris": 0.5, "range": 0.5}
    return EyeReading(**(values | {"yaw": 0.0, "pitch": 0.0, "gaze": 0.0} | changed))


SHUT = reading(blink=0.7, lids=0.03)
COVERED = reading(range=0.1)
AWAY = reading(yaw=40.0)
OPEN = reading()


def session_of(readings, level=EYES, own=None, step=1 / 15, **options):
    session = AttentionSession(level, **options)
    for number, one in enumerate(readings):
        session.add(step * number, one, own)
    return session


@pytest.mark.parametrize(
    ("one", "level", "state"),
    [
        (OPEN, EYES, EyeState.OPEN),
        (SHUT, EYES, EyeState.CLOSED),
        (AWAY, EYES, EyeState.AWAY),
        (reading(yaw=-40.0), EYES, EyeState.AWAY),
        (reading(pitch=-35.0), EYES, EyeState.AWAY),
        (None, EYES, EyeState.UNCLEAR),
        (reading(iris=-0.5), EYES, EyeState.UNCLEAR),  # glare
        (reading(iris=0.0), EYES, EyeState.UNCLEAR),  # a hand
        (COVERED, EYES, EyeState.UNCLEAR),  # dark glasses
        (reading(range=0.1, blink=0.7, lids=0.03), EYES, EyeState.UNCLEAR),  # shut behind them
        (reading(width=MIN_EYE_PIXELS - 1), EYES, EyeState.UNCLEAR),
        (reading(width=MIN_EYE_PIXELS - 1, blink=0.7, lids=0.03), EYES, EyeState.UNCLEAR),
        (reading(gaze=30.0), EYES, EyeState.OPEN),
        (reading(gaze=30.0), GAZE, EyeState.AWAY),
        (reading(gaze=-30.0), GAZE, EyeState.AWAY),
        (reading(gaze=10.0), GAZE, EyeState.OPEN),
    ],
)
def test_one_frame(one, level, state):
    assert judge_eyes(one, None, level) is state


def test_a_blink_in_one_frame_does_not_refuse():
    assert session_of([SHUT, OPEN, OPEN]).confirm(YES) is YES
    assert session_of([OPEN, SHUT, OPEN]).confirm(YES) is YES


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ([], Reason.ATTENTION_UNDECIDED),
        ([OPEN], Reason.ATTENTION_UNDECIDED),
        ([OPEN, SHUT], Reason.NOT_ATTENTIVE),
        ([SHUT] * 5, Reason.NOT_ATTENTIVE),
        ([AWAY] * 5, Reason.NOT_ATTENTIVE),
        ([COVERED] * 5, Reason.ATTENTION_UNDECIDED),
        ([None] * 5, Reason.ATTENTION_UNDECIDED),
        ([COVERED, COVERED, SHUT], Reason.ATTENTION_UNDECIDED),
    ],
)
def test_why_an_attempt_is_refused(readings, reason):
    assert session_of(readings).confirm(YES).reason is reason


def test_a_rejection_is_left_as_it_is():
    rejected = Decision(accepted=False, name="ada", reason=Reason.NO_MATCH)
    assert session_of([SHUT] * 3).confirm(rejected) is rejected


@given(st.lists(st.sampled_from([SHUT, COVERED, AWAY, None]), max_size=30), st.booleans())
def test_no_frames_without_open_eyes_ever_open(readings, moving):
    session = session_of(readings, moving=moving)
    assert not session.confirm(YES).accepted


@given(st.lists(st.sampled_from([SHUT, OPEN]), min_size=2, max_size=30))
def test_open_eyes_are_the_clear_majority(readings):
    accepted = session_of(readings).confirm(YES).accepted
    share = readings.count(OPEN) / len(readings)
    assert accepted == (share >= 2 / 3 and readings.count(OPEN) >= 2)


def test_an_attempt_waits_for_the_end_of_a_blink_but_not_for_ever():
    assert session_of([OPEN, OPEN]).is_settled
    assert not session_of([OPEN]).is_settled
    assert not session_of([OPEN, SHUT]).is_settled
    assert not session_of([SHUT] * 5).is_settled
    assert session_of([SHUT] * 17).is_settled  # a second has passed
    assert session_of([SHUT] * MAX_READINGS, step=0.0).is_settled  # frames without times


def test_frames_are_read_until_it_is_settled():
    session = AttentionSession(EYES)
    due = []
    for number, one in enumerate([SHUT, OPEN, OPEN, OPEN, OPEN]):
        due.append(session.is_due())
        if due[-1]:
            session.add(number / 30, one, None)
    assert due == [True, True, True, False, False]


def test_a_gesture_may_turn_the_head_and_close_the_eyes():
    assert session_of([OPEN] * 4 + [AWAY] * 8 + [SHUT] * 3, moving=True).confirm(YES) is YES
    assert not session_of([OPEN] * 2 + [SHUT] * 3, moving=True).confirm(YES).accepted


def test_narrow_eyes_are_measured_against_their_own():
    narrow = reading(blink=0.5, lids=0.13)
    assert judge_eyes(narrow, None, EYES) is EyeState.CLOSED
    own = EyeLevel.learn(np.float32([[0.4, 0.17]] * 5))
    assert judge_eyes(narrow, own, EYES) is EyeState.OPEN
    assert judge_eyes(SHUT, own, EYES) is EyeState.CLOSED


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), max_size=64),
    st.floats(0.65, 1),
    st.floats(0, 0.06),
)
def test_no_enrolment_makes_shut_eyes_open(samples, blink, lids):
    own = EyeLevel.learn(np.array(samples, np.float32).reshape(-1, 2))
    assert judge_eyes(reading(blink=blink, lids=lids), own, EYES) is EyeState.CLOSED


def test_a_level_needs_several_photos():
    assert EyeLevel.learn(np.zeros((0, 2), np.float32)) is None
    assert EyeLevel.learn(np.float32([[0.1, 0.3]] * 2)) is None
    level = EyeLevel.learn(np.float32([[0.9, 0.01]] * 3))  # enrolled asleep
    assert level == EyeLevel(MAX_OPEN_BLINK, MIN_OPEN_LIDS)
    assert EyeLevel.learn(np.float32([[0.1, 0.3], [0.1, 0.3], [0.7, 0.0]])).lids > 0.29  # a blink
    assert abs(POPULATION.measure_closure(OPEN)) < 1e-9


# ------------------------------------------------------------------ real faces


def frames_of(data, name, *ranges):
    """Frames of a clip, by number: ranges with both ends included."""
    numbered = enumerate(read_frames(data / f"clips/{name}.mp4"))
    return [f for n, f in numbered if any(a <= n <= b for a, b in ranges)]


@pytest.fixture(scope="module")
def owner(tmp_path_factory, data):
    """A person with narrow eyes and glasses, who blinks for longer at times."""
    with FaceID.open(tmp_path_factory.mktemp("eyes") / "vault") as face_id:
        open_ = frames_of(data, "liveportrait_d9_live", (50, 130))
        face_id.enroll("ada", open_[::12])
        yield face_id


SLEEP = [(380, 388), (554, 563), (521, 527)]


@pytest.mark.data
@pytest.mark.parametrize("moment", SLEEP)
@pytest.mark.parametrize("level", ["eyes", "gaze"])
def test_a_sleeper_never_opens(owner, data, moment, level):
    asleep = frames_of(data, "liveportrait_d9_live", moment) * 6
    options = {"liveness": "off", "frames_per_attempt": 3}
    assert any(d.accepted for d in owner.watch("ada", asleep, **options))  # without attention
    seen = list(owner.watch("ada", asleep, attention=level, **options))
    assert not any(decision.accepted for decision in seen)
    assert {decision.reason for decision in seen} == {Reason.NOT_ATTENTIVE}


@pytest.mark.data
@pytest.mark.parametrize("level", ["eyes", "gaze"])
def test_the_owner_awake_is_accepted(owner, data, level):
    awake = frames_of(data, "liveportrait_d9_live", (50, 130))
    assert all(d.accepted for d in owner.watch("ada", awake, attention=level))


@pytest.mark.data
def test_a_blink_delays_an_attempt_and_does_not_refuse_it(owner, data):
    blink = frames_of(data, "liveportrait_d9_live", (194, 215))
    first = next(owner.watch("ada", blink, attention="eyes", liveness="off", frames_per_attempt=3))
    assert first.accepted
    assert first.frames > 3


def wear_dark_glasses(frames):
    """Draw dark lenses where the eyes of this clip are, by the detector."""
    import cv2

    from onlyme.settings import Settings

    detector = networks.make_pipeline(Settings.load()).detector
    for frame in frames:
        marks = detector.detect(frame.pixels)[0].landmarks
        wide = float(np.hypot(*(marks[1] - marks[0])))
        pixels = frame.pixels.copy()
        for mark in marks[:2].astype(int):
            cv2.ellipse(
                pixels, mark.tolist(), (int(wide * 0.45), int(wide * 0.36)), 0, 0, 360, 8, -1
            )
        yield type(frame)(pixels, frame.source, frame.at)


@pytest.mark.data
@pytest.mark.parametrize("moment", [(50, 90), (380, 388)])
def test_behind_dark_glasses_eyes_are_undecided(owner, data, moment):
    frames = frames_of(data, "liveportrait_d9_live", moment) * 3
    mesh = networks.load_mesh()
    detector = owner.pipeline.detector
    states = set()
    for frame in islice(wear_dark_glasses(frames), 12):
        for face in detector.detect(frame.pixels)[:1]:
            head = mesh.read(frame.pixels, face)
            one = None if head is None else measure_eyes(frame.pixels, head)
            states.add(judge_eyes(one, None, EYES))
    assert states == {EyeState.UNCLEAR}


@pytest.mark.data
def test_a_small_face_is_undecided_not_refused_as_asleep(owner, data):
    import cv2

    small = [
        type(f)(cv2.resize(f.pixels, None, fx=0.2, fy=0.2, interpolation=3), f.source, f.at)
        for f in frames_of(data, "liveportrait_d9_live", (50, 90))
    ]
    seen = list(owner.watch("ada", small, attention="eyes", liveness="off"))
    assert not any(decision.accepted for decision in seen)
    assert Reason.NOT_ATTENTIVE not in {decision.reason for decision in seen}


@pytest.mark.data
@pytest.mark.parametrize("name", [n for n, marks in LABELS.items() if marks["closed"]])
def test_labelled_frames_are_told_apart(data, name):
    """Of each clip: the middle of each closed moment is not open, and clear frames are."""
    mesh, moments = networks.load_mesh(), LABELS[name]["closed"]
    from onlyme.settings import Settings

    detector = networks.make_pipeline(Settings.load()).follow().detector
    middles = [(first + last) // 2 for first, last in moments][:4]
    for number, frame in enumerate(read_frames(data / f"clips/{name}.mp4")):
        if number > max(middles):
            break
        faces = detector.detect(frame.pixels)
        if number in middles:
            head = mesh.read(frame.pixels, faces[0])
            one = None if head is None else measure_eyes(frame.pixels, head)
            assert judge_eyes(one, None, EYES) is not EyeState.OPEN, number


# ------------------------------------------------------------------ what is stored


@pytest.mark.data
def test_the_level_is_learned_stored_exported_and_kept(owner, data, tmp_path):
    eyes = owner.owner("ada").eyes
    assert len(eyes) >= 3
    owner.admin.export("ada", tmp_path / "ada.export", "a good long passphrase")
    with FaceID.open(tmp_path / "other") as other:
        other.admin.import_(tmp_path / "ada.export", "a good long passphrase")
        np.testing.assert_array_equal(other.owner("ada").eyes, eyes)
        other.tune("ada", far=1e-3)
        np.testing.assert_array_equal(other.owner("ada").eyes, eyes)
        other.enroll("ada", frames_of(data, "liveportrait_d9_live", (460, 462))[:1], add=True)
        assert len(other.owner("ada").eyes) in {len(eyes), len(eyes) + 1}


@pytest.mark.data
def test_an_owner_of_an_earlier_version_opens_by_the_population(owner, data, tmp_path):
    from dataclasses import replace

    template = owner.owner("ada").to_template()
    earlier = replace(template, values={k: v for k, v in template.values.items() if k != "eyes"})
    with FaceID.open(tmp_path / "earlier") as face_id:
        with face_id.admin.store.edit() as edit:
            edit.put(earlier)
        assert len(face_id.owner("ada").eyes) == 0
        awake = frames_of(data, "liveportrait_d9_live", (50, 80))
        assert next(face_id.watch("ada", awake, attention="eyes")).accepted
        asleep = frames_of(data, "liveportrait_d9_live", (380, 388)) * 4
        seen = face_id.watch("ada", asleep, attention="eyes", liveness="off")
        assert not any(decision.accepted for decision in seen)


@pytest.mark.data
def test_without_its_network_attention_denies(owner, data, monkeypatch):
    def missing(*_):
        raise ModelMissing("no mesh")

    monkeypatch.setattr(networks, "load_mesh", missing)
    frames = frames_of(data, "liveportrait_d9_live", (50, 60))
    with pytest.raises(ModelMissing):
        next(owner.watch("ada", frames, attention="eyes"))
    assert next(owner.watch("ada", frames, liveness="off")).accepted


def test_there_is_no_other_level(face_id):
    with pytest.raises(UsageError, match="no level of attention"):
        next(face_id.watch("ada", [], attention="wide"))
