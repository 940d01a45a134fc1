"""Draw a map of a trained embedder's vectors, and find its hardest triplets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.lab.networks import Siamese, to_tensor
from onlyme.lab.triplets import euclidean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.lab.comparison.split import Split
    from onlyme.lab.run import TrainedNetwork

__all__ = ["GROUPS", "Inspection", "inspect_way", "project_to_plane"]

GROUPS = ("ME, trained", "ME, held out", "NOT_ME, trained", "NOT_ME, unseen")

_MAX_UNSEEN_FACES = 60
_MAX_HARDEST_TRIPLETS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """The vectors of a trained embedder, for its owner and others.

    Attributes:
        map: for each of `GROUPS` float64[k, 2]: the vectors in their first two principal
            components.
        hardest: the triplets of held-out ME, trained ME and unseen NOT_ME with the largest
            ‖A − P‖ − ‖A − N‖, the hardest first: that number, and A, P, N as pictures.
    """

    map: tuple[NDArray[np.float64], ...]
    hardest: tuple[tuple[float, NDArray[np.uint8]], ...]


@torch.no_grad()
def inspect_way(trained: TrainedNetwork, split: Split) -> Inspection | None:
    """Inspect a way that embeds; return None for other ways, and for one that diverged."""
    if not isinstance(trained.network, Siamese):
        return None
    embed = trained.network.embedder
    unseen = split.unseen[:_MAX_UNSEEN_FACES]
    groups = (split.photos.me, split.held, split.photos.not_me, unseen)
    vectors = [torch.cat([embed(to_tensor(face[None])) for face in faces]) for faces in groups]
    if not all(bool(group.isfinite().all()) for group in vectors):
        return None
    me, held, _, others = vectors
    excess = euclidean(held, me)[:, :, None] - euclidean(held, others)[:, None, :]
    # One triplet for each stranger: otherwise one very similar stranger fills the page.
    worst = excess.flatten(0, 1).max(0)
    hardest = []
    for stranger in worst.values.argsort(descending=True)[:_MAX_HARDEST_TRIPLETS].tolist():
        a, p = divmod(int(worst.indices[stranger]), len(me))
        pictures = np.stack([split.held[a], split.photos.me[p], unseen[stranger]])
        hardest.append((float(worst.values[stranger]), pictures))
    return Inspection(project_to_plane([v.double().numpy() for v in vectors]), tuple(hardest))


def project_to_plane(groups: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
    """Project vectors onto the plane in which they vary most (principal components).

    Args:
        groups: float64[k, d] each; centre and axes are computed from all groups together.

    Returns:
        float64[k, 2] each; each axis points where its largest weight is positive.

    >>> groups = [np.array([[0.0, 0, 0], [2, 0, 0]]), np.array([[4.0, 0, 0]])]
    >>> project_to_plane(groups)[1].round(3).tolist()
    [[2.0, 0.0]]
    """
    vectors = np.concatenate(groups)
    centre = vectors.mean(0)
    _, _, axes = np.linalg.svd(vectors - centre, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(1)])[:, None]
    return tuple((group - centre) @ axes.T for group in groups)
