"""A face opens only if it makes the gesture that was asked for, in time, and after it was asked."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from onlyme import FaceID, Reason, UsageError
from onlyme.face.pipeline import Observation
from onlyme.image.sources import read_frames
from onlyme.liveness.gestures import GESTURE_SECONDS, Gesture
from onlyme.types import Decision, Embedding, Face, Frame, HeadReading, MeshFace
from onlyme.verification.attempt import CaptureSession
from onlyme.verification.gesture import GestureCeremony
from onlyme.verification.stream import decide_attempts

NOD, LEFT, RIGHT, BLINK, CLOSER = Gesture
POINTS = np.random.default_rng(0).normal((300, 220, 0), 40, (478, 3)).astype(np.float32)
PIXELS = np.zeros((480, 640, 3), np.uint8)


class Owner:
    """Accepts every face: only the gesture decides."""

    name = "ada"

    def decide(self, *_, **__):
        return Decision(True, "ada", Reason.MATCH, 1.0, 0.0)


def sight(at, who=0):
    vector = np.eye(8, dtype=np.float32)[who]
    box = np.array([240, 140, 160, 200], np.float32)
    marks = np.array([[280, 200], [360, 200], [320, 245], [290, 290], [350, 290]], np.float32)
    return Observation(Frame(PIXELS, "test", at), Face(box, marks, 0.9), None,
                       Embedding(vector, "m"))  # fmt: skip


def head(closed):
    return HeadReading(
        MeshFace(POINTS, 1.0, 0.0, 0.0, 0.0), {"eyeBlinkLeft": closed, "eyeBlinkRight": closed}
    )


def close_eyes(at, start=1.0, seconds=1.0):
    return head(0.75 if start <= at < start + seconds else 0.1)


def attempt(gesture, sights, read=close_eyes, asked=None, frames=3):
    """Return the first decision on a stream, and when its last frame was taken."""
    ask = None if asked is None else lambda *prompt: asked.append(prompt)
    now = [0.0]

    def run():
        for one in sights:
            now[0] = one.frame.at
            yield one

    session = CaptureSession(
        frames=frames,
        ceremony=GestureCeremony(gesture, frames, ask),
        read_head=lambda _pixels, _face: read(now[0]),
    )
    return next(decide_attempts(Owner, run(), session)), now[0]


def stream(seconds=7.0, rate=15, who=lambda _: 0):
    return [sight(n / rate, who(n / rate)) for n in range(int(seconds * rate))]


def test_who_makes_the_gesture_is_accepted_as_soon_as_it_is_seen():
    asked = []
    decision, at = attempt(BLINK, stream(), asked=asked)
    assert decision.accepted
    assert 1.6 < at < 2.0
    assert asked == [("–", "close both eyes for a second")]


def test_a_gesture_may_be_named():
    assert attempt("blink", stream())[0].accepted
    with pytest.raises(UsageError, match="no gesture is called 'wave'; gestures: nod, left"):
        GestureCeremony("wave", 3)


def test_who_does_nothing_is_refused_after_five_seconds():
    decision, at = attempt(BLINK, stream(), lambda _: head(0.1))
    assert (decision.accepted, decision.reason) == (False, Reason.NO_GESTURE)
    assert GESTURE_SECONDS <= at <= GESTURE_SECONDS + 0.2


def test_another_gesture_is_refused_at_once():
    decision, at = attempt(NOD, stream())
    assert decision.reason is Reason.NO_GESTURE
    assert at < 2.0


def test_a_gesture_that_comes_too_late_is_none():
    decision, _ = attempt(BLINK, stream(), lambda at: close_eyes(at, start=4.6))
    assert decision.reason is Reason.NO_GESTURE


def test_a_gesture_that_began_before_the_prompt_is_none():
    """The prompt is shown with the first frame."""
    decision, _ = attempt(BLINK, stream(), lambda at: close_eyes(at, start=-1.0, seconds=3.0))
    assert decision.reason is Reason.NO_GESTURE


@pytest.mark.parametrize("exchanged_at", [0.5, 1.3, 1.65])
def test_the_face_that_opens_is_the_one_that_made_the_gesture(exchanged_at):
    decision, _ = attempt(BLINK, stream(who=lambda at: int(at >= exchanged_at)))
    # Before the gesture the exchange only starts the attempt over.
    assert decision.accepted is (exchanged_at == 0.5)


def test_a_face_that_is_exchanged_after_the_gesture_is_refused():
    # More embeddings are needed than there are before the exchange.
    shown = [replace(one, embedding=FIRST if one.frame.at < 2 else other(one))
             for one in stream()]  # fmt: skip
    decision, _ = attempt(BLINK, shown, frames=4)
    assert decision.reason is Reason.NO_GESTURE


FIRST = Embedding(np.eye(8, dtype=np.float32)[0], "m")


def other(one):
    return Embedding(np.eye(8, dtype=np.float32)[1], one.embedding.model)


def test_a_stream_that_ends_early_is_refused():
    decision, _ = attempt(BLINK, stream(seconds=1.4))
    assert decision.reason is Reason.NO_GESTURE


def test_without_a_mesh_no_gesture_is_seen():
    decision, _ = attempt(BLINK, stream(), lambda _: None)
    assert decision.reason is Reason.NO_GESTURE


def test_nobody_there_is_said_as_such():
    nobody = [Observation(Frame(PIXELS, "test", n / 5), reason=Reason.NO_FACE) for n in range(40)]
    decision, at = attempt(BLINK, nobody)
    assert decision.reason is Reason.NO_FACE
    assert at <= GESTURE_SECONDS + 0.3


def test_time_runs_from_the_first_frame_with_a_face():
    nobody = [Observation(Frame(PIXELS, "test", n / 5), reason=Reason.NO_FACE) for n in range(20)]
    later = [replace(one, frame=replace(one.frame, at=one.frame.at + 4)) for one in stream()]
    decision, _ = attempt(BLINK, nobody + later, lambda at: close_eyes(at, start=5.5))
    assert decision.accepted


def test_each_attempt_asks_and_counts_anew():
    asked = []
    ceremony = GestureCeremony(BLINK, 3, lambda *prompt: asked.append(prompt))
    shown, now = stream(seconds=9), [0.0]

    def run():
        for one in shown:
            now[0] = one.frame.at
            yield one

    session = CaptureSession(frames=3, ceremony=ceremony, read_head=lambda *_: close_eyes(now[0]))
    made = [decision.accepted for decision in decide_attempts(Owner, run(), session)]
    assert made[:2] == [True, False]
    assert len(asked) == len(made)


# -------------------------------------------------------------------- living


@pytest.fixture(scope="module")
def tran(data, tmp_path_factory):
    frames = list(read_frames(data / "clips/tranvan_live.mp4"))
    with FaceID.open(tmp_path_factory.mktemp("vault")) as face_id:
        face_id.enroll("tran", [frames[k] for k in (0, 20, 28, 176, 196)])
        yield face_id, frames


def show(tran, gesture, start, clip=None, **options):
    face_id, frames = tran
    some = [f for n, f in enumerate(clip or frames) if n % 2 == 0 and f.at >= start]
    return next(face_id.watch("tran", some, gesture=gesture, **options)), some


@pytest.mark.data
@pytest.mark.parametrize(("gesture", "start"), [(LEFT, 1.2), (RIGHT, 6.6), (NOD, 10.0)])
def test_a_living_head_is_accepted_for_the_gesture_that_it_makes(tran, gesture, start):
    decision, _ = show(tran, gesture, start)
    assert decision.accepted
    for wrong in {NOD, LEFT, BLINK} - {gesture}:
        decision, _ = show(tran, wrong, start)
        assert decision.reason is Reason.NO_GESTURE
        assert decision.liveness.verdict == "live"


@pytest.mark.data
def test_a_screen_is_refused_whatever_it_does(tran, data):
    replay = list(read_frames(data / "clips/tranvan_replay.mp4"))
    right, _ = show(tran, LEFT, 4.0, replay)
    wrong, _ = show(tran, NOD, 4.0, replay)
    assert right.reason is Reason.NOT_LIVE
    assert wrong.reason is Reason.NOT_LIVE


@pytest.mark.data
def test_the_gesture_of_a_stranger_opens_nothing(tran, data):
    clip = list(read_frames(data / "clips/liveportrait_d9_live.mp4"))
    decision, _ = show(tran, LEFT, 4.0, clip)
    assert decision.reason is Reason.NO_MATCH


@pytest.mark.data
def test_a_failed_gesture_is_a_failed_try(tran):
    face_id, frames = tran
    before = face_id.admin.gate.policy.tries
    some = [f for f in frames if f.at <= 1.5]
    (decision,) = face_id.watch("tran", some, gesture=NOD, gate=True, source="sudo")
    assert decision.reason is Reason.NO_GESTURE
    (allowance,) = [v for k, v in face_id.admin.gate.allowances().items() if k.source == "sudo"]
    assert allowance.tries == before - 1


@pytest.mark.data
def test_a_challenge_asks_for_gestures_already(tran):
    with pytest.raises(UsageError, match="asks for gestures already"):
        show(tran, NOD, 0.0, liveness="challenge")


WATCH = """
import sys
from onlyme import FaceID
from onlyme.image.decode import decode
with FaceID.open({vault!r}) as face_id:
    frames = [decode({photo!r})] * 6
    assert list(face_id.watch("x", frames))
    print("onlyme.face.mesh" in sys.modules)
    assert list(face_id.watch("x", frames, gesture="nod"))
    print("onlyme.face.mesh" in sys.modules)
"""


def test_only_a_gesture_loads_the_mesh(tmp_path, photos):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("x", photos / "obama_1.jpg")  # this learns the open eyes, by the mesh
    code = WATCH.format(vault=str(tmp_path / "vault"), photo=str(photos / "obama_1.jpg"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr
