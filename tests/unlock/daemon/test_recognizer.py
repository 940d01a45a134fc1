"""One look: what must be there before anything opens, and what it keeps of whom it saw."""

import threading
from concurrent.futures import Future
from dataclasses import replace

import pytest

from onlyme import FaceID, Reason
from onlyme.errors import ModelMissing, OnlymeError
from onlyme.faceid import networks, wiring
from onlyme.settings import Settings
from onlyme.siamese.head import Base
from onlyme.unlock.daemon import lid
from onlyme.unlock.daemon.outcome import _MESSAGES, UnlockOutcome, UnlockReason, make_outcome
from onlyme.unlock.daemon.recognizer import (
    SOURCE,
    CancelToken,
    RecognitionRequest,
    Recognizer,
)
from tests.unlock.conftest import clip
from tests.unlock.stack import OTHER, USER


@pytest.fixture
def settings(enrolled, data, tmp_path):
    """Settings of a vault of one's own, which knows two users, with the first at the camera."""
    import shutil

    shutil.copytree(enrolled, tmp_path / "system")
    vault = tmp_path / "system/lib"
    vault.chmod(0o700)
    key = tmp_path / "system/vault.key"
    return Settings.load(vault=vault, key_file=key, camera=str(clip(data, USER)))


@pytest.fixture
def look(settings):
    """Look once, with other settings if any are given."""
    eyes = []

    def looked(user=USER, seconds=20, **other):
        eyes.append(Recognizer(replace(settings, **other)))
        return eyes[-1].look(RecognitionRequest.within(user, seconds))

    yield looked
    for eye in eyes:
        eye.close()


@pytest.mark.data
def test_liveness_is_looked_at_even_where_the_settings_say_off(look, data):
    replay = str(clip(data, USER, "replay"))
    assert look(camera=replay, liveness="off").reason is Reason.NOT_LIVE
    assert look(liveness="off").accepted


@pytest.mark.data
def test_a_challenge_that_nobody_can_put_denies(look):
    assert look(liveness="challenge").reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
def test_without_its_liveness_network_nothing_opens(look, monkeypatch):
    monkeypatch.setattr(networks, "load_judge", lambda _: None)
    assert look().reason is UnlockReason.MODEL


@pytest.mark.data
def test_an_alpha_looser_than_root_allows_does_not_open(look):
    assert look(unlock_far=1e-5).reason is UnlockReason.TOO_LOOSE
    assert look(unlock_far=1e-4).accepted


@pytest.mark.data
def test_an_alpha_that_became_loose_after_the_check_does_not_open(look, monkeypatch):
    monkeypatch.setattr(Recognizer, "find_obstacle", lambda *_: None)
    assert look(unlock_far=1e-5).reason is UnlockReason.TOO_LOOSE
    assert look(unlock_far=1e-4).accepted


def test_without_calibration_nothing_opens(photos, tmp_path, pipeline):
    settings = Settings.load(vault=tmp_path / "vault", camera="/dev/null")
    eye = Recognizer(settings)
    plain = Base.make_plain(pipeline.embedder.model, pipeline.embedder.dimension)
    parts = wiring.assemble(settings)
    enrolled = wiring.make_enrolled(settings, parts.admin, plain)
    eye._face_id = FaceID(replace(parts, base=plain, enrolled=enrolled))
    eye._face_id.enroll("ada", photos / "obama_1.jpg", [photos / "biden_1.jpg"])
    assert eye.look(RecognitionRequest.within("ada", 5)).reason is UnlockReason.NO_PROMISE
    eye.close()


@pytest.mark.data
def test_the_gate_counts_looks_of_logins_and_no_others(look, settings):
    assert look(OTHER).reason is Reason.NO_MATCH
    with wiring.open_vault(settings) as keeping:
        (line,) = [e for e in keeping.gate.audit.entries(OTHER) if e.source == SOURCE]
        assert (line.verdict, line.reason) == ("rejected", "no_match")
        assert line.liveness == "live"


