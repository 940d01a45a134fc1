"""Judge the article's claims by the figures of a comparison, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from onlyme.charts import make_rate
from onlyme.lab.comparison.result import (
    PEOPLE_TWO_HEAD,
    PRODUCT,
    average_ranking,
    sum_errors,
    sum_mean_errors,
)
from onlyme.lab.constants import PUBLISHED_SIDE_PIXELS
from onlyme.lab.rules import RULES, describe_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.lab.comparison.compare import Comparison
    from onlyme.lab.comparison.result import Group, WayResult
    from onlyme.lab.rules import Rule

__all__ = ["NO_RULE", "Claim", "judge_claims"]

NO_RULE = "any rule: it is about training"

_PUBLISHED_SELFIES = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the article.

    Attributes:
        claim: the claim in our words.
        rule: the rule by which errors were counted for this verdict.
        verdict: `held`, `did not hold`, or `not decided` where there are too few photos.
        because: the figures behind the verdict.
    """

    claim: str
    rule: str
    verdict: str
    because: str


def judge_claims(comparison: Comparison) -> list[Claim]:
    """Judge the claims about the compared ways, at the largest number of the owner's photos.

    Over all numbers of photos, the same strangers would be counted several times. A claim
    about errors is judged once by each rule, the article's first.
    """
    ways = comparison.ways()
    claims: list[Claim] = []
    siamese = "compact" if "compact" in ways else "article"
    if "classifier" in ways and siamese in ways:
        claims += [_judge_classifier(comparison, "classifier", siamese, rule) for rule in RULES]
        claims.append(_judge_selfies(comparison, siamese))
    if "two-head" in ways:
        pairs = _select_results(comparison, "two-head")
        claims += [_judge_two_head(pairs, rule) for rule in RULES]
    if PEOPLE_TWO_HEAD in ways:
        claims += [_judge_crowd(comparison, rule) for rule in RULES]
    for way in ("article", "compact"):
        if way in ways:
            cells = _select_results(comparison, way)
            claims += [_judge_alpha(cells, way, rule) for rule in RULES]
        claims += [
            _judge_advice([one for one in comparison.advice if one.way == way], way, rule)
            for rule in RULES
            if any(one.way == way for one in comparison.advice)
        ]
    if "article" in ways:
        claims.append(
            _judge_training_time(
                _select_results(comparison, "article"),
                comparison.plan.side,
                "Training takes hours (5 h for 7 ME and 10 NOT_ME photos).",
                3600,
            )
        )
    if few := [one for one in comparison.advice if one.way == "article"]:
        claims.append(
            _judge_training_time(
                few, comparison.plan.side, "15 minutes are enough for 2 ME and 5 NOT_ME photos.", 0
            )
        )
    if PRODUCT in ways and siamese in ways:
        claims += [_judge_training_from_scratch(comparison, siamese, rule) for rule in RULES]
    return claims


def _judge_classifier(comparison: Comparison, first: str, second: str, rule: Rule) -> Claim:
    """More errors count only with a worse ranking; otherwise only the threshold is badly placed."""
    both = [_select_results(comparison, way) for way in (first, second)]
    mine, others = (_count_errors(cells, rule) for cells in both)
    ranks = [average_ranking(cells, rule) for cells in both]
    verdict = _compare_rates(mine, others)
    if (verdict == "held" and ranks[0] >= ranks[1]) or (
        verdict == "did not hold" and ranks[0] <= ranks[1]
    ):
        verdict = "not decided"
    return Claim(
        "A plain classifier needs far more photos of the owner than triplets do.",
        describe_rule(rule),
        verdict,
        f"From the same photos {first} is wrong on {_format_count(mine)} of the held-out owners' "
        f"and unseen strangers' photos at its threshold, {second} on {_format_count(others)}"
        f"{_tell_mean(both[1], rule)}. "
        f"Ranking, which needs no threshold: {ranks[0]:.3f} against {ranks[1]:.3f}.",
    )


def _judge_selfies(comparison: Comparison, siamese: str) -> Claim:
    """It needs no thousand photos where far fewer make it as good as the Siamese way."""
    plan = comparison.plan
    most = max(plan.photos)
    ours = _count_errors(comparison.select("classifier", most), None)
    theirs = _count_errors(comparison.select(siamese, most), None)
    worse = _compare_rates(ours, theirs) == "held"
    return Claim(
        "The first way, a classifier, needs about 1,000 photos of the owner.",
        f"{describe_rule('pair')} for classifier, {describe_rule('all')} for {siamese}"
        if siamese == "compact"
        else describe_rule("pair"),
        "not decided" if worse or most >= _PUBLISHED_SELFIES else "did not hold",
        f"With {most} photos it is wrong on {_format_count(ours)}, {siamese} on "
        f"{_format_count(theirs)}"
        + (
            f": at {most} photos the classifier is worse, and 1,000 were not tried."
            if worse
            else ": it is not shown to be worse, so that 1,000 photos are not what it lacks. "
            "Neither is good enough for a door."
        ),
    )


