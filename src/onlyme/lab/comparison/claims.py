"""Judge the article's claims by the figures of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from onlyme.charts import make_rate
from onlyme.lab import PUBLISHED_SIDE_PIXELS
from onlyme.lab.comparison.result import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onlyme.lab.comparison.compare import Comparison
    from onlyme.lab.comparison.result import WayResult

__all__ = ["Claim", "add_counts", "judge_claims"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the article.

    Attributes:
        claim: the claim in our words.
        verdict: `held`, `did not hold`, or `not decided` where there are too few photos.
        because: the figures behind the verdict.
    """

    claim: str
    verdict: str
    because: str


def add_counts(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Add up errors and totals.

    >>> add_counts([(1, 10), (2, 10)])
    (3, 20)
    """
    pairs = list(counts)
    return sum(errors for errors, _ in pairs), sum(of for _, of in pairs)


def judge_claims(comparison: Comparison) -> list[Claim]:
    """Judge the claims about the compared ways, at the largest number of the owner's photos.

    Over all numbers of photos, the same strangers would be counted several times.
    """
    ways = comparison.ways()
    claims: list[Claim] = []
    siamese = "compact" if "compact" in ways else "article"
    if "classifier" in ways and siamese in ways:
        claims.append(_judge_classifier(comparison, "classifier", siamese))
    if "two-head" in ways:
        claims.append(_judge_two_head(_select_results(comparison, "two-head")))
    claims += [
        _judge_alpha(_select_results(comparison, way), way)
        for way in ("article", "compact")
        if way in ways
    ]
    if "article" in ways:
        claims.append(
            _judge_training_time(_select_results(comparison, "article"), comparison.plan.side)
        )
    if PRODUCT in ways and siamese in ways:
        claims.append(_judge_training_from_scratch(comparison, siamese))
    return claims


def _judge_classifier(comparison: Comparison, first: str, second: str) -> Claim:
    """More errors count only with a worse ranking; otherwise only the threshold is badly placed."""
    mine, others = (_count_errors(_select_results(comparison, way)) for way in (first, second))
    ranks = [_average_ranking(_select_results(comparison, way)) for way in (first, second)]
    verdict = _compare_rates(mine, others)
    if (verdict == "held" and ranks[0] >= ranks[1]) or (
        verdict == "did not hold" and ranks[0] <= ranks[1]
    ):
        verdict = "not decided"
    return Claim(
        "A plain classifier needs far more photos of the owner than triplets do.",
        verdict,
        f"From the same photos {first} is wrong on {_format_count(mine)} of the held-out owners' "
        f"and unseen strangers' photos at its threshold, {second} on {_format_count(others)}. "
        f"Ranking, which needs no threshold: {ranks[0]:.3f} against {ranks[1]:.3f}.",
    )


def _judge_two_head(cells: list[WayResult]) -> Claim:
    unseen = add_counts(cell.false_accepts("unseen") for cell in cells)
    trained = add_counts(cell.false_accepts("trained") for cell in cells)
    return Claim(
        "The two-head network may fail on faces that it never saw.",
        _compare_rates(unseen, trained),
        f"It accepts {_format_count(unseen)} of the unseen strangers' photos, and "
        f"{_format_count(trained)} of other photos of the strangers that it was trained on.",
    )


def _judge_alpha(cells: list[WayResult], way: str) -> Claim:
    """A lower alpha refuses fewer owners and accepts more strangers, so both errors count."""
    high, low = (_ErrorsAtAlpha.from_results(cells, alpha) for alpha in (0.5, -0.6))
    spread = 1.96 * sqrt(high.variance + low.variance)
    verdict = (
        "not decided"
        if abs(high.half_total - low.half_total) <= spread
        else "held"
        if low.half_total < high.half_total
        else "did not hold"
    )
    return Claim(
        f"Train {way} with a high alpha, and use a lower one, such as -0.6, in production.",
        verdict,
        f"At alpha 0.5 it {high}; at -0.6 it {low}.",
    )


@dataclass(frozen=True, slots=True)
class _ErrorsAtAlpha:
    """Both kinds of error at one alpha."""

    misses: tuple[int, int]
    accepts: tuple[int, int]

    @classmethod
    def from_results(cls, cells: list[WayResult], alpha: float) -> _ErrorsAtAlpha:
        return cls(
            add_counts(cell.misses(alpha) for cell in cells),
            add_counts(cell.false_accepts("unseen", alpha) for cell in cells),
        )

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


def _judge_training_time(cells: list[WayResult], side: int) -> Claim:
    seconds = sum(cell.seconds for cell in cells) / len(cells)
    steps = sum(cell.steps for cell in cells) / len(cells)
    limited = sum(cell.reason == "limit" for cell in cells)
    because = (
        f"The article's network took {seconds:.0f} s and {steps:.0f} steps on average; each step "
        "uses all triplets and embeds every photo once."
    )
    if limited:
        because += f" {limited} of {len(cells)} runs ended at their limit, before a plateau."
    if side != PUBLISHED_SIDE_PIXELS:
        because += f" Its faces had {side} pixels, and not {PUBLISHED_SIDE_PIXELS}."
    undecided = limited or side != PUBLISHED_SIDE_PIXELS
    return Claim(
        "Training takes hours (5 h for 7 ME and 10 NOT_ME photos).",
        "not decided" if undecided else "held" if seconds >= 3600 else "did not hold",
        because,
    )


def _judge_training_from_scratch(comparison: Comparison, way: str) -> Claim:
    ours, theirs = _select_results(comparison, way), _select_results(comparison, PRODUCT)
    mine, product = _count_errors(ours), _count_errors(theirs)
    return Claim(
        "A network trained on a handful of photos is enough for a door.",
        {"held": "did not hold"}.get(_compare_rates(mine, product), "not decided"),
        f"{way} is wrong on {_format_count(mine)}; the product, whose network learned from many "
        f"people beforehand, on {_format_count(product)}. Ranking: {_average_ranking(ours):.3f} "
        f"against {_average_ranking(theirs):.3f}.",
    )


def _select_results(comparison: Comparison, way: str) -> list[WayResult]:
    return comparison.select(way, max(comparison.plan.photos))


def _count_errors(cells: list[WayResult]) -> tuple[int, int]:
    return add_counts(
        count for cell in cells for count in (cell.misses(), cell.false_accepts("unseen"))
    )


def _compare_rates(a: tuple[int, int], b: tuple[int, int]) -> str:
    """Return `held` where rate a is above rate b and their intervals do not overlap, and so on."""
    one, other = make_rate(*a), make_rate(*b)
    if one.low > other.high:
        return "held"
    return "did not hold" if one.high < other.low else "not decided"


def _format_count(count: tuple[int, int]) -> str:
    return f"{count[0]} of {count[1]} ({100 * make_rate(*count).value:.1f} %)"


def _average_ranking(cells: list[WayResult]) -> float:
    return sum(cell.ranking for cell in cells) / len(cells)
