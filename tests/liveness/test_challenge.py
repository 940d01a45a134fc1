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
from onlyme.liveness.challenge import Challenge, Phase, draw_steps, make_prompt
from onlyme.liveness.gestures import Gesture, GestureDetector
from onlyme.liveness.rigidity import PointTracks, measure_rigidity
from onlyme.liveness.witness import GestureWitness
from onlyme.types import Face, HeadReading, MeshFace
from onlyme.verification.attempt import CaptureSession
from onlyme.verification.challenge import ChallengeCeremony
from onlyme.verification.gesture import make_gray
from onlyme.verification.stream import decide_attempts

NOD, LEFT, RIGHT, BLINK, CLOSER = Gesture
OWN = (LEFT, RIGHT, NOD)  # what the head of the clip does, in order
ADA, BOB = np.eye(128, dtype=np.float32)[:2]


def paper_module():
    path = Path(__file__).parents[2] / "benchmarks" / "paper.py"
    spec = importlib.util.spec_from_file_location("paper", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["paper"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mesh():
    return networks.load_mesh()


@pytest.fixture(scope="module")
def sights(data, pipeline, mesh):
    """What a head does that turns left, right and nods, at 15 frames a second."""
    some = (f for n, f in enumerate(read_frames(data / "clips/tranvan_live.mp4")) if n % 2 == 0)
    seen = [pipeline.look(f) for f in itertools.islice(some, 200)]
    return [(one, mesh.read(one.frame.pixels, one.face)) for one in seen]


def put(sights, steps, start=0.4):
    challenge, continuity = Challenge(steps), FaceContinuity()
    for sight, head in sights:
        at = sight.frame.at
        if at < start:
            continue
        continues = continuity.add_face(at, sight.face, sight.embedding.vector)
        phase = challenge.add_frame(at, make_gray(sight.frame.pixels), head, continues=continues)
        if phase in (Phase.DONE, Phase.FAILED):
            break
    return challenge


@pytest.mark.data
def test_a_living_head_that_does_as_asked_passes(sights):
    assert put(sights, OWN).phase is Phase.DONE
    assert put(sights, (RIGHT, NOD), start=6.0).phase is Phase.DONE


@pytest.mark.data
@pytest.mark.parametrize(
    "steps", [(RIGHT, LEFT), (NOD, LEFT), (LEFT, NOD), (LEFT, CLOSER), (BLINK, LEFT)]
)
def test_a_recording_of_that_head_fails_when_asked_for_something_else(sights, steps):
    challenge = put(sights, steps)
    assert challenge.phase is Phase.FAILED
    assert "was asked for" in challenge.why or "not seen in time" in challenge.why


@pytest.mark.data
def test_gestures_need_no_colour(sights, mesh):
    witness, seen = GestureWitness(), []
    for sight, _ in sights:
        if 1.2 <= sight.frame.at <= 3.0:
            gray = make_gray(sight.frame.pixels)
            reading = mesh.read(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), sight.face)
            seen.append(witness.add(sight.frame.at, gray, reading))
    assert {one.gesture for one in seen if one} == {LEFT}


@pytest.mark.data
def test_the_measure_of_solidity_follows_the_head(sights):
    start = [s for s in sights if s[0].frame.at >= 0.4]
    tracks = PointTracks(make_gray(start[0][0].frame.pixels), start[0][1].mesh.points)
    for sight, head in start[1:31]:
        tracks.follow(make_gray(sight.frame.pixels), head.mesh.points)
    motion = measure_rigidity(tracks)
    # Two seconds later that head is turned to its left: right in the picture, ahead of all.
    assert motion.x > 0.1
    assert abs(motion.y) < motion.x / 3
    assert motion.ahead > 0.05
    assert motion.is_solid_turn
    assert not motion.is_solid_nod


def hold_paper(data, pipeline, mesh, shape, asked, seed, person=100):
    """Yield the frames of a photo that is held before the camera and moved as asked."""
    photo = cv2.cvtColor(
        cv2.imread(str(sorted((data / "lfw_dev").glob("*/*_0001.jpg"))[person])), cv2.COLOR_BGR2RGB
    )
    face = choose_subject(pipeline.detector.detect(photo), photo.shape)
    big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    holder = paper_module().Holder(big, face.landmarks[2] * 2, face.box[2] * 2, shape, seed)
    holder.reach = 50.0
    for number in range(50):
        at = number / 12
        # Turned and held, which is the harder one to refuse.
        move = min(at - 0.7, holder.period / 4)
        frame = holder.frame(*((at, None) if at < 0.7 else (move, asked.value)))
        found = choose_subject(pipeline.detector.detect(frame), frame.shape)
        if isinstance(found, Face):
            yield at, make_gray(frame), mesh.read(frame, found)


@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "upright", "amount", "asked"),
    [
        ("flat", True, 0.0, LEFT),
        ("arc", True, 1.1, LEFT),
        ("arc", False, 0.8, RIGHT),
        ("fold", False, 0.58, LEFT),
        ("fold", True, 0.6, RIGHT),
        ("arc", False, 1.1, NOD),
        ("fold", False, 0.5, NOD),
    ],
)
def test_turned_paper_is_never_a_solid_head(data, pipeline, mesh, kind, upright, amount, asked):
    shape = paper_module().Paper(kind, upright, amount, 1.0)
    witness = GestureWitness()
    for at, gray, head in hold_paper(data, pipeline, mesh, shape, asked, seed=4):
        assert witness.add(at, gray, head) is None


