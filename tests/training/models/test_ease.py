"""EASE's closed form, item neighbours by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from training.models.ease import EaseSettings, fit_ease
from training.models.item_knn import ItemKnnSettings, fit_item_knn


def pairs(seed: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.random.default_rng(seed).random((40, 9)) < 0.3).astype(np.float32))


def test_no_other_weights_without_a_diagonal_fit_better() -> None:
    known, strength = pairs(1).toarray().astype(float), 3.0
    weights = fit_ease(pairs(1), EaseSettings(regularization=strength)).astype(float)
    assert np.abs(np.diag(weights)).max() == 0
    for column in range(9):  # each column is a ridge regression on the others
        others = np.delete(known, column, axis=1)
        best = np.linalg.solve(others.T @ others + strength * np.eye(8), others.T @ known[:, column])
        assert np.delete(weights[:, column], column) == pytest.approx(best, abs=1e-5)


def test_an_item_nobody_took_does_no_harm() -> None:
    known = pairs(2).tolil()
    known[:, 4] = 0
    weights = fit_ease(known.tocsr(), EaseSettings(regularization=1.0))
    assert np.isfinite(weights).all()
    assert not weights[4].any()


def test_likeness_is_the_shrunk_cosine() -> None:
    known = pairs(3)
    dense = known.toarray()
    both, taken = dense.T @ dense, np.maximum(dense.sum(axis=0), 1)
    expected = both / (np.sqrt(np.outer(taken, taken)) + 2.0)
    np.fill_diagonal(expected, 0)
    likeness = fit_item_knn(known, ItemKnnSettings(neighbours=100, shrink=2.0))
    assert likeness.toarray() == pytest.approx(expected, abs=1e-6)


def test_only_the_nearest_are_kept() -> None:
    whole = fit_item_knn(pairs(4), ItemKnnSettings(neighbours=100)).toarray()
    few = fit_item_knn(pairs(4), ItemKnnSettings(neighbours=3)).toarray()
    assert (np.count_nonzero(few, axis=1) <= 3).all()
    kept = few > 0
    assert np.array_equal(few[kept], whole[kept])
    assert all(whole[row][~kept[row]].max() <= few[row][kept[row]].min() for row in range(9) if kept[row].sum() == 3)
