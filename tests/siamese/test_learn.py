"""One owner learned from synthetic faces, with the base that is shipped."""

import subprocess
import sys
from time import thread_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import EnrollmentError, NeedsReenroll, NotCalibrated, UsageError
from onlyme.siamese.distance import normalize
from onlyme.siamese.head import Base
from onlyme.siamese.learned import LearnedOwner
from onlyme.siamese.learning import learn_owner, leave_one_out

MODEL = "487a139eb85ccd5ff30aef7d0add7f12d2bb7abb90c5f08a7f481b452a660e00"


def person(seed: int, photos: int) -> np.ndarray:
    """float32[photos, 128]; the first k of n photos are the photos of a call for k."""
    generator = np.random.default_rng([seed, 1])
    who = normalize(generator.standard_normal(128))
    return normalize(who + 0.075 * generator.standard_normal((photos, 128))).astype(np.float32)


def strangers(seed: int, count: int) -> np.ndarray:
    """float32[count, 128], one photo of each."""
    generator = np.random.default_rng([seed, 2])
    return normalize(generator.standard_normal((count, 128))).astype(np.float32)


@pytest.fixture(scope="module")
def base():
    return Base.load(MODEL)


@pytest.fixture(scope="module")
def owner(base):
    return learn_owner(base, person(1, 7), strangers(2, 10))


def test_the_owner_is_told_from_strangers(owner):
    assert (owner.margins(person(1, 40)[7:]) >= owner.alpha).mean() > 0.9
    assert (owner.margins(strangers(3, 2000)) >= owner.alpha).mean() < 0.005


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(5)), st.permutations(range(4)))
def test_the_order_of_photos_does_not_matter(base, mine, others):
    me, not_me, probes = person(4, 5), strangers(5, 4), strangers(6, 10)
    there = learn_owner(base, me, not_me)
    here = learn_owner(base, me[mine], not_me[others])
    assert here.margins(probes) == pytest.approx(there.margins(probes), abs=1e-4)
    assert here.alpha == pytest.approx(there.alpha, abs=1e-4)


def test_one_more_not_me_never_raises_a_margin_nor_lowers_alpha(base):
    me, probes = person(7, 3), np.concatenate([person(7, 9)[3:], strangers(8, 50)])
    before, alpha = np.full(len(probes), np.inf), -np.inf
    for count in range(0, 9, 2):
        now = learn_owner(base, me, strangers(9, count))
        assert (now.margins(probes) <= before + 1e-6).all()
        assert now.alpha >= alpha - 1e-9
        before, alpha = now.margins(probes), now.alpha


@settings(max_examples=40, deadline=None)
@given(st.floats(-8, -0.1), st.floats(-8, -0.1))
def test_a_smaller_rate_asks_for_more(owner, one, other):
    low, high = sorted([10.0**one, 10.0**other])
    assert owner.alpha_at(low) >= owner.alpha_at(high)
    assert owner.far_at(owner.alpha_at(low)) == pytest.approx(low, rel=0.02)
    assert owner.miss_at(owner.alpha_at(low)).rate >= owner.miss_at(owner.alpha_at(high)).rate


def test_any_alpha_has_a_rate(owner):
    assert owner.far_at(-9.0) == pytest.approx(1.0)
    assert 0 < owner.far_at(9.0) <= 1e-9
    miss = owner.miss_at(owner.alpha)
    assert 0 <= miss.low <= miss.rate <= miss.high <= 1
    assert owner.miss_at(9.0).rate == 1.0


@pytest.mark.parametrize("far", [0.0, -1e-4, 1.5, 1e-30, float("nan")])
def test_rates_out_of_reach_are_refused(owner, far):
    with pytest.raises(UsageError, match="false accept rate"):
        owner.alpha_at(far)


def test_what_is_stored_comes_back(base, owner):
    state = owner.state()
    assert sum(v.nbytes for v in state.values() if isinstance(v, np.ndarray)) < 20_000
    again, probes = LearnedOwner.restore(base, state), strangers(10, 20)
    assert (again.margins(probes) == owner.margins(probes)).all()
    for name in ("alpha", "training_alpha", "has_owner_head", "report", "photos", "model"):
        assert getattr(again, name) == getattr(owner, name)


