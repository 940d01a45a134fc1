"""The comparison: the same data for all, repeatable digits, and a self-contained page."""

import gc
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from onlyme.charts import (
    Series,
    draw_det,
    draw_histograms,
    draw_lines,
    draw_scatter,
    make_standalone,
)
from onlyme.errors import UsageError
from onlyme.lab.comparison.cache import ResultCache
from onlyme.lab.comparison.claims import judge_claims
from onlyme.lab.comparison.compare import ALPHAS, Comparison, compare
from onlyme.lab.comparison.inspection import project_to_plane
from onlyme.lab.comparison.plan import Plan
from onlyme.lab.comparison.report import COLOURS, LINE_COLOURS, render_html, write_report
from onlyme.lab.comparison.result import PEOPLE_TWO_HEAD, PRODUCT, PairScores, WayResult
from onlyme.lab.comparison.split import make_splits, select_unused
from onlyme.lab.people import People
from onlyme.lab.rules import RULES, describe_rule
from onlyme.lab.spec import Spec
from onlyme.lab.synthetic import draw_synthetic_faces

PLAN = Plan(
    owners=1,
    photos=(2, 3),
    ways=("classifier", "compact"),
    strangers=4,
    unseen=8,
    limit=10,
    advice=0,
)


class Brightness:
    """A product that scores by brightness."""

    def __init__(self, photos):
        self._mine = photos.me.mean()
        self.threshold = -20.0

    def scores(self, faces):
        return -np.abs(faces.mean((1, 2, 3)) - self._mine)


@pytest.fixture(scope="module")
def compared(people):
    return compare(people, PLAN, Brightness)


def test_every_way_and_the_product_are_scored_on_the_same_photos(compared):
    assert compared.ways() == ["classifier", "compact", PRODUCT]
    assert len(compared.cells) == 6
    assert {len(cell.held) for cell in compared.cells} == {4}
    assert {len(cell.trained) for cell in compared.cells} == {4}
    assert {len(cell.unseen) for cell in compared.cells} == {8}
    assert [cell.photos for cell in compared.select("compact")] == [2, 3]


def test_a_network_takes_no_memory_after_it_was_scored(people):
    from onlyme.lab.networks.compact import Compact

    def alive():
        return sum(type(thing) is Compact for thing in gc.get_objects())

    gc.collect()  # networks of earlier tests must not go away meanwhile
    before, after = alive(), []
    plan = Plan(owners=2, photos=(3,), ways=("compact",), strangers=3, unseen=4, limit=2, advice=0)
    compare(people, plan, on_partial=lambda _: after.append(alive()))
    assert after == [before]


def test_a_seed_repeats_the_figures_to_the_digit(compared, people):
    again = compare(people, PLAN, Brightness)
    assert again.to_json()["figures"] == compared.to_json()["figures"]
    other = Plan(
        owners=1,
        photos=(2,),
        ways=("article", "classifier"),
        strangers=4,
        unseen=8,
        limit=10,
        seed=1,
        advice=0,
    )
    assert compare(people, other).cells[0].held != compared.select("compact", 2)[0].held


def test_only_the_articles_network_gets_smaller_faces():
    assert Plan().make_spec("article").side == 56
    assert Plan(side=244).make_spec("article") == Spec("article")
    assert Plan().make_spec("compact") == Spec("compact")


class Page(HTMLParser):
    """Collects the addresses that a page would fetch, and counts its pictures."""

    def __init__(self):
        super().__init__()
        self.fetched, self.pictures = [], 0

    def handle_starttag(self, tag, attrs):
        assert tag not in {"script", "link", "iframe", "object"}
        for key, value in attrs:
            if key in {"src", "href"} and not value.startswith("data:image/png"):
                self.fetched.append(value)
        self.pictures += tag == "img"


def test_the_page_is_self_contained_and_complete(compared, tmp_path):
    path = write_report(compared, tmp_path / "report")
    page = Page()
    page.feed(path.read_text("utf-8"))
    assert page.fetched == []
    assert page.pictures == 6 * 3
    text = path.read_text("utf-8")
    for heading in (
        "Errors", "Which claims held", "Costs", "Learning curves", "Margins", "Alpha",
        "Hardest triplets", "Map of the embeddings, PCA", "Map of the embeddings, t-SNE",
    ):  # fmt: skip
        assert heading in text
    assert "step limit: more steps might have helped" in text
    assert (path.stat().st_mode & 0o777) == 0o600
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert len(report["figures"]) == len(report["timings"]) == 6


