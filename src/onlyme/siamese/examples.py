"""Hold the embeddings that an owner is learned from, and what is known of each of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.siamese.distance import check_unit_rows
from onlyme.types import Example, ExampleKind, Quality, QualityCheck, checked_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from onlyme.types import Embedding

__all__ = [
    "EXAMPLE_SETS",
    "Examples",
    "check_second",
    "join_second",
    "make_no_second",
    "read_notes",
    "write_notes",
]

EXAMPLE_SETS = ("me", "not_me", "look_alikes", "learned", "lessons")
"""The arrays of `Examples`, in their order."""

_NOTES, _NUMBERED = "notes", "numbered"
_MAX_NUMBER = 2**31


def make_no_second() -> NDArray[np.float32]:
    """Return no vectors of a second network."""
    return np.empty((0, 0), np.float32)


def check_second(value: object) -> NDArray[np.float32]:
    """Return stored vectors of a second network.

    Raises:
        ValueError, UsageError: they are none.
    """
    rows = np.asarray(value)
    if rows.ndim != 2 or rows.dtype != np.float32:
        raise ValueError("second vectors are no rows of float32")
    return check_unit_rows(rows, rows.shape[1], "second") if len(rows) else make_no_second()


def join_second(embeddings: Sequence[Embedding]) -> tuple[NDArray[np.float32], str]:
    """Return the second look's vectors of photos, float32[n, e], and its hash.

    n is 0 if one of the photos has none, or two networks made them.
    """
    models = {one.second_model for one in embeddings}
    vectors = [one.second for one in embeddings if one.second is not None]
    if len(models) != 1 or len(vectors) < len(embeddings):
        return make_no_second(), ""
    return np.stack(vectors), models.pop()


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The embeddings that an owner is learned from.

    Attributes:
        me: float32[m, d], embeddings of the person.
        not_me: float32[n, d], embeddings of others that the person gave.
        look_alikes: float32[l, d], embeddings of others who look like the person.
        learned: float32[a, d], embeddings that adaptation added; see `faceid.adaptation`.
        lessons: float32[w, d], embeddings of others who were accepted by mistake.
        notes: what is known of each row of `me`, in their order; by default its number only.
        numbered: the highest number that a note ever had.
        second: float32[k, e], the second look's vectors of the photos in `me`, in their order;
            fewer, and of no use, where it did not see all of them.
        second_model: sha256 (hex) of the second network; empty without its vectors.

    Raises:
        ValueError: the notes are not as many as the rows of `me`.
    """

    me: NDArray[np.float32] = field(repr=False)
    not_me: NDArray[np.float32] = field(repr=False)
    look_alikes: NDArray[np.float32] = field(repr=False)
    learned: NDArray[np.float32] = field(repr=False)
    lessons: NDArray[np.float32] = field(repr=False)
    notes: tuple[Example, ...] = field(default=(), repr=False)
    numbered: int = 0
    second: NDArray[np.float32] = field(default_factory=make_no_second, repr=False)
    second_model: str = ""

    def __post_init__(self) -> None:
        if not self.notes:  # an owner of an earlier version, or one who is not stored
            notes = tuple(Example(self.numbered + place) for place in range(1, len(self.me) + 1))
            object.__setattr__(self, "notes", notes)
        if len(self.notes) != len(self.me):
            raise ValueError(f"{len(self.notes)} notes on {len(self.me)} examples")
        highest = max([self.numbered, *(note.number for note in self.notes)])
        object.__setattr__(self, "numbered", highest)

    @property
    def all_look_alikes(self) -> NDArray[np.float32]:
        """float32[l + w, d]: look-alikes and lessons together."""
        return np.concatenate([self.look_alikes, self.lessons])

    @property
    def all_me(self) -> NDArray[np.float32]:
        """float32[m + a, d]: all embeddings of the person."""
        return np.concatenate([self.me, self.learned])

    @classmethod
    def make_empty(cls, dimension: int) -> Self:
        """Return no examples, for a network whose vectors have `dimension` numbers."""
        none = np.empty((0, dimension), np.float32)
        return cls(none, none, none, none, none)

    def __add__(self, other: Examples) -> Examples:
        """Join two sets of examples, these first; those of the other get new numbers."""
        joined: dict[str, Any] = {
            key: np.concatenate([getattr(self, key), getattr(other, key)]) for key in EXAMPLE_SETS
        }
        added = tuple(
            replace(note, number=self.numbered + place) for place, note in enumerate(other.notes, 1)
        )
        second, model = self._join_second(other)
        return Examples(
            **joined,
            notes=self.notes + added,
            numbered=self.numbered,
            second=second,
            second_model=model,
        )

    @property
    def has_second(self) -> bool:
        """Whether a second network saw every photo of the person."""
        return 0 < len(self.me) == len(self.second)

    def _join_second(self, other: Examples) -> tuple[NDArray[np.float32], str]:
        """Join the second look's vectors; none where it did not see all photos of both."""
        if not len(self.me):
            return other.second, other.second_model
        if not len(other.me):
            return self.second, self.second_model
        alike = self.second_model == other.second_model
        if self.has_second and other.has_second and alike:
            return np.concatenate([self.second, other.second]), self.second_model
        return make_no_second(), ""

    def remove(self, numbers: Collection[int]) -> Examples:
        """Return the examples without those of the person that have these numbers.

        What adaptation learned is left out as well: the removed examples are part of its mean.
        """
        stays = np.array([note.number not in numbers for note in self.notes], bool)
        return replace(
            self,
            me=self.me[stays],
            second=self.second[stays] if self.has_second else make_no_second(),
            second_model=self.second_model if self.has_second else "",
            learned=self.learned[:0],
            notes=tuple(note for note in self.notes if note.number not in numbers),
        )


