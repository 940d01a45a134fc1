"""Say whether a face resembles those of pictures that are no photo of a person.

The networks find faces in statues, paintings, drawings and animals, and embed them near each
other: what is not of skin lies in one direction of the second look's vectors. A linear rule by
`tools/train_no_photo.py` knows that direction. It notices most animals, statues and drawings, and
few realistic paintings (docs/explanation/faces.md), so it is a reason for a remark, not to refuse.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.types import Embedding

__all__ = ["resembles_no_photo"]


def resembles_no_photo(seen: Embedding | None) -> bool:
    """Return whether a face resembles an animal's, a statue's or a drawn one.

    Args:
        seen: the second look's embedding of the face; of None and of embeddings by other networks
            nothing is known.
    """
    weights, limit, model = _load_rule()
    if seen is None or seen.model != model or seen.vector.shape != weights.shape:
        return False
    return float(seen.vector @ weights) > limit


@cache
def _load_rule() -> tuple[NDArray[np.float32], float, str]:
    with (
        resources.files(__package__).joinpath("no_photo.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as parts,
    ):
        return parts["weights"].astype(np.float32), float(parts["limit"]), str(parts["model"])
