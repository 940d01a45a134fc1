"""Measure the lab's figures.

    python benchmarks/lab.py compact            on the article's photos (ONLYME_DATA)
    python benchmarks/lab.py growth             unbounded vectors against unit length
    python benchmarks/lab.py article --minutes 3
    python benchmarks/lab.py all

Each prints its measurements with their counts.
"""

import argparse
import itertools
import os
import time
from pathlib import Path

import numpy as np
import torch

from onlyme.cli.lab.parts import make_loader
from onlyme.lab.networks import Article, build_network, to_tensor
from onlyme.lab.networks.siamese import compute_pair_margins
from onlyme.lab.onnx_file import export, get_embedder
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.lab.trainer import train
from onlyme.storage.peak_memory import forget_peak, read_peak_bytes

HERE = Path(__file__).resolve().parents[1]


def load_article_photos(*, whole=False):
    """The article's photos in the order of their numbers: 7 ME and 9 NOT_ME."""
    data = Path(os.environ.get("ONLYME_DATA", HERE / ".." / "shared" / "data")) / "article"
    load = make_loader(whole=whole)

    def number(path):
        return int(path.stem.rsplit("_", 1)[1])

    return [
        np.stack([load(path) for path in sorted((data / folder).iterdir(), key=number)])
        for folder in ("me", "not_me")
    ]


def format_verdicts(trained, me, not_me):
    mine, others = trained.scores(me), trained.scores(not_me)
    return (
        f"held-out ME accepted {(mine >= trained.threshold).sum()}/{len(mine)} "
        f"(margins {np.round(mine, 2).tolist()}), held-out NOT_ME refused "
        f"{(others < trained.threshold).sum()}/{len(others)} ({np.round(others, 2).tolist()})"
    )


def measure_compact(models):
    me, not_me = load_article_photos()
    print("compact, alpha 0.5, ME 1-5 and NOT_ME 1-4, 6-8 of the article, held out the last two:")
    for seed in range(3):
        trained = train(Photos(me[:5], not_me[:7]), Spec("compact", seed=seed))
        result = trained.result
        print(
            f"  seed {seed}: {result.reason} after {result.steps} steps, {result.seconds:.1f} s, "
            f"{result.peak_bytes / 1e6:.0f} MB; {format_verdicts(trained, me[5:], not_me[7:])}"
        )
    exported = export(get_embedder(trained), "benchmark", models, np.concatenate([me, not_me]))
    print(f"  exported: distances differ by {exported.difference:.1e} at most (16 photos)")
    print("  four other pairs of ME held out (harder: ME 4-7 are nearly one photo):")
    hits = false_accepts = me_total = not_me_total = 0
    for index, held in enumerate(((0, 1), (1, 2), (0, 2), (2, 6))):
        training = [i for i in range(7) if i not in held]
        out = [index * 2, index * 2 + 1]
        rest = [i for i in range(9) if i not in out]
        trained = train(Photos(me[training], not_me[rest]), Spec("compact"))
        hits += int((trained.scores(me[list(held)]) >= 0.5).sum())
        false_accepts += int((trained.scores(not_me[out]) >= 0.5).sum())
        me_total, not_me_total = me_total + 2, not_me_total + 2
    print(f"  ME accepted {hits}/{me_total}, NOT_ME accepted {false_accepts}/{not_me_total}")


def measure_growth():
    me, not_me = load_article_photos()
    print("zero loss by growing: compact without unit length, same photos, alpha 0.5 and 1:")
    for alpha in (0.5, 1.0):
        for unit in (True, False):
            spec = Spec("compact", alpha=alpha, unit=unit)
            before = mean_length(build_network(spec), me)
            trained = train(Photos(me[:5], not_me[:7]), spec)
            print(
                f"  alpha {alpha:g}, {'unit length' if unit else 'any length'}: "
                f"{trained.result.reason} after {trained.result.steps} steps, mean length "
                f"{before:.2f} -> {mean_length(trained.network, me):.2f}; "
                f"{format_verdicts(trained, me[5:], not_me[7:])}"
            )


@torch.no_grad()
def mean_length(network, faces):
    return float(network.eval().embedder(to_tensor(faces)).norm(dim=1).mean())


