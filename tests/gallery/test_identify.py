"""Identification gives one answer: a name, no match, or ambiguous."""

from types import SimpleNamespace

import numpy as np
import pytest

from onlyme import FaceID, Reason, UnknownOwner, VaultDamaged
from onlyme.errors import NotCalibrated, OwnerExists
from onlyme.gallery.candidates import rank_candidates
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.identify import (
    LEAD_MARGIN,
    compute_shared_far,
    identify_vector,
)
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner
from onlyme.siamese.owner import Owner


@pytest.fixture(scope="module")
def base(pipeline):
    return Base.load(pipeline.embedder.model)


@pytest.fixture
def known(gallery, crowd):
    """A gallery of three hundred people, one photo each."""
    people, directions = crowd.people(300)
    gallery.put(people)
    return SimpleNamespace(gallery=gallery, people=people, directions=directions, crowd=crowd)


def owner(base, name, me):
    none = Examples.make_empty(base.dimension).me
    return Owner.learn(base, name, Examples(me, none, none, none, none), far=1e-4)


def test_a_known_face_is_found_and_a_strangers_is_not(known):
    for number in range(20):
        probe = known.crowd.photos(known.directions[number])[0]
        decision = identify_vector([], known.gallery, probe, 1e-3)
        assert decision.reason is Reason.MATCH
        assert decision.name == f"person {number}"
        assert decision.margin >= decision.alpha
        assert decision.far == pytest.approx(1e-3 / 300, rel=1e-6)
    for probe in known.crowd.strangers(20):
        decision = identify_vector([], known.gallery, probe, 1e-3)
        assert decision.reason is Reason.NO_MATCH
        assert decision.name is None


def test_candidates_are_listed_only_where_they_are_asked_for(known, base):
    probe = known.crowd.photos(known.directions[7])[0]
    ada = owner(base, "ada", known.crowd.people(1)[0][0].me)
    plain = identify_vector([ada], known.gallery, probe, 1e-3)
    assert plain.candidates is None
    found = identify_vector([ada], known.gallery, probe, 1e-3, candidates=20)
    assert (found.name, found.margin, found.reason) == (plain.name, plain.margin, plain.reason)
    assert len(found.candidates) == 20
    assert (found.candidates[0].name, found.candidates[0].reached) == (plain.name, True)
    leads = [one.margin - one.alpha for one in found.candidates]
    assert leads == sorted(leads, reverse=True)
    assert not any(one.reached for one in found.candidates[1:])
    stranger = identify_vector(
        [ada], known.gallery, known.crowd.strangers(1)[0], 1e-3, candidates=2
    )
    assert (stranger.accepted, stranger.name) == (False, None)
    assert len(stranger.candidates) == 2


def test_the_margin_is_the_one_that_an_owner_of_the_vault_would_have(known, base):
    probe = known.crowd.photos(known.directions[7])
    best = rank_candidates(known.gallery, base.project(probe))[0]
    alone = learn_owner(base, known.people[7].me)
    assert best.name == "person 7"
    assert best.margin == pytest.approx(float(alone.margins(probe)[0]), abs=1e-5)
    assert best.centre + base.curve.z_at(1e-4, 1) == pytest.approx(alone.alpha_at(1e-4), abs=1e-5)


def test_alpha_grows_with_the_gallery(known, base):
    probe = known.crowd.photos(known.directions[7])[0]
    alphas = []
    for people in (10, 300, 10_000, 1_000_000):
        far = compute_shared_far(base, 1e-3, people)
        alphas.append(
            rank_candidates(known.gallery, base.project(probe[None]))[0].decide(base, far).alpha
        )
    assert alphas == sorted(alphas)
    assert len(set(alphas)) == 4


def test_a_rate_that_nothing_carries_is_not_promised(base):
    assert compute_shared_far(base, 1e-3, 10_000_000) == pytest.approx(1e-10)
    with pytest.raises(NotCalibrated, match=r"0\.01"):
        compute_shared_far(base, 1e-3, 100_000_000)
    with pytest.raises(NotCalibrated):
        compute_shared_far(Base.make_plain("ab" * 32, 128), 1e-3, 10)


def test_one_person_under_two_names_is_ambiguous(known):
    person = known.people[4]
    known.gallery.put([GalleryPerson("twice", known.crowd.photos(person.me[0] * 3))])
    probe = (person.me[0] + known.gallery.get(["twice"])["twice"].me[0]) / 2
    decision = identify_vector([], known.gallery, probe / np.linalg.norm(probe), 1e-3)
    assert decision.reason is Reason.AMBIGUOUS
    assert decision.name is None
    assert not decision.accepted


def test_in_a_gallery_a_clear_lead_decides_though_two_pass(known, base):
    """The nearer of two people who look alike is named, if by a clear lead."""
    person = known.people[4].me[0]
    alike = person + known.crowd.strangers(1)[0]
    alike /= np.linalg.norm(alike)
    known.gallery.put([GalleryPerson("alike", alike[None])])
    far = compute_shared_far(base, 1e-3, 301)
    first, second = rank_candidates(known.gallery, base.project(person[None]))[:2]
    assert first.decide(base, far).accepted
    assert second.name == "alike"
    assert second.decide(base, far).accepted
    assert identify_vector([], known.gallery, person, 1e-3).name == "person 4"


