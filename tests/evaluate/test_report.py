"""The report: well-formed, self-contained, escaped, and modest where data are few."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from onlyme.charts import make_rate
from onlyme.errors import NotCalibrated, UsageError
from onlyme.evaluate.evaluation import run_evaluation
from onlyme.evaluate.metrics import error_curve
from onlyme.evaluate.pairs import Photo, make_pairs
from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings
from onlyme.evaluate.report import report
from onlyme.evaluate.report.document import make_document
from onlyme.evaluate.report.mistaken import describe_mistaken, find_mistaken_pairs
from onlyme.evaluate.report.sentences import write_headline
from tests.evaluate.people import Template, crowd, learner

COHORT = crowd(people=300, photos=1, seed=9)[0]
HOSTILE = "<script>alert('x')</script>&\"'"
VOID = {"meta", "br", "wbr", "img", "line", "circle", "rect", "polyline", "path"}


def small():
    vectors, labels, sources = crowd()
    photos = [Photo(source, label) for source, label in zip(sources, labels, strict=True)]
    faces = LabelledEmbeddings(
        vectors, labels, sources, unusable=["lost.jpg"], title="made-up people", model="c" * 64
    )
    return run_evaluation(
        faces,
        EvaluationPlan(photos=3, far=1e-2),
        learner(COHORT),
        pairs=make_pairs(photos, folds=4, per_fold=50),
        groups={label: "AB"[int(label[1:]) % 2] for label in labels},
    )


def evaluate(learn, crowded=None, **plan):
    """Evaluate made-up people."""
    return run_evaluation(LabelledEmbeddings(*(crowded or crowd())), EvaluationPlan(**plan), learn)


class Page(HTMLParser):
    """Checks that tags nest, and collects what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.words, self.headings = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.links += [value for key, value in given.items() if key in ("src", "href")]
        assert not any(key.startswith("on") for key in given)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def tags(page, name):
    return [given for tag, given in page.tags if tag == name]


@pytest.fixture(scope="module")
def evaluation():
    return small()


def test_json_is_one_document_with_counts_that_agree(evaluation):
    found = json.loads(report.to_json(evaluation))
    assert found["schema"] == "onlyme-evaluation/1"
    owners = found["owners"]
    study = evaluation.owners
    assert owners["impostor"] == study.impostors.total == sum(owners["histogram"]["impostor"])
    assert owners["genuine"] == study.genuine.size == sum(owners["histogram"]["genuine"])
    for index, promised in enumerate(owners["promised"]):
        counts = [trial.false_accepts[index] for trial in study.trials]
        assert promised["realised"]["count"] == sum(counts)
        shares = [
            count / trial.impostors for count, trial in zip(counts, study.trials, strict=True)
        ]
        assert promised["mean_over_owners"] == pytest.approx(np.mean(shares))
        assert promised["owners_above_tenfold"]["count"] == sum(
            share > 10 * promised["far"] for share in shares
        )
    at = next(each for each in owners["promised"] if each["far"] == found["far"])
    assert sum(each["misses"] for each in owners["people"]) == at["fnmr"]["count"]
    assert sum(each["false_accepts"] for each in owners["people"]) == at["realised"]["count"]
    assert found["data"]["failure_to_acquire"]["count"] == 1
    assert found["pairs"]["judged"] == 400
    assert {each["group"] for each in found["groups"]["fnmr"]} == {"A", "B"}


def test_json_holds_no_embedding(evaluation):
    text = report.to_json(evaluation)
    vectors = crowd()[0]
    assert not any(repr(float(value)) in text for value in vectors[:20].ravel())


def test_the_curve_is_thinned_but_true(evaluation):
    curve = make_document(evaluation)["owners"]["curve"]
    study = evaluation.owners
    assert len(curve["threshold"]) <= 1000
    for threshold, fmr, fnmr in list(zip(*curve.values(), strict=True))[::7]:
        assert fmr == pytest.approx(study.impostors.rate_at(threshold).value)
        assert fnmr == pytest.approx(np.mean(study.genuine < threshold))
    assert (curve["fmr"][0], curve["fnmr"][-1]) == (1.0, 1.0)


