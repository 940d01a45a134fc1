"""Count verdicts on living people and on attacks, and report the error rates.

Terms are those of ISO/IEC 30107-3. A *presentation* is one person, or one photo or screen
held up, and gets one verdict. APCER is counted for each kind of attack: the share of its
presentations that passed as live. BPCER is the share of living people who did not pass.
The headline is the worst kind: an attacker picks what works, and an average over kinds
would hide it. An *undecided* presentation is not accepted: it counts as not live in both
rates, and is reported beside them as the non-response rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

from onlyme.charts import (
    ErrorRate,
    format_rate,
    make_rate,
    render_page,
    render_table,
    upper_bound,
)
from onlyme.errors import UsageError
from onlyme.types import Verdict

__all__ = [
    "LIVE",
    "SCHEMA",
    "LivenessStudy",
    "PresentationCounts",
    "format_liveness_json",
    "render_liveness_html",
]

LIVE = "live"
"""The kind of living people; every other kind is an attack."""

SCHEMA = "onlyme-liveness-evaluation/1"


@dataclass(slots=True)
class PresentationCounts:
    """Verdicts counted for one kind of presentation.

    Attributes:
        kind: `live`, or the kind of attack: `print`, `replay` …
        live: passed as living people.
        attack: refused as attacks.
        undecided: neither; refused as well.
        missed: the names of the errors: attacks that passed, people who did not.

    >>> tally = PresentationCounts("print")
    >>> for verdict in [Verdict.ATTACK] * 42:
    ...     tally.add(verdict)
    >>> tally.format_line()
    'print: APCER 0.0 % (0 of 42; 95 %: 0.0 to 8.4 %), 0 undecided'
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
        """The number of presentations."""
        return self.live + self.attack + self.undecided

    @property
    def error_rate(self) -> ErrorRate:
        """BPCER of living people, APCER of a kind of attack; with the exact 95 % interval."""
        return make_rate(self.total - self.live if self.kind == LIVE else self.live, self.total)

    @property
    def non_response_rate(self) -> ErrorRate:
        """The share of presentations with a verdict of neither live nor attack."""
        return make_rate(self.undecided, self.total)

    def format_line(self) -> str:
        """Return the counts in one line."""
        name = "BPCER" if self.kind == LIVE else "APCER"
        return f"{self.kind}: {name} {format_rate(self.error_rate)}, {self.undecided} undecided"


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
        """The counts of living people; None when there were none."""
        return self.tallies.get(LIVE)

    @property
    def acer(self) -> float | None:
        """Mean of the worst APCER and BPCER, 0 to 1; None when one of them is missing."""
        if not self.attacks or self.bona_fide is None:
            return None
        return (self.attacks[0].error_rate.value + self.bona_fide.error_rate.value) / 2

    def write_headline(self) -> str:
        """Return the error rate of the worst kind of attack, with its bound, in one sentence."""
        if not self.attacks:
            return "No attack was tried: nothing is known about attacks"
        worst = self.attacks[0]
        bound = upper_bound(worst.live, worst.total)
        return (
            f"Worst kind of attack, {worst.kind}: {worst.live} of {worst.total} passed as live; "
            f"at most {100 * bound:.1f} % pass (95 % bound)"
        )

    def make_document(self, *, created: str, title: str = "") -> dict[str, Any]:
        """Return everything as plain numbers, strings, lists and dicts.

        Args:
            created: when, in ISO 8601.
            title: what was evaluated.

        Raises:
            UsageError: there are no presentations.
        """
        if not self.tallies:
            raise UsageError("there are no presentations to count")
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
    """Return one page that loads nothing from outside; every name in it is escaped."""
    title, created = document["title"], document["created"][:10]
    parts = [
        f'<p class="kicker"><b>onlyme</b> liveness of {escape(title)}, {escape(created)}</p>',
        f"<h1>{escape(document['headline'])}</h1>",
        render_table(
            "Errors by kind of presentation",
            ("Kind", "Rate", "Errors", "Presentations", "Share", "95 % interval", "Undecided"),
            (_make_row(entry) for entry in document["kinds"]),
        ),
        (
            "<p>ACER (mean of the worst APCER and of BPCER): "
            f"{'unknown' if document['acer'] is None else _format_share(document['acer'])}</p>"
        ),
        (
            '<p class="quiet">APCER: attacks of one kind that passed as live. BPCER: living people '
            "who did not pass. An undecided presentation is not accepted and counts as not live. "
            f"Intervals are exact (Clopper-Pearson). {escape(document['standard'])}.</p>"
        ),
    ]
    for entry in document["kinds"]:
        if entry["missed"]:
            what = "people who did not pass" if entry["kind"] == LIVE else "attacks that passed"
            items = "".join(f"<li>{escape(source)}</li>" for source in entry["missed"])
            parts.append(f"<h2>{escape(entry['kind'])}: {what}</h2><ul>{items}</ul>")
    return render_page(f"onlyme: liveness of {title}", "".join(parts))


def _describe_counts(tally: PresentationCounts) -> dict[str, Any]:
    return {
        "kind": tally.kind,
        "rate": "BPCER" if tally.kind == LIVE else "APCER",
        "live": tally.live,
        "attack": tally.attack,
        "undecided": tally.undecided,
        "error": tally.error_rate.to_dict(),
        "non_response": tally.non_response_rate.to_dict(),
        "missed": list(tally.missed),
    }


def _make_row(entry: dict[str, Any]) -> tuple[str, ...]:
    error = entry["error"]
    return (
        escape(entry["kind"]),
        entry["rate"],
        str(error["count"]),
        str(error["total"]),
        "–" if error["value"] is None else _format_share(error["value"]),
        f"{100 * error['low']:.2f} to {_format_share(error['high'])}",
        f"{entry['undecided']} of {error['total']}",
    )


def _format_share(value: float) -> str:
    return f"{100 * value:.2f} %"
