"""Turn an evaluation into one document of plain values, for JSON and for the page.

Schema `onlyme-evaluation/1`; rates are shares from 0 to 1, margins are in the
unit of the head that was judged.

- `schema`, `created`, `title`, `model`, `seed`, `crossfit`: what was run.
- `headline`, `sentences`: the results in words.
- `data`: `people`, `photos`, `unusable` (photos without a face), and
  `failure_to_acquire`, a *rate*.
- `far`: the promised false accept rate that the report speaks of.
- `owners` (or null): `count`, `photos`, `repeats`, `strangers`, `genuine` and
  `impostor` (comparisons), `equal_error`; `points`: for each target FMR one
  threshold for all owners; `promised` (or null): for each promised rate,
  each owner at their own alpha; `curve`: the DET curve; `histogram`;
  `people`: one entry for each owner, the worst first; `closest`: the closest
  strangers; `mistaken`: the pairs of people behind the false accepts at `far`.
- `pairs` (or null): `accuracy`, `standard_error`, `folds`, `equal_error`,
  `points`, `judged`, `missing`.
- `groups` (or null): `alpha`, `fnmr`, `within`, `across`, the worst first.
- `strata` (or null): `rate` of all measured attempts, `unmeasured`, and `bands`: misses by what
  the pictures look like, at each owner's own alpha for `far`.

A *rate* is `{count, total, value, low, high}`: errors, comparisons, their
ratio (null for 0 of 0) and the 95 % Clopper-Pearson interval. `over_people`
is the 95 % bootstrap interval over owners, each with all their comparisons;
the strangers are not resampled. `standing` says what a rate can show:
`too_few` (under 3 / target comparisons: even no error at all would not show
the target; unless the rate is shown to lie above it), `wide` (under 30 errors,
Doddington's rule of 30) or `firm`; see `intervals.assess_rate`. The document
names photos and people; it never holds embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.charts import make_rate
from onlyme.errors import UsageError
from onlyme.evaluate.intervals import Interval, assess_rate, bootstrap_rate
from onlyme.evaluate.metrics import equal_error_rate, error_curve
from onlyme.evaluate.report.mistaken import find_mistaken_pairs
from onlyme.evaluate.report.sentences import write_headline, write_sentences
from onlyme.evaluate.resample import miss_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.evaluate.evaluation import Evaluation
    from onlyme.evaluate.groups import GroupRate, GroupStudy
    from onlyme.evaluate.owners import OwnerStudy, OwnerTrial
    from onlyme.evaluate.pair_verification import PairStudy
    from onlyme.evaluate.strata import StrataStudy

__all__ = ["SCHEMA", "make_document"]

SCHEMA = "onlyme-evaluation/1"

_CURVE_POINTS = 400
_BINS = 80
_MAX_CLOSEST_PAIRS = 12


def make_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return all results as plain numbers, strings, lists and dicts."""
    used, lost = len(evaluation.sources), len(evaluation.unusable)
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "created": evaluation.created.isoformat(timespec="seconds"),
        "title": evaluation.title,
        "model": evaluation.model,
        "seed": evaluation.plan.seed,
        "crossfit": evaluation.crossfit,
        "far": evaluation.plan.far,
        "data": {
            "people": int(np.unique(evaluation.labels).size),
            "photos": used + lost,
            "unusable": list(evaluation.unusable),
            "failure_to_acquire": make_rate(lost, used + lost).to_dict(),
        },
        "owners": _describe_owners(evaluation.owners, evaluation) if evaluation.owners else None,
        "pairs": _describe_pairs(evaluation.pairs) if evaluation.pairs else None,
        "groups": _describe_groups(evaluation.groups) if evaluation.groups else None,
        "strata": _describe_strata(evaluation.strata) if evaluation.strata else None,
    }
    return {"headline": write_headline(result), "sentences": write_sentences(result), **result}


def _describe_owners(study: OwnerStudy, evaluation: Evaluation) -> dict[str, Any]:
    impostors, genuine = study.impostors, study.genuine
    meeting = equal_error_rate(genuine, impostors.margins, impostor_weights=impostors.weights)
    plan, alphas = evaluation.plan, study.select_alphas(evaluation.plan.far)
    return {
        "count": len(study.owners),
        "photos": study.photos,
        "repeats": study.repeats,
        "strangers": len(study.fold_of),
        "genuine": int(genuine.size),
        "impostor": impostors.total,
        "equal_error": {"value": meeting.value, "threshold": meeting.threshold},
        "points": [_describe_point(study, far, plan.seed) for far in study.fars],
        "promised": [
            _describe_promised(study, index, plan.seed) for index in range(len(study.fars))
        ]
        if study.is_calibrated
        else None,
        "curve": _describe_curve(study),
        "histogram": _describe_histogram(study, alphas),
        "people": _describe_people(study, evaluation, alphas),
        "closest": _find_closest(study, evaluation, alphas),
        "mistaken": find_mistaken_pairs(study, evaluation.plan.far),
    }


