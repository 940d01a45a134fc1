"""Measure identification on people whom the head was not trained on, beside plain cosine.

    python benchmarks/identify.py [FOLDER] [--json FILE]

FOLDER is a folder of people (by default lfw_dev in ONLYME_DATA). The people are dealt into four
parts. Two parts at a time are scored by a head, a cohort and draws made from the other two, and
by a curve measured on the other two: no one is scored by what was learned from them. In these two
parts each person with two photos or more is enrolled with one; their other photos are known
probes, and the photos of all other people are unknown probes. Six such trials are pooled. Each is
decided by the first network alone and with the second look.

In the large gallery the people who have one photo only are enrolled too, up to `--large` people.
There each comparison is scored by what was made without either person, and the curve of one half
of the people decides about the probes of the other half.

FPIR: the share of unknown probes that get a name. FNIR: the share of known probes that do not
get their own name (ISO/IEC 19795-1). Intervals are 95 %, by bootstrap over people, known and
unknown, paired where two methods are compared.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from held_apart import fit_held_apart  # noqa: E402 - tools/ is no package
from people import make_parser  # noqa: E402 - as above
from train_head import RECIPE, fit_shipped_head  # noqa: E402 - needs the path above
from train_second import (  # noqa: E402 - as above
    FARTHEST,
    MOST,
    NEAREST,
    WEIGHT,
    Views,
    read_both,
)

from onlyme.gallery.identify import LEAD_MARGIN  # noqa: E402 - needs the path above
from onlyme.siamese.distance import measure_distances, normalize  # noqa: E402 - needs the path above
from onlyme.siamese.second import split_views  # noqa: E402 - needs the path above
from onlyme.siamese.training.curves import LOG_FAR, TrialScores, make_far_curve  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    from people import People

    from onlyme.siamese.training.crossfit import CrossFit, FoldModel

Array = np.ndarray[Any, np.dtype[Any]]
FPIR = 0.01
PROMISES = (0.1, 0.03, 0.01, 0.003)


@dataclass(frozen=True, slots=True)
class Trial:
    """One gallery and its probes, of people by number.

    Attributes:
        enrolled: the person of each row of the gallery.
        probe: the person of each probe.
        known: whether that person is enrolled.
        ours: float[probes, gallery], z by the article's rule and the second look. Here everybody is
            looked at twice; the cascade decides alike (tests/gallery/test_second_look.py).
        alone: the same by the first network alone.
        cosine: the same of the network's own vectors.
        promised: for each of `PROMISES` the z that keeps it among this many people.
        open: float[promises, 2], between which z the second network is asked.
    """

    enrolled: Array
    probe: Array
    known: Array
    ours: Array
    alone: Array
    cosine: Array
    promised: Array
    open: Array


def main() -> int:
    parser = make_parser(__doc__, rounds=1000, seed=0)
    parser.add_argument("--large", type=int, default=2000, help="people in the large gallery")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    people, second = read_both(args.folder, args.labels, console)
    print(f"{people.count} people, {len(people.labels)} photos; recipe {RECIPE}")
    with console.status("training heads, each without half of the people"):
        shared = people, args.folder, console, fit_shipped_head
        cross = fit_held_apart(*shared, folds=4, seed=args.seed)
    both = Both(people, second, cross)
    trials = [trial(both, pair, args.seed) for pair in combinations(range(4), 2)]
    large = large_trials(both, args.large, args.seed)
    found = {}
    for title, some in (("", trials), (f"{args.large} enrolled: ", large)):
        found |= {
            f"{title}trials": [sizes(one) for one in some],
            f"{title}FNIR at FPIR 1 %": beside_others(some, args.rounds, args.seed),
            f"{title}promised": kept(some, args.rounds, args.seed),
            f"{title}promised, the first network alone": kept(
                [replace(one, ours=one.alone) for one in some], args.rounds, args.seed
            ),
            f"{title}looked at twice": looks(some),
            f"{title}lead": leads(some),
        }
    for title, rows in found.items():
        print(f"\n{title}")
        for row in rows:
            print("  " + "  ".join(f"{key} {shown(value)}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def shown(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# ------------------------------------------------------------------------- trials


@dataclass(frozen=True, slots=True)
class Both:
    """The same photos by both looks, and the heads of the first."""

    people: People
    second: People
    cross: CrossFit

    @property
    def fold(self) -> Array:
        """The fold of each photo's person."""
        return self.cross.fold[: len(self.people.labels)]

    def score(self, pair: tuple[int, int], enrolled: Array, probes: Array) -> tuple[Array, Array]:
        """Return z and the joint score, float[probes, gallery] each, made without two folds."""
        model = self.cross.find_model(*pair)
        z = scores(model, enrolled, probes)
        other, mirrored = split_views(self.second.embeddings, self.people.embeddings.shape[1])
        joined = normalize(self.people.embeddings + mirrored)
        heads = model.base.project(joined[probes]), model.base.project(joined[enrolled])
        plain = measure_distances(model.heads[probes], model.heads[enrolled])
        away = measure_distances(other[probes], other[enrolled])
        return z, Views(z, away, plain - measure_distances(*heads)).join()

    def curves(self, pair: tuple[int, int], seed: int) -> tuple[Array, Array]:
        """Return the curves of z and of the joint score, on the people of two folds."""
        enrolled, probes = dealt(self.people, np.isin(self.fold, pair), seed)
        first, joint = self.score(pair, enrolled, probes)
        return tuple(curve_of(self.people, each, enrolled, probes) for each in (first, joint))


