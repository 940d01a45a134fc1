"""Render the document as one HTML page that loads nothing from outside.

All names of people, photos and groups are escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from onlyme.charts import (
    embed_image,
    format_odds,
    format_percent,
    render_figure,
    render_page,
)
from onlyme.evaluate.intervals import MIN_COUNT
from onlyme.evaluate.report import charts
from onlyme.evaluate.report.tables import (
    escape_name,
    format_signed,
    render_closest_table,
    render_group_table,
    render_people_table,
    render_point_table,
    render_promised_table,
    render_strata_table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["list_sources", "render_evaluation"]

_MAX_PEOPLE_SHOWN = 10


def render_evaluation(found: dict[str, Any], thumbnails: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        found: the document, see `onlyme.evaluate.report.document`.
        thumbnails: JPEG or PNG bytes by source; empty for a page without faces.

    Raises:
        UsageError: when a thumbnail is neither JPEG nor PNG.
    """
    title = found["title"] or "evaluation"
    notes = "".join(f"<li>{escape(sentence)}</li>" for sentence in found["sentences"])
    parts = [
        (
            f'<p class="kicker"><b>onlyme</b> evaluation of {escape(title)}, '
            f"{found['created'][:10]}</p>"
        ),
        f"<h1>{escape(found['headline'])}</h1>",
        f'<ul class="lead">{notes}</ul>',
    ]
    if thumbnails:
        parts.append(
            '<p class="note">This page shows faces: it is biometric data. Keep it private.</p>'
        )
    if found["owners"]:
        parts += _render_owners(found, found["owners"], thumbnails)
    if found["strata"]:
        parts.append(_render_strata(found["strata"], found["far"]))
    if found["groups"]:
        parts.append(_render_groups(found["groups"]))
    if found["pairs"]:
        parts.append(_render_pairs(found["pairs"]))
    parts.append(_render_footer(found))
    # A number and its percent sign stay on one line.
    body = "".join(parts).replace(" %", "\u00a0%")
    return render_page(f"onlyme evaluation of {title}", body)


def list_sources(found: dict[str, Any]) -> tuple[str, ...]:
    """Return the photos of which the page would show thumbnails, sorted."""
    owners = found["owners"] or {"people": [], "closest": []}
    shown = {
        each[key]
        for each in owners["people"][:_MAX_PEOPLE_SHOWN]
        for key in ("enrolled_source", "lowest_source")
    }
    shown |= {
        each[key] for each in owners["closest"] for key in ("owner_source", "stranger_source")
    }
    return tuple(sorted(shown))


def _render_owners(
    found: dict[str, Any], owners: dict[str, Any], thumbnails: Mapping[str, bytes]
) -> list[str]:
    parts = [_render_cards(found, owners)]
    parts.append(
        "<h2>Margins of owners and strangers</h2>"
        + render_figure(
            charts.draw_margins(owners["histogram"]),
            "Each histogram shows shares of its own attempts: there are far more by strangers than "
            "by owners. A face is accepted when its margin is at least alpha; the band spans the "
            "owners' own alphas.",
        )
    )
    if owners["promised"]:
        parts.append(
            "<h2>Promised and realised rates</h2><p>Each owner at their own alpha, which the "
            "calibration set before any of these attempts.</p>"
            + render_figure(
                charts.draw_promised_rates(owners["promised"]),
                "Dots on the dotted line are as promised; above it more strangers are accepted "
                "than promised. Bars are 95 % intervals over owners.",
            )
            + render_promised_table(owners["promised"])
        )
    parts.append(
        "<h2>The trade-off</h2><p>One threshold for all owners, set afterwards from these "
        "comparisons: the fewer strangers are accepted, the more owners are rejected.</p>"
        + render_figure(
            charts.draw_det_curve(owners["curve"], owners["points"], owners["impostor"]),
            f"Detection error trade-off, both axes logarithmic. Both errors are equal at "
            f"{format_percent(owners['equal_error']['value'])}. Bars are 95 % intervals.",
        )
        + render_point_table(owners["points"])
    )
    parts.append(
        "<h2>Owner by owner</h2>"
        + render_figure(
            charts.draw_owners(owners["people"]),
            '<span class="key"></span> an owner\'s own attempts, lowest to highest, the median '
            'filled; <span class="key stranger"></span> the closest stranger. What lies below '
            "the dashed line is rejected.",
        )
        + render_people_table(
            owners["people"][:_MAX_PEOPLE_SHOWN], found["far"], len(owners["people"])
        )
    )
    if thumbnails:
        parts.append(_render_worst_faces(owners["people"], thumbnails))
    parts.append(
        "<h2>The closest strangers</h2><p>Check these first: look-alikes, relatives, and "
        "mistakes in the data.</p>"
        + (
            _render_stranger_faces(owners["closest"], thumbnails)
            if thumbnails
            else render_closest_table(owners["closest"])
        )
    )
    return parts


