"""Every caller decides a capture in one place: through `FaceID.watch` and `identify`."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import onlyme
from onlyme import FaceID, Frame, Reason, UnknownOwner, UsageError
from onlyme.faceid import networks, wiring
from onlyme.faceid.face_id import ANY_OWNER
from onlyme.gate.admission import AttemptSource
from onlyme.settings import Settings
from onlyme.verification.attempt import CaptureAbandoned

SOURCE = Path(onlyme.__file__).parent
PARTS = {
    r"CaptureSession\(": {
        *("verification/attempt.py", "verification/stream.py"),
        "faceid/decide.py",
    },
    r"\.start_session\(": {"verification/attempt.py", "verification/visits.py"},
    r"\bCameraVisits\(": {"faceid/visits.py"},
    r"\.attempt_each\(": {"faceid/decide.py"},
    r"networks\.(choose|load)_judge\(": {"faceid/wiring.py", "faceid/functions.py"},
    r"\bdecide_attempts\(": {"verification/stream.py", "faceid/decide.py"},
}


@pytest.mark.parametrize("part", PARTS)
def test_no_other_module_puts_a_capture_together(part):
    users = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(f"(?<!def ){part}", path.read_text("utf-8"))
    }
    assert users <= PARTS[part]


@pytest.fixture
def frames(obama, photos):
    """Four different pictures of the owner's face in one place, a tenth of a second apart."""
    photo = obama.pipeline.decode(photos / "obama_3.jpg")
    rng = np.random.default_rng(3)
    noise = rng.integers(-8, 9, (4, *photo.pixels.shape))
    pictures = np.clip(photo.pixels + noise, 0, 255).astype(np.uint8)
    return [Frame(picture, "test", n / 10) for n, picture in enumerate(pictures)]


def watch(face_id, frames, **options):
    options = {"liveness": "off", "frames_per_attempt": 2} | options
    return face_id.watch("obama", frames, **options)


def test_frames_are_watched_as_a_camera_is(obama, frames):
    seen = []
    decisions = list(watch(obama, frames, on_observation=seen.append))
    assert [decision.accepted for decision in decisions] == [True, True]
    assert [decision.frames for decision in decisions] == [2, 2]
    assert [one.frame.at for one in seen] == [frame.at for frame in frames]


def test_frames_open_nothing_and_are_counted_only_when_asked(obama, frames):
    list(watch(obama, frames))
    assert obama.admin.gate.allowances() == {}
    list(watch(obama, frames, gate=True, source="door"))
    assert set(obama.admin.gate.allowances()) == {AttemptSource("obama", "door")}


@pytest.mark.parametrize("what", [b"bytes", np.zeros((9, 9, 3), np.uint8)])
def test_one_picture_is_no_source(obama, what):
    with pytest.raises(UsageError, match="frames in a list"):
        list(watch(obama, what))


def test_a_person_who_leaves_has_made_no_attempt(obama, photos, frames):
    stranger = replace(obama.pipeline.decode(photos / "biden_1.jpg"), at=0.0)

    def leave():
        yield stranger
        raise CaptureAbandoned

    before = obama.admin.gate.policy.tries
    assert list(watch(obama, leave(), gate=True, source="door")) == []
    assert obama.admin.gate.allowances()[AttemptSource("obama", "door")].tries == before
    # The same picture from a source that merely ends is an attempt, and a failed one.
    (decision,) = watch(obama, [stranger], gate=True, source="door")
    assert decision.reason is Reason.NO_MATCH
    assert obama.admin.gate.allowances()[AttemptSource("obama", "door")].tries == before - 1


def test_what_another_process_changes_counts_from_the_next_decision_on(obama, frames):
    decisions = watch(obama, frames)
    assert next(decisions).accepted
    with FaceID.open(obama.admin.store.folder) as other:
        other.tune("obama", alpha=1.9)
    after = next(decisions)
    assert (after.accepted, after.alpha) == (False, 1.9)