def write_notes(examples: Examples) -> dict[str, Any]:
    """Return what a template stores of the notes; `read_notes` reads it."""
    return {
        _NOTES: [json.dumps(_pack(note)) for note in examples.notes],
        _NUMBERED: examples.numbered,
    }


def read_notes(values: Mapping[str, Any]) -> tuple[tuple[Example, ...], int]:
    """Read from a template the notes and the highest number; none where it has none.

    Raises:
        ValueError, TypeError, KeyError: `write_notes` did not write them.
        UsageError: a look has a name that none can have.
    """
    stored, numbered = values.get(_NOTES, []), values.get(_NUMBERED, 0)
    if not isinstance(stored, list) or not _is_number(numbered, least=0):
        raise ValueError("the notes on its examples make no sense")
    try:
        notes = tuple(_unpack(json.loads(text)) for text in stored)
    except (RecursionError, OverflowError, AttributeError):
        raise ValueError("the notes on its examples make no sense") from None
    if len({note.number for note in notes}) != len(notes):
        raise ValueError("two examples have one number")
    return notes, numbered


def _pack(note: Example) -> dict[str, Any]:
    checks = note.quality.checks if note.quality else ()
    return {
        "number": note.number,
        "added": note.added.astimezone(UTC).isoformat(timespec="seconds") if note.added else None,
        "kind": note.kind,
        "quality": [[check.name, round(check.value, 3), check.unit] for check in checks],
        "look": note.look,
        "eyes": note.has_eyes,
    }


def _unpack(packed: dict[str, Any]) -> Example:
    """Read one note. An import brings notes that another computer wrote: nothing is trusted."""
    number, added, look, eyes = (packed[key] for key in ("number", "added", "look", "eyes"))
    plain = isinstance(look, str) and isinstance(eyes, bool)
    if not plain or not _is_number(number, least=1):
        raise ValueError("a note on an example makes no sense")
    checks = tuple(
        # A photo that fails a check is not learned from, so all of these passed.
        QualityCheck(checked_name(name), _check_value(value), _check_unit(unit), ok=True)
        for name, value, unit in packed["quality"]
    )
    return Example(
        number,
        None if added is None else datetime.fromisoformat(added).astimezone(UTC),
        ExampleKind(packed["kind"]),
        Quality(checks) if checks else None,
        look and checked_name(look),
        has_eyes=eyes,
    )


def _check_value(value: object) -> float:
    if type(value) not in {int, float} or not math.isfinite(number := float(value)):  # type: ignore[arg-type]  # a number
        raise ValueError("a measure makes no sense")
    return number


def _check_unit(unit: object) -> str:
    if not isinstance(unit, str) or len(unit) > 80 or not unit.isprintable():
        raise ValueError("a unit makes no sense")
    return unit


def _is_number(value: object, *, least: int) -> bool:
    return type(value) is int and least <= value < _MAX_NUMBER