def _render_cards(found: dict[str, Any], owners: dict[str, Any]) -> str:
    rows = owners["promised"] or owners["points"]
    key = "far" if owners["promised"] else "fmr_target"
    point = next(row for row in rows if row[key] == found["far"])
    strangers = point["realised"] if owners["promised"] else point["fmr"]
    aside = "promised:" if owners["promised"] else "set afterwards for"
    firm = point["standing"] != "too_few"
    cards = [
        (
            "Strangers accepted (FMR)",
            (format_odds(strangers["value"]) if strangers["count"] else "none")
            if firm
            else "too few to say",
            (
                f"{strangers['count']:,} of {strangers['total']:,}; "
                f"95 %: {format_percent(strangers['low'])} to {format_percent(strangers['high'])}; "
                f"{aside} {format_odds(found['far'])}"
            ),
        ),
        (
            "Owners rejected (FNMR)",
            format_percent(point["fnmr"]["value"])
            if point["fnmr"]["total"] >= MIN_COUNT
            else "too few to say",
            (
                f"{point['fnmr']['count']:,} of {point['fnmr']['total']:,}; "
                f"95 %: {format_percent(point['fnmr']['low'])} to "
                f"{format_percent(point['fnmr']['high'])}"
            ),
        ),
        (
            "Equal error rate",
            format_percent(owners["equal_error"]["value"])
            if owners["genuine"] >= MIN_COUNT
            else "too few to say",
            "where both error rates are equal",
        ),
        (
            "People",
            f"{owners['count']:,}",
            f"of {found['data']['people']:,}; photos to enroll with: {owners['photos']}",
        ),
    ]
    inner = "".join(
        f'<div><dt>{escape(name)}</dt><dd class="big">{escape(value)}</dd>'
        f'<dd class="small">{escape(small)}</dd></div>'
        for name, value, small in cards
    )
    return f'<dl class="cards">{inner}</dl>'


def _render_groups(groups: dict[str, Any]) -> str:
    ends = ("low", "high")
    parts = [
        (
            f"<h2>By group</h2><p>One alpha for all owners, set for {format_odds(groups['fmr'])} "
            "over all strangers. The worst group comes first. Groups with too few comparisons "
            "come last; their rates show nothing.</p>"
        )
    ]
    for key, title in (
        ("fnmr", "Owners rejected (FNMR)"),
        ("within", "Strangers of the same group accepted (FMR)"),
        ("across", "Strangers of other groups accepted (FMR)"),
    ):
        rows = groups[key]
        if not rows:
            continue
        # The same intervals as in the table: over owners where there are errors to resample.
        drawn = [
            (row["group"], row["rate"] | {k: (row["over_people"] or row["rate"])[k] for k in ends})
            for row in rows
            if row["enough"]
        ]
        parts.append(f"<h3>{title}</h3>")
        if drawn:
            parts.append(
                render_figure(
                    charts.draw_intervals(title, drawn), "Dots are rates, bars 95 % intervals."
                )
            )
        parts.append(render_group_table(rows, title))
    if groups["unlabelled"]:
        count = groups["unlabelled"]
        have = "person has no group and is" if count == 1 else "people have no group and are"
        parts.append(f"<p>{count:,} {have} left out here.</p>")
    return "".join(parts)