def test_a_person_who_is_forgotten_meanwhile_is_not_accepted(obama, frames):
    decisions = watch(obama, frames)
    assert next(decisions).accepted
    with FaceID.open(obama.admin.store.folder) as other:
        other.forget("obama")
    with pytest.raises(UnknownOwner):
        next(decisions)


def test_identifying_counts_as_an_attempt_to_be_any_person(obama, photos):
    accepted = obama.identify(photos / "obama_3.jpg", gate=True, source="door")
    assert accepted.name == "obama"
    for _ in range(obama.admin.gate.policy.tries):
        obama.identify(photos / "biden_1.jpg", gate=True, source="door")
    assert set(obama.admin.gate.allowances()) == {AttemptSource(ANY_OWNER, "door")}
    assert obama.identify(photos / "obama_3.jpg", gate=True, source="door").reason is (
        Reason.LOCKED_OUT
    )
    assert obama.identify(photos / "obama_3.jpg").accepted


def test_a_picture_that_cannot_be_read_is_no_attempt_to_be_any_person(obama):
    with pytest.raises(onlyme.ImageError):
        obama.identify(b"no picture", gate=True, source="door")
    (allowance,) = obama.admin.gate.allowances().values()
    assert allowance.tries == obama.admin.gate.policy.tries


@pytest.mark.parametrize(("setting", "colourless"), [("judge", True), ("undecided", False)])
def test_every_way_obeys_the_setting_for_pictures_without_colour(
    photos, tmp_path, monkeypatch, setting, colourless
):
    """Streams and `identify` ignored it, while `verify` obeyed it."""
    asked, real = [], networks.choose_judge

    def choose(settings, runtime="opencv"):
        asked.append(settings)
        return real(settings, runtime)

    monkeypatch.setattr(networks, "choose_judge", choose)
    settings = replace(Settings.load(vault=tmp_path / "vault"), liveness_colourless=setting)
    with FaceID(wiring.assemble(settings)) as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
        picture = photos / "obama_2.jpg"
        face_id.verify("obama", picture, "passive")
        face_id.verify("obama", frames=[picture], liveness="passive")
        face_id.identify(picture, liveness="passive")
        list(face_id.watch("obama", [picture]))
    assert len(asked) == 4
    assert {real(each).passive.colourless for each in asked} == {colourless}


def test_no_level_of_liveness_lets_an_unjudged_face_in(obama, photos):
    """Where the network for liveness is missing, asking for it denies on every way."""
    blind = FaceID(replace(obama._parts, judge=lambda: None))
    picture = photos / "obama_3.jpg"
    ways = [
        blind.verify("obama", picture, "passive"),
        blind.verify("obama", frames=[picture], liveness="passive"),
        blind.identify(picture, liveness="passive"),
        *blind.watch("obama", [picture]),
        *blind.watch("obama", [picture], liveness="challenge", ask=lambda *_: None),
    ]
    assert [decision.reason for decision in ways] == [Reason.LIVENESS_UNDECIDED] * 5


def test_a_decision_and_an_observation_are_never_changed(obama, photos):
    observation = obama.pipeline.look(photos / "obama_3.jpg")
    before = dict(observation.timings_ms)
    (decision,) = obama._enrolled.identify([observation])
    assert observation.timings_ms == before
    assert decision.timings_ms is not observation.timings_ms
    assert {"decide", *before} == set(decision.timings_ms)


def test_a_watched_frame_keeps_its_pixels_to_itself(obama, frames):
    """Three seconds of frames would be 100 MB: what is kept of an attempt has none."""
    from onlyme.verification.attempt import CaptureSession

    session = CaptureSession()
    for frame in frames:
        session.add(obama.pipeline.look(frame))
    sizes = [one.frame.pixels.size for one in session.observations]
    assert sizes == [0] * len(frames)
