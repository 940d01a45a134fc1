"""Train every way for several owners, and score it on photos that it was not trained on.

All ways get the same photos and the same augmentation. Each is trained until its loss is
zero, until its plateau, or until a limit that the result states. All draws depend only on
the seed.
"""

from __future__ import annotations

import gc
import itertools
from dataclasses import asdict, dataclass, replace
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch

from onlyme.lab.comparison.cache import make_key
from onlyme.lab.comparison.inspection import inspect_way
from onlyme.lab.comparison.plan import ADVISED_NOT_ME, ADVISED_PHOTOS
from onlyme.lab.comparison.result import PEOPLE_TWO_HEAD, PRODUCT, PairScores, WayResult
from onlyme.lab.comparison.split import make_splits, select_unused
from onlyme.lab.networks import to_tensor
from onlyme.lab.photos import Photos
from onlyme.lab.rules import RULES, draw_pair
from onlyme.lab.run import score_pairs
from onlyme.lab.trainer import fit_way, limit_threads
from onlyme.lab.two_head_people import MIN_PAIR_PEOPLE, train_two_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.comparison.result import Group
    from onlyme.lab.comparison.split import Split
    from onlyme.lab.networks import TwoHead
    from onlyme.lab.people import People
    from onlyme.lab.spec import Spec

__all__ = ["ALPHAS", "Comparison", "FaceScorer", "ProductLearner", "compare"]

ALPHAS = tuple(round(-1 + 0.05 * step, 2) for step in range(41))
"""The alphas of the sweep."""

_ERRORS: dict[str, Group] = {
    "owner_rejected": "held", "trained_accepted": "trained", "unseen_accepted": "unseen",
}  # fmt: skip


class FaceScorer(Protocol):
    """Scores faces for one owner."""

    @property
    def threshold(self) -> float:
        """A face with this score or a higher one is accepted."""

    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return float64[k] for uint8[k, 112, 112, 3] aligned RGB faces."""


ProductLearner: TypeAlias = "Callable[[Photos], FaceScorer]"
"""Enrolls the owner of aligned faces, with their NOT_ME, as the product does."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        plan: what was compared.
        cells: the results, in the order of owners, numbers of photos, ways.
        advice: the results of the article's advice for few photos, of `Plan.list_advice`.
    """

    plan: Plan
    cells: tuple[WayResult, ...]
    advice: tuple[WayResult, ...] = ()

    @property
    def seconds(self) -> float:
        """Duration of all training and scoring, over all runs of the command."""
        return sum(cell.spent for cell in (*self.cells, *self.advice))

    def select(self, way: str, photos: int | None = None) -> list[WayResult]:
        """Return a way's results, for one number of photos or for all."""
        return [c for c in self.cells if c.way == way and photos in {None, c.photos}]

    def ways(self) -> list[str]:
        """Return the ways that were compared, the product last."""
        return list(dict.fromkeys(cell.way for cell in self.cells))

    def to_json(self) -> dict[str, Any]:
        """Return figures, which are the same for the same seed, and timings, which differ."""
        figures, timings = _list_values(self.cells)
        advice, _ = _list_values(self.advice)
        return {
            "plan": asdict(self.plan),
            "figures": figures,
            "advice": advice,
            "timings": timings,
            "seconds": self.seconds,
        }


def compare(
    people: People,
    plan: Plan,
    product: ProductLearner | None = None,
    *,
    cache: ResultCache | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    on_partial: Callable[[Comparison], None] = lambda _: None,
    progress: bool = False,
) -> Comparison:
    """Train every way for every owner, and score it.

    The owners follow one another, so that a run that is cut short has the same results as a
    run with fewer owners.

    Args:
        people: all people, with aligned faces.
        plan: what to compare.
        product: learns owners as the product does; None leaves the product out.
        cache: finished results are read from it and stored in it. The product is scored again
            each time: that takes seconds, and depends on what is installed.
        on_step: is called with one line before each training.
        on_partial: is called after each owner but the last, with the comparison so far.
        progress: show each training's progress bar on stderr.

    Raises:
        UsageError: when there are not enough people or photos.
    """
    cells: list[WayResult] = []
    advice: list[WayResult] = []
    each = len(plan.photos) * (len(plan.ways) + bool(product))
    few_specs = plan.list_advice() if plan.advice else []
    total = plan.owners * each + plan.advice * len(few_specs)
    numbers = itertools.count(1)

    def train_or_find(split: Split, spec: Spec, what: str) -> WayResult:
        stored = cache.find(make_key(split, spec), spec.max_steps) if cache else None
        line = f"{next(numbers)} of {total}: {split.owner}, {what}"
        on_step(f"{line}: finished before" if stored else line)
        return stored or _train_way(split, spec, cache, progress=progress)

    crowd = _train_on_crowd(people, plan, on_step)
    for number, split in enumerate(make_splits(people, plan), 1):
        photos = f"{len(split.photos.me)} photos"
        for way in plan.ways:
            cells.append(train_or_find(split, plan.make_spec(way), f"{photos}, {way}"))
            if crowd and way == "two-head":
                cells.append(_score_crowd(split, crowd, plan.pair_steps))
        if product:
            on_step(f"{next(numbers)} of {total}: {split.owner}, {photos}, {PRODUCT}")
            cells.append(_score_product(split, product))
        owners, rest = divmod(number, len(plan.photos))
        if rest:
            continue
        if owners <= plan.advice:
            few = _take_few(split)
            for spec in few_specs:
                what = f"few photos (advice), {spec.way}, alpha {spec.alpha:g}"
                advice.append(train_or_find(few, spec, what))
        if owners < plan.owners:
            shown = replace(plan, owners=owners, advice=min(owners, plan.advice))
            on_partial(Comparison(shown, tuple(cells), tuple(advice)))
    return Comparison(plan, tuple(cells), tuple(advice))