def trial(both: Both, pair: tuple[int, int], seed: int) -> Trial:
    others = tuple(part for part in range(4) if part not in pair)
    enrolled, probes = dealt(both.people, np.isin(both.fold, pair), seed)
    return make_trial(
        both, enrolled, probes, both.score(pair, enrolled, probes), both.curves(others, seed)
    )


def large_trials(both: Both, count: int, seed: int) -> list[Trial]:
    """Deal all people into one gallery; return a trial of each half's probes."""
    enrolled, probes = dealt(both.people, np.ones(len(both.fold), bool), seed)
    alone = probes[~np.isin(both.people.labels[probes], both.people.labels[enrolled])]
    generator = np.random.default_rng(seed + 2)
    more = generator.permutation(alone)[: max(count - len(enrolled), 0)]
    enrolled, probes = np.concatenate([enrolled, more]), np.setdiff1d(probes, more)
    made = []
    for half, other in (((0, 1), (2, 3)), ((2, 3), (0, 1))):
        asked = probes[np.isin(both.fold[probes], half)]
        z = np.empty((len(asked), len(enrolled)))
        joint = np.empty_like(z)
        for own in range(4):
            columns = np.flatnonzero(both.fold[enrolled] == own)
            for part in half:
                rows = np.flatnonzero(both.fold[asked] == part)
                found = both.score((own, part), enrolled[columns], asked[rows])
                z[np.ix_(rows, columns)], joint[np.ix_(rows, columns)] = found
        made.append(make_trial(both, enrolled, asked, (z, joint), both.curves(other, seed)))
    return made


def make_trial(
    both: Both,
    enrolled: Array,
    probes: Array,
    scored: tuple[Array, Array],
    curves: tuple[Array, Array],
) -> Trial:
    people, (z, joint), (first, second) = both.people, scored, curves
    rates = np.log10(np.array(PROMISES) / len(enrolled))
    alpha, least = (np.interp(-rates, -LOG_FAR, curve) for curve in curves)
    low = np.minimum(least + WEIGHT * NEAREST - MOST, alpha)
    high = np.maximum(least + WEIGHT * FARTHEST + MOST, alpha)
    return Trial(
        enrolled=people.labels[enrolled],
        probe=people.labels[probes],
        known=np.isin(people.labels[probes], people.labels[enrolled]),
        # The z that stands for the same rate, as `SecondRule.fuse` computes it.
        ours=np.interp(joint, second, first),
        alone=z,
        cosine=people.embeddings[probes] @ people.embeddings[enrolled].T,
        promised=alpha,
        open=np.stack([low, high], axis=1),
    )


