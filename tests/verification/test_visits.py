"""People come and go before a door's camera, on clips side by side."""

import dataclasses
from itertools import islice

import pytest

from onlyme import Decision, FaceID, NotCalibrated, Reason
from onlyme.gate.admission import ANY_OWNER, AttemptSource
from onlyme.image.sources import read_frames
from onlyme.types import Liveness, LivenessLevel, Verdict
from onlyme.verification.visits import (
    MAX_LOOKS,
    MAX_TRIES,
    CameraVisits,
    VisitEvent,
    VisitRules,
)
from tests.verification.doors import EMPTY, half, list_events, names_of, stream

ADA = Decision(True, "ada", Reason.MATCH, 0.3, 0.1)
NO_MATCH = Decision(False, None, Reason.NO_MATCH)
UNCLEAR = Decision(False, None, Reason.AMBIGUOUS)


@pytest.mark.data
def test_who_is_known_is_named_and_who_is_not_is_not(scene, vault):
    with FaceID.open(vault) as face_id:
        made = list(face_id.watch_everybody(stream(scene), liveness="off"))
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("came", 2), ("unknown", 2), ("left", 1), ("left", 2),
    ]  # fmt: skip
    for people in made:
        for one in people:
            assert one.decision.accepted == (one.id == 1 and one.verdict == "known")
    # No single frame names a person.
    assert not any(one.decision.accepted for people in made[:4] for one in people)
    at_once = made[30]
    assert [one.id for one in at_once] == [1, 2]
    assert at_once[0].face.box[0] < 320 <= at_once[1].face.box[0] + at_once[1].face.box[2] / 2
    assert made[-1][-1].event is VisitEvent.LEFT


# ---------------------------------------------------------- the rate is that of a visit


class Spending:
    """Says what it is told to, and notes which share of the rate each look takes."""

    def __init__(self, *said):
        self.said, self.shares = list(said), []

    def __call__(self, vectors, chances, seconds):
        assert len(vectors) == len(seconds) >= 3
        self.shares.append(1 / chances)
        return (self.said.pop(0) if self.said else NO_MATCH), ()


@pytest.mark.data
def test_a_stranger_who_waits_gets_no_more_than_the_rate(stranger, pipeline):
    identify = Spending()
    visits = CameraVisits(VisitRules("door", pipeline, identify))
    made = [visits.see(frame) for frame in stream(stranger * 16, rate=10)]  # 64 seconds
    assert len(identify.shares) == MAX_LOOKS
    assert sum(identify.shares) == 1.0
    assert list_events(made) == [("came", 1), ("unknown", 1)]


@pytest.mark.data
def test_who_goes_out_of_view_for_a_moment_gets_no_new_chances(stranger, pipeline):
    identify = Spending()
    visits = CameraVisits(VisitRules("door", pipeline, identify))
    pictures = [*stranger[:20], *[EMPTY] * 10, *stranger[20:], *[EMPTY] * 10] * 6  # 1 s each
    made = [visits.see(frame) for frame in stream(pictures, rate=10)]
    made.append(visits.end())
    assert sum(identify.shares) <= 1.0
    assert list_events(made) == [("came", 1), ("unknown", 1), ("left", 1)]


@pytest.mark.data
def test_who_comes_back_later_is_another_visit(stranger, pipeline):
    visits = CameraVisits(VisitRules("door", pipeline, Spending()))
    pictures = [*stranger[:20], *[EMPTY] * 60, *stranger[20:]]
    made = [visits.see(frame) for frame in stream(pictures, rate=10)]
    assert list_events(made) == [
        ("came", 1), ("unknown", 1), ("left", 1), ("came", 2), ("unknown", 2),
    ]  # fmt: skip


