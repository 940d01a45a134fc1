"""Test the challenge: random steps, on living heads, recordings and paper."""

import importlib.util
import itertools
import random
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme import FaceID, LivenessLevel, Reason, UsageError, Verdict
from onlyme.face.subject import choose_subject
from onlyme.face.tracker import FaceContinuity
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness.challenge import (
    MAX_STEP_SECONDS,
    Challenge,
    ChallengeStep,
    Phase,
    draw_steps,
    make_prompt,
)
from onlyme.liveness.gestures import Gesture
from onlyme.liveness.rigidity import PointTracks, measure_rigidity
from onlyme.types import Face
from onlyme.verification.attempt import CaptureSession, decide_attempts
from onlyme.verification.challenge import ChallengeCeremony

LEFT, RIGHT, UP, NOD, CLOSER = (
    ChallengeStep.LEFT,
    ChallengeStep.RIGHT,
    ChallengeStep.UP,
    ChallengeStep.NOD,
    ChallengeStep.CLOSER,
)
OWN = (LEFT, RIGHT, NOD)  # what the head of the clip does, in order
ADA, BOB = np.eye(128, dtype=np.float32)[:2]


def paper_module():
    path = Path(__file__).parents[2] / "benchmarks" / "paper.py"
    spec = importlib.util.spec_from_file_location("paper", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["paper"] = module
    spec.loader.exec_module(module)
    return module


def gray(pixels):
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def sights(data, pipeline):
    """A head that turns left, right and nods, at 15 frames a second."""
    some = (f for n, f in enumerate(read_frames(data / "clips/tranvan_live.mp4")) if n % 2 == 0)
    return [pipeline.look(f) for f in itertools.islice(some, 185)]


def show(challenge, continuity, at, pixels, face, vector):
    """Show a challenge one frame, followed as an attempt follows it."""
    face = face if vector is not None else None
    continues = face is not None and continuity.add_face(at, face, vector)
    return challenge.add_frame(at, pixels, face, continues=continues)


def put(sights, steps, start=0.4):
    challenge, continuity = Challenge(steps), FaceContinuity()
    for sight in sights:
        if sight.frame.at < start:
            continue
        vector = sight.embedding.vector if sight.embedding else None
        pixels = gray(sight.frame.pixels)
        phase = show(challenge, continuity, sight.frame.at, pixels, sight.face, vector)
        if phase in (Phase.DONE, Phase.FAILED):
            break
    return challenge


@pytest.mark.data
def test_a_living_head_that_does_as_asked_passes(sights):
    assert put(sights, OWN).phase is Phase.DONE
    assert put(sights, (RIGHT, NOD), start=6.0).phase is Phase.DONE


@pytest.mark.data
@pytest.mark.parametrize("steps", [(RIGHT, LEFT), (UP, LEFT), (LEFT, NOD), (LEFT, CLOSER)])
def test_a_recording_of_that_head_fails_when_asked_for_something_else(sights, steps):
    challenge = put(sights, steps)
    assert challenge.phase is Phase.FAILED
    assert "was asked for" in challenge.why or "not seen in time" in challenge.why


@pytest.mark.data
def test_the_measure_of_solidity_follows_the_head(sights):
    start = [s for s in sights if s.frame.at >= 0.4]
    tracks = PointTracks(gray(start[0].frame.pixels), start[0].face.landmarks)
    for sight in start[1:31]:
        tracks.follow(gray(sight.frame.pixels))
    motion = measure_rigidity(tracks)
    # Two seconds later that head is turned to its left: right in the picture, ahead of all.
    assert motion.x > 0.15
    assert abs(motion.y) < motion.x / 3
    assert motion.ahead > 0.05


@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "upright", "asked"),
    [("flat", True, "left"), ("arc", True, "left"), ("fold", False, "up"), ("arc", False, "nod")],
)
def test_turned_paper_is_never_a_solid_head(data, pipeline, kind, upright, asked):
    paper = paper_module()
    path = sorted((data / "lfw_dev").glob("*/*_0001.jpg"))[100]
    photo = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    face = choose_subject(pipeline.detector.detect(photo), photo.shape)
    big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    shape = paper.Paper(kind, upright, 0.6 if kind == "fold" else 1.1, 1.0)
    holder = paper.Holder(big, face.landmarks[2] * 2, face.box[2] * 2, shape, seed=4)
    challenge, continuity = Challenge((ChallengeStep(asked), RIGHT)), FaceContinuity()
    for number in range(int(12 * (MAX_STEP_SECONDS + 1))):
        move = challenge.phase is Phase.MOVE and challenge.current_step
        frame = holder.frame(number / 12, move.value if move else None)
        found = choose_subject(pipeline.detector.detect(frame), frame.shape)
        seen = found if isinstance(found, Face) else None
        phase = show(challenge, continuity, number / 12, gray(frame), seen, ADA)
        if phase is Phase.FAILED:
            break
    assert challenge.phase is Phase.FAILED


