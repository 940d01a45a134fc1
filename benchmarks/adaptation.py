"""Measure what adaptation gives an owner who changes, and what it gives an impostor.

    python benchmarks/adaptation.py [--owners 8] [--steps 1000] [--data DIR]

Owners and impostors are people of LFW with ten photos or more. (The head was trained on them: the
figures serve to choose rules, they promise nothing.) Each owner is enrolled with five photos. The
impostor is the most similar of the others and knows the owner's password, without which nothing
is learned.

1. Photos of the impostor are offered, one a day.
2. Morphs are offered: on the way from the owner to a photo of the impostor, the farthest point
   that is still accepted. It is the strongest attack we know.
3. The owner's face moves, in embedding space, in a random direction, while a match a day is
   offered: a simulation, since LFW has no years in it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from onlyme import embed
from onlyme.errors import OnlymeError
from onlyme.face.models import SHIPPED, find_model
from onlyme.faceid.adaptation import Adaptation
from onlyme.gate.admission import Gate
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
ENROLLED = 5
ANGLE = 1.05  # radians that the simulated face moves


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def embed_people(data, people):
    """Return at most 20 embeddings for each of the people with ten photos or more."""
    folders = sorted(f for f in (data / "lfw_dev").iterdir() if len(list(f.iterdir())) >= 10)
    found = []
    for folder in folders[:people]:
        vectors = []
        for path in sorted(folder.iterdir())[:20]:
            try:
                vectors.append(embed(path).vector)
            except OnlymeError:
                continue
        found.append(np.array(vectors))
    return found


class Trial:
    """One owner in a vault of their own."""

    def __init__(self, base, folder, me):
        store = Store(folder)
        self.base = base
        self.admin = VaultAdmin(store, Gate(store))
        none = np.empty((0, base.dimension), np.float32)
        self.enrolled = Owner.learn(base, "owner", Examples(me, none, none, none, none), far=1e-4)
        with store.edit() as edit:
            edit.put(self.enrolled.to_template())
        self.adaptation = Adaptation(base, self.admin)
        self.adaptation.set_consent("owner", consent=True)

    def offer(self, photos):
        """Offer one photo a day; return how many were accepted."""
        taken = 0
        for day, photo in enumerate(photos):
            outcome = self.adaptation.confirm("owner", photo, START + day * timedelta(days=1))
            taken += outcome in {"waiting", "learned"}
        return taken

    def measure_rates(self, probes):
        """Return acceptance before and after, and the greatest rise of margin over alpha."""
        after = Owner.from_template(self.base, self.admin.store.get("owner"))
        old = self.enrolled.margins(probes) - self.enrolled.alpha
        new = after.margins(probes) - after.alpha
        return (old >= 0).mean(), (new >= 0).mean(), (new - old).max()


def draw_morphs(trial, photos, steps):
    enrolled = trial.enrolled
    centre = unit(enrolled.examples.me.mean(axis=0))
    strict = max(enrolled.alpha, enrolled.learned.alpha_at(1e-5))
    shares = np.linspace(0.0, 1.0, 100)[:, None]
    for step in range(steps):
        way = unit((1 - shares) * centre + shares * photos[step % len(photos)])
        yield way[np.flatnonzero(enrolled.margins(way) >= strict)[-1]]


def make_ageing(people, owner, seed):
    """Return a function that gives a photo at a time from 0 to 1."""
    rng = np.random.default_rng(seed)
    mean = people[owner].mean(axis=0)
    length, centre = np.linalg.norm(mean), unit(mean)
    away = rng.standard_normal(len(mean))
    away = unit(away - (away @ centre) * centre)
    apart = np.concatenate([rows - rows.mean(axis=0) for rows in people])

    def photo(time):
        moved = mean + length * np.tan(ANGLE * time) * away
        return unit(moved + apart[rng.integers(len(apart))])

    return photo


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--owners", type=int, default=8)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("ONLYME_DATA", "../shared/data")
    )
    args = parser.parse_args()
    base = Base.load(find_model("embedder", SHIPPED).sha256)
    people = embed_people(Path(args.data), args.people)
    means = unit(np.array([rows.mean(axis=0) for rows in people]))
    alike = means @ means.T - 2 * np.eye(len(means))
    found = {"photos of the impostor": [], "morphs": [], "a changing owner": []}
    with tempfile.TemporaryDirectory() as temporary:
        for owner in range(args.owners):
            me, impostor = people[owner][:ENROLLED], people[int(np.argmax(alike[owner]))]
            trials = [Trial(base, Path(temporary) / f"{owner} {kind}", me) for kind in found]
            offered = (impostor[step % len(impostor)] for step in range(args.steps))
            taken = trials[0].offer(offered)
            found["photos of the impostor"].append((taken, *trials[0].measure_rates(impostor)))
            taken = trials[1].offer(draw_morphs(trials[1], impostor, args.steps))
            found["morphs"].append((taken, *trials[1].measure_rates(impostor)))
            photo = make_ageing(people, owner, owner)
            taken = trials[2].offer(photo(day / 120) for day in range(120))
            end = np.array([photo(1.0) for _ in range(200)])
            found["a changing owner"].append((taken, *trials[2].measure_rates(end)))
    for kind, rows in found.items():
        taken, before, after, _ = np.mean(rows, axis=0)
        print(
            f"{kind}: {taken:.0f} taken on average; accepted {before:.4f} → {after:.4f}, "
            f"margin up by {max(row[3] for row in rows):.3f} at most ({len(rows)} owners)"
        )


if __name__ == "__main__":
    main()
