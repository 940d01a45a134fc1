"""Fit the parameters of the fusion to the network's log-odds of known frames.

Platt's method (J. Platt, Probabilistic outputs for support vector machines, 1999) fits a
logistic model to targets slightly inside 0 and 1. Live faces and attacks are separable on
the available data; with targets of exactly 0 and 1 the slope would grow without limit and
every score would be 0 or 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_calibration"]

MAX_ROUNDS = 100


def fit_calibration(
    odds: NDArray[np.float64], live: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Fit slope and intercept by Newton's method on the weighted log-likelihood.

    Args:
        odds: float[n], the network's log-odds.
        live: bool[n], whether each frame shows a living person.
        weights: float[n], above 0. Their sum over live frames and their sum over attacks are
            the numbers of independent observations, such as people.

    Returns:
        Slope and intercept.

    Raises:
        UsageError: one of the two kinds is missing.

    >>> import numpy as np
    >>> slope, intercept = fit_calibration(
    ...     np.array([-3.0, -1.0, 1.0, 3.0]), np.array([False, False, True, True]), np.ones(4))
    >>> round(slope, 2), round(abs(intercept), 2)
    (0.45, 0.0)
    """
    positive, negative = float(weights[live].sum()), float(weights[~live].sum())
    if not positive or not negative:
        raise UsageError("a calibration needs live frames and attacks")
    target = np.where(live, (positive + 1) / (positive + 2), 1 / (negative + 2))
    # Both kinds have the same total weight, independent of their numbers: even prior odds.
    weights = weights / np.where(live, positive, negative)
    features = np.stack([odds, np.ones_like(odds)], axis=1)
    theta = np.zeros(2)
    for _ in range(MAX_ROUNDS):
        p = 1 / (1 + np.exp(-features @ theta))
        gradient = features.T @ (weights * (p - target))
        hessian = (features * (weights * p * (1 - p))[:, None]).T @ features
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        # Steps are limited to a length of 1: where the likelihood is flat a full step overshoots.
        theta -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return float(theta[0]), float(theta[1])
