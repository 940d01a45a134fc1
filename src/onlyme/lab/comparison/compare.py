"""Many people come in; how well each way knows its owner goes out, as numbers.

All ways get the same photos, the same augmentation, and as many steps as they need to
their plateau or to a limit that is stated. What is drawn depends on the seed alone.
"""

from __future__ import annotations

import gc
from dataclasses import asdict, dataclass, replace
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from onlyme.errors import UsageError
from onlyme.lab import WAYS
from onlyme.lab.comparison.cache import make_key
from onlyme.lab.comparison.inspection import inspect_way
from onlyme.lab.comparison.result import PRODUCT, WayResult
from onlyme.lab.comparison.split import make_splits
from onlyme.lab.spec import PUBLISHED_SIDE_PIXELS, Spec
from onlyme.lab.train import limit_threads, train

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.split import Split
    from onlyme.lab.people import People
    from onlyme.lab.photos import Photos

__all__ = [
    "ALPHAS",
    "ARTICLE_SIDE_PIXELS",
    "Comparison",
    "FaceScorer",
    "Plan",
    "ProductLearner",
    "compare",
]

ALPHAS = tuple(round(-1 + 0.05 * step, 2) for step in range(41))
"""The alphas of the sweep."""

ARTICLE_SIDE_PIXELS = 56
"""Side of the faces that `article` is compared on, half of theirs. The published 244 pixels show
it the same faces enlarged, at ten times the time for a step, on all cores in place of one."""


