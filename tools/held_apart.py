"""Fit heads to people held apart, with all that the shipped base is made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from degraded import degrade_people
from people import People, join_people, read_singles

from onlyme.siamese.training.crossfit import CrossFit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

PAIRS = Path(__file__).with_name("utk_pairs.txt")


def fit_held_apart(
    people: People,
    folder: Path,
    console: Console,
    fit: Callable[..., Any],
    *,
    folds: int,
    seed: int,
) -> CrossFit:
    """Cross-fit people of press photos; strangers are drawn like the folder `utk_dev` too.

    The rows of `people` come first. Without `utk_dev` beside `folder` there are no others.
    """
    degraded = degrade_people(folder, people, console, seed=seed)
    joined, collection = people, np.zeros_like(people.labels)
    other = folder.parent / "utk_dev"
    if other.is_dir():
        joined, collection = join_people(people, read_singles(other, console, PAIRS))
    return CrossFit(
        joined.embeddings,
        joined.labels,
        fit,
        folds=folds,
        seed=seed,
        collection=collection,
        degraded=degraded,
    )