def _describe_point(study: OwnerStudy, target: float, seed: int) -> dict[str, Any]:
    threshold = study.impostors.threshold_at(target)
    misses, attempts = study.misses_at(threshold)
    matches = study.impostors.rate_at(threshold)
    return {
        "fmr_target": target,
        "threshold": threshold,
        "fmr": matches.to_dict(),
        "fnmr": make_rate(int(misses.sum()), int(attempts.sum())).to_dict(),
        "fnmr_over_people": _resample_miss_rate(study, target, seed) if misses.any() else None,
        "standing": assess_rate(matches, target),
    }


def _describe_promised(study: OwnerStudy, index: int, seed: int) -> dict[str, Any]:
    owners = len(study.owners)
    accepts, rejects = np.zeros(owners, np.int64), np.zeros(owners, np.int64)
    attempts = np.zeros(owners, np.int64)
    for trial in study.trials:
        accepts[trial.owner] += trial.false_accepts[index]
        rejects[trial.owner] += trial.false_rejects[index]
        attempts[trial.owner] += trial.genuine.size
    compared = study.comparisons()
    each = accepts / compared
    far = study.fars[index]
    realised = make_rate(int(accepts.sum()), int(compared.sum()))
    return {
        "far": far,
        "realised": realised.to_dict(),
        "realised_over_people": _bootstrap_over_people(accepts, compared, seed),
        "mean_over_owners": float(each.mean()),
        "highest_of_an_owner": float(each.max()),
        "owners_above_tenfold": make_rate(int((each > 10 * far).sum()), owners).to_dict(),
        "fnmr": make_rate(int(rejects.sum()), int(attempts.sum())).to_dict(),
        "fnmr_over_people": _bootstrap_over_people(rejects, attempts, seed),
        "standing": assess_rate(realised, far),
    }