def test_a_second_who_nearly_reaches_alpha_makes_it_ambiguous(crowd, base):
    face = crowd.strangers(1)
    one, other = owner(base, "one", face), owner(base, "other", face)
    margin = float(one.margins(face)[0])
    for first, second, reason in (
        (0.2, -0.2, Reason.MATCH),
        (0.2, -0.01, Reason.MATCH),  # far ahead, though the other is near
        (LEAD_MARGIN - 0.02, -0.01, Reason.AMBIGUOUS),  # passes alone, but the other nearly does
        (LEAD_MARGIN - 0.02, -0.03, Reason.MATCH),
        (0.2, 0.01, Reason.AMBIGUOUS),  # both pass
    ):
        both = [one.tune(alpha=margin - first), other.tune(alpha=margin - second)]
        # What alpha stands for is shared by two: it rises a little, for both alike.
        rise = both[0].share_among(2).alpha - both[0].alpha
        both = [each.tune(alpha=each.alpha - rise) for each in both]
        assert identify_vector(both, None, face[0], 1e-3).reason is reason


def test_owners_and_gallery_give_one_answer(known, base):
    mine = known.crowd.people(1, photos=3)
    ada = owner(base, "ada", mine[0][0].me)
    probe = known.crowd.photos(mine[1][0])[0]
    assert identify_vector([ada], known.gallery, probe, 1e-3).name == "ada"
    probe = known.crowd.photos(known.directions[3])[0]
    assert identify_vector([ada], known.gallery, probe, 1e-3).name == "person 3"
    # Ada keeps her own promise, shared among all people.
    alone = identify_vector([ada], None, known.crowd.photos(mine[1][0])[0], 1e-3)
    among = identify_vector([ada], known.gallery, known.crowd.photos(mine[1][0])[0], 1e-3)
    assert alone.far == pytest.approx(1e-4, rel=1e-3)
    assert among.far == pytest.approx(1e-4 / 301, rel=1e-3)
    both = owner(base, "as person 3", known.people[3].me)
    assert (
        identify_vector([both], known.gallery, known.people[3].me[0], 1e-3).reason
        is Reason.AMBIGUOUS
    )


@pytest.fixture
def household(face_id, photos, pipeline):
    """Obama in the vault; Biden and Macron in the gallery."""
    face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    people = [
        GalleryPerson(name, pipeline.look(photos / f"{name}_1.jpg").embedding.vector[None])
        for name in ("biden", "macron")
    ]
    face_id._enrolled.ensure_gallery().put(people)
    return face_id


def test_real_faces_are_found_wherever_they_are_enrolled(household, photos):
    assert household.identify(photos / "obama_3.jpg").name == "obama"
    assert household.identify(photos / "biden_1.jpg").name == "biden"
    assert household.identify(photos / "ardern_1.jpg").reason is Reason.NO_MATCH
    assert household.names() == ["obama"]
    assert [one.name for one in household.gallery_people()] == ["biden", "macron"]


def test_every_face_of_a_picture_is_decided(household, photos, pipeline):
    left, right = (
        pipeline.decode(photos / name).pixels for name in ("biden_1.jpg", "ardern_1.jpg")
    )
    height = min(len(left), len(right))
    both = np.concatenate([left[:height], right[:height]], axis=1)
    found = household.identify_faces(both)
    assert len(found) == 2
    by_place = sorted(found, key=lambda one: float(one[0].box[0]))
    assert [decision.name for _, decision in by_place] == ["biden", None]
    assert [decision.reason for _, decision in by_place] == [Reason.MATCH, Reason.NO_MATCH]
    assert household.identify_faces(np.zeros((200, 200, 3), np.uint8)) == []


def test_people_of_the_gallery_can_be_verified_and_forgotten(household, photos):
    assert household.verify("biden", photos / "biden_1.jpg").accepted
    assert not household.verify("biden", photos / "obama_3.jpg").accepted
    household.forget("biden")
    assert household.identify(photos / "biden_1.jpg").reason is Reason.NO_MATCH
    assert [one.name for one in household.gallery_people()] == ["macron"]
    with pytest.raises(UnknownOwner):
        household.verify("biden", photos / "biden_1.jpg")
    with pytest.raises(UnknownOwner):
        household.forget("biden")


def test_nobody_of_the_gallery_is_an_owner(household):
    """What opens a login asks for owners."""
    assert household.owner("obama").name == "obama"
    with pytest.raises(UnknownOwner):
        household.owner("biden")


def test_a_gallery_whose_secret_is_gone_is_not_passed_over(household, photos, tmp_path):
    household.close()
    (tmp_path / "other").mkdir(mode=0o700)
    (tmp_path / "vault" / "gallery.sqlite").replace(tmp_path / "other" / "gallery.sqlite")
    with FaceID.open(tmp_path / "other") as other, pytest.raises(VaultDamaged, match="secret"):
        other.identify(photos / "biden_1.jpg")


def test_a_name_of_the_gallery_is_not_given_to_somebody_else(household, photos):
    for how in ({}, {"add": True}, {"replace": True}):
        with pytest.raises(OwnerExists, match="gallery"):
            household.enroll("macron", photos / "ardern_1.jpg", **how)


def test_another_process_sees_the_same_gallery(household, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as other:
        assert other.identify(photos / "biden_1.jpg").name == "biden"
        other.forget("biden")
    assert household.identify(photos / "biden_1.jpg").reason is Reason.NO_MATCH