# --------------------------------------------------------------------- rules


@pytest.mark.parametrize("count", [2, 3, 5])
def test_sequences_are_varied_and_always_hold_what_paper_cannot_do(count):
    rng = random.Random(1)  # noqa: S311 - to be repeated
    seen = {draw_steps(count, rng) for _ in range(500)}
    for steps in seen:
        assert len(steps) == count
        assert all(a is not b for a, b in itertools.pairwise(steps))
        assert LEFT in steps or RIGHT in steps
        assert UP in steps or NOD in steps
        assert steps.count(CLOSER) <= 1
    assert len(seen) > {2: 7, 3: 25, 5: 150}[count]


def test_the_system_s_own_chance_draws_them():
    assert len({draw_steps(6) for _ in range(50)}) > 25


def test_one_step_is_no_sequence():
    with pytest.raises(UsageError):
        draw_steps(1)


def test_there_is_no_blink_step():
    assert "blink" not in set(ChallengeStep)


@pytest.mark.parametrize("step", ChallengeStep)
def test_every_step_has_words_and_an_arrow(step):
    arrow, words = make_prompt(Phase.MOVE, step)
    assert len(arrow) == 1
    assert words
    assert make_prompt(Phase.FACE, step)[1] == "look straight into the camera"


def still_face():
    points = [[280, 200], [360, 200], [320, 245], [290, 290], [350, 290]]
    return Face(np.array([240, 140, 160, 200], np.float32), np.array(points, np.float32), 0.9)


def picture(seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80)).astype(np.uint8)
    return cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)


def run(challenge, feed):
    continuity = FaceContinuity()
    for at, pixels, face, vector in feed:
        show(challenge, continuity, at, pixels, face, vector)
    return challenge


def test_a_still_face_runs_out_of_time():
    feed = [(n / 10, picture(), still_face(), ADA) for n in range(80)]
    challenge = run(Challenge((LEFT, UP)), feed)
    assert challenge.phase is Phase.FAILED
    assert challenge.why == "the step left was not seen in time"
    assert challenge.current_step is None


def test_without_a_face_the_time_runs_out_too():
    challenge = run(Challenge((LEFT, UP)), [(n / 10, picture(), None, None) for n in range(80)])
    assert challenge.why == "the step left was not seen in time"


def test_another_person_fails_it():
    feed = [(n / 10, picture(), still_face(), ADA if n < 5 else BOB) for n in range(9)]
    challenge = run(Challenge((LEFT, UP)), feed)
    assert challenge.phase is Phase.FAILED
    assert "exchanged" in challenge.why


def test_a_face_that_was_away_fails_it():
    feed = [(n / 10, picture(), still_face(), ADA) for n in (0, 1, 2, 3, 12)]
    assert run(Challenge((LEFT, UP)), feed).phase is Phase.FAILED


def test_a_picture_that_is_pushed_about_shows_no_step():
    feed = []
    for n in range(80):
        dx, dy = int(25 * np.sin(n / 5)), int(18 * np.cos(n / 4) - 18)
        pixels = np.roll(picture(), (dy, dx), axis=(0, 1))
        face = still_face()
        shift = np.array([dx, dy], np.float32)
        moved = Face(face.box + np.append(shift, [0, 0]).astype(np.float32),
                     face.landmarks + shift, 0.9)  # fmt: skip
        feed.append((n / 12, pixels, moved, ADA))
    for step in (LEFT, UP, CLOSER):
        assert run(Challenge((step, RIGHT)), feed).phase is Phase.FAILED


def test_a_challenge_that_is_over_stays_over():
    challenge = run(Challenge((LEFT, UP)), [(0, picture(), None, None), (9, picture(), None, None)])
    assert challenge.phase is Phase.FAILED
    assert challenge.add_frame(9.1, picture(), still_face(), continues=True) is Phase.FAILED


# ------------------------------------------------------------------- decisions


@pytest.fixture(scope="module")
def owner(tmp_path_factory, sights):
    with FaceID.open(tmp_path_factory.mktemp("vault")) as face_id:
        face_id.enroll("tran", [sights[k].frame for k in (0, 10, 14, 88, 93, 98)])
        yield face_id


def first(owner, sights, steps, start=0.4):
    asked = []
    some = (s for s in sights if s.frame.at >= start)
    judge = networks.load_judge()

    def ask(_, words):
        asked.append(words)

    ceremony = ChallengeCeremony(ask, lambda: steps)
    session = CaptureSession(judge, LivenessLevel.CHALLENGE, ceremony=ceremony)
    return next(decide_attempts(lambda: owner.owner("tran"), some, session)), asked


@pytest.mark.data
def test_the_owner_who_does_as_asked_is_accepted(owner, sights):
    decision, asked = first(owner, sights, OWN)
    assert decision.accepted
    assert decision.liveness.level == "challenge"
    assert decision.liveness.verdict is Verdict.LIVE
    assert decision.timings_ms["challenge"] > 0
    turns = [words for words in asked if words.startswith(("turn", "nod"))]
    assert turns == [
        "turn your head to your left", "turn your head to your right", "nod: lower your head",
    ]  # fmt: skip
    assert asked[-1] == "done"


