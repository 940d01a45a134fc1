"""One person has one name: the same face is noticed, renamed and merged."""

import numpy as np
import pytest

from onlyme import OnlymeError, OwnerExists, Reason, SamePerson, UnknownOwner, UsageError
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gate.audit import Event
from onlyme.testing import draw_face, open_face_id


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path / "vault") as opened:
        for name in ("ada", "bob"):
            opened.enroll(name, photos_of(name))
        yield opened


def photos_of(name, start=0):
    return [draw_face(name, photo) for photo in range(start, start + 3)]


def enroll_in_gallery(face_id, *names):
    """As `enroll_folder` does it, whose processes have networks that see no drawn faces."""
    pipeline = face_id.pipeline
    people = [
        GalleryPerson(
            name,
            np.stack([pipeline.look(photo).embedding.vector for photo in photos_of(name)]),
            second=np.eye(3, 192, dtype=np.float32),
            second_model="ab" * 32,
        )
        for name in names
    ]
    assert face_id._enrolled.ensure_gallery().put(people) == []


def test_the_same_face_under_another_name_is_noticed(face_id):
    with pytest.raises(SamePerson, match="ada") as refused:
        face_id.enroll("eve", photos_of("ada", 10))
    assert isinstance(refused.value, OwnerExists)
    assert face_id.names() == ["ada", "bob"]
    face_id.enroll("eve", photos_of("ada", 10), anyway=True)
    assert face_id.identify(draw_face("ada", 20)).reason is Reason.AMBIGUOUS


def test_one_odd_photo_among_others_is_no_other_person(face_id):
    """A photo of ada among three of cem is a stray of the enrollment, not a second name."""
    report = face_id.enroll("cem", [*photos_of("cem"), draw_face("ada", 10)])
    assert report.taken == 3


@pytest.mark.parametrize("how", [{"add": True}, {"replace": True}])
def test_a_person_keeps_the_own_name(face_id, how):
    assert face_id.enroll("ada", photos_of("ada", 10), **how).taken == 3


def test_replacing_somebody_by_another_enrolled_person_is_noticed(face_id):
    with pytest.raises(SamePerson, match="ada"):
        face_id.enroll("bob", photos_of("ada", 10), replace=True)


def test_the_gallery_is_asked_too(face_id):
    enroll_in_gallery(face_id, "cem", "dia")
    with pytest.raises(SamePerson, match="dia"):
        face_id.enroll("eve", photos_of("dia", 10))


def test_people_lists_everybody(face_id):
    enroll_in_gallery(face_id, "aaron", "zoe")
    assert [(person.name, person.where, person.photos) for person in face_id.people()] == [
        ("aaron", "gallery", 3),
        ("ada", "vault", 3),
        ("bob", "vault", 3),
        ("zoe", "gallery", 3),
    ]


def test_a_person_gets_another_name(face_id):
    margin = face_id.verify("ada", draw_face("ada", 9)).margin
    face_id.tune("ada", far=1e-5)
    face_id.rename("ada", " Ada Lovelace ")
    assert face_id.names() == ["Ada Lovelace", "bob"]
    decision = face_id.verify("Ada Lovelace", draw_face("ada", 9))
    assert decision.accepted
    assert decision.margin == pytest.approx(margin, abs=1e-5)
    assert decision.far == pytest.approx(1e-5)
    with pytest.raises(UnknownOwner):
        face_id.verify("ada", draw_face("ada", 9))
    last = list(face_id.admin.gate.audit.entries())[-1]
    assert (last.event, last.owner, last.detail) == (Event.RENAME, "Ada Lovelace", "was ada")
    face_id.admin.gate.audit.verify()


def test_a_new_name_gives_no_new_attempts(face_id):
    for number in range(5):
        face_id.verify("ada", draw_face(f"stranger {number}"), gate=True)
    assert face_id.verify("ada", draw_face("ada", 9), gate=True).reason is Reason.LOCKED_OUT
    face_id.rename("ada", "eve")
    assert face_id.verify("eve", draw_face("ada", 9), gate=True).reason is Reason.LOCKED_OUT


@pytest.mark.parametrize(
    ("name", "new"),
    [("ada", "bob"), ("nobody", "eve"), ("ada", "ada"), ("ada", ""), ("ada", "a\x1b[2J")],
)
def test_a_name_that_cannot_be_given_changes_nothing(face_id, name, new):
    with pytest.raises(OnlymeError):
        face_id.rename(name, new)
    assert face_id.names() == ["ada", "bob"]


def test_people_of_the_gallery_are_renamed(face_id):
    enroll_in_gallery(face_id, "cem", "dia")
    face_id.rename("cem", "cemal")
    assert face_id._enrolled.get("cemal").has_second("ab" * 32)
    assert {person.name for person in face_id.people()} == {"ada", "bob", "cemal", "dia"}
    assert face_id.identify(draw_face("cem", 9)).name == "cemal"
    for new in ("dia", "ada"):
        with pytest.raises(OwnerExists):
            face_id.rename("cemal", new)
    with pytest.raises(OwnerExists):
        face_id.rename("bob", "dia")


def test_who_was_renamed_is_forgotten_in_backups_as_well(face_id):
    backup = face_id.admin.backup()
    face_id.rename("ada", "eve")
    face_id.rename("eve", "eva")
    assert face_id.forget("eva") == []
    face_id.admin.store.close()
    from onlyme.vault.store import Store

    copy = Store(face_id.admin.store.folder, file=backup)
    assert copy.names() == ["bob"]
    copy.close()


