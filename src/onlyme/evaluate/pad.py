"""Verdicts on live people and on attacks come in; error rates with intervals and a report go out.

Terms are those of ISO/IEC 30107-3. A *presentation* is one person, or one photo or screen
held up, and gets one verdict. For each kind of attack by itself, APCER is the share of its
presentations that passed as live; BPCER is the share of living people who did not pass.
The headline is the worst kind: an attacker picks what works, and an average over kinds
would hide it. An *undecided* opens nothing: it counts as not live in both rates, and is
reported beside them as the non-response rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError
from onlyme.evaluate.intervals import ErrorRate, make_rate, upper_bound
from onlyme.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LIVE",
    "SCHEMA",
    "LivenessStudy",
    "PresentationCounts",
    "format_liveness_json",
    "render_liveness_html",
]

LIVE = "live"
"""The kind that is no attack."""

SCHEMA = "onlyme-liveness-evaluation/1"

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(slots=True)
class PresentationCounts:
    """Verdicts counted for one kind of presentation.

    Attributes:
        kind: `live`, or what kind of attack: `print`, `replay` …
        live: passed as living people.
        attack: refused as attacks.
        undecided: neither; refused as well.
        missed: the presentations that a reader should look at: attacks that passed,
            people who did not.

    >>> tally = PresentationCounts("print")
    >>> for verdict in [Verdict.ATTACK] * 42:
    ...     tally.add(verdict)
    >>> tally.format_line()
    'print: APCER 0.0 % (0 of 42; 95 %: 0.0 to 8.4 %), no answer to 0'
    """

    kind: str
    live: int = 0
    attack: int = 0
    undecided: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, source: str = "") -> None:
        """Count one presentation."""
        setattr(self, verdict.value, getattr(self, verdict.value) + 1)
        if (verdict is Verdict.LIVE) != (self.kind == LIVE) and source:
            self.missed.append(source)

    @property
    def total(self) -> int:
        """How many presentations there were."""
        return self.live + self.attack + self.undecided

    @property
    def error_rate(self) -> ErrorRate:
        """BPCER of living people, APCER of a kind of attack; exact 95 % interval."""
        return make_rate(self.total - self.live if self.kind == LIVE else self.live, self.total)

    @property
    def non_response_rate(self) -> ErrorRate:
        """The non-response rate: neither live nor attack was said."""
        return make_rate(self.undecided, self.total)

    def format_line(self) -> str:
        """Say it in one line."""
        name = "BPCER" if self.kind == LIVE else "APCER"
        return f"{self.kind}: {name} {_format_rate(self.error_rate)}, no answer to {self.undecided}"


@dataclass(slots=True)
class LivenessStudy:
    """All kinds together.

    Attributes:
        tallies: one for each kind, by name.
    """

    tallies: dict[str, PresentationCounts] = field(default_factory=dict)

    def add(self, kind: str, verdict: Verdict, source: str = "") -> None:
        """Count one presentation of a kind."""
        self.tallies.setdefault(kind, PresentationCounts(kind)).add(verdict, source)

    @property
    def attacks(self) -> list[PresentationCounts]:
        """The kinds of attack, the worst first: by rate, then by its upper bound."""
        kinds = [tally for tally in self.tallies.values() if tally.kind != LIVE]
        return sorted(kinds, key=lambda t: (-t.error_rate.value, -t.error_rate.high, t.kind))

    @property
    def bona_fide(self) -> PresentationCounts | None:
        """Living people; None when there were none."""
        return self.tallies.get(LIVE)

    @property
    def acer(self) -> float | None:
        """Mean of the worst APCER and BPCER, 0 to 1; None when one of them is missing."""
        if not self.attacks or self.bona_fide is None:
            return None
        return (self.attacks[0].error_rate.value + self.bona_fide.error_rate.value) / 2

    def write_headline(self) -> str:
        """Say the worst in one sentence, and how much the counts can carry."""
        if not self.attacks:
            return "no attack was tried, so nothing is known of them"
        worst = self.attacks[0]
        bound = upper_bound(worst.live, worst.total)
        said = f"worst kind, {worst.kind}: {worst.live} of {worst.total} attacks passed as live"
        return f"{said}, at most {100 * bound:.1f} % with 95 % confidence"

    def make_document(self, *, created: str, title: str = "") -> dict[str, Any]:
        """Return everything as plain numbers, strings, lists and dicts.

        Args:
            created: when, in ISO 8601.
            title: what was evaluated.

        Raises:
            UsageError: nothing was presented.
        """
        if not self.tallies:
            raise UsageError("nothing was presented")
        live = [self.bona_fide] if self.bona_fide else []
        return {
            "schema": SCHEMA,
            "standard": "ISO/IEC 30107-3 (terms and rates; not a certified test)",
            "created": created,
            "title": title,
            "headline": self.write_headline(),
            "acer": self.acer,
            "kinds": [_describe_counts(tally) for tally in [*self.attacks, *live]],
        }


def format_liveness_json(document: dict[str, Any]) -> str:
    """Return the document as JSON."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_liveness_html(document: dict[str, Any]) -> str:
    """Return one page that needs nothing beside itself; every name in it is escaped."""
    style = files("onlyme.evaluate.report").joinpath("page.css").read_text(encoding="utf-8")
    rows = "".join(_render_row(entry) for entry in document["kinds"])
    missed = "".join(
        f"<h2>{escape(entry['kind'])}: "
        f"{'people who did not pass' if entry['kind'] == LIVE else 'attacks that passed'}</h2>"
        f"<ul>{''.join(f'<li>{escape(source)}</li>' for source in entry['missed'])}</ul>"
        for entry in document["kinds"]
        if entry["missed"]
    )
    acer = "unknown" if document["acer"] is None else f"{100 * document['acer']:.2f} %"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>onlyme: liveness of {escape(document['title'])}</title><style>{style}</style>"
        f'</head><body><main><p class="kicker"><b>onlyme</b> liveness of '
        f"{escape(document['title'])}, {escape(document['created'][:10])}</p>"
        f"<h1>{escape(document['headline'])}</h1>"
        "<table><thead><tr><th>kind</th><th>rate</th><th>errors</th><th>of</th><th>share</th>"
        "<th>95 % interval</th><th>no answer</th></tr></thead>"
        f"<tbody>{rows}</tbody></table><p>ACER (mean of the worst APCER and BPCER): {acer}</p>"
        '<p class="note">APCER: attacks of one kind that passed as live. BPCER: living people '
        "who did not pass. No answer (undecided) opens nothing and counts as not live. "
        f"Intervals are exact (Clopper-Pearson). {escape(document['standard'])}.</p>"
        f"{missed}</main></body></html>\n"
    )


