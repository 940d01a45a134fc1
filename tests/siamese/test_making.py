"""The base is fitted, trained, cross-fitted and counted as the formulas say."""

import numpy as np
import pytest

from onlyme.siamese.calibrate import TailCurve
from onlyme.siamese.distance import normalize
from onlyme.siamese.training.crossfit import CrossFit, deal, make_trials
from onlyme.siamese.training.curves import (
    LOG_FAR,
    MISS_Z,
    TrialScores,
    count_accepts,
    make_far_curve,
    measure_miss_rates,
)
from onlyme.siamese.training.train import Recipe, measure_pair_miss, train_base_head
from onlyme.siamese.training.train import _compute_gradient as gradient_of
from onlyme.siamese.training.whitening import compute_within_scatter, draw_strangers, fit_whitening


@pytest.fixture(scope="module")
def town():
    """Three hundred synthetic people of one to six photos, who vary along some axes most."""
    generator = np.random.default_rng(0)
    counts = generator.integers(1, 7, 300)
    labels = np.repeat(np.arange(300), counts)
    people = normalize(generator.standard_normal((300, 32)))
    noise = generator.standard_normal((len(labels), 32)) * np.geomspace(0.4, 0.02, 32)
    return normalize(people[labels] + noise).astype(np.float32), labels


def test_whitening_makes_the_within_scatter_flatter(town):
    embeddings, labels = town
    head = fit_whitening(embeddings, labels, ridge=0.01)
    before = np.linalg.eigvalsh(compute_within_scatter(embeddings.astype(np.float64), labels))
    raw = (embeddings - head.mean) @ head.projection.T
    after = np.linalg.eigvalsh(compute_within_scatter(raw, labels))
    assert before[-1] / before[0] > 50
    assert after[-1] / after[0] < 5
    assert measure_pair_miss(head, embeddings, labels) < measure_pair_miss(
        fit_whitening(embeddings, labels, ridge=1e6), embeddings, labels
    )


@pytest.mark.parametrize("mining", ["hard", "semi"])
@pytest.mark.parametrize("alpha", [0.3, None])
def test_the_batch_gradient_is_that_of_the_batch_loss(mining, alpha):
    generator = np.random.default_rng(3)
    vectors, weights = generator.standard_normal((12, 6)), generator.standard_normal((4, 6))
    who = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7])
    recipe = Recipe(mining=mining, alpha=alpha, temperature=0.3)

    def loss(at):
        heads = normalize(vectors @ at.T)
        total, anchors = 0.0, 0
        for anchor in range(len(who)):
            away = np.linalg.norm(heads - heads[anchor], axis=1)
            own = [away[i] for i in range(len(who)) if who[i] == who[anchor] and i != anchor]
            if not own:
                continue
            near, others = max(own), away[who != who[anchor]]
            if mining == "semi" and (others > near).any():
                others = others[others > near]
            gap = near - others.min()
            anchors += 1
            total += max(gap + alpha, 0) if alpha else 0.3 * np.log1p(np.exp(gap / 0.3))
        return total / anchors

    there = np.zeros_like(weights)
    for index in np.ndindex(weights.shape):
        up, down = weights.copy(), weights.copy()
        up[index] += 1e-6
        down[index] -= 1e-6
        there[index] = (loss(up) - loss(down)) / 2e-6
    assert gradient_of(weights, vectors, who, recipe) == pytest.approx(there, abs=1e-5)


