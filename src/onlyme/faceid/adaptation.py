"""A good match, confirmed by the password, may teach a template: slowly, little, and reversibly.

What a match may teach is bounded by what the owner enrolled with, never by what
was learned since. So no chain of small steps leads away:

1. Consent. Nothing is learned unless the owner said so.
2. Confirmed. The caller vouches that the password was used with this match.
3. Good. The match would pass at a tenth of the promised false accept rate, judged by
   the enrolment photos alone.
4. Quarantined. It waits until there are five, from different days; only their mean,
   which is nobody's photo, is taken over.
5. Limited. One mean is kept, the newest; it is drawn towards the enrolment photos until
   the template lies within 0.075 of the enrolled one. So it comes no nearer to any face
   than that, whatever is fed in and for how long.
6. Expiring. After half a year it is dropped.
7. Re-calibrated. Alpha is found anew for the promised rate.
8. Reversible. Enrolment photos are kept apart; `undo` is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError, VaultDamaged, unknown_owner
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Owner
from onlyme.storage.template import Template
from onlyme.types import DEFAULT_FAR
from onlyme.vault.admin import QUARANTINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.head import Base
    from onlyme.vault.admin import VaultAdmin
    from onlyme.vault.store import VaultTransaction

__all__ = ["RULES", "Adaptation", "AdaptationOutcome", "AdaptationStatus", "Rules"]

_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How much may be learned, and how fast.

    Attributes:
        strictness: share of the promised false accept rate at which a match is good.
        between_days: one match in so many days is taken.
        together: so many wait for each other.
        drift: the farthest that the template may move, 0 to 2, in head space.
        days: so long what was learned is kept.
    """

    strictness: float = 0.1
    between_days: float = 0.8
    together: int = 5
    drift: float = 0.075
    days: float = 180.0


RULES = Rules()
"""Chosen with `benchmarks/adaptation.py`: more drift helps an owner who changes, and a stranger
with morphs and the password. At 0.1 the most similar of 60 people got 1 % of photos in."""


class AdaptationOutcome(StrEnum):
    """What became of a confirmed match."""

    NO_CONSENT = "no_consent"
    NOT_GOOD = "not_good"
    TOO_SOON = "too_soon"
    WAITING = "waiting"
    LEARNED = "learned"


_NOTED = {AdaptationOutcome.WAITING, AdaptationOutcome.LEARNED}
_SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)


@dataclass(frozen=True, slots=True)
class AdaptationStatus:
    """What adaptation holds of an owner.

    Attributes:
        consent: whether the owner agreed.
        waiting: matches in quarantine.
        learned: when the mean that is part of the template was taken over, in UTC; None
            when none is.
    """

    consent: bool
    waiting: int
    learned: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class _Quarantine:
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
            none = np.empty(0, np.float64)
            return cls(False, np.empty((0, dimension), np.float32), none, none)  # noqa: FBT003
        values: dict[str, Any] = dict(template.values)
        try:
            return cls(**values)
        except TypeError:
            raise VaultDamaged(f"the quarantine of {template.name} is not whole") from None