@pytest.mark.data
def test_a_later_look_may_know_a_person_who_was_called_unknown(stranger, pipeline):
    identify = Spending(NO_MATCH, NO_MATCH, ADA)
    visits = CameraVisits(VisitRules("door", pipeline, identify))
    made = [visits.see(frame) for frame in stream(stranger * 4, rate=10)]
    assert list_events(made) == [("came", 1), ("unknown", 1), ("known", 1)]
    assert len(identify.shares) == 3  # who is known is not searched again


@pytest.mark.data
def test_where_the_rate_cannot_be_divided_the_visit_gets_no_name(stranger, pipeline):
    def identify(vectors, chances, seconds):
        if chances > 2:
            raise NotCalibrated("too many people")
        return NO_MATCH, ()

    visits = CameraVisits(VisitRules("door", pipeline, identify))
    made = [visits.see(frame) for frame in stream(stranger * 4, rate=10)]
    assert names_of(made) == set()


class Deciding:
    """A judge whose verdicts are given; everything else is that of a real one."""

    def __init__(self, judge, *said):
        self.judge, self.said = judge, list(said)
        self.look, self.take_fingerprint = judge.look, judge.take_fingerprint

    def start_session(self):
        session = self.judge.start_session()
        said = self.said

        class Session:
            has_enough_frames = True

            def __getattr__(self, name):
                return getattr(session, name)

            def verdict(self):
                verdict = said.pop(0) if said else Verdict.LIVE
                return Liveness(LivenessLevel.PASSIVE, verdict, 0.5)

        return Session()


@pytest.mark.data
@pytest.mark.parametrize("found", [ADA, UNCLEAR, NO_MATCH])
def test_a_look_whose_liveness_is_undecided_spends_nothing_and_names_no_one(
    stranger, pipeline, vault, found
):
    """Not even by the way: a stranger would learn what to repeat with a face that is judged."""
    with FaceID.open(vault) as face_id:
        judge = Deciding(face_id._parts.judge(), Verdict.UNDECIDED, Verdict.UNDECIDED)
        identify = Spending(found, found, ADA)
        rules = VisitRules("door", pipeline, identify, judge, LivenessLevel.PASSIVE)
        visits = CameraVisits(rules)
        made = [visits.see(frame) for frame in stream(stranger * 4, rate=10)]
    assert identify.shares == [0.5, 0.5, 0.5]
    before = [one for people in made for one in people if one.verdict != "known"]
    assert {name for one in before for name in one.names} == set()
    assert {one.decision.name for one in before} == {None}
    assert not any(one.decision.accepted for one in before)
    assert "ambiguous" not in [event for event, _ in list_events(made)]
    assert ("known", 1) in list_events(made)


@pytest.mark.data
def test_looks_end_also_where_liveness_is_never_decided(stranger, pipeline, vault):
    with FaceID.open(vault) as face_id:
        judge = Deciding(face_id._parts.judge(), *[Verdict.UNDECIDED] * 100)
        identify = Spending(*[ADA] * 100)
        rules = VisitRules("door", pipeline, identify, judge, LivenessLevel.PASSIVE)
        visits = CameraVisits(rules)
        made = [visits.see(frame) for frame in stream(stranger * 80, rate=10)]
    assert len(identify.shares) == MAX_TRIES
    assert list_events(made) == [("came", 1)]


@pytest.mark.data
def test_two_people_who_are_too_close_are_named_to_administrators(stranger, pipeline, vault):
    with FaceID.open(vault) as face_id:
        template = face_id.admin.store.get("tran")
        with face_id.admin.store.edit() as edit:
            edit.put(dataclasses.replace(template, name="twin"))
        try:
            pictures = [frame.pixels for frame in islice(read_frames_of_tran(vault), 12)]
            made = list(face_id.watch_everybody(stream(pictures), liveness="off"))
        finally:
            face_id.forget("twin")
    (found,) = (one for people in made for one in people if one.event == "ambiguous")
    assert set(found.names) == {"tran", "twin"}
    assert found.decision.name is None


def read_frames_of_tran(vault):
    return read_frames(vault.parent / "tran.mp4")


# --------------------------------------------------------------------------- liveness


