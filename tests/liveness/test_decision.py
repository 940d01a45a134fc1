"""Test identity and liveness together, on real clips: the owner, their screen, and swaps."""

from itertools import islice

import numpy as np
import pytest

from onlyme import FaceID, Frame, LivenessLevel, Reason, UsageError, Verdict, embed
from onlyme.errors import ModelRefused, SettingsError
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.settings import Settings

pytestmark = pytest.mark.data


def clip(data, name, start=0, count=10, step=2):
    """Some frames of a clip, as a camera at half its rate would give them."""
    every = (f for n, f in enumerate(read_frames(data / f"clips/{name}.mp4")) if n >= start)
    return [f for n, f in zip(range(count * step), every, strict=False) if n % step == 0]


@pytest.fixture(scope="module")
def owner(tmp_path_factory, data):
    with FaceID.open(tmp_path_factory.mktemp("vault")) as face_id:
        face_id.enroll("tran", clip(data, "tranvan_live", 40, 5, 15))
        yield face_id


def test_the_owner_alive_is_accepted(owner, data):
    decision = owner.verify("tran", frames=clip(data, "tranvan_live"), liveness="passive")
    assert decision.accepted
    assert decision.liveness.level is LivenessLevel.PASSIVE
    assert decision.liveness.verdict is Verdict.LIVE
    assert decision.timings_ms["liveness"] > 0
    assert decision.frames == 10


def test_the_owner_on_a_screen_is_recognised_and_refused(owner, data):
    screen = clip(data, "tranvan_replay")
    assert owner.verify("tran", frames=screen).accepted  # without liveness it would open
    decision = owner.verify("tran", frames=screen, liveness="passive")
    assert not decision.accepted
    assert decision.reason is Reason.NOT_LIVE
    assert decision.margin >= decision.alpha


def test_watching_is_passive_by_default(owner, data):
    seen = list(islice(owner.watch("tran", data / "clips/tranvan_replay.mp4"), 10))
    assert not any(decision.accepted for decision in seen)
    assert {decision.liveness.level for decision in seen} == {LivenessLevel.PASSIVE}
    assert sum(decision.reason is Reason.NOT_LIVE for decision in seen) >= 8


def test_watching_a_living_stranger(owner, data):
    seen = list(islice(owner.watch("tran", data / "clips/lestari_live.mp4"), 5))
    assert {decision.reason for decision in seen} == {Reason.NO_MATCH}
    assert any(decision.liveness.verdict is Verdict.LIVE for decision in seen)


def later(some, by):
    return [Frame(f.pixels, f.source, f.at + by) for f in some]


@pytest.mark.parametrize("order", ["screen first", "stranger first"])
@pytest.mark.parametrize("split", [1, 3, 5, 7, 9])
def test_a_swap_never_opens(owner, data, order, split):
    screen = clip(data, "tranvan_replay", count=split)
    stranger = clip(data, "lestari_live", count=10 - split)
    mixed = (screen, stranger) if order == "screen first" else (stranger, screen)
    whole = [*mixed[0], *later(mixed[1], mixed[0][-1].at + 0.07)]
    with pytest.raises(UsageError, match="different people"):
        owner.verify("tran", frames=whole, liveness="passive")
    assert not any(owner.watch("tran", whole))


def test_one_frame_of_life_between_frames_of_a_screen_does_not_open(owner, data):
    screen, live = clip(data, "tranvan_replay"), clip(data, "tranvan_live")
    # Same person, so no swap of identity; the screen still weighs in.
    mixed = [live[0], *screen[1:5]]
    assert not owner.verify("tran", frames=mixed, liveness="passive").accepted


def test_a_frozen_frame_does_not_open(owner, data):
    frozen = clip(data, "tranvan_live", count=1) * 5
    decision = owner.verify("tran", frames=frozen, liveness="passive")
    assert decision.reason is Reason.NOT_LIVE


def test_files_are_not_looked_at_unless_asked(owner, data):
    picture = clip(data, "tranvan_live", count=1)[0]
    assert owner.verify("tran", picture).liveness.level is LivenessLevel.OFF
    assert owner.verify("tran", picture, "passive").liveness.verdict is Verdict.LIVE


