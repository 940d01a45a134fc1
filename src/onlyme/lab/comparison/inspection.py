"""Draw a map of a trained embedder's vectors, and find its hardest triplets."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.lab.networks import Siamese, to_tensor
from onlyme.lab.triplets import euclidean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.lab.comparison.split import Split
    from onlyme.lab.run import TrainedNetwork

__all__ = ["MAP_GROUPS", "Inspection", "inspect_way", "project_to_plane"]

MAP_GROUPS = ("ME, trained", "ME, held out", "NOT_ME, trained", "NOT_ME, unseen")

_MAX_UNSEEN_FACES = 60
_MAX_HARDEST_TRIPLETS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """The vectors of a trained embedder, for its owner and others.

    Attributes:
        maps: for each map of `project_to_plane`, for each of `MAP_GROUPS` float64[k, 2].
        hardest: the triplets of held-out ME, trained ME and unseen NOT_ME with the largest
            ‖A − P‖ − ‖A − N‖, the hardest first: that number, and A, P, N as pictures.
    """

    maps: dict[str, tuple[NDArray[np.float64], ...]]
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


def project_to_plane(
    groups: list[NDArray[np.float64]],
) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Map vectors onto planes, with scikit-learn.

    Args:
        groups: float64[k, d] each; a map is computed from all groups together.

    Returns:
        For each map the groups as float64[k, 2]: `PCA`, the plane in which they vary most, in
        true proportions; `t-SNE`, which keeps neighbours together and no distances; `UMAP`, which
        does likewise, where the package umap-learn is installed.

    >>> groups = [np.array([[0.0, 0, 0], [2, 0, 0]]), np.array([[4.0, 0, 0]])]
    >>> [np.ptp(group[:, 0]).round(3) for group in project_to_plane(groups)["PCA"]]
    [np.float64(2.0), np.float64(0.0)]
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    vectors = np.concatenate(groups)
    neighbours = min(30.0, (len(vectors) - 1) / 3)
    makers = {
        "PCA": PCA(2, random_state=0),
        "t-SNE": TSNE(perplexity=neighbours, init="random", random_state=0),
    }
    if find_spec("umap"):
        from umap import UMAP

        makers["UMAP"] = UMAP(n_neighbors=max(2, int(neighbours)), random_state=0)
    places = np.cumsum([len(group) for group in groups])[:-1]
    return {
        name: tuple(np.split(maker.fit_transform(vectors).astype(np.float64), places))
        for name, maker in makers.items()
    }