def _describe_counts(tally: PresentationCounts) -> dict[str, Any]:
    return {
        "kind": tally.kind,
        "rate": "BPCER" if tally.kind == LIVE else "APCER",
        "live": tally.live,
        "attack": tally.attack,
        "undecided": tally.undecided,
        "error": _describe_rate(tally.error_rate),
        "non_response": _describe_rate(tally.non_response_rate),
        "missed": list(tally.missed),
    }


def _describe_rate(error_rate: ErrorRate) -> dict[str, float | int | None]:
    value = None if math.isnan(error_rate.value) else error_rate.value
    return {
        "count": error_rate.count,
        "total": error_rate.total,
        "value": value,
        "low": error_rate.low,
        "high": error_rate.high,
    }


def _render_row(entry: dict[str, Any]) -> str:
    error = entry["error"]
    cells: Iterable[str] = (
        escape(entry["kind"]),
        entry["rate"],
        str(error["count"]),
        str(error["total"]),
        "–" if error["value"] is None else f"{100 * error['value']:.2f} %",
        f"{100 * error['low']:.2f} to {100 * error['high']:.2f} %",
        f"{entry['undecided']} of {error['total']}",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _format_rate(error_rate: ErrorRate) -> str:
    share = "–" if math.isnan(error_rate.value) else f"{100 * error_rate.value:.1f} %"
    low, high = 100 * error_rate.low, 100 * error_rate.high
    return f"{share} ({error_rate.count} of {error_rate.total}; 95 %: {low:.1f} to {high:.1f} %)"
