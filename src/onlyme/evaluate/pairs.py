"""Draw, read and write lists of pairs of photos, in folds without a common person.

Two formats are read: the `pairs.txt` of Labeled Faces in the Wild, and a plain
CSV with the columns `left,right,same,fold`. The CSV is also written. Paths in
a list are relative to the folder of people and never leave it.
"""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.evaluate.lists import read_lines
from onlyme.storage.files import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Pair", "Photo", "list_people", "make_pairs", "read_pairs", "write_pairs"]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of one person.

    Attributes:
        source: path relative to the folder of people, with `/` between the parts.
        person: the person on it.
    """

    source: str
    person: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos, of the same person or of two people.

    Attributes:
        left: one photo, relative to the folder of people.
        right: the other.
        same: whether both show the same person.
        fold: the fold that the pair belongs to, from 1.
    """

    left: str
    right: str
    same: bool
    fold: int


def list_people(folder: Path) -> tuple[Photo, ...]:
    """List a folder of people in the layout of Labeled Faces in the Wild: `Person/photo.jpg`.

    Args:
        folder: holds one folder for each person. Hidden entries, and files
            without a picture's suffix, are skipped.

    Returns:
        The photos, sorted by person and name: the same everywhere.

    Raises:
        UsageError: when there is no such folder, or no person in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name one with a folder for each person")
    photos = tuple(
        Photo(f"{person.name}/{photo.name}", person.name)
        for person in sorted(folder.iterdir())
        if person.is_dir() and not person.name.startswith(".")
        for photo in sorted(person.iterdir())
        if photo.suffix.lower() in _SUFFIXES and not photo.name.startswith(".")
    )
    if not photos:
        raise UsageError(
            f"{folder} holds no folder with photos; expected {folder}/Person/photo.jpg"
        )
    return photos


def make_pairs(
    photos: Sequence[Photo], *, folds: int = 10, per_fold: int = 300, seed: int = 0
) -> tuple[Pair, ...]:
    """Draw a balanced list of pairs; no person is in two folds.

    Same pairs are drawn in rounds, one of each person in a round, so that
    people with many photos do not dominate. Different pairs are of people of
    one fold; the same two people are drawn twice only when all others were.

    Args:
        photos: of at least two people in every fold.
        folds: the number of folds, at least 2.
        per_fold: the number of same pairs, and of different pairs, in each
            fold; fewer where the photos of a fold do not give that number.
        seed: the same photos and seed give the same list on every machine.

    Raises:
        UsageError: when a fold would have no pair of either kind.
    """
    if folds < 2 or per_fold < 1:
        raise UsageError("a list of pairs needs at least two folds and one pair in each")
    generator = np.random.default_rng(seed)
    people: dict[str, list[str]] = {}
    for photo in sorted(photos, key=lambda each: (each.person, each.source)):
        people.setdefault(photo.person, []).append(photo.source)
    # Deal the people by number of photos, so that the folds are alike.
    names = [list(people)[i] for i in generator.permutation(len(people))]
    names.sort(key=lambda name: -len(people[name]))
    pairs: list[Pair] = []
    for fold in range(folds):
        members = {name: people[name] for name in names[fold::folds]}
        same = _draw_same_pairs(members, per_fold, generator)
        different = _draw_different_pairs(members, len(same), generator)
        if not same or not different:
            raise UsageError(
                f"too few people for {folds} folds: {len(people)}; every fold needs two "
                "people, and one of them two photos"
            )
        pairs += [Pair(*two, same=True, fold=fold + 1) for two in same]
        pairs += [Pair(*two, same=False, fold=fold + 1) for two in different]
    return tuple(pairs)


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Read a list of pairs: LFW's `pairs.txt`, or a CSV with `left,right,same,fold`.

    Args:
        path: of the list. `same` is 1 or 0 (or true or false). Without a
            column `fold` the pairs are dealt into ten folds in turn.

    Raises:
        UsageError: when the file cannot be read, or a line cannot be
            understood or names a path outside of the folder of people.
    """
    lines = read_lines(path, "pairs")
    if not lines:
        raise UsageError(f"{path}: the list of pairs is empty")
    is_csv = "left" in lines[0].split(",")
    try:
        pairs = tuple(_parse_csv(lines) if is_csv else _parse_lfw(lines))
    except (_BadLineError, csv.Error, ValueError) as error:  # ValueError: thousands of digits
        raise UsageError(f"{path}: {error}") from None
    if not pairs:
        raise UsageError(f"{path}: the list has no pairs")
    return pairs