def test_the_thinned_curve_leaves_no_gap():
    evaluation = evaluate(learner(COHORT), crowd(people=60, spread=1.1), photos=3)
    thinned = make_document(evaluation)["owners"]["curve"]
    study = evaluation.owners
    full = error_curve(study.genuine, study.impostors.margins)
    assert len(thinned["fmr"]) < full.fmr.size / 5
    kept = np.searchsorted(full.thresholds, thinned["threshold"])
    for rates, least in (
        (full.fmr, 1 / study.impostors.total),
        (full.fnmr, 1 / study.genuine.size),
    ):
        gaps = np.abs(np.diff(np.log(np.maximum(rates[kept], least / 2))))
        assert gaps[np.diff(kept) > 1].max() < 0.2  # neighbours may lie apart, others not


def test_owners_far_beyond_the_promise_are_counted():
    class Lax(Template):
        def alpha_at(self, far):  # promises too much, and more so to some than to others
            return super().alpha_at(far * (6 if self.mean[0] > 0 else 60))

    evaluation = evaluate(lambda me: Lax(me, COHORT), crowd(spread=1.1), photos=3)
    (promised,) = (p for p in make_document(evaluation)["owners"]["promised"] if p["far"] == 1e-2)
    index = evaluation.owners.fars.index(1e-2)
    shares = np.array([t.false_accepts[index] / t.impostors for t in evaluation.owners.trials])
    assert promised["owners_above_tenfold"]["count"] == (shares > 0.1).sum()
    assert 0 < (shares > 0.1).sum() < (shares > 0.05).sum()
    assert promised["highest_of_an_owner"] == shares.max()


def test_the_page_needs_nothing_beside_itself(evaluation):
    text = report.to_html(evaluation)
    page = Page(text)
    assert page.links == []
    assert not tags(page, "script")
    assert not tags(page, "link")
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_the_page_can_be_read_without_seeing_it(evaluation):
    page = Page(report.to_html(evaluation))
    assert tags(page, "html") == [{"lang": "en"}]
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(
        after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False)
    )
    assert len(tags(page, "svg")) >= 6
    assert all(
        given["role"] == "img" and len(given["aria-label"]) > 20 for given in tags(page, "svg")
    )
    assert len(tags(page, "caption")) == len(tags(page, "table"))
    assert all("scope" in given for given in tags(page, "th"))


def test_no_face_without_being_asked_and_all_with_alt_text(evaluation):
    assert not tags(Page(report.to_html(evaluation)), "img")
    content = BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    page = Page(report.to_html(evaluation, dict.fromkeys(evaluation.sources, content.getvalue())))
    assert len(tags(page, "img")) == 44  # ten owners and twelve strangers, two photos each
    needed = dict.fromkeys(report.list_pictured_sources(evaluation), content.getvalue())
    assert tags(Page(report.to_html(evaluation, needed)), "img") == tags(page, "img")
    assert len(needed) < len(evaluation.sources)
    assert all(given["src"].startswith("data:image/png;base64,") for given in tags(page, "img"))
    assert all(given["alt"] for given in tags(page, "img"))
    assert any("biometric data" in words for words in page.words)


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"GIF89a"])
def test_a_thumbnail_that_is_no_picture_is_refused(evaluation, content):
    with pytest.raises(UsageError, match="neither JPEG nor PNG"):
        report.to_html(evaluation, dict.fromkeys(evaluation.sources, content))