def dealt(people: People, judged: Array, seed: int) -> tuple[Array, Array]:
    """Return the rows that are enrolled, one of each person with several, and all other rows."""
    generator = np.random.default_rng(seed + 1)
    enrolled = []
    for person in np.unique(people.labels[judged]):
        rows = np.flatnonzero(people.labels == person)
        if len(rows) > 1:
            enrolled.append(int(generator.choice(rows)))
    probes = np.setdiff1d(np.flatnonzero(judged), enrolled)
    return np.array(enrolled), probes


def scores(model: FoldModel, enrolled: Array, probes: Array) -> Array:
    """The z of every probe against all people enrolled, as in `onlyme.gallery.identify`."""
    templates = model.heads[enrolled]
    centres = model.base.measure_centres(templates)
    margins = model.not_me[probes][:, None] - measure_distances(model.heads[probes], templates)
    return margins - centres


def curve_of(people: People, z: Array, enrolled: Array, probes: Array) -> Array:
    """The curve of false accept rates against a score, of owners with one photo."""
    apart = people.labels[probes][:, None] != people.labels[enrolled][None]
    measured = TrialScores(
        photos=1,
        owner=people.labels[enrolled],
        genuine=[],
        impostor=[z[apart[:, n], n] for n in range(len(enrolled))],
        stranger=[people.labels[probes][apart[:, n]] for n in range(len(enrolled))],
    )
    return make_far_curve(measured, 1e-5)


def sizes(one: Trial) -> dict[str, Any]:
    return {
        "enrolled": len(one.enrolled),
        "known": int(one.known.sum()),
        "unknown": int((~one.known).sum()),
    }


# ------------------------------------------------------------------------ figures


def best(one: Trial, table: Array) -> tuple[Array, Array]:
    """The highest score of each probe, and whether it is the right person's."""
    first = table.argmax(axis=1)
    return table.max(axis=1), one.enrolled[first] == one.probe


class Pooled:
    """Scores of one way over all trials, ready to be counted with people any number of times."""

    def __init__(self, trials: list[Trial], which: str) -> None:
        tops, rights = zip(*(best(one, getattr(one, which)) for one in trials), strict=True)
        known = np.concatenate([one.known for one in trials])
        top, right = np.concatenate(tops), np.concatenate(rights)
        self.probe = np.concatenate([one.probe for one in trials])
        self.limits = [top[~known], self.probe[~known]]
        # A known probe whose nearest is another person is missed at any limit.
        self.genuine = [np.where(right, top, -np.inf)[known], self.probe[known]]

    def fnir(self, times: Array, fpir: float) -> float:
        """FNIR at an FPIR, with each person counted `times` times."""
        top, who = self.limits
        order = np.argsort(-top, kind="stable")
        reached = np.cumsum(times[who[order]]) / times[who].sum()
        limit = top[order][min(np.searchsorted(reached, fpir), len(order) - 1)]
        score, person = self.genuine
        weight = times[person]
        return float(weight @ (score <= limit) / weight.sum())


def again(trials: list[Trial], rounds: int, seed: int) -> Array:
    """How often each person is drawn in each round: float[rounds, people]."""
    people = max(int(one.probe.max()) for one in trials) + 1
    generator = np.random.default_rng(seed)
    drawn = generator.integers(people, size=(rounds, people))
    return np.stack([np.bincount(row, minlength=people) for row in drawn]).astype(float)


