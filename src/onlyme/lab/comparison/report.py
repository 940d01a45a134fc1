"""Write a comparison as one self-contained HTML page, with JSON beside it.

The page shows faces (the hardest triplets), which come from the user's own
photos: only the user can read the files.
"""

from __future__ import annotations

import json
from html import escape
from math import isfinite
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.charts import (
    embed_image,
    format_rate,
    make_rate,
    render_figure,
    render_page,
    render_table,
)
from onlyme.lab.comparison import plots
from onlyme.lab.comparison.claims import add_counts, judge_claims
from onlyme.lab.comparison.compare import ALPHAS
from onlyme.lab.comparison.inspection import GROUPS
from onlyme.lab.comparison.result import PRODUCT
from onlyme.storage.files import replace_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.comparison.compare import Comparison
    from onlyme.lab.comparison.result import WayResult

__all__ = ["render_html", "write_report"]

_ENDINGS = {
    "": "nothing to train",
    "diverged": "diverged: its vectors are no longer numbers",
    "limit": "step limit: more steps might have helped",
}
"""Reasons for the end of training that need an explanation."""


def write_report(comparison: Comparison, folder: Path) -> Path:
    """Write `report.html` and `report.json`; return the page's path."""
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
        f" The article's network gets faces of {plan.side}×{plan.side} pixels."
        if "article" in comparison.ways()
        else ""
    )
    parts = [
        '<p class="kicker"><b>onlyme</b> lab</p><h1>The ways compared</h1>',
        (
            f'<ul class="lead"><li>Owners: {plan.owners}; photos of each owner: {counts}; NOT_ME '
            f"photos, one of each person: {plan.strangers}; alpha: {plan.alpha:g}; "
            f"seed: {plan.seed}; time: {comparison.seconds:.0f} s.</li>"
            f"<li>All ways get the same photos and the same augmentation.{article}</li>"
            "<li>Errors are counted on photos that no way was trained on, with exact 95 % "
            "intervals (Clopper-Pearson).</li></ul>"
        ),
        '<p class="note">This page shows faces: it is biometric data. Keep it private.</p>',
        _render_errors(comparison),
        _render_claims(comparison),
        _render_costs(comparison),
        _render_curves(comparison),
        _render_margins(comparison),
        _render_sweep(comparison),
        _render_inspections(comparison),
    ]
    return render_page("onlyme lab: the ways compared", "".join(parts))


def _render_errors(comparison: Comparison) -> str:
    rows = []
    for way in comparison.ways():
        for photos in comparison.plan.photos:
            cells = comparison.select(way, photos)
            ranking = sum(cell.ranking for cell in cells) / len(cells)
            counts = (
                add_counts(cell.misses() for cell in cells),
                add_counts(cell.false_accepts("trained") for cell in cells),
                add_counts(cell.false_accepts("unseen") for cell in cells),
            )
            rates = (format_rate(make_rate(*count)) for count in counts)
            rows.append((way, str(photos), *rates, f"{ranking:.3f}"))
    head = ("Way", "Photos", "Owner rejected", "Trained strangers accepted",
            "Unseen strangers accepted", "Ranking")  # fmt: skip
    return (
        "<h2>Errors</h2>" + render_table("Each way at its own threshold", head, rows) + '<p class="'
        'quiet">Threshold: even odds for classifier and two-head, alpha for the Siamese ways. '
        "Ranking: how often a held-out photo of the owner scores above a photo of an unseen "
        "stranger; it does not depend on a threshold.</p>"
    )


def _render_claims(comparison: Comparison) -> str:
    rows = [
        (
            escape(claim.claim),
            f'<span class="{"good" if claim.verdict == "held" else "tag"}">{claim.verdict}</span>',
            escape(claim.because),
        )
        for claim in judge_claims(comparison)
    ]
    head = ("Claim", "Verdict", "Figures")
    return "<h2>The article's claims</h2>" + render_table(
        "Which claims held in this comparison", head, rows, "words"
    )


def _render_costs(comparison: Comparison) -> str:
    rows = [
        (
            cell.way,
            escape(cell.owner),
            str(cell.photos),
            str(comparison.plan.strangers),
            f"{cell.seconds:.1f} s",
            f"{cell.peak_bytes / 1e6:.0f} MB" if cell.peak_bytes else "–",
            f"{cell.steps:,}" if cell.steps else "–",
            _ENDINGS.get(cell.reason, cell.reason),
        )
        for cell in comparison.cells
    ]
    head = ("Way", "Owner", "ME", "NOT_ME", "Training", "Peak memory", "Steps", "Ended by")
    return "<h2>Costs</h2>" + render_table("Each training", head, rows)