def test_hostile_names_stay_text():
    vectors, labels, _ = crowd()
    names = [f"{HOSTILE}{label}" for label in labels]
    sources = [f"{name}/{row}.jpg" for row, name in enumerate(names)]
    content = BytesIO()
    Image.new("RGB", (8, 8)).save(content, "JPEG")
    evaluation = run_evaluation(
        LabelledEmbeddings(vectors, names, sources, title=HOSTILE, model=HOSTILE),
        EvaluationPlan(photos=3, far=1e-2),
        learner(COHORT),
        groups=dict.fromkeys(names, HOSTILE),
    )
    for thumbnails in (
        None,
        {},
        {sources[0]: content.getvalue()},
        dict.fromkeys(sources, content.getvalue()),
    ):
        page = Page(report.to_html(evaluation, thumbnails))
        assert not tags(page, "script")
        assert any("alert('x')" in words for words in page.words)
    assert json.loads(report.to_json(evaluation))["title"] == HOSTILE


def test_tiny_data_claim_nothing():
    evaluation = evaluate(learner(COHORT), crowd(people=3, photos=3), photos=2)
    found = make_document(evaluation)
    assert found["headline"].startswith("Too few comparisons to say")
    words = "".join(Page(report.to_html(evaluation)).words)
    assert "too few to say" in words
    assert all(each["standing"] == "too_few" for each in found["owners"]["promised"][1:])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_margins_that_are_all_equal_are_drawn(value):
    class Flat(Template):
        def margins(self, embeddings):
            return np.full(len(embeddings), value)

    evaluation = evaluate(lambda me: Flat(me, COHORT), crowd(people=12, photos=4), photos=2)
    Page(report.to_html(evaluation))
    assert make_document(evaluation)["owners"]["equal_error"]["value"] == 0.5


def test_without_calibration_nothing_is_promised():
    class Bare(Template):
        def alpha_at(self, far):  # noqa: ARG002 - the protocol's signature
            raise NotCalibrated("no cohort")

    evaluation = evaluate(lambda me: Bare(me, COHORT), photos=3, far=1e-3)
    found = make_document(evaluation)
    assert found["owners"]["promised"] is None
    assert "promised" not in found["headline"]
    assert any("No false accept rate was promised" in words for words in found["sentences"])
    point = next(each for each in found["owners"]["points"] if each["fmr_target"] == 1e-3)
    accepted = sum(each["false_accepts"] for each in found["owners"]["people"])
    assert accepted == point["fmr"]["count"]
    Page(report.to_html(evaluation))


def test_pairs_alone_make_a_report():
    vectors, labels, sources = crowd(photos=2)
    photos = [Photo(source, label) for source, label in zip(sources, labels, strict=True)]
    faces, plan = LabelledEmbeddings(vectors, labels, sources), EvaluationPlan(photos=5)
    evaluation = run_evaluation(faces, plan, pairs=make_pairs(photos, folds=4))
    assert evaluation.owners is None
    assert "pairs of photos" in make_document(evaluation)["headline"]
    Page(report.to_html(evaluation))
    with pytest.raises(UsageError, match="by group"):
        run_evaluation(faces, plan, pairs=evaluation.pairs.pairs, groups={"P000": "A"})


def test_the_same_seed_gives_the_same_report(evaluation):
    again = replace(small(), created=evaluation.created)
    assert report.to_json(again) == report.to_json(evaluation)


def test_counts_and_intervals_are_told_however_few():
    headline = write_headline(found_with(0, 1000))
    assert "strangers were accepted 0 of 1,000 times (95 %: 0 % to 0.37 %)" in headline
    assert "owners were rejected 1 of 100 times (95 %: 0.030 % to 5.5 %)" in headline


def test_the_page_says_over_whom_it_resampled(evaluation):
    text = report.to_html(evaluation)
    assert "over owners" in text
    assert "over people" not in text.split("<h2>Pairs of photos")[0], "strangers stay as they are"


def found_with(count, total, far=1e-4, over_people=None, mistaken=None):
    """The least document that a headline needs."""
    counted = make_rate(count, total)
    given = {"count": count, "total": total, "value": counted.value}
    given |= {"low": counted.low, "high": counted.high}
    own = {"count": 1, "total": 100, "value": 0.01, "low": 0.0003, "high": 0.0545}
    standing = "too_few" if total < 3 / far else "wide"
    point = {"far": far, "realised": given, "fnmr": own, "standing": standing}
    point["realised_over_people"] = over_people
    owners = {"promised": [point], "mistaken": mistaken}
    return {"owners": owners, "pairs": None, "far": far}