def test_training_never_returns_worse_than_its_start_and_repeats_itself(town):
    embeddings, labels = town
    recipe = Recipe(steps=60, people=40, singles=60)
    seen = []
    head = train_base_head(embeddings, labels, recipe, lambda step, miss: seen.append((step, miss)))
    again = train_base_head(embeddings, labels, recipe)
    assert (head.projection == again.projection).all()
    assert [step for step, _ in seen] == [20, 40, 60]
    apart = np.random.default_rng(0).permutation(np.unique(labels))[: len(np.unique(labels)) // 10]
    held = np.isin(labels, apart)
    start = fit_whitening(embeddings[~held], labels[~held])
    assert measure_pair_miss(head, embeddings[held], labels[held]) <= measure_pair_miss(
        start, embeddings[held], labels[held]
    )


def test_low_rank_keeps_fewer_rows(town):
    assert train_base_head(*town, Recipe(steps=20, rank=8)).projection.shape == (8, 32)


def test_nobody_is_drawn_twice_and_nobody_is_real(town):
    embeddings, labels = town
    heads = fit_whitening(embeddings, labels).project(embeddings)
    drawn = draw_strangers(heads, labels, 400, 1)
    assert (drawn == draw_strangers(heads, labels, 400, 1)).all()
    assert (drawn != draw_strangers(heads, labels, 400, 2)).any()
    cosines = normalize(drawn.astype(np.float64)) @ heads.T
    assert cosines.max() < 0.95
    assert len(np.unique(drawn, axis=0)) == 400


def test_no_head_sees_whom_it_judges(town):
    embeddings, labels = town
    saw = []

    def spying(seen, names):
        saw.append(set(names.tolist()))
        return fit_whitening(seen, names)

    cross = CrossFit(embeddings, labels, spying, folds=3)
    assert len(saw) == 6
    rooms = [(home, other) for home in range(3) for other in range(home, 3)]
    for (home, other), names in zip(rooms, saw, strict=True):
        judged = set(labels[np.isin(cross.fold, (home, other))].tolist())
        assert not names & judged
        assert names | judged == set(labels.tolist())
    assert all(len(set(cross.fold[labels == who])) == 1 for who in set(labels.tolist()))
    made = make_trials(labels, 3, 1, 0)[:5]
    for trial, z in zip(made, cross.score_trials(made), strict=True):
        assert np.isfinite(z).all()
        assert not set(trial.me) & set(trial.genuine)
        assert (labels[trial.genuine] == trial.owner).all()
        assert z[trial.genuine].mean() > z[labels != trial.owner].mean()


def test_people_are_dealt_evenly():
    labels = np.repeat(np.arange(100), 3)
    folds = deal(labels, 5, 0)
    assert (np.bincount(folds[::3]) == 20).all()


def normal_scores():
    """Eighty owners and 2,000 strangers whose scores are normal, so the truth is known."""
    generator = np.random.default_rng(4)
    impostor = [generator.standard_normal(2000).astype(np.float32) for _ in range(80)]
    genuine = [generator.normal(0.4, 0.1, 10) for _ in range(80)]
    strangers_of = [np.arange(2000) for _ in range(80)]
    return TrialScores(5, np.arange(80), genuine, impostor, strangers_of)


def test_the_curve_is_that_of_the_scores():
    from scipy.stats import norm

    curve = make_far_curve(normal_scores(), 1e-3)
    assert (np.diff(curve) > 0).all()
    counted = slice(5, 31)
    assert curve[counted] == pytest.approx(norm.isf(10.0 ** LOG_FAR[counted]), abs=0.05)
    # A normal tail falls faster than the exponential one: the model errs to the safe side.
    assert curve[50] > norm.isf(1e-5)
    table = TailCurve(np.array([5]), LOG_FAR, curve[None], 1e-3)
    assert table.far_at(table.z_at(1e-4, 5), 5) == pytest.approx(1e-4, rel=1e-3)


def test_accepts_are_counted_as_by_loops_and_bounded():
    measured = normal_scores()
    found = count_accepts(measured, 3.0, 300, 0)
    by_hand = sum(int((scores >= 3.0).sum()) for scores in measured.impostor)
    assert found["accepts"] == found["accepted_pairs"] == by_hand
    assert found["comparisons"] == 160_000
    assert found["rate"] == pytest.approx(by_hand / 160_000)
    assert found["rate"] < found["upper95"] < 2 * found["rate"]


def test_nothing_seen_is_not_nothing():
    found = count_accepts(normal_scores(), 99.0, 50, 0)
    assert found["accepts"] == 0
    assert found["upper95"] == pytest.approx(3.0 / (80 * 1999), rel=0.01)  # the rule of three


def test_miss_rates_are_those_of_the_scores():
    rate, low, high = measure_miss_rates(normal_scores(), 200, 0)
    at = int(np.argmin(np.abs(MISS_Z - 0.4)))
    assert rate[at] == pytest.approx(0.5, abs=0.05)
    assert low[at] < rate[at] < high[at]
    assert (np.diff(rate) >= 0).all()
    assert rate[0] == 0
    assert high[0] == pytest.approx(3.0 / 80, rel=0.05)