def _render_curves(comparison: Comparison) -> str:
    figures = []
    for way, colour in zip(comparison.ways(), plots.COLOURS, strict=False):
        series = []
        for cell in comparison.select(way):
            rows = [row for row in cell.curve if all(map(isfinite, row))]
            if not rows:
                continue
            steps, clean, augmented = zip(*rows, strict=True)
            series += [
                plots.Series("augmented photos", steps, augmented, "#999", dashed=True),
                plots.Series("original photos", steps, clean, colour),
            ]
        if series:
            figures.append(render_figure(plots.draw_lines(series, ("step", "loss")), way))
    return _render_row("Learning curves", figures)


def _render_margins(comparison: Comparison) -> str:
    figures = []
    most = max(comparison.plan.photos)
    for way in comparison.ways():
        cells = comparison.select(way, most)
        groups = [
            ("owner, held out", _select_finite(c.held for c in cells), plots.COLOURS[2]),
            ("strangers, trained on", _select_finite(c.trained for c in cells), plots.COLOURS[4]),
            ("strangers, unseen", _select_finite(c.unseen for c in cells), plots.COLOURS[1]),
        ]
        label = "margin" if way in {"article", "compact", PRODUCT} else "logit"
        chart = plots.draw_histograms(groups, (label, "share"), _average_threshold(cells))
        figures.append(render_figure(chart, way))
    return _render_row(f"Margins with {most} photos of the owner", figures)


def _select_finite(scores: Iterable[tuple[float, ...]]) -> list[float]:
    """Return all finite scores; a network that diverged gives others."""
    return [score for one in scores for score in one if isfinite(score)]


def _average_threshold(cells: list[WayResult]) -> float:
    return sum(cell.threshold for cell in cells) / len(cells)


def _render_sweep(comparison: Comparison) -> str:
    figures = []
    for way in ("article", "compact", PRODUCT):
        cells = comparison.select(way, max(comparison.plan.photos))
        if not cells:
            continue
        misses = [add_counts(cell.misses(a) for cell in cells) for a in ALPHAS]
        accepts = [add_counts(cell.false_accepts("unseen", a) for cell in cells) for a in ALPHAS]
        series = [
            plots.Series(name, ALPHAS, [make_rate(*count).value for count in counts], colour)
            for name, counts, colour in (
                ("owner rejected", misses, plots.COLOURS[0]),
                ("unseen strangers accepted", accepts, plots.COLOURS[1]),
            )
        ]
        chart = plots.draw_lines(series, ("alpha", "error rate"), _average_threshold(cells))
        figures.append(render_figure(chart, way))
    note = "<p>The same trained network, with alpha changed after training.</p>"
    return _render_row("Alpha, from −1 to 1", figures, note)


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
        triplets = [
            render_figure(
                "".join(
                    embed_image(_encode_png(face), name)
                    for name, face in zip(("A", "P", "N"), faces, strict=True)
                ),
                f"A, P, N: {excess:+.2f}".replace("-", "−"),
            )
            for excess, faces in cell.look.hardest
        ]
        title = f"{way}, {escape(cell.owner)}, {cell.photos} photos"
        parts.append(
            _render_row(title, [render_figure(chart, "Map of the embeddings")])
            + '<h3>Hardest triplets</h3><p class="quiet">A is a held-out photo of the owner, P a '
            "photo of the owner in training, N an unseen stranger. The number is "
            "‖A − P‖ − ‖A − N‖; above 0 the stranger is nearer.</p>"
            f'<div class="row">{"".join(triplets)}</div>'
        )
    return "".join(parts)


def _render_row(title: str, figures: list[str], note: str = "") -> str:
    """Return a heading with figures side by side; the title is HTML already."""
    return f'<h2>{title}</h2>{note}<div class="row">{"".join(figures)}</div>'


def _encode_png(face: NDArray[np.uint8]) -> bytes:
    _, png = cv2.imencode(".png", np.ascontiguousarray(face[..., ::-1]))
    return png.tobytes()
