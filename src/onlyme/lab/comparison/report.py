"""Write a comparison as one self-contained HTML page, with JSON beside it.

The page shows faces (the hardest triplets), which come from the user's own
photos: only the user can read the files.
"""

from __future__ import annotations

import itertools
import json
from html import escape
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.charts import (
    Series,
    draw_det,
    draw_histograms,
    draw_lines,
    draw_scatter,
    embed_image,
    format_rate,
    make_rate,
    render_figure,
    render_page,
    render_table,
)
from onlyme.lab.comparison.claims import judge_claims
from onlyme.lab.comparison.compare import ALPHAS
from onlyme.lab.comparison.inspection import MAP_GROUPS
from onlyme.lab.comparison.result import (
    GROUPS,
    PRODUCT,
    average_ranking,
    sum_errors,
    sum_mean_errors,
)
from onlyme.lab.rules import RULES, check_rule
from onlyme.lab.validation import measure_errors
from onlyme.storage.files import make_folder, replace_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.comparison.compare import Comparison
    from onlyme.lab.comparison.result import Group, WayResult
    from onlyme.lab.rules import Rule

__all__ = ["COLOURS", "LINE_COLOURS", "render_html", "write_report"]

COLOURS = {
    "ME, trained": "#0072b2",
    "ME, held out": "#009e73",
    "NOT_ME, trained": "#e69f00",
    "NOT_ME, unseen": "#d55e00",
}
"""One colour for each group of photos, the same in every chart of the page (from the palette of
Okabe and Ito, which colour-blind readers can tell apart)."""

LINE_COLOURS = ("#332288", "#cc6677", "#44aa99", "#999933", "#882255", "#88ccee", "#117733")
"""Colours of ways and of runs, none of which is a colour of a group (from the palette of Tol)."""

_ENDINGS = {
    "": "nothing to train",
    "diverged": "diverged: its vectors are no longer numbers",
    "limit": "step limit: more steps might have helped",
    "nothing learned": "nothing was learned: the loss was zero before the first step",
}
"""Reasons for the end of training that need an explanation."""


_RULE_NAMES = {"pair": "one pair (the article's)", "all": "all (ours)", "mean": "mean over pairs"}

_MAP_NOTE = (
    "<p>Each point is a photo. PCA keeps the directions in which the vectors vary most; t-SNE and "
    "UMAP keep neighbours together, and distances between their groups mean nothing.</p>"
)

SWEEPS = ("pair", "mean", "all")
"""The rules of the sweep of alpha."""

_SWEPT_ERRORS: tuple[tuple[str, Group, str], ...] = (
    ("owner rejected", "held", "ME, held out"),
    ("unseen strangers accepted", "unseen", "NOT_ME, unseen"),
)

_MARGIN_GROUPS: tuple[tuple[str, Group], ...] = (
    ("ME, held out", "held"),
    ("NOT_ME, trained", "trained"),
    ("NOT_ME, unseen", "unseen"),
)


def write_report(comparison: Comparison, folder: Path) -> Path:
    """Write `report.html` and `report.json`; return the page's path."""
    make_folder(folder)
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
            "intervals (Clopper-Pearson).</li>"
            "<li>Two rules decide about the same networks. <b>One pair</b> is the article's: the "
            "face is compared with one stored photo of the owner and one of a stranger, which the "
            "seed draws; the mean over all pairs stands beside it. <b>All</b> is ours: the loss "
            "of every triplet must be zero.</li></ul>"
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
            rows += [(way, str(photos), *row) for row in _list_rule_rows(cells)]
    head = ("Way", "Photos", "Rule", "Owner rejected", "Trained strangers accepted",
            "Unseen strangers accepted", "Ranking")  # fmt: skip
    return (
        "<h2>Errors</h2>" + render_table("Each way at its own threshold", head, rows) + '<p class="'
        'quiet">Threshold: even odds for classifier and two-head, alpha for the Siamese ways. '
        "The first rule of a way is its own: the article's for its ways, ours for compact. For "
        "two-head a pair is one stored photo of the owner, and all is the mean over them. The "
        "intervals of the mean over pairs are those of as many photos, each with one pair. "
        "Ranking: how often a held-out photo of the owner scores above a photo of an unseen "
        "stranger; it does not depend on a threshold.</p>"
    )


