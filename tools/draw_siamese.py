"""Draw the figures of docs/explanation/siamese.md from numbers: no photo, no face.

python tools/draw_siamese.py [FOLDER]
"""

import math
import sys
from pathlib import Path

import numpy as np

from onlyme.charts import Series, draw_lines, draw_scatter, make_standalone

COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""Blue, orange and green of Okabe and Ito, which colour-blind readers can tell apart."""

DOCS = Path(__file__).resolve().parents[1] / "docs" / "explanation"


def triplet():
    """Three points, and where one gradient step of the triplet loss on them moves them."""
    a, p, n = np.array([0.0, 0.0]), np.array([0.9, 0.5]), np.array([0.6, -0.3])
    to_p, to_n = (p - a) / np.linalg.norm(p - a), (n - a) / np.linalg.norm(n - a)
    step = 0.25
    after = a + step * (to_p - to_n), p - step * to_p, n + step * to_n
    names = ("A: to P, and away from N", "P: to A", "N: away from A")
    series = []
    for name, old, new, colour in zip(names, (a, p, n), after, (0, 2, 1), strict=True):
        path = old + np.linspace(0, 1, 6)[:, None] * (new - old)
        series.append(Series(name, path[:, 0].tolist(), path[:, 1].tolist(), COLOURS[colour]))
    return draw_scatter(series, ("first number of the vector", "second"))


def cost():
    """Photos embedded in one pass over all triplets, ten NOT_ME photos."""
    m = list(range(2, 11))
    three = [3 * k * (k - 1) * 10 for k in m]
    once = [k + 10 for k in m]
    return draw_lines(
        [
            Series("three for each triplet", m, three, COLOURS[1]),
            Series("each photo once", m, once, COLOURS[0]),
        ],
        ("photos of ME", "embeddings"),
    )


def alpha():
    """Bell curves of margins: the owner's about 0.8, strangers' about -0.6, both 0.35 wide."""
    alphas = [round(-1 + 0.05 * k, 2) for k in range(41)]

    def below(x, mean):
        return 0.5 * (1 + math.erf((x - mean) / (0.35 * math.sqrt(2))))

    return draw_lines(
        [
            Series("owner refused", alphas, [below(x, 0.8) for x in alphas], COLOURS[0]),
            Series("stranger accepted", alphas, [1 - below(x, -0.6) for x in alphas], COLOURS[1]),
        ],
        ("alpha", "rate"),
    )


def growth():
    """The loss of one triplet whose directions stay while its vectors grow."""
    lengths = [1 + 0.25 * k for k in range(37)]
    a, p, n = np.array([1.0, 0.0]), np.array([0.96, 0.28]), np.array([0.93, 0.3675])
    gap = float(np.linalg.norm(a - p) - np.linalg.norm(a - n))
    losses = [max(0.0, length * gap + 0.5) for length in lengths]
    return draw_lines(
        [Series("loss, alpha 0.5", lengths, losses, COLOURS[0])],
        ("length of every vector", "loss"),
    )


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for figure in (triplet, cost, alpha, growth):
        (folder / f"siamese-{figure.__name__}.svg").write_text(
            make_standalone(figure()) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