def write_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """Write a list of pairs as CSV, for `read_pairs` and other programs.

    Raises:
        UsageError: when the file cannot be written.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["left", "right", "same", "fold"])
    writer.writerows([pair.left, pair.right, int(pair.same), pair.fold] for pair in pairs)
    try:
        write_output(path, file.getvalue().encode())
    except OSError as error:
        raise UsageError(f"{path}: the list of pairs cannot be written: {error}") from None


class _BadLineError(Exception):
    """A line of a list that cannot be used."""


def _draw_same_pairs(
    people: dict[str, list[str]], wanted: int, generator: np.random.Generator
) -> list[tuple[str, str]]:
    decks = []
    for photos in people.values():
        deck = list(itertools.combinations(photos, 2))
        if deck:
            decks.append([deck[i] for i in generator.permutation(len(deck))[:wanted]])
    # One pair of each person, then a second pair of each person who has two, and so on.
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*decks))
    return [pair for pair in rounds if pair is not None][:wanted]


def _draw_different_pairs(
    people: dict[str, list[str]], wanted: int, generator: np.random.Generator
) -> list[tuple[str, str]]:
    names = list(people)
    possible = len(names) * (len(names) - 1) // 2
    drawn: dict[tuple[str, str], None] = {}
    taken: set[tuple[str, str]] = set()
    for _ in range(20 * wanted):  # enough draws, unless the fold is tiny
        if len(drawn) == wanted or possible == 0:
            break
        a, b = sorted(generator.choice(len(names), size=2, replace=False))
        couple = names[a], names[b]
        if couple in taken and len(taken) < possible:
            continue
        taken.add(couple)
        left, right = (people[name][generator.integers(len(people[name]))] for name in couple)
        drawn[left, right] = None
    return list(drawn)


def _check_inside(source: str) -> str:
    parts = PurePosixPath(source).parts
    if not parts or source.startswith("/") or ".." in parts or "\\" in source or "\0" in source:
        raise _BadLineError(f"{source!r} is not a path inside the folder of people")
    return source


def _parse_csv(lines: list[str]) -> Iterator[Pair]:
    truths = {"1": True, "true": True, "0": False, "false": False}
    for number, row in enumerate(csv.DictReader(lines), start=2):
        same = truths.get((row.get("same") or "").strip().lower())
        fold = (row.get("fold") or str((number - 2) % 10 + 1)).strip()
        if same is None or not fold.isdecimal() or not row.get("left") or not row.get("right"):
            raise _BadLineError(f"line {number} must be left,right,same,fold with same 0 or 1")
        yield Pair(
            _check_inside(row["left"]), _check_inside(row["right"]), same=same, fold=int(fold)
        )


def _parse_lfw(lines: list[str]) -> Iterator[Pair]:
    """Parse LFW: `folds, n` (or `n`: one fold), then n same and n different pairs a fold."""
    head = lines[0].split()
    if not 1 <= len(head) <= 2 or not all(word.isdecimal() for word in head):
        raise _BadLineError("line 1 must be LFW's `folds n`, or a CSV header with left,right,same")
    per_fold = int(head[-1])
    for number, line in enumerate(lines[1:], start=2):
        words = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        fold = (number - 2) // (2 * per_fold) + 1 if per_fold else 1
        if len(words) == 3 and words[1].isdecimal() and words[2].strip().isdecimal():
            name, one, two = words
            yield Pair(_make_lfw_path(name, one), _make_lfw_path(name, two), same=True, fold=fold)
        elif len(words) == 4 and words[1].isdecimal() and words[3].strip().isdecimal():
            name, one, other, two = words
            yield Pair(_make_lfw_path(name, one), _make_lfw_path(other, two), same=False, fold=fold)
        else:
            raise _BadLineError(f"line {number} is neither `name i j` nor `name i other j`")


def _make_lfw_path(name: str, number: str) -> str:
    return _check_inside(f"{name}/{name}_{int(number):04d}.jpg")