def test_a_colour_means_one_thing(compared):
    """A group of photos has its colour in all charts, and no way or run has one of these."""
    assert set(COLOURS.values()).isdisjoint(LINE_COLOURS)
    assert len({*COLOURS.values(), *LINE_COLOURS}) == len(COLOURS) + len(LINE_COLOURS)
    legend = re.compile(r'<polyline[^>]* color="(#[0-9a-f]{6})"[^>]*/>\s*<text[^>]*>([^<]+)<')
    found = legend.findall(render_html(compared))
    meanings = {colour: {name for other, name in found if other == colour} for colour, _ in found}
    assert meanings[COLOURS["ME, held out"]] == {"ME, held out", "owner rejected"}
    assert meanings[COLOURS["NOT_ME, unseen"]] == {"NOT_ME, unseen", "unseen strangers accepted"}
    assert meanings[COLOURS["NOT_ME, trained"]] == {"NOT_ME, trained"}
    assert meanings[COLOURS["ME, trained"]] == {"ME, trained"}


def test_names_of_people_stay_text(people):
    cell = WayResult("compact", "<img src=x onerror=alert(1)>", 2, 0.5, (1.0,), (0.0,), (0.0,))
    text = render_html(Comparison(Plan(photos=(2,)), (cell,)))
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def cell(way, held, unseen, trained=(), threshold=0.5, reason="zero loss", seconds=9.0):
    return WayResult(way, "ada", 7, threshold, held, trained, unseen, reason, 10, (), seconds)


def test_errors_are_counted_at_the_threshold_and_at_any_other():
    one = cell("compact", (0.4, 0.5, 0.9), (0.5, 0.1), (0.2,))
    assert one.count_errors("held") == (1, 3)
    assert one.count_errors("unseen") == (1, 2)
    assert one.count_errors("trained") == (0, 1)
    assert one.count_errors("held", 0.95) == (3, 3)
    assert one.measure_ranking() == pytest.approx((1 + 0.5 + 1 + 1 + 1 + 0) / 6, abs=0.1)


def test_claims_follow_the_figures():
    good, bad = (1.0,) * 50, (0.0,) * 50
    cells = (
        cell("classifier", bad, good),
        cell("two-head", good, good, bad),
        cell("compact", good, (-0.8,) * 50),
        cell("article", good, bad, reason="limit"),
        cell(PRODUCT, good, bad),
    )
    verdicts = {c.claim.split()[1]: c.verdict for c in judge_claims(Comparison(Plan(), cells))}
    assert verdicts["plain"] == "held"
    assert verdicts["two-head"] == "held"
    verdicts = {c.claim: c.verdict for c in judge_claims(Comparison(Plan(), cells))}
    assert verdicts["Training takes hours (5 h for 7 ME and 10 NOT_ME photos)."] == "not decided"
    quick = (*cells[:3], cell("article", good, bad, seconds=100.0), cells[4])
    for side, verdict in ((56, "not decided"), (244, "did not hold")):
        verdicts = {c.claim: c.verdict for c in judge_claims(Comparison(Plan(side=side), quick))}
        assert verdicts["Training takes hours (5 h for 7 ME and 10 NOT_ME photos)."] == verdict


def test_a_badly_placed_threshold_does_not_make_a_way_worse():
    """Both rank all photos right, and one accepts all at its threshold: not decided."""
    cells = (
        cell("classifier", (9.0,) * 50, (5.0,) * 50, threshold=0.0),
        cell("compact", (1.0,) * 50, (0.0,) * 50),
    )
    verdicts = {c.claim.split()[1]: c.verdict for c in judge_claims(Comparison(Plan(), cells))}
    assert verdicts["plain"] == "not decided"


@pytest.mark.parametrize(
    ("held", "unseen", "verdict", "because"),
    [
        ((1.0,) * 50, (0.0,) * 50, "did not hold", "50 of 50"),
        ((0.0,) * 50, (-0.8,) * 50, "held", "error 50.0 %"),
        ((0.0,) * 50, (0.0,) * 50, "not decided", "error 50.0 %"),
    ],
    ids=["strangers come in", "owners come in", "both"],
)
def test_a_lower_alpha_is_judged_by_both_errors(held, unseen, verdict, because):
    cells = (cell("compact", held, unseen),)
    claims = judge_claims(Comparison(Plan(), cells))
    assert [claim.rule for claim in claims] == [describe_rule(rule) for rule in RULES]
    for claim in claims:
        assert claim.verdict == verdict
        assert because in claim.because