@pytest.mark.parametrize(
    ("count", "total", "words"),
    [
        (0, 29_999, "Too few comparisons to say: 29,999 attempts"),
        (
            0,
            30_000,
            "No stranger was accepted in 30,000 attempts; proven: at most 1 in 10,014 strangers",
        ),
        (1, 50_000, "A stranger was accepted once in 50,000 attempts: 1 in 50,000"),
        (9, 50_000, "A stranger was accepted 9 times in 50,000 attempts: 1 in 5,560"),
    ],
)
def test_headlines(count, total, words):
    assert write_headline(found_with(count, total)).startswith(words)


def test_the_headline_leads_with_the_interval_that_the_owners_carry():
    over = {"value": 1.8e-4, "low": 1e-5, "high": 5e-4}
    headline = write_headline(found_with(9, 50_000, over_people=over))
    assert headline.startswith(
        "Between 1 in 100,000 and 1 in 2,000 strangers were accepted (95 % over owners): a "
        "stranger was accepted 9 times in 50,000 attempts: 1 in 5,560 (set for 1 in 10,000 "
        "strangers (estimate))"
    )
    none = write_headline(found_with(9, 50_000, over_people=over | {"low": 0.0}))
    assert none.startswith("Between 0 and 1 in 2,000 ")


def mistaken(*accepts, people=("ada", "bob")):
    others = [{"people": ["x", f"y{n}"], "accepts": each} for n, each in enumerate(accepts[1:])]
    most = [{"people": list(people), "accepts": accepts[0]}, *others]
    return {"accepts": sum(accepts), "pairs": len(accepts), "most": most}


@pytest.mark.parametrize(
    ("accepts", "rests"), [((9,), True), ((5, 4), True), ((4, 4, 1), False), ((1,), True)]
)
def test_a_headline_that_rests_on_one_pair_says_so(accepts, rests):
    headline = write_headline(found_with(sum(accepts), 50_000, mistaken=mistaken(*accepts)))
    assert ("This rests on one pair of people, ada and bob" in headline) is rests


def test_the_pair_behind_a_surprising_figure_is_named():
    strangers = make_rate(9, 10_000).to_dict()
    said = describe_mistaken(mistaken(4, 3, 2), strangers, 1e-4)
    assert said.startswith("4 of the 9 false accepts, which are of 3 pairs of people, are of ada")
    assert "Without this pair it is 5 of 10,000 (1 in 2,000)" in said
    assert describe_mistaken(mistaken(4, 3, 2), make_rate(9, 100_000).to_dict(), 1e-4) == ""
    alone = describe_mistaken(mistaken(2), make_rate(2, 100_000).to_dict(), 1e-4)
    assert "Without this pair it is 0 of 100,000;" in alone
    assert describe_mistaken(None, strangers, 1e-4) == ""
    assert describe_mistaken({"accepts": 0, "pairs": 0, "most": []}, strangers, 1e-4) == ""


def test_mistaken_pairs_are_those_of_the_plain_loop():
    vectors, labels, _ = people = crowd(people=20, photos=5, spread=1.1)
    study = evaluate(learner(COHORT), people, photos=2, far=1e-1).owners
    counts = Counter()
    for trial in study.trials:
        matcher = learner(COHORT)(vectors[trial.enrolled])
        alpha = matcher.alpha_at(1e-1)
        for row, name in enumerate(labels):
            if name != trial.person and matcher.margins(vectors[[row]])[0] >= alpha:
                counts[frozenset((trial.person, name))] += 1
    found = find_mistaken_pairs(study, 1e-1)
    assert (found["accepts"], found["pairs"]) == (sum(counts.values()), len(counts))
    assert found["accepts"] > 0
    for each in found["most"]:
        assert counts[frozenset(each["people"])] == each["accepts"]
    assert [each["accepts"] for each in found["most"]] == sorted(counts.values(), reverse=True)[:5]