def _describe_curve(study: OwnerStudy) -> dict[str, list[float]]:
    impostors = study.impostors
    curve = error_curve(study.genuine, impostors.margins, impostor_weights=impostors.weights)
    # Points at equal distances along both logarithmic axes of the chart.
    size = curve.thresholds.size
    marks = np.linspace(0, 1, _CURVE_POINTS // 2)
    low = max(1.0 / impostors.total, 1e-9)
    along = size - 1 - np.searchsorted(curve.fmr[::-1], low ** (1 - marks), side="right")
    low = 1.0 / study.genuine.size
    up = np.searchsorted(curve.fnmr, low ** (1 - marks))
    keep = np.unique(
        np.clip(np.concatenate([along, along + 1, up - 1, up, [0, size - 1]]), 0, size - 1)
    )
    return {
        "threshold": curve.thresholds[keep].tolist(),
        "fmr": curve.fmr[keep].tolist(),
        "fnmr": curve.fnmr[keep].tolist(),
    }


def _describe_histogram(study: OwnerStudy, alphas: NDArray[np.float64]) -> dict[str, Any]:
    impostors, genuine = study.impostors, study.genuine
    low = min(float(impostors.margins.min()), float(genuine.min()))
    high = max(float(impostors.margins.max()), float(genuine.max()))
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    return {
        "edges": edges.tolist(),
        "genuine": np.histogram(genuine, edges)[0].tolist(),
        "impostor": np.histogram(impostors.margins, edges, weights=impostors.weights)[0].tolist(),
        "alpha": {
            "low": float(alphas.min()),
            "median": float(np.median(alphas)),
            "high": float(alphas.max()),
        },
    }


def _describe_people(
    study: OwnerStudy, evaluation: Evaluation, alphas: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return one entry for each owner: most often rejected first, then the lowest margin."""
    entries: list[dict[str, Any]] = []
    trials: dict[int, list[tuple[OwnerTrial, float]]] = {}
    for trial, alpha in zip(study.trials, alphas.tolist(), strict=True):
        trials.setdefault(trial.owner, []).append((trial, alpha))
    tail = study.impostors
    for each in trials.values():
        above = np.concatenate([trial.genuine - alpha for trial, alpha in each])
        strange = np.concatenate([trial.closest_margins - alpha for trial, alpha in each])
        worst, _ = min(each, key=lambda pair: float(pair[0].genuine.min()) - pair[1])
        accepted = _count_accepts(each, tail.total, study, evaluation.plan.far)
        entries.append(
            {
                "person": each[0][0].person,
                "attempts": int(above.size),
                "misses": int((above < 0).sum()),
                "comparisons": sum(trial.impostors for trial, _ in each),
                "false_accepts": accepted,
                # All relative to the owner's own alpha: above 0 is accepted.
                "lowest": float(above.min()),
                "median": float(np.median(above)),
                "highest": float(above.max()),
                "closest_stranger": float(strange.max()),
                "enrolled_source": evaluation.sources[int(worst.enrolled[0])],
                "lowest_source": evaluation.sources[int(worst.probes[worst.genuine.argmin()])],
            }
        )
    return sorted(entries, key=_make_worst_key)


def _make_worst_key(entry: dict[str, Any]) -> tuple[float, float]:
    return -entry["misses"] / entry["attempts"], entry["lowest"]


def _count_accepts(
    trials: list[tuple[OwnerTrial, float]], total: int, study: OwnerStudy, far: float
) -> int | None:
    """Count the strangers' photos that an owner's alpha accepted; None if they were not stored."""
    if study.is_calibrated:
        index = study.fars.index(far)
        return int(sum(trial.false_accepts[index] for trial, _ in trials))
    threshold = trials[0][1]  # the same for all owners
    if not total or not study.impostors.is_exact_at(threshold):
        return None
    hit = study.impostors.margins >= threshold
    return int((study.impostors.owners[hit] == trials[0][0].owner).sum())


def _find_closest(
    study: OwnerStudy, evaluation: Evaluation, alphas: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return the pairs of owner and stranger with the highest margins above alpha."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for trial, alpha in zip(study.trials, alphas.tolist(), strict=True):
        for row, margin in zip(trial.closest, trial.closest_margins.tolist(), strict=True):
            stranger = str(study.labels[row])
            known = best.get((trial.person, stranger))
            if known is None or margin - alpha > known["above_alpha"]:
                best[trial.person, stranger] = {
                    "owner": trial.person,
                    "owner_source": evaluation.sources[int(trial.enrolled[0])],
                    "stranger": stranger,
                    "stranger_source": evaluation.sources[int(row)],
                    "margin": margin,
                    "above_alpha": margin - alpha,
                    "accepted": margin >= alpha,
                }
    ranked = sorted(best.values(), key=lambda pair: -pair["above_alpha"])
    return ranked[:_MAX_CLOSEST_PAIRS]


def _describe_pairs(study: PairStudy) -> dict[str, Any]:
    return {
        "judged": len(study.pairs),
        "same": int(study.same.sum()),
        "missing": len(study.missing),
        "accuracy": study.accuracy.mean,
        "standard_error": study.accuracy.standard_error,
        "folds": list(study.accuracy.folds),
        "equal_error": {
            "value": study.equal_error.value,
            "threshold": study.equal_error.threshold,
            "over_people": _describe_interval(study.equal_error_interval),
        },
        "points": [
            {
                "fmr_target": target,
                "threshold": point.threshold,
                "fmr": point.fmr.to_dict(),
                "fnmr": point.fnmr.to_dict(),
                "standing": assess_rate(point.fmr, target),
            }
            for target, point in study.points
        ],
    }


def _describe_groups(study: GroupStudy) -> dict[str, Any]:
    def describe_rates(rates: tuple[GroupRate, ...]) -> list[dict[str, Any]]:
        return [
            {
                "group": each.group,
                "against": each.against,
                "people": each.people,
                "rate": each.rate.to_dict(),
                "over_people": _describe_interval(each.over_people) if each.over_people else None,
                "enough": each.enough,
            }
            for each in rates
        ]

    return {
        "fmr": study.fmr,
        "alpha": study.alpha,
        "unlabelled": study.unlabelled,
        "fnmr": describe_rates(study.fnmr),
        "within": describe_rates(study.within),
        "across": describe_rates(study.across),
    }


def _describe_strata(study: StrataStudy) -> dict[str, Any]:
    return {
        "rate": study.rate.to_dict(),
        "unmeasured": study.unmeasured,
        "bands": [
            {
                "measure": each.measure,
                "band": each.band,
                "people": each.people,
                "rate": each.rate.to_dict(),
                "over_people": _describe_interval(each.over_people) if each.over_people else None,
                "share_of_misses": each.share,
                "enough": each.enough,
            }
            for each in study.strata
        ],
    }


def _describe_interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _resample_miss_rate(study: OwnerStudy, target: float, seed: int) -> dict[str, float] | None:
    """Return the interval of an FNMR with a new threshold on every draw; None where none exists."""
    try:
        return _describe_interval(miss_rate(study, target, repeats=300, seed=seed))
    except UsageError:
        return None


def _bootstrap_over_people(
    errors: NDArray[np.int64], trials: NDArray[np.int64], seed: int
) -> dict[str, float] | None:
    """Return the bootstrap interval; None without errors (it would have no width) or people."""
    if not errors.any():
        return None
    try:
        return _describe_interval(bootstrap_rate(errors, trials, seed=seed))
    except UsageError:
        return None
