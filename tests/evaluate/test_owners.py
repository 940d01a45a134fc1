"""The owner protocol against plain loops; no head judges people that it learned from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import NotCalibrated, UsageError
from onlyme.evaluate.groups import read_groups, study_groups
from onlyme.evaluate.impostors import ImpostorAccumulator
from onlyme.evaluate.owners import study_owners
from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings
from tests.evaluate.people import Template, crowd, learner

VECTORS, LABELS, SOURCES = crowd()
FACES = LabelledEmbeddings(VECTORS, LABELS, SOURCES)
COHORT = crowd(people=200, photos=1, seed=9)[0]
THREE = EvaluationPlan(photos=3)


def test_the_study_is_the_plain_loop():
    study = study_owners(
        FACES, EvaluationPlan(photos=3, repeats=2, far=1e-2, fars=()), learner(COHORT)
    )
    assert len(study.owners) == 40
    assert len(study.trials) == 80
    margins = []
    for trial in study.trials:
        own = [row for row, label in enumerate(LABELS) if label == trial.person]
        assert sorted([*trial.enrolled, *trial.probes]) == own
        assert len(trial.enrolled) == 3
        template = Template(VECTORS[trial.enrolled], COHORT)
        alpha = template.alpha_at(1e-2)
        accepted = rejected = 0
        for row, label in enumerate(LABELS):
            margin = float(VECTORS[row] @ template.mean)
            if label != trial.person:
                margins.append(margin)
                accepted += margin >= alpha
            elif row in trial.probes:
                rejected += margin < alpha
        assert (trial.false_accepts[0], trial.false_rejects[0]) == (accepted, rejected)
    assert study.impostors.margins == pytest.approx(sorted(margins, reverse=True), abs=1e-6)
    assert study.impostors.total == len(margins) == study.comparisons().sum()
    threshold = study.impostors.threshold_at(1e-3)
    misses, attempts = study.misses_at(threshold)
    assert misses.sum() == np.count_nonzero(study.genuine < threshold)
    assert attempts.sum() == study.genuine.size == 80 * 5


def test_the_closest_strangers_are_different_people_and_the_closest():
    study = study_owners(FACES, THREE, learner(COHORT))
    for trial in study.trials:
        template = Template(VECTORS[trial.enrolled], COHORT)
        margins = template.margins(VECTORS)
        best = {}
        for row, label in enumerate(LABELS):
            if label != trial.person:
                best[label] = max(best.get(label, -1.0), margins[row])
        assert trial.closest_margins == pytest.approx(sorted(best.values())[::-1][:5], abs=1e-6)
        assert len({LABELS[row] for row in trial.closest}) == 5


def test_no_head_judges_people_that_it_saw():
    seen = []

    def learn_for(people):
        rows = np.isin(LABELS, sorted(people))
        seen.append(people)
        return learner(VECTORS[rows])

    study = study_owners(FACES, EvaluationPlan(photos=3, folds=4), learn_for=learn_for)
    assert sorted(trial.person for trial in study.trials) == sorted(set(LABELS))
    for trial in study.trials:
        assert trial.person not in seen[trial.fold]
        assert not seen[trial.fold] & {LABELS[row] for row in trial.closest}
        assert trial.impostors == 9 * 8
    rivals = {(study.owners[o], LABELS[p]) for o, p in zip(
        study.impostors.owners, study.impostors.probes, strict=True)}  # fmt: skip
    assert all(study.fold_of[owner] == study.fold_of[stranger] for owner, stranger in rivals)


def test_two_heads_are_judged_on_the_same_photos():
    plan = EvaluationPlan(photos=3, seed=5)
    first = study_owners(FACES, plan, learner(COHORT))
    second = study_owners(FACES, plan, learner(COHORT[:50]))
    for one, other in zip(first.trials, second.trials, strict=True):
        assert one.person == other.person
        assert (one.probes == other.probes).all()


def test_without_calibration_nothing_is_promised():
    class Bare(Template):
        def alpha_at(self, far):  # noqa: ARG002 - the protocol's signature
            raise NotCalibrated("no cohort")

    study = study_owners(FACES, THREE, lambda me: Bare(me, COHORT))
    assert not study.is_calibrated
    assert all((trial.false_accepts == 0).all() for trial in study.trials)


@pytest.mark.parametrize(
    "options",
    [
        {"plan": EvaluationPlan(photos=8)},
        {"learn_for": lambda _: learner(COHORT)},  # both
        {"learn": None},
        {
            "learn": None,
            "learn_for": lambda _: learner(COHORT),
            "plan": EvaluationPlan(photos=3, folds=30),
        },
        {"faces": LabelledEmbeddings(VECTORS, ["same"] * len(LABELS), SOURCES)},
    ],
)
def test_what_cannot_be_studied_is_refused(options):
    given = {"faces": FACES, "plan": THREE, "learn": learner(COHORT), **options}
    with pytest.raises(UsageError):
        study_owners(**given)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"photos": 0}, {"repeats": 0}, {"folds": 0}, {"resamples": 0}),
        *({"far": 0.0}, {"far": 1.0}, {"fars": (0.0,)}, {"fmrs": (2.0,)}),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        EvaluationPlan(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": LABELS[:-1]},
        {"sources": SOURCES[:-1]},
        {"vectors": VECTORS * np.nan},
        {"vectors": VECTORS[0]},
    ],
)
def test_embeddings_that_do_not_fit_their_labels_are_refused(wrong):
    given = {"vectors": VECTORS, "labels": LABELS, "sources": SOURCES, **wrong}
    with pytest.raises(UsageError):
        LabelledEmbeddings(**given)


@pytest.mark.parametrize("bad", [lambda n: np.full(n, np.inf), lambda n: np.zeros(n + 1)])
def test_a_head_without_finite_margins_is_refused(bad):
    class Bad(Template):
        def margins(self, embeddings):
            return bad(len(embeddings))

    with pytest.raises(UsageError, match="finite"):
        study_owners(FACES, THREE, lambda me: Bad(me, COHORT))


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-20, 20).map(float), max_size=30), max_size=20),
    st.integers(1, 20),
    st.integers(2, 20),
)
def test_a_tally_is_exact_at_the_top_and_never_understates(batches, tail, body):
    tally = ImpostorAccumulator(tail=tail, body=body)
    for owner, batch in enumerate(batches):
        tally.add(np.array(batch), owner=owner, probes=np.arange(len(batch)))
    kept, everything = tally.result(), sorted((m for b in batches for m in b), reverse=True)
    assert kept.total == len(everything)
    assert kept.margins[:tail].tolist() == everything[:tail]
    assert kept.margins.size <= tail + body
    for threshold in np.arange(-21, 22):
        true = sum(margin >= threshold for margin in everything)
        assert kept.count_at(threshold) >= true
        if kept.is_exact_at(threshold):
            assert kept.count_at(threshold) == true
            for owner, probe, margin in zip(kept.owners, kept.probes, kept.margins, strict=True):
                if margin >= threshold:
                    assert batches[owner][probe] == margin


def test_groups_are_the_plain_loop_and_the_worst_comes_first():
    groups = {f"P{i:03d}": "ABC"[i % 3] for i in range(39)}  # one person has none
    study = study_owners(FACES, THREE, learner(COHORT))
    result = study_groups(study, groups, fmr=1e-2)
    assert result.unlabelled == 1
    for each in (*result.fnmr, *result.within, *result.across):
        errors = trials = 0
        for trial in study.trials:
            if groups.get(trial.person) != each.group:
                continue
            if not each.against:
                errors += np.count_nonzero(trial.genuine < result.alpha)
                trials += trial.genuine.size
                continue
            margins = Template(VECTORS[trial.enrolled], COHORT).margins(VECTORS)
            for row, label in enumerate(LABELS):
                rival = groups.get(label)
                within = rival == each.group
                if label == trial.person or rival is None or within != (each.against == each.group):
                    continue
                trials += 1
                errors += margins[row] >= result.alpha
        assert (each.rate.count, each.rate.total) == (errors, trials)
        assert each.people == 13
    for ranked in (result.fnmr, result.within, result.across):
        values = [each.rate.value for each in ranked]
        assert values == sorted(values, reverse=True)


def test_a_group_of_one_claims_nothing_and_comes_last():
    groups = dict.fromkeys(LABELS, "many") | {"P000": "one"}
    study = study_owners(FACES, THREE, learner(COHORT))
    result = study_groups(study, groups, fmr=1e-2)
    assert [each.enough for each in result.fnmr] == [True, False]
    assert result.fnmr[-1].group == result.within[-1].group == "one"
    assert result.within[-1].rate.total == 0


def test_people_without_groups_are_refused():
    study = study_owners(FACES, THREE, learner(COHORT))
    with pytest.raises(UsageError):
        study_groups(study, {"a stranger": "A"})


def test_groups_are_read(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("group,person\nwomen,Ann\nmen,Bo\nwomen,Ann\n", encoding="utf-8")
    assert read_groups(path) == {"Ann": "women", "Bo": "men"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "person\nAnn\n",
        "person,group\n",
        "person,group\nAnn,\n",
        "person,group\nA,x\nA,y\n",
        f"person,group\nA,{'x' * 200_000}\n",
    ],
)
def test_bad_groups_are_refused(tmp_path, text):
    path = tmp_path / "groups.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"groups\.csv"):
        read_groups(path)
    with pytest.raises(UsageError):
        read_groups(tmp_path / "none.csv")
