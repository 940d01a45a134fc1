"""Adapt an owner's template to good matches that the password confirmed.

Adaptation is slow, small and reversible. What a match may teach is bounded by the enrolment
photos, never by what was learned since, so that many small steps cannot lead far away:

1. Consent. Nothing is learned unless the owner agreed.
2. Confirmed. The caller vouches that the password was used with this match.
3. Good. The match would pass at a tenth of the promised false accept rate, judged by
   the enrolment photos alone.
4. Quarantined. Matches wait until there are five, from different days. Only their mean, which
   is no one's photo, becomes part of the template.
5. Limited. One mean is stored, the newest. It is drawn towards the enrolment photos until
   the template lies within 0.075 of the enrolled one. So the template moves towards another face
   by no more than that, however many matches are offered and for however long.
6. Expiring. After half a year the mean is dropped.
7. Re-calibrated. Alpha is computed again for the promised rate.
8. Reversible. Enrolment photos are stored apart; `undo` is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError, VaultDamaged
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Owner
from onlyme.storage.template import Template
from onlyme.types import DEFAULT_FAR
from onlyme.vault.admin import QUARANTINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.head import Base
    from onlyme.vault.admin import VaultAdmin
    from onlyme.vault.transaction import VaultTransaction

__all__ = [
    "RULES",
    "Adaptation",
    "AdaptationOutcome",
    "AdaptationStatus",
    "Rules",
    "empty_quarantine",
]

_DAY_SECONDS = 86400.0
_INSTEAD = (
    "and only templates of owners in the vault adapt; `onlyme enroll-folder --add` adds photos"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How much may be learned, and how fast.

    Attributes:
        strictness: share of the promised false accept rate at which a match is good.
        between_days: days from one match that is taken to the next.
        together: the number of matches that are learned as one mean.
        drift: the farthest that the template may move, 0 to 2, in head space.
        days: days until what was learned is dropped.
    """

    strictness: float = 0.1
    between_days: float = 0.8
    together: int = 5
    drift: float = 0.075
    days: float = 180.0


RULES = Rules()
"""Chosen with `benchmarks/adaptation.py`: more drift helps an owner who changes, but also a
stranger with morphs and the password. At a drift of 0.1, 1 % of the photos of the most similar of
60 people were accepted."""


class AdaptationOutcome(StrEnum):
    """What was done with a confirmed match."""

    NO_CONSENT = "no_consent"
    NOT_GOOD = "not_good"
    TOO_SOON = "too_soon"
    WAITING = "waiting"
    LEARNED = "learned"


_LOGGED = {AdaptationOutcome.WAITING, AdaptationOutcome.LEARNED}
_SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)


@dataclass(frozen=True, slots=True)
class AdaptationStatus:
    """What adaptation stores of an owner.

    Attributes:
        consent: whether the owner agreed.
        waiting: matches in quarantine.
        learned: when the present mean became part of the template, in UTC; None without one.
    """

    consent: bool
    waiting: int
    learned: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class _Quarantine:
    """What the vault stores beside the template; the names of the fields are stored with it."""

    consent: bool
    waiting: NDArray[np.float32]
    waiting_since: NDArray[np.float64]
    learned_at: NDArray[np.float64]

    def to_template(self, owner: Owner, now: datetime) -> Template:
        values = {key: getattr(self, key) for key in self.__slots__}
        return Template(owner.name, owner.learned.model, now, values, {"waiting": "me"})

    @classmethod
    def from_template(cls, template: Template | None, dimension: int) -> _Quarantine:
        if template is None:
            no_times = np.empty(0, np.float64)
            no_vectors = np.empty((0, dimension), np.float32)
            return cls(
                consent=False, waiting=no_vectors, waiting_since=no_times, learned_at=no_times
            )
        values: dict[str, Any] = dict(template.values)
        try:
            return cls(**values)
        except TypeError:
            raise VaultDamaged(f"the quarantine of {template.name} is incomplete") from None