def test_an_owner_head_that_helps_is_kept_and_comes_back(base):
    """The owner varies along axes on which strangers do not differ from the owner."""
    generator = np.random.default_rng(5)
    axes = normalize(np.linalg.inv(base.projection)[:, :6].T)
    who = person(40, 1)[0]
    me = who + 0.5 * generator.standard_normal((16, 6)) @ axes
    me = normalize(me + 0.02 * generator.standard_normal((16, 128))).astype(np.float32)
    kept = learn_owner(base, me[:8], strangers(41, 10), training_alpha=0.5)
    assert not learn_owner(base, me[:8], strangers(41, 10)).has_owner_head, "not asked for"
    assert kept.has_owner_head
    assert "kept" in kept.report.why
    assert not np.allclose(kept.scale, 1.0)
    assert (kept.margins(me[8:]) >= kept.alpha).all()
    assert (kept.margins(strangers(11, 2000)) >= kept.alpha).mean() < 0.005
    again, probes = LearnedOwner.restore(base, kept.state()), strangers(10, 20)
    assert again.margins(probes) == pytest.approx(kept.margins(probes), abs=1e-6)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("template", np.zeros(128, np.float32)),
        ("template", np.ones((2, 128), np.float32)),
        ("given", np.ones((3, 5), np.float32)),
        ("votes", np.ones(77, np.float32)),
        ("scale", -np.ones(128, np.float32)),
        ("scale", np.full(128, np.nan, np.float32)),
        ("spread", 0.0),
        ("spread", float("inf")),
        ("centre", "much"),
        ("alpha", None),
        ("kept", 1),
        ("photos", 0),
        ("format", 99),
        ("notes", 3),
    ],
)
def test_nonsense_is_not_restored(base, owner, key, value):
    with pytest.raises(UsageError):
        LearnedOwner.restore(base, {**owner.state(), key: value})
    with pytest.raises(UsageError):
        LearnedOwner.restore(base, {k: v for k, v in owner.state().items() if k != key})


@pytest.mark.parametrize("key", ["model", "base"])
def test_another_network_or_base_asks_to_learn_again(base, owner, key):
    with pytest.raises(NeedsReenroll):
        LearnedOwner.restore(base, {**owner.state(), key: "another"})


def test_few_photos_leave_the_base_head(base):
    for count in (1, 2, 3):
        learned = learn_owner(base, person(12, count), strangers(13, 10), training_alpha=0.5)
        assert not learned.has_owner_head
        assert "under 4" in learned.report.why
        assert (learned.scale == 1).all()


def test_the_training_alpha_is_lower_with_few_photos(base):
    found = [learn_owner(base, person(14, count)).training_alpha for count in (2, 3, 5)]
    assert found == sorted(found)
    assert found[0] < 0
    assert found[-1] == 0.5
    assert learn_owner(base, person(14, 5), training_alpha=-0.6).training_alpha == -0.6
    with pytest.raises(UsageError, match="training alpha"):
        learn_owner(base, person(14, 5), training_alpha=1.5)


def test_the_same_picture_is_noticed_and_counts_once(base):
    one = person(15, 1)
    learned = learn_owner(base, np.repeat(one, 6, axis=0))
    assert learned.photos == 1
    assert "same picture" in learned.report.notes[0]
    repeated = learn_owner(base, np.concatenate([person(15, 5), one]))
    assert repeated.photos == 5
    assert "repeat" in repeated.report.notes[0]


def test_a_not_me_photo_of_the_owner_is_noticed(base):
    mine = person(16, 7)
    near = normalize(mine[:3].mean(axis=0))[None]
    assert "show you" in learn_owner(base, mine, near).report.notes[0]


def test_a_look_alike_loses_margin(base):
    me = person(17, 5)
    alike = normalize(0.6 * person(18, 8) + 0.6 * me.mean(axis=0)).astype(np.float32)
    before = learn_owner(base, me)
    after = learn_owner(base, me, look_alikes=alike[:1])
    assert (after.margins(alike[1:]) < before.margins(alike[1:])).all()
    assert after.alpha >= before.alpha
    given = learn_owner(base, me, alike[:1])
    assert (after.margins(alike[1:]) <= given.margins(alike[1:])).all()


