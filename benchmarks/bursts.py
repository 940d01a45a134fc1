"""Measure the rate of an attempt of five frames, beside that of one picture.

    python benchmarks/bursts.py [FOLDER] [--people 200]

The rate that is promised for a camera is that of an attempt: the median of the margins of up to
five frames. The curves were counted on single pictures. Here bursts are made from photos of people
held apart: five views each, either of a face that moves a little (turned and scaled), or of a poor
camera (blur, noise, compression, few pixels, darkness). Owners are enrolled with ordinary photos.
Both networks decide, as in the product. In `nuaa_dev` beside FOLDER the frames of a webcam's
sessions are attempts as they are: each person is enrolled in one session and tries in another.
Intervals are 95 %, by bootstrap over owners and strangers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

from held_apart import fit_held_apart  # noqa: E402 - tools/ is no package
from people import choose_labelled_face, make_parser  # noqa: E402 - as above
from train_head import fit_shipped_head  # noqa: E402 - as above
from train_second import read_both  # noqa: E402 - as above
from views import choose_photos, make_views  # noqa: E402 - benchmarks/ is no package

from onlyme.face.align import align  # noqa: E402 - needs the path above
from onlyme.faceid import networks  # noqa: E402 - needs the path above
from onlyme.settings import Settings  # noqa: E402 - needs the path above
from onlyme.siamese.distance import normalize  # noqa: E402 - needs the path above
from onlyme.siamese.head import Base  # noqa: E402 - needs the path above
from onlyme.siamese.second import measure_to_mean, split_views  # noqa: E402 - needs the path above
from onlyme.siamese.training.crossfit import make_trials  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    from people import People

    from onlyme.siamese.second import SecondRule
    from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial

Array = np.ndarray[Any, np.dtype[Any]]
BURSTS = {"moves a little": (6, 7, 8, 9), "poor camera": (3, 4, 5, 10, 11)}
"""Views of `benchmarks/views.py` in each burst; the first burst includes the photo as it is."""

RATES = (1e-3, 1e-4)
REPEATS = {1: 1, 2: 1, 5: 2}
"""Enrolments of each owner, by number of photos."""


def main() -> int:
    parser = make_parser(__doc__, rounds=400, seed=5)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    people, second = read_both(args.folder, args.labels, console)
    cross = fit_held_apart(people, args.folder, console, fit_shipped_head, folds=5, seed=0)
    rows = choose_photos(people, args.people, np.random.default_rng(args.seed))
    with console.status("embedding views"):
        bursts = embed_bursts(args.folder, people, rows)
    photo = {"one picture": (people.embeddings[rows][:, None], second.embeddings[rows][:, None])}
    found: dict[str, Any] = {}
    for photos, repeats in REPEATS.items():
        trials = make_trials(people.labels, photos, repeats, 0)
        found[f"photos {photos}"] = [
            {"seen": name, **line}
            for name, (one, two) in (photo | bursts).items()
            for line in measure(
                people, second, Frames(cross, rows, one, two), trials, photos, args.rounds
            )
        ]
    nuaa = args.folder.parent / "nuaa_dev" / "live"
    if nuaa.is_dir():
        found["sessions of a webcam"] = measure_sessions(nuaa)
    for title, lines in found.items():
        print(f"\n{title}")
        for line in lines:
            print("  " + "  ".join(f"{key} {value}" for key, value in line.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def embed_bursts(folder: Path, people: People, rows: Array) -> dict[str, tuple[Array, Array]]:
    """Embed the bursts of each photo by both looks: float32[n, frames, d] and [n, frames, e]."""
    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    assert pipeline.second is not None  # noqa: S101 - `read_both` used it
    looks = (pipeline.embedder, pipeline.second())
    found: dict[str, tuple[list[Any], list[Any]]] = {name: ([], []) for name in BURSTS}
    for row in rows:
        frame = pipeline.decode(folder / people.files[row])
        face = choose_labelled_face(pipeline.detector.detect(frame.pixels), frame)
        assert face is not None  # noqa: S101 - `read_people` left out the others
        aligned = align(frame.pixels, face, pipeline.embedder.size)
        views = list(make_views(aligned, np.random.default_rng(int(row))))
        for name, chosen in BURSTS.items():
            frames = [views[n] for n in chosen]
            frames = [aligned, *frames] if len(frames) < 5 else frames
            for network, into in zip(looks, found[name], strict=True):
                into.append([network.embed(view).vector for view in frames])
    return {name: (np.array(one), np.array(two)) for name, (one, two) in found.items()}


class Frames:
    """The frames of all attempts, ready to be scored for any owner.

    Args:
        cross: heads that were made without some of the people.
        rows: int[n], the photo that each attempt is made from.
        one: float32[n, frames, d], by the first network.
        two: float32[n, frames, e], by the second look.
    """

    def __init__(self, cross: CrossFit, rows: Array, one: Array, two: Array) -> None:
        self.cross, self.rows = cross, rows
        self.shape = one.shape[:2]
        self.one = one.reshape(-1, one.shape[-1])
        self.other, mirrored = split_views(two.reshape(-1, two.shape[-1]), one.shape[-1])
        self.joined = normalize(self.one + mirrored)
        self._heads: dict[tuple[int, int], tuple[Array, Array, Array]] = {}

    def score(self, trial: CrossFitTrial, second: People, rule: SecondRule, row: int) -> Array:
        """Return z of each frame after both looks, float[n, frames], as `SecondRule.fuse` does."""
        home, shape = int(self.cross.fold[trial.me[0]]), self.shape
        me = self.cross.embeddings[trial.me]
        own, own_mirrored = split_views(second.embeddings[trial.me], me.shape[1])
        own_joined = normalize(me + own_mirrored)
        z, nearer = np.empty(shape), np.empty(shape)
        for other in range(self.cross.folds):
            here = self.cross.fold[self.rows] == other
            model = self.cross.find_model(home, other)
            heads, joined, not_me = self._project(home, other)
            own_heads = model.heads[trial.me], model.base.project(own_joined)
            away, both = (
                measure_to_mean(faces[here].reshape(-1, faces.shape[-1]), mine)
                for faces, mine in zip((heads, joined), own_heads, strict=True)
            )
            away, both = away.reshape(-1, shape[1]), both.reshape(-1, shape[1])
            template = normalize(own_heads[0].mean(axis=0))[None]
            z[here] = not_me[here] - away - model.base.measure_centres(template)
            nearer[here] = away - both
        distance = measure_to_mean(self.other, own).reshape(shape)
        return np.interp(z + rule.hold(distance, nearer), rule.curve.z[row], rule.first.z[row])

    def _project(self, home: int, other: int) -> tuple[Array, Array, Array]:
        """Return the heads of all frames, those with the mirror image, and d(x, NOT_ME)."""
        pair = min(home, other), max(home, other)
        if pair not in self._heads:
            base = self.cross.find_model(*pair).base
            heads, joined = base.project(self.one), base.project(self.joined)
            not_me = base.stranger_rule.measure_distance(heads)
            parts = heads, joined, not_me[:, None]
            self._heads[pair] = tuple(part.reshape(*self.shape, -1) for part in parts)
        heads, joined, not_me = self._heads[pair]
        return heads, joined, not_me[..., 0]


def measure(
    people: People,
    second: People,
    frames: Frames,
    trials: list[CrossFitTrial],
    photos: int,
    rounds: int,
) -> list[dict[str, Any]]:
    """Count what attempts, and their frames one by one, reach at each promise."""
    rule = Base.load(people.model).second
    assert rule is not None  # noqa: S101 - it is shipped
    row = min(int(np.searchsorted(rule.first.photos, photos)), len(rule.first.photos) - 1)
    alphas = [rule.first.z_at(rate, photos) for rate in RATES]
    who = people.labels[frames.rows]
    names = np.unique(who)
    # Of each owner and stranger: attempts, then accepted ones and accepted frames at each rate.
    tables: dict[int, Array] = {}
    own, tries = np.zeros((len(RATES), 2)), 0
    for trial in trials:
        z = frames.score(trial, second, rule, row)
        attempt = np.sort(z, axis=1)[:, (z.shape[1] - 1) // 2]
        table = tables.setdefault(trial.owner, np.zeros((len(names), 1 + 2 * len(RATES))))
        stranger = who != trial.owner
        place = np.searchsorted(names, who[stranger])
        mine = ~stranger & ~np.isin(frames.rows, trial.me)
        tries += int(mine.sum())
        np.add.at(table[:, 0], place, 1)
        for at, alpha in enumerate(alphas):
            np.add.at(table[:, 1 + 2 * at], place, attempt[stranger] >= alpha)
            np.add.at(table[:, 2 + 2 * at], place, (z[stranger] >= alpha).mean(axis=1))
            own[at] += (attempt[mine] < alpha).sum(), (z[mine] < alpha).mean(axis=1).sum()
    return [
        describe(np.stack(list(tables.values())), at, rounds)
        | {
            "own tries": tries,
            "attempts missed": f"{own[at, 0]:.0f}, {100 * own[at, 0] / tries:.2f} %",
            "frames missed": f"{100 * own[at, 1] / tries:.2f} %",
        }
        for at in range(len(RATES))
    ]


def describe(tables: Array, at: int, rounds: int) -> dict[str, Any]:
    """Return realised rates of float[owners, strangers, counts] with intervals over both."""
    owners, strangers, _ = tables.shape
    generator = np.random.default_rng(0)

    def count(own: Array, others: Array) -> tuple[float, float]:
        total = np.einsum("o,osk,s->k", own, tables, others)
        accepted, frames = total[1 + 2 * at], total[2 + 2 * at]
        return accepted / total[0] / RATES[at], accepted / frames if frames else 1.0

    def draw(people: int) -> Array:
        return np.bincount(generator.integers(people, size=people), minlength=people)

    drawn = [count(draw(owners), draw(strangers)) for _ in range(rounds)]
    (low, less), (high, more) = np.quantile(drawn, [0.025, 0.975], axis=0)
    rate, ratio = count(np.ones(owners), np.ones(strangers))
    total = tables.sum(axis=(0, 1))
    return {
        "promised": RATES[at],
        "owners": owners,
        "strangers": strangers,
        "attempts": int(total[0]),
        "accepted": int(total[1 + 2 * at]),
        "times the promise": f"{rate:.2f} ({low:.2f} to {high:.2f})",
        "frames, times the promise": f"{total[2 + 2 * at] / total[0] / RATES[at]:.2f}",
        "attempts beside frames": f"{ratio:.2f} ({less:.2f} to {more:.2f})",
    }


def measure_sessions(folder: Path) -> list[dict[str, Any]]:
    """Enroll each person of a webcam in one session; count attempts of five frames in another."""
    from onlyme.siamese.examples import Examples, join_second
    from onlyme.siamese.owner import Owner

    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    base = Base.load(pipeline.embedder.model)
    sessions: dict[tuple[str, str], list[Any]] = {}
    for path in sorted(folder.glob("*/*.jpg")):
        seen = pipeline.look(path).complete_embedding()
        if seen is not None:
            person, *_, session, _ = path.stem.split("_")
            sessions.setdefault((person, session), []).append(seen)
    lines = []
    for person in sorted({person for person, _ in sessions}):
        mine = [session for session in sessions if session[0] == person]
        first = sessions[mine[0]]
        # With one session only the end of it is tried.
        rest = sessions[mine[1]] if len(mine) > 1 else first[len(first) // 2 :]
        enrolled = first[: len(first) // 2][:: max(len(first) // 10, 1)][:5]
        none = np.empty((0, base.dimension), np.float32)
        rows, model = join_second(enrolled)
        me = np.stack([one.vector for one in enrolled])
        examples = Examples(me, none, none, none, none, second=rows, second_model=model)
        others = [seen for (other, _), seen in sessions.items() if other != person]
        line: dict[str, Any] = {"person": person, "another day": len(mine) > 1}
        for rate in RATES:
            owner = Owner.learn(base, person, examples, far=rate)
            asked = [decide_attempts(owner, seen) for seen in ([rest], others)]
            for kind, (frames, attempts) in zip(("own", "strangers"), asked, strict=True):
                line[f"{kind} accepted at {rate:g}, attempts"] = (
                    f"{sum(attempts)} of {len(attempts)}"
                )
                line[f"{kind}, frames at {rate:g}"] = f"{sum(frames)} of {len(frames)}"
        lines.append(line)
    return lines


def decide_attempts(owner: Any, sessions: list[list[Any]]) -> tuple[list[bool], list[bool]]:
    """Decide each frame alone, and each five that follow each other."""
    from onlyme.types import Embedding

    def decide(frames: list[Any]) -> bool:
        vectors = np.stack([one.vector for one in frames])

        def look(row: int) -> Embedding | None:
            one = frames[row]
            return None if one.second is None else Embedding(one.second, one.second_model)

        return bool(owner.decide(vectors, look).accepted)

    single = [decide([one]) for seen in sessions for one in seen]
    five = [decide(seen[at : at + 5]) for seen in sessions for at in range(0, len(seen) - 4, 5)]
    return single, five


if __name__ == "__main__":
    sys.exit(main())