@pytest.mark.data
def test_an_outcome_is_told_once_the_gate_has_it_and_before_the_camera_is_let_go(settings):
    told = []
    eye = Recognizer(settings)
    answer = Future()
    answer.add_done_callback(
        lambda done: told.append((done.result(), eye._last_capture.is_released))
    )
    outcome = eye.look(RecognitionRequest.within(USER, 20), answer=answer)
    assert told == [(outcome, False)]
    assert eye._last_capture.is_released
    eye.close()


@pytest.mark.data
def test_giving_up_ends_a_look(settings):
    """From another thread, at any moment: it ends, and the camera is free."""
    eye = Recognizer(settings)
    for delay in (0.0, 0.01, 0.03, 0.1):
        cancel = CancelToken()
        timer = threading.Timer(delay, cancel.cancel)
        timer.start()
        eye.look(RecognitionRequest.within(OTHER, 60), cancel)
        timer.join()
        assert eye._last_capture is None or eye._last_capture.is_released
    eye.close()


def test_every_reason_has_words_and_only_a_match_opens():
    for reason in (*Reason, *UnlockReason):
        outcome = UnlockOutcome(reason)
        assert outcome.accepted == (reason is Reason.MATCH)
        assert bool(outcome.to_json()["message"]) != outcome.accepted
    assert set(_MESSAGES) == {*Reason, *UnlockReason}


def test_no_exception_opens():
    from onlyme import errors

    for name in [name for name in errors.__all__ if name[0].isupper()]:
        kind = getattr(errors, name)
        error = kind("x", "y") if kind is errors.ImageError else kind("x")
        assert isinstance(error, OnlymeError)
        assert not make_outcome(error).accepted


def test_a_lid(tmp_path):
    assert not lid.is_lid_closed(tmp_path / "none")
    (tmp_path / "LID0").mkdir()
    for words, closed in (
        ("state:      closed\n", True),
        ("state:      open\n", False),
        ("", False),
    ):
        (tmp_path / "LID0/state").write_text(words)
        assert lid.is_lid_closed(tmp_path) is closed


@pytest.fixture
def asleep(data, tmp_path):
    """A video of the user with closed eyes: three frames of a blink, again and again, noisy."""
    import cv2
    import numpy as np

    from onlyme.image.sources import read_frames

    closed = [f for n, f in enumerate(read_frames(clip(data, USER))) if 532 <= n <= 534]
    height, width = closed[0].pixels.shape[:2]
    path = tmp_path / "asleep.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (width, height))
    rng = np.random.default_rng(3)
    for number in range(90):
        noisy = closed[number % 3].pixels + rng.normal(0, 4, (height, width, 3))
        video.write(np.clip(noisy, 0, 255).astype(np.uint8)[..., ::-1])
    video.release()
    return str(path)


@pytest.mark.data
def test_a_user_who_sleeps_does_not_open_unless_root_says_so(look, asleep, monkeypatch):
    load = networks.load_judge  # made of still pictures, for which liveness would refuse it

    def load_without_motion(runtime):
        return replace(load(runtime), network_alone=True)

    monkeypatch.setattr(networks, "load_judge", load_without_motion)
    assert look(camera=asleep).reason is Reason.NOT_ATTENTIVE
    assert look(camera=asleep, attention="gaze").reason is Reason.NOT_ATTENTIVE
    assert look(camera=asleep, attention="off").accepted
    assert look().accepted


@pytest.mark.data
def test_without_the_mesh_network_nothing_opens(look, monkeypatch):
    def missing(*_):
        raise ModelMissing("no mesh")

    monkeypatch.setattr(networks, "load_mesh", missing)
    assert look().reason is UnlockReason.MODEL
    assert look(attention="off").accepted


@pytest.mark.data
def test_an_infrared_camera_says_what_is_missing(look):
    outcome = look(camera_infrared="yes", liveness="challenge")
    assert not outcome.accepted
    assert "infrared" in outcome.to_json()["message"]