@pytest.mark.data
def test_the_owner_who_does_not_is_undecided(owner, sights):
    decision, asked = first(owner, sights, (RIGHT, UP, LEFT))
    assert decision.reason is Reason.LIVENESS_UNDECIDED
    assert decision.margin >= decision.alpha
    assert asked[-1] == "that did not work"


@pytest.mark.data
def test_a_screen_that_happens_to_do_as_asked_is_refused(owner, data, pipeline):
    some = (f for n, f in enumerate(read_frames(data / "clips/tranvan_replay.mp4")) if n % 2 == 0)
    replay = [pipeline.look(f) for f in some if 4 <= f.at <= 7]
    decision, _ = first(owner, replay, (LEFT, RIGHT), start=0)
    assert not decision.accepted
    assert decision.reason is Reason.NOT_LIVE


def take_colour(frame, *, infrared):
    """The same picture as an infrared camera gives it, or as a grey video shows it."""
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
    return replace(frame, pixels=cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), infrared=infrared)


def grey_frames(sights, *, infrared):
    """The owner, who turns to the left, without colour."""
    return [take_colour(s.frame, infrared=infrared) for s in sights if 0.4 <= s.frame.at <= 4]


@pytest.mark.data
def test_before_an_infrared_camera_a_gesture_needs_no_colour(owner, sights):
    frames = grey_frames(sights, infrared=True)
    assert next(owner.watch("tran", frames, gesture=Gesture.LEFT, attention="eyes")).accepted
    other = next(owner.watch("tran", frames, gesture=Gesture.RIGHT, attention="eyes"))
    assert other.reason is Reason.NO_GESTURE


@pytest.mark.data
def test_a_grey_video_before_a_colour_camera_stays_undecided(owner, sights):
    colour, grey = (grey_frames(sights, infrared=infrared) for infrared in (False, True))
    for frames in (colour, [colour[0], *grey[1:]]):  # one frame of a colour camera is enough
        decision = next(owner.watch("tran", frames, gesture=Gesture.LEFT))
        assert decision.reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
def test_an_infrared_challenge_that_is_not_met_stays_undecided(owner, sights, pipeline):
    grey = [pipeline.look(frame) for frame in grey_frames(sights, infrared=True)]
    decision, _ = first(owner, grey, (RIGHT, UP, LEFT))
    assert decision.reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
def test_a_frozen_infrared_picture_is_an_attack_also_in_a_challenge(owner, sights, pipeline):
    one = pipeline.look(grey_frames(sights, infrared=True)[0])
    still = [replace(one, frame=replace(one.frame, at=n / 15)) for n in range(300)]
    decision, _ = first(owner, still, OWN, start=0)
    assert decision.reason is Reason.NOT_LIVE


@pytest.mark.data
def test_passive_liveness_stays_undecided_before_an_infrared_camera(owner, sights):
    frames = grey_frames(sights, infrared=True)[:30]
    assert {d.reason for d in owner.watch("tran", frames)} == {Reason.LIVENESS_UNDECIDED}


@pytest.mark.data
def test_watching_with_a_challenge_but_no_way_to_ask_denies(owner, data):
    decisions = owner.watch("tran", data / "clips/tranvan_live.mp4", liveness="challenge")
    for decision in itertools.islice(decisions, 3):
        assert decision.reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
def test_watching_with_a_challenge_asks(owner, data):
    asked = []
    clip = data / "clips/lestari_live.mp4"
    decision = next(
        owner.watch("tran", clip, liveness="challenge", ask=lambda *said: asked.append(said))
    )
    assert not decision.accepted
    assert decision.liveness.level == "challenge"
    assert asked[0] == ("•", "look straight into the camera")


@pytest.mark.data
def test_a_photo_shown_before_the_first_step_lends_its_identity_to_no_one(data, pipeline):
    def part(clip, start):
        some = (f for f in read_frames(data / f"clips/{clip}.mp4") if f.at >= start)
        return [pipeline.look(f) for f in itertools.islice(some, 0, 8, 2)]

    # Turned aside, it begins no step, and so its exchange fails none.
    photo, stranger = part("tranvan_replay", 5.6), part("lestari_live", 0)
    judge = networks.load_judge()
    ceremony = ChallengeCeremony(lambda *_: None, lambda: OWN)
    session = CaptureSession(judge, LivenessLevel.CHALLENGE, ceremony=ceremony)
    for number, sight in enumerate([*photo, *stranger]):
        frame = replace(sight.frame, at=number / 15)
        session.add(replace(sight, frame=frame))
    assert not ceremony.is_over
    assert [one.embedding for one in session.observations] == [one.embedding for one in stranger]