def _judge_two_head(cells: list[WayResult], rule: Rule) -> Claim:
    unseen, trained = (sum_errors(cells, group, rule=rule) for group in ("unseen", "trained"))
    return Claim(
        "The two-head network may fail on faces that it never saw.",
        describe_rule(rule),
        _compare_rates(unseen, trained),
        f"It accepts {_format_count(unseen)} of the unseen strangers' photos, and "
        f"{_format_count(trained)} of other photos of the strangers that it was trained on"
        f"{_tell_mean(cells, rule)}.",
    )


def _judge_crowd(comparison: Comparison, rule: Rule) -> Claim:
    """The network that learned from many people, beside the one that learned from the owner."""
    crowd = _select_results(comparison, PEOPLE_TWO_HEAD)
    own = _select_results(comparison, "two-head")
    theirs, ours = _count_errors(crowd, rule), _count_errors(own, rule)
    return Claim(
        "A two-head network that learned from many people fails on new ones more often than one "
        "that learned from the owner's photos.",
        describe_rule(rule),
        _compare_rates(theirs, ours),
        f"About owners whom it never saw it is wrong on {_format_count(theirs)}"
        f"{_tell_mean(crowd, rule)}; the one trained on the owner's pairs on "
        f"{_format_count(ours)}. Ranking: {average_ranking(crowd, rule):.3f} against "
        f"{average_ranking(own, rule):.3f}.",
    )


def _judge_alpha(cells: list[WayResult], way: str, rule: Rule) -> Claim:
    """A lower alpha refuses fewer owners and accepts more strangers, so both errors count.

    A drawn pair is chance. Where the mean over all pairs points in the other direction, the
    verdict of the drawn pair is not decided.
    """
    high, low = (_ErrorsAtAlpha.from_results(cells, alpha, rule) for alpha in (0.5, -0.6))
    verdict = _compare_totals(low, high)
    told = ""
    if rule == "pair":
        means = [_mean_half_total(cells, alpha) for alpha in (0.5, -0.6)]
        told = (
            f" Mean over all pairs: half total error {100 * means[0]:.1f} % at 0.5, "
            f"{100 * means[1]:.1f} % at -0.6."
        )
        if verdict != ("held" if means[1] < means[0] else "did not hold"):
            verdict = "not decided"
    return Claim(
        f"Train {way} with a high alpha, and use a lower one, such as -0.6, in production.",
        describe_rule(rule),
        verdict,
        f"At alpha 0.5 it {high}; at -0.6 it {low}.{told}",
    )


def _judge_advice(cells: list[WayResult], way: str, rule: Rule) -> Claim:
    """Compare training few photos at the plan's alpha with training them at lower ones."""
    high = max(cell.threshold for cell in cells)
    by_alpha = {
        alpha: [cell for cell in cells if cell.threshold == alpha]
        for alpha in sorted({cell.threshold for cell in cells}, reverse=True)
    }
    totals = {
        alpha: _ErrorsAtAlpha.from_results(group, alpha, rule)
        for alpha, group in by_alpha.items()
        if all(cell.reason != "nothing learned" for cell in group)
    }
    verdicts = [_compare_totals(totals[a], totals[high]) for a in totals if a < high in totals]
    verdict = next((one for one in ("held", "not decided") if one in verdicts), "did not hold")
    told = "; ".join(
        f"at {alpha:g} it {totals[alpha]}"
        if alpha in totals
        else f"at {alpha:g} nothing is learned, since the loss is zero before the first step"
        for alpha in by_alpha
    )
    return Claim(
        f"With few photos (2 ME, 5 NOT_ME) train {way} with a lower, even negative alpha.",
        describe_rule(rule),
        verdict,
        f"Trained and asked at the same alpha: {told}.",
    )


@dataclass(frozen=True, slots=True)
class _ErrorsAtAlpha:
    """Both kinds of error at one alpha."""

    misses: tuple[int, int]
    accepts: tuple[int, int]

    @classmethod
    def from_results(cls, cells: list[WayResult], alpha: float, rule: Rule) -> _ErrorsAtAlpha:
        return cls(sum_errors(cells, "held", alpha, rule), sum_errors(cells, "unseen", alpha, rule))

    @property
    def half_total(self) -> float:
        """The mean of both rates, in which both errors weigh the same."""
        return (make_rate(*self.misses).value + make_rate(*self.accepts).value) / 2

    @property
    def variance(self) -> float:
        rates = [make_rate(*count) for count in (self.misses, self.accepts)]
        return sum(rate.value * (1 - rate.value) / rate.total for rate in rates) / 4

    def __str__(self) -> str:
        return (
            f"refuses {_format_count(self.misses)} of the owners' photos and accepts "
            f"{_format_count(self.accepts)} of the unseen strangers' (half total error "
            f"{100 * self.half_total:.1f} %)"
        )