class FaceScorer(Protocol):
    """What decides about faces once an owner is known."""

    @property
    def threshold(self) -> float:
        """The score from which on a face is accepted."""

    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return float64[k] for uint8[k, 112, 112, 3] aligned RGB faces."""


class ProductLearner(Protocol):
    """The product's own decision: an owner's photos come in, their judge goes out."""

    def __call__(self, photos: Photos) -> FaceScorer:
        """Enroll the owner of these aligned faces, with NOT_ME taught."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared.

    Attributes:
        owners: how many people are owners in turn.
        photos: numbers of the owner's training photos.
        ways: which of `onlyme.lab.WAYS`.
        strangers: NOT_ME photos, one a person.
        unseen: strangers who are never trained on, at most.
        alpha: margin of the triplet loss.
        limit: most steps of every way; None for each way's own, see `onlyme.lab.spec.Spec`.
        seed: of everything that is drawn.
        side: of the faces that `article` sees, in pixels; 244 as published.

    Raises:
        UsageError: when a value makes no sense.
    """

    owners: int = 2
    photos: tuple[int, ...] = (7,)
    ways: tuple[str, ...] = WAYS
    strangers: int = 10
    unseen: int = 200
    alpha: float = 0.5
    limit: int | None = None
    seed: int = 0
    side: int = ARTICLE_SIDE_PIXELS

    def __post_init__(self) -> None:
        if self.owners < 1 or not self.photos or min(self.photos) < 2 or self.unseen < 1:
            raise UsageError("compare at least one owner with at least two photos")
        if not set(self.ways) <= set(WAYS):
            raise UsageError(f"the ways are {', '.join(WAYS)}")
        for way in self.ways:
            self.make_spec(way)  # what makes no sense is refused now, and not hours later

    def make_spec(self, way: str) -> Spec:
        """Return how a way is trained."""
        side = self.side if way == "article" else PUBLISHED_SIDE_PIXELS
        return Spec(way, alpha=self.alpha, limit=self.limit, seed=self.seed, side=side)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Attributes:
        plan: what was compared.
        cells: in the order of owners, numbers of photos, ways.
    """

    plan: Plan
    cells: tuple[WayResult, ...]

    @property
    def seconds(self) -> float:
        """How long training and judging took in all, in however many sittings."""
        return sum(cell.spent for cell in self.cells)

    def select(self, way: str, photos: int | None = None) -> list[WayResult]:
        """Return a way's cells, of one number of photos or of all."""
        return [c for c in self.cells if c.way == way and photos in {None, c.photos}]

    def ways(self) -> list[str]:
        """Return the ways that were compared, the product last."""
        return list(dict.fromkeys(cell.way for cell in self.cells))

    def to_json(self) -> dict[str, Any]:
        """Return figures, which a seed repeats to the digit, and timings, which it does not."""
        figures, timings = [], []
        for cell in self.cells:
            values = {k: _replace_non_finite(v) for k, v in asdict(cell).items() if k != "look"}
            timings.append({k: values.pop(k) for k in ("seconds", "spent", "peak_bytes")})
            figures.append(values)
        plan = asdict(self.plan)
        return {"plan": plan, "figures": figures, "timings": timings, "seconds": self.seconds}


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
    """Train every way for every owner, and judge.

    Owners are walked through one after the other, so that a run that is cut short has
    come to what the same run with fewer owners comes to.

    Args:
        people: everybody, with aligned faces.
        plan: what to compare.
        product: the product's own decision, to stand beside them.
        cache: finished cells are taken from there, and put there. The product's are judged
            anew each time: that takes seconds, and depends on what is installed.
        on_step: is told what is being done, in one line each.
        on_partial: is given the comparison of the owners so far, after each but the last.
        progress: show each training's progress bar on stderr.

    Raises:
        UsageError: when there are not enough people or photos.
    """
    cells: list[WayResult] = []
    drawn = make_splits(people, plan.owners, plan.photos, plan.strangers, plan.unseen, plan.seed)
    total = plan.owners * len(plan.photos) * (len(plan.ways) + bool(product))
    for number, split in enumerate(drawn, 1):
        for way in [*plan.ways, *([PRODUCT] if product else ())]:
            what = (
                f"{len(cells) + 1} of {total}: {split.owner}, {len(split.photos.me)} photos, {way}"
            )
            if way == PRODUCT and product:
                on_step(what)
                cells.append(_score_product(split, product))
                continue
            spec = plan.make_spec(way)
            name = make_key(split, spec)
            found = cache.find(name, spec.most_steps) if cache else None
            on_step(f"{what}: finished before" if found else what)
            cells.append(found or _train_way(split, spec, progress=progress))
            # Trainer and network know each other; without this the last network, 1.5 GB of it
            # where it is the article's, is still there while the next one trains.
            gc.collect()
            if cache and not found:
                cache.keep(name, cells[-1])
        owners, rest = divmod(number, len(plan.photos))
        if not rest and owners < plan.owners:
            on_partial(Comparison(replace(plan, owners=owners), tuple(cells)))
    return Comparison(plan, tuple(cells))


def _train_way(split: Split, spec: Spec, *, progress: bool) -> WayResult:
    start = perf_counter()
    trained = train(split.photos, spec, progress=progress)
    result = trained.result
    with limit_threads(spec.threads):
        judged = _score_split(split, trained.scores)
        closer = inspect_way(trained, split)
    return WayResult(
        spec.way, split.owner, len(split.photos.me), trained.network.threshold, *judged,
        result.reason, result.steps, result.curve, result.seconds, perf_counter() - start,
        result.peak_bytes, closer,
    )  # fmt: skip


def _score_product(split: Split, product: ProductLearner) -> WayResult:
    start = perf_counter()
    judge = product(split.photos)
    seconds = perf_counter() - start
    judged = _score_split(split, judge.scores)
    return WayResult(
        PRODUCT, split.owner, len(split.photos.me), judge.threshold, *judged,
        seconds=seconds, spent=perf_counter() - start,
    )  # fmt: skip


def _replace_non_finite(value: Any) -> Any:
    """Return None in place of what is no number, which JSON does not know."""
    if isinstance(value, tuple):
        return tuple(_replace_non_finite(one) for one in value)
    return None if isinstance(value, float) and not isfinite(value) else value


def _score_split(
    split: Split, scores: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    held, trained, unseen = (
        tuple(float(score) for score in scores(faces))
        for faces in (split.held, split.trained, split.unseen)
    )
    return held, trained, unseen