def _list_rule_rows(cells: list[WayResult]) -> list[tuple[str, ...]]:
    """Return the rows of one way: its own rule, the mean over all pairs, and the other rule."""
    if all(cell.pairs is None for cell in cells):
        return [("its own", *_format_errors(cells, None))]
    rows = {rule: (_RULE_NAMES[rule], *_format_errors(cells, rule)) for rule in RULES}
    means = [_format_mean(*sum_mean_errors(cells, group)) for group in GROUPS]
    first = cells[0].rule
    mean = ("mean over all pairs", *means, "–")
    if first == "pair":
        return [rows["pair"], mean, rows["all"]]
    return [rows["all"], rows["pair"], mean]


def _format_errors(cells: list[WayResult], rule: Rule | None) -> tuple[str, ...]:
    counts = (sum_errors(cells, group, rule=rule) for group in GROUPS)
    rates = (format_rate(make_rate(*count)) for count in counts)
    return (*rates, f"{average_ranking(cells, rule):.3f}")


def _format_mean(errors: float, total: int) -> str:
    """Write a mean of errors over pairs, with an interval that is rather too wide."""
    low = make_rate(floor(errors), total).low
    high = make_rate(ceil(errors), total).high
    return f"{100 * errors / total:.1f} % of {total} [{100 * low:.1f}, {100 * high:.1f}]"


def _render_claims(comparison: Comparison) -> str:
    rows = [
        (
            escape(claim.claim),
            escape(claim.rule),
            f'<span class="{"good" if claim.verdict == "held" else "tag"}">{claim.verdict}</span>',
            escape(claim.because),
        )
        for claim in judge_claims(comparison)
    ]
    head = ("Claim", "Rule", "Verdict", "Figures")
    return "<h2>The article's claims</h2>" + render_table(
        "Which claims held in this comparison", head, rows, "words"
    )


def _render_costs(comparison: Comparison) -> str:
    rows = [
        (
            cell.way,
            f"{cell.threshold:g}" if cell.way in {"article", "compact"} else "–",
            escape(cell.owner),
            str(cell.photos),
            str(cell.strangers),
            f"{cell.seconds:.1f} s" if cell.seconds else "once for all",
            f"{cell.peak_bytes / 1e6:.0f} MB" if cell.peak_bytes else "–",
            f"{cell.steps:,}" if cell.steps else "–",
            _ENDINGS.get(cell.reason, cell.reason),
        )
        for cell in (*comparison.cells, *comparison.advice)
    ]
    head = ("Way", "Alpha", "Owner", "ME", "NOT_ME", "Training", "Peak memory", "Steps", "Ended by")
    return "<h2>Costs</h2>" + render_table("Each training", head, rows)


def _render_curves(comparison: Comparison) -> str:
    figures = []
    for way in comparison.ways():
        series = []
        for cell, colour in zip(
            comparison.select(way), itertools.cycle(LINE_COLOURS), strict=False
        ):
            rows = [row for row in cell.curve if all(map(isfinite, row))]
            if not rows:
                continue
            steps, clean, augmented = zip(*rows, strict=True)
            series += [
                Series("with augmentation", steps, augmented, colour, dashed=True),
                Series(f"{cell.owner}, {cell.photos} photos", steps, clean, colour),
            ]
        if series:
            figures.append(render_figure(draw_lines(series, ("step", "loss")), way))
    return _render_row("Learning curves", figures)