def measure_article(minutes):
    """Compare the article's loop with our step on its own whole photos, for equal times."""
    me, not_me = (to_tensor(images) for images in load_article_photos(whole=True))
    print(
        "article, ME 1-5 and NOT_ME 1-4, 6-8 trained; error: share of the 2 x 5 x 9 triplets of "
        "held-out ME, trained ME and any NOT_ME whose loss at alpha 0.5 is not zero"
    )
    reached = {}
    for name, loop in (("its own loop", own_loop), ("our step", our_step)):
        forget_peak()
        rows, per_step = follow(loop, me, not_me, minutes)
        print(f"{name}: {per_step:.2f} s a step, {read_peak_bytes() / 1e9:.2f} GB at most")
        for seconds, steps, loss, error, right, wrong in rows:
            print(
                f"  {seconds:6.0f} s, {steps:4d} steps: loss of all triplets {loss:.3f}, held-out "
                f"error {error:.2f}; at the door ME accepted {right}/2, NOT_ME {wrong}/2"
            )
        reached[name] = rows
    print(f"time to equal held-out error, within {minutes:g} minutes each:")
    for level in sorted({row[3] for rows in reached.values() for row in rows}, reverse=True):
        times = [
            next((f"{row[0]:.0f} s" for row in rows if row[3] <= level), "not reached")
            for rows in reached.values()
        ]
        print(f"  {level:.2f}: its own loop {times[0]}, our step {times[1]}")


def follow(loop, me, not_me, minutes):
    """Train for some minutes; return 24 rows of seconds, steps and test, and the time of a step.

    The time of the tests is not counted.
    """
    network = build_network(Spec("article", whole=True))
    rows, testing, steps = [(0.0, 0, *test(network, me, not_me))], 0.0, 0
    start = time.perf_counter()
    for steps in loop(network, me[:5], not_me[:7]):
        spent = time.perf_counter() - start - testing
        over = spent > minutes * 60
        if over or spent > minutes * 60 * len(rows) / 24:
            before = time.perf_counter()
            rows.append((spent, steps, *test(network, me, not_me)))
            testing += time.perf_counter() - before
        if over:
            break
    return rows, spent / steps


def own_loop(network, me, not_me):
    """As published: one triplet a step, layer after layer, gradients never zeroed, SGD at 1e-6."""
    network.embedder.features.to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.5)
    triplets = list(itertools.product(itertools.permutations(range(5), 2), range(7)))
    np.random.default_rng(0).shuffle(triplets)

    def embed(image):
        embedder = network.embedder
        return embedder.out(embedder.hidden(embedder.features(image[None]).flatten(1)))

    for step, ((a, p), n) in enumerate(itertools.cycle(triplets), 1):
        network.train()
        tested, known, other = embed(me[a]), embed(me[p]), embed(not_me[n])
        norms = torch.norm(tested - known, p=2) - torch.norm(tested - other, p=2)
        torch.clamp(norms + 0.5, min=0).backward()
        optimizer.step()
        yield step


def our_step(network, me, not_me):
    spec = Spec("article")
    optimizer = torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=0.5)
    for step in itertools.count(1):
        network.train()
        torch.manual_seed(step)
        optimizer.zero_grad()
        network.loss(me, not_me).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), spec.clip)
        optimizer.step()
        yield step


@torch.no_grad()
def test(network, me, not_me):
    """Return the clean loss, the share of held-out triplets with a loss, and accepted faces."""
    network.eval()
    mine, others = network.embedder(me), network.embedder(not_me)
    stored = mine[:5], others[:7]
    loss = network.criterion(*stored, mined=False)
    near = (mine[5:, None] - stored[0][None]).norm(dim=-1)
    far = (mine[5:, None] - others[None]).norm(dim=-1)
    error = (near[:, :, None] - far[:, None, :] + 0.5 > 0).float().mean()
    accepted = [
        int((compute_pair_margins(*stored, x).amin(1) >= 0.5).sum()) for x in (mine[5:], others[7:])
    ]
    return float(loss), round(float(error), 2), *accepted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("compact", "growth", "article", "all"))
    parser.add_argument("--minutes", type=float, default=3.0, help="for each of the two loops")
    parser.add_argument("--models", type=Path, default=Path("benchmark-models"))
    arguments = parser.parse_args()
    sizes = (
        sum(p.numel() for p in Article().parameters()),
        sum(p.numel() for p in build_network(Spec("compact")).parameters()),
    )
    print(f"parameters: article {sizes[0] / 1e6:.1f} M, compact {sizes[1] / 1e6:.2f} M")
    if arguments.what in {"compact", "all"}:
        measure_compact(arguments.models)
    if arguments.what in {"growth", "all"}:
        measure_growth()
    if arguments.what in {"article", "all"}:
        measure_article(arguments.minutes)


if __name__ == "__main__":
    main()
