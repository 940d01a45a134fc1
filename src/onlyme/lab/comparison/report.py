"""A comparison comes in; one self-contained HTML page goes out, and JSON beside it.

The page shows faces (the hardest triplets): it is its user's own, made from the user's own
photos, and is written so that only the user can read it.
"""

from __future__ import annotations

import base64
import json
from html import escape
from math import isfinite
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.lab.comparison import plots
from onlyme.lab.comparison.claims import add_counts, judge_claims
from onlyme.lab.comparison.compare import ALPHAS
from onlyme.lab.comparison.inspection import GROUPS
from onlyme.lab.comparison.result import PRODUCT, compute_wilson_interval
from onlyme.storage.files import replace_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.comparison.compare import Comparison

__all__ = ["render_html", "write_report"]

_STYLE = """
body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .7em;text-align:right;
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
.row{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}figcaption,.note{color:#555;font-size:.9em}
.held{color:#007a55}.not{color:#b34700}img{image-rendering:auto;margin-right:2px}
"""


def write_report(comparison: Comparison, folder: Path) -> Path:
    """Write `report.render_html` and `report.json`; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pages = {
        "report.json": json.dumps(comparison.to_json(), indent=1),
        "report.html": render_html(comparison),
    }
    for name, text in pages.items():
        # In one step, so that a reader sees a whole page while a run goes on.
        replace_private(folder / name, text.encode())
    return folder / "report.html"


def render_html(comparison: Comparison) -> str:
    """Return the page."""
    plan = comparison.plan
    counts = ", ".join(map(str, plan.photos))
    article = (
        f"The article's network saw the faces at {plan.side}×{plan.side} pixels. "
        if "article" in comparison.ways()
        else ""
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>The three ways compared</title><style>{_STYLE}</style>"
        "<h1>The three ways compared</h1>"
        f"<p>Owners: {plan.owners}; photos of each: {counts}; NOT_ME photos, one a person: "
        f"{plan.strangers}; alpha {plan.alpha:g}; seed {plan.seed}; {comparison.seconds:.0f} s "
        f"in all. Every way saw the same photos under the same augmentation. {article}"
        "Errors are counted on photos that no way was trained on, with 95 % intervals. This page "
        "shows photos: it is yours, and not for passing on.</p>"
        f"{_render_errors(comparison)}{_render_claims(comparison)}{_render_costs(comparison)}"
        f"{_render_curves(comparison)}{_render_margins(comparison)}{_render_sweep(comparison)}{_render_inspections(comparison)}</html>"
    )


def _render_errors(comparison: Comparison) -> str:
    rows = []
    for way in comparison.ways():
        for photos in comparison.plan.photos:
            cells = comparison.select(way, photos)
            ranking = sum(cell.ranking for cell in cells) / len(cells)
            numbers = (
                add_counts(cell.misses() for cell in cells),
                add_counts(cell.false_accepts("trained") for cell in cells),
                add_counts(cell.false_accepts("unseen") for cell in cells),
            )
            cellular = "".join(f"<td>{_format_percent(count)}</td>" for count in numbers)
            rows.append(f"<tr><td>{way}<td>{photos}{cellular}<td>{ranking:.3f}</tr>")
    return (
        "<h2>Errors</h2><table><tr><th>way<th>photos<th>owner refused<th>trained strangers "
        "accepted<th>unseen strangers accepted<th>ranking</tr>" + "".join(rows) + "</table>"
        "<p class=note>Each way at its own threshold: even odds for classifier and two-head, "
        "alpha for the Siamese ways. Ranking is how often a held-out photo of the owner scores "
        "above an unseen stranger's; no threshold is in it.</p>"
    )


def _render_claims(comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><td style='text-align:left'>{escape(claim.claim)}<td "
        f"class={'held' if claim.verdict == 'held' else 'not'}>{claim.verdict}"
        f"<td style='text-align:left'>{escape(claim.because)}</tr>"
        for claim in judge_claims(comparison)
    )
    return f"<h2>What held of the article's claims</h2><table>{rows}</table>"


def _render_costs(comparison: Comparison) -> str:
    rows = []
    for cell in comparison.cells:
        ended = cell.reason or "nothing to train"
        ended += ": its vectors are no numbers any more" if ended == "diverged" else ""
        ended += ": its stated limit, so it may not have had enough" if ended == "limit" else ""
        rows.append(
            f"<tr><td>{cell.way}<td>{escape(cell.owner)}<td>{cell.photos}"
            f"<td>{comparison.plan.strangers}<td>{cell.seconds:.1f} s"
            f"<td>{f'{cell.peak_bytes / 1e6:.0f} MB' if cell.peak_bytes else '–'}"
            f"<td>{cell.steps or '–'}<td>{ended}</tr>"
        )
    return (
        "<h2>Costs</h2><table><tr><th>way<th>owner<th>ME<th>NOT_ME<th>training<th>peak memory"
        f"<th>steps<th>ended by</tr>{''.join(rows)}</table>"
    )


def _render_curves(comparison: Comparison) -> str:
    figures = []
    for way, colour in zip(comparison.ways(), plots.COLOURS, strict=False):
        cells = [cell for cell in comparison.select(way) if cell.curve]
        series = []
        for cell in cells:
            rows = [row for row in cell.curve if all(map(isfinite, row))]
            if not rows:
                continue
            steps, clean, augmented = zip(*rows, strict=True)
            series += [
                plots.Series("augmented photos", steps, augmented, "#bbb", dashed=True),
                plots.Series("photos as they are", steps, clean, colour),
            ]
        if series:
            figures.append(_render_figure(plots.draw_lines(series, ("step", "loss")), way))
    return f"<h2>Learning curves</h2><div class=row>{''.join(figures)}</div>"


def _render_margins(comparison: Comparison) -> str:
    figures = []
    most = max(comparison.plan.photos)
    for way in comparison.ways():
        cells = comparison.select(way, most)
        groups = [
            ("owner, held out", _select_finite(c.held for c in cells), plots.COLOURS[2]),
            ("strangers trained on", _select_finite(c.trained for c in cells), plots.COLOURS[4]),
            ("strangers unseen", _select_finite(c.unseen for c in cells), plots.COLOURS[1]),
        ]
        label = "margin" if way in {"article", "compact", PRODUCT} else "logit"
        mark = sum(cell.threshold for cell in cells) / len(cells)
        figures.append(_render_figure(plots.draw_histograms(groups, (label, "share"), mark), way))
    return f"<h2>Margins, {most} photos</h2><div class=row>{''.join(figures)}</div>"


def _select_finite(scores: Iterable[tuple[float, ...]]) -> list[float]:
    """All scores that are numbers: those of a network that diverged are none."""
    return [score for one in scores for score in one if isfinite(score)]


def _render_sweep(comparison: Comparison) -> str:
    figures = []
    for way in ("article", "compact", PRODUCT):
        cells = comparison.select(way, max(comparison.plan.photos))
        if not cells:
            continue
        misses = [
            compute_wilson_interval(*add_counts(c.misses(a) for c in cells))[0] for a in ALPHAS
        ]
        accepts = [
            compute_wilson_interval(*add_counts(c.false_accepts("unseen", a) for c in cells))[0]
            for a in ALPHAS
        ]
        series = [
            plots.Series("owner refused", ALPHAS, misses, plots.COLOURS[0]),
            plots.Series("unseen strangers accepted", ALPHAS, accepts, plots.COLOURS[1]),
        ]
        mark = sum(cell.threshold for cell in cells) / len(cells)
        figures.append(_render_figure(plots.draw_lines(series, ("alpha", "rate"), mark), way))
    return (
        "<h2>Alpha, from -1 to 1</h2><p>What the same trained network does when alpha is "
        f"changed afterwards.</p><div class=row>{''.join(figures)}</div>"
    )


def _render_inspections(comparison: Comparison) -> str:
    parts = []
    for way in comparison.ways():
        cell = next((c for c in reversed(comparison.select(way)) if c.look), None)
        if not cell or not cell.look:
            continue
        series = [
            plots.Series(name, points[:, 0].tolist(), points[:, 1].tolist(), colour)
            for name, points, colour in zip(GROUPS, cell.look.map, plots.COLOURS, strict=False)
        ]
        chart = plots.draw_scatter(series, ("first component", "second component"))
        triplets = "".join(
            f"<figure>{''.join(_render_picture(face) for face in faces)}"
            f"<figcaption>A, P, N: {excess:+.2f}</figcaption></figure>"
            for excess, faces in cell.look.hardest
        )
        who = f"{way}, {escape(cell.owner)}, {cell.photos} photos"
        parts.append(
            f"<h2>{who}</h2><div class=row>{_render_figure(chart, 'embedding map')}</div>"
            "<h3>Hardest triplets</h3><p class=note>A is a held-out photo of the owner, P one "
            "that was trained on, N an unseen stranger; ‖A − P‖ − ‖A − N‖ above 0 means that "
            f"the stranger is nearer.</p><div class=row>{triplets}</div>"
        )
    return "".join(parts)


def _render_figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _render_picture(face: NDArray[np.uint8]) -> str:
    _, png = cv2.imencode(".png", np.ascontiguousarray(face[..., ::-1]))
    inline = base64.b64encode(png.tobytes()).decode()
    return f"<img width=72 alt='' src='data:image/png;base64,{inline}'>"


def _format_percent(count: tuple[int, int]) -> str:
    share, low, high = compute_wilson_interval(*count)
    return f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}] ({count[0]}/{count[1]})"
