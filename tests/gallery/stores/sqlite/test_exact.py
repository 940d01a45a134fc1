"""Comparing every row finds the rows that a plain product finds, in one thread and in several."""

import threading

import numpy as np
import pytest

from onlyme.gallery.stores.sqlite import exact


@pytest.fixture(params=["one thread", "several threads"])
def few_rows(request, monkeypatch):
    """Let blocks be small, so that a few rows are compared like a million."""
    monkeypatch.setattr(exact, "_BLOCK_ROWS", 64)
    if request.param == "several threads":
        monkeypatch.setattr(exact, "_MIN_SHARED_ROWS", 0)


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("queries", [1, 8, 9])
@pytest.mark.parametrize("k", [1, 24, 2000])
def test_the_largest_products_are_found(few_rows, rows, queries, k):
    drawn = np.random.default_rng(rows + queries)
    matrix = drawn.standard_normal((rows, 32)).astype(np.float32)
    asked = drawn.standard_normal((queries, 32)).astype(np.float32)
    threads = threading.active_count()
    found = exact.find_top_rows(matrix, asked, k)
    assert threading.active_count() == threads  # none waits for the next search
    for query, (numbers, products) in zip(asked, found, strict=True):
        plain = matrix @ query
        assert sorted(numbers) == sorted(np.argsort(-plain)[:k])
        np.testing.assert_allclose(products, plain[numbers], rtol=1e-4, atol=1e-5)


def test_what_goes_wrong_in_a_thread_is_told(few_rows, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(exact, "_compare", fail)
    with pytest.raises(MemoryError):
        exact.find_top_rows(np.eye(100, dtype=np.float32), np.eye(1, 100, dtype=np.float32), 1)
