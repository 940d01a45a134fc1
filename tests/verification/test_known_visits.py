"""A known person who is lost for a moment is told once; nobody inherits a name from them."""

import pytest

from onlyme import Decision, FaceID, Reason
from onlyme.face.temporal import SEARCH_EVERY_FRAMES
from onlyme.types import LivenessLevel, Verdict
from onlyme.verification import visits
from onlyme.verification.visits import CameraVisits, VisitRules
from tests.verification.doors import EMPTY, half, list_events, stream
from tests.verification.test_visits import ADA, NO_MATCH, UNCLEAR, Deciding, Spending

BOB = Decision(True, "bob", Reason.MATCH, 0.3, 0.1)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def tran(data):
    """The enrolled person: 30 frames."""
    return list(half(data, "tranvan_live", 30))


@pytest.fixture(params=["alike", "as they are", "not alike"])
def looks(request, monkeypatch):
    """Let every face look like every other, or none."""
    cosine = {"alike": -1.0, "not alike": 2.0}.get(request.param, visits.SAME_PERSON_COSINE)
    monkeypatch.setattr(visits, "SAME_PERSON_COSINE", cosine)
    return request.param


@pytest.fixture
def alike(monkeypatch):
    """Let every face look like every other."""
    monkeypatch.setattr(visits, "SAME_PERSON_COSINE", -1.0)


def watch(rules, pictures, rate=10):
    """Return what each frame gives, and at last the end."""
    door = CameraVisits(rules)
    made = [door.see(frame) for frame in stream(pictures, rate=rate)]
    return [*made, door.end()]


def test_who_is_lost_for_some_seconds_is_known_once_and_leaves_once(looks, tran, vault):
    pictures = [*tran, *[EMPTY] * 20, *tran, *[EMPTY] * 20, *tran]
    with FaceID.open(vault) as face_id:
        made = list(face_id.watch_everybody(stream(pictures, rate=10), liveness="off"))
    events = list_events(made)
    assert [one for one in events if one[0] == "known"] == [("known", 1)]
    assert events[:2] == [("came", 1), ("known", 1)]
    assert events[-1] == ("left", 1)
    last = made[-1][-1]
    assert (last.names, last.since) == (("tran",), 0.0)
    assert last.at == pytest.approx((len(pictures) - 1) / 10)
    assert len(events) == 3  # whatever the face looks like: the new verdict has the same name


def test_who_stays_away_for_longer_is_known_again(looks, tran, vault):
    pictures = [*tran, *[EMPTY] * 60, *tran]
    with FaceID.open(vault) as face_id:
        made = list(face_id.watch_everybody(stream(pictures, rate=10), liveness="off"))
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("left", 1), ("came", 2), ("known", 2), ("left", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("pause", [0, 20])
def test_a_stranger_who_steps_in_inherits_nothing(looks, pause, tran, stranger, vault):
    pictures = [*tran, *[EMPTY] * pause, *stranger, *stranger]
    with FaceID.open(vault) as face_id:
        made = list(face_id.watch_everybody(stream(pictures, rate=10), liveness="off"))
    # A face in the same place is embedded again after some frames, and is another person then.
    begin = len(tran) + pause + SEARCH_EVERY_FRAMES
    now = [one for people in made[begin:-1] for one in people if one.at >= begin / 10]
    assert now
    assert not any(one.decision.accepted or one.names for one in now)
    assert {one.verdict for one in now} == {"undecided", "unknown"}
    events = list_events(made)
    assert [one for one in events if one[1] == 1] == [("came", 1), ("known", 1), ("left", 1)]
    assert [one for one in events if one[1] == 2] == [("came", 2), ("unknown", 2), ("left", 2)]
    (left,) = (one for people in made for one in people if (one.event, one.id) == ("left", 1))
    assert left.at < len(tran) / 10 + 0.4  # when the known person was last seen, not the stranger


@pytest.mark.parametrize(
    ("verdict", "found"), [("known", BOB), ("ambiguous", UNCLEAR), ("unknown", NO_MATCH)]
)
def test_who_looks_like_the_known_one_gets_a_visit_with_the_verdict(
    alike, verdict, found, tran, stranger, pipeline
):
    identify = Spending(ADA, *[found] * 6)
    made = watch(VisitRules("door", pipeline, identify), [*tran, *stranger])
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("came", 2), (verdict, 2), ("left", 1), ("left", 2),
    ]  # fmt: skip
    assert identify.shares[:2] == [0.5, 0.5]  # the rate of a visit of its own


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_verdict_of_the_last_frame_is_told(alike, is_lost, tran, stranger, pipeline):
    door = CameraVisits(VisitRules("door", pipeline, Spending(ADA, BOB)))
    made = []
    for frame in stream([*tran, *[EMPTY] * 10, *stranger], rate=10):
        made.append(door.see(frame))
        if any(one.decision.name == "bob" for one in made[-1]):
            break
    before = len(made)
    if is_lost:  # the next frame shows nobody any more
        made += [door.see(frame) for frame in stream([EMPTY] * 2, start=100.0)]
    made.append(door.end())
    assert list_events(made[:before])[-1] == ("came", 2)
    assert {("known", 2), ("left", 1), ("left", 2)} == set(list_events(made[before:]))


def test_a_face_without_a_verdict_holds_a_known_visit_for_half_a_minute(
    alike, tran, stranger, pipeline, vault
):
    with FaceID.open(vault) as face_id:
        judge = Deciding(face_id._parts.judge(), Verdict.LIVE, *[Verdict.UNDECIDED] * 100)
        rules = VisitRules("door", pipeline, Spending(*[ADA] * 99), judge, LivenessLevel.PASSIVE)
        made = watch(rules, [*tran, *[EMPTY] * 4, *stranger * 4], rate=4)  # 40 seconds
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("came", 2), ("left", 1), ("left", 2)
    ]  # fmt: skip
    frame = next(n for n, people in enumerate(made) if ("left", 1) in list_events([people]))
    assert frame / 4 == pytest.approx(len(tran) / 4 + visits.MAX_CLAIM_SECONDS, abs=1.0)
    later = [one for people in made[len(tran) :] for one in people if one.at > len(tran) / 4]
    assert not any(one.decision.accepted or one.names for one in later)


def test_a_camera_that_stood_still_continues_no_visit(alike, tran, pipeline):
    door = CameraVisits(VisitRules("door", pipeline, Spending(ADA, ADA)))
    made = [door.see(frame) for frame in [*stream(tran, 10), *stream(tran, 10, start=60.0)]]
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("came", 2), ("left", 1), ("known", 2)
    ]  # fmt: skip


def test_where_something_opens_every_visit_is_an_attempt(alike, tran, vault):
    with FaceID.open(vault) as face_id:
        pictures = [*tran, *[EMPTY] * 30, *tran]
        made = list(face_id.watch_everybody(stream(pictures), liveness="passive", opens=True))
        face_id.admin.gate.reset()
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("left", 1), ("came", 2), ("known", 2), ("left", 2),
    ]  # fmt: skip