def _train_on_crowd(people: People, plan: Plan, on_step: Callable[[str], None]) -> TwoHead | None:
    """Train the two-head network on the people whom no other way sees; None with too few."""
    if "two-head" not in plan.ways or not plan.pair_steps:
        return None
    unused = select_unused(people, plan).select_by_photos(2)
    if len(unused.names) < MIN_PAIR_PEOPLE:
        on_step(
            f"{PEOPLE_TWO_HEAD}: left out, since {len(unused.names)} people with two photos remain "
            f"beside those compared, and it needs {MIN_PAIR_PEOPLE}"
        )
        return None
    on_step(f"{PEOPLE_TWO_HEAD}: {len(unused.names)} people, {plan.pair_steps} steps, once for all")
    return train_two_head(unused, plan.pair_steps, plan.seed)


@torch.no_grad()
def _score_crowd(split: Split, crowd: TwoHead, steps: int) -> WayResult:
    start, me = perf_counter(), split.photos.me
    with limit_threads(1):
        stored = crowd.store(to_tensor(me), to_tensor(split.photos.not_me))
        tables = [score_pairs(crowd, stored, faces) for faces in split.tested]
    return _make_result(
        split, PEOPLE_TWO_HEAD, crowd.threshold, [table.mean(1) for table in tables],
        reason="limit", steps=steps, spent=perf_counter() - start,
        pairs=PairScores(tables[0], tables[1], tables[2], draw_pair(len(me), 0)),
    )  # fmt: skip


def _take_few(split: Split) -> Split:
    """Return the same split with the article's smaller number of photos."""
    me, not_me = split.photos.me[:ADVISED_PHOTOS], split.photos.not_me[:ADVISED_NOT_ME]
    return replace(split, photos=Photos(me, not_me), trained=split.trained[:ADVISED_NOT_ME])


def _train_way(split: Split, spec: Spec, cache: ResultCache | None, *, progress: bool) -> WayResult:
    start = perf_counter()
    trained = fit_way(split.photos, spec, progress=progress)
    with limit_threads(spec.threads):
        tables = [trained.pair_scores(faces) for faces in split.tested]
        look = inspect_way(trained, split)
    done, pairs = trained.result, None
    if trained.pairs > 1:
        pairs = PairScores(tables[0], tables[1], tables[2], trained.drawn_pair)
    result = _make_result(
        split, spec.way, trained.threshold, [trained.join_pairs(table) for table in tables],
        reason=done.reason, steps=done.steps, curve=done.curve, seconds=done.seconds,
        spent=perf_counter() - start, peak_bytes=done.peak_bytes, look=look,
        strangers=len(split.photos.not_me), pairs=pairs,
    )  # fmt: skip
    if cache:
        cache.store(make_key(split, spec), result)
    # Trainer and network refer to each other. Without this, the network (1.5 GB for the article's)
    # stays in memory while the next one trains.
    del trained
    gc.collect()
    return result


def _score_product(split: Split, product: ProductLearner) -> WayResult:
    start = perf_counter()
    scorer = product(split.photos)
    seconds = perf_counter() - start
    scores = [scorer.scores(faces) for faces in split.tested]
    return _make_result(
        split, PRODUCT, scorer.threshold, scores, seconds=seconds, spent=perf_counter() - start,
        strangers=len(split.photos.not_me),
    )  # fmt: skip


def _make_result(
    split: Split, way: str, threshold: float, scores: list[NDArray[np.float64]], **more: Any
) -> WayResult:
    """Return a result, from the scores of the split's tested faces."""
    held, trained, unseen = (tuple(group.tolist()) for group in scores)
    photos = len(split.photos.me)
    return WayResult(way, split.owner, photos, threshold, held, trained, unseen, **more)


def _list_values(cells: Iterable[WayResult]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the figures and the timings of results, with their errors by each rule."""
    figures, timings = [], []
    for cell in cells:
        values = {
            key: _replace_non_finite(value)
            for key, value in asdict(replace(cell, look=None, pairs=None)).items()
            if key not in {"look", "pairs"}
        }
        values["rule"] = cell.rule
        values["rules"] = {
            rule: {
                **{name: cell.count_errors(group, rule=rule) for name, group in _ERRORS.items()},
                "ranking": cell.measure_ranking(rule),
            }
            for rule in RULES
        }
        values["rules"]["mean over all pairs"] = {
            name: cell.mean_errors(group) for name, group in _ERRORS.items()
        }
        timings.append({k: values.pop(k) for k in ("seconds", "spent", "peak_bytes")})
        figures.append(values)
    return figures, timings


def _replace_non_finite(value: Any) -> Any:
    """Replace NaN and infinity by None, since JSON does not know them."""
    if isinstance(value, tuple):
        return tuple(_replace_non_finite(one) for one in value)
    return None if isinstance(value, float) and not isfinite(value) else value
