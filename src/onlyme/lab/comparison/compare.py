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
from onlyme.lab.comparison.result import PRODUCT, WayResult
from onlyme.lab.comparison.split import make_splits
from onlyme.lab.train import limit_threads, train

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.comparison.split import Split
    from onlyme.lab.people import People
    from onlyme.lab.photos import Photos
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
    """

    plan: Plan
    cells: tuple[WayResult, ...]

    @property
    def seconds(self) -> float:
        """Duration of all training and scoring, over all runs of the command."""
        return sum(cell.spent for cell in self.cells)

    def select(self, way: str, photos: int | None = None) -> list[WayResult]:
        """Return a way's results, for one number of photos or for all."""
        return [c for c in self.cells if c.way == way and photos in {None, c.photos}]

    def ways(self) -> list[str]:
        """Return the ways that were compared, the product last."""
        return list(dict.fromkeys(cell.way for cell in self.cells))

    def to_json(self) -> dict[str, Any]:
        """Return figures, which are the same for the same seed, and timings, which differ."""
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
    total = plan.owners * len(plan.photos) * (len(plan.ways) + bool(product))
    for number, split in enumerate(make_splits(people, plan), 1):
        for way in [*plan.ways, *([PRODUCT] if product else ())]:
            line = (
                f"{len(cells) + 1} of {total}: {split.owner}, {len(split.photos.me)} photos, {way}"
            )
            if way == PRODUCT and product:
                on_step(line)
                cells.append(_score_product(split, product))
                continue
            spec = plan.make_spec(way)
            name = make_key(split, spec)
            stored = cache.find(name, spec.max_steps) if cache else None
            on_step(f"{line}: finished before" if stored else line)
            cells.append(stored or _train_way(split, spec, progress=progress))
            # Trainer and network refer to each other. Without this, the last network (1.5 GB
            # for the article's) stays in memory while the next one trains.
            gc.collect()
            if cache and not stored:
                cache.store(name, cells[-1])
        owners, rest = divmod(number, len(plan.photos))
        if not rest and owners < plan.owners:
            on_partial(Comparison(replace(plan, owners=owners), tuple(cells)))
    return Comparison(plan, tuple(cells))


def _train_way(split: Split, spec: Spec, *, progress: bool) -> WayResult:
    start = perf_counter()
    trained = train(split.photos, spec, progress=progress)
    with limit_threads(spec.threads):
        held, known, unseen = _score_split(split, trained.scores)
        look = inspect_way(trained, split)
    return WayResult(
        way=spec.way,
        owner=split.owner,
        photos=len(split.photos.me),
        threshold=trained.threshold,
        held=held,
        trained=known,
        unseen=unseen,
        reason=trained.result.reason,
        steps=trained.result.steps,
        curve=trained.result.curve,
        seconds=trained.result.seconds,
        spent=perf_counter() - start,
        peak_bytes=trained.result.peak_bytes,
        look=look,
    )


def _score_product(split: Split, product: ProductLearner) -> WayResult:
    start = perf_counter()
    scorer = product(split.photos)
    seconds = perf_counter() - start
    held, trained, unseen = _score_split(split, scorer.scores)
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
    )


def _replace_non_finite(value: Any) -> Any:
    """Replace NaN and infinity by None, since JSON does not know them."""
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
