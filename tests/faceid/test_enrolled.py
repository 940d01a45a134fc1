"""The owners in the vault and the gallery beside it, as one: `Enrolled`."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme import FaceID, NeedsReenroll, Reason, UnknownOwner, VaultDamaged
from onlyme.faceid import wiring
from onlyme.faceid.enrolled import GALLERY_FILE
from onlyme.gallery.gallery import GalleryPerson
from onlyme.testing import draw_face, open_face_id


@pytest.fixture
def face_id(tmp_path):
    """A vault with one owner, and a gallery of two people."""
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        gallery = opened._enrolled.ensure_gallery()
        gallery.put([GalleryPerson(name, vectors(opened, name)) for name in ("grace", "alan")])
        yield opened


def vectors(face_id, name, photos=range(2)):
    seen = [face_id.pipeline.look(draw_face(name, photo)) for photo in photos]
    return np.stack([one.embedding.vector for one in seen])


def test_each_is_found_where_they_are(face_id):
    enrolled = face_id._enrolled
    assert enrolled.names() == ["alan", "grace"]
    assert [person.name for person in enrolled.people()] == ["alan", "grace"]
    assert enrolled.get("grace").name == "grace"
    assert enrolled.get("ada") is None
    assert enrolled.owner("ada").name == "ada"
    with pytest.raises(UnknownOwner):
        enrolled.owner("grace")


def test_a_person_of_the_gallery_is_verified_as_an_owner_is(face_id):
    grace = face_id._enrolled.find_owner("grace")
    assert len(grace.examples.me) == 2
    assert face_id.verify("grace", draw_face("grace", 9)).accepted
    assert not face_id.verify("grace", draw_face("alan", 9)).accepted
    with pytest.raises(UnknownOwner, match="ada"):
        face_id._enrolled.find_owner("somebody else")


def test_identifying_searches_both(face_id):
    looked = [face_id.pipeline.look(draw_face(name, 9)) for name in ("ada", "alan", "a stranger")]
    found = face_id._enrolled.identify(looked)
    assert [decision.name for decision in found if decision.accepted] == ["ada", "alan"]
    assert found[2].reason is Reason.NO_MATCH
    assert all("decide" in decision.timings_ms for decision in found)


def test_what_was_read_is_read_again_once_it_changed(face_id):
    enrolled = face_id._enrolled
    before = enrolled.owner("ada")
    assert enrolled.owner("ada") is before
    with open_face_id(face_id.admin.store.folder) as other:
        other.enroll("ada", draw_face("ada", 7), add=True)
    assert len(enrolled.owner("ada").examples.me) == len(before.examples.me) + 1


def test_a_person_is_forgotten_once(face_id):
    enrolled = face_id._enrolled
    assert enrolled.forget(["grace", "a stranger"]) == 1
    assert enrolled.names() == ["alan"]
    assert face_id.identify(draw_face("grace", 9)).reason is Reason.NO_MATCH
    with pytest.raises(UnknownOwner):
        enrolled.find_owner("grace")


def test_without_a_gallery_there_is_none_and_asking_makes_none(tmp_path):
    with open_face_id(tmp_path / "vault") as face_id:
        enrolled = face_id._enrolled
        assert (enrolled.gallery, enrolled.people(), enrolled.forget(["ada"])) == (None, [], 0)
        with pytest.raises(UnknownOwner, match="enroll-folder"):
            enrolled.certificate()
        assert not (tmp_path / "vault" / GALLERY_FILE).exists()


def test_a_gallery_without_its_secret_is_told_and_not_made_again(face_id, tmp_path):
    folder = face_id.admin.store.folder
    other = tmp_path / "other"
    with open_face_id(other):
        pass
    face_id.close()
    (folder / GALLERY_FILE).rename(other / GALLERY_FILE)
    with open_face_id(other) as strange, pytest.raises(VaultDamaged, match=GALLERY_FILE):
        strange.identify(draw_face("ada"))


def test_who_must_enroll_again_is_not_found_meanwhile(face_id):
    parts = face_id._parts
    base = replace(parts.base, model="f" * 64)
    newer = FaceID(
        replace(parts, base=base, enrolled=wiring.make_enrolled(parts.settings, parts.admin, base))
    )
    with pytest.raises(NeedsReenroll):
        newer.owner("ada")
