"""The gate in front of a real FaceID, on photos of public people."""

import shutil

import numpy as np
import pytest

from onlyme import Embedding, FaceID, Reason, embed
from onlyme.gate.admission import AttemptSource
from onlyme.gate.audit import Event

OBAMA = ("obama_1.jpg", "obama_2.jpg", "obama_4.jpg")


@pytest.fixture
def face_id(tmp_path, photos):
    with FaceID.open(tmp_path / "vault") as opened:
        opened.enroll("obama", [photos / name for name in OBAMA])
        yield opened


def test_files_are_counted_only_when_asked(face_id, photos):
    biden = embed(photos / "biden_1.jpg")
    for _ in range(7):
        assert face_id.verify("obama", biden).reason is Reason.NO_MATCH
    assert face_id.admin.gate.allowances() == {}
    reasons = [face_id.verify("obama", biden, gate=True).reason for _ in range(7)]
    assert reasons == [Reason.NO_MATCH] * 5 + [Reason.LOCKED_OUT] * 2


def test_a_closed_gate_is_closed_to_the_owner_too_until_the_password(face_id, photos):
    biden, obama = embed(photos / "biden_1.jpg"), embed(photos / "obama_3.jpg")
    for _ in range(5):
        face_id.verify("obama", biden, gate=True)
    decision = face_id.verify("obama", obama, gate=True)
    assert not decision.accepted
    assert decision.margin is None
    face_id.admin.gate.reset("obama")
    assert face_id.verify("obama", obama, gate=True).accepted


def test_every_change_and_every_counted_attempt_is_written_down(face_id, photos):
    face_id.tune("obama", far=1e-5)
    face_id.not_me("obama", photos / "biden_1.jpg")
    face_id.verify("obama", embed(photos / "obama_3.jpg"), gate=True)
    face_id.forget("obama")
    lines = list(face_id.admin.gate.audit.entries())
    assert [line.event for line in lines] == [
        Event.ENROLL,
        Event.TUNE,
        Event.TEACH,
        Event.ATTEMPT,
        Event.FORGET,
    ]
    assert lines[3].verdict == "accepted"
    assert face_id.admin.gate.audit.verify() == 5


def test_what_is_stored_of_a_real_person_is_not_their_embedding(face_id, photos, tmp_path):
    vectors = [embed(photos / name).vector for name in OBAMA]
    face_id.close()
    for path in (tmp_path / "vault").iterdir():
        content = path.read_bytes()
        assert not any(vector[:4].tobytes() in content for vector in vectors)
        assert b"obama" not in content


def test_margins_are_the_same_after_sealing_rotation_revoking_and_rekeying(face_id, photos):
    probe = embed(photos / "obama_3.jpg").vector[None]
    before = face_id.margins("obama", probe)
    face_id.admin.revoke("obama")
    np.testing.assert_allclose(face_id.margins("obama", probe), before, atol=1e-6)
    face_id.admin.rekey()
    np.testing.assert_allclose(face_id.margins("obama", probe), before, atol=1e-6)


def test_a_missing_key_denies(face_id, photos, tmp_path):
    from onlyme import KeyMissing

    face_id.close()
    (tmp_path / "vault" / "vault.key").unlink()
    with pytest.raises(KeyMissing):
        FaceID.open(tmp_path / "vault")


def test_an_old_copy_of_the_vault_is_noticed_by_an_anchor(tmp_path, photos, monkeypatch):
    from onlyme import VaultDamaged

    monkeypatch.setenv("ONLYME_ANCHOR", str(tmp_path / "anchor"))
    vault = tmp_path / "vault"
    with FaceID.open(vault) as face_id:
        face_id.enroll("obama", photos / OBAMA[0])
    shutil.copytree(vault, tmp_path / "old")
    with FaceID.open(vault) as face_id:
        face_id.forget("obama")
    shutil.rmtree(vault)
    shutil.copytree(tmp_path / "old", vault)
    with pytest.raises(VaultDamaged, match="rolled back"):
        FaceID.open(vault)


def test_a_video_is_gated_when_asked_and_watching_costs_no_try_when_it_ends(face_id, tmp_path):
    import cv2

    clip = str(tmp_path / "grey.avi")
    writer = cv2.VideoWriter(clip, cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(12):
        writer.write(np.full((120, 160, 3), 90, np.uint8))
    writer.release()
    reasons = {decision.reason for decision in face_id.watch("obama", clip, gate=True)}
    assert reasons == {Reason.NO_FACE}
    assert face_id.admin.gate.allowances()[AttemptSource("obama", f"camera {clip}")].tries == 5
    list(face_id.watch("obama", clip))
    assert len(face_id.admin.gate.allowances()) == 1


def test_what_cannot_be_decided_raises_behind_the_gate_too(face_id):
    from onlyme import UsageError

    stranger = Embedding(np.eye(1, 128, dtype=np.float32)[0], "ff" * 32)
    with pytest.raises(UsageError):
        face_id.verify("obama", stranger, gate=True)


def test_a_picture_that_cannot_be_read_is_no_guess(face_id, photos):
    from onlyme import ImageError

    for _ in range(7):
        with pytest.raises(ImageError):
            face_id.verify("obama", b"no picture", gate=True)
        with pytest.raises(ImageError):  # nor is a capture that breaks off
            face_id.verify("obama", frames=[np.zeros((64, 64, 3), np.uint8), b"no"], gate=True)
    assert face_id.verify("obama", photos / "obama_3.jpg", gate=True).accepted
