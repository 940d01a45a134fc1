"""The rule computes distances and votes; more strangers never raise a margin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import UsageError
from onlyme.siamese.distance import (
    UNRELATED_DISTANCE,
    check_unit_rows,
    measure_distances,
    normalize,
)
from onlyme.siamese.margin import NotMe


def faces(seed, count, r=8):
    vectors = np.random.default_rng(seed).standard_normal((count, r))
    return normalize(vectors).astype(np.float32)


def rule(cohort, given, votes, nearest):
    return NotMe(cohort, given, np.asarray(votes, np.float32), nearest)


def by_loops(face, cohort, given, votes, nearest):
    ranked = [(float(np.linalg.norm(face - c)), 1.0) for c in cohort]
    ranked += [
        (float(np.linalg.norm(face - g)), float(v)) for g, v in zip(given, votes, strict=True)
    ]
    left, total = float(nearest), 0.0
    for distance, vote in sorted(ranked):
        taken = min(vote, left)
        total, left = total + taken * distance, left - taken
    return total / nearest


def test_distances_are_euclidean():
    a, b = faces(0, 5), faces(1, 7)
    there = [[float(np.linalg.norm(x - y)) for y in b] for x in a]
    assert measure_distances(a, b) == pytest.approx(np.array(there), abs=1e-5)
    assert measure_distances(a, a).diagonal() == pytest.approx(np.zeros(5), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 4), st.integers(1, 12))
def test_votes_are_counted_as_by_hand(seed, count, nearest):
    cohort, given_faces, probes = faces(seed, 12), faces(seed + 1, count), faces(seed + 2, 3)
    votes = np.random.default_rng(seed).integers(1, 6, count).astype(np.float32)
    found = rule(cohort, given_faces, votes, nearest).measure_distance(probes)
    there = [by_loops(p, cohort, given_faces, votes, nearest) for p in probes]
    assert found == pytest.approx(there, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.booleans())
def test_one_more_stranger_never_raises_it(seed, with_cohort):
    cohort = faces(seed, 40 if with_cohort else 0)
    nearest = 10 if with_cohort else 1
    others, probes = faces(seed + 1, 5), faces(seed + 2, 20)
    before = np.full(20, np.inf)
    for count in range(6):
        now = rule(cohort, others[:count], [3.0] * count, nearest).measure_distance(probes)
        assert (now <= before + 1e-6).all()
        before = now


def test_without_anybody_a_stranger_is_unrelated():
    no_faces = faces(0, 0)
    assert rule(no_faces, no_faces, [], 1).measure_distance(faces(1, 3)) == pytest.approx(
        [UNRELATED_DISTANCE] * 3
    )


def test_many_probes_are_as_one_at_a_time():
    everybody = rule(faces(0, 300), faces(1, 4), [5, 5, 60, 60], 100)
    probes = faces(2, 1200)
    together = everybody.measure_distance(probes)
    alone = [float(everybody.measure_distance(probes[at : at + 1])[0]) for at in range(0, 1200, 97)]
    assert together[::97] == pytest.approx(alone, abs=1e-5)
    assert everybody.measure_distance(probes[:0]).shape == (0,)


@pytest.mark.parametrize(
    "nonsense",
    [
        np.ones((2, 7)),
        np.ones((2, 8)),
        np.full((1, 8), np.nan),
        np.zeros((1, 8)),
        np.eye(8)[0],
        "face",
        [[1, 2], [3]],
        np.ones((1, 1, 8)),
        [None],
    ],
)
def test_nonsense_is_refused_in_words(nonsense):
    with pytest.raises(UsageError, match="me: "):
        check_unit_rows(nonsense, 8, "me")


@pytest.mark.parametrize(("rows", "others"), [(9, 4096), (32, 4096), (33, 4096), (9, 20000)])
def test_an_attempts_distances_are_the_same_however_they_are_computed(rows, others):
    rng = np.random.default_rng(rows)
    a, b = (normalize(rng.normal(size=(n, 128)).astype(np.float32)) for n in (rows, others))
    exact = np.sqrt(np.maximum(2 - 2 * a.astype(np.float64) @ b.T.astype(np.float64), 0))
    assert measure_distances(a, b) == pytest.approx(exact, abs=1e-5)
