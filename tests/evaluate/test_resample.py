"""Resampled miss rates against a plain loop over people drawn with repetition."""

import numpy as np
import pytest

from onlyme.errors import UsageError
from onlyme.evaluate.metrics import threshold_at_fmr
from onlyme.evaluate.owners import study_owners
from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings
from onlyme.evaluate.resample import _StudyResampler, miss_rate, miss_ratio
from tests.evaluate.people import Template, crowd, learner

COHORT = crowd(people=300, photos=1, seed=9)[0]
VECTORS, LABELS, SOURCES = crowd(spread=1.1)


def study(vectors=VECTORS, **options):
    faces = LabelledEmbeddings(vectors, LABELS, SOURCES)
    plan = EvaluationPlan(**{"photos": 3, "repeats": 2} | options)
    return study_owners(faces, plan, lambda me: Template(me, COHORT))


def by_hand(made, drawn, fmr):
    """Every comparison written down as often as its two people were drawn."""
    names = sorted(set(LABELS))
    times = dict(zip(names, drawn, strict=True))
    genuine, impostor = [], []
    for trial in made.trials:
        genuine += [m for m in trial.genuine for _ in range(times[trial.person])]
        margins = Template(VECTORS[trial.enrolled], COHORT).margins(VECTORS)
        for label, margin in zip(LABELS, margins, strict=True):
            if label != trial.person and made.fold_of[label] == trial.fold:
                impostor += [margin] * int(times[trial.person] * times[label])
    return float(np.mean(np.array(genuine) < threshold_at_fmr(impostor, fmr)))


@pytest.mark.parametrize("folds", [1, 2])
def test_a_draw_is_the_plain_loop(folds):
    made = study()
    if folds == 2:
        made = study_owners(
            LabelledEmbeddings(VECTORS, LABELS, SOURCES),
            EvaluationPlan(photos=3, folds=2),
            learn_for=lambda _: learner(COHORT),
        )
    quick = _StudyResampler(made, 1e-2)
    generator = np.random.default_rng(1)
    for _ in range(3):
        drawn = np.bincount(generator.integers(40, size=40), minlength=40)
        assert quick.miss_rate(drawn) == pytest.approx(by_hand(made, drawn, 1e-2))


def test_the_interval_holds_the_rate_as_it_is():
    made = study()
    interval = miss_rate(made, 1e-2, repeats=200)
    misses, attempts = made.misses_at(made.impostors.threshold_at(1e-2))
    assert interval.value == pytest.approx(misses.sum() / attempts.sum())
    assert interval.low < interval.value < interval.high


def test_a_system_is_as_good_as_itself_and_better_than_a_blind_one():
    made = study()
    assert miss_ratio(made, made, 1e-2, repeats=50) == miss_ratio(made, made, 1e-2, repeats=50)
    itself = miss_ratio(made, made, 1e-2, repeats=50)
    assert (itself.value, itself.low, itself.high) == (1.0, 1.0, 1.0)
    noise = np.random.default_rng(0).normal(0, 0.15, VECTORS.shape).astype(np.float32)
    worse = study(VECTORS + noise)
    better = miss_ratio(made, worse, 1e-2, repeats=100)
    assert better.value < 1.0
    assert better.high < 1.0


def test_other_attempts_are_not_paired():
    with pytest.raises(UsageError):
        miss_ratio(study(), study(seed=1), 1e-2)
    with pytest.raises(UsageError):
        miss_ratio(study(), study(photos=4), 1e-2)