def test_a_tight_crop_of_the_owner_does_not_open(owner, data):
    frame = clip(data, "tranvan_live", count=1)[0]
    sight = owner.pipeline.look(frame)
    x, y, w, h = (int(v) for v in sight.face.box)
    tight = np.ascontiguousarray(frame.pixels[y - h // 9 : y + h + h // 9, x - w // 9 : x + w + 20])
    assert owner.verify("tran", tight).accepted
    decision = owner.verify("tran", tight, "passive")
    assert decision.reason is Reason.LIVENESS_UNDECIDED


def test_an_embedding_or_a_picture_meets_no_higher_level(owner, data):
    picture = clip(data, "tranvan_live", count=1)[0]
    assert owner.verify("tran", embed(picture)).accepted
    for image, level in ((embed(picture), "passive"), (picture, "challenge")):
        decision = owner.verify("tran", image, level)
        assert decision.reason is Reason.LIVENESS_UNDECIDED
        assert decision.liveness == type(decision.liveness)(
            LivenessLevel(level), Verdict.UNDECIDED, None
        )


def test_a_challenge_that_was_not_asked_for_denies(owner, data):
    decision = owner.verify("tran", frames=clip(data, "tranvan_live"), liveness="challenge")
    assert decision.reason is Reason.LIVENESS_UNDECIDED


def test_no_frame_and_no_such_level_are_wrong_use(owner, data):
    with pytest.raises(UsageError, match="no frame"):
        owner.verify("tran", frames=[])
    with pytest.raises(UsageError, match="off, passive, challenge"):
        owner.verify("tran", clip(data, "tranvan_live", count=1), liveness="very")


def without_model(monkeypatch, tmp_path, data=None):
    from dataclasses import replace

    from onlyme.face.models import find_model

    path = tmp_path / "fr_liveness.onnx"
    if data is not None:
        path.write_bytes(data)
    real = find_model("liveness")
    monkeypatch.setattr(networks, "find_model", lambda *_: replace(real, path=path))
    networks.load_judge.cache_clear()


@pytest.fixture
def _fresh_judge():
    yield
    networks.load_judge.cache_clear()


@pytest.mark.usefixtures("_fresh_judge")
def test_without_its_model_the_level_denies_and_off_still_works(owner, data, monkeypatch, tmp_path):
    without_model(monkeypatch, tmp_path)
    live = clip(data, "tranvan_live")
    assert owner.verify("tran", frames=live).accepted
    for seen in ({"frames": live}, {"image": live[0]}):
        decision = owner.verify("tran", **seen, liveness="passive")
        assert decision.reason is Reason.LIVENESS_UNDECIDED
        assert decision.liveness.level is LivenessLevel.PASSIVE
    first = next(owner.watch("tran", data / "clips/tranvan_live.mp4"))
    assert first.reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.usefixtures("_fresh_judge")
def test_an_altered_model_is_refused(owner, data, monkeypatch, tmp_path):
    without_model(monkeypatch, tmp_path, b"altered")
    with pytest.raises(ModelRefused):
        owner.verify("tran", frames=clip(data, "tranvan_live"), liveness="passive")


def test_cameras_are_passive_by_the_settings():
    assert Settings.load().liveness == "passive"


def test_an_infrared_camera_recognises_and_does_not_open(owner, data):
    """Grey frames stand for infrared ones: who it is can be said, whether alive cannot."""
    grey = []
    for frame in clip(data, "tranvan_live"):
        light = frame.pixels.mean(axis=2).astype(np.uint8)
        grey.append(Frame(np.repeat(light[..., None], 3, axis=2), frame.source, frame.at))
    assert owner.verify("tran", frames=grey).accepted
    decision = owner.verify("tran", frames=grey, liveness="passive")
    assert not decision.accepted
    assert decision.reason is Reason.LIVENESS_UNDECIDED
    assert decision.margin >= decision.alpha


def test_a_setting_lets_pictures_without_colour_be_judged(monkeypatch):
    assert not networks.choose_judge(Settings.load()).passive.colourless
    monkeypatch.setenv("ONLYME_LIVENESS_COLOURLESS", "judge")
    assert networks.choose_judge(Settings.load()).passive.colourless
    monkeypatch.setenv("ONLYME_LIVENESS_COLOURLESS", "perhaps")
    with pytest.raises(SettingsError, match="undecided, judge"):
        Settings.load()