def pairs_cell(held, unseen, drawn=0, way="article", **more):
    """A result whose scores by each stored pair are the columns."""
    held, unseen = np.array(held, float), np.array(unseen, float)
    table = PairScores(held, unseen, unseen, drawn)
    every = [tuple(rows.min(1).tolist()) for rows in (held, unseen, unseen)]
    return WayResult(way, "ada", 7, 0.5, *every, "zero loss", 10, pairs=table, **more)


def test_the_same_network_is_judged_by_each_rule():
    """By all pairs a lower alpha helps, by the drawn pair it lets strangers in."""
    held = [[0.9, 0.4]] * 50
    unseen = [[0.0, -0.9]] * 50
    one = pairs_cell(held, unseen)
    assert one.count_errors("held", 0.5) == (0, 50)
    assert one.count_errors("held", 0.5, "all") == (50, 50)
    assert one.mean_errors("held", 0.5) == (25, 50)
    assert one.mean_errors("unseen", -0.6) == (25, 50)
    claims = [c for c in judge_claims(Comparison(Plan(), (one,))) if "in production" in c.claim]
    told = {claim.rule: claim.verdict for claim in claims}
    assert told[describe_rule("all")] == "held"
    assert told[describe_rule("pair")] == "did not hold"


def test_a_drawn_pair_against_the_mean_over_all_pairs_decides_nothing():
    lucky = pairs_cell([[0.9, 0.4, 0.4]] * 50, [[0.0, -0.9, -0.9]] * 50)
    claims = [c for c in judge_claims(Comparison(Plan(), (lucky,))) if "in production" in c.claim]
    assert {claim.rule: claim.verdict for claim in claims}[describe_rule("pair")] == "not decided"


def test_every_rule_stands_in_the_report(compared):
    text = render_html(compared)
    for words in ("one pair (the article's)", "mean over all pairs", "all (ours)"):
        assert words in text
    figures = compared.to_json()["figures"]
    assert all(set(f["rules"]) == {"pair", "all", "mean over all pairs"} for f in figures)
    compact = next(f for f in figures if f["way"] == "compact")
    assert compact["rule"] == "all"
    assert compact["rules"]["pair"]["unseen_accepted"][1] == 8


def test_the_articles_advice_for_few_photos_is_tried(people):
    """Two photos of ME and five of NOT_ME, at the plan's alpha and at lower ones."""
    plan = Plan(owners=1, photos=(3,), ways=("compact",), strangers=6, unseen=6, limit=6)
    done = compare(people, plan)
    assert [one.threshold for one in done.advice] == [0.5, 0.1, -0.6]
    assert {(one.photos, one.strangers) for one in done.advice} == {(2, 5)}
    assert done.advice[-1].reason == "nothing learned"
    claims = [c for c in judge_claims(done) if "With few photos" in c.claim]
    assert len(claims) == 2
    assert all("at -0.6 nothing is learned" in claim.because for claim in claims)
    assert "nothing was learned" in render_html(done)
    assert not compare(people, replace(plan, advice=0)).advice


def test_the_articles_other_claims_are_judged():
    plan = Plan(ways=("classifier", "article"), side=244)
    good, bad = (1.0,) * 50, (0.0,) * 50
    cells = (cell("classifier", good, bad), cell("article", good, bad))
    few = (cell("article", good, bad, seconds=100.0),)
    verdicts = {c.claim: c.verdict for c in judge_claims(Comparison(plan, cells, few))}
    assert verdicts["15 minutes are enough for 2 ME and 5 NOT_ME photos."] == "held"
    assert verdicts["The first way, a classifier, needs about 1,000 photos of the owner."] == (
        "did not hold"
    )
    slow = (
        cell("article", good, bad, seconds=1000.0),
        cell("article", good, bad, reason="nothing learned", seconds=0.0),
    )
    verdicts = {c.claim: c.verdict for c in judge_claims(Comparison(plan, cells, slow))}
    assert verdicts["15 minutes are enough for 2 ME and 5 NOT_ME photos."] == "did not hold"


def test_a_way_that_diverged_refuses_all_and_breaks_no_report(people, monkeypatch, tmp_path):
    """At this rate the vectors are infinite or NaN after a few steps."""
    monkeypatch.setattr(
        Plan, "make_spec", lambda _, way: Spec(way, faithful=False, rate=1e30, limit=10)
    )
    plan = Plan(owners=1, photos=(2,), ways=("compact",), strangers=4, unseen=8, advice=0)
    done = compare(people, plan, cache=ResultCache(tmp_path / "cells"))
    assert {cell.reason for cell in done.cells} == {"diverged"}
    for one in done.cells:
        assert one.count_errors("held") == (len(one.held), len(one.held))
        assert one.count_errors("unseen")[0] == 0
        assert one.measure_ranking() == 0
    assert "its vectors are no longer numbers" in write_report(done, tmp_path).read_text("utf-8")
    text = (tmp_path / "report.json").read_text("utf-8")
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    again = compare(people, plan, cache=ResultCache(tmp_path / "cells"))
    assert again.to_json() == done.to_json()


