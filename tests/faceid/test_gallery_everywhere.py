"""A person of the gallery is served by every call that takes a name, or the call says where to go.

Each test walks all calls, so that a new one is tried, too.
"""

import inspect

import numpy as np
import pytest

from onlyme import FaceID, OnlymeError, OwnerExists, SamePerson, UnknownOwner
from onlyme.gallery.gallery import GalleryPerson
from onlyme.siamese.owner import Owner
from onlyme.testing import draw_face, open_face_id
from onlyme.vault.admin import VaultAdmin

WORDS = "a good long passphrase"
MINE = draw_face("cem", 9)
MORE = {
    "image": MINE,
    "images": [MINE],
    "me": [draw_face("cem", 20), draw_face("cem", 21)],
    "new_name": "cemal",
    "other": "ada",
    "number": 1,
    "numbers": [1],
    "look": "glasses",
    "source_or_frames": [MINE],
    "group": "none",
    "passphrase": WORDS,
    "embeddings": np.eye(2, 128, dtype=np.float32),
}
NO_PERSON = {"name_unknown"}  # its name is a new one


def list_calls():
    """Return the class and name of each public method whose first argument is a person's name."""
    for owner in (FaceID, VaultAdmin):
        for name, function in inspect.getmembers(owner, inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)[1:]
            if name[0] != "_" and parameters[:1] == ["name"] and name not in NO_PERSON:
                yield owner, name


CALLS = [*list_calls(), ("adaptation", "set_consent"), ("adaptation", "undo")]


def vectors_of(face_id, name, count=3):
    photos = [draw_face(name, photo) for photo in range(count)]
    return np.stack([face_id.pipeline.look(photo).embedding.vector for photo in photos])


def put(face_id, *names, person=""):
    """As `enroll_folder` does it, whose processes have networks that see no drawn faces."""
    people = [GalleryPerson(name, vectors_of(face_id, person or name)) for name in names]
    assert face_id._enrolled.ensure_gallery().put(people) == []


@pytest.fixture
def face_id(tmp_path):
    """The owner ada in the vault, and cem in the gallery."""
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        put(opened, "cem")
        yield opened


@pytest.fixture
def both(face_id):
    """The person ada in the vault, and, since only the vault was restored, in the gallery."""
    put(face_id, "ada")
    return face_id


def find_call(face_id, owner, name):
    if owner == "adaptation":
        return getattr(face_id.make_adaptation(), name)
    return getattr(face_id if owner is FaceID else face_id.admin, name)


def call(face_id, owner, name, person, tmp_path):
    """Make a call about a person with all arguments that it needs; a generator is begun."""
    made = find_call(face_id, owner, name)
    more = dict(MORE, path=tmp_path / "export", consent=True, instead="elsewhere")
    required = [
        one
        for one in inspect.signature(made).parameters.values()
        if one.name != "name" and (one.default is one.empty or one.name == "image")
    ]
    by_name = {one.name: more[one.name] for one in required}
    answer = made(person, **by_name)
    return next(answer) if inspect.isgenerator(answer) else answer


def attempt(*words):
    """Make a call, and return its answer, or the error that it raised."""
    try:
        return call(*words)
    except OnlymeError as error:
        return error


@pytest.mark.parametrize(("owner", "name"), CALLS, ids=lambda one: getattr(one, "__name__", one))
def test_every_call_knows_people_of_the_gallery(face_id, owner, name, tmp_path):
    if (owner, name) in {(VaultAdmin, "forget"), (VaultAdmin, "export")}:
        pytest.skip("FaceID.forget and the command `export` ask the gallery, too")
    before = [(one.name, one.where) for one in face_id.people()]
    answer = attempt(face_id, owner, name, "cem", tmp_path)
    assert not isinstance(answer, UnknownOwner) or name == "owner"
    if isinstance(answer, OnlymeError):
        assert "in the gallery" in str(answer)
        assert "`onlyme " in str(answer) or name == "make_missing"  # the command that serves
        assert [(one.name, one.where) for one in face_id.people()] == before


@pytest.mark.parametrize(("owner", "name"), CALLS, ids=lambda one: getattr(one, "__name__", one))
def test_every_call_takes_the_owner_where_both_have_the_name(both, owner, name, tmp_path):
    expected = {"remove_look": "no look", "merge": "two names", "undo_not_me": "nothing to undo"}
    expected |= {"make_missing": "in the gallery"}
    more = {"enroll": {"add": True}}.get(name, {})
    if more:
        both.enroll("ada", [draw_face("ada", 20)], **more)
        return
    answer = attempt(both, owner, name, "ada", tmp_path)
    if isinstance(answer, OnlymeError):
        assert expected[name] in str(answer)


def test_a_person_in_both_is_one_person(both):
    assert [(one.name, one.where) for one in both.people()].count(("ada", "vault")) == 1
    assert both.identify(draw_face("ada", 20)).name == "ada"
    candidates = both.identify(draw_face("ada", 20), candidates=9).candidates
    assert sorted(one.name for one in candidates) == ["ada", "cem"]


def test_a_person_in_both_is_forgotten_in_both(both):
    assert both.forget("ada") == []
    assert [one.name for one in both.people()] == ["cem"]
    with pytest.raises(UnknownOwner):
        both.forget("ada")


def test_a_person_in_both_is_renamed_in_both(both):
    both.rename("ada", "eve")
    names = sorted((one.name, one.where) for one in both.people())
    assert names == [("cem", "gallery"), ("eve", "gallery"), ("eve", "vault")]


@pytest.mark.parametrize("replace", [False, True])
def test_no_import_takes_a_name_of_the_gallery(face_id, tmp_path, replace):
    face_id.admin.export("ada", tmp_path / "ada", WORDS)
    with pytest.raises(OwnerExists, match="in the gallery"):
        face_id.admin.import_(tmp_path / "ada", WORDS, name="cem", replace_=replace, anyway=True)
    assert face_id.names() == ["ada"]


def test_an_imported_person_with_another_name_is_noticed(face_id, tmp_path):
    face_id.admin.export("ada", tmp_path / "ada", WORDS)
    face_id.admin.export("cem", tmp_path / "cem", WORDS, other=as_template(face_id, "cem"))
    for name in ("ada", "cem"):
        with pytest.raises(SamePerson, match=name):
            face_id.admin.import_(tmp_path / name, WORDS, name="eve")
        assert face_id.names() == ["ada"]
    face_id.admin.import_(tmp_path / "ada", WORDS, replace_=True)
    face_id.admin.import_(tmp_path / "ada", WORDS, name="eve", anyway=True)
    assert face_id.names() == ["ada", "eve"]


def as_template(face_id, name):
    owner = face_id.find_owner(name)
    assert isinstance(owner, Owner)
    return owner.to_template()


def test_the_advice_on_a_known_person_can_be_followed(face_id):
    """`--add` adds to an owner, and a folder to a person of the gallery."""
    with pytest.raises(SamePerson, match="--add"):
        face_id.enroll("eve", [draw_face("ada", 20)])
    with pytest.raises(SamePerson, match="enroll-folder DIR --add"):
        face_id.enroll("eve", [draw_face("cem", 20)])
    assert face_id.enroll("ada", [draw_face("ada", 20)], add=True).taken == 1


def test_a_name_that_is_taken_is_no_reason_to_add_photos(face_id):
    for new in ("ada", "cem"):
        with pytest.raises(OwnerExists, match="another name") as refused:
            face_id.rename("ada" if new == "cem" else "cem", new)
        assert "--add" not in str(refused.value)
