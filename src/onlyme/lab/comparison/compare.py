"""Train every way for several owners, and score it on photos that it was not trained on.

All ways get the same photos and the same augmentation. Each is trained until its loss is
zero, until its plateau, or until a limit that the result states. All draws depend only on
the seed.
"""

from __future__ import annotations

import gc
from dataclasses import asdict, dataclass, replace
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from onlyme.lab.comparison.cache import make_key
from onlyme.lab.comparison.inspection import inspect_way
from onlyme.lab.comparison.plan import ADVISED_NOT_ME, ADVISED_PHOTOS
from onlyme.lab.comparison.result import PEOPLE_TWO_HEAD, PRODUCT, PairScores, WayResult
from onlyme.lab.comparison.split import make_splits, select_unused
from onlyme.lab.photos import Photos
from onlyme.lab.rules import RULES, draw_pair
from onlyme.lab.trainer import fit_way, limit_threads
from onlyme.lab.two_head_people import MIN_PAIR_PEOPLE, PeopleTwoHead, train_two_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.comparison.split import Split
    from onlyme.lab.people import People
    from onlyme.lab.spec import Spec

__all__ = ["ALPHAS", "Comparison", "FaceScorer", "ProductLearner", "compare"]

ALPHAS = tuple(round(-1 + 0.05 * step, 2) for step in range(41))
"""The alphas of the sweep."""


class FaceScorer(Protocol):
    """Scores faces for one owner."""

    @property
    def threshold(self) -> float:
        """A face with this score or a higher one is accepted."""

    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return float64[k] for uint8[k, 112, 112, 3] aligned RGB faces."""


class ProductLearner(Protocol):
    """Learns an owner as the product does."""

    def __call__(self, photos: Photos) -> FaceScorer:
        """Enroll the owner of these aligned faces, with their NOT_ME."""


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
    total = plan.owners * len(plan.photos) * (len(plan.ways) + bool(product))

    def train_or_find(split: Split, spec: Spec, line: str) -> WayResult:
        name = make_key(split, spec)
        stored = cache.find(name, spec.max_steps) if cache else None
        on_step(f"{line}: finished before" if stored else line)
        result = stored or _train_way(split, spec, progress=progress)
        # Trainer and network refer to each other. Without this, the last network (1.5 GB
        # for the article's) stays in memory while the next one trains.
        gc.collect()
        if cache and not stored:
            cache.store(name, result)
        return result

    crowd = _train_on_crowd(people, plan, on_step)
    for number, split in enumerate(make_splits(people, plan), 1):
        for way in [*plan.ways, *([PRODUCT] if product else ())]:
            line = (
                f"{len(cells) + 1} of {total}: {split.owner}, {len(split.photos.me)} photos, {way}"
            )
            if way == PRODUCT and product:
                on_step(line)
                cells.append(_score_product(split, product))
                continue
            cells.append(train_or_find(split, plan.make_spec(way), line))
            if crowd and way == "two-head":
                cells.append(_score_crowd(split, crowd))
        owners, rest = divmod(number, len(plan.photos))
        if rest:
            continue
        if owners <= plan.advice:
            few = _take_few(split)
            advice += [
                train_or_find(
                    few,
                    spec,
                    f"advice: {split.owner}, few photos, {spec.way}, alpha {spec.alpha:g}",
                )
                for spec in plan.list_advice()
            ]
        if owners < plan.owners:
            shown = replace(plan, owners=owners, advice=min(owners, plan.advice))
            on_partial(Comparison(shown, tuple(cells), tuple(advice)))
    return Comparison(plan, tuple(cells), tuple(advice))


def _train_on_crowd(
    people: People, plan: Plan, on_step: Callable[[str], None]
) -> PeopleTwoHead | None:
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


def _score_crowd(split: Split, crowd: PeopleTwoHead) -> WayResult:
    start = perf_counter()
    with limit_threads(1):
        tables = PairScores(
            held=crowd.pair_scores(split.photos, split.held),
            trained=crowd.pair_scores(split.photos, split.trained),
            unseen=crowd.pair_scores(split.photos, split.unseen),
            drawn=draw_pair(len(split.photos.me), 0),
        )
    return WayResult(
        way=PEOPLE_TWO_HEAD,
        owner=split.owner,
        photos=len(split.photos.me),
        threshold=crowd.network.threshold,
        held=tuple(tables.held.mean(1).tolist()),
        trained=tuple(tables.trained.mean(1).tolist()),
        unseen=tuple(tables.unseen.mean(1).tolist()),
        reason="limit",
        steps=crowd.steps,
        spent=perf_counter() - start,
        strangers=0,
        pairs=tables,
    )


def _take_few(split: Split) -> Split:
    """Return the same split with the article's smaller number of photos."""
    me, not_me = split.photos.me[:ADVISED_PHOTOS], split.photos.not_me[:ADVISED_NOT_ME]
    return replace(split, photos=Photos(me, not_me), trained=split.trained[:ADVISED_NOT_ME])


def _train_way(split: Split, spec: Spec, *, progress: bool) -> WayResult:
    start = perf_counter()
    trained = fit_way(split.photos, spec, progress=progress)
    with limit_threads(spec.threads):
        tables = PairScores(
            held=trained.pair_scores(split.held),
            trained=trained.pair_scores(split.trained),
            unseen=trained.pair_scores(split.unseen),
            drawn=trained.drawn_pair,
        )
        look = inspect_way(trained, split)
    return WayResult(
        way=spec.way,
        owner=split.owner,
        photos=len(split.photos.me),
        threshold=trained.threshold,
        held=tuple(trained.join_pairs(tables.held).tolist()),
        trained=tuple(trained.join_pairs(tables.trained).tolist()),
        unseen=tuple(trained.join_pairs(tables.unseen).tolist()),
        reason=trained.result.reason,
        steps=trained.result.steps,
        curve=trained.result.curve,
        seconds=trained.result.seconds,
        spent=perf_counter() - start,
        peak_bytes=trained.result.peak_bytes,
        strangers=len(split.photos.not_me),
        pairs=tables if trained.pairs > 1 else None,
        look=look,
    )


def _score_product(split: Split, product: ProductLearner) -> WayResult:
    start = perf_counter()
    scorer = product(split.photos)
    seconds = perf_counter() - start
    held, trained, unseen = (
        tuple(float(score) for score in scorer.scores(faces))
        for faces in (split.held, split.trained, split.unseen)
    )
    return WayResult(
        way=PRODUCT,
        owner=split.owner,
        photos=len(split.photos.me),
        threshold=scorer.threshold,
        held=held,
        trained=trained,
        unseen=unseen,
        seconds=seconds,
        spent=perf_counter() - start,
        strangers=len(split.photos.not_me),
    )


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
                "owner_rejected": cell.misses(rule=rule),
                "trained_accepted": cell.false_accepts("trained", rule=rule),
                "unseen_accepted": cell.false_accepts("unseen", rule=rule),
                "ranking": cell.measure_ranking(rule),
            }
            for rule in RULES
        }
        values["rules"]["mean over all pairs"] = {
            "owner_rejected": cell.mean_errors("held"),
            "trained_accepted": cell.mean_errors("trained"),
            "unseen_accepted": cell.mean_errors("unseen"),
        }
        timings.append({k: values.pop(k) for k in ("seconds", "spent", "peak_bytes")})
        figures.append(values)
    return figures, timings


def _replace_non_finite(value: Any) -> Any:
    """Replace NaN and infinity by None, since JSON does not know them."""
    if isinstance(value, tuple):
        return tuple(_replace_non_finite(one) for one in value)
    return None if isinstance(value, float) and not isfinite(value) else value