def test_the_sweep_goes_from_minus_one_to_one():
    assert (ALPHAS[0], ALPHAS[-1], len(ALPHAS)) == (-1.0, 1.0, 41)
    assert 0.0 in ALPHAS
    assert 0.5 in ALPHAS


def test_the_map_keeps_distances_in_a_plane():
    source = np.random.default_rng(0)
    flat = source.normal(size=(20, 2)) @ source.normal(size=(2, 16))
    mapped = np.concatenate(project_to_plane([flat[:7], flat[7:]])["PCA"])
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    assert np.allclose(np.linalg.norm(mapped[:, None] - mapped[None], axis=-1), apart)


def test_neighbours_stay_neighbours_in_the_other_maps():
    source = np.random.default_rng(0)
    groups = [source.normal(size=(12, 16)) * 0.05 + centre for centre in (-1, 1)]
    maps = project_to_plane(groups)
    assert [[len(group) for group in groups] for groups in maps.values()] == [[12, 12]] * len(maps)
    for first, second in maps.values():
        within = np.linalg.norm(first - first.mean(0), axis=1).max()
        assert np.linalg.norm(first.mean(0) - second.mean(0)) > within
    again = project_to_plane(groups)
    assert all(np.array_equal(a, b) for n in maps for a, b in zip(maps[n], again[n], strict=True))


@pytest.mark.parametrize(
    "svg",
    [
        draw_lines([Series("a & b", (1, 2), (0.5, 0.1), "red")], ("x", "y"), 1.5),
        draw_lines([], ("x", "y")),
        draw_scatter([Series("a", (1.0,), (1.0,), "red")], ("x", "y")),
        draw_det([Series("a", (0.0, 0.5, 1.0), (1.0, 0.1, 0.0), "red")], ("x", "y")),
        draw_det([Series("a", (), (), "red")], ("x", "y")),
        draw_histograms([("a", (1.0, 2.0), "red"), ("b", (), "blue")], ("x", "y"), 0.5),
    ],
)
def test_pictures_are_well_formed(svg):
    picture = ET.fromstring(svg)  # noqa: S314 - the SVG is our own
    assert picture.get("role") == "img"
    assert len(picture.get("aria-label")) > 5
    assert not re.search(r"nan|inf", svg)
    assert ET.fromstring(make_standalone(svg)).find(".//{*}style") is not None  # noqa: S314 - ours


@pytest.mark.parametrize(
    "wrong",
    [
        *({"owners": 0}, {"photos": (1,)}, {"ways": ("x",)}),
        *({"side": 300}, {"limit": 0}, {"alpha": 2.0}, {"advice": 3}),
        *({"photos": (2, 2)}, {"ways": ("compact", "compact")}),
    ],
)
def test_a_plan_with_a_wrong_value_is_refused(wrong):
    with pytest.raises(UsageError):
        Plan(**wrong)


def test_the_two_head_network_of_many_people_is_asked_about_new_ones():
    faces = draw_synthetic_faces(30, 7)
    people = People(tuple(f"p{i}" for i in range(30)), tuple(faces))
    plan = Plan(
        owners=1, photos=(3,), ways=("two-head",), strangers=4, unseen=6, limit=3, pair_steps=40,
        advice=0,
    )  # fmt: skip
    done = compare(people, plan)
    assert done.ways() == ["two-head", PEOPLE_TWO_HEAD]
    one = done.select(PEOPLE_TWO_HEAD)[0]
    assert one.rule == "pair"
    assert one.pairs.unseen.shape == (6, 3)
    assert one.measure_ranking("all") > 0.6, "it knows people whom it never saw"
    told = [c for c in judge_claims(done) if "that learned from many people" in c.claim]
    assert len(told) == 2
    assert PEOPLE_TWO_HEAD in render_html(done)
    unused = select_unused(people, plan)
    assert len(unused.names) == 30 - 1 - 4 - 6
    split = next(make_splits(people, plan))
    used = {face.tobytes() for face in (*split.unseen, *split.photos.not_me, *split.held)}
    assert not used & {face.tobytes() for mine in unused.faces for face in mine}
    lines = []
    compare(people.select(np.arange(30) < 16), plan, on_step=lines.append)
    assert "left out, since" in lines[0]
