"""People who look enrolled twice are found, and people who only look a little alike are not."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.gallery.duplicates import find_duplicates
from onlyme.gallery.gallery import GalleryPerson
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner
from onlyme.siamese.owner import Owner


@pytest.fixture
def filled(gallery, crowd):
    """Sixty people; "person 3" and "person 7" are enrolled again under other names."""
    people, directions = crowd.people(60, photos=2)
    again = [
        GalleryPerson("a second name", crowd.photos(directions[3] * 3, 2)),
        GalleryPerson("z third name", crowd.photos(directions[7] * 3, 2)),
    ]
    gallery.put([*people, *again])
    return gallery


def names(gallery):
    return sorted(person.name for person in gallery.people())


def test_one_person_under_two_names_is_found_once(filled):
    found = list(find_duplicates(filled, names(filled)))
    assert {(pair.name, pair.other) for pair in found} == {
        ("a second name", "person 3"),
        ("person 7", "z third name"),
    }
    assert len(found) == 2  # though both names of each pair were compared


def test_a_pair_is_found_from_either_of_its_names(filled):
    for name in ("a second name", "person 3"):
        [pair] = find_duplicates(filled, [name])
        assert (pair.name, pair.other) == ("a second name", "person 3")


def test_the_rate_is_that_of_a_stranger_with_the_other_ones_template(filled):
    """The oracle: an owner learned from the one, compared with the other's template."""
    [pair] = find_duplicates(filled, ["person 3"])
    both = filled.get(["person 3", "a second name"])
    owner = learn_owner(filled.base, both["person 3"].me)
    probe = filled.make_template(both["a second name"])[None]
    [margin] = filled.base.stranger_rule.measure_distance(probe)
    margin -= np.linalg.norm(probe[0] - owner.template)
    assert pair.far == pytest.approx(owner.far_at(float(margin)), rel=0.01)
    assert pair.far <= 1e-4


def test_of_strangers_hardly_a_pair_is_named(gallery, crowd):
    """The limit is 1 in 10,000 here: of 1,770 pairs of strangers 0.2 to 0.4 are expected."""
    people, _ = crowd.people(60)
    gallery.put(people)
    found = list(find_duplicates(gallery, names(gallery)))
    assert len(found) <= 2
    assert all(pair.far <= 1e-4 for pair in found)


def test_names_that_are_gone_are_left_out(filled):
    filled.remove(["a second name"])
    assert list(find_duplicates(filled, ["a second name", "never enrolled"])) == []
    [pair] = find_duplicates(filled, ["a second name", "person 7"])
    assert pair.name == "person 7"


def test_progress_counts_names(filled):
    reports = []
    list(find_duplicates(filled, names(filled), lambda *report: reports.append(report)))
    assert reports == [("twins", 62, 62)]


def test_one_person_alone_has_no_double(gallery, crowd):
    [person], _ = crowd.people(1)
    gallery.put([person])
    assert list(find_duplicates(gallery, [person.name])) == []


def test_without_calibration_no_pair_is_named(filled):
    filled.base = Base.make_plain(filled.base.model, filled.base.dimension)
    assert list(find_duplicates(filled, ["person 3"])) == []


def test_an_owner_in_the_vault_is_compared_as_well(filled, crowd):
    """The owners are no rows of the gallery, and `identify` looks at both."""
    both = filled.get(["person 3", "person 7"])
    vector = both["person 3"].me[0]
    examples = replace(Examples.make_empty(filled.base.dimension), me=both["person 3"].me)
    owner = Owner.learn(filled.base, "an owner", examples, far=1e-4)
    assert owner.margins(vector[None])[0] > owner.alpha
    found = list(find_duplicates(filled, ["person 3", "person 9"], owners=[owner]))
    assert ("an owner", "person 3") in {(pair.name, pair.other) for pair in found}
    assert all("person 9" not in pair[:2] for pair in found)
    assert all(0 < pair.far <= 1e-4 for pair in found)


def test_one_person_in_the_gallery_is_compared_with_an_owner(gallery, crowd):
    [person], _ = crowd.people(1)
    gallery.put([person])
    examples = replace(Examples.make_empty(gallery.base.dimension), me=person.me)
    for name, count in {"an owner": 1, person.name: 0}.items():
        owner = Owner.learn(gallery.base, name, examples, far=1e-4)
        assert len(list(find_duplicates(gallery, [person.name], owners=[owner]))) == count