def beside_others(trials: list[Trial], rounds: int, seed: int) -> list[dict[str, Any]]:
    """FNIR with the second look, beside the first network alone and plain cosine, paired."""
    ways = {way: Pooled(trials, way) for way in ("ours", "alone", "cosine")}
    times = again(trials, rounds, seed)
    once = np.ones(times.shape[1])
    here = {way: pooled.fnir(once, FPIR) for way, pooled in ways.items()}
    drawn = {way: np.array([p.fnir(row, FPIR) for row in times]) for way, p in ways.items()}
    rows = []
    for way in ways:
        ratios = drawn["ours"] / drawn[way]
        rows.append(
            {
                "way": way,
                "FNIR": here[way],
                "interval": np.quantile(drawn[way], [0.025, 0.975]).tolist(),
                "ours, times this": here["ours"] / here[way],
                "its interval": np.quantile(ratios, [0.025, 0.975]).tolist(),
            }
        )
    return rows


def looks(trials: list[Trial]) -> list[dict[str, Any]]:
    """The share of probes that are looked at twice, where each person was seen by both."""
    rows = []
    for at, promise in enumerate(PROMISES):
        asked = []
        for one in trials:
            low, high = one.open[at]
            asked.append(((one.alone >= low) & (one.alone < high)).any(axis=1))
        twice = np.concatenate(asked)
        known = np.concatenate([one.known for one in trials])
        shares = {"known": float(twice[known].mean()), "unknown": float(twice[~known].mean())}
        rows.append({"promised FPIR": promise, **shares})
    return rows


def kept(trials: list[Trial], rounds: int, seed: int) -> list[dict[str, Any]]:
    """Promised against realised FPIR, with the lead that the answer needs, and what it costs."""
    times = again(trials, rounds, seed)
    rows = []
    for at, promise in enumerate(PROMISES):
        named, who, missed, asked, wrong, close = [], [], [], [], 0, 0
        for one in trials:
            top, right, ambiguous = answers(one, one.promised[at], LEAD_MARGIN)
            given = top & ~ambiguous
            named.append(given[~one.known])
            who.append(one.probe[~one.known])
            missed.append(~(given & right)[one.known])
            asked.append(one.probe[one.known])
            wrong += int((given & ~right & one.known).sum())
            close += int((ambiguous & one.known).sum())
        name, stranger = np.concatenate(named), np.concatenate(who)
        miss, known = np.concatenate(missed), np.concatenate(asked)
        weights = times[:, stranger]
        drawn = (weights @ name) / weights.sum(axis=1)
        rows.append(
            {
                "promised FPIR": promise,
                "realised": float(name.mean()),
                "interval": np.quantile(drawn, [0.025, 0.975]).tolist(),
                "named": int(name.sum()),
                "of": len(name),
                "FNIR": float(miss.mean()),
                "known": len(known),
                "wrong name": wrong,
                "ambiguous": close,
            }
        )
    return rows


def answers(one: Trial, limit: float, lead: float) -> tuple[Array, Array, Array]:
    """Whether each probe is found, rightly, and whether it is too near to call."""
    order = np.sort(one.ours, axis=1)
    first, second = order[:, -1], order[:, -2]
    _, right = best(one, one.ours)
    found = first >= limit
    return found, right, found & (first - second < lead)


def leads(trials: list[Trial]) -> list[dict[str, Any]]:
    """What a lead costs and prevents, at the promise of 1 %."""
    at = PROMISES.index(0.01)
    rows = []
    for lead in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        total = {"right": 0, "wrong name": 0, "unknown named": 0, "both pass": 0}
        for one in trials:
            found, right, ambiguous = answers(one, one.promised[at], lead)
            given = found & ~ambiguous
            passing = (one.ours >= one.promised[at]).sum(axis=1) > 1
            total["right"] += int((given & right & one.known).sum())
            total["wrong name"] += int((given & ~right & one.known).sum())
            total["unknown named"] += int((given & ~one.known).sum())
            total["both pass"] += int((given & passing).sum())
        rows.append({"lead": lead, **total})
    return rows


if __name__ == "__main__":
    sys.exit(main())
