"""Compare and search the faces of many pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from onlyme.errors import ImageError, UsageError
from onlyme.types import Embedding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

__all__ = ["FaceTable"]


@dataclass(frozen=True, slots=True, eq=False)
class FaceTable:
    """The embeddings of many pictures, one row each; see `embed_all`.

    Attributes:
        pictures: the path of each row's picture, or its number among those given.
        vectors: float32[n, d] of unit length.
        model: sha256 (hex) of the network that made them; empty without rows.
        failed: the pictures that show no one person, with the reason.

    Example:
        >>> table = onlyme.embed_all("album/")  # doctest: +SKIP
        >>> table.find_nearest(onlyme.embed("ada.jpg"), count=1)  # doctest: +SKIP
        [('album/ada-2.jpg', 0.71)]
    """

    pictures: tuple[str, ...]
    vectors: NDArray[np.float32] = field(repr=False)
    model: str
    failed: tuple[ImageError | UsageError, ...] = ()

    @classmethod
    def collect(
        cls,
        answers: Iterable[tuple[str, Embedding | ImageError | UsageError]],
        on_picture: Callable[[str], None] | None = None,
    ) -> Self:
        """Collect embeddings, each with the name of its picture.

        Raises:
            UsageError: two different networks made them.
        """
        pictures, vectors, failed, models = [], [], [], set[str]()
        for picture, answer in answers:
            if isinstance(answer, Embedding):
                pictures.append(picture)
                vectors.append(answer.vector)
                models.add(answer.model)
            else:
                failed.append(answer)
            if on_picture is not None:
                on_picture(picture)
        if len(models) > 1:
            raise UsageError("embeddings of two different networks cannot be compared")
        rows = np.array(vectors, np.float32) if vectors else np.empty((0, 0), np.float32)
        return cls(tuple(pictures), rows, next(iter(models), ""), tuple(failed))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.pictures)

    def measure_distances(self) -> NDArray[np.float64]:
        """Return the distance of every two rows: float64[n, n], 0 (the same) to 2."""
        cosines = self.vectors @ self.vectors.T
        distances = np.sqrt(np.maximum(2.0 - 2.0 * cosines.astype(np.float64), 0.0))
        np.fill_diagonal(distances, 0.0)
        return distances

    def find_nearest(self, face: Embedding, count: int = 5) -> list[tuple[str, float]]:
        """Return the pictures whose faces are nearest to a face, with their distances.

        Args:
            face: its embedding.
            count: how many, at most.

        Raises:
            UsageError: another network made the embedding.
        """
        if not len(self):
            return []
        if face.model != self.model:
            raise UsageError("embeddings of two different networks cannot be compared")
        distances = np.linalg.norm(self.vectors.astype(np.float64) - face.vector, axis=1)
        order = np.argsort(distances, kind="stable")[: max(count, 0)]
        return [(self.pictures[row], float(distances[row])) for row in order]


for _class in (FaceTable,):
    _class.__module__ = "onlyme"  # where users find it