def _render_strata(strata: dict[str, Any], far: float) -> str:
    ends = ("low", "high")
    # The same intervals as in the table: over owners where there are misses to resample.
    drawn = [
        (
            f"{row['measure'].partition(':')[0]}: {row['band']}",
            row["rate"] | {end: (row["over_people"] or row["rate"])[end] for end in ends},
        )
        for row in strata["bands"]
        if row["enough"]
    ]
    title = "Owners rejected, by what the picture shows"
    parts = [
        (
            "<h2>Where misses come from</h2><p>Measured from the pictures, at each owner's alpha "
            f"for {format_odds(far)}. Age, sex and the like are not measured, nor are plain "
            "glasses.</p>"
        )
    ]
    if drawn:
        words = "Dots are rates, bars 95 % intervals."
        parts.append(render_figure(charts.draw_intervals(title, drawn, label_width=330), words))
    parts.append(render_strata_table(strata["bands"], title))
    if strata["unmeasured"]:
        parts.append(f"<p>Not measured: {strata['unmeasured']:,} attempts.</p>")
    return "".join(parts)


def _render_pairs(pairs: dict[str, Any]) -> str:
    over = pairs["equal_error"]["over_people"]
    missing = (
        f" {pairs['missing']:,} more could not be judged: a photo has no usable face."
        if pairs["missing"]
        else ""
    )
    return (
        "<h2>Pairs of photos</h2>"
        f"<p>{format_percent(pairs['accuracy'])} of {pairs['judged']:,} pairs were judged "
        f"correctly (± {100 * pairs['standard_error']:.2f} points standard error over "
        f"{len(pairs['folds'])} folds, each judged at the threshold of the other folds)."
        f"{missing} Equal error rate "
        f"{format_percent(pairs['equal_error']['value'])}, 95 % interval over people "
        f"{format_percent(over['low'])} to {format_percent(over['high'])}.</p>"
        + render_point_table(pairs["points"])
    )


def _render_worst_faces(people: Sequence[dict[str, Any]], thumbnails: Mapping[str, bytes]) -> str:
    items = [
        (
            (each["enrolled_source"], f"{each['person']}, enrolled"),
            (each["lowest_source"], f"{each['person']}, the attempt with the lowest margin"),
            (
                f"<b>{escape_name(each['person'])}</b><br>rejected {each['misses']:,} of "
                f"{each['attempts']:,}; lowest {format_signed(each['lowest'])}"
            ),
        )
        for each in people[:_MAX_PEOPLE_SHOWN]
    ]
    return "<h3>Their photos: enrolled, and the attempt with the lowest margin</h3>" + (
        _render_faces(items, thumbnails)
    )


def _render_stranger_faces(pairs: Sequence[dict[str, Any]], thumbnails: Mapping[str, bytes]) -> str:
    return _render_faces(
        [
            (
                (each["owner_source"], f"{each['owner']}, the owner"),
                (each["stranger_source"], f"{each['stranger']}, a stranger"),
                (
                    f"<b>{escape_name(each['owner'])}</b> and "
                    f"<b>{escape_name(each['stranger'])}</b><br>"
                    f"{format_signed(each['above_alpha'])} from alpha, "
                    f"{'accepted' if each['accepted'] else 'rejected'}"
                ),
            )
            for each in pairs
        ],
        thumbnails,
    )


def _render_faces(
    items: Sequence[tuple[tuple[str, str], tuple[str, str], str]], thumbnails: Mapping[str, bytes]
) -> str:
    inner = "".join(
        f'<li><div class="two">{_render_image(*one, thumbnails)}'
        f"{_render_image(*other, thumbnails)}</div>"
        f"{text}</li>"
        for one, other, text in items
    )
    return f'<ul class="faces">{inner}</ul>'


def _render_image(source: str, text: str, thumbnails: Mapping[str, bytes]) -> str:
    content = thumbnails.get(source)
    return f"<span>{escape_name(source)}</span>" if content is None else embed_image(content, text)


def _render_footer(found: dict[str, Any]) -> str:
    model = found["model"] or "not named"
    return (
        "<footer><dl>"
        "<dt>How to read this</dt><dd>Terms are those of ISO/IEC 19795-1. FMR, false match rate: "
        "the share of comparisons with strangers that were accepted. FNMR, false non-match rate: "
        "the share of the owners' own attempts that were rejected. A comparison is accepted "
        "when its margin is at least alpha. Intervals of counts are Clopper-Pearson, 95 %, and "
        "treat every comparison as independent; intervals over owners resample whole owners, "
        "with all their comparisons, but not the strangers.</dd>"
        f"<dt>What ran</dt><dd>{escape(found['created'])}; network {escape(model)}; "
        f"seed {found['seed']}; {found['data']['photos']:,} photos of {found['data']['people']:,} "
        "people.</dd></dl></footer>"
    )