# --------------------------------------------------------------------- rules


@pytest.mark.parametrize("count", [2, 3, 5])
def test_sequences_are_varied_and_always_hold_what_paper_cannot_do(count):
    rng = random.Random(1)  # noqa: S311 - to be repeated
    seen = {draw_steps(count, rng) for _ in range(500)}
    for steps in seen:
        assert len(steps) == count
        assert all(a is not b for a, b in itertools.pairwise(steps))
        assert LEFT in steps or RIGHT in steps
        assert NOD in steps
        assert steps.count(CLOSER) <= 1
        assert steps.count(BLINK) <= 1
    assert len(seen) >= {2: 4, 3: 30, 5: 150}[count]


def test_the_system_s_own_chance_draws_them():
    assert len({draw_steps(6) for _ in range(50)}) > 25


def test_one_step_is_no_sequence():
    with pytest.raises(UsageError):
        draw_steps(1)


@pytest.mark.parametrize("step", Gesture)
def test_every_step_has_words_and_an_arrow(step):
    arrow, words = make_prompt(Phase.MOVE, step)
    assert len(arrow) == 1
    assert words
    assert make_prompt(Phase.FACE, step)[1] == "look straight into the camera"


PICTURE = cv2.resize(
    np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.uint8),
    (640, 480),
    interpolation=cv2.INTER_CUBIC,
)
POINTS = np.random.default_rng(0).normal((300, 220, 0), 40, (478, 3)).astype(np.float32)


def head(yaw=0.0, pitch=0.0, closed=0.1):
    mesh = MeshFace(POINTS, 1.0, yaw, pitch, 0.0)
    return HeadReading(mesh, {"eyeBlinkLeft": closed, "eyeBlinkRight": closed})


def run(challenge, feed):
    for at, reading, continues in feed:
        challenge.add_frame(at, PICTURE, reading, continues=continues)
    return challenge


def test_a_still_face_runs_out_of_time():
    challenge = run(Challenge((LEFT, NOD)), [(n / 10, head(), n > 0) for n in range(80)])
    assert challenge.phase is Phase.FAILED
    assert challenge.why == "the step left was not seen in time"
    assert challenge.current_step is None


def test_without_a_face_the_time_runs_out_too():
    challenge = run(Challenge((LEFT, NOD)), [(n / 10, None, None) for n in range(80)])
    assert challenge.why == "the step left was not seen in time"


def test_a_face_without_a_mesh_makes_no_step():
    challenge = run(Challenge((BLINK, NOD)), [(n / 10, None, n > 0) for n in range(80)])
    assert challenge.why == "the step blink was not seen in time"


@pytest.mark.parametrize("exchange", [5, 12])
def test_another_person_fails_it(exchange):
    feed = [(n / 10, head(), n not in (0, exchange)) for n in range(20)]
    challenge = run(Challenge((LEFT, NOD)), feed)
    assert challenge.phase is Phase.FAILED
    assert "exchanged" in challenge.why


def test_a_face_that_was_exchanged_before_the_first_step_starts_anew():
    feed = [(0.0, head(), False), (0.1, head(), True), (0.2, head(), False), (0.3, head(), True)]
    challenge = run(Challenge((LEFT, NOD)), feed)
    assert challenge.phase is Phase.FACE


def blink(start):
    frames = [(start + n / 10, head(), True) for n in range(6)]
    frames += [(start + 0.6 + n / 10, head(closed=0.75), True) for n in range(10)]
    return [*frames, *((start + 1.6 + n / 10, head(), True) for n in range(6))]


