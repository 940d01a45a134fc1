"""Use the rule as an estimator of scikit-learn, to evaluate it beside others.

It needs scikit-learn, which the extra `lab` brings.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from onlyme.errors import OnlymeError
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["OnlymeVerifier"]


class OnlymeVerifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns one owner from embeddings, and tells ME from NOT_ME.

    Rows are embeddings, for example `onlyme.embed_all(folder).vectors`; the later of the two
    labels in order (1 of 0 and 1) is ME. Rows of the shipped network are decided with its head,
    cohort and calibration, others by the article's rule with the NOT_ME that are given.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> ada, others = rng.normal(size=8), rng.normal(size=(20, 8))
    >>> X = np.concatenate([ada + 0.1 * rng.normal(size=(5, 8)), others])
    >>> verifier = OnlymeVerifier().fit(X, [1] * 5 + [0] * 20)
    >>> verifier.predict([ada, others[3]]).tolist()
    [1, 0]

    Args:
        far: the false accept rate that alpha stands for, where the network is calibrated.

    Attributes:
        classes_: the two labels, NOT_ME first.
        alpha_: the margin that a row must reach.
        owner_: what was learned.
    """

    def __init__(self, far: float = 1e-4) -> None:
        self.far = far

    def fit(self, X: ArrayLike, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn the owner.

        Args:
            X: float[n, d], one embedding a row.
            y: for each row one of two labels.

        Raises:
            ValueError: there are not two labels, as scikit-learn has it.
        """
        rows, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        if type_of_target(y) != "binary":
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}."
            )
        base, rows = self._load_base(rows.shape[1]), _to_unit_rows(rows)
        is_me = y == self.classes_[1]
        examples = replace(Examples.make_empty(base.dimension), me=rows[is_me], not_me=rows[~is_me])
        try:
            self.owner_ = Owner.learn(base, "ME", examples, far=self.far)
        except OnlymeError as error:
            raise ValueError(str(error)) from None  # as scikit-learn has it
        self.alpha_ = self.owner_.alpha
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - as above
        """Return margin − alpha of each row: 0 or more is ME."""
        check_is_fitted(self)
        rows = _to_unit_rows(validate_data(self, X, dtype=np.float64, reset=False))
        # Row by row: the last digits of a product of matrices depend on how many rows it has.
        return np.concatenate([self.owner_.margins(row[None]) for row in rows]) - self.alpha_

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803 - as above
        """Return the label of each row."""
        check_is_fitted(self)
        return np.asarray(self.classes_[(self.decision_function(X) >= 0).astype(int)])

    def __sklearn_tags__(self) -> Any:
        """Say that there are just two labels, and that only a row's direction counts."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.poor_score = True  # on the checks' blobs, which differ in length
        return tags

    def _load_base(self, dimension: int) -> Base:
        from onlyme.faceid import networks
        from onlyme.settings import Settings

        base = networks.load_base(Settings.load())
        return base if base.dimension == dimension else Base.make_plain("", dimension)


def _to_unit_rows(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale rows to unit length; a row of zeros has no direction and gets the first axis."""
    rows = np.array(rows)
    rows[~rows.any(axis=1), 0] = 1.0
    rows /= np.abs(rows).max(axis=1, keepdims=True)  # huge numbers would overflow
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


OnlymeVerifier.__module__ = "onlyme"  # where users find it
