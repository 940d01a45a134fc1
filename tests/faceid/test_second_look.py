"""Test that a second network decides close calls, in the whole product and with real faces."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from onlyme import FaceID, embed
from onlyme.cli.enroll_folder import _print_report
from onlyme.enrollment.advice import SECOND_LOOK_ADVICE
from onlyme.errors import ModelError, ModelRefused
from onlyme.face.models import find_model
from onlyme.face.pipeline import MIN_SECOND_FACE_PIXELS
from onlyme.face.second import SecondEmbedding
from onlyme.faceid import networks, wiring
from onlyme.image.decode import decode
from onlyme.settings import Settings
from onlyme.siamese.head import Base
from onlyme.types import Embedding

SECOND = Base.load(find_model("embedder").sha256).second.model
SIZE = 192 + 128


@pytest.fixture(scope="module")
def blurred(photos):
    """A picture of the person so blurred that the margin lies where the curves have rates."""
    pixels = decode(photos / "obama_3.jpg").pixels
    return cv2.GaussianBlur(pixels, (0, 0), 14)


def close_call(face_id, name, image, away=0.01):
    """Set alpha so that the first network alone would refuse this picture by a little."""
    margin = float(face_id.margins(name, embed(image).vector[None])[0])
    face_id.tune(name, alpha=margin + away)
    return margin


def test_enrolment_and_embed_use_both_networks(obama, photos):
    examples = obama.owner("obama").examples
    assert examples.second.shape == (3, SIZE)
    assert examples.second_model == SECOND
    seen = embed(photos / "obama_3.jpg")
    assert seen.second.shape == (SIZE,)
    assert seen.second_model == SECOND
    assert np.linalg.norm(seen.second) == pytest.approx(1, abs=1e-5)


def test_a_close_call_is_decided_by_both(obama, blurred):
    alone = close_call(obama, "obama", blurred)
    decision = obama.verify("obama", blurred)
    assert decision.margin != pytest.approx(alone, abs=1e-4)
    assert decision.accepted == (decision.margin >= decision.alpha)


def test_the_same_face_gets_the_same_answer_as_an_embedding(obama, blurred):
    image = blurred
    close_call(obama, "obama", image)
    decision = obama.verify("obama", image)
    assert decision.margin != pytest.approx(
        float(obama.margins("obama", embed(image).vector[None])[0])
    )
    assert obama.verify("obama", embed(image)).margin == pytest.approx(decision.margin, abs=1e-6)
    # Without its second vector the first network decides.
    seen = embed(image)
    plain = obama.verify("obama", Embedding(seen.vector, seen.model))
    assert plain.margin == pytest.approx(float(obama.margins("obama", seen.vector[None])[0]))


def test_clear_cases_do_not_load_the_second_network(obama, photos, tmp_path):
    """In a process of its own: what was loaded there is loaded."""
    script = (
        "import sys\n"
        "from onlyme import FaceID\n"
        "from onlyme.faceid import networks\n"
        "def refuse(*_): raise SystemExit('the second network was loaded')\n"
        "networks.load_second = refuse\n"
        "with FaceID.open(sys.argv[1]) as face_id:\n"
        "    print(face_id.verify('obama', sys.argv[2]).reason)\n"
        "    print(face_id.verify('obama', sys.argv[3]).reason)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "vault")]
    pictures = [str(photos / "obama_1.jpg"), str(photos / "biden_1.jpg")]
    done = subprocess.run([*command, *pictures], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["match", "no_match"], done.stderr


def count_computed(monkeypatch):
    computed = []
    compute = SecondEmbedding.compute

    def count(self):
        computed.append(self)
        return compute(self)

    monkeypatch.setattr(SecondEmbedding, "compute", count)
    return computed


@pytest.mark.parametrize("steady", [False, True])
def test_a_service_looks_twice_at_every_face_so_that_time_tells_nothing(
    obama, photos, tmp_path, monkeypatch, steady
):
    computed = count_computed(monkeypatch)
    settings = Settings.load(vault=tmp_path / "vault", runtime="opencv")
    with FaceID(wiring.assemble(settings, lasting=True, steady=steady)) as face_id:
        for image in (photos / "obama_1.jpg", photos / "biden_1.jpg"):
            before = len(computed)
            decision = face_id.verify("obama", image)
            assert len(computed) - before == (1 if steady else 0)
            assert decision.accepted is (image.name == "obama_1.jpg")


def test_a_setting_leaves_it_out(photos, blurred, tmp_path, monkeypatch):
    monkeypatch.setenv("ONLYME_EMBEDDERS", "sface")
    monkeypatch.setattr(networks, "load_second", lambda *_: pytest.fail("it was loaded"))
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2)])
        assert face_id.owner("obama").examples.second.size == 0
        close_call(face_id, "obama", blurred)
        assert not face_id.verify("obama", blurred).accepted
        assert embed(photos / "obama_3.jpg").second is None


def test_without_its_file_one_network_decides_with_the_same_alpha(
    obama, photos, tmp_path, monkeypatch
):
    alpha = obama.owner("obama").alpha
    monkeypatch.setattr(networks, "has_second", lambda _: False)
    with FaceID.open(tmp_path / "vault") as face_id:
        owner = face_id.owner("obama")
        assert (owner.alpha, owner.second_rule) == (alpha, None)
        assert face_id.verify("obama", photos / "obama_3.jpg").accepted


def test_a_wrong_file_opens_nothing(obama, blurred, tmp_path, monkeypatch):
    close_call(obama, "obama", blurred)

    def refuse(*_):
        raise ModelRefused("mobilefacenet.onnx is not the second model")

    monkeypatch.setattr(networks, "load_second", refuse)
    with FaceID.open(tmp_path / "vault") as face_id, pytest.raises(ModelError):
        face_id.verify("obama", blurred)


def test_small_faces_are_seen_by_the_first_network_only(pipeline, photos):
    pixels = decode(photos / "obama_3.jpg").pixels
    face = pipeline.look(pixels).face
    share = 0.9 * MIN_SECOND_FACE_PIXELS / float(face.box[2])
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    seen = pipeline.look(small)
    assert seen.embedding is not None
    assert seen.second is None
    assert seen.complete_embedding().second is None
    assert pipeline.look(pixels).second is not None


def test_a_template_of_an_earlier_version_goes_on_and_says_what_would_help(obama, photos):
    with obama.admin.store.edit() as edit:
        template = edit.get("obama")
        old = {key: value for key, value in template.values.items() if key[:6] != "second"}
        secret = {key: group for key, group in template.secret.items() if key != "second"}
        edit.put(replace(template, values=old, secret=secret))
    assert obama.verify("obama", photos / "obama_3.jpg").accepted
    assert obama.owner("obama").second_rule is None
    more = obama.enroll("obama", [photos / "obama_3.jpg"], add=True)
    assert SECOND_LOOK_ADVICE in more.advice
    again = obama.enroll("obama", [photos / "obama_1.jpg", photos / "obama_2.jpg"], replace=True)
    assert SECOND_LOOK_ADVICE not in again.advice
    assert obama.owner("obama").second_rule is not None


def test_revocation_and_export_carry_it(obama, tmp_path):
    before = obama.owner("obama").examples.second
    obama.admin.revoke("obama")
    np.testing.assert_allclose(obama.owner("obama").examples.second, before, atol=1e-5)
    obama.admin.export("obama", tmp_path / "sealed", "correct horse battery staple")
    obama.admin.import_(
        tmp_path / "sealed", "correct horse battery staple", name="other", anyway=True
    )
    np.testing.assert_allclose(obama.owner("other").examples.second, before, atol=1e-5)
    assert obama.owner("other").second_rule is not None


def test_nothing_of_a_second_vector_is_shown():
    vector = np.full(4, 0.5, np.float32)
    assert "0.5" not in repr(Embedding(vector, "m", vector, "s"))
    assert os.linesep not in repr(Embedding(vector, "m", vector, "s"))


def test_the_service_is_steady_and_a_program_is_not(tmp_path):
    pytest.importorskip("fastapi")
    from onlyme.serve.options import Options
    from onlyme.serve.state import ServiceState

    settings = Settings.load(vault=tmp_path / "vault", runtime="opencv")
    with ServiceState(settings, Options()).open_face_id() as face_id:
        assert face_id.pipeline.steady
    with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
        assert not face_id.pipeline.steady


# --------------------------------------------------------------------- among many people


@pytest.fixture
def crowd(tmp_path, photos):
    """Two people in folders."""
    folder = tmp_path / "crowd"
    for name in ("obama", "macron"):
        (folder / name).mkdir(parents=True)
        shutil.copy(photos / f"{name}_1.jpg", folder / name)
    return folder


def close_crowd(face_id, image, away):
    """Set the rate so that the first network refuses (or takes) this picture by a little."""
    rule, seen = face_id._base.second, embed(image)
    plain = Embedding(seen.vector, seen.model)
    (best,) = face_id.identify(plain, candidates=1).candidates
    z_alpha = rule.first.z_at(face_id._enrolled.fpir / 2, 1)
    z = best.margin - (best.alpha - z_alpha)
    face_id._enrolled.fpir = 2 * rule.first.far_at(z + away, 1)
    return plain


def test_a_gallery_is_searched_by_both(face_id, crowd, blurred):
    face_id.enroll_folder(crowd, workers=1)
    (person,) = face_id._enrolled.ensure_gallery().get(["obama"]).values()
    assert person.second.shape == (1, SIZE)
    assert person.has_second(SECOND)
    plain = close_crowd(face_id, blurred, 0.01)
    alone = face_id.identify(plain, candidates=1)
    for image in (blurred, embed(blurred)):
        both = face_id.identify(image, candidates=1)
        assert both.candidates[0].name == "obama"
        assert both.candidates[0].margin != pytest.approx(alone.candidates[0].margin, abs=1e-4)
        assert both.accepted == (both.candidates[0].margin >= both.candidates[0].alpha)
    _, faces = face_id.identify_faces(blurred)[0]
    assert faces.reason == both.reason
    # One of them, asked for by name, is decided by both as well.
    assert face_id.find_owner("obama").second_rule is not None


@pytest.mark.parametrize("steady", [False, True])
def test_the_time_of_a_search_tells_nothing(face_id, crowd, photos, tmp_path, monkeypatch, steady):
    face_id.enroll_folder(crowd, workers=1)
    computed = count_computed(monkeypatch)
    settings = Settings.load(vault=tmp_path / "vault", runtime="opencv")
    with FaceID(wiring.assemble(settings, lasting=True, steady=steady)) as service:
        for image in (photos / "obama_1.jpg", photos / "biden_1.jpg"):
            before = len(set(computed))
            decision = service.identify(image)
            assert len(set(computed)) - before == (1 if steady else 0)
            assert decision.accepted is (image.name == "obama_1.jpg")


def test_a_gallery_of_an_earlier_version_says_that_enrolling_again_helps(
    face_id, crowd, tmp_path, capsys
):
    settings = Settings.load(vault=tmp_path / "vault", embedders="sface")
    with FaceID(wiring.assemble(settings)) as early:
        assert early.enroll_folder(crowd, workers=1).one_network == 0
    again = face_id.enroll_folder(crowd, workers=1)
    assert (again.unchanged, again.one_network) == (2, 2)
    _print_report(again)
    assert "--replace" in capsys.readouterr().out
    assert face_id.identify(crowd / "obama" / "obama_1.jpg").name == "obama"
    replaced = face_id.enroll_folder(crowd, workers=1, replace_photos=True)
    assert (replaced.changed, replaced.one_network, replaced.looked_at) == (2, 0, 2)
    settled = face_id.enroll_folder(crowd, workers=1, replace_photos=True)
    assert (settled.unchanged, settled.looked_at) == (2, 0)
    _print_report(settled)
    assert "--replace" not in capsys.readouterr().out