def test_a_step_counts_once():
    challenge = run(Challenge((BLINK, NOD)), blink(0.0))
    assert challenge.current_step is NOD
    assert run(challenge, blink(2.2)).why == "the step nod was asked for, but blink was seen"


def test_another_step_fails_it():
    challenge = run(Challenge((LEFT, NOD)), blink(0.0))
    assert challenge.why == "the step left was asked for, but blink was seen"


def test_a_mesh_that_turns_over_a_still_picture_is_no_head():
    """The pixels do not move: whatever the mesh says, no solid head has turned."""
    feed = [(n / 15, head(yaw=min(40.0, max(0.0, (n - 15) * 4.0))), n > 0) for n in range(85)]
    detector = GestureDetector()
    seen = [detector.add(at, reading) for at, reading, _ in feed]
    assert {one.gesture for one in seen if one} == {LEFT}  # by the mesh alone
    assert run(Challenge((LEFT, NOD)), feed).current_step is LEFT


def test_a_challenge_that_is_over_stays_over():
    challenge = run(Challenge((LEFT, NOD)), [(0, None, None), (9, None, None)])
    assert challenge.phase is Phase.FAILED
    assert challenge.add_frame(9.1, PICTURE, head(), continues=True) is Phase.FAILED


# ------------------------------------------------------------------- decisions


@pytest.fixture(scope="module")
def owner(tmp_path_factory, sights):
    with FaceID.open(tmp_path_factory.mktemp("vault")) as face_id:
        face_id.enroll("tran", [sights[k][0].frame for k in (0, 10, 14, 88, 93, 98)])
        yield face_id


def first(owner, mesh, seen, steps, start=0.4):
    asked = []
    some = (one for one in seen if one.frame.at >= start)

    def ask(_, words):
        asked.append(words)

    session = CaptureSession(
        networks.load_judge(),
        LivenessLevel.CHALLENGE,
        ceremony=ChallengeCeremony(ask, lambda: steps),
        read_head=mesh.read,
    )
    return next(decide_attempts(lambda: owner.owner("tran"), some, session)), asked


@pytest.mark.data
def test_the_owner_who_does_as_asked_is_accepted(owner, mesh, sights):
    decision, asked = first(owner, mesh, [one for one, _ in sights], OWN)
    assert decision.accepted
    assert decision.liveness.level == "challenge"
    assert decision.liveness.verdict is Verdict.LIVE
    assert decision.timings_ms["challenge"] > 0
    turns = [words for words in asked if words.startswith(("turn", "nod"))]
    assert list(dict.fromkeys(turns)) == [
        "turn your head to your left", "turn your head to your right", "nod: lower your head",
    ]  # fmt: skip
    assert asked[-1] == "done"


@pytest.mark.data
def test_the_owner_who_does_not_is_undecided(owner, mesh, sights):
    decision, asked = first(owner, mesh, [one for one, _ in sights], (RIGHT, NOD, LEFT))
    assert decision.reason is Reason.LIVENESS_UNDECIDED
    assert decision.margin >= decision.alpha
    assert asked[-1] == "that did not work"


@pytest.mark.data
def test_a_screen_that_happens_to_do_as_asked_is_refused(owner, mesh, data, pipeline):
    some = (f for n, f in enumerate(read_frames(data / "clips/tranvan_replay.mp4")) if n % 2 == 0)
    replay = [pipeline.look(f) for f in some if 3.8 <= f.at <= 7]
    decision, asked = first(owner, mesh, replay, (LEFT, NOD), start=0)
    assert "turn your head to your left" in asked
    assert not decision.accepted
    assert decision.reason is Reason.NOT_LIVE


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
def test_a_photo_shown_before_the_first_step_lends_its_identity_to_no_one(data, mesh, pipeline):
    def part(clip, start):
        some = (f for f in read_frames(data / f"clips/{clip}.mp4") if f.at >= start)
        return [pipeline.look(f) for f in itertools.islice(some, 0, 8, 2)]

    # Turned aside, it begins no step, and so its exchange fails none.
    photo, stranger = part("tranvan_replay", 5.6), part("lestari_live", 0)
    ceremony = ChallengeCeremony(lambda *_: None, lambda: OWN)
    session = CaptureSession(
        networks.load_judge(), LivenessLevel.CHALLENGE, ceremony=ceremony, read_head=mesh.read
    )
    for number, sight in enumerate([*photo, *stranger]):
        frame = replace(sight.frame, at=number / 15)
        session.add(replace(sight, frame=frame))
    assert not ceremony.is_over
    assert [one.embedding for one in session.observations] == [one.embedding for one in stranger]