def _compare_totals(low: _ErrorsAtAlpha, high: _ErrorsAtAlpha) -> str:
    """Return `held` where the lower alpha has the smaller half total error, and so on."""
    spread = 1.96 * sqrt(high.variance + low.variance)
    if abs(high.half_total - low.half_total) <= spread:
        return "not decided"
    return "held" if low.half_total < high.half_total else "did not hold"


def _mean_half_total(cells: Sequence[WayResult], alpha: float) -> float:
    """Return the half total error by one pair, as the mean over all pairs."""
    return (_mean_rate(cells, "held", alpha) + _mean_rate(cells, "unseen", alpha)) / 2


def _mean_rate(cells: Sequence[WayResult], group: Group, alpha: float | None = None) -> float:
    errors, photos = sum_mean_errors(cells, group, alpha)
    return errors / photos


def _tell_mean(cells: list[WayResult], rule: Rule) -> str:
    """Return what the article's rule gives over all pairs, beside the drawn one."""
    if rule != "pair":
        return ""
    rates = [100 * _mean_rate(cells, group) for group in ("held", "unseen")]
    return (
        f" (mean over all pairs: {rates[0]:.1f} % of the owners' photos refused, "
        f"{rates[1]:.1f} % of the unseen strangers accepted)"
    )


def _judge_training_time(cells: list[WayResult], side: int, claim: str, longer_than: int) -> Claim:
    """Judge a claim about time: that training takes longer, or (0) at most 15 minutes."""
    learned = [cell for cell in cells if cell.reason != "nothing learned"] or cells
    seconds = sum(cell.seconds for cell in learned) / len(learned)
    steps = sum(cell.steps for cell in learned) / len(learned)
    limited = sum(cell.reason == "limit" for cell in cells)
    empty = sum(cell.reason == "nothing learned" for cell in cells)
    because = (
        f"The article's network took {seconds:.0f} s and {steps:.0f} steps on average; each step "
        "uses all triplets and embeds every photo once."
    )
    if limited:
        because += f" {limited} of {len(cells)} runs ended at their limit, before a plateau."
    if empty:
        because += (
            f" {empty} of {len(cells)} runs are left out: they learned nothing, since their loss "
            "began at zero."
        )
    if side != PUBLISHED_SIDE_PIXELS:
        because += f" Its faces had {side} pixels, and not {PUBLISHED_SIDE_PIXELS}."
    undecided = limited or side != PUBLISHED_SIDE_PIXELS
    held = seconds >= longer_than if longer_than else seconds <= 15 * 60
    return Claim(
        claim, NO_RULE, "not decided" if undecided else "held" if held else "did not hold", because
    )


def _judge_training_from_scratch(comparison: Comparison, way: str, rule: Rule) -> Claim:
    ours, theirs = _select_results(comparison, way), _select_results(comparison, PRODUCT)
    mine, product = _count_errors(ours, rule), _count_errors(theirs, rule)
    return Claim(
        "A network trained on a handful of photos is enough for a door.",
        describe_rule(rule),
        {"held": "did not hold"}.get(_compare_rates(mine, product), "not decided"),
        f"{way} is wrong on {_format_count(mine)}{_tell_mean(ours, rule)}; the product, whose "
        "network learned from many people beforehand and which decides by its own rule, on "
        f"{_format_count(product)}. Ranking: {average_ranking(ours, rule):.3f} "
        f"against {average_ranking(theirs, rule):.3f}.",
    )


def _select_results(comparison: Comparison, way: str) -> list[WayResult]:
    return comparison.select(way, max(comparison.plan.photos))


def _count_errors(cells: list[WayResult], rule: Rule | None) -> tuple[int, int]:
    mine, others = (sum_errors(cells, group, rule=rule) for group in ("held", "unseen"))
    return mine[0] + others[0], mine[1] + others[1]


def _compare_rates(a: tuple[int, int], b: tuple[int, int]) -> str:
    """Return `held` where rate a is above rate b and their intervals do not overlap, and so on."""
    one, other = make_rate(*a), make_rate(*b)
    if one.low > other.high:
        return "held"
    return "did not hold" if one.high < other.low else "not decided"


def _format_count(count: tuple[int, int]) -> str:
    return f"{count[0]} of {count[1]} ({100 * make_rate(*count).value:.1f} %)"