@pytest.mark.data
def test_a_replay_opens_nothing_and_a_living_person_does(data, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        clips = data / "clips"
        face_id.enroll("les", list(islice(read_frames(clips / "lestari_live.mp4"), 40, 160, 30)))
        for clip, names in (("lestari_live", {"les"}), ("lestari_replay", set())):
            frames = list(islice(read_frames(clips / f"{clip}.mp4"), 60))
            made = list(face_id.watch_everybody(frames, liveness="passive", opens=True))
            assert names_of(made) == names, clip


@pytest.mark.data
def test_without_the_network_for_liveness_no_person_is_known(scene, vault, monkeypatch):
    from onlyme.faceid import networks

    monkeypatch.setattr(networks, "choose_judge", lambda *_: None)
    with FaceID.open(vault) as face_id:
        made = list(face_id.watch_everybody(stream(scene[:30])))
    assert names_of(made) == set()
    assert made[-1][0].decision.reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
def test_a_photo_and_a_living_face_of_another_person_make_no_name(data, vault):
    """Identity of one face and life of another: neither order may be accepted."""
    replay = list(half(data, "tranvan_replay", 30))
    living = list(half(data, "lestari_live", 30))
    with FaceID.open(vault) as face_id:
        for pictures in ([*replay, *living], [*living, *replay]):
            frames = stream(pictures)
            made = list(face_id.watch_everybody(frames, liveness="passive", opens=True))
            assert names_of(made) == set()
        face_id.admin.gate.reset()


# ------------------------------------------------------------------------ what opens


@pytest.mark.data
def test_strangers_close_one_opening_camera_and_no_doorbell(stranger, vault):
    with FaceID.open(vault) as face_id:
        watch = {"liveness": "passive", "opens": True}
        for _ in range(5):
            made = list(face_id.watch_everybody(stream(stranger), **watch))
            assert not any(one.verdict == "locked_out" for people in made for one in people)
        made = list(face_id.watch_everybody(stream(stranger), **watch))
        assert any(one.verdict == "locked_out" for people in made for one in people)
        counted = face_id.admin.gate.allowances()
        assert set(counted) == {AttemptSource(ANY_OWNER, "door frames")}
        assert counted[AttemptSource(ANY_OWNER, "door frames")].tries == 0
        # A doorbell is not locked, and counts nothing; neither does another camera.
        made = list(face_id.watch_everybody(stream(stranger)))
        assert list_events(made)[-1] == (VisitEvent.LEFT, 1)
        assert any(one.verdict == "unknown" for people in made for one in people)
        assert face_id.admin.gate.allowances().keys() == counted.keys()
        face_id.admin.gate.reset()


@pytest.mark.data
def test_a_known_person_takes_back_their_own_try_only(scene, stranger, vault):
    with FaceID.open(vault) as face_id:
        where = AttemptSource(ANY_OWNER, "door frames")
        list(face_id.watch_everybody(stream(stranger), liveness="passive", opens=True))
        assert face_id.admin.gate.allowances()[where].tries == 4
        made = list(face_id.watch_everybody(stream(scene[:30]), liveness="passive", opens=True))
        assert names_of(made) == {"tran"}
        # The scene's second person was in view for too short a time for a look.
        assert face_id.admin.gate.allowances()[where].tries in {3, 4}
        face_id.admin.gate.reset()


@pytest.mark.data
def test_what_cannot_be_written_down_opens_nothing(scene, vault, monkeypatch):
    from onlyme.errors import VaultError
    from onlyme.gate.admission import Attempt

    def fail(self, decision):
        raise VaultError("the disk is full")

    monkeypatch.setattr(Attempt, "settle", fail)
    with FaceID.open(vault) as face_id:
        made = []
        with pytest.raises(VaultError):
            made.extend(face_id.watch_everybody(stream(scene[:30]), opens=True))
        assert names_of(made) == set()
        face_id.admin.gate.reset()
