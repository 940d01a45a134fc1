"""Compute error rates by group, the worst first.

All groups are judged at one threshold, as they would be in use. A rate from
too few comparisons is shown as such, and never ranks as worst.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts import ErrorRate, make_rate
from onlyme.errors import UsageError
from onlyme.evaluate.intervals import Interval, assess_rate, bootstrap_rate
from onlyme.evaluate.lists import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.evaluate.owners import OwnerStudy

__all__ = ["GroupRate", "GroupStudy", "read_groups", "study_groups"]

_MIN_PEOPLE = 5


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One error rate of one group.

    Attributes:
        group: of the owners.
        against: of the strangers: the same group, or `other groups`; empty
            for an FNMR.
        people: the number of owners.
        rate: counted, with the Clopper-Pearson interval.
        over_people: bootstrap over these owners, the strangers not resampled; None
            with fewer than two of them, or without an error.
        enough: whether there are enough comparisons to rank it.
    """

    group: str
    against: str
    people: int
    rate: ErrorRate
    over_people: Interval | None
    enough: bool


@dataclass(frozen=True, slots=True)
class GroupStudy:
    """Error rates by group at one alpha.

    Attributes:
        fmr: the rate over all people that alpha was set for.
        alpha: the threshold.
        fnmr: one for each group, the worst first.
        within: FMR against strangers of the same group, the worst first.
        across: FMR against strangers of the other groups, the worst first.
        unlabelled: the number of people without a group; they are in no figure.
    """

    fmr: float
    alpha: float
    fnmr: tuple[GroupRate, ...]
    within: tuple[GroupRate, ...]
    across: tuple[GroupRate, ...]
    unlabelled: int


def read_groups(path: Path) -> dict[str, str]:
    """Read each person's group from a CSV with the columns `person,group`.

    Raises:
        UsageError: when it cannot be read, a column or value is missing, or a
            person is in two groups.
    """
    lines = read_lines(path, "groups")
    try:
        reader = csv.DictReader(lines)
        columns, rows = set(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise UsageError(f"{path}: the list of groups cannot be read: {error}") from None
    if not {"person", "group"} <= columns:
        raise UsageError(f"{path}: the first line must name the columns person,group")
    groups: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        person, group = (row["person"] or "").strip(), (row["group"] or "").strip()
        if not person or not group:
            raise UsageError(f"{path}: line {number} needs a person and a group")
        if groups.setdefault(person, group) != group:
            raise UsageError(f"{path}: line {number} puts {person} into a second group")
    if not groups:
        raise UsageError(f"{path}: the list of groups is empty")
    return groups


def study_groups(
    study: OwnerStudy, groups: Mapping[str, str], *, fmr: float = 1e-4, seed: int = 0
) -> GroupStudy:
    """Count errors by group at the one threshold that gives `fmr` over all people.

    Args:
        study: of the owner protocol.
        groups: the group of each person; people without one are left out.
        fmr: the rate over all people to set the threshold for.
        seed: of the bootstrap.

    Raises:
        UsageError: when none of the people has a group, or `fmr` is so high
            that its comparisons were not stored one by one.
    """
    people = np.unique(study.labels)
    names = sorted({groups[person] for person in people if person in groups})
    if not names:
        raise UsageError("no person of this folder is in the list of groups")
    alpha = study.impostors.threshold_at(fmr)
    if not study.impostors.is_exact_at(alpha):
        raise UsageError(
            f"a false match rate of {fmr:g} is too high to be counted by group here; "
            "choose a lower one"
        )
    number = {name: index for index, name in enumerate(names)}
    owner_group = np.array([number.get(groups.get(owner, ""), -1) for owner in study.owners])
    matches, compared = _count_impostors_by_group(study, groups, number, alpha)
    misses, attempts = study.misses_at(alpha)
    fnmr, within, across = [], [], []
    for name, index in number.items():
        own = owner_group == index
        if not own.any():
            continue
        others = np.arange(len(names)) != index
        fnmr.append(_make_group_rate(name, "", misses[own], attempts[own], None, seed))
        within.append(
            _make_group_rate(name, name, matches[own, index], compared[own, index], fmr, seed)
        )
        if len(names) > 1:
            across.append(
                _make_group_rate(
                    name,
                    "other groups",
                    matches[np.ix_(own, others)].sum(axis=1),
                    compared[np.ix_(own, others)].sum(axis=1),
                    fmr,
                    seed,
                )
            )
    unlabelled = sum(person not in groups for person in people)
    return GroupStudy(
        fmr,
        alpha,
        _sort_worst_first(fnmr),
        _sort_worst_first(within),
        _sort_worst_first(across),
        unlabelled,
    )


def _count_impostors_by_group(
    study: OwnerStudy, groups: Mapping[str, str], number: dict[str, int], alpha: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return int64[owners, groups], matches and comparisons with strangers of each group."""
    group_of = np.array([number.get(groups.get(str(name), ""), -1) for name in study.labels])
    fold_of = np.array([study.fold_of[str(name)] for name in study.labels])
    shape = len(study.owners), len(number)
    matches, compared = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    hit = (study.impostors.margins >= alpha) & (study.impostors.owners >= 0)
    owners, strangers = study.impostors.owners[hit], group_of[study.impostors.probes[hit]]
    labelled = strangers >= 0
    np.add.at(matches, (owners[labelled], strangers[labelled]), 1)
    for trial in study.trials:
        present = (fold_of == trial.fold) & (study.labels != trial.person) & (group_of >= 0)
        compared[trial.owner] += np.bincount(group_of[present], minlength=len(number))
    return matches, compared


def _make_group_rate(
    group: str,
    against: str,
    errors: NDArray[np.int64],
    trials: NDArray[np.int64],
    target: float | None,
    seed: int,
) -> GroupRate:
    counted = make_rate(int(errors.sum()), int(trials.sum()))
    over = bootstrap_rate(errors, trials, seed=seed) if errors.size > 1 and counted.count else None
    enough = errors.size >= _MIN_PEOPLE and assess_rate(counted, target) != "too_few"
    return GroupRate(group, against, errors.size, counted, over, enough)


def _sort_worst_first(rates: list[GroupRate]) -> tuple[GroupRate, ...]:
    def make_worst_key(each: GroupRate) -> tuple[bool, float, float, str]:
        value = each.rate.value if each.rate.total else 0.0
        return (not each.enough, -value, -each.rate.high, each.group)

    return tuple(sorted(rates, key=make_worst_key))