class Adaptation:
    """Lets the templates of owners who agreed follow them as they change.

    Args:
        base: the network's head, cohort and calibration.
        admin: the vault and its log.
        rules: how much, and how fast.
    """

    def __init__(self, base: Base, admin: VaultAdmin, rules: Rules = RULES) -> None:
        self._base = base
        self._admin = admin
        self._rules = rules
        self._enrolled: tuple[bytes, Owner] | None = None

    def read_status(self, name: str) -> AdaptationStatus:
        """Say what is held of an owner.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        with self._admin.store.edit(durable=False) as edit:
            self._read_owner(edit, name)
            held = self._read_quarantine(edit, name)
        when = datetime.fromtimestamp(held.learned_at[-1], UTC) if len(held.learned_at) else None
        return AdaptationStatus(held.consent, len(held.waiting), when)

    def set_consent(self, name: str, *, consent: bool) -> None:
        """Write the owner's consent down, or take it back; that empties the quarantine.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        with self._admin.store.edit() as edit:
            owner, held = self._read_owner(edit, name), self._read_quarantine(edit, name)
            held = replace(held, consent=consent)
            if not consent:
                held = replace(held, waiting=held.waiting[:0], waiting_since=held.waiting_since[:0])
            self._write_quarantine(edit, owner, held)
            self._admin.gate.note(
                edit, Event.ADAPT, name, "agreed" if consent else "consent taken back"
            )

    def confirm(
        self, name: str, vector: NDArray[np.float32], now: datetime | None = None
    ) -> AdaptationOutcome:
        """Offer a match to learn from. The caller vouches that the password went with it.

        Args:
            name: the owner.
            vector: float32[d] of unit length: the match's embedding.
            now: the time, if it is not now.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            UsageError: the vector is no embedding of this network.
        """
        now = now or datetime.now(UTC)
        if np.shape(vector) != (self._base.dimension,):
            raise UsageError(f"an embedding has {self._base.dimension} numbers")
        with self._admin.store.edit() as edit:
            owner, held = self._read_owner(edit, name), self._read_quarantine(edit, name)
            after, held = self._drop_expired(owner, held, now.timestamp())
            after, held, outcome = self._judge_match(after, held, vector, now.timestamp())
            if after is not owner:
                edit.put(after.to_template())
            if after is not owner or outcome in _NOTED:
                self._write_quarantine(edit, after, held)
                self._admin.gate.note(edit, Event.ADAPT, name, outcome)
        return outcome

    def undo(self, name: str) -> int:
        """Take back everything that was learned this way; return how much it was.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        with self._admin.store.edit() as edit:
            owner, held = self._read_owner(edit, name), self._read_quarantine(edit, name)
            count = len(owner.examples.learned)
            if count:
                owner = self._learn_with(owner, owner.examples.learned[:0])
                edit.put(owner.to_template())
            none = held.waiting_since[:0]
            self._write_quarantine(
                edit, owner, _Quarantine(held.consent, held.waiting[:0], none, none)
            )
            self._admin.gate.note(edit, Event.ADAPT, name, "undone")
        return count

    # ------------------------------------------------------------------ within

    def _judge_match(
        self, owner: Owner, held: _Quarantine, vector: NDArray[np.float32], now: float
    ) -> tuple[Owner, _Quarantine, AdaptationOutcome]:
        if not held.consent:
            return owner, held, AdaptationOutcome.NO_CONSENT
        if (
            len(held.waiting)
            and now - held.waiting_since[-1] < self._rules.between_days * _DAY_SECONDS
        ):
            return owner, held, AdaptationOutcome.TOO_SOON
        enrolled = self._learn_enrolled(owner)
        if not self._is_good(enrolled, vector):
            return owner, held, AdaptationOutcome.NOT_GOOD
        waiting = np.concatenate([held.waiting, vector[None]])
        since = np.append(held.waiting_since, now)
        if len(waiting) < self._rules.together:
            held = replace(held, waiting=waiting, waiting_since=since)
            return owner, held, AdaptationOutcome.WAITING
        held = replace(held, waiting=waiting[:0], waiting_since=since[:0])
        after = self._learn_mean(enrolled, waiting)
        return after, replace(held, learned_at=np.array([now])), AdaptationOutcome.LEARNED

    def _learn_mean(self, enrolled: Owner, waiting: NDArray[np.float32]) -> Owner:
        """Learn the mean of what waited, as much of it as the drift allows."""
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
        """How far the mean in head space moves, 0 to 2."""
        means = []
        for rows in (me, np.concatenate([me, learned])):
            mean = self._base.project(rows).mean(axis=0)
            means.append(mean / np.linalg.norm(mean))
        return float(np.linalg.norm(means[1] - means[0]))

    def _drop_expired(
        self, owner: Owner, held: _Quarantine, now: float
    ) -> tuple[Owner, _Quarantine]:
        kept = now - held.learned_at < self._rules.days * _DAY_SECONDS
        if len(kept) != len(owner.examples.learned) or kept.all():
            return owner, held
        owner = self._learn_with(owner, owner.examples.learned[kept])
        return owner, replace(held, learned_at=held.learned_at[kept])

    def _learn_enrolled(self, owner: Owner) -> Owner:
        """Learn the owner from the enrolment photos alone, or remember having done so."""
        known = (getattr(owner.examples, part) for part in ("me", "not_me", "look_alikes"))
        key = b"".join(rows.tobytes() for rows in known) + repr(owner.promised).encode()
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
            raise unknown_owner(name, self._admin.store.names())
        return Owner.from_template(self._base, template)

    def _read_quarantine(self, edit: VaultTransaction, name: str) -> _Quarantine:
        return _Quarantine.from_template(edit.get(name, QUARANTINE), self._base.dimension)

    def _write_quarantine(self, edit: VaultTransaction, owner: Owner, held: _Quarantine) -> None:
        edit.put(held.to_template(owner, datetime.now(UTC)), QUARANTINE)