def test_a_former_name_that_is_somebody_else_s_now_is_told(face_id):
    face_id.admin.backup()
    face_id.rename("ada", "eve")
    face_id.enroll("ada", photos_of("another ada"))
    (note,) = face_id.forget("eve")
    assert "ada" in note
    assert face_id.names() == ["ada", "bob"]


def test_two_names_of_one_person_become_one(face_id):
    face_id.enroll("ada again", photos_of("ada", 10), anyway=True)
    assert face_id.identify(draw_face("ada", 20)).reason is Reason.AMBIGUOUS
    tuning = face_id.merge("ada", "ada again")
    assert tuning.alpha == face_id.owner("ada").alpha
    assert face_id.names() == ["ada", "bob"]
    assert len(face_id.owner("ada").examples.me) == 6
    assert face_id.identify(draw_face("ada", 20)).name == "ada"
    last = list(face_id.admin.gate.audit.entries())[-1]
    assert (last.event, last.owner, last.detail) == (Event.MERGE, "ada", "with ada again")


def test_two_people_do_not_become_one_by_mistake(face_id):
    with pytest.raises(UsageError, match="anyway"):
        face_id.merge("ada", "bob")
    for pair in (("ada", "ada"), ("ada", "nobody"), ("nobody", "ada")):
        with pytest.raises(OnlymeError):
            face_id.merge(*pair)
    assert face_id.names() == ["ada", "bob"]
    face_id.merge("ada", "bob", anyway=True)
    assert face_id.names() == ["ada"]


def test_tune_takes_a_preset_and_reads_without_a_change(face_id):
    before = face_id.tune("ada")
    assert face_id.owner("ada").alpha == before.alpha == before.alpha_before
    assert face_id.tune("ada", preset="hello").far == pytest.approx(1e-5)
    assert face_id.tune("ada").far == pytest.approx(1e-5)
    with pytest.raises(UsageError):
        face_id.tune("ada", preset="hello", far=1e-3)
    assert face_id.certificate("ada").sentences()


def test_a_network_without_calibration_enrolls_all_the_same(tmp_path):
    """It cannot say who looks alike, and must not refuse everybody therefore."""
    from dataclasses import replace

    from onlyme import FaceID
    from onlyme.faceid import wiring
    from onlyme.siamese.head import Base

    with open_face_id(tmp_path) as opened:
        parts = opened._parts
        base = Base.make_plain(parts.base.model, parts.base.dimension)
        enrolled = wiring.make_enrolled(parts.settings, parts.admin, base)
        plain = FaceID(replace(parts, base=base, enrolled=enrolled))
        others = [draw_face("eve", 1), draw_face("cem", 1)]
        assert plain.enroll("ada", photos_of("ada"), others).taken == 3
        assert plain.enroll("bob", photos_of("bob"), others).taken == 3
        assert np.isfinite(plain.owner("bob").alpha)


def test_candidates_of_a_stranger_name_nobody(face_id):
    decision = face_id.identify(draw_face("stranger"), candidates=5)
    assert (decision.accepted, decision.name) == (False, None)
    assert {one.name for one in decision.candidates} == {"ada", "bob"}
    mine = face_id.identify(draw_face("ada", 20), candidates=1)
    assert [(one.name, one.reached) for one in mine.candidates] == [("ada", True)]
    fake = face_id.identify(draw_face("ada", 20, live=False), liveness="passive", candidates=1)
    assert (fake.accepted, fake.candidates[0].name) == (False, "ada")
    assert face_id.identify(draw_face("ada", 20)).candidates is None


@pytest.mark.parametrize("count", [-1, 101, True, 1.0, "3", None])
def test_so_many_candidates_cannot_be_listed(face_id, count):
    with pytest.raises(UsageError, match="candidates"):
        face_id.identify(draw_face("ada"), candidates=count)


def test_people_of_the_gallery_are_everywhere(face_id):
    enroll_in_gallery(face_id, "cem")
    assert face_id.certificate("cem").sentences()
    assert face_id.tune("cem").far == pytest.approx(1e-4)
    assert next(face_id.watch("cem", [draw_face("cem", 9)], liveness="off")).accepted
    for change in (
        lambda: face_id.tune("cem", far=1e-5),
        lambda: face_id.not_me("cem", draw_face("cem", 9)),
        lambda: face_id.undo_not_me("cem"),
    ):
        with pytest.raises(UsageError, match="in the gallery"):
            change()


def test_asking_who_is_enrolled_reads_no_template(face_id, monkeypatch):
    """So that a person can be erased although another one's template is damaged."""
    enroll_in_gallery(face_id, "cem")
    monkeypatch.setattr(face_id._enrolled, "owner", lambda name: pytest.fail(f"read {name}"))
    known = {name: face_id.is_enrolled(name) for name in ("ada", " bob ", "cem", "dia")}
    assert known == {"ada": True, " bob ": True, "cem": True, "dia": False}


def test_status_counts_the_gallery(face_id):
    from onlyme.faceid import wiring

    settings = face_id._parts.settings
    assert wiring.count_gallery(settings, face_id.admin) == 0
    enroll_in_gallery(face_id, "cem", "dia")
    assert wiring.count_gallery(settings, face_id.admin) == 2
