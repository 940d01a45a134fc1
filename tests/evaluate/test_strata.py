"""Test that misses are counted by what the pictures look like."""

import json

import numpy as np
import pytest

from onlyme.evaluate.evaluation import run_evaluation
from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings
from onlyme.evaluate.report import report
from onlyme.evaluate.strata import MEASURES, study_strata
from tests.evaluate.people import crowd, learner
from tests.evaluate.test_report import Page

COHORT = crowd(people=300, photos=1, seed=9)[0]
VECTORS, LABELS, SOURCES = crowd()
FACES = LabelledEmbeddings(VECTORS, LABELS, SOURCES)
PLAN = EvaluationPlan(photos=3, far=1e-2)
CHECKS = sorted({measure.check for measure in MEASURES})


def draw_measures(seed=0):
    random = np.random.default_rng(seed)
    ranges = {"size": (5, 90), "yaw": (-50, 50), "pitch": (-20, 20), "roll": (-40, 40)}
    return [
        {check: float(random.uniform(*ranges.get(check, (0, 100)))) for check in CHECKS}
        for _ in LABELS
    ]


@pytest.fixture(scope="module")
def evaluation():
    return run_evaluation(FACES, PLAN, learner(COHORT), measures=draw_measures())


def test_each_band_is_the_plain_loop(evaluation):
    measures, study = draw_measures(), evaluation.owners
    alphas = study.select_alphas(PLAN.far)
    found = {(one.measure, one.band): one for one in evaluation.strata.strata}
    for measure in MEASURES:
        counts = {}
        for trial, alpha in zip(study.trials, alphas, strict=True):
            for probe, margin in zip(trial.probes, trial.genuine, strict=True):
                value = measures[probe][measure.check]
                if measure.beside:
                    value = min(abs(value - measures[n][measure.check]) for n in trial.enrolled)
                elif measure.absolute:
                    value = abs(value)
                band = sum(value >= edge for edge in measure.edges)
                errors, total, people = counts.get(band, (0, 0, frozenset()))
                counts[band] = errors + (margin < alpha), total + 1, people | {trial.person}
        for band, (errors, total, people) in counts.items():
            one = found.pop((measure.name, measure.name_band(band)))
            assert (one.rate.count, one.rate.total, one.people) == (errors, total, len(people))
            assert one.share == pytest.approx(errors / max(evaluation.strata.rate.count, 1))
            assert one.enough == (total >= 30)
    assert not found
    rate = evaluation.strata.rate
    assert rate.total == study.genuine.size
    assert rate.count == sum(
        int((t.genuine < a).sum()) for t, a in zip(study.trials, alphas, strict=True)
    )


def test_pictures_that_were_not_measured_are_in_no_figure():
    measures = draw_measures()
    study = run_evaluation(FACES, PLAN, learner(COHORT)).owners
    lost = study.trials[0].probes[0]
    measures[lost] = {}
    found = study_strata(study, measures, study.select_alphas(PLAN.far))
    assert found.unmeasured == sum(int((trial.probes == lost).sum()) for trial in study.trials)
    assert found.rate.total == study.genuine.size - found.unmeasured
    nothing = study_strata(study, [{}] * len(LABELS), study.select_alphas(PLAN.far))
    assert (nothing.rate.total, nothing.strata) == (0, ())


def test_where_misses_come_from_is_said():
    """All owners are missed in the dark alone: that is what the report says first."""
    measures = [{**one, "exposure": 45.0, "size": 50.0} for one in draw_measures()]
    study = run_evaluation(FACES, PLAN, learner(COHORT)).owners
    alphas = np.array([np.quantile(trial.genuine, 0.3) for trial in study.trials])
    for trial, alpha in zip(study.trials, alphas, strict=True):
        for probe in trial.probes[trial.genuine < alpha]:
            measures[probe]["exposure"] = 12.0
    found = {(one.measure, one.band): one for one in study_strata(study, measures, alphas).strata}
    dark = found["light on the face", "under 35 %"]
    assert dark.share == 1.0
    assert dark.rate.count == sum(
        int((t.genuine < a).sum()) for t, a in zip(study.trials, alphas, strict=True)
    )
    assert found["light on the face", "35 to 55 %"].rate.count == 0


def test_the_document_and_the_page_show_it(evaluation):
    document = json.loads(report.to_json(evaluation))["strata"]
    assert len(document["bands"]) == len(evaluation.strata.strata)
    for row, one in zip(document["bands"], evaluation.strata.strata, strict=True):
        assert (row["measure"], row["band"]) == (one.measure, one.band)
        assert row["rate"]["low"] <= row["rate"]["value"] <= row["rate"]["high"]
    page = Page(report.to_html(evaluation))
    words = " ".join(page.words)
    assert "Where misses come from" in words
    assert all(measure.name in words for measure in MEASURES)


def test_without_measures_nothing_is_said():
    plain = run_evaluation(FACES, PLAN, learner(COHORT))
    assert json.loads(report.to_json(plain))["strata"] is None
    assert "Where misses come from" not in report.to_html(plain)