def test_photos_of_nobody_are_refused(base):
    with pytest.raises(EnrollmentError, match="at least one"):
        learn_owner(base, [])
    with pytest.raises(UsageError, match="me: "):
        learn_owner(base, np.ones((2, 128)))
    opposite = normalize(base.mean + 0 * base.mean)
    with pytest.raises(EnrollmentError, match="in common"):
        learn_owner(Base.make_plain(MODEL, 128), np.stack([opposite, -opposite]))


def test_without_an_artefact_nothing_is_promised():
    with pytest.raises(NotCalibrated, match="lab calibrate"):
        Base.load("0" * 64)
    plain = learn_owner(Base.make_plain("0" * 64, 128), person(19, 5), strangers(20, 5))
    assert plain.far_at(plain.alpha) is None
    assert plain.miss_at(plain.alpha) is None
    with pytest.raises(NotCalibrated, match="by hand"):
        plain.alpha_at(1e-4)
    assert (plain.margins(person(19, 9)[5:]) > plain.margins(strangers(21, 4))).all()
    again = LearnedOwner.restore(plain.base, plain.state())
    assert (again.margins(strangers(21, 4)) == plain.margins(strangers(21, 4))).all()


def test_an_artefact_is_bound_to_its_network(tmp_path):
    name = f"base-{MODEL[:12]}.npz"
    from importlib import resources

    data = resources.files("onlyme.siamese").joinpath(name).read_bytes()
    (tmp_path / "good.npz").write_bytes(data)
    assert Base.read(tmp_path / "good.npz", MODEL).model == MODEL
    with pytest.raises(NotCalibrated, match="another"):
        Base.read(tmp_path / "good.npz", "f" * 64)
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    for damaged in ("cut", "empty"):
        with pytest.raises(NotCalibrated, match="damaged"):
            Base.read(tmp_path / f"{damaged}.npz", MODEL)


def test_leaving_out_finds_the_photo_that_hurts(base):
    me = person(22, 5)
    stray = strangers(23, 1)
    values = leave_one_out(base, np.concatenate([me, stray]))
    assert [value.photo for value in values] == list(range(6))
    assert min(values, key=lambda value: value.helps).photo == 5
    assert values[5].helps < 0
    assert min(values, key=lambda value: value.margin).photo == 5
    assert np.isnan(leave_one_out(base, me[:1])[0].margin)
    assert np.isnan(leave_one_out(base, me[:2])[0].helps)


def test_learning_and_deciding_are_quick(base):
    """The goal is 150 ms and 1 ms. The bounds are higher, and count the time of this thread only,
    since a busy machine is slower; benchmarks/heads.py measures the figures."""
    me, not_me = person(24, 7), strangers(25, 10)
    learned, probe = learn_owner(base, me, not_me), person(24, 8)[7:]
    learning, deciding = [], []
    for turn in range(30):
        if turn < 5:
            begun = thread_time()
            learn_owner(base, me, not_me)
            learning.append(thread_time() - begun)
        begun = thread_time()
        learned.margins(probe)
        deciding.append(thread_time() - begun)
    assert min(learning) < 0.45
    assert min(deciding) < 0.01


def test_many_photos_stay_quick(base):
    begun = thread_time()
    assert learn_owner(base, person(26, 120), strangers(27, 300)).photos == 120
    assert thread_time() - begun < 3.0


def test_the_verify_path_imports_numpy_alone():
    code = (
        "import sys, onlyme.siamese.learning, onlyme.siamese.owner, onlyme.siamese.certificate;"
        "print([name for name in ('scipy', 'rich', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_an_owner_imports_nothing_that_learns():
    code = (
        "import sys, onlyme.siamese.owner;"
        "print([name for name in ('learning', 'owner_head', 'triplets', 'certificate', 'training')"
        " if f'onlyme.siamese.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
