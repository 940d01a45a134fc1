#!/usr/bin/env python3
"""Draw the figures of the explanation pages, from synthetic numbers: no face is behind any dot.

growth.svg is drawn from growth.json beside it, which `benchmarks/gallery.py --full --json` writes.

tools/draw_figures.py            write docs/explanation/figures/*.svg
tools/draw_figures.py --check    say whether the committed files are current (exit code 1: no)
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs/explanation/figures"
ME, NOT_ME, FACE, INK, FAINT = "#1b7f4d", "#c2410c", "#1d4ed8", "#334155", "#94a3b8"
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" role="img" '
    'font-family="sans-serif" font-size="14" fill="{ink}">\n<title>{title}</title>\n'
    '<rect width="{w}" height="{h}" fill="#ffffff"/>\n'
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = 0
    for name, drawing in (
        ("rule.svg", rule()),
        ("margins.svg", margins()),
        ("growth.svg", growth()),
    ):
        path = FOLDER / name
        if not check:
            path.write_text(drawing, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != drawing:
            print(f"{path} is not current; run `python tools/draw_figures.py`", file=sys.stderr)
            stale = 1
    return stale


def framed(width: int, height: int, title: str, parts: list[str]) -> str:
    head = HEAD.format(w=width, h=height, ink=INK, title=title)
    return head + "\n".join(parts) + "\n</svg>\n"


def dot(x: float, y: float, colour: str, radius: float = 5) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, style: str = "") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="2" {style}/>'


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def rule() -> str:
    """A face between ME and NOT_ME: the two distances whose difference is the margin."""
    draw = random.Random(1)  # noqa: S311 - a picture, not a key
    me = [(170 + draw.gauss(0, 22), 150 + draw.gauss(0, 22)) for _ in range(5)]
    others = []
    for _ in range(60):
        angle = draw.uniform(-0.85, 0.85)
        reach = draw.uniform(250, 390)
        others.append((200 + reach * math.cos(angle), 150 + 0.36 * reach * math.sin(angle)))
    x, y = 262, 136
    near = sorted(others, key=lambda point: math.hypot(point[0] - x, point[1] - y))[:12]
    middle = (sum(px for px, _ in me) / 5, sum(py for _, py in me) / 5)
    dash = 'stroke-dasharray="4 4" stroke-opacity="0.45"'
    parts = [line(x, y, px, py, NOT_ME, dash) for px, py in near]
    parts.append(line(x, y, *middle, ME))
    parts += [dot(px, py, NOT_ME if (px, py) in near else FAINT, 4) for px, py in others]
    parts += [dot(px, py, ME) for px, py in me]
    parts += [
        dot(*middle, "none", 8).replace("/>", f' stroke="{ME}" stroke-width="2"/>'),
        dot(x, y, FACE, 7),
        text(x + 30, y - 30, "x, the face in question", FACE, "end"),
        text(130, 232, "ME: the owner's photos", ME),
        text(130, 250, "and their template (ring)", ME),
        text(450, 288, "NOT_ME: strangers; the nearest of them count", NOT_ME),
        text(206, 172, "d(x, ME)", ME, "start"),
        text(292, 204, "d(x, NOT_ME)", NOT_ME, "end"),
        text(320, 26, "margin = d(x, NOT_ME) − d(x, ME);  accepted when margin ≥ alpha"),
    ]
    return framed(640, 300, "The article's rule as a margin (synthetic points)", parts)


def margins() -> str:
    """Two bells on the axis of the margin, alpha between them, and the two kinds of error."""

    def bell(value: float, centre: float, spread: float) -> float:
        return math.exp(-0.5 * ((value - centre) / spread) ** 2)

    def at(value: float) -> float:
        return 40 + (value + 0.6) / 1.6 * 560

    def area(centre: float, spread: float, low: float, high: float) -> str:
        steps = [low + (high - low) * k / 80 for k in range(81)]
        points = [f"{at(v):.1f},{230 - 150 * bell(v, centre, spread):.1f}" for v in steps]
        return f"M{at(low):.1f},230 L" + " L".join(points) + f" L{at(high):.1f},230 Z"

    stranger, owner, alpha = (-0.15, 0.13), (0.55, 0.17), 0.15
    both = ((stranger, NOT_ME), (owner, ME))
    parts = [
        f'<path d="{area(*bell_, -0.6, 1.0)}" fill="{colour}" fill-opacity="0.18" '
        f'stroke="{colour}" stroke-width="2"/>'
        for bell_, colour in both
    ]
    parts += [
        f'<path d="{area(*stranger, alpha, 0.6)}" fill="{NOT_ME}" fill-opacity="0.8"/>',
        f'<path d="{area(*owner, -0.2, alpha)}" fill="{ME}" fill-opacity="0.8"/>',
        line(40, 230, 600, 230, INK),
        line(at(alpha), 45, at(alpha), 238, INK, 'stroke-dasharray="6 4"'),
        text(at(alpha), 36, "alpha"),
        text(at(-0.15), 72, "strangers", NOT_ME),
        text(at(0.55), 72, "the owner", ME),
        text(at(alpha) - 10, 258, "refused ←", INK, "end"),
        text(at(alpha) + 10, 258, "→ accepted", INK, "start"),
        text(at(alpha) + 10, 282, "strangers here: false accepts", NOT_ME, "start"),
        text(at(alpha) - 10, 282, "the owner here: misses", ME, "end"),
        text(604, 222, "margin", INK, "end"),
    ]
    return framed(640, 300, "Margins of strangers and of the owner, and alpha (synthetic)", parts)


def growth() -> str:
    """Milliseconds of one search against the number of people, both by powers of ten."""
    measured = json.loads((FOLDER / "growth.json").read_text("utf-8"))
    sizes = [row["people"] for row in measured]
    exact = [row["exact p50, ms"] for row in measured]
    indexed = [row["index p50, ms"] for row in measured]
    left, right, top, bottom = 80.0, 600.0, 40.0, 320.0
    low, high = (math.log10(end(exact + indexed)) for end in (min, max))
    decades = (math.floor(low), math.ceil(high))

    def place(people: float, ms: float) -> tuple[float, float]:
        across = (math.log10(people) - 3) / 3
        up = (math.log10(ms) - decades[0]) / (decades[1] - decades[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    parts = []
    for power in range(decades[0], decades[1] + 1):
        _, y = place(1e3, 10.0**power)
        parts += [line(left, y, right, y, FAINT, 'stroke-opacity="0.4"')]
        parts += [text(left - 10, y + 5, f"{10.0**power:g} ms", anchor="end")]
    for power in range(3, 7):
        x, _ = place(10.0**power, 1.0)
        parts.append(text(x, bottom + 25, f"{10**power:,}"))
    parts.append(text((left + right) / 2, bottom + 50, "people"))
    for words, colour, series in (("exact", FACE, exact), ("index", ME, indexed)):
        points = [place(people, ms) for people, ms in zip(sizes, series, strict=True)]
        for (x1, y1), (x2, y2) in pairwise(points):
            parts.append(line(x1, y1, x2, y2, colour))
        parts += [dot(x, y, colour) for x, y in points]
        x, y = points[-1]
        parts.append(text(x + 12, y + 5, words, colour, "start"))
    return framed(680, 390, "Milliseconds of one search against the number of people", parts)


if __name__ == "__main__":
    sys.exit(main())
