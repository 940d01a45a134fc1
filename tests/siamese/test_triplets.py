"""The article's loss against plain loops and finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import UsageError
from onlyme.siamese.distance import normalize
from onlyme.siamese.owner_head import compute_objective
from onlyme.siamese.triplets import compute_triplet_loss


def people(seed, m, n, r=8):
    generator = np.random.default_rng(seed)
    return normalize(generator.standard_normal((m, r))), normalize(
        generator.standard_normal((n, r))
    )


def by_loops(me, not_me, alpha):
    total, hot, count = 0.0, 0, 0
    for a in range(len(me)):
        for p in range(len(me)):
            if a == p:
                continue
            for other in not_me:
                near = sum((x - y) ** 2 for x, y in zip(me[a], me[p], strict=True)) ** 0.5
                far = sum((x - y) ** 2 for x, y in zip(me[a], other, strict=True)) ** 0.5
                loss = max(near - far + alpha, 0.0)
                total, hot, count = total + loss, hot + (loss > 0), count + 1
    return total / count, hot / count, count


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 7), st.floats(-1, 1, width=32))
def test_every_ordered_triplet_counts_once(seed, m, n, alpha):
    me, not_me = people(seed, m, n)
    value, hot, count = by_loops(me, not_me, alpha)
    found = compute_triplet_loss(me, not_me, alpha)
    assert count == m * (m - 1) * n
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.active == pytest.approx(hot, abs=1.5 / count)


def test_the_articles_seven_and_ten_make_420_triplets():
    me, not_me = people(0, 7, 10)
    assert by_loops(me, not_me, 0.5)[2] == 420
    assert compute_triplet_loss(me, not_me, 0.5).value == pytest.approx(
        by_loops(me, not_me, 0.5)[0]
    )


def slope(function, at, step=1e-6):
    made = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        made[index] = (function(up) - function(down)) / (2 * step)
    return made


def free_loss(me, not_me, alpha):
    """The same loss for vectors of any length, as finite differences leave the sphere."""
    near = np.linalg.norm(me[:, None] - me[None], axis=2)
    far = np.linalg.norm(me[:, None] - not_me[None], axis=2)
    hinge = np.maximum(near[:, :, None] - far[:, None] + alpha, 0.0)
    hinge[np.arange(len(me)), np.arange(len(me))] = 0.0
    return hinge.sum() / (len(me) * (len(me) - 1) * len(not_me))


@pytest.mark.parametrize("alpha", [-0.2, 0.2, 0.5])
def test_the_gradient_is_that_of_the_loss(alpha):
    me, not_me = people(3, 4, 5)
    found = compute_triplet_loss(me, not_me, alpha)
    assert found.me == pytest.approx(slope(lambda x: free_loss(x, not_me, alpha), me), abs=1e-6)
    there = slope(lambda x: free_loss(me, x, alpha), not_me)
    assert found.not_me == pytest.approx(there, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 0.5])
def test_the_gradient_of_the_owner_head_is_that_of_its_objective(alpha):
    me, not_me = people(5, 4, 6)
    at = np.random.default_rng(1).normal(0, 0.2, me.shape[1])
    _, gradient = compute_objective(at, me, not_me, alpha)
    there = slope(lambda x: compute_objective(x, me, not_me, alpha)[0], at)
    assert gradient == pytest.approx(there, abs=1e-6)
    assert np.abs(gradient).max() > 1e-3  # there is something to compare


def test_the_same_picture_twice_gives_a_finite_gradient():
    me, not_me = people(7, 3, 4)
    found = compute_triplet_loss(np.concatenate([me[:1], me]), not_me, 0.5)
    assert np.isfinite(found.me).all()
    assert np.isfinite(found.not_me).all()


@pytest.mark.parametrize(("m", "n"), [(1, 3), (2, 0), (0, 0)])
def test_too_few_for_a_triplet(m, n):
    me, not_me = people(0, m, n)
    with pytest.raises(UsageError, match="triplet"):
        compute_triplet_loss(me, not_me, 0.5)