class Adaptation:
    """Adapts the templates of owners who agreed as their faces change.

    Args:
        base: the network's head, cohort and calibration.
        admin: the vault and its log.
        rules: how much may be learned, and how fast.
    """

    def __init__(self, base: Base, admin: VaultAdmin, rules: Rules = RULES) -> None:
        self._base = base
        self._admin = admin
        self._rules = rules
        self._enrolled: tuple[bytes, Owner] | None = None

    def read_status(self, name: str) -> AdaptationStatus:
        """Return what is stored of an owner.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        store = self._admin.store
        template = store.get(name)
        if template is None:
            raise self._admin.make_missing(name, _INSTEAD)
        Owner.from_template(self._base, template)  # that of another network is refused
        quarantine = _Quarantine.from_template(store.get(name, QUARANTINE), self._base.dimension)
        times = quarantine.learned_at
        learned = datetime.fromtimestamp(times[-1], UTC) if len(times) else None
        return AdaptationStatus(quarantine.consent, len(quarantine.waiting), learned)

    def set_consent(self, name: str, *, consent: bool) -> None:
        """Store the owner's consent; or withdraw it, which empties the quarantine.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        with self._admin.store.edit() as edit:
            owner, quarantine = self._read_owner(edit, name), self._read_quarantine(edit, name)
            quarantine = replace(quarantine, consent=consent)
            if not consent:
                quarantine = _empty(quarantine)
            self._write_quarantine(edit, owner, quarantine)
            self._admin.gate.note(
                edit, Event.ADAPT, name, "agreed" if consent else "consent taken back"
            )

    def confirm(
        self, name: str, vector: NDArray[np.float32], now: datetime | None = None
    ) -> AdaptationOutcome:
        """Offer a match to learn from. The caller vouches that the password was used with it.

        Args:
            name: the owner.
            vector: float32[d] of unit length: the match's embedding.
            now: the time of the match; by default the present time.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            UsageError: the vector is no embedding of this network.
        """
        now = now or datetime.now(UTC)
        if np.shape(vector) != (self._base.dimension,):
            raise UsageError(f"an embedding has {self._base.dimension} numbers")
        with self._admin.store.edit() as edit:
            owner, quarantine = self._read_owner(edit, name), self._read_quarantine(edit, name)
            after, quarantine = self._drop_expired(owner, quarantine, now.timestamp())
            after, quarantine, outcome = self._judge_match(
                after, quarantine, vector, now.timestamp()
            )
            if after is not owner:
                edit.put(after.to_template())
            if after is not owner or outcome in _LOGGED:
                self._write_quarantine(edit, after, quarantine)
                self._admin.gate.note(edit, Event.ADAPT, name, outcome)
        return outcome

    def undo(self, name: str) -> int:
        """Remove everything that was learned this way; return the number of means removed.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        with self._admin.store.edit() as edit:
            owner, quarantine = self._read_owner(edit, name), self._read_quarantine(edit, name)
            count = len(owner.examples.learned)
            if count:
                owner = self._learn_with(owner, owner.examples.learned[:0])
                edit.put(owner.to_template())
            quarantine = replace(_empty(quarantine), learned_at=quarantine.learned_at[:0])
            self._write_quarantine(edit, owner, quarantine)
            self._admin.gate.note(edit, Event.ADAPT, name, "undone")
        return count

    # ------------------------------------------------------------------ within

    def _judge_match(
        self, owner: Owner, quarantine: _Quarantine, vector: NDArray[np.float32], now: float
    ) -> tuple[Owner, _Quarantine, AdaptationOutcome]:
        if not quarantine.consent:
            return owner, quarantine, AdaptationOutcome.NO_CONSENT
        wait_seconds = self._rules.between_days * _DAY_SECONDS
        if len(quarantine.waiting) and now - quarantine.waiting_since[-1] < wait_seconds:
            return owner, quarantine, AdaptationOutcome.TOO_SOON
        enrolled = self._learn_enrolled(owner)
        if not self._is_good(enrolled, vector):
            return owner, quarantine, AdaptationOutcome.NOT_GOOD
        waiting = np.concatenate([quarantine.waiting, vector[None]])
        if len(waiting) < self._rules.together:
            since = np.append(quarantine.waiting_since, now)
            quarantine = replace(quarantine, waiting=waiting, waiting_since=since)
            return owner, quarantine, AdaptationOutcome.WAITING
        after = self._learn_mean(enrolled, waiting)
        quarantine = replace(_empty(quarantine), learned_at=np.array([now]))
        return after, quarantine, AdaptationOutcome.LEARNED

    def _learn_mean(self, enrolled: Owner, waiting: NDArray[np.float32]) -> Owner:
        """Learn the mean of the waiting matches, as far as the drift allows."""
        photos, matches = enrolled.examples.me.mean(axis=0), waiting.mean(axis=0)
        for share in _SHARES:
            mean = (1.0 - share) * photos + share * matches
            learned = (mean / np.linalg.norm(mean)).astype(np.float32)[None]
            if self._measure_drift(enrolled.examples.me, learned) <= self._rules.drift:
                return self._learn_with(enrolled, learned)
        return enrolled

    def _is_good(self, enrolled: Owner, vector: NDArray[np.float32]) -> bool:
        alpha = enrolled.alpha
        if enrolled.learned.calibrated:
            far = (enrolled.promised or DEFAULT_FAR) * self._rules.strictness
            alpha = max(alpha, enrolled.learned.alpha_at(far))
        return bool(enrolled.margins(vector[None])[0] >= alpha)

    def _measure_drift(self, me: NDArray[np.float32], learned: NDArray[np.float32]) -> float:
        """Return how far the mean in head space moves, 0 to 2."""
        means = []
        for rows in (me, np.concatenate([me, learned])):
            mean = self._base.project(rows).mean(axis=0)
            means.append(mean / np.linalg.norm(mean))
        return float(np.linalg.norm(means[1] - means[0]))

    def _drop_expired(
        self, owner: Owner, quarantine: _Quarantine, now: float
    ) -> tuple[Owner, _Quarantine]:
        is_fresh = now - quarantine.learned_at < self._rules.days * _DAY_SECONDS
        if len(is_fresh) != len(owner.examples.learned) or is_fresh.all():
            return owner, quarantine
        owner = self._learn_with(owner, owner.examples.learned[is_fresh])
        return owner, replace(quarantine, learned_at=quarantine.learned_at[is_fresh])

    def _learn_enrolled(self, owner: Owner) -> Owner:
        """Learn the owner from the enrolment photos alone; the last result is cached."""
        photos = (getattr(owner.examples, part) for part in ("me", "not_me", "look_alikes"))
        key = b"".join(rows.tobytes() for rows in photos) + repr(owner.promised).encode()
        if self._enrolled is None or self._enrolled[0] != key:
            self._enrolled = key, self._learn_with(owner, owner.examples.learned[:0])
        return self._enrolled[1]

    def _learn_with(self, owner: Owner, learned: NDArray[np.float32]) -> Owner:
        if len(learned) == 0 and len(owner.examples.learned) == 0:
            return owner
        return owner.relearn(self._base, replace(owner.examples, learned=learned))

    def _read_owner(self, edit: VaultTransaction, name: str) -> Owner:
        template = edit.get(name)
        if template is None:
            raise self._admin.make_missing(name, _INSTEAD)
        return Owner.from_template(self._base, template)

    def _read_quarantine(self, edit: VaultTransaction, name: str) -> _Quarantine:
        return _Quarantine.from_template(edit.get(name, QUARANTINE), self._base.dimension)

    def _write_quarantine(
        self, edit: VaultTransaction, owner: Owner, quarantine: _Quarantine
    ) -> None:
        edit.put(quarantine.to_template(owner, datetime.now(UTC)), QUARANTINE)


def empty_quarantine(edit: VaultTransaction, name: str) -> None:
    """Drop the matches that wait and the time of what was learned; consent stays.

    Enrolment photos that are removed have judged these matches, and are part of what was learned.
    """
    template = edit.get(name, QUARANTINE)
    if template is not None:
        quarantine = _empty(_Quarantine.from_template(template, 0))
        quarantine = replace(quarantine, learned_at=quarantine.learned_at[:0])
        values = {key: getattr(quarantine, key) for key in quarantine.__slots__}
        edit.put(replace(template, values=values), QUARANTINE)


def _empty(quarantine: _Quarantine) -> _Quarantine:
    """Return a quarantine in which no match waits."""
    return replace(
        quarantine,
        waiting=quarantine.waiting[:0],
        waiting_since=quarantine.waiting_since[:0],
    )
