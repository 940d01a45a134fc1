"""What a template may learn after enrollment. The people are drawn; the head is the shipped one."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from onlyme.errors import UnknownOwner, UsageError
from onlyme.face.models import SHIPPED, find_model
from onlyme.faceid.adaptation import Adaptation, AdaptationOutcome
from onlyme.gate.admission import Gate
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class Person:
    """Photos about a direction, as unlike each other as photos of one person are."""

    def __init__(self, seed, towards=None, near=0.0):
        self.rng = np.random.default_rng(seed)
        self.centre = unit(self.rng.standard_normal(128))
        if towards is not None:  # a person who resembles another
            self.centre = unit(near * towards + (1 - near) * self.centre)

    def photos(self, count, aged=0.0, direction=None):
        centre = self.centre if direction is None else unit(self.centre + aged * direction)
        return unit(centre + 0.06 * self.rng.standard_normal((count, 128)))


@pytest.fixture(scope="module")
def base():
    return Base.load(find_model("embedder", SHIPPED).sha256)


@pytest.fixture
def admin(tmp_path):
    store = Store(tmp_path / "vault")
    yield VaultAdmin(store, Gate(store))
    store.close()


@pytest.fixture
def ada():
    return Person(1)


@pytest.fixture
def adaptation(base, admin, ada):
    none = np.empty((0, 128), np.float32)
    owner = Owner.learn(base, "ada", Examples(ada.photos(5), none, none, none, none), far=1e-4)
    with admin.store.edit() as edit:
        edit.put(owner.to_template())
    made = Adaptation(base, admin)
    made.set_consent("ada", consent=True)
    return made


def owner_of(base, admin):
    return Owner.from_template(base, admin.store.get("ada"))


def teach(adaptation, photos, first=0):
    return [
        adaptation.confirm("ada", photo, START + (first + day) * DAY)
        for day, photo in enumerate(photos)
    ]


def test_without_consent_nothing_is_learned(adaptation, base, admin, ada):
    adaptation.set_consent("ada", consent=False)
    before = admin.store.version("ada")
    assert set(teach(adaptation, ada.photos(6))) == {AdaptationOutcome.NO_CONSENT}
    assert admin.store.version("ada") == before


def test_five_good_matches_of_five_days_are_learned_as_one(adaptation, base, admin, ada):
    photos = ada.photos(5)
    assert teach(adaptation, photos) == [AdaptationOutcome.WAITING] * 4 + [
        AdaptationOutcome.LEARNED
    ]
    (learned,) = owner_of(base, admin).examples.learned
    assert learned @ unit(photos.mean(axis=0)) > 0.8
    assert max(photos @ learned) < 0.99  # no one's photo
    assert adaptation.read_status("ada").learned == START + 4 * DAY
    assert adaptation.read_status("ada").waiting == 0


def test_two_of_one_day_are_one(adaptation, ada):
    first, second = ada.photos(2)
    assert adaptation.confirm("ada", first, START) is AdaptationOutcome.WAITING
    assert adaptation.confirm("ada", second, START + DAY / 3) is AdaptationOutcome.TOO_SOON


def test_another_persons_photos_are_never_taken(adaptation, base, admin, ada):
    before = admin.store.version("ada")
    sister = Person(2, towards=ada.centre, near=0.3)
    assert set(teach(adaptation, sister.photos(20))) == {AdaptationOutcome.NOT_GOOD}
    assert admin.store.version("ada") == before


def test_poisoned_steps_bring_an_impostor_no_nearer_than_the_drift(adaptation, base, admin, ada):
    """Morphs of owner and impostor, each the farthest that is still taken: more than an impostor
    has, who would need the password with each. `benchmarks/adaptation.py` takes 1,000 steps."""
    sister = Person(2, towards=ada.centre, near=0.15)
    photos = sister.photos(40)
    enrolled = owner_of(base, admin)
    shares = np.linspace(0.0, 1.0, 80)[:, None]
    strict = enrolled.learned.alpha_at(1e-5)
    outcomes = []
    for step in range(60):
        morphs = unit((1 - shares) * ada.centre + shares * photos[step % 40])
        edge = np.flatnonzero(enrolled.margins(morphs) >= strict)[-1]
        # Every other round stays well inside, so that its mean is taken.
        morph = morphs[edge if step // 5 % 2 else edge // 2]
        outcomes.append(adaptation.confirm("ada", morph, START + step * DAY))
    assert AdaptationOutcome.LEARNED in outcomes
    after = owner_of(base, admin)
    before_margins = enrolled.margins(photos) - enrolled.alpha
    after_margins = after.margins(photos) - after.alpha
    assert (after_margins >= 0).mean() <= (before_margins >= 0).mean()
    assert (after_margins - before_margins).max() < 0.1
    assert len(after.examples.learned) == 1
    np.testing.assert_allclose(after.examples.me, enrolled.examples.me, atol=1e-4)


def test_an_owner_who_changes_slowly_gains(adaptation, base, admin, ada):
    direction = unit(np.random.default_rng(9).standard_normal(128))
    enrolled = owner_of(base, admin)
    outcomes = []
    for day in range(40):
        photo = ada.photos(1, aged=2.0 * day / 40, direction=direction)[0]
        outcomes.append(adaptation.confirm("ada", photo, START + day * DAY))
    assert AdaptationOutcome.LEARNED in outcomes
    after = owner_of(base, admin)
    aged = ada.photos(400, aged=1.8, direction=direction)
    before_rate = (enrolled.margins(aged) >= enrolled.alpha).mean()
    after_rate = (after.margins(aged) >= after.alpha).mean()
    assert after_rate > before_rate


def test_what_was_learned_expires(adaptation, base, admin, ada):
    teach(adaptation, ada.photos(5))
    teach(adaptation, ada.photos(1), first=100)
    assert len(owner_of(base, admin).examples.learned) == 1
    teach(adaptation, ada.photos(1), first=190)
    assert len(owner_of(base, admin).examples.learned) == 0


def test_it_can_be_undone_exactly(adaptation, base, admin, ada):
    probe = ada.photos(20)
    before = owner_of(base, admin)
    teach(adaptation, ada.photos(8))
    assert np.abs(owner_of(base, admin).margins(probe) - before.margins(probe)).max() > 1e-3
    assert adaptation.undo("ada") == 1
    after = owner_of(base, admin)
    np.testing.assert_allclose(after.margins(probe), before.margins(probe), atol=1e-5)
    assert after.alpha == pytest.approx(before.alpha, abs=1e-5)
    assert adaptation.read_status("ada").waiting == 0


def test_the_promise_is_kept(adaptation, base, admin, ada):
    teach(adaptation, ada.photos(5))
    after = owner_of(base, admin)
    assert after.promised == 1e-4
    assert after.far == pytest.approx(1e-4, rel=0.01)


def test_the_quarantine_is_kept_like_a_template(adaptation, base, admin, ada):
    teach(adaptation, ada.photos(3))
    admin.rekey()
    assert adaptation.read_status("ada").waiting == 3
    assert teach(adaptation, ada.photos(2), first=3) == [
        AdaptationOutcome.WAITING,
        AdaptationOutcome.LEARNED,
    ]
    admin.forget("ada")
    assert admin.store.read("quarantine", "ada") is None
    with pytest.raises(UnknownOwner):
        adaptation.read_status("ada")


def test_what_is_no_embedding_is_refused(adaptation):
    with pytest.raises(UsageError):
        adaptation.confirm("ada", np.zeros(5, np.float32))