def _render_margins(comparison: Comparison) -> str:
    figures = []
    most = max(comparison.plan.photos)
    for way in comparison.ways():
        cells = comparison.select(way, most)
        groups = [
            (name, _select_finite(c.scores(group) for c in cells), COLOURS[name])
            for name, group in _MARGIN_GROUPS
        ]
        label = "margin" if way in {"article", "compact", PRODUCT} else "logit"
        chart = draw_histograms(groups, (label, "share"), _average_threshold(cells))
        figures.append(render_figure(chart, _name_rule(way, cells[0].rule)))
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
        for sweep in SWEEPS if way != PRODUCT else ("all",):
            series = [
                Series(name, ALPHAS, [_sweep(cells, group, sweep, a) for a in ALPHAS], COLOURS[key])
                for name, group, key in _SWEPT_ERRORS
            ]
            chart = draw_lines(series, ("alpha", "error rate"), _average_threshold(cells))
            figures.append(render_figure(chart, _name_rule(way, sweep)))
    note = "<p>The same trained network, with alpha changed after training.</p>"
    return _render_row("Alpha, from −1 to 1", figures, note) + _render_det(comparison)


def _render_det(comparison: Comparison) -> str:
    """Return one chart for each rule: both errors of every way, at every threshold."""
    figures = []
    for rule in RULES:
        series = []
        for way, colour in zip(comparison.ways(), LINE_COLOURS, strict=False):
            cells = comparison.select(way, max(comparison.plan.photos))
            mine = np.array(_select_finite(cell.scores("held", rule) for cell in cells))
            others = np.array(_select_finite(cell.scores("unseen", rule) for cell in cells))
            if len(mine) and len(others):
                refused, accepted = measure_errors(mine, others)
                series.append(Series(way, accepted.tolist(), refused.tolist(), colour))
        chart = draw_det(series, ("unseen strangers accepted", "owner rejected"))
        figures.append(render_figure(chart, _RULE_NAMES[rule]))
    note = (
        "<p>Both errors at every threshold (DET), over all owners; lower and further left is "
        "better. A way may rank well and still have a badly placed threshold.</p>"
    )
    return _render_row("Both errors at every threshold", figures, note)


def _sweep(cells: list[WayResult], group: Group, rule: str, alpha: float) -> float:
    """Return the error rate at one alpha."""
    if rule == "mean":
        errors, photos = sum_mean_errors(cells, group, alpha)
        return errors / photos
    return make_rate(*sum_errors(cells, group, alpha, check_rule(rule))).value


def _name_rule(way: str, rule: str) -> str:
    """Return the caption of a figure: the way, and by which rule it was asked."""
    return way if way in {PRODUCT, "classifier"} else f"{way}, {_RULE_NAMES[rule]}"


def _render_inspections(comparison: Comparison) -> str:
    parts = []
    for way in comparison.ways():
        cell = next((c for c in reversed(comparison.select(way)) if c.look), None)
        if not cell or not cell.look:
            continue
        maps = [_render_map(name, groups) for name, groups in cell.look.maps.items()]
        triplets = [
            render_figure(
                "".join(
                    embed_image(_encode_png(face), name)
                    for name, face in zip("APN", faces, strict=True)
                ),
                f"A, P, N: {excess:+.2f}".replace("-", "−"),
            )
            for excess, faces in cell.look.hardest
        ]
        title = f"{way}, {escape(cell.owner)}, {cell.photos} photos"
        parts.append(
            _render_row(title, maps, _MAP_NOTE)
            + '<h3>Hardest triplets</h3><p class="quiet">A is a held-out photo of the owner, P a '
            "photo of the owner in training, N an unseen stranger. The number is "
            "‖A − P‖ − ‖A − N‖; above 0 the stranger is nearer.</p>"
            f'<div class="row">{"".join(triplets)}</div>'
        )
    return "".join(parts)


def _render_map(name: str, groups: tuple[NDArray[np.float64], ...]) -> str:
    series = [
        Series(group, points[:, 0].tolist(), points[:, 1].tolist(), COLOURS[group])
        for group, points in zip(MAP_GROUPS, groups, strict=True)
    ]
    chart = draw_scatter(series, ("first component", "second component"))
    return render_figure(chart, f"Map of the embeddings, {name}")


def _render_row(title: str, figures: list[str], note: str = "") -> str:
    """Return a heading with figures side by side; the title is HTML already."""
    return f'<h2>{title}</h2>{note}<div class="row">{"".join(figures)}</div>'


def _encode_png(face: NDArray[np.uint8]) -> bytes:
    _, png = cv2.imencode(".png", np.ascontiguousarray(face[..., ::-1]))
    return png.tobytes()
