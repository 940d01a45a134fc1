"""The comparison: the same data for all, repeatable digits, and a self-contained page."""

import gc
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from onlyme.charts import make_standalone
from onlyme.errors import UsageError
from onlyme.lab.comparison.cache import ResultCache
from onlyme.lab.comparison.claims import judge_claims
from onlyme.lab.comparison.compare import ALPHAS, Comparison, compare
from onlyme.lab.comparison.inspection import project_to_plane
from onlyme.lab.comparison.plan import Plan
from onlyme.lab.comparison.plots import Series, draw_histograms, draw_lines, draw_scatter
from onlyme.lab.comparison.report import render_html, write_report
from onlyme.lab.comparison.result import PRODUCT, WayResult
from onlyme.lab.spec import Spec

PLAN = Plan(
    owners=1, photos=(2, 3), ways=("classifier", "compact"), strangers=4, unseen=8, limit=10
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
    plan = Plan(owners=2, photos=(3,), ways=("compact",), strangers=3, unseen=4, limit=2)
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
        "Hardest triplets", "Map of the embeddings",
    ):  # fmt: skip
        assert heading in text
    assert "step limit: more steps might have helped" in text
    assert (path.stat().st_mode & 0o777) == 0o600
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert len(report["figures"]) == len(report["timings"]) == 6


def test_names_of_people_stay_text(people):
    cell = WayResult("compact", "<img src=x onerror=alert(1)>", 2, 0.5, (1.0,), (0.0,), (0.0,))
    text = render_html(Comparison(Plan(photos=(2,)), (cell,)))
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def cell(way, held, unseen, trained=(), threshold=0.5, reason="zero loss", seconds=9.0):
    return WayResult(way, "ada", 7, threshold, held, trained, unseen, reason, 10, (), seconds)


def test_errors_are_counted_at_the_threshold_and_at_any_other():
    one = cell("compact", (0.4, 0.5, 0.9), (0.5, 0.1), (0.2,))
    assert one.misses() == (1, 3)
    assert one.false_accepts("unseen") == (1, 2)
    assert one.false_accepts("trained") == (0, 1)
    assert one.misses(0.95) == (3, 3)
    assert one.ranking == pytest.approx((1 + 0.5 + 1 + 1 + 1 + 0) / 6, abs=0.1)


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
    (claim,) = judge_claims(Comparison(Plan(), cells))
    assert claim.verdict == verdict
    assert because in claim.because


def test_a_way_that_diverged_refuses_all_and_breaks_no_report(people, monkeypatch, tmp_path):
    """At this rate the vectors are infinite or NaN after a few steps."""
    monkeypatch.setattr(
        Plan, "make_spec", lambda _, way: Spec(way, faithful=False, rate=1e30, limit=10)
    )
    plan = Plan(owners=1, photos=(2,), ways=("compact",), strangers=4, unseen=8)
    done = compare(people, plan, cache=ResultCache(tmp_path / "cells"))
    assert {cell.reason for cell in done.cells} == {"diverged"}
    for one in done.cells:
        assert one.misses() == (len(one.held), len(one.held))
        assert one.false_accepts("unseen")[0] == 0
        assert one.ranking == 0
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
    mapped = np.concatenate(project_to_plane([flat[:7], flat[7:]]))
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    assert np.allclose(np.linalg.norm(mapped[:, None] - mapped[None], axis=-1), apart)


@pytest.mark.parametrize(
    "svg",
    [
        draw_lines([Series("a & b", (1, 2), (0.5, 0.1), "red")], ("x", "y"), 1.5),
        draw_lines([], ("x", "y")),
        draw_scatter([Series("a", (1.0,), (1.0,), "red")], ("x", "y")),
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
        *({"side": 300}, {"limit": 0}, {"alpha": 2.0}),
    ],
)
def test_a_plan_with_a_wrong_value_is_refused(wrong):
    with pytest.raises(UsageError):
        Plan(**wrong)
